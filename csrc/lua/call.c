#include "binding.h"

#include <string.h>

#include "core/headers.h"

/* The first upvalue of every method is the metatable: comparing it is quicker than finding it by name. */
static lks_call_box *check_box(lua_State *L) {
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
  lks_client_release(box->client);
  box->client = NULL;
}

static int call_collect(lua_State *L) {
  empty(luaL_checkudata(L, 1, LKS_CALL_TYPE));
  return 0;
}

static lks_call_box *push_box(lua_State *L, lks_client *client) {
  lks_call_box *box = lua_newuserdata(L, sizeof *box);
  memset(box, 0, sizeof *box);
  lks_request_init(&box->request);
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

void lks_lua_read_limits(lua_State *L, int index, lks_time now, lks_limits *limits) {
  static const char *const words[] = {
      [LKS_PACING_WAIT] = "wait", [LKS_PACING_FAIL] = "fail", [LKS_PACING_OFF] = "off", NULL};
  if (lua_isnoneornil(L, index)) return;
  luaL_checktype(L, index, LUA_TTABLE);
  lua_getfield(L, index, "timeout");
  if (lua_isnumber(L, -1)) limits->timeout = lks_lua_check_time(L, -1);
  lua_getfield(L, index, "deadline");
  if (lua_isnumber(L, -1)) {
    lks_time deadline = lks_lua_check_time(L, -1);
    limits->timeout = deadline > now ? deadline - now : 0;
  }
  lua_getfield(L, index, "attempt_timeout");
  if (lua_isnumber(L, -1)) limits->attempt_timeout = lks_lua_check_time(L, -1);
  lua_getfield(L, index, "max_retries");
  if (lua_isnumber(L, -1)) {
    double retries = (double)lua_tonumber(L, -1);
    limits->max_retries = retries >= 1000 ? 1000u : retries >= 1 ? (unsigned)retries : 0u;
  }
  lua_getfield(L, index, "pacing");
  if (!lua_isnil(L, -1)) limits->pacing = (lks_pacing)luaL_checkoption(L, -1, NULL, words);
  lua_pop(L, 5);
}

/* A text of the request table at `index`, which keeps it alive; NULL when absent. */
static const char *text_of(lua_State *L, int index, const char *name, size_t *length) {
  lua_getfield(L, index, name);
  *length = 0;
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, length) : NULL;
  lua_pop(L, 1);
  return text;
}

/* Whether the create carries a slug, and who can hold it. */
static void read_slug(lua_State *L, int request, lks_call_options *options) {
  static const char *const holders[] = {
      [LKS_SLUG_GUESSABLE] = "guessable", [LKS_SLUG_FRESH] = "fresh", [LKS_SLUG_OURS] = "ours", NULL};
  if (options->retry != LKS_RETRY_CREATE) return;
  lua_getfield(L, request, "slug");
  if (!lua_isnil(L, -1)) {
    options->slug = (lks_slug)luaL_checkoption(L, -1, NULL, holders);
    options->retry = LKS_RETRY_KEYED;
  }
  lua_pop(L, 1);
}

/* Of an endpoint that the library does not know: method, path, and whether a repeat is harmless. */
static lks_request_status read_endpoint(lua_State *L, int index, const lks_client *client, lks_call_options *options,
                                        lks_request *request) {
  size_t method_length, path_length;
  const char *method = text_of(L, index, "method", &method_length);
  const char *path = text_of(L, index, "path", &path_length);
  luaL_argcheck(L, method != NULL && path != NULL, index, "method and path are needed");
  if (strlen(method) != method_length) return LKS_REQUEST_BAD_METHOD;
  lua_getfield(L, index, "safe");
  options->retry = lua_toboolean(L, -1) ? LKS_RETRY_SAFE : LKS_RETRY_NEVER;
  lua_pop(L, 1);
  options->writes = strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0;
  return lks_request_path(request, lks_client_base_url(client), lks_client_path_prefix(client), method, path,
                          path_length);
}

