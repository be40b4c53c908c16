/* What lua-cjson reads and writes, made ready before and set right after (see core/json.h). */
#include "binding.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/number.h"

#define ROOM_TYPE "locksmith.json"
/* What lua-cjson allocates besides the text, and what it begins to write in. */
#define ROOM_MORE 64
#define ROOM_WRITTEN ((size_t)1023)
/* Bytes of a number, of one character of a string, and of what surrounds a value, as lua-cjson reckons them. */
#define NUMBER_BYTES 32
#define CHARACTER_BYTES 6
#define VALUE_BYTES 16
#define OUTGOING_MAX (LKS_JSON_LENGTH_MAX * CHARACTER_BYTES)
/* Below it lua-cjson's 14 digits hold every whole number. */
#define SHORT_MAX 1e14
/* Beyond it the digits of a double say more than it knows. */
#define WHOLE_MAX 1e21

/* The buffer that texts are rewritten in, empty between calls: an error of Lua's loses no memory. */
static lks_buffer *room(lua_State *L) {
  lks_buffer *buffer = lua_touserdata(L, lua_upvalueindex(1));
  lks_buffer_wipe(buffer);
  return buffer;
}

/* lua-cjson ends the process when it gets no memory. What it will ask for next is asked for here first. */
static void check_memory(lua_State *L, size_t size) {
  void *volatile text = malloc(size), *volatile more = malloc(ROOM_MORE);
  bool has_both = text != NULL && more != NULL;
  free(text);
  free(more);
  if (!has_both) lks_lua_no_memory(L);
}

static void push_room(lua_State *L, lks_buffer *buffer) {
  lua_pushlstring(L, buffer->data, buffer->length);
  lks_buffer_wipe(buffer);
}

/* core.shield(json) -> a text that lua-cjson reads as JSON means it, once core.clean has seen the value; nil when it
 * is no JSON. */
static int json_shield(lua_State *L) {
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  lks_buffer *buffer = room(L);
  lua_settop(L, 1);
  switch (lks_json_guard(text, length, buffer)) {
  case LKS_JSON_AS_IS: break;
  case LKS_JSON_REWRITTEN:
    length = buffer->length;
    push_room(L, buffer);
    break;
  case LKS_JSON_MALFORMED:
    lks_buffer_wipe(buffer);
    lua_pushnil(L);
    return 1;
  case LKS_JSON_NO_MEMORY: return lks_lua_no_memory(L);
  }
  check_memory(L, length);
  return 1;
}

/* Pushes the number that the digits stand for when it is exact here, else the digits. */
static void push_big(lua_State *L, const char *digits, size_t length) {
#if LUA_VERSION_NUM >= 503
  int64_t number;
  if (lks_integer_read(digits, length, &number) && number >= LUA_MININTEGER && number <= LUA_MAXINTEGER) {
    lua_pushinteger(L, (lua_Integer)number);
    return;
  }
#endif
  lua_pushlstring(L, digits, length);
}

bool lks_lua_push_clean(lua_State *L) {
  switch (lua_type(L, -1)) {
  case LUA_TLIGHTUSERDATA:
    if (lua_touserdata(L, -1) != NULL) return false;
    lua_pushnil(L);
    return true;
#if LUA_VERSION_NUM >= 503
  case LUA_TNUMBER: {
    if (lua_isinteger(L, -1)) return false;
    int is_whole;
    lua_Integer integer = lua_tointegerx(L, -1, &is_whole);
    if (!is_whole) return false;
    lua_pushinteger(L, integer);
    return true;
  }
#endif
  case LUA_TSTRING: {
    size_t length;
    const char *text = lua_tolstring(L, -1, &length);
    if (length == 0 || *text != LKS_JSON_MARK) return false;
    if (length > 1 && text[1] == LKS_JSON_MARK)
      lua_pushlstring(L, text + 1, length - 1);
    else
      push_big(L, text + 1, length - 1);
    return true;
  }
  default: return false;
  }
}

static void clean_table(lua_State *L, int depth) {
  lks_lua_check_stack(L, 6);
  if (depth > LKS_JSON_DEPTH_MAX) luaL_error(L, "JSON nested too deep");
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    if (lua_istable(L, -1)) {
      clean_table(L, depth + 1);
    } else if (lks_lua_push_clean(L)) {
      lua_pushvalue(L, -3);
      lua_insert(L, -2);
      lua_rawset(L, -5);
    }
    lua_pop(L, 1);
  }
}

