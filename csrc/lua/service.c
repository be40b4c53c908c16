#include "binding.h"

/* Pushes { name = index for core.call } */
static void push_operations(lua_State *L) {
  lua_newtable(L);
  const lks_operation *operation;
  for (size_t i = 0; (operation = lks_operation_at(i)) != NULL; i++) {
    lks_lua_push_whole(L, (long long)i);
    lua_setfield(L, -2, operation->name);
  }
}

/* core.service(name) -> { base_url, path_prefix, key_variable } */
static int service_describe(lua_State *L) {
  lks_service service;
  if (!lks_service_find(luaL_checkstring(L, 1), &service)) return luaL_argerror(L, 1, "no such service");
  const lks_service_info *info = lks_service_get(service);
  lua_createtable(L, 0, 3);
  lua_pushstring(L, info->base_url);
  lua_setfield(L, -2, "base_url");
  lua_pushstring(L, info->path_prefix);
  lua_setfield(L, -2, "path_prefix");
  lua_pushstring(L, info->key_variable);
  lua_setfield(L, -2, "key_variable");
  return 1;
}

void lks_lua_open_service(lua_State *L) {
  lua_pushcfunction(L, service_describe);
  lua_setfield(L, -2, "service");
  push_operations(L);
  lua_setfield(L, -2, "operations");
}
