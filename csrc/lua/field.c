/* Turns the fields a caller wrote into the table that is encoded as the body, or says which one is wrong. */
#include "binding.h"

#include <string.h>

#include "core/field.h"
#include "core/json.h"
#include "core/link.h"
#include "core/nearest.h"

/* What is no text takes no more than a text of so many bytes, when it is encoded. */
#define SHORT_BYTES 8

typedef struct field_reader {
  const lks_schema *schema;
  int result; /* stack index of the wire table */
  bool seen[LKS_MEMBER_COUNT];
  lks_link link; /* filled where the fields are those of a link */
  size_t size;   /* at least what lua-cjson writes of the table so far */
  bool marked;   /* something in it may need marks, see core.outgoing */
} field_reader;

/* Pushes nil and the message, whose parts must hold no value. */
static int refuse(lua_State *L, const char *format, const char *name, int number) {
  lua_pushnil(L);
  lua_pushfstring(L, format, name, number);
  return 2;
}

static int refuse_text(lua_State *L, const lks_field *field, const char *name, lks_text_status status) {
  switch (status) {
  case LKS_TEXT_NOT_UTF8: return refuse(L, "%s is not valid UTF-8", name, 0);
  case LKS_TEXT_NUL: return refuse(L, "%s must not hold a NUL character", name, 0);
  case LKS_TEXT_CONTROL: return refuse(L, "%s must not hold a control character, such as a line break", name, 0);
  case LKS_TEXT_BLANK: return refuse(L, "%s must not be blank", name, 0);
  case LKS_TEXT_EMPTY: return refuse(L, "%s must not be empty", name, 0);
  case LKS_TEXT_TOO_SHORT: return refuse(L, "%s must have at least %d characters", name, (int)field->minimum);
  case LKS_TEXT_TOO_LONG: return refuse(L, "%s must have at most %d characters", name, (int)field->maximum);
  case LKS_TEXT_OK: break;
  }
  return 0;
}

/* Each read_* looks at the value on top of the stack, leaves what goes on the wire there, and returns 0, or the number
 * of results of a refusal. */
static int read_text(lua_State *L, field_reader *reader, const lks_field *field, const char *name) {
  if (lua_type(L, -1) != LUA_TSTRING) return refuse(L, "%s must be a string", name, 0);
  lks_text text;
  text.data = lua_tolstring(L, -1, &text.length);
  int refused = refuse_text(L, field, name, lks_field_check_text(field, text.data, text.length));
  if (refused) return refused;
  lks_link_set_text(&reader->link, field->member, text);
  size_t length;
  const char *sent = lks_field_sent_text(field, text.data, text.length, &length);
  if (length < text.length) {
    lua_pushlstring(L, sent, length);
    lua_remove(L, -2);
  }
  reader->marked = reader->marked || (length > 0 && *sent == LKS_JSON_MARK) || length > LKS_JSON_LENGTH_MAX;
  reader->size += lks_lua_encoded_text(length);
  return 0;
}

static int read_time(lua_State *L, field_reader *reader, const lks_field *field, const char *name) {
  lks_time time;
  char text[LKS_ISO8601_SIZE];
  if (lua_type(L, -1) == LUA_TNUMBER) {
    double seconds = (double)lua_tonumber(L, -1);
    if (!(seconds >= 0)) return refuse(L, "%s is not a time in Unix seconds", name, 0);
    time = lks_time_from_seconds(seconds);
  } else if (lua_type(L, -1) == LUA_TSTRING) {
    size_t length;
    const char *given = lua_tolstring(L, -1, &length);
    if (!lks_iso8601_parse(given, length, &time))
      return refuse(L, "%s is not an ISO 8601 time with a zone, such as 2030-01-31T12:00:00Z", name, 0);
  } else {
    return refuse(L, "%s must be a time: Unix seconds or an ISO 8601 string", name, 0);
  }
  size_t length = lks_iso8601_format(time, text);
  if (length == 0) return refuse(L, "%s lies after the year 9999", name, 0);
  lks_link_set_time(&reader->link, field->member, time);
  lua_pop(L, 1);
  lua_pushlstring(L, text, length);
  reader->size += lks_lua_encoded_text(length);
  return 0;
}

static int read_count(lua_State *L, field_reader *reader, const lks_field *field, const char *name) {
  if (lua_type(L, -1) != LUA_TNUMBER) return refuse(L, "%s must be a number", name, 0);
  double limit = (double)lua_tonumber(L, -1);
  lks_link_set_count(&reader->link, field->member, limit);
  if (limit >= 1 && limit <= LKS_REDIRECT_LIMIT_MAX) {
    lua_pop(L, 1);
    /* A fraction is refused later, with the rules of the link. */
    lks_lua_push_whole(L, (long long)limit);
  } else {
    reader->marked = true;
  }
  return 0;
}

static int read_value(lua_State *L, field_reader *reader, const lks_field *field, const char *name) {
  switch (field->type) {
  case LKS_FIELD_TEXT: return read_text(L, reader, field, name);
  case LKS_FIELD_TIME: return read_time(L, reader, field, name);
  case LKS_FIELD_COUNT: return read_count(L, reader, field, name);
  case LKS_FIELD_BOOLEAN: break;
  }
  return lua_type(L, -1) == LUA_TBOOLEAN ? 0 : refuse(L, "%s must be a boolean", name, 0);
}

