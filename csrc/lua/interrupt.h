/* Lets a signal end a wait.
 *
 * A host answers a signal by setting a hook that runs with the next step of Lua, as lua.c does for SIGINT, and a wait
 * in C takes no such steps. So a wait looks up now and then, at the latest when a signal has cut it, and takes one.
 * What the hook raises ends the wait; when it returns, the wait goes on. */
#ifndef LKS_LUA_INTERRUPT_H
#define LKS_LUA_INTERRUPT_H

#include "compat.h"

#include <stdbool.h>

typedef struct lks_interrupt {
  lua_State *L;
  lua_State *main; /* NULL when not known */
  lua_Hook before; /* main's when the wait began */
  int step;        /* index of such a function */
} lks_interrupt;

/* Pushes a function that does next to nothing; for a function that waits to have as an upvalue. It is one of Lua's, so
 * that hooks of every sort run in it. */
static inline void lks_interrupt_push_step(lua_State *L) {
  static const char step[] = "local _ = nil";
  if (luaL_loadbuffer(L, step, sizeof step - 1, "=locksmith (waiting)") != 0) (void)lua_error(L);
}

#if LUA_VERSION_NUM == 501

#define LKS_INTERRUPT_MAIN "locksmith.main"

/* To be called when a module is loaded: Lua 5.1 does not tell its main thread. */
static inline void lks_interrupt_open(lua_State *L) {
  if (lua_pushthread(L))
    lua_setfield(L, LUA_REGISTRYINDEX, LKS_INTERRUPT_MAIN);
  else
    lua_pop(L, 1);
}

static inline void lks_interrupt_push_main(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, LKS_INTERRUPT_MAIN);
}

#else

static inline void lks_interrupt_open(lua_State *L) {
  (void)L;
}

static inline void lks_interrupt_push_main(lua_State *L) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
}

#endif

/* Before a wait. `step`: index of what lks_interrupt_push_step pushed. Needs three free places on the stack. */
static inline lks_interrupt lks_interrupt_begin(lua_State *L, int step) {
  lks_interrupt in = {.L = L, .step = step};
  lks_interrupt_push_main(L);
  in.main = lua_tothread(L, -1); /* the registry keeps it alive */
  lua_pop(L, 1);
  if (in.main != NULL) in.before = lua_gethook(in.main);
  return in;
}

/* Takes a step. False: a hook has raised an error, which is on top of the stack. A host knows only the main thread: the
 * hook that it has set there during the wait runs here, too, when this is another one. */
static inline bool lks_interrupt_pass(const lks_interrupt *in) {
  lua_State *L = in->L;
  lua_Hook wanted = in->main == NULL || in->main == L ? NULL : lua_gethook(in->main);
  bool lend = wanted != NULL && wanted != in->before && wanted != lua_gethook(L);
  lua_Hook own = lua_gethook(L);
  int mask = lua_gethookmask(L), count = lua_gethookcount(L);
  if (lend) lua_sethook(L, wanted, lua_gethookmask(in->main), lua_gethookcount(in->main));
  lua_pushvalue(L, in->step);
  bool passed = lua_pcall(L, 0, 0, 0) == 0;
  if (lend && lua_gethook(L) == wanted) lua_sethook(L, own, mask, count);
  return passed;
}

#endif
