--- What an answer says: its body as a value, and in words what an error needs of it.

local Error = require "locksmith.error"
local core = require "locksmith.core"
local json = require "locksmith.json"

local answer = {}

-- A page of a proxy or a portal is told by its title; this much of it is looked at.
local TITLE_WITHIN, TITLE_MAX = 4096, 100
local PLAIN_MAX = 500

---@param text string?
---@param raw boolean? see json.decode
---@return any # nil when it is empty, false when it is no JSON, or a bare null, which no operation means
---@return boolean? raw see json.decode
function answer.decode(text, raw)
  if text == nil or text == "" then return nil end
  local ok, value, is_raw = json.decode(text, raw)
  if not ok or value == nil then return false end
  return value, is_raw
end

--- What the body of a refusal says that is a plain text: no page, no JSON that was cut off, nothing binary.
---@param text string
---@return string|false
function answer.plain(text)
  local first = text:match "[^%z\1-\32\239\187\191]"
  if not first or first:find "[<{%[\"]" or text:find "[%z\1-\8\14-\31\127]" then return false end
  return text:find "[A-Za-z\128-\255]" and text or false
end

--- A text of many lines as a message. Not before secrets were taken out of it: they are looked for as they were sent.
---@param text string
---@param most integer? bytes
---@return string # valid UTF-8
function answer.line(text, most)
  text = text:gsub("^\239\187\191", ""):gsub("[%z\1-\32\127]+", " "):gsub("^ ", ""):gsub(" $", "")
  return Error.cut(core.repair(text), most or PLAIN_MAX)
end

local function details_of(value)
  if type(value) ~= "table" then return nil end
  local inner = type(value.error) == "table" and value.error.details or nil
  return value.details or value.errors or inner
end

--- What a page that is no JSON looks like. Secrets are looked for as they were sent, so before anything is cut.
---@return string? # nil when it is no HTML
---@return boolean? titled
local function describe_page(call, text)
  local head = text:sub(1, TITLE_WITHIN)
  if not head:find "^[%z\1-\32\239\187\191]*<[!?]?[hH][tT][mM][lL]" and not head:find "^[%z\1-\32\239\187\191]*<!" then
    return nil
  end
  local title = head:match "<[tT][iI][tT][lL][eE][^>]*>([^<]*)<"
  title = title and answer.line(call:redact(title), TITLE_MAX)
  if title and title ~= "" then return ('an HTML page titled "%s"'):format(title), true end
  return "an HTML page", false
end

--- Completes the fields of an error with what the answer says beside code and message.
---@param call userdata which knows what no error may show
---@param result table of the call, with headers
---@param value any the decoded body; false when it is no JSON
---@param text string? the body
function answer.explain(call, result, value, text)
  result.details = call:redact(details_of(value))
  local status, location = result.status, result.headers and result.headers.location
  if status and status >= 300 and status <= 399 then
    if location then result.message = "the service answered with a redirect, to " .. core.shown_url(location) end
  elseif value == false and text then
    local page, titled = describe_page(call, text)
    -- The status says more than that it is one.
    if page and (titled or status and status < 300) then result.message = "the answer is " .. page .. ", not JSON" end
  end
end

return answer
