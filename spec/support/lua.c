/* A Lua that can be built with a sanitizer, which must be in a process from its start: lua SCRIPT ARGUMENTS...
 *
 * It can make an allocation fail, which the global table `allocation` asks for:
 *   allocation.fail("lua" | "modules", n)  the n-th from now on, of Lua's own or of the C code of our modules
 *   allocation.hold(boolean)               none fails, and none is counted, while it is true
 *   allocation.failed() -> boolean         whether it came to that; no more fail */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOWHERE, LUA, MODULES };

static int armed;
static long countdown;
static int failing;
static bool held, failed;

static bool refuse(void) {
  if (countdown > 0 && --countdown == 0) {
    failed = true;
    /* Lua collects garbage when there is no memory, and asks once more. */
    failing = armed == LUA ? 2 : 1;
  }
  if (failing == 0) return false;
  failing--;
  return true;
}

static void *allocate(void *unused, void *block, size_t old, size_t size) {
  (void)unused;
  if (size == 0) {
    free(block);
    return NULL;
  }
  if (armed == LUA && !held && (block == NULL || size > old) && refuse()) return NULL;
  return realloc(block, size);
}

/* The modules find malloc and its kin here before they find those of the sanitizer or of the C library. They are called
 * before a sanitizer is ready, too. */
#ifdef __GLIBC__
#define BARE __attribute__((no_sanitize("address", "undefined")))
/* NOLINTBEGIN(*-reserved-identifier,cert-dcl*) */
void *__interceptor_malloc(size_t size) __attribute__((weak));
void *__interceptor_calloc(size_t count, size_t size) __attribute__((weak));
void *__interceptor_realloc(void *block, size_t size) __attribute__((weak));
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);

BARE static bool refuse_module(const void *caller) {
  Dl_info info;
  if (armed != MODULES || held || countdown + failing == 0) return false;
  held = true; /* dladdr may allocate */
  bool ours = dladdr(caller, &info) != 0 && info.dli_fname != NULL && strstr(info.dli_fname, "/locksmith/") != NULL;
  held = false;
  return ours && refuse();
}

BARE void *malloc(size_t size) {
  if (refuse_module(__builtin_return_address(0))) return NULL;
  return __interceptor_malloc != NULL ? __interceptor_malloc(size) : __libc_malloc(size);
}

BARE void *calloc(size_t count, size_t size) {
  if (refuse_module(__builtin_return_address(0))) return NULL;
  return __interceptor_calloc != NULL ? __interceptor_calloc(count, size) : __libc_calloc(count, size);
}

BARE void *realloc(void *block, size_t size) {
  if (refuse_module(__builtin_return_address(0))) return NULL;
  return __interceptor_realloc != NULL ? __interceptor_realloc(block, size) : __libc_realloc(block, size);
}
/* NOLINTEND(*-reserved-identifier,cert-dcl*) */
#endif

static int fail(lua_State *L) {
  static const char *const places[] = {"lua", "modules", NULL};
  int place = luaL_checkoption(L, 1, NULL, places) + 1;
  countdown = (long)luaL_checkinteger(L, 2);
  failing = 0;
  failed = held = false;
  armed = place;
  return 0;
}

static int hold(lua_State *L) {
  held = lua_toboolean(L, 1);
  return 0;
}

static int has_failed(lua_State *L) {
  armed = NOWHERE;
  lua_pushboolean(L, failed);
  return 1;
}

/* As the interpreter of Lua shows an error that ends a program. */
static int message_of(lua_State *L) {
  luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
  return 1;
}

int main(int count, char **words) {
  static const luaL_Reg allocation[] = {{"fail", fail}, {"hold", hold}, {"failed", has_failed}, {NULL, NULL}};
  lua_State *L = lua_newstate(allocate, NULL);
  if (L == NULL || count < 2) return EXIT_FAILURE;
  luaL_openlibs(L);
  luaL_newlib(L, allocation);
  lua_setglobal(L, "allocation");
  lua_createtable(L, count, 0);
  for (int i = 0; i < count; i++) {
    lua_pushstring(L, words[i]);
    lua_rawseti(L, -2, i - 1);
  }
  lua_setglobal(L, "arg");
  lua_pushcfunction(L, message_of);
  int failed_to_run = luaL_loadfile(L, words[1]) != LUA_OK || lua_pcall(L, 0, 0, -2) != LUA_OK;
  if (failed_to_run) fprintf(stderr, "%s\n", lua_tostring(L, -1));
  lua_close(L);
  return failed_to_run ? EXIT_FAILURE : EXIT_SUCCESS;
}
