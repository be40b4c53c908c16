/* How fast calls may go, and how long. */
#include "binding.h"

#include <math.h>

static const char *const pacings[] = {
    [LKS_PACING_WAIT] = "wait", [LKS_PACING_FAIL] = "fail", [LKS_PACING_OFF] = "off", NULL};

/* Reads the table on top of the stack. */
static bool read_window(lua_State *L, lks_window *window) {
  if (!lua_istable(L, -1)) return false;
  lua_rawgeti(L, -1, 1);
  lua_rawgeti(L, -2, 2);
  bool numbers = lua_type(L, -2) == LUA_TNUMBER && lua_type(L, -1) == LUA_TNUMBER;
  double requests = numbers ? (double)lua_tonumber(L, -2) : 0, seconds = numbers ? (double)lua_tonumber(L, -1) : 0;
  lua_pop(L, 2);
  if (!(requests >= 1 && requests <= LKS_WINDOW_REQUESTS_MAX) || requests != (double)(unsigned)requests) return false;
  if (!(seconds >= lks_span_to_seconds(1)) || isinf(seconds)) return false;
  *window = (lks_window){(unsigned)requests, lks_span_from_seconds(seconds)};
  return true;
}

/* Reads a list; nil or absent: none. */
static bool read_windows(lua_State *L, int index, lks_windows *windows) {
  windows->count = 0;
  if (lua_isnoneornil(L, index)) return true;
  size_t entries = 0, count = lua_istable(L, index) ? lua_rawlen(L, index) : SIZE_MAX;
  if (count > LKS_WINDOWS_MAX) return false;
  lua_pushnil(L);
  for (; lua_next(L, index); lua_pop(L, 1)) entries++;
  if (entries != count) return false;
  for (size_t i = 0; i < count; i++) {
    lua_rawgeti(L, index, (int)i + 1);
    if (!read_window(L, &windows->window[i])) return false;
    lua_pop(L, 1);
  }
  windows->count = (unsigned)count;
  return true;
}

static const char *push_windows_rule(lua_State *L) {
  return lua_pushfstring(L,
                         "must be a list of at most %d { requests, seconds }: 1 to %d requests in a microsecond or "
                         "more",
                         LKS_WINDOWS_MAX, LKS_WINDOW_REQUESTS_MAX);
}

void lks_lua_check_windows(lua_State *L, int index, lks_windows *windows) {
  if (!read_windows(L, index, windows)) luaL_argerror(L, index, push_windows_rule(L));
}

/* core.windows_problem(value) -> what is wrong with it as a list of windows | nil */
static int windows_problem(lua_State *L) {
  lks_windows windows;
  lua_settop(L, 1);
  if (read_windows(L, 1, &windows)) return 0;
  (void)push_windows_rule(L);
  return 1;
}

void lks_lua_read_limits(lua_State *L, int index, lks_time now, lks_limits *limits) {
  if (lua_isnoneornil(L, index)) return;
  luaL_checktype(L, index, LUA_TTABLE);
  lua_pushnil(L);
  if (!lua_next(L, index)) return; /* most calls have none */
  lua_pop(L, 2);
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
  if (!lua_isnil(L, -1)) limits->pacing = (lks_pacing)luaL_checkoption(L, -1, NULL, pacings);
  lua_pop(L, 5);
}

static void set_span(lua_State *L, const char *name, lks_span span) {
  lks_lua_push_span(L, span);
  lua_setfield(L, -2, name);
}

static void set_whole(lua_State *L, const char *name, long long number) {
  lks_lua_push_whole(L, number);
  lua_setfield(L, -2, name);
}

void lks_lua_open_limits(lua_State *L) {
  lua_pushcfunction(L, windows_problem);
  lua_setfield(L, -2, "windows_problem");
  lua_newtable(L); /* the options of a client that somebody may leave out, and the timeout of one inside a server */
  set_span(L, "timeout", LKS_DEFAULT_TIMEOUT);
  set_span(L, "attempt_timeout", LKS_DEFAULT_ATTEMPT_TIMEOUT);
  set_span(L, "connect_timeout", LKS_DEFAULT_CONNECT_TIMEOUT);
  set_span(L, "pacing_margin", LKS_DEFAULT_MARGIN);
  set_whole(L, "max_retries", LKS_DEFAULT_MAX_RETRIES);
  set_whole(L, "max_response_bytes", LKS_DEFAULT_RESPONSE_BYTES);
  lua_pushstring(L, pacings[LKS_DEFAULT_PACING]);
  lua_setfield(L, -2, "pacing");
  lua_setfield(L, -2, "defaults");
  set_span(L, "server_timeout", LKS_DEFAULT_SERVER_TIMEOUT);
}