/* Adds { {name, value}, … }. */
static lks_request_status read_query(lua_State *L, int index, lks_request *request) {
  lks_request_status status = LKS_REQUEST_OK;
  lua_getfield(L, index, "query");
  int query = lua_gettop(L), count = lua_istable(L, query) ? (int)lua_rawlen(L, query) : 0;
  for (int i = 1; i <= count && status == LKS_REQUEST_OK; i++) {
    size_t name_length, value_length;
    lua_rawgeti(L, query, i);
    luaL_checktype(L, -1, LUA_TTABLE);
    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    const char *name = luaL_checklstring(L, -2, &name_length), *value = luaL_checklstring(L, -1, &value_length);
    status = lks_request_query(request, name, name_length, value, value_length);
    lua_settop(L, query);
  }
  lua_pop(L, 1);
  return status;
}

/* core.call(client, operation, now, limits | nil, request) -> call | nil, message
 *   limits: see binding.h; what they leave out is the client's
 *   request: { id, body, slug, query }, or { method, path, safe, body, query } where the operation has no route of its
 *   own; all texts but `safe`, and `query`, a list of pairs of texts */
static int call_new(lua_State *L) {
  lua_settop(L, 5);
  lks_client *client = lks_lua_check_client(L, 1);
  const lks_operation *operation = lks_operation_at((size_t)luaL_checkinteger(L, 2));
  luaL_argcheck(L, operation != NULL, 2, "no such operation");
  lks_time now = lks_lua_check_time(L, 3);
  luaL_checktype(L, 5, LUA_TTABLE);
  lks_call_options options = {.operation = operation, .retry = operation->retry, .limits = *lks_client_limits(client)};
  lks_lua_read_limits(L, 4, now, &options.limits);
  size_t id_length, body_length;
  lks_call_box *box = push_box(L, client);
  lks_request_status status;
  if (operation->route == NULL) {
    status = read_endpoint(L, 5, client, &options, &box->request);
  } else {
    const char *id = text_of(L, 5, "id", &id_length);
    read_slug(L, 5, &options);
    status = lks_request_route(&box->request, lks_client_base_url(client), lks_client_path_prefix(client), operation,
                               id, id_length);
  }
  if (status == LKS_REQUEST_OK) status = read_query(L, 5, &box->request);
  const char *body = text_of(L, 5, "body", &body_length);
  if (status == LKS_REQUEST_OK && body != NULL) status = lks_request_set_body(&box->request, body, body_length);
  if (status != LKS_REQUEST_OK) return refuse_request(L, status);
  box->repeatable = options.retry == LKS_RETRY_SAFE && !options.writes;
  box->call = lks_client_call(box->client, &options, now);
  return box->call == NULL ? lks_lua_no_memory(L) : 1;
}

/* Pushes action, seconds, effects. With a memory store, pacing is settled here. */
static int push_next(lua_State *L, lks_call_box *box, lks_memory_store *store, lks_time now) {
  lks_action action = lks_client_next(box->client, store, box->call, &box->ticket, now);
  lua_pushinteger(L, (lua_Integer)action.kind);
  lks_lua_push_span(L, action.span);
  lua_pushinteger(L, (lua_Integer)action.effects);
  return 3;
}

/* call:next(now, memory | nil) -> action, seconds, effects */
static int call_next(lua_State *L) {
  lks_call_box *box = check_box(L);
  return push_next(L, box, lks_lua_opt_memory(L, 3), lks_lua_check_time(L, 2));
}

