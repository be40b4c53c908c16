/* core.journal(path) -> journal | nil, message: the binding of a file that only grows, see file/journal.h. */
#include "binding.h"

#include <string.h>

#include "file/journal.h"

#define JOURNAL_TYPE "locksmith.journal"

typedef struct journal_box {
  lks_journal journal;
  lks_buffer text; /* where the file is read to, so that an error of Lua's loses no memory */
} journal_box;

static journal_box *check_journal(lua_State *L) {
  return luaL_checkudata(L, 1, JOURNAL_TYPE);
}

/* Pushes true, or nil and the problem; raises a lack of memory. */
static int push_answer(lua_State *L, const char *problem) {
  if (problem == NULL) {
    lua_pushboolean(L, 1);
    return 1;
  }
  if (strcmp(problem, LKS_JOURNAL_NO_MEMORY) == 0) return lks_lua_no_memory(L);
  lua_pushnil(L);
  lua_pushstring(L, problem);
  return 2;
}

static int journal_new(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  journal_box *box = lua_newuserdata(L, sizeof *box);
  box->journal = (lks_journal){.fd = -1};
  lks_buffer_init(&box->text, LKS_JOURNAL_MAX);
  luaL_getmetatable(L, JOURNAL_TYPE);
  lua_setmetatable(L, -2);
  const char *problem = lks_journal_open(&box->journal, path);
  return problem == NULL ? 1 : push_answer(L, problem);
}

/* journal:read() -> all that is in the file | nil, message */
static int journal_read(lua_State *L) {
  journal_box *box = check_journal(L);
  lks_buffer_clear(&box->text);
  const char *problem = lks_journal_read(&box->journal, &box->text);
  if (problem != NULL) return push_answer(L, problem);
  lua_pushlstring(L, box->text.length == 0 ? "" : box->text.data, box->text.length);
  lks_buffer_free(&box->text);
  return 1;
}

/* journal:cut(size) -> true | nil, message */
static int journal_cut(lua_State *L) {
  journal_box *box = check_journal(L);
  return push_answer(L, lks_journal_cut(&box->journal, (size_t)luaL_checknumber(L, 2)));
}

/* journal:append(lines, flush) -> true | nil, message */
static int journal_append(lua_State *L) {
  journal_box *box = check_journal(L);
  size_t length;
  const char *lines = luaL_checklstring(L, 2, &length);
  return push_answer(L, lks_journal_append(&box->journal, lines, length, lua_toboolean(L, 3) != 0));
}

static int journal_close(lua_State *L) {
  journal_box *box = check_journal(L);
  lks_journal_close(&box->journal);
  lks_buffer_free(&box->text);
  return 0;
}

void lks_lua_open_journal(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"read", journal_read}, {"cut", journal_cut}, {"append", journal_append}, {"close", journal_close}, {NULL, NULL}};
  lks_lua_new_type(L, JOURNAL_TYPE, methods, journal_close);
  lua_pushcfunction(L, journal_new);
  lua_setfield(L, -2, "journal");
}