/* core.clean(value) -> value without marks; null is nil, whole numbers are integers where Lua has them. Tables change
 * in place. Once only: a second time would take for marks what is none. */
static int json_clean(lua_State *L) {
  lua_settop(L, 1);
  if (lua_istable(L, 1))
    clean_table(L, 1);
  else
    lks_lua_push_clean(L);
  return 1;
}

/* Whether lua-cjson writes the number without loss and in the same way everywhere. */
static bool is_short(double number) {
  return number > -SHORT_MAX && number < SHORT_MAX && (double)(long long)number == number &&
         !(number == 0 && signbit(number));
}

typedef struct outgoing {
  size_t size; /* at least what lua-cjson will write */
  bool marked; /* it needs marks */
} outgoing;

static void count_bytes(lua_State *L, outgoing *out, size_t bytes) {
  out->size += bytes + VALUE_BYTES;
  if (out->size > OUTGOING_MAX) luaL_error(L, "it is too long");
}

static void inspect_number(lua_State *L, int index, outgoing *out) {
  double number = (double)lua_tonumber(L, index);
  if (number - number != 0) luaL_error(L, "not a finite number");
  out->marked = out->marked || !is_short(number);
  count_bytes(L, out, NUMBER_BYTES);
}

static void inspect_string(lua_State *L, int index, outgoing *out) {
  size_t length;
  lua_tolstring(L, index, &length);
  if (length > LKS_JSON_LENGTH_MAX) luaL_error(L, "it is too long");
  count_bytes(L, out, length * CHARACTER_BYTES);
}

static void inspect(lua_State *L, int depth, outgoing *out);

static void inspect_members(lua_State *L, int depth, outgoing *out) {
  if (depth > LKS_JSON_DEPTH_MAX) luaL_error(L, "nested too deep");
  lks_lua_check_stack(L, 4);
  count_bytes(L, out, 0);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    if (lua_type(L, -2) == LUA_TSTRING)
      inspect_string(L, -2, out);
    else if (lua_type(L, -2) == LUA_TNUMBER)
      inspect_number(L, -2, out);
    inspect(L, depth, out);
    lua_pop(L, 1);
  }
}

/* Looks at the value at the top; what is not looked at lua-cjson refuses or writes as a word. */
static void inspect(lua_State *L, int depth, outgoing *out) {
  switch (lua_type(L, -1)) {
  case LUA_TSTRING: inspect_string(L, -1, out); break;
  case LUA_TNUMBER: inspect_number(L, -1, out); break;
  case LUA_TTABLE: inspect_members(L, depth + 1, out); break;
  default: count_bytes(L, out, 0); break;
  }
}

/* In bodies whole doubles beyond LKS_EXACT_MAX have an exponent: as digits they would be taken for exact. */
static size_t write_number(lua_State *L, int index, double whole_max, char out[LKS_NUMBER_SIZE]) {
#if LUA_VERSION_NUM >= 503
  if (lua_isinteger(L, index)) return lks_integer_write(lua_tointeger(L, index), out);
#endif
  return lks_number_write((double)lua_tonumber(L, index), whole_max, out);
}

/* Pushes the value at an absolute index as it travels. */
static void push_marked(lua_State *L, int index) {
  int type = lua_type(L, index);
  size_t length;
  if (type == LUA_TNUMBER && !is_short((double)lua_tonumber(L, index))) {
    char text[LKS_NUMBER_SIZE + 1] = {LKS_JSON_MARK};
    length = write_number(L, index, LKS_EXACT_MAX, text + 1);
    lua_pushlstring(L, text, length + 1);
  } else if (type == LUA_TSTRING && *lua_tolstring(L, index, &length) == LKS_JSON_MARK && length > 0) {
    static const char mark[] = {LKS_JSON_MARK};
    lua_pushlstring(L, mark, sizeof mark);
    lua_pushvalue(L, index);
    lua_concat(L, 2);
  } else {
    lua_pushvalue(L, index);
  }
}

/* Pushes the name of a member as it travels; it is never a number. */
static void push_marked_name(lua_State *L, int index) {
  if (lua_type(L, index) == LUA_TNUMBER && !is_short((double)lua_tonumber(L, index))) {
    char text[LKS_NUMBER_SIZE];
    size_t length = write_number(L, index, LKS_EXACT_MAX, text);
    lua_pushlstring(L, text, length);
  } else {
    push_marked(L, index);
  }
}

