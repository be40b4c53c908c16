#include "binding.h"

#include <string.h>

void lks_lua_push_quota(lua_State *L, const lks_quota *quota) {
  if (!quota->known) {
    lua_pushnil(L);
    return;
  }
  lua_createtable(L, 0, 4);
  if (quota->limit >= 0) {
    lks_lua_push_whole(L, quota->limit);
    lua_setfield(L, -2, "limit");
  }
  lks_lua_push_whole(L, quota->remaining);
  lua_setfield(L, -2, "remaining");
  lks_lua_push_span(L, quota->reset);
  lua_setfield(L, -2, "reset");
  lks_lua_push_span(L, quota->as_of);
  lua_setfield(L, -2, "as_of");
}

/* What is no quota is none that is known; what the service tells next takes its place. */
static void read_quota(lua_State *L, int index, lks_quota *quota) {
  size_t length;
  const char *text = luaL_optlstring(L, index, "", &length);
  lks_quota_read(quota, text, length);
}

static void push_text(lua_State *L, const lks_quota *quota) {
  lks_buffer text;
  lks_buffer_init(&text, LKS_QUOTA_TEXT_MAX);
  char copy[LKS_QUOTA_TEXT_MAX + 1] = "";
  bool complete = lks_quota_write(quota, &text);
  if (complete) memcpy(copy, text.data, text.length + 1);
  lks_buffer_free(&text);
  if (complete)
    lua_pushstring(L, copy);
  else
    lks_lua_no_memory(L);
}

/* core.quota_observe(text | nil, now, limit | nil, remaining, reset | nil) -> new text | nil when nothing changed */
static int quota_observe(lua_State *L) {
  lks_quota quota;
  read_quota(L, 1, &quota);
  if (lks_quota_observe(&quota, lks_lua_check_time(L, 2), luaL_optstring(L, 3, NULL), luaL_optstring(L, 4, NULL),
                        luaL_optstring(L, 5, NULL)))
    push_text(L, &quota);
  else
    lua_pushnil(L);
  return 1;
}

/* core.quota_admit(text | nil, now) -> true, needs_probe | false, retry_after */
static int quota_admit(lua_State *L) {
  lks_quota quota;
  read_quota(L, 1, &quota);
  lks_span retry_after = 0;
  bool admitted = lks_quota_admit(&quota, lks_lua_check_time(L, 2), &retry_after);
  lua_pushboolean(L, admitted);
  if (admitted)
    lua_pushboolean(L, quota.probe != 0);
  else
    lks_lua_push_span(L, retry_after);
  return 2;
}

/* core.quota_read(text | nil, now) -> { limit, remaining, reset, as_of } | nil, left | nil */
static int quota_read(lua_State *L) {
  lks_quota quota;
  read_quota(L, 1, &quota);
  long long left = lks_quota_left(&quota, lks_lua_check_time(L, 2));
  lks_lua_push_quota(L, &quota);
  if (left < 0)
    lua_pushnil(L);
  else
    lks_lua_push_whole(L, left);
  return 2;
}

/* core.month_end(now) -> Unix seconds of the next month's first instant, UTC */
static int month_end(lua_State *L) {
  lks_lua_push_span(L, lks_month_end(lks_lua_check_time(L, 1)));
  return 1;
}

void lks_lua_open_quota(lua_State *L) {
  static const luaL_Reg functions[] = {{"quota_observe", quota_observe},
                                       {"quota_admit", quota_admit},
                                       {"quota_read", quota_read},
                                       {"month_end", month_end},
                                       {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
}
