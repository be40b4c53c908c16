#include "binding.h"

#include <string.h>

#include "core/nearest.h"

/* core.nearest(name, { known = …, … }) -> the known name that this is a slip for, or nil */
static int nearest_find(lua_State *L) {
  size_t length, known_length, best = LKS_NEAREST_MAX;
  const char *name = luaL_checklstring(L, 1, &length);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  lua_pushnil(L); /* at 3: the nearest so far */
  lua_pushnil(L);
  while (lua_next(L, 2)) {
    lua_pop(L, 1);
    if (lua_type(L, -1) != LUA_TSTRING) continue;
    const char *known = lua_tolstring(L, -1, &known_length);
    size_t distance = lks_nearest_distance(name, length, known, known_length);
    if (distance > best || (distance == best && !lua_isnil(L, 3) && strcmp(known, lua_tostring(L, 3)) > 0)) continue;
    best = distance;
    lua_pushvalue(L, -1);
    lua_replace(L, 3);
  }
  if (!lks_nearest_is_slip(best, length)) lua_pushnil(L);
  return 1;
}

void lks_lua_open_nearest(lua_State *L) {
  lua_pushcfunction(L, nearest_find);
  lua_setfield(L, -2, "nearest");
}
