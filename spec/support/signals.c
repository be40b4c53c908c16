/* For spec/interrupt_spec.lua: a handler that returns.
 *
 *   signals.watch()   from now on SIGUSR1 is counted, and cuts system calls short
 *   signals.count()   how often it came */
#define _POSIX_C_SOURCE 200809L

#include <lauxlib.h>
#include <lua.h>

#include <signal.h>

int luaopen_signals(lua_State *L);

static volatile sig_atomic_t count;

static void on_signal(int number) {
  (void)number;
  count++;
}

static int signals_watch(lua_State *L) {
  struct sigaction action = {.sa_handler = on_signal};
  if (sigaction(SIGUSR1, &action, NULL) != 0) return luaL_error(L, "sigaction");
  return 0;
}

static int signals_count(lua_State *L) {
  lua_pushinteger(L, count);
  return 1;
}

int luaopen_signals(lua_State *L) {
  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, signals_watch);
  lua_setfield(L, -2, "watch");
  lua_pushcfunction(L, signals_count);
  lua_setfield(L, -2, "count");
  return 1;
}
