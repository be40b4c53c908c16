#include "binding.h"

#include <stdint.h>
#include <string.h>

lks_call_box *lks_lua_check_call(lua_State *L) {
  lks_call_box *box = lua_touserdata(L, 1);
  if (box == NULL || !lua_getmetatable(L, 1) || !lua_rawequal(L, -1, lua_upvalueindex(1)))
    box = luaL_checkudata(L, 1, LKS_CALL_TYPE); /* raises */
  lua_pop(L, 1);
  luaL_argcheck(L, box->call != NULL, 1, "call is closed");
  return box;
}

static void empty(lks_call_box *box) {
  lks_call_free(box->call);
  box->call = NULL;
  lks_request_free(&box->request);
  lks_secrets_free(&box->secrets);
  lks_buffer_free(&box->room);
  lks_client_release(box->client);
  box->client = NULL;
}

/* call:close(): forgets the request, its secrets and the key. Nothing can be asked of the call afterwards. */
static int call_collect(lua_State *L) {
  empty(luaL_checkudata(L, 1, LKS_CALL_TYPE));
  return 0;
}

static lks_call_box *push_box(lua_State *L, lks_client *client) {
  lks_call_box *box = lua_newuserdata(L, sizeof *box);
  memset(box, 0, sizeof *box);
  lks_request_init(&box->request);
  lks_buffer_init(&box->room, SIZE_MAX / 2);
  box->request.user_agent = lks_client_user_agent(client);
  box->client = lks_client_retain(client);
  luaL_getmetatable(L, LKS_CALL_TYPE);
  lua_setmetatable(L, -2);
  return box;
}

static int refuse_request(lua_State *L, lks_request_status status) {
  if (status == LKS_REQUEST_NO_MEMORY) return lks_lua_no_memory(L);
  lua_pushnil(L);
  lua_pushstring(L, lks_request_status_text(status));
  return 2;
}

/* core.call(client, operation, now, limits, body, fields, slug, place) -> call | nil, message
 *   What follows `now` may be nil.
 *   limits: see binding.h; what they leave out is the client's
 *   fields: the wire table that the body was made from, whose secrets no error shows, or, of an endpoint of the
 *   caller's own, a list of values, of which none does
 *   slug: who can hold the one that the body carries
 *   place: { id, query }, or { method, path, safe, query } where the operation has no route of its own; all texts but
 *   `safe`, and `query`, a list of pairs of texts */
static int call_new(lua_State *L) {
  enum { BODY = 5, FIELDS, SLUG, PLACE };
  lua_settop(L, PLACE);
  lks_client *client = lks_lua_check_client(L, 1);
  const lks_operation *operation = lks_operation_at((size_t)luaL_checkinteger(L, 2));
  luaL_argcheck(L, operation != NULL, 2, "no such operation");
  lks_time now = lks_lua_check_time(L, 3);
  lks_call_options options = {.operation = operation, .limits = *lks_client_limits(client)};
  lks_lua_read_limits(L, 4, now, &options.limits);
  lks_call_box *box = push_box(L, client);
  options.secrets = &box->secrets;
  lks_request_status status = lks_lua_read_request(L, BODY, client, &options, &box->request);
  if (status != LKS_REQUEST_OK) return refuse_request(L, status);
  lks_lua_read_secrets(L, FIELDS, operation, &box->secrets);
  box->repeatable = options.retry == LKS_RETRY_SAFE && !options.writes;
  box->call = lks_client_call(box->client, &options, now);
  return box->call == NULL ? lks_lua_no_memory(L) : 1;
}

/* call:next(now, memory | nil) -> action, seconds, effects. With a memory store, pacing is settled here. */
static int call_next(lua_State *L) {
  lks_call_box *box = lks_lua_check_call(L);
  return lks_lua_push_next(L, box, lks_lua_opt_memory(L, 3), lks_lua_check_time(L, 2));
}

/* call:request() -> method, url, { {name, value}, … }, body | nil. The header list holds the key. */
static int call_request(lua_State *L) {
  lks_call_box *box = lks_lua_check_call(L);
  luaL_argcheck(L, lks_call_is_sending(box->call), 1, "nothing is to be sent");
  return lks_lua_push_request(L, &box->request, lks_call_current_key(box->call));
}

/* call:values() -> method, url, body | nil, authorization | nil, accept, user_agent, content_type | nil: the same
 * without a table */
static int call_values(lua_State *L) {
  lks_call_box *box = lks_lua_check_call(L);
  luaL_argcheck(L, lks_call_is_sending(box->call), 1, "nothing is to be sent");
  return lks_lua_push_values(L, &box->request, lks_call_current_key(box->call));
}

