/* What came of a call. */
#include "binding.h"

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
  if (result->message == NULL && result->status != 0) {
    lua_pushfstring(L, "HTTP %d", result->status);
    lua_setfield(L, -2, "message");
  }
  set_text(L, "message", result->message);
  set_span(L, "retry_after", result->retry_after);
  set_boolean(L, "retryable", lks_error_retryable(result->kind, result->status));
}

/* call:result() -> { status, elapsed, attempts = { { kind, status, elapsed, wait, resent }, … } } and, of a success,
 * recovered and quota; of a failure, the other fields of an error object, whose texts show no secret. */
static int call_result(lua_State *L) {
  lks_call_box *box = lks_lua_check_call(L);
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
  return 1;
}

/* call:success() -> status, whether the headers of the answer can be shown as they came, elapsed, elapsed and wait of
 * its attempt, recovered, and limit | nil, remaining, reset and as_of of the quota, or nothing of an unknown one: of a
 * call that succeeded with its first attempt. Nothing at all of any other, see call:result. */
static int call_success(lua_State *L) {
  lks_call_box *box = lks_lua_check_call(L);
  const lks_quota *quota = &box->quota;
  lks_result result;
  lks_call_result(box->call, &result);
  if (result.kind != LKS_KIND_NONE || result.attempt_count != 1 || result.status == 0) return 0;
  const lks_attempt *attempt = result.attempts;
  if (attempt->kind != LKS_KIND_NONE || attempt->status != result.status || attempt->resent > 0) return 0;
  lua_settop(L, 0);
  lua_pushinteger(L, result.status);
  lua_pushboolean(L, box->headers_open);
  lks_lua_push_span(L, result.elapsed);
  lks_lua_push_span(L, attempt->elapsed);
  lks_lua_push_span(L, attempt->wait);
  lua_pushboolean(L, result.recovered);
  if (!quota->known) return 6;
  if (quota->limit >= 0)
    lks_lua_push_whole(L, quota->limit);
  else
    lua_pushnil(L);
  lks_lua_push_whole(L, lks_quota_remaining(quota));
  lks_lua_push_span(L, quota->reset);
  lks_lua_push_span(L, quota->as_of);
  return 10;
}

void lks_lua_open_result(lua_State *L) {
  static const luaL_Reg methods[] = {{"result", call_result}, {"success", call_success}, {NULL, NULL}};
  lks_lua_add_methods(L, LKS_CALL_TYPE, methods);
}
