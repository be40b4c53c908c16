#include "binding.h"

#include "core/timestamp.h"

/* core.iso8601(seconds) -> "2030-01-31T12:00:00Z", with a fraction where there is one; nil before 1970 and past the
 * year 9999. Unlike os.date it knows all of them where the system's times have 32 bits. */
static int time_iso8601(lua_State *L) {
  char text[LKS_ISO8601_SIZE];
  double seconds = (double)luaL_checknumber(L, 1);
  size_t length = seconds >= 0 ? lks_iso8601_format(lks_time_from_seconds(seconds), text) : 0;
  if (length == 0) return 0;
  lua_pushlstring(L, text, length);
  return 1;
}

void lks_lua_open_time(lua_State *L) {
  lua_pushcfunction(L, time_iso8601);
  lua_setfield(L, -2, "iso8601");
}