static int refuse_name(lua_State *L, const lks_schema *schema, const char *name, size_t length) {
  size_t best = LKS_NEAREST_MAX;
  const char *nearest = NULL;
  for (size_t i = 0; i < schema->count; i++) {
    const char *known = schema->fields[i].name;
    size_t distance = lks_nearest_distance(name, length, known, strlen(known));
    if (distance < best) best = distance, nearest = known;
  }
  if (nearest == NULL || !lks_nearest_is_slip(best, length))
    return refuse(L, "%s is not a field of this request", name, 0);
  lua_pushnil(L);
  lua_pushfstring(L, "%s is not a field of this request; did you mean %s?", name, nearest);
  return 2;
}

static int read_field(lua_State *L, field_reader *reader, const char *name, size_t length) {
  int index = lks_schema_find(reader->schema, name, length);
  if (index < 0) return refuse_name(L, reader->schema, name, length);
  const lks_field *field = &reader->schema->fields[index];
  if (reader->seen[field->member]) return refuse(L, "%s is given twice, under two names", name, 0);
  reader->seen[field->member] = true;
  reader->size += lks_lua_encoded_text(strlen(field->wire)) + lks_lua_encoded_text(SHORT_BYTES);
  lua_pushvalue(L, -1);
  int refused = read_value(L, reader, field, name);
  if (refused) return refused;
  if (strcmp(name, field->wire) == 0) {
    lua_pushvalue(L, -3); /* the name is at hand */
    lua_insert(L, -2);
    lua_rawset(L, reader->result);
  } else {
    lua_setfield(L, reader->result, field->wire);
  }
  return 0;
}

/* Passes fields through that the library does not know yet. */
static int read_extra(lua_State *L, field_reader *reader) {
  if (!lua_istable(L, -1)) return refuse(L, "%s must be a table", "extra", 0);
  reader->marked = true;
  int extra = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, extra)) {
    if (lua_type(L, -2) != LUA_TSTRING) return refuse(L, "%s must have names as keys", "extra", 0);
    size_t length;
    const char *name = lua_tolstring(L, -2, &length);
    if (lks_schema_find(reader->schema, name, length) >= 0)
      return refuse(L, "%s is a field of its own and does not belong into extra", name, 0);
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_settable(L, reader->result);
  }
  return 0;
}

/* core.fields(schema, table, now, allow_in_memo, name | nil) -> table for the wire, nil, whether lua-cjson may write
 * it, with a slug added to it, as it is | nil, message that names the field and shows no value. All but the first two
 * arguments are for links, see lks_link_check. */
static int fields_read(lua_State *L) {
  field_reader reader;
  memset(&reader, 0, sizeof reader);
  lks_schema_id schema;
  if (!lks_schema_named(luaL_checkstring(L, 1), &schema)) return luaL_argerror(L, 1, "no such schema");
  reader.schema = lks_schema_get(schema);
  luaL_checktype(L, 2, LUA_TTABLE);
  bool is_link = schema == LKS_SCHEMA_LINK, allow_in_memo = lua_toboolean(L, 4) != 0;
  lks_time now = is_link ? lks_lua_check_time(L, 3) : 0;
  lua_settop(L, 5);
  if (lua_type(L, 5) == LUA_TSTRING) reader.link.name.data = lua_tolstring(L, 5, &reader.link.name.length);
  lua_createtable(L, 0, 8);
  reader.result = 6;
  lua_pushnil(L);
  while (lua_next(L, 2)) {
    int base = lua_gettop(L);
    if (lua_type(L, -2) != LUA_TSTRING) return refuse(L, "%s have names as keys", "fields", 0);
    size_t length;
    const char *name = lua_tolstring(L, -2, &length);
    bool is_extra = is_link && strcmp(name, "extra") == 0;
    int refused = is_extra ? read_extra(L, &reader) : read_field(L, &reader, name, length);
    if (refused) return refused;
    lua_settop(L, base - 1);
  }
  const char *problem = is_link ? lks_link_check(&reader.link, now, allow_in_memo) : NULL;
  if (problem != NULL) return refuse(L, "%s", problem, 0);
  lua_settop(L, reader.result);
  if (!reader.marked)
    lks_lua_check_encoder(L,
                          reader.size + lks_lua_encoded_text(sizeof "customSlug") + lks_lua_encoded_text(LKS_SLUG_MAX));
  lua_pushnil(L);
  lua_pushboolean(L, !reader.marked);
  return 3;
}

static void set_text(lua_State *L, const char *key, const char *text) {
  if (text == NULL) return;
  lua_pushstring(L, text);
  lua_setfield(L, -2, key);
}

/* core.schema(schema) -> an array of { name, alias | nil, type }, or nil when there is none of that name */
static int schema_list(lua_State *L) {
  static const char *const types[] = {
      [LKS_FIELD_TEXT] = "text",
      [LKS_FIELD_BOOLEAN] = "boolean",
      [LKS_FIELD_COUNT] = "count",
      [LKS_FIELD_TIME] = "time",
  };
  lks_schema_id id;
  if (!lks_schema_named(luaL_checkstring(L, 1), &id)) return 0;
  const lks_schema *schema = lks_schema_get(id);
  lua_createtable(L, (int)schema->count, 0);
  for (size_t i = 0; i < schema->count; i++) {
    const lks_field *field = &schema->fields[i];
    lua_createtable(L, 0, 3);
    set_text(L, "name", field->name);
    set_text(L, "alias", field->alias);
    set_text(L, "type", types[field->type]);
    lua_rawseti(L, -2, (int)i + 1);
  }
  return 1;
}

void lks_lua_open_field(lua_State *L) {
  lua_pushcfunction(L, fields_read);
  lua_setfield(L, -2, "fields");
  lua_pushcfunction(L, schema_list);
  lua_setfield(L, -2, "schema");
}
