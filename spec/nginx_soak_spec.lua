--- A worker that calls without a pause stays as large as it was. The long form is spec/bench/nginx_soak.

local nginx = require "spec.support.nginx"

if not nginx.usable "a worker at full speed" then return end

local soak = require "spec.bench.nginx_soak"

describe("a worker at full speed", function()
  it("gets every call through, and grows by none", function()
    local result = soak.run { seconds = 2, ways = { "paced", "the same location" }, compiled = false }
    print("\n" .. soak.report(result))
    assert.same({}, result.wrong)
    assert.is_true(result.ways.paced.calls > 100, result.ways.paced.calls .. " calls")
    assert.is_true(result.same_worker)
    assert.is_true(result.rss[4] - result.rss[2] < 2048, "KiB in use: " .. table.concat(result.rss, " "))
    -- After a full collection, so that even a few bytes kept from each of thousands of calls would show.
    assert.is_true(result.heap[4] - result.heap[2] < 64, "KiB of Lua's heap: " .. table.concat(result.heap, " "))
    assert.is_nil(result.log:find "%[alert%]")
    assert.is_nil(result.log:find "%[error%]")
  end)
end)