/* Pushes a copy of the table at the top in which all is marked that must be. It was inspected. */
static void push_marked_table(lua_State *L) {
  int table = lua_gettop(L), copy = table + 1;
  lks_lua_check_stack(L, 8);
  lua_newtable(L);
  lua_pushnil(L);
  while (lua_next(L, table)) {
    push_marked_name(L, copy + 1);
    if (lua_istable(L, copy + 2)) {
      lua_pushvalue(L, copy + 2);
      push_marked_table(L);
      lua_remove(L, -2);
    } else {
      push_marked(L, copy + 2);
    }
    lua_rawset(L, copy);
    lua_pop(L, 1);
  }
  /* Some releases of lua-cjson know empty arrays by their metatable. */
  if (!lua_getmetatable(L, table)) return;
  lua_pushliteral(L, "__gc");
  lua_rawget(L, -2);
  bool collected = !lua_isnil(L, -1);
  lua_pop(L, 1);
  if (collected)
    lua_pop(L, 1);
  else
    lua_setmetatable(L, copy);
}

/* lua-cjson's buffer doubles, and while it grows there are two. */
void lks_lua_check_encoder(lua_State *L, size_t size) {
  check_memory(L, size <= ROOM_WRITTEN ? ROOM_WRITTEN : 3 * size);
}

size_t lks_lua_encoded_text(size_t length) {
  return length * CHARACTER_BYTES + VALUE_BYTES;
}

/* core.outgoing(value) -> what lua-cjson writes without loss and in the same way everywhere, whether core.unmark is
 * wanted after it. Raises a message without position for what JSON cannot hold. */
static int json_outgoing(lua_State *L) {
  outgoing out = {0, false};
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  inspect(L, 0, &out);
  if (out.marked && lua_istable(L, 1))
    push_marked_table(L);
  else if (out.marked)
    push_marked(L, 1);
  lks_lua_check_encoder(L, out.size);
  lua_pushboolean(L, out.marked);
  return 2;
}

/* core.unmark(json) -> what lua-cjson made of a marked value, with numbers in it */
static int json_unmark(lua_State *L) {
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  lks_buffer *buffer = room(L);
  lua_settop(L, 1);
  if (!lks_buffer_reserve(buffer, length)) return lks_lua_no_memory(L);
  lks_json_status status = lks_json_unmark(text, length, buffer);
  if (status == LKS_JSON_NO_MEMORY) return lks_lua_no_memory(L);
  if (status == LKS_JSON_REWRITTEN) push_room(L, buffer);
  return 1;
}

/* core.number(number) -> see lks_number_write; integers of Lua's are whole always | nil when not finite */
static int json_number(lua_State *L) {
  char text[LKS_NUMBER_SIZE];
  luaL_checktype(L, 1, LUA_TNUMBER);
  size_t length = write_number(L, 1, WHOLE_MAX, text);
  if (length > 0)
    lua_pushlstring(L, text, length);
  else
    lua_pushnil(L);
  return 1;
}

/* core.decimal_point() -> that of the present locale, usually one byte */
static int json_decimal_point(lua_State *L) {
  lua_pushstring(L, localeconv()->decimal_point);
  return 1;
}

static int room_collect(lua_State *L) {
  lks_buffer_wipe(luaL_checkudata(L, 1, ROOM_TYPE));
  return 0;
}

void lks_lua_open_json(lua_State *L) {
  static const luaL_Reg none[] = {{NULL, NULL}};
  static const luaL_Reg in_room[] = {{"shield", json_shield}, {"unmark", json_unmark}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"clean", json_clean},
                                       {"outgoing", json_outgoing},
                                       {"number", json_number},
                                       {"decimal_point", json_decimal_point},
                                       {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
  lua_pushinteger(L, LKS_JSON_DEPTH_MAX);
  lua_setfield(L, -2, "json_depth");
  lks_lua_new_type(L, ROOM_TYPE, none, room_collect);
  lks_buffer *buffer = lua_newuserdata(L, sizeof *buffer);
  lks_buffer_init(buffer, SIZE_MAX);
  luaL_getmetatable(L, ROOM_TYPE);
  lua_setmetatable(L, -2);
  luaL_setfuncs(L, in_room, 1);
}
