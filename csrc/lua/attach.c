/* Ties a value to a table in such a way that neither the table's fields nor its metatable lead to it.
 *
 * The value hangs on a metatable that the object has for itself. A weak-keyed table from objects to values would do the
 * same, but in Lua 5.1 and LuaJIT it keeps for ever what its values lead back to. */
#include "binding.h"

static const char value_key, class_key;

static void *key_of(const char *key) {
  union {
    const char *constant;
    void *plain;
  } address = {.constant = key};
  return address.plain;
}

/* core.attach(object, class, value) -> object, whose metatable is from now on a copy of the table `class` */
static int attach(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_checkany(L, 3);
  lua_settop(L, 3);
  lua_createtable(L, 0, 10);
  lua_pushnil(L);
  while (lua_next(L, 2)) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, 4);
  }
  lua_pushlightuserdata(L, key_of(&value_key));
  lua_pushvalue(L, 3);
  lua_rawset(L, 4);
  lua_pushlightuserdata(L, key_of(&class_key));
  lua_pushvalue(L, 2);
  lua_rawset(L, 4);
  lua_setmetatable(L, 1);
  lua_settop(L, 1);
  return 1;
}

/* core.attached(object, class) -> the value; nil when `object` is no object of that class */
static int attached(lua_State *L) {
  lua_settop(L, 2);
  if (lua_istable(L, 1) && lua_getmetatable(L, 1)) {
    lua_pushlightuserdata(L, key_of(&class_key));
    lua_rawget(L, 3);
    if (lua_rawequal(L, -1, 2)) {
      lua_pushlightuserdata(L, key_of(&value_key));
      lua_rawget(L, 3);
      return 1;
    }
  }
  lua_pushnil(L);
  return 1;
}

void lks_lua_open_attach(lua_State *L) {
  static const luaL_Reg functions[] = {{"attach", attach}, {"attached", attached}, {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
}
