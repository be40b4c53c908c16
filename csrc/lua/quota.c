#include "binding.h"

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
  lks_lua_push_whole(L, lks_quota_remaining(quota));
  lua_setfield(L, -2, "remaining");
  lks_lua_push_span(L, quota->reset);
  lua_setfield(L, -2, "reset");
  lks_lua_push_span(L, quota->as_of);
  lua_setfield(L, -2, "as_of");
}

/* core.month_end(now) -> Unix seconds of the next month's first instant, UTC */
static int month_end(lua_State *L) {
  lks_lua_push_span(L, lks_month_end(lks_lua_check_time(L, 1)));
  return 1;
}

void lks_lua_open_quota(lua_State *L) {
  lua_pushcfunction(L, month_end);
  lua_setfield(L, -2, "month_end");
}
