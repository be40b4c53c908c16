std = "min"
max_line_length = 120
-- "not (x >= y)" also holds for a NaN, which is why it is written so.
ignore = { "581" }
exclude_files = { "build" }
-- What one Lua has and another lacks, where the code asks before it uses it.
read_globals = {
  "getfenv", "jit", "loadstring", "newproxy", "setfenv", "unpack",
  table = { fields = { "pack", "unpack" } },
  math = { fields = { "type", "tointeger" } },
}
globals = { "ngx" }
files["spec/*_spec.lua"] = { std = "+busted", globals = { "os.getenv" } }
files["spec/support/**/*.lua"] = { std = "+busted" }
-- Signatures for editors: bodies and uses are elsewhere.
files["lua/locksmith/types/*.lua"] = { ignore = { "211", "212", "241" } }