/* call:request() -> method, url, { {name, value}, … }, body | nil. The header list holds the key. */
static int call_request(lua_State *L) {
  lks_call_box *box = check_box(L);
  luaL_argcheck(L, lks_call_is_sending(box->call), 1, "nothing is to be sent");
  lks_header headers[LKS_REQUEST_HEADERS_MAX];
  size_t count = lks_request_headers(&box->request, lks_call_current_key(box->call), headers);
  lua_pushstring(L, box->request.method);
  lua_pushlstring(L, box->request.url.data, box->request.url.length);
  lua_createtable(L, (int)count, 0);
  for (size_t i = 0; i < count; i++) {
    lua_createtable(L, 2, 0);
    lua_pushstring(L, headers[i].name);
    lua_rawseti(L, -2, 1);
    lua_pushstring(L, headers[i].value);
    lua_rawseti(L, -2, 2);
    lua_rawseti(L, -2, (int)i + 1);
  }
  if (box->request.has_body)
    lua_pushlstring(L, box->request.body.length ? box->request.body.data : "", box->request.body.length);
  else
    lua_pushnil(L);
  return 4;
}

/* call:target() -> method, url without its query: what an event may show */
static int call_target(lua_State *L) {
  lks_call_box *box = check_box(L);
  const lks_buffer *url = &box->request.url;
  const char *query = memchr(url->data, '?', url->length);
  lua_pushstring(L, box->request.method);
  lua_pushlstring(L, url->data, query == NULL ? url->length : (size_t)(query - url->data));
  return 2;
}

static int call_key(lua_State *L) {
  lks_call_box *box = check_box(L);
  lks_call_key(box->call, lks_lua_check_time(L, 2), lks_lua_check_key(L, 3));
  return 0;
}

/* call:grant(now, wait) */
static int call_grant(lua_State *L) {
  lks_call_box *box = check_box(L);
  lks_call_grant(box->call, lks_lua_check_time(L, 2), lks_lua_check_time(L, 3));
  return 0;
}

/* call:later(now, seconds): PACE is to be said again then */
static int call_later(lua_State *L) {
  lks_call_box *box = check_box(L);
  lks_call_later(box->call, lks_lua_check_time(L, 2), lks_lua_check_time(L, 3));
  return 0;
}

/* call:take(state, now, longest) -> the wait for the slot that was taken, nil when none was. `now` by the state's
 * clock. Nothing is changed but the state until call:paced. */
static int call_take(lua_State *L) {
  lks_call_box *box = check_box(L);
  lks_state *state = lks_lua_check_state(L, 2);
  const lks_wish wish = lks_client_wish(box->call, lks_lua_check_time(L, 4));
  box->taken.ticket = box->ticket;
  box->taken.kind = lks_state_take(state, lks_client_windows(box->client), &wish, lks_lua_check_time(L, 3),
                                   &box->taken.ticket, &box->taken.span);
  if (box->taken.kind == LKS_KIND_NONE)
    lks_lua_push_span(L, box->taken.span);
  else
    lua_pushnil(L);
  return 1;
}

/* call:paced(now, ago): what was taken `ago` seconds before holds */
static int call_paced(lua_State *L) {
  lks_call_box *box = check_box(L);
  lks_time now = lks_lua_check_time(L, 2), ago = lks_lua_check_time(L, 3);
  box->ticket = box->taken.ticket;
  lks_span span = box->taken.span;
  lks_client_paced(box->call, now, box->taken.kind, box->taken.kind == LKS_KIND_NONE ? span - ago : span);
  return 0;
}

/* call:settle(state, now, effects, keep): tells the state of effects announced; `keep`: the ticket stays as it was, to
 * be told of once more */
static int call_settle(lua_State *L) {
  lks_call_box *box = check_box(L);
  lks_state *state = lks_lua_check_state(L, 2);
  const lks_settlement settlement = lks_client_settlement(box->call, (unsigned)luaL_checkinteger(L, 4));
  lks_ticket ticket = box->ticket;
  lks_state_settle(state, &ticket, lks_lua_check_time(L, 3), &settlement);
  if (!lua_toboolean(L, 5)) box->ticket = ticket;
  return 0;
}

