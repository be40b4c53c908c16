/* The functions Lua looks up by name, and so all that the modules show. The Makefile builds with -fvisibility=hidden,
 * and puts this file before every file of csrc/lua: the first declaration of a function decides. */
#ifndef LKS_LUA_EXPORT_H
#define LKS_LUA_EXPORT_H

#include <lua.h>

#if defined(__GNUC__)
#define LKS_EXPORT __attribute__((visibility("default")))
#else
#define LKS_EXPORT
#endif

LKS_EXPORT int luaopen_locksmith_core(lua_State *L);
LKS_EXPORT int luaopen_locksmith_curl(lua_State *L);

#endif
