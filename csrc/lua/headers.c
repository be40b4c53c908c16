/* The headers of an answer: as a table, and what policy reads of them. */
#include "binding.h"

#include <string.h>

#include "core/ascii.h"
#include "core/headers.h"

#define NAME_MAX_LENGTH 128

/* Pushes the value. False: it stands on several lines. */
static bool push_value(lua_State *L, const lks_header_line *header) {
  if (memchr(header->value, '\n', header->value_length) == NULL) {
    lua_pushlstring(L, header->value, header->value_length);
    return true;
  }
  char *room = lua_newuserdata(L, header->value_length);
  lua_pushlstring(L, room, lks_headers_unfold(header->value, header->value_length, room));
  lua_remove(L, -2);
  return false;
}

/* Pushes a name of at most NAME_MAX_LENGTH bytes in small letters. */
static void push_lower(lua_State *L, const char *name, size_t length) {
  char lower[NAME_MAX_LENGTH];
  for (size_t i = 0; i < length; i++) {
    lower[i] = lks_ascii_lower(name[i]);
  }
  lua_pushlstring(L, lower, length);
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

/* Of a repeated header the values are joined as a list (RFC 9110, 5.3). What follows a line that begins with a blank
 * belongs to the one before. */
bool lks_lua_push_headers(lua_State *L, const char *lines, size_t length) {
  const int headers = lua_gettop(L) + 1, lists = headers + 1, name = headers + 2, value = headers + 3,
            first = value + 1;
  const char *end = lines + length;
  bool as_sent = true;
  lks_header_line header;
  lks_lua_check_stack(L, 12);
  lua_createtable(L, 0, 12);
  lua_pushnil(L);
  while (lks_headers_next(&lines, end, &header)) {
    if (header.name_length > NAME_MAX_LENGTH) continue;
    push_lower(L, header.name, header.name_length);
    as_sent = push_value(L, &header) && as_sent;
    lua_pushvalue(L, name);
    lua_rawget(L, headers);
    if (lua_isnil(L, first)) {
      lua_settop(L, value);
      lua_rawset(L, headers);
    } else {
      if (lua_isnil(L, lists)) {
        lua_newtable(L);
        lua_replace(L, lists);
      }
      lua_pushvalue(L, value);
      add_repeated(L, lists, name, first);
      as_sent = false;
    }
    lua_settop(L, lists);
  }
  if (lua_istable(L, lists)) join_repeated(L, lists, headers);
  lua_settop(L, headers);
  return as_sent;
}

typedef struct header_reader {
  const lks_call_box *box;
  lks_policy_headers *out;
  lks_text names[LKS_POLICY_HEADERS]; /* of the tables' entries that stand first; NULL: none does yet */
  size_t shortest;                    /* bytes of what a text may not show */
  bool open;
} header_reader;

static void look_for_secrets(header_reader *reader, const char *text, size_t length) {
  if (length < reader->shortest || !reader->open) return;
  const lks_call_box *box = reader->box;
  reader->open = !lks_secrets_shown(&box->secrets, lks_call_current_key(box->call), text, length);
}

/* A folded line shows what its parts do not, once it is unfolded. */
static bool is_folded(const char *lines, size_t length) {
  const char *end = lines + length, *newline = lines;
  while ((newline = memchr(newline, '\n', (size_t)(end - newline))) != NULL)
    if (++newline < end && (*newline == ' ' || *newline == '\t')) return true;
  return false;
}

static int compare(lks_text left, lks_text right) {
  int order = memcmp(left.data, right.data, left.length < right.length ? left.length : right.length);
  return order != 0 ? order : (left.length > right.length) - (left.length < right.length);
}

/* Takes the text on top of the stack as the value of the header `which` under a name. Of names that differ only in
 * case, the first in alphabetical order stands first: a table has none of its own. */
static void read_text(lua_State *L, header_reader *reader, size_t which, lks_text name) {
  size_t length;
  const char *value = lua_tolstring(L, -1, &length);
  look_for_secrets(reader, value, length);
  if (which >= LKS_POLICY_HEADERS) return;
  lks_text *first = &reader->names[which];
  if (first->data != NULL && compare(name, *first) < 0) {
    lks_headers_add_first(reader->out, which, value, length);
    *first = name;
  } else {
    lks_headers_add(reader->out, which, value, length);
    if (first->data == NULL) *first = name;
  }
}

/* Takes the value on top of the stack, whose name is below it. */
static void read_header(lua_State *L, header_reader *reader) {
  lks_text name;
  if (lua_type(L, -2) != LUA_TSTRING) return;
  name.data = lua_tolstring(L, -2, &name.length);
  size_t which = lks_headers_find(name.data, name.length);
  look_for_secrets(reader, name.data, name.length);
  if (lua_type(L, -1) == LUA_TSTRING) {
    read_text(L, reader, which, name);
  } else if (lua_type(L, -1) == LUA_TNUMBER) {
    lua_pushvalue(L, -1); /* lua_next must not find a text in its place */
    read_text(L, reader, which, name);
    lua_pop(L, 1);
  } else if (lua_istable(L, -1)) {
    int count = (int)lua_rawlen(L, -1);
    for (int i = 1; i <= count; i++) {
      lua_rawgeti(L, -1, i);
      if (lua_type(L, -1) == LUA_TSTRING || lua_type(L, -1) == LUA_TNUMBER) read_text(L, reader, which, name);
      lua_pop(L, 1);
    }
  }
}

bool lks_lua_read_headers(lua_State *L, int index, const lks_call_box *box, lks_policy_headers *out) {
  header_reader reader = {
      .box = box,
      .out = out,
      .shortest = lks_secrets_shortest(&box->secrets, lks_call_current_key(box->call)),
      .open = !lks_secrets_have_comma(&box->secrets),
  };
  lks_headers_clear(out);
  if (lua_type(L, index) == LUA_TSTRING) {
    size_t length;
    const char *lines = lua_tolstring(L, index, &length);
    lks_headers_read(out, lines, length);
    look_for_secrets(&reader, lines, length);
    return reader.open && !is_folded(lines, length);
  }
  if (!lua_istable(L, index)) return true;
  lks_lua_check_stack(L, 4);
  lua_pushnil(L);
  while (lua_next(L, index)) {
    read_header(L, &reader);
    lua_pop(L, 1);
  }
  return reader.open;
}

static bool is_plain_name(const char *name, size_t length) {
  if (length == 0 || length > NAME_MAX_LENGTH) return false;
  for (size_t i = 0; i < length; i++) {
    if ((unsigned char)name[i] <= ' ') return false;
  }
  return true;
}

/* Services send few different names; one that invents names must not fill the memory. */
#define KNOWN_MAX 200

/* Pushes the name at index 3 in small letters, from the table of those that came before. False, and nothing of use is
 * pushed: it is not plain. */
static bool push_plain(lua_State *L) {
  const int known = lua_upvalueindex(1), count = lua_upvalueindex(2);
  lua_pushvalue(L, 3);
  lua_rawget(L, known);
  if (!lua_isnil(L, 5)) return true;
  lua_settop(L, 4);
  if (lua_type(L, 3) != LUA_TSTRING) return false;
  size_t length;
  const char *name = lua_tolstring(L, 3, &length);
  if (!is_plain_name(name, length)) return false;
  push_lower(L, name, length);
  lua_Integer so_far = lua_tointeger(L, count);
  if (so_far >= KNOWN_MAX) return true;
  lua_pushvalue(L, 3);
  lua_pushvalue(L, 5);
  lua_rawset(L, known);
  lua_pushinteger(L, so_far + 1);
  lua_replace(L, count);
  return true;
}

/* core.plain_headers(table) -> a copy by lower-case names; nil where that takes more: two names are the same one, a
 * name has blanks, or a value is no string. */
static int headers_plain(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_createtable(L, 0, 12);
  lua_pushnil(L);
  while (lua_next(L, 1)) { /* copy, name, value */
    if (lua_type(L, 4) != LUA_TSTRING || !push_plain(L)) return 0;
    lua_pushvalue(L, 5);
    lua_rawget(L, 2);
    if (!lua_isnil(L, 6)) return 0;
    lua_settop(L, 5);
    lua_insert(L, 4);
    lua_rawset(L, 2);
  }
  return 1;
}

/* core.headers(lines) -> raw header lines as a table by lower-case names */
static int headers_table(lua_State *L) {
  size_t length;
  const char *lines = luaL_checklstring(L, 1, &length);
  lks_lua_push_headers(L, lines, length);
  return 1;
}

void lks_lua_open_headers(lua_State *L) {
  lua_pushcfunction(L, headers_table);
  lua_setfield(L, -2, "headers");
  lua_newtable(L);
  lua_pushinteger(L, 0);
  lua_pushcclosure(L, headers_plain, 2);
  lua_setfield(L, -2, "plain_headers");
}