/* call:target() -> method, what of the url an event may show */
static int call_target(lua_State *L) {
  return lks_lua_push_target(L, &lks_lua_check_call(L)->request);
}

static int call_key(lua_State *L) {
  lks_call_box *box = lks_lua_check_call(L);
  lks_call_key(box->call, lks_lua_check_time(L, 2), lks_lua_check_key(L, 3));
  return 0;
}

/* call:grant(now, wait) */
static int call_grant(lua_State *L) {
  lks_call_box *box = lks_lua_check_call(L);
  lks_call_grant(box->call, lks_lua_check_time(L, 2), lks_lua_check_time(L, 3));
  return 0;
}

/* call:later(now, seconds): PACE is to be said again then */
static int call_later(lua_State *L) {
  lks_call_box *box = lks_lua_check_call(L);
  lks_call_later(box->call, lks_lua_check_time(L, 2), lks_lua_check_time(L, 3));
  return 0;
}

static void take(lks_call_box *box, lks_state *state, lks_time now, lks_span longest, bool estimated,
                 unsigned sharers) {
  lks_wish wish = lks_client_wish(box->client, box->call, longest, now);
  lks_windows windows = *lks_client_windows(box->client);
  wish.estimated = estimated;
  lks_windows_share(&windows, sharers);
  box->taken.ticket = box->ticket;
  box->taken.now = now;
  box->taken.kind = lks_state_take(state, &windows, &wish, now, &box->taken.ticket, &box->taken.span);
}

/* call:take(state, now, longest, sharers) -> the wait for the slot that was taken, nil when none was. `now` by the
 * state's clock; `sharers`: see lks_windows_share. Nothing is changed but the state until call:paced. */
static int call_take(lua_State *L) {
  lks_call_box *box = lks_lua_check_call(L);
  take(box, lks_lua_check_state(L, 2), lks_lua_check_time(L, 3), lks_lua_check_time(L, 4), false,
       (unsigned)luaL_checkinteger(L, 5));
  if (box->taken.kind == LKS_KIND_NONE)
    lks_lua_push_span(L, box->taken.span);
  else
    lua_pushnil(L);
  return 1;
}

/* call:take_from(state, now, longest, estimated, bytes | nil, own | nil, untold, lost, same) -> whether the bytes are a
 * state, and as state:write. state:take_up, call:take and state:write in one; `now` is only thought to be what the
 * state's clock says under `estimated`. */
static int call_take_from(lua_State *L) {
  lks_call_box *box = lks_lua_check_call(L);
  lks_state *state = lks_lua_check_state(L, 2);
  lks_time now = lks_lua_check_time(L, 3);
  bool joined = lks_lua_take_up(L, state, 6, now);
  lua_pushboolean(L, joined);
  if (!joined) return 1;
  take(box, state, now, lks_lua_check_time(L, 4), lua_toboolean(L, 5) != 0, 1);
  return 1 + lks_lua_push_news(L, 2, !lua_isnil(L, 6), now);
}

/* call:paced(now, ago): what was taken `ago` seconds before holds */
static int call_paced(lua_State *L) {
  lks_call_box *box = lks_lua_check_call(L);
  lks_time now = lks_lua_check_time(L, 2), ago = lks_lua_check_time(L, 3);
  box->ticket = box->taken.ticket;
  box->ahead = box->taken.now - (now - ago);
  lks_span span = box->taken.span;
  if (box->taken.kind == LKS_KIND_NONE) span -= ago;
  lks_client_paced(box->client, box->call, now, &box->ticket, box->taken.kind, span);
  return 0;
}

/* call:settle(state, now, effects, keep): tells the state of effects announced; `keep`: the ticket stays as it was, to
 * be told of once more */
static int call_settle(lua_State *L) {
  lks_call_box *box = lks_lua_check_call(L);
  lks_state *state = lks_lua_check_state(L, 2);
  lks_time now = lks_lua_check_time(L, 3);
  unsigned effects = (unsigned)luaL_checkinteger(L, 4);
  const lks_settlement settlement = lks_client_settlement(box->client, box->call, effects, now);
  lks_ticket ticket = box->ticket;
  lks_state_settle(state, &ticket, now, &settlement);
  if (lua_toboolean(L, 5)) return 0;
  box->ticket = ticket;
  lks_client_settled(box->client, effects);
  return 0;
}

