/* What lua-cjson gives, made into what a Lua user expects. */
#include "binding.h"

#include <string.h>

#define NAME_MAX_LENGTH 128
/* lua-cjson decodes at most 1000 levels; this only guards the C stack. */
#define DEPTH_MAX 1100
/* From 16 digits on a double may not hold a whole number exactly. */
#define BIG_DIGITS 16
/* Stands before the digits of a whole number while it travels through lua-cjson as a string. */
#define MARK "\x01#"
#define MARK_JSON "\"\\u0001#"

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* Length of the number token at text; *whole tells whether it has neither fraction nor exponent. */
static size_t number_length(const char *text, const char *end, bool *whole) {
  const char *c = text;
  *whole = true;
  for (; c < end; c++) {
    if (*c == '.' || *c == 'e' || *c == 'E')
      *whole = false;
    else if (!is_digit(*c) && *c != '-' && *c != '+')
      break;
  }
  return (size_t)(c - text);
}

static size_t string_length(const char *text, const char *end) {
  const char *c = text + 1;
  while (c < end && *c != '"') c += *c == '\\' && c + 1 < end ? 2 : 1;
  return (size_t)(c < end ? c - text + 1 : end - text);
}

/* A run of BIG_DIGITS digits covers every BIG_DIGITS-th byte once, so only those need a look. */
static bool has_big(const char *text, size_t length) {
  for (size_t i = BIG_DIGITS - 1; i < length; i += BIG_DIGITS) {
    if (!is_digit(text[i])) continue;
    size_t first = i, last = i;
    while (first > 0 && is_digit(text[first - 1])) first--;
    while (last + 1 < length && is_digit(text[last + 1])) last++;
    if (last - first + 1 >= BIG_DIGITS) return true;
  }
  return false;
}

/* core.shield(json) -> json in which whole numbers of 16 digits and more are marked strings; the same string when
 * there are none. lua-cjson would round them. Nothing else is judged: broken JSON stays broken. */
static int value_shield(lua_State *L) {
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  lua_settop(L, 1);
  if (!has_big(text, length)) return 1;
  const char *end = text + length, *copied = text;
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  for (const char *c = text; c < end;) {
    if (*c == '"') {
      c += string_length(c, end);
    } else if (is_digit(*c) || *c == '-') {
      bool whole;
      size_t size = number_length(c, end, &whole);
      if (whole && size >= BIG_DIGITS) {
        luaL_addlstring(&buffer, copied, (size_t)(c - copied));
        luaL_addstring(&buffer, MARK_JSON);
        luaL_addlstring(&buffer, c, size);
        luaL_addchar(&buffer, '"');
        copied = c + size;
      }
      c += size;
    } else {
      c++;
    }
  }
  luaL_addlstring(&buffer, copied, (size_t)(end - copied));
  luaL_pushresult(&buffer);
  return 1;
}

/* Pushes the number that the digits stand for when it is exact here, else the digits. */
static void push_big(lua_State *L, const char *digits, size_t length) {
#if LUA_VERSION_NUM >= 503
  const char *c = digits;
  bool negative = *c == '-';
  if (negative) c++;
  lua_Unsigned value = 0, limit = (lua_Unsigned)LUA_MAXINTEGER + (negative ? 1u : 0u);
  bool fits = true;
  for (; *c != '\0' && fits; c++) {
    lua_Unsigned digit = (lua_Unsigned)(*c - '0');
    fits = value <= (limit - digit) / 10;
    if (fits) value = value * 10 + digit;
  }
  if (fits) {
    lua_pushinteger(L, negative ? (lua_Integer)(0u - value) : (lua_Integer)value);
    return;
  }
#endif
  lua_pushlstring(L, digits, length);
}

/* Whether the value at the top changes; if so the new one is pushed. */
static bool push_clean(lua_State *L) {
  switch (lua_type(L, -1)) {
  case LUA_TLIGHTUSERDATA:
    if (lua_touserdata(L, -1) != NULL) return false;
    lua_pushnil(L);
    return true;
#if LUA_VERSION_NUM >= 503
  case LUA_TNUMBER: {
    if (lua_isinteger(L, -1)) return false;
    lua_Number number = lua_tonumber(L, -1);
    lua_Integer integer;
    if (!lua_numbertointeger(number, &integer) || (lua_Number)integer != number) return false;
    lua_pushinteger(L, integer);
    return true;
  }
#endif
  case LUA_TSTRING: {
    size_t length;
    const char *text = lua_tolstring(L, -1, &length);
    if (length < sizeof MARK - 1 + BIG_DIGITS || memcmp(text, MARK, sizeof MARK - 1) != 0) return false;
    push_big(L, text + sizeof MARK - 1, length - (sizeof MARK - 1));
    return true;
  }
  default: return false;
  }
}

