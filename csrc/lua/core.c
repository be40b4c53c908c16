#include "binding.h"

#include <string.h>

#include "interrupt.h"

int luaopen_locksmith_core(lua_State *L);

void lks_lua_new_type(lua_State *L, const char *type, const luaL_Reg *methods, lua_CFunction collect) {
  luaL_newmetatable(L, type);
  lua_newtable(L);
  lua_pushvalue(L, -2);
  luaL_setfuncs(L, methods, 1); /* each method has the metatable as its upvalue */
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, collect);
  lua_setfield(L, -2, "__gc");
  lua_pushstring(L, type);
  lua_setfield(L, -2, "__name");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

lks_time lks_lua_check_time(lua_State *L, int index) {
  return lks_span_from_seconds((double)luaL_checknumber(L, index));
}

void lks_lua_push_span(lua_State *L, lks_span span) {
  if (span % LKS_SECOND == 0)
    lks_lua_push_whole(L, span / LKS_SECOND);
  else
    lua_pushnumber(L, (lua_Number)lks_span_to_seconds(span));
}

void lks_lua_push_whole(lua_State *L, long long number) {
#if LUA_VERSION_NUM >= 503
  lua_pushinteger(L, (lua_Integer)number);
#else
  lua_pushnumber(L, (lua_Number)number);
#endif
}

int lks_lua_no_memory(lua_State *L) {
  lua_pushliteral(L, "not enough memory"); /* as Lua itself says it, without a position */
  return lua_error(L);
}

static int list_operations(lua_State *L) {
  lua_newtable(L);
  const lks_operation *operation;
  for (size_t i = 0; (operation = lks_operation_at(i)) != NULL; i++) {
    lks_lua_push_whole(L, (long long)i);
    lua_setfield(L, -2, operation->name);
  }
  return 1;
}

static int describe_service(lua_State *L) {
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

static const luaL_Reg functions[] = {{"service", describe_service}, {NULL, NULL}};

int luaopen_locksmith_core(lua_State *L) {
  lks_interrupt_open(L);
  luaL_newlib(L, functions);
  list_operations(L);
  lua_setfield(L, -2, "operations");
  lks_lua_open_attach(L);
  lks_lua_open_key(L);
  lks_lua_open_client(L);
  lks_lua_open_call(L);
  lks_lua_open_memory(L);
  lks_lua_open_state(L);
  lks_lua_open_fields(L);
  lks_lua_open_file(L);
  lks_lua_open_link(L);
  lks_lua_open_value(L);
  lks_lua_open_json(L);
  lks_lua_open_quota(L);
  lks_lua_open_system(L);
  return 1;
}
