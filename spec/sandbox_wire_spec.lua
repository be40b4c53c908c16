--- The sandbox answers every recorded request as Locker's server did: status, headers, body, numbers to the letter.

local recordings = require "spec.support.recordings"

-- Recordings the sandbox does not reproduce: name -> reason.
local LEFT_OUT = {}

describe("the sandbox, given the requests recorded with Locker's server,", function()
  local list = recordings.read()
  local results

  lazy_setup(function() results = recordings.replay(list) end)

  for _, exchange in ipairs(list) do
    local name = exchange.name
    if LEFT_OUT[name] then
      pending(name .. ": " .. LEFT_OUT[name])
    else
      it("answers " .. name, function() assert.is_false(results[name]) end)
    end
  end

  it("reproduces all 406, none left out", function()
    local reproduced = 0
    for _, problem in pairs(results) do
      if not problem then reproduced = reproduced + 1 end
    end
    assert.equal(406, #list)
    assert.equal(406, reproduced)
    assert.is_nil(next(LEFT_OUT))
  end)
end)
