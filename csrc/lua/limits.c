/* How fast calls may go, and how long. */
#include "binding.h"

void lks_lua_check_windows(lua_State *L, int index, lks_windows *windows) {
  windows->count = 0;
  if (lua_isnoneornil(L, index)) return;
  luaL_checktype(L, index, LUA_TTABLE);
  size_t count = lua_rawlen(L, index);
  luaL_argcheck(L, count <= LKS_WINDOWS_MAX, index, "too many windows");
  for (size_t i = 0; i < count; i++) {
    lua_rawgeti(L, index, (int)(i + 1));
    luaL_argcheck(L, lua_istable(L, -1), index, "a window is { requests, seconds }");
    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    double requests = (double)lua_tonumber(L, -2);
    lks_span per = lks_span_from_seconds((double)lua_tonumber(L, -1));
    luaL_argcheck(L, requests >= 1 && requests <= LKS_WINDOW_REQUESTS_MAX && per > 0, index,
                  "a window is { requests, seconds }, both positive");
    windows->window[i].requests = (unsigned)requests;
    windows->window[i].per = per;
    lua_pop(L, 3);
  }
  windows->count = (unsigned)count;
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
