/* States that are kept elsewhere as bytes, while this process works on them. */
#include "binding.h"

#include "core/pace_forecast.h"
#include "core/state_bytes.h"

static lks_state_box *check_box(lua_State *L, int index) {
  return luaL_checkudata(L, index, LKS_STATE_TYPE);
}

lks_state *lks_lua_check_state(lua_State *L, int index) {
  lks_state_box *box = check_box(L, index);
  luaL_argcheck(L, box->state != NULL, index, "state is closed");
  return box->state;
}

lks_state *lks_lua_push_state(lua_State *L) {
  lks_state_box *box = lua_newuserdata(L, sizeof *box);
  box->state = NULL;
  lks_buffer_init(&box->saved, LKS_STATE_BYTES_MAX);
  luaL_getmetatable(L, LKS_STATE_TYPE);
  lua_setmetatable(L, -2);
  box->state = lks_state_new();
  if (box->state == NULL) lks_lua_no_memory(L);
  return box->state;
}

/* core.state() -> an empty one */
static int state_new(lua_State *L) {
  lks_lua_push_state(L);
  return 1;
}

static int state_collect(lua_State *L) {
  lks_state_box *box = check_box(L, 1);
  lks_state_free(box->state);
  box->state = NULL;
  lks_buffer_free(&box->saved);
  return 0;
}

/* state:copy(other) */
static int state_copy(lua_State *L) {
  if (!lks_state_copy(lks_lua_check_state(L, 1), lks_lua_check_state(L, 2))) return lks_lua_no_memory(L);
  return 0;
}

/* state:read(bytes | nil) -> whether they are a state. nil: nothing is kept */
static bool read_bytes(lua_State *L, lks_state *state, int index) {
  size_t length = 0;
  const char *bytes = luaL_optlstring(L, index, NULL, &length);
  return (bytes == NULL || length > 0) && lks_state_bytes_read(state, bytes, length);
}

static int state_read(lua_State *L) {
  lua_pushboolean(L, read_bytes(L, lks_lua_check_state(L, 1), 2));
  return 1;
}

bool lks_lua_take_up(lua_State *L, lks_state *state, int first, lks_time now) {
  if (lua_toboolean(L, first + 4)) {
    if (!lks_state_copy(state, lks_lua_check_state(L, first + 1))) lks_lua_no_memory(L);
    return true;
  }
  if (!read_bytes(L, state, first)) return false;
  const lks_state *own = lua_isnoneornil(L, first + 1) ? NULL : lks_lua_check_state(L, first + 1);
  bool lost = lua_toboolean(L, first + 3) != 0;
  bool begins = state->lineage == 0 || lost || (own != NULL && lks_state_is_before(state, own));
  int64_t lineage = begins ? 1 + (int64_t)(lks_lua_random() * 9007199254740991.0) : 0;
  if (!lks_state_join(state, own, lua_toboolean(L, first + 2) != 0, lost, now, lineage)) lks_lua_no_memory(L);
  return true;
}

/* state:take_up(now, bytes | nil, own | nil, untold, lost, same) -> whether the bytes are a state; see lks_lua_take_up
 */
static int state_take_up(lua_State *L) {
  lua_pushboolean(L, lks_lua_take_up(L, lks_lua_check_state(L, 1), 3, lks_lua_check_time(L, 2)));
  return 1;
}

static int push_bytes(lua_State *L, int index, lks_time now) {
  lks_state *state = lks_lua_check_state(L, index);
  lks_buffer *out = &check_box(L, index)->saved;
  lks_buffer_clear(out);
  if (!lks_state_bytes_write(state, out)) lks_lua_no_memory(L);
  lua_pushlstring(L, out->data, out->length);
  lks_lua_push_span(L, lks_state_life(state, now));
  return 2;
}

/* state:bytes(now) -> bytes, how many seconds the state is worth keeping */
static int state_bytes(lua_State *L) {
  return push_bytes(L, 1, lks_lua_check_time(L, 2));
}

int lks_lua_push_news(lua_State *L, int index, bool kept, lks_time now) {
  lks_state *state = lks_lua_check_state(L, index);
  if (!lks_state_matters(state, kept, now)) return 0;
  state->sequence++;
  return push_bytes(L, index, now);
}

/* state:write(now, kept): see lks_lua_push_news */
static int state_write(lua_State *L) {
  return lks_lua_push_news(L, 1, lua_toboolean(L, 3) != 0, lks_lua_check_time(L, 2));
}

/* state:is_before(other) -> whether the other is what became of it */
static int state_is_before(lua_State *L) {
  lua_pushboolean(L, lks_state_is_before(lks_lua_check_state(L, 1), lks_lua_check_state(L, 2)));
  return 1;
}

/* state:quota(now) -> { limit, remaining, reset, as_of } or nil, how many creations are left or nil */
static int state_quota(lua_State *L) {
  lks_state *state = lks_lua_check_state(L, 1);
  long long left = lks_quota_left(&state->quota, lks_lua_check_time(L, 2));
  lks_lua_push_quota(L, &state->quota);
  if (left < 0)
    lua_pushnil(L);
  else
    lks_lua_push_whole(L, left);
  return 2;
}

/* state:forecast(windows, now, n) -> seconds until the n-th send may go */
static int state_forecast(lua_State *L) {
  lks_state *state = lks_lua_check_state(L, 1);
  lks_windows windows;
  lks_lua_check_windows(L, 2, &windows);
  double n = (double)luaL_checknumber(L, 4);
  luaL_argcheck(L, n >= 0 && n < 4e9, 4, "out of range");
  lks_span span = lks_pace_forecast(state->pace, &windows, lks_lua_check_time(L, 3), (uint64_t)n);
  if (span < 0) return lks_lua_no_memory(L);
  lks_lua_push_span(L, span);
  return 1;
}

/* state:life(now) -> how many seconds forgetting it would make a difference */
static int state_life(lua_State *L) {
  lks_lua_push_span(L, lks_state_life(lks_lua_check_state(L, 1), lks_lua_check_time(L, 2)));
  return 1;
}

/* state:hold(now) -> how many seconds it holds anyone back */
static int state_hold(lua_State *L) {
  lks_lua_push_span(L, lks_state_hold(lks_lua_check_state(L, 1), lks_lua_check_time(L, 2)));
  return 1;
}

void lks_lua_open_state(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"copy", state_copy},   {"read", state_read},           {"take_up", state_take_up}, {"bytes", state_bytes},
      {"write", state_write}, {"is_before", state_is_before}, {"quota", state_quota},     {"forecast", state_forecast},
      {"life", state_life},   {"hold", state_hold},           {"close", state_collect},   {NULL, NULL}};
  lks_lua_new_type(L, LKS_STATE_TYPE, methods, state_collect);
  lua_pushcfunction(L, state_new);
  lua_setfield(L, -2, "state");
}