static lks_kind check_kind(lua_State *L, int index) {
  lks_kind kind = lks_kind_find(luaL_checkstring(L, index));
  luaL_argcheck(L, kind != LKS_KIND_NONE, index, "no such kind");
  return kind;
}

/* call:refuse(now, kind, retry_after | nil, message | nil) */
static int call_refuse(lua_State *L) {
  lks_call_box *box = check_box(L);
  lks_span retry_after = lua_isnoneornil(L, 4) ? -1 : lks_lua_check_time(L, 4);
  lks_call_refuse(box->call, lks_lua_check_time(L, 2), check_kind(L, 3), retry_after, luaL_optstring(L, 5, NULL));
  return 0;
}

/* Fills from raw header lines (a string) or from a table of lower-case names. */
static void read_headers(lua_State *L, int index, lks_policy_headers *headers) {
  static const char *const names[] = {"retry-after", "x-api-quota-limit", "x-api-quota-remaining", "x-api-quota-reset"};
  size_t length;
  lks_headers_clear(headers);
  if (lua_type(L, index) == LUA_TSTRING) {
    const char *lines = lua_tolstring(L, index, &length);
    lks_headers_read(headers, lines, length);
  } else if (lua_istable(L, index)) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
      lua_getfield(L, index, names[i]);
      if (lua_type(L, -1) == LUA_TSTRING || lua_type(L, -1) == LUA_TNUMBER) {
        const char *value = lua_tolstring(L, -1, &length);
        lks_headers_take(headers, names[i], strlen(names[i]), value, length);
      }
      lua_pop(L, 1);
    }
  }
}

static lks_body body_at(lua_State *L, int index) {
  if (lua_isnil(L, index)) return LKS_BODY_NONE;
  return lua_type(L, index) == LUA_TBOOLEAN && !lua_toboolean(L, index) ? LKS_BODY_GARBAGE : LKS_BODY_JSON;
}

/* call:response(now, chance, status, headers, connected, body, memory | nil)
 *   headers: raw lines or a table; body: nil (empty), false (not JSON) or the decoded value; memory: where the quota is
 *   kept. Returns the three header values when the quota is kept elsewhere. */
static int call_response(lua_State *L) {
  lks_call_box *box = check_box(L);
  lua_settop(L, 8);
  lks_policy_headers headers;
  read_headers(L, 5, &headers);
  lks_received received = {
      .status = (int)luaL_checkinteger(L, 4),
      .body = body_at(L, 7),
      .headers = &headers,
      .connected = lks_lua_check_time(L, 6),
  };
  lks_memory_store *store = lks_lua_opt_memory(L, 8);
  if (received.status >= 400) lks_lua_read_refusal(L, 7, &received.refusal);
  lks_client_response(box->client, store, box->call, lks_lua_check_time(L, 2), (double)luaL_checknumber(L, 3),
                      &received, &box->quota);
  if (store != NULL || !box->quota.known) return 0;
  lua_pushstring(L, lks_headers_value(headers.quota_limit));
  lua_pushstring(L, headers.quota_remaining);
  lua_pushstring(L, lks_headers_value(headers.quota_reset));
  return 3;
}

/* call:failure(now, chance, kind, sent, permanent, message | nil, status | nil) */
static int call_failure(lua_State *L) {
  lks_call_box *box = check_box(L);
  lks_failure failure = {
      .kind = check_kind(L, 4),
      .sent = lua_toboolean(L, 5) != 0,
      .permanent = lua_toboolean(L, 6) != 0,
      .message = luaL_optstring(L, 7, NULL),
      .status = (int)luaL_optinteger(L, 8, 0),
  };
  lks_call_failure(box->call, lks_lua_check_time(L, 2), (double)luaL_checknumber(L, 3), &failure);
  return 0;
}

/* call:resent(): the transport sent the attempt that is out once more by itself */
static int call_resent(lua_State *L) {
  lks_call_resent(check_box(L)->call, 1);
  return 0;
}

