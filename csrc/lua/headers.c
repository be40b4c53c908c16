/* The headers of an answer as a table. */
#include "binding.h"

#include <string.h>

#include "core/headers.h"

#define NAME_MAX_LENGTH 128

static void push_value(lua_State *L, const lks_header_line *header) {
  if (memchr(header->value, '\n', header->value_length) == NULL) {
    lua_pushlstring(L, header->value, header->value_length);
    return;
  }
  char *room = lua_newuserdata(L, header->value_length);
  lua_pushlstring(L, room, lks_headers_unfold(header->value, header->value_length, room));
  lua_remove(L, -2);
}

/* Pushes the name in small letters. */
static void push_name(lua_State *L, const lks_header_line *header) {
  char lower[NAME_MAX_LENGTH];
  for (size_t i = 0; i < header->name_length; i++) {
    char c = header->name[i];
    lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
  }
  lua_pushlstring(L, lower, header->name_length);
}

/* Adds the value at the top, which is popped, to the list of the name below it in the table at `lists`; `first` is the
 * value that the name had before. */
static void add_repeated(lua_State *L, int lists, int name, int first) {
  lua_pushvalue(L, name);
  lua_rawget(L, lists);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_createtable(L, 4, 0);
    lua_pushvalue(L, first);
    lua_rawseti(L, -2, 1);
    lua_pushvalue(L, name);
    lua_pushvalue(L, -2);
    lua_rawset(L, lists);
  }
  lua_insert(L, -2);
  lua_rawseti(L, -2, (int)lua_rawlen(L, -2) + 1);
  lua_pop(L, 1);
}

/* Puts the joined lists in the table at `lists` into that at `headers`. */
static void join_repeated(lua_State *L, int lists, int headers) {
  lua_pushnil(L);
  while (lua_next(L, lists)) { /* name, list */
    int list = lua_gettop(L), count = (int)lua_rawlen(L, list);
    luaL_Buffer joined;
    lua_pushvalue(L, list - 1);
    luaL_buffinit(L, &joined);
    for (int i = 1; i <= count; i++) {
      if (i > 1) luaL_addlstring(&joined, ", ", 2);
      lua_rawgeti(L, list, i);
      luaL_addvalue(&joined);
    }
    luaL_pushresult(&joined);
    lua_rawset(L, headers);
    lua_settop(L, list - 1);
  }
}

/* core.headers(lines) -> { lower-case name = value }; of a repeated header the values are joined as a list
 * (RFC 9110, 5.3). What follows a line that begins with a blank belongs to the one before. */
static int headers_read(lua_State *L) {
  enum { HEADERS = 2, LISTS, NAME, VALUE, FIRST };
  size_t length;
  const char *lines = luaL_checklstring(L, 1, &length), *end = lines + length;
  lks_header_line header;
  lua_settop(L, 1);
  lua_createtable(L, 0, 12);
  lua_pushnil(L);
  while (lks_headers_next(&lines, end, &header)) {
    if (header.name_length > NAME_MAX_LENGTH) continue;
    push_name(L, &header);
    push_value(L, &header);
    lua_pushvalue(L, NAME);
    lua_rawget(L, HEADERS);
    if (lua_isnil(L, FIRST)) {
      lua_settop(L, VALUE);
      lua_rawset(L, HEADERS);
    } else {
      if (lua_isnil(L, LISTS)) {
        lua_newtable(L);
        lua_replace(L, LISTS);
      }
      lua_pushvalue(L, VALUE);
      add_repeated(L, LISTS, NAME, FIRST);
    }
    lua_settop(L, LISTS);
  }
  if (lua_istable(L, LISTS)) join_repeated(L, LISTS, HEADERS);
  lua_settop(L, HEADERS);
  return 1;
}

void lks_lua_open_headers(lua_State *L) {
  lua_pushcfunction(L, headers_read);
  lua_setfield(L, -2, "headers");
}
