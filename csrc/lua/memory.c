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

/* memory:record(name, windows, now, at): a send that was let through elsewhere */
static int memory_record(lua_State *L) {
  lks_state *state = check_state(L);
  lks_windows windows;
  lks_lua_check_windows(L, 3, &windows);
  lks_pace_record(state->pace, &windows, lks_lua_check_time(L, 4), lks_lua_check_time(L, 5));
  return 0;
}

/* memory:pause(name, now, until) */
static int memory_pause(lua_State *L) {
  lks_state *state = check_state(L);
  lks_pace_pause(state->pace, lks_lua_check_time(L, 3), lks_lua_check_time(L, 4));
  return 0;
}

/* memory:forecast(name, windows, now, n) -> seconds until the n-th send may go */
static int memory_forecast(lua_State *L) {
  lks_state *state = check_state(L);
  lks_windows windows;
  lks_lua_check_windows(L, 3, &windows);
  double n = (double)luaL_checknumber(L, 5);
  luaL_argcheck(L, n >= 0 && n < 4e9, 5, "out of range");
  lks_span span = lks_pace_forecast(state->pace, &windows, lks_lua_check_time(L, 4), (size_t)n);
  if (span < 0) return lks_lua_no_memory(L);
  lks_lua_push_span(L, span);
  return 1;
}

/* memory:quota(name) -> { limit, remaining, reset, as_of } or nil */
static int memory_quota(lua_State *L) {
  lks_lua_push_quota(L, &check_state(L)->quota);
  return 1;
}

/* memory:left(name, now) -> creations left, or nil while unknown */
static int memory_left(lua_State *L) {
  long long left = lks_quota_left(&check_state(L)->quota, lks_lua_check_time(L, 3));
  if (left < 0)
    lua_pushnil(L);
  else
    lks_lua_push_whole(L, left);
  return 1;
}

void lks_lua_open_memory(lua_State *L) {
  static const luaL_Reg methods[] = {{"record", memory_record},
                                     {"pause", memory_pause},
                                     {"forecast", memory_forecast},
                                     {"quota", memory_quota},
                                     {"left", memory_left},
                                     {"close", memory_collect},
                                     {NULL, NULL}};
  lks_lua_new_type(L, LKS_MEMORY_TYPE, methods, memory_collect);
  lua_pushcfunction(L, memory_new);
  lua_setfield(L, -2, "memory");
}