static void clean_table(lua_State *L, int depth) {
  luaL_checkstack(L, 6, "JSON nested too deep");
  if (depth > DEPTH_MAX) luaL_error(L, "JSON nested too deep");
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    if (lua_istable(L, -1)) {
      clean_table(L, depth + 1);
    } else if (push_clean(L)) {
      lua_pushvalue(L, -3);
      lua_insert(L, -2);
      lua_rawset(L, -5);
    }
    lua_pop(L, 1);
  }
}

/* core.clean(value) -> value: null is nil, whole numbers are integers where Lua has them. Tables change in place. */
static int value_clean(lua_State *L) {
  lua_settop(L, 1);
  if (lua_istable(L, 1))
    clean_table(L, 0);
  else
    push_clean(L);
  return 1;
}

#define SHORT_MAX 1e14

/* Whether lua-cjson's 14 digits hold every number of the value at the top. Sees one level of tables; deeper ones make
 * it answer no. */
static bool is_short(lua_State *L, bool nested) {
  int type = lua_type(L, -1);
  if (type == LUA_TNUMBER) {
    double number = (double)lua_tonumber(L, -1);
    return number > -SHORT_MAX && number < SHORT_MAX && (double)(long long)number == number;
  }
  if (type != LUA_TTABLE) return true;
  if (nested) return false;
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    if (!is_short(L, true)) {
      lua_pop(L, 2);
      return false;
    }
    lua_pop(L, 1);
  }
  return true;
}

/* core.is_short(value) -> whether lua-cjson writes it without loss; false where that is not certain */
static int value_is_short(lua_State *L) {
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  luaL_checkstack(L, 6, NULL);
  lua_pushboolean(L, is_short(L, false));
  return 1;
}

static bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}

/* The end of the header line at `line`, which goes on over the lines that begin with a blank. */
static const char *line_end(const char *line, const char *end) {
  const char *newline = memchr(line, '\n', (size_t)(end - line));
  while (newline != NULL && newline + 1 < end && (newline[1] == ' ' || newline[1] == '\t'))
    newline = memchr(newline + 1, '\n', (size_t)(end - newline - 1));
  return newline == NULL ? end : newline;
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Pushes the text from `value` to `stop` without the blanks around it; a line break within it, and the blanks on either
 * side of that, are one space (RFC 9112, 5.2). */
static void push_value(lua_State *L, const char *value, const char *stop) {
  luaL_Buffer text;
  while (value < stop && is_blank(*value)) value++;
  while (stop > value && is_blank(stop[-1])) stop--;
  const char *newline = memchr(value, '\n', (size_t)(stop - value));
  if (newline == NULL) {
    lua_pushlstring(L, value, (size_t)(stop - value));
    return;
  }
  luaL_buffinit(L, &text);
  for (; newline != NULL; newline = memchr(value, '\n', (size_t)(stop - value))) {
    const char *last = newline;
    while (is_blank(last[-1])) last--;
    luaL_addlstring(&text, value, (size_t)(last - value));
    luaL_addchar(&text, ' ');
    for (value = newline; is_blank(*value);) value++;
  }
  luaL_addlstring(&text, value, (size_t)(stop - value));
  luaL_pushresult(&text);
}

/* Pushes the name from `name` to `stop` in small letters. */
static void push_lower(lua_State *L, const char *name, const char *stop) {
  char lower[NAME_MAX_LENGTH];
  size_t length = 0;
  for (; name < stop; name++) lower[length++] = is_upper(*name) ? (char)(*name + ('a' - 'A')) : *name;
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

/* core.headers(lines) -> { lower-case name = value }; of a repeated header the values are joined as a list
 * (RFC 9110, 5.3). What follows a line that begins with a blank belongs to the one before. */
static int value_headers(lua_State *L) {
  enum { HEADERS = 2, LISTS, NAME, VALUE, FIRST };
  size_t length;
  const char *line = luaL_checklstring(L, 1, &length), *end = line + length;
  lua_settop(L, 1);
  lua_createtable(L, 0, 12);
  lua_pushnil(L);
  for (const char *next; line < end; line = next) {
    const char *stop = line_end(line, end), *colon = memchr(line, ':', (size_t)(stop - line));
    next = stop < end ? stop + 1 : end;
    if (colon == NULL || colon == line || memchr(line, '\n', (size_t)(colon - line)) != NULL ||
        (size_t)(colon - line) > NAME_MAX_LENGTH || is_blank(*line))
      continue;
    push_lower(L, line, colon);
    push_value(L, colon + 1, stop);
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

void lks_lua_open_value(lua_State *L) {
  static const luaL_Reg functions[] = {{"shield", value_shield},
                                       {"clean", value_clean},
                                       {"is_short", value_is_short},
                                       {"headers", value_headers},
                                       {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
}
