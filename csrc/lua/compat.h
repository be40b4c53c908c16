/* What Lua 5.2 added to the C API, for Lua 5.1 and LuaJIT. Include it after <lua.h> and <lauxlib.h>, or alone. */
#ifndef LKS_LUA_COMPAT_H
#define LKS_LUA_COMPAT_H

#include <lauxlib.h>
#include <lua.h>

/* LuaJIT 2.1 is the 5.1 ABI with some of these in place, but a module compiled against it must also load into plain
 * 5.1. So ours are used under names of their own. */
#if LUA_VERSION_NUM == 501

static inline void lks_compat_setfuncs(lua_State *L, const luaL_Reg *functions, int upvalues) {
  luaL_checkstack(L, upvalues + 1, "too many upvalues");
  for (; functions->name != NULL; functions++) {
    for (int i = 0; i < upvalues; i++) lua_pushvalue(L, -upvalues);
    lua_pushcclosure(L, functions->func, upvalues);
    lua_setfield(L, -(upvalues + 2), functions->name);
  }
  lua_pop(L, upvalues);
}

static inline void *lks_compat_testudata(lua_State *L, int index, const char *type) {
  void *block = lua_touserdata(L, index);
  if (block == NULL || !lua_getmetatable(L, index)) return NULL;
  luaL_getmetatable(L, type);
  int same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same ? block : NULL;
}

static inline int lks_compat_absindex(lua_State *L, int index) {
  return index > 0 || index <= LUA_REGISTRYINDEX ? index : lua_gettop(L) + index + 1;
}

#undef luaL_setfuncs
#undef luaL_newlibtable
#undef luaL_newlib
#undef luaL_testudata
#undef lua_absindex
#define luaL_setfuncs lks_compat_setfuncs
#define luaL_newlibtable(L, functions) lua_createtable(L, 0, (int)(sizeof(functions) / sizeof((functions)[0]) - 1))
#define luaL_newlib(L, functions) (luaL_newlibtable(L, functions), luaL_setfuncs(L, functions, 0))
#define luaL_testudata lks_compat_testudata
#define lua_absindex lks_compat_absindex

#endif

/* As lua_rawlen, whose result may be wider than a size: no value in memory is. */
static inline size_t lks_compat_rawlen(lua_State *L, int index) {
#if LUA_VERSION_NUM == 501
  return lua_objlen(L, index);
#else
  return (size_t)lua_rawlen(L, index);
#endif
}
#undef lua_rawlen
#define lua_rawlen lks_compat_rawlen

#endif
