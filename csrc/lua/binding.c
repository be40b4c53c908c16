#include "binding.h"

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

void lks_lua_add_methods(lua_State *L, const char *type, const luaL_Reg *methods) {
  luaL_getmetatable(L, type);
  lua_getfield(L, -1, "__index");
  lua_pushvalue(L, -2);
  luaL_setfuncs(L, methods, 1);
  lua_pop(L, 2);
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

const char *lks_lua_text_field(lua_State *L, int index, const char *name, size_t *length) {
  lua_getfield(L, index, name);
  *length = 0;
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, length) : NULL;
  lua_pop(L, 1);
  return text;
}

int lks_lua_no_memory(lua_State *L) {
  lua_pushliteral(L, "not enough memory"); /* as Lua itself says it, without a position */
  return lua_error(L);
}

void lks_lua_check_stack(lua_State *L, int values) {
  if (!lua_checkstack(L, values)) lks_lua_no_memory(L);
}

int lks_lua_push_next(lua_State *L, lks_call_box *box, lks_memory_store *store, lks_time now) {
  lks_action action = lks_client_next(box->client, store, box->call, &box->ticket, now);
  lua_pushinteger(L, (lua_Integer)action.kind);
  lks_lua_push_span(L, action.span);
  lua_pushinteger(L, (lua_Integer)action.effects);
  return 3;
}
