--- UTC dates without the machine's time zone: Unix seconds to and from ISO 8601, and the start of the next month.

local ascii = require "locksmith.ascii"

local calendar = {}

--- Days from 1970-01-01 to a date of the Gregorian calendar.
local function days_from_civil(year, month, day)
  if month <= 2 then year = year - 1 end
  local era = math.floor(year / 400)
  local year_of_era = year - era * 400
  local day_of_year = math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  local day_of_era = year_of_era * 365 + math.floor(year_of_era / 4) - math.floor(year_of_era / 100) + day_of_year
  return era * 146097 + day_of_era - 719468
end

local function civil_from_days(days)
  days = days + 719468
  local era = math.floor(days / 146097)
  local day_of_era = days - era * 146097
  local year_of_era = math.floor((day_of_era - math.floor(day_of_era / 1460) + math.floor(day_of_era / 36524)
    - math.floor(day_of_era / 146096)) / 365)
  local day_of_year = day_of_era
    - (365 * year_of_era + math.floor(year_of_era / 4) - math.floor(year_of_era / 100))
  local shifted = math.floor((5 * day_of_year + 2) / 153)
  local day = day_of_year - math.floor((153 * shifted + 2) / 5) + 1
  local month = shifted < 10 and shifted + 3 or shifted - 9
  local year = year_of_era + era * 400 + (month <= 2 and 1 or 0)
  return year, month, day
end

local DAYS = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function days_in(year, month)
  local leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
  return month == 2 and leap and 29 or DAYS[month]
end

--- 00:00 UTC on the first day of the month after `now`.
---@param now number Unix seconds
---@return number # Unix seconds
function calendar.next_month(now)
  local year, month = civil_from_days(math.floor(now / 86400))
  if month == 12 then return days_from_civil(year + 1, 1, 1) * 86400 end
  return days_from_civil(year, month + 1, 1) * 86400
end

--- `2026-01-31T12:00:00.000Z`
---@param seconds number Unix seconds, fractions allowed
---@return string
function calendar.format(seconds)
  local whole = math.floor(seconds)
  local year, month, day = civil_from_days(math.floor(whole / 86400))
  local second_of_day = whole % 86400
  local parts = {
    year, month, day, math.floor(second_of_day / 3600), math.floor(second_of_day / 60) % 60, second_of_day % 60,
    math.floor((seconds - whole) * 1000),
  }
  local widths = { 4, 2, 2, 2, 2, 2, 3 }
  for i, part in ipairs(parts) do
    local text = string.format("%.0f", part)
    parts[i] = ("0"):rep(widths[i] - #text) .. text
  end
  return parts[1] .. "-" .. parts[2] .. "-" .. parts[3] .. "T" .. parts[4] .. ":" .. parts[5] .. ":" .. parts[6]
    .. "." .. parts[7] .. "Z"
end

local function read_time(text)
  local hour, minute, rest = text:match("^([0-9][0-9]):([0-9][0-9])(.*)$")
  if not hour then return nil end
  local second, fraction, zone = rest:match("^:([0-9][0-9])(%.?[0-9]*)(.*)$")
  if not second then second, fraction, zone = "0", "", rest end
  if fraction == "." or (fraction ~= "" and fraction:sub(1, 1) ~= ".") then return nil end
  hour, minute, second = tonumber(hour), tonumber(minute), tonumber(second)
  if hour > 23 or minute > 59 or second > 59 then return nil end
  local offset = 0
  if zone ~= "" and zone ~= "Z" and zone ~= "z" then
    local sign, hours, minutes = zone:match("^([+-])([0-9][0-9]):?([0-9][0-9])$")
    if not sign or tonumber(hours) > 23 or tonumber(minutes) > 59 then return nil end
    offset = (tonumber(hours) * 60 + tonumber(minutes)) * 60 * (sign == "-" and -1 or 1)
  end
  return hour * 3600 + minute * 60 + second + ascii.number("0" .. fraction) - offset
end

--- Reads an ISO 8601 date or date and time; without a zone it is UTC.
---@param text string
---@return number? # Unix seconds, nil when it is no such date
function calendar.parse(text)
  local year, month, day, rest = text:match("^([0-9][0-9][0-9][0-9])%-([0-9][0-9])%-([0-9][0-9])(.*)$")
  if not year then return nil end
  year, month, day = tonumber(year), tonumber(month), tonumber(day)
  if month < 1 or month > 12 or day < 1 or day > days_in(year, month) then return nil end
  local seconds = 0
  if rest ~= "" then
    seconds = rest:find("^[Tt ]") and read_time(rest:sub(2))
    if not seconds then return nil end
  end
  return days_from_civil(year, month, day) * 86400 + seconds
end

return calendar
