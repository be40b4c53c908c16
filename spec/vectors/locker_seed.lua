--- The accounts of the recorded exchanges (locker-current.jsonl) as they were before the first one. Accounts are named
--- as in the recordings' <TOKEN:name>. Addresses the recordings never show in full have plain defaults.

local START = 1795189533

local function series(first_id, name_format, count, fields)
  local list = {}
  for i = 0, count - 1 do
    list[i + 1] = { id = first_id + i, address = name_format:format(i), created_time = START + 60 * i }
    for key, value in pairs(fields and fields(i) or {}) do list[i + 1][key] = value end
  end
  return list
end

local function described(i)
  return { description = "n" .. i, num_forwarded = i, num_spam = i % 3 }
end

return {
  { name = "prem", addresses = {
    { id = 1, address = "one001", description = "only one", created_time = START },
  } },
  { name = "free_one", plan = "free", addresses = { { id = 2, address = "fone01", created_time = START } } },
  { name = "prem_25", addresses = series(3, "k001%02d", 25, described) },
  { name = "free_25", plan = "free", addresses = series(28, "k002%02d", 25) },
  { name = "prem_upd", addresses = series(53, "k003%02d", 3, function() return { description = "old text" } end) },
  { name = "prem_del", addresses = series(56, "k004%02d", 4) },
  { name = "free", plan = "free", addresses = series(60, "k005%02d", 2) },
  { name = "prem_sub", addresses = { { id = 62, address = "subold", created_time = START } } },
  { name = "prem_misc", addresses = series(63, "k006%02d", 4) },
  {
    name = "free_sub", plan = "free",
    subdomains = { { id = 1, subdomain = "oldpremium", created_time = START } },
    addresses = { { id = 67, address = "fsub01", subdomain = "oldpremium", created_time = START } },
  },
  {
    name = "free_flag", plan = "free", use_subdomain = true,
    subdomains = { { id = 2, subdomain = "flagged", created_time = START } },
  },
  { name = "prem_empty" },
  { name = "free_empty", plan = "free" },
  { name = "family", plan = "family" },
  { name = "ent_member_free", plan = "free", enterprise_member = true },
  { name = "prem_sub2" },
  { name = "inactive", active = false },
  { name = "throttle_a" },
  { name = "throttle_b" },
}