/* call:state_name() -> where the windows, pauses and quota of its key are kept */
static int call_state_name(lua_State *L) {
  lks_call_box *box = lks_lua_check_call(L);
  char name[LKS_STATE_NAME_SIZE];
  lks_client_call_state(box->client, box->call, name);
  lua_pushstring(L, name);
  return 1;
}

/* call:attempt() -> number of the running or last attempt */
static int call_attempt(lua_State *L) {
  lks_lua_push_whole(L, (long long)lks_call_attempt_count(lks_lua_check_call(L)->call));
  return 1;
}

static int call_deadline(lua_State *L) {
  lks_lua_push_span(L, lks_call_deadline(lks_lua_check_call(L)->call));
  return 1;
}

/* call:is_retrying() -> whether it waits between attempts, and the kind of what ended the last one */
static int call_is_retrying(lua_State *L) {
  lks_call_box *box = lks_lua_check_call(L);
  bool retrying = lks_call_is_retrying(box->call);
  lua_pushboolean(L, retrying);
  if (!retrying) return 1;
  lks_result result;
  lks_call_result(box->call, &result);
  lua_pushstring(L, lks_kind_name(result.kind));
  return 2;
}

/* call:slot_came() -> whether it holds one that it waited for and that has come */
static int call_slot_came(lua_State *L) {
  lua_pushboolean(L, lks_call_slot_came(lks_lua_check_call(L)->call));
  return 1;
}

/* call:slot() -> when the slot comes that is waited for; nil when none is */
static int call_slot(lua_State *L) {
  lks_time slot;
  if (!lks_call_awaits_slot(lks_lua_check_call(L)->call, &slot)) return 0;
  lks_lua_push_span(L, slot);
  return 1;
}

/* call:observe(state, now, limit | nil, remaining | nil, reset | nil): what the answer told of the quota, `now` by the
 * state's clock */
static int call_observe(lua_State *L) {
  lks_call_box *box = lks_lua_check_call(L);
  lks_time now = lks_lua_check_time(L, 3);
  lks_span since = lks_call_now(box->call) - lks_call_attempt_began(box->call);
  lks_state_observe(lks_lua_check_state(L, 2), now, now - since, luaL_optstring(L, 4, NULL), luaL_optstring(L, 5, NULL),
                    luaL_optstring(L, 6, NULL));
  return 0;
}

static int call_is_reading(lua_State *L) {
  lua_pushboolean(L, lks_call_is_reading(lks_lua_check_call(L)->call));
  return 1;
}

/* call:operation() -> its name */
static int call_operation(lua_State *L) {
  lua_pushstring(L, lks_call_operation(lks_lua_check_call(L)->call)->name);
  return 1;
}

/* call:holds_key(key) -> whether the attempt was, or would be, sent with that key */
static int call_holds_key(lua_State *L) {
  lks_key *key = lks_call_current_key(lks_lua_check_call(L)->call);
  lua_pushboolean(L, key != NULL && lks_key_equal(key, lks_lua_check_key(L, 2)));
  return 1;
}

static void set_number(lua_State *L, const char *name, int value) {
  lua_pushinteger(L, value);
  lua_setfield(L, -2, name);
}

void lks_lua_open_call(lua_State *L) {
  static const luaL_Reg methods[] = {{"next", call_next},
                                     {"request", call_request},
                                     {"values", call_values},
                                     {"target", call_target},
                                     {"key", call_key},
                                     {"grant", call_grant},
                                     {"later", call_later},
                                     {"take", call_take},
                                     {"take_from", call_take_from},
                                     {"paced", call_paced},
                                     {"settle", call_settle},
                                     {"attempt", call_attempt},
                                     {"deadline", call_deadline},
                                     {"is_retrying", call_is_retrying},
                                     {"is_reading", call_is_reading},
                                     {"slot_came", call_slot_came},
                                     {"slot", call_slot},
                                     {"observe", call_observe},
                                     {"state_name", call_state_name},

                                     {"holds_key", call_holds_key},
                                     {"operation", call_operation},
                                     {"close", call_collect},
                                     {NULL, NULL}};
  lks_lua_new_type(L, LKS_CALL_TYPE, methods, call_collect);
  lua_pushcfunction(L, call_new);
  lua_setfield(L, -2, "call");
  set_number(L, "KEY", LKS_ACTION_KEY);
  set_number(L, "PACE", LKS_ACTION_PACE);
  set_number(L, "WAIT", LKS_ACTION_WAIT);
  set_number(L, "SEND", LKS_ACTION_SEND);
  set_number(L, "DONE", LKS_ACTION_DONE);
  set_number(L, "FAILED", LKS_ACTION_FAILED);
}
