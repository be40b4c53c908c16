--- What `make demo` shows.

local process = require "spec.support.process"
local server = require "spec.support.server"

if not server.available() then
  describe("the demonstration", function() pending "needs a server for the sandbox" end)
  return
end

describe("the demonstration", function()
  it("shows what became of lost answers, windows, the quota, a killed batch and many aliases", function()
    local box = server.sandbox()
    finally(box.stop)
    local began = os.time()
    local output, status = process.run("spec/examples/demo.lua", { LOCKSMITH_SANDBOX = box.url })
    assert.equal(0, status, output)
    for _, line in ipairs {
      "This is spec/examples/demo.lua, on a sandbox of both services at " .. box.url .. ".",
      "attempt 1: network\nattempt 2: 409\n", "recovered = true.\n",
      "Asked for again by the same name. Links the sandbox has made: 1\n",
      "25 links will take 2 s, says plan(25).\n",
      "25 links made, 8 at a time; requests that the sandbox refused with 429: 0\n",
      "link 2: made, 0 of 1000 left\nlink 3: quota_exceeded until ",
      "spec/examples/links_from_csv.lua with a CSV of 18 rows. Killed when there were 8 links.\n",
      "Started again: 18 of 18 rows have their link. Links the sandbox has made: 18\n",
      "60 changes, 0 deletions, 10 unchanged\n",
      "60 applied and seen to be so, 0 failed, 0 skipped; 62 requests\n",
      "Planned again: 0 changes, 0 deletions, 70 unchanged\n",
    } do
      assert.truthy(output:find(line, 1, true), line .. "\nis not in\n" .. output)
    end
    assert.is_true(os.time() - began < 15)
  end)
end)
