--- Whatever is answered, to whichever request of whichever method: see sweep.wrong for what holds.

local answers = require "spec.support.sweep_answers"
local sweep = require "spec.support.sweep"

-- The number of requests that a method makes when all goes well, and the fields of each good answer.
local function good_play(method)
  local fields = {}
  local play = sweep.play(method, { broken = function(n, request, serve)
    local answer
    answer, fields[n] = serve(request)
    return answer
  end })
  assert(play.ok and (play.value ~= nil or method.silent), tostring(play.result))
  assert(not sweep.wrong(play), sweep.wrong(play))
  return #play.requests, fields
end

local plays = 0

local function play_with(method, position, odd)
  local play = sweep.play(method, { broken = function(n, request, serve)
    if n == position then return odd.answer(request, serve) end
  end })
  plays = plays + 1
  local problem = sweep.wrong(play) or plays % 4 == 0 and sweep.stuck(play)
  if not problem then return end
  local outcome = play.ok and (play.value == nil and sweep.text(play.result) or "a success") or sweep.text(play.value)
  return ("%s to request %d: %s (%s)"):format(odd.name, position, problem, outcome)
end

-- To these methods, which stand for their kind, so much of the answers; to the others less, not the same ones to each.
local STEP = { ["links:create, own slug"] = 1, ["addresses:list"] = 1, ["addresses:delete"] = 3,
  ["addresses:set_enabled"] = 3 }
local STEP_OF_OTHERS = 11

local function sweep_over(method, number, position, list, problems)
  local step = STEP[method.name] or STEP_OF_OTHERS
  for i = 1 + (number + position) % step, #list, step do
    problems[#problems + 1] = play_with(method, position, list[i])
  end
end

describe("whatever is answered to", function()
  for number, method in ipairs(sweep.METHODS) do
    local count, fields
    lazy_setup(function() count, fields = good_play(method) end)

    local function check(what, list_of)
      it(("%s, in place of %s"):format(method.name, what), function()
        local problems = {}
        for position = 1, count do sweep_over(method, number, position, list_of(position), problems) end
        assert(#problems == 0, table.concat(problems, "\n"))
      end)
    end

    if not method.silent then
      for _, group in ipairs { "bodies", "refusals", "statuses", "headers", "transports", "echoes" } do
        check(group, function() return answers[group] end)
      end
      check("fields", function(position) return fields[position] and answers.of_fields(fields[position]) or {} end)
    end
  end
end)
