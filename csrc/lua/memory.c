#include "binding.h"

#include "core/state_bytes.h"

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
  lks_buffer_init(&box->saved, LKS_STATE_BYTES_MAX);
  luaL_getmetatable(L, LKS_MEMORY_TYPE);
  lua_setmetatable(L, -2);
  box->store = lks_memory_store_new();
  return box->store == NULL ? lks_lua_no_memory(L) : 1;
}

static int memory_collect(lua_State *L) {
  lks_memory_box *box = check_box(L, 1);
  lks_memory_store_free(box->store);
  box->store = NULL;
  lks_buffer_free(&box->saved);
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

/* memory:reserve(name, windows, now, longest, unpaced, quota) -> wait, slot, probing | nil, kind, retry_after */
static int memory_reserve(lua_State *L) {
  lks_state *state = check_state(L);
  lks_windows windows;
  lks_lua_check_windows(L, 3, &windows);
  lks_time now = lks_lua_check_time(L, 4);
  const lks_wish wish = {
      .longest = lks_lua_check_time(L, 5), .unpaced = lua_toboolean(L, 6) != 0, .quota = lua_toboolean(L, 7) != 0};
  lks_ticket ticket = {0};
  lks_span span;
  lks_kind kind = lks_state_take(state, &windows, &wish, now, &ticket, &span);
  if (kind == LKS_KIND_NO_MEMORY) return lks_lua_no_memory(L);
  if (kind == LKS_KIND_NONE) {
    lks_lua_push_span(L, span);
    lks_lua_push_span(L, ticket.slot);
    lua_pushboolean(L, ticket.probing);
    return 3;
  }
  lua_pushnil(L);
  lua_pushstring(L, lks_kind_name(kind));
  lks_lua_push_span(L, span);
  return 3;
}

/* memory:renew(name, windows, now, slot, longest) -> wait, slot | nil, "would_wait", retry_after: is it still a slot?
 */
static int memory_renew(lua_State *L) {
  lks_state *state = check_state(L);
  lks_windows windows;
  lks_lua_check_windows(L, 3, &windows);
  lks_time now = lks_lua_check_time(L, 4), slot = lks_lua_check_time(L, 5), latest = now + lks_lua_check_time(L, 6);
  if (lks_pace_renew(state->pace, &windows, now, slot, latest, &slot)) {
    lks_lua_push_span(L, slot - now);
    lks_lua_push_span(L, slot);
    return 2;
  }
  if (slot <= latest) return lks_lua_no_memory(L);
  lua_pushnil(L);
  lua_pushstring(L, lks_kind_name(LKS_KIND_WOULD_WAIT));
  lks_lua_push_span(L, slot - now);
  return 3;
}

/* memory:release(name, slot, probing): not sent after all */
static int memory_release(lua_State *L) {
  lks_state *state = check_state(L);
  lks_ticket ticket = {.slot = lks_lua_check_time(L, 3), .held = true, .probing = lua_toboolean(L, 4) != 0};
  lks_state_give_back(state, &ticket);
  return 0;
}

/* memory:move(name, slot, late): sent so many seconds after its slot */
static int memory_move(lua_State *L) {
  lks_state *state = check_state(L);
  lks_time slot = lks_lua_check_time(L, 3);
  lks_pace_move(state->pace, slot, slot + lks_lua_check_time(L, 4));
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

/* memory:observe(name, now, limit | nil, remaining | nil, reset | nil) -> { limit, remaining, reset, as_of } or nil */
static int memory_observe(lua_State *L) {
  lks_state *state = check_state(L);
  lks_quota_observe(&state->quota, lks_lua_check_time(L, 3), luaL_optstring(L, 4, NULL), luaL_optstring(L, 5, NULL),
                    luaL_optstring(L, 6, NULL));
  lks_lua_push_quota(L, &state->quota);
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

/* memory:save(name, now, before) -> the state as bytes, nil when it says nothing that the bytes `before` do not; how
 * many seconds it is worth keeping */
static int memory_save(lua_State *L) {
  lks_state *state = check_state(L);
  lks_time now = lks_lua_check_time(L, 3);
  size_t length;
  const char *before = luaL_checklstring(L, 4, &length);
  lks_buffer *saved = &check_box(L, 1)->saved;
  lks_buffer_clear(saved);
  if (!lks_state_bytes_write(state, saved)) return lks_lua_no_memory(L);
  if (lks_state_bytes_same(before, length, saved->data, saved->length))
    lua_pushnil(L);
  else
    lua_pushlstring(L, saved->data, saved->length);
  lks_lua_push_span(L, lks_state_life(state, now));
  return 2;
}

/* memory:load(name, bytes): "" for a state in which nothing happened yet. Returns whether the bytes are a state */
static int memory_load(lua_State *L) {
  lks_state *state = check_state(L);
  size_t length;
  const char *bytes = luaL_checklstring(L, 3, &length);
  lua_pushboolean(L, lks_state_bytes_read(state, bytes, length));
  return 1;
}

void lks_lua_open_memory(lua_State *L) {
  static const luaL_Reg methods[] = {{"reserve", memory_reserve},   {"renew", memory_renew},
                                     {"release", memory_release},   {"move", memory_move},
                                     {"record", memory_record},     {"pause", memory_pause},
                                     {"forecast", memory_forecast}, {"observe", memory_observe},
                                     {"save", memory_save},         {"load", memory_load},
                                     {"quota", memory_quota},       {"left", memory_left},
                                     {"close", memory_collect},     {NULL, NULL}};
  lks_lua_new_type(L, LKS_MEMORY_TYPE, methods, memory_collect);
  lua_pushcfunction(L, memory_new);
  lua_setfield(L, -2, "memory");
}
