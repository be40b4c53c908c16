/* A Lua that can be built with a sanitizer, which must be in a process from its start: lua SCRIPT ARGUMENTS... */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <stdio.h>
#include <stdlib.h>

/* As the interpreter of Lua shows an error that ends a program. */
static int message_of(lua_State *L) {
  luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
  return 1;
}

int main(int count, char **words) {
  lua_State *L = luaL_newstate();
  if (L == NULL || count < 2) return EXIT_FAILURE;
  luaL_openlibs(L);
  lua_createtable(L, count, 0);
  for (int i = 0; i < count; i++) {
    lua_pushstring(L, words[i]);
    lua_rawseti(L, -2, i - 1);
  }
  lua_setglobal(L, "arg");
  lua_pushcfunction(L, message_of);
  int failed = luaL_loadfile(L, words[1]) != LUA_OK || lua_pcall(L, 0, 0, -2) != LUA_OK;
  if (failed) fprintf(stderr, "%s\n", lua_tostring(L, -1));
  lua_close(L);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
