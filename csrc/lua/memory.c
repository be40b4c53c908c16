#include "binding.h"

static lks_memory_box *check_box(lua_State *L, int index) {
  return luaL_checkudata(L, index, LKS_MEMORY_TYPE);
}

lks_memory_store *lks_lua_check_memory(lua_State *L, int index) {
  lks_memory_box *box = check_box(L, index);
  luaL_argcheck(L, box->store != NULL, index, "store is closed");
  return box->store;
}

lks_memory_store *lks_lua_opt_memory(lua_State *L, int index) {
  return lua_isnoneornil(L, index) ? NULL : lks_lua_check_memory(L, index);
}

static lks_state *check_state(lua_State *L) {
  lks_state *state = lks_memory_store_get(lks_lua_check_memory(L, 1), luaL_checkstring(L, 2));
  if (state == NULL) lks_lua_no_memory(L);
  return state;
}

static int memory_new(lua_State *L) {
  lks_memory_box *box = lua_newuserdata(L, sizeof *box);
  box->store = NULL;
  luaL_getmetatable(L, LKS_MEMORY_TYPE);
  lua_setmetatable(L, -2);
  box->store = lks_memory_store_new();
  return box->store == NULL ? lks_lua_no_memory(L) : 1;
}

static int memory_collect(lua_State *L) {
  lks_memory_box *box = check_box(L, 1);
  lks_memory_store_free(box->store);
  box->store = NULL;
  return 0;
}

/* memory:state(name) -> a copy of it as core.state() */
static int memory_state(lua_State *L) {
  lks_state *copy = lks_lua_push_state(L);
  return lks_state_copy(copy, check_state(L)) ? 1 : lks_lua_no_memory(L);
}

/* memory:put(name, state): takes a copy of it in the place of what is there */
static int memory_put(lua_State *L) {
  if (!lks_state_copy(check_state(L), lks_lua_check_state(L, 3))) return lks_lua_no_memory(L);
  return 0;
}

void lks_lua_open_memory(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"state", memory_state}, {"put", memory_put}, {"close", memory_collect}, {NULL, NULL}};
  lks_lua_new_type(L, LKS_MEMORY_TYPE, methods, memory_collect);
  lua_pushcfunction(L, memory_new);
  lua_setfield(L, -2, "memory");
}