/* call:abort(now, kind, message, sent): `sent` false when a request that is out certainly did not leave */
static int call_abort(lua_State *L) {
  lks_call_box *box = check_box(L);
  bool sent = lua_isnoneornil(L, 5) || lua_toboolean(L, 5);
  lks_call_abort(box->call, lks_lua_check_time(L, 2), check_kind(L, 3), sent, luaL_optstring(L, 4, NULL));
  return 0;
}

static void push_attempt(lua_State *L, const lks_attempt *attempt) {
  lua_createtable(L, 0, 4);
  if (attempt->kind != LKS_KIND_NONE) {
    lua_pushstring(L, lks_kind_name(attempt->kind));
    lua_setfield(L, -2, "kind");
  }
  if (attempt->status != 0) {
    lua_pushinteger(L, attempt->status);
    lua_setfield(L, -2, "status");
  }
  lks_lua_push_span(L, attempt->elapsed);
  lua_setfield(L, -2, "elapsed");
  lks_lua_push_span(L, attempt->wait);
  lua_setfield(L, -2, "wait");
  if (attempt->resent > 0) {
    lks_lua_push_whole(L, attempt->resent);
    lua_setfield(L, -2, "resent");
  }
}

static void set_text(lua_State *L, const char *name, const char *value) {
  if (value == NULL) return;
  lua_pushstring(L, value);
  lua_setfield(L, -2, name);
}

static void set_span(lua_State *L, const char *name, lks_span span) {
  if (span < 0) return;
  lks_lua_push_span(L, span);
  lua_setfield(L, -2, name);
}

static void set_boolean(lua_State *L, const char *name, bool value) {
  lua_pushboolean(L, value);
  lua_setfield(L, -2, name);
}

static void set_failure(lua_State *L, const lks_call_box *box, const lks_result *result) {
  set_text(L, "kind", lks_kind_name(result->kind));
  set_text(L, "outcome", lks_outcome_name(result->outcome));
  set_text(L, "source", lks_source_name(result->source));
  set_text(L, "operation", lks_call_operation(box->call)->name);
  set_text(L, "code", result->code);
  set_text(L, "message", result->message);
  set_span(L, "retry_after", result->retry_after);
  set_boolean(L, "retryable", lks_error_retryable(result->kind, result->status));
}

/* call:result() -> { status, elapsed, attempts = { { kind, status, elapsed, wait, resent }, … } } and, of a success,
 * recovered and quota; of a failure, the other fields of an error object. Nothing else can be asked of the call
 * afterwards: it forgets its request and its key. */
static int call_result(lua_State *L) {
  lks_call_box *box = check_box(L);
  lks_result result;
  lks_call_result(box->call, &result);
  if (result.kind == LKS_KIND_NO_MEMORY) return lks_lua_no_memory(L);
  lua_createtable(L, 0, 14);
  if (result.status != 0) {
    lua_pushinteger(L, result.status);
    lua_setfield(L, -2, "status");
  }
  set_span(L, "elapsed", result.elapsed);
  lua_createtable(L, (int)result.attempt_count, 0);
  for (size_t i = 0; i < result.attempt_count; i++) {
    push_attempt(L, &result.attempts[i]);
    lua_rawseti(L, -2, (int)i + 1);
  }
  lua_setfield(L, -2, "attempts");
  if (result.kind != LKS_KIND_NONE) {
    set_failure(L, box, &result);
  } else {
    set_boolean(L, "recovered", result.recovered);
    lks_lua_push_quota(L, &box->quota);
    lua_setfield(L, -2, "quota");
  }
  empty(box);
  return 1;
}

/* call:lateness() and call:pause() -> seconds; valid with the effect that announced them */
static int call_lateness(lua_State *L) {
  lks_lua_push_span(L, lks_call_lateness(check_box(L)->call));
  return 1;
}

static int call_pause(lua_State *L) {
  lks_lua_push_span(L, lks_call_pause(check_box(L)->call));
  return 1;
}

