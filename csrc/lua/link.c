/* LOCK.PUB's answers, made into what a Lua user expects of a link. */
#include "binding.h"

#include <string.h>

#include "core/ascii.h"
#include "core/link.h"
#include "core/snake.h"

/* JSON is decoded to 100 levels at most; this only guards the C stack. */
#define DEPTH_MAX 200

/* Pushes the string at `index` in snake_case. */
static void push_snake(lua_State *L, int index) {
  char snake[LKS_SNAKE_SIZE];
  size_t length;
  const char *name = lua_tolstring(L, index, &length);
  size_t written = lks_snake(name, length, snake);
  if (written > 0)
    lua_pushlstring(L, snake, written);
  else
    lua_pushvalue(L, index);
}

static void set_snake(lua_State *L, const char *name) {
  lua_pushstring(L, name);
  push_snake(L, lua_gettop(L));
  lua_rawset(L, -3);
}

/* Pushes a table of the names that links are known to have, in snake_case. */
static void push_known_names(lua_State *L) {
  static const char *const answered[] = {"id", "slug", "shortUrl", "createdAt"};
  const lks_schema *schema = lks_schema_get(LKS_SCHEMA_LINK);
  lua_newtable(L);
  for (size_t i = 0; i < sizeof answered / sizeof *answered; i++) set_snake(L, answered[i]);
  for (size_t i = 0; i < schema->count; i++) set_snake(L, schema->fields[i].wire);
}

/* Pushes the name at `index` in snake_case, looked up or made; what is no string stays as it is. */
static void push_name(lua_State *L, int index) {
  lua_pushvalue(L, index);
  if (lua_type(L, index) != LUA_TSTRING) return;
  lua_rawget(L, lua_upvalueindex(1));
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  push_snake(L, index);
}

static lks_text text_at(lua_State *L, int index) {
  lks_text text = {NULL, 0};
  text.data = lua_tolstring(L, index, &text.length);
  return text;
}

/* Replaces the value of that name on top of the stack by its Unix seconds where it is an instant; what cannot be read
 * as one stays as it came. */
static void convert_time(lua_State *L, lks_text name) {
  lks_time time;
  bool read = false;
  if (name.data == NULL) return;
  if (lua_type(L, -1) == LUA_TSTRING) {
    lks_text text = text_at(L, -1);
    /* Most texts are told from one by their beginning already. */
    read = text.length > 0 && lks_ascii_is_digit(*text.data) && lks_link_names_time(name) &&
           lks_link_read_time(name, text, &time);
  } else if (lua_type(L, -1) == LUA_TNUMBER && lks_link_names_time(name)) {
    read = lks_link_read_milliseconds((double)lua_tonumber(L, -1), &time);
  }
  if (!read) return;
  lua_pop(L, 1);
  lks_lua_push_span(L, time);
}

/* Whether the table at `index` has that member, spelt as the string on top of the stack is. JSON's null is none. */
static bool is_given(lua_State *L, int index) {
  lua_pushvalue(L, -1);
  lua_rawget(L, index);
  bool given = !lua_isnil(L, -1) && lua_type(L, -1) != LUA_TLIGHTUSERDATA;
  lua_pop(L, 1);
  return given;
}

/* Cleans the value on top of the stack, and the member of the table at `index` that it is; its name is below it. */
static void clean_member(lua_State *L, int index) {
  if (lua_istable(L, -1) || !lks_lua_push_clean(L)) return;
  lua_remove(L, -2);
  lua_pushvalue(L, -2);
  lua_pushvalue(L, -2);
  lua_rawset(L, index);
}

/* Pushes a copy of the table at `index`, its names in snake_case and its instants as numbers, at every level. Elements
 * of an array have the name of the array. A `raw` table is cleaned on the way, see core.clean. */
