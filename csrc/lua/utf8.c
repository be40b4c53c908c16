#include "binding.h"

#include "core/utf8.h"

/* core.repair(text) -> the text, each piece of it that is no UTF-8 being one U+FFFD */
static int utf8_repair(lua_State *L) {
  size_t length, bad;
  const char *text = luaL_checklstring(L, 1, &length);
  lua_settop(L, 1);
  if (lks_utf8_length(text, length) >= 0) return 1;
  luaL_Buffer good;
  luaL_buffinit(L, &good);
  for (size_t i = 0; i < length; i += bad) {
    size_t size = lks_utf8_character(text + i, length - i, &bad);
    luaL_addlstring(&good, size > 0 ? text + i : "\xEF\xBF\xBD", size > 0 ? size : 3);
  }
  luaL_pushresult(&good);
  return 1;
}

void lks_lua_open_utf8(lua_State *L) {
  lua_pushcfunction(L, utf8_repair);
  lua_setfield(L, -2, "repair");
}
