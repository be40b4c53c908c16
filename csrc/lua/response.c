/* What calls are told of their attempts. */
#include "binding.h"

static lks_kind check_kind(lua_State *L, int index) {
  lks_kind kind = lks_kind_find(luaL_checkstring(L, index));
  luaL_argcheck(L, kind != LKS_KIND_NONE, index, "no such kind");
  return kind;
}

/* call:refuse(now, kind, retry_after | nil, message | nil) */
static int call_refuse(lua_State *L) {
  lks_call_box *box = lks_lua_check_call(L);
  lks_span retry_after = lua_isnoneornil(L, 4) ? -1 : lks_lua_check_time(L, 4);
  lks_call_refuse(box->call, lks_lua_check_time(L, 2), check_kind(L, 3), retry_after, luaL_optstring(L, 5, NULL));
  return 0;
}

static lks_body body_at(lua_State *L, int index) {
  if (lua_isnil(L, index)) return LKS_BODY_NONE;
  return lua_type(L, index) == LUA_TBOOLEAN && !lua_toboolean(L, index) ? LKS_BODY_GARBAGE : LKS_BODY_JSON;
}

/* call:response(now, chance, memory | nil, status, headers, connected | nil, body, known | nil) -> action, seconds,
 * effects: as call:next
 *   memory: where the quota is kept; status, headers, connected: see locksmith.Answer; body: nil (empty), false (not
 *   JSON) or the decoded value; known: what is remembered of a state that is kept elsewhere. Returns the three header
 *   values, too, when the quota is kept elsewhere and they say what was not expected. */
static int call_response(lua_State *L) {
  enum { STATUS = 5, HEADERS, CONNECTED, BODY, KNOWN };
  lks_call_box *box = lks_lua_check_call(L);
  lks_memory_store *store = lks_lua_opt_memory(L, 4);
  lua_settop(L, KNOWN);
  const lks_state *known = lua_isnil(L, KNOWN) ? NULL : lks_lua_check_state(L, KNOWN);
  lks_policy_headers headers;
  box->headers_open = lks_lua_read_headers(L, HEADERS, box, &headers);
  lks_received received = {
      .status = (int)luaL_checkinteger(L, STATUS),
      .body = body_at(L, BODY),
      .headers = &headers,
      .connected = lks_span_from_seconds((double)lua_tonumber(L, CONNECTED)),
  };
  if (received.status >= 400) lks_lua_read_refusal(L, BODY, &received.refusal);
  lks_time now = lks_lua_check_time(L, 2);
  lks_client_response(box->client, store, box->call, now, (double)luaL_checknumber(L, 3), &received, &box->quota);
  int pushed = lks_lua_push_next(L, box, store, now);
  if (store != NULL || !box->quota.known) return pushed;
  const char *limit = lks_headers_value(headers.quota_limit), *reset = lks_headers_value(headers.quota_reset);
  lks_quota told;
  lks_time there = now + box->ahead, sent = there - (lks_call_now(box->call) - lks_call_attempt_began(box->call));
  if (lks_state_expected(known, &box->ticket, there, sent, limit, headers.quota_remaining, reset, &told)) {
    box->quota = told;
    return pushed;
  }
  lua_pushstring(L, limit);
  lua_pushstring(L, headers.quota_remaining);
  lua_pushstring(L, reset);
  return pushed + 3;
}

/* call:failure(now, chance, failure, memory | nil) -> action, seconds, effects; of what a transport gave instead */
static int call_failure(lua_State *L) {
  lks_call_box *box = lks_lua_check_call(L);
  lks_memory_store *store = lks_lua_opt_memory(L, 5);
  lks_time now = lks_lua_check_time(L, 2);
  luaL_checktype(L, 4, LUA_TTABLE);
  lua_settop(L, 4);
  lua_getfield(L, 4, "kind");
  lua_getfield(L, 4, "sent");
  lua_getfield(L, 4, "permanent");
  lua_getfield(L, 4, "message");
  lua_getfield(L, 4, "status");
  lks_failure failure = {
      .kind = check_kind(L, 5),
      .sent = lua_toboolean(L, 6) != 0,
      .permanent = lua_toboolean(L, 7) != 0,
      .message = luaL_optstring(L, 8, NULL),
      .status = (int)lua_tonumber(L, 9),
  };
  lks_call_failure(box->call, now, (double)luaL_checknumber(L, 3), &failure);
  return lks_lua_push_next(L, box, store, now);
}

/* call:resent(): the transport sent the attempt that is out once more by itself */
static int call_resent(lua_State *L) {
  lks_call_resent(lks_lua_check_call(L)->call, 1);
  return 0;
}

/* call:abort(now, kind, message, sent): `sent` false when a request that is out certainly did not leave */
static int call_abort(lua_State *L) {
  lks_call_box *box = lks_lua_check_call(L);
  bool sent = lua_isnoneornil(L, 5) || lua_toboolean(L, 5);
  lks_call_abort(box->call, lks_lua_check_time(L, 2), check_kind(L, 3), sent, luaL_optstring(L, 4, NULL));
  return 0;
}

void lks_lua_open_response(lua_State *L) {
  static const luaL_Reg methods[] = {{"refuse", call_refuse}, {"response", call_response}, {"failure", call_failure},
                                     {"resent", call_resent}, {"abort", call_abort},       {NULL, NULL}};
  lks_lua_add_methods(L, LKS_CALL_TYPE, methods);
}
