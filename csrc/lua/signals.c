/* What a command does about SIGINT and SIGTERM: it ends its work in Lua, with what was done kept. */
#include "binding.h"

#include <signal.h>
#include <string.h>

#include "interrupt.h"

static lua_State *ended; /* whose main thread gets the error */
static volatile sig_atomic_t caught;

static void raise_error(lua_State *L, lua_Debug *info) {
  (void)info;
  lua_sethook(L, NULL, 0, 0);
  luaL_error(L, "interrupted!"); /* the text of lua.c, by which what must not be caught is told */
}

/* As lua.c does: to set a hook is all that a handler may do to a state. The next one of its kind ends the process. */
static void on_signal(int number) {
  signal(number, SIG_DFL);
  caught = number;
  lua_sethook(ended, raise_error, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
}

/* core.catch_signals(): from now on SIGINT and SIGTERM raise "interrupted!" in Lua, and end what the system waits for
 */
static int catch_signals(lua_State *L) {
  lks_interrupt_push_main(L);
  ended = lua_tothread(L, -1);
  if (ended == NULL) return 0;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  return 0;
}

/* core.caught_signal() -> number of the signal that was caught last, 0 for none */
static int caught_signal(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)caught);
  return 1;
}

void lks_lua_open_signals(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"catch_signals", catch_signals}, {"caught_signal", caught_signal}, {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
}