/* call:state_name() -> where the windows, pauses and quota of its key are kept */
static int call_state_name(lua_State *L) {
  lks_call_box *box = check_box(L);
  char name[LKS_STATE_NAME_SIZE];
  lks_client_call_state(box->client, box->call, name);
  lua_pushstring(L, name);
  return 1;
}

/* call:attempt() -> number of the running or last attempt */
static int call_attempt(lua_State *L) {
  lks_lua_push_whole(L, (long long)lks_call_attempt_count(check_box(L)->call));
  return 1;
}

static int call_deadline(lua_State *L) {
  lks_lua_push_span(L, lks_call_deadline(check_box(L)->call));
  return 1;
}

/* call:is_retrying() -> whether it waits between attempts, and the kind of what ended the last one */
static int call_is_retrying(lua_State *L) {
  lks_call_box *box = check_box(L);
  bool retrying = lks_call_is_retrying(box->call);
  lua_pushboolean(L, retrying);
  if (!retrying) return 1;
  lks_result result;
  lks_call_result(box->call, &result);
  lua_pushstring(L, lks_kind_name(result.kind));
  return 2;
}

/* call:holds_slot() -> whether it holds one that it waited for and that has come */
static int call_holds_slot(lua_State *L) {
  lua_pushboolean(L, lks_call_holds_slot(check_box(L)->call));
  return 1;
}

static int call_is_reading(lua_State *L) {
  lua_pushboolean(L, lks_call_is_reading(check_box(L)->call));
  return 1;
}

/* call:secret() -> the key, for taking it out of what the service said; nil without one */
static int call_secret(lua_State *L) {
  lks_key *key = lks_call_current_key(check_box(L)->call);
  if (key == NULL)
    lua_pushnil(L);
  else
    lua_pushstring(L, lks_key_text(key));
  return 1;
}

/* call:counts_quota() -> whether a success takes one from the monthly quota */
static int call_counts_quota(lua_State *L) {
  lua_pushboolean(L, (lks_call_operation(check_box(L)->call)->flags & LKS_OPERATION_QUOTA) != 0);
  return 1;
}

/* call:is_unpaced() -> whether the call is sent whatever the windows say */
static int call_is_unpaced(lua_State *L) {
  lua_pushboolean(L, lks_call_pacing(check_box(L)->call) == LKS_PACING_OFF);
  return 1;
}

/* call:operation() -> its name */
static int call_operation(lua_State *L) {
  lua_pushstring(L, lks_call_operation(check_box(L)->call)->name);
  return 1;
}

/* call:holds_key(key) -> whether the attempt was, or would be, sent with that key */
static int call_holds_key(lua_State *L) {
  lks_key *key = lks_call_current_key(check_box(L)->call);
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
                                     {"target", call_target},
                                     {"key", call_key},
                                     {"grant", call_grant},
                                     {"later", call_later},
                                     {"take", call_take},
                                     {"paced", call_paced},
                                     {"settle", call_settle},
                                     {"refuse", call_refuse},
                                     {"response", call_response},
                                     {"failure", call_failure},
                                     {"resent", call_resent},
                                     {"abort", call_abort},
                                     {"result", call_result},
                                     {"lateness", call_lateness},
                                     {"pause", call_pause},
                                     {"attempt", call_attempt},
                                     {"deadline", call_deadline},
                                     {"is_retrying", call_is_retrying},
                                     {"is_reading", call_is_reading},
                                     {"holds_slot", call_holds_slot},
                                     {"state_name", call_state_name},
                                     {"secret", call_secret},
                                     {"counts_quota", call_counts_quota},
                                     {"holds_key", call_holds_key},
                                     {"is_unpaced", call_is_unpaced},
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
  set_number(L, "RELEASE", LKS_EFFECT_RELEASE);
  set_number(L, "MOVE", LKS_EFFECT_MOVE);
  set_number(L, "PAUSE", LKS_EFFECT_PAUSE);
}