static void push_copy(lua_State *L, int index, lks_text array, int fields, bool raw, int depth) {
  lks_lua_check_stack(L, 8);
  if (depth > DEPTH_MAX) luaL_error(L, "JSON nested too deep");
  lua_createtable(L, 0, fields);
  int copy = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, index)) { /* name at copy + 1, value at copy + 2 */
    lks_text name = array;
    if (raw) clean_member(L, index);
    /* A null takes nothing from the other spelling, which may have been copied before it. */
    if (lua_isnil(L, copy + 2)) {
      lua_settop(L, copy + 1);
      continue;
    }
    push_name(L, copy + 1);
    if (lua_type(L, copy + 3) == LUA_TSTRING) {
      name = text_at(L, copy + 3);
      /* Of shortUrl and short_url in one object, the one that is spelt so. */
      if (!lua_rawequal(L, copy + 1, copy + 3) && is_given(L, index)) {
        lua_settop(L, copy + 1);
        continue;
      }
    }
    if (lua_istable(L, copy + 2)) {
      push_copy(L, copy + 2, name, 0, raw, depth + 1);
    } else {
      lua_pushvalue(L, copy + 2);
      convert_time(L, name);
    }
    lua_rawset(L, copy);
    lua_settop(L, copy + 1);
  }
}

/* What a member of an answer takes on the average, in bytes; and how many an answer has that tells all. */
#define MEMBER_BYTES 20
#define MEMBERS 15

/* core.link(value, bytes) -> copy of an answer with its names in snake_case and its times in Unix seconds; the answer
 * itself is its field raw. `value` is as it was decoded, and cleaned as by core.clean; `bytes`: of its JSON. */
static int link_new(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_Integer members = luaL_checkinteger(L, 2) / MEMBER_BYTES;
  lua_settop(L, 1);
  push_copy(L, 1, (lks_text){NULL, 0}, members < MEMBERS ? (int)members + 1 : MEMBERS, true, 0);
  lua_pushvalue(L, 1);
  lua_setfield(L, 2, "raw");
  return 1;
}

/* core.link_of(wire) -> what is known of a link by the fields that were sent for it, as core.link gives it; nothing of
 * it is secret */
static int link_of(lua_State *L) {
  const lks_schema *schema = lks_schema_get(LKS_SCHEMA_LINK);
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_createtable(L, 0, 8);
  for (size_t i = 0; i < schema->count; i++) {
    const lks_field *field = &schema->fields[i];
    if (field->secrecy == LKS_SECRET) continue;
    lua_getfield(L, 1, field->wire);
    lua_setfield(L, 2, field->member == LKS_MEMBER_CUSTOM_SLUG ? "slug" : field->wire);
  }
  push_copy(L, 2, (lks_text){NULL, 0}, 8, false, 0);
  return 1;
}

/* core.is_slug(value) -> whether it is a text that may be sent as custom_slug */
static int link_is_slug(lua_State *L) {
  lks_text slug = {NULL, 0};
  if (lua_type(L, 1) == LUA_TSTRING) slug.data = lua_tolstring(L, 1, &slug.length);
  lua_pushboolean(L, lks_link_is_slug(slug));
  return 1;
}

/* core.slug_for(secret, name) -> the slug that belongs to a caller's own name for a link. The secret is a string or a
 * key. */
static int link_slug_for(lua_State *L) {
  size_t secret_length, name_length;
  const char *secret;
  if (lua_type(L, 1) == LUA_TUSERDATA) {
    secret = lks_key_text(lks_lua_check_key(L, 1));
    secret_length = strlen(secret);
  } else {
    secret = luaL_checklstring(L, 1, &secret_length);
  }
  const char *name = luaL_checklstring(L, 2, &name_length);
  luaL_argcheck(L, name_length >= 1 && name_length <= LKS_LINK_NAME_MAX, 2, "a name has 1 to 512 bytes");
  char slug[LKS_SLUG_MAX + 1];
  lks_link_named_slug(secret, secret_length, name, name_length, slug);
  lua_pushstring(L, slug);
  return 1;
}

void lks_lua_open_link(lua_State *L) {
  push_known_names(L);
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, link_new, 1);
  lua_setfield(L, -3, "link");
  lua_pushcclosure(L, link_of, 1);
  lua_setfield(L, -2, "link_of");
  lua_pushcfunction(L, link_is_slug);
  lua_setfield(L, -2, "is_slug");
  lua_pushcfunction(L, link_slug_for);
  lua_setfield(L, -2, "slug_for");
}
