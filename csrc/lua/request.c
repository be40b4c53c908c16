/* The request of a call: from the table that a method made, and to the transports of Lua. */
#include "binding.h"

#include <string.h>

/* What a caller wrote may go on for ever. */
#define DEPTH_MAX 50

/* Whether the create carries a slug, and who can hold it. */
static void read_slug(lua_State *L, int index, lks_call_options *options) {
  static const char *const holders[] = {
      [LKS_SLUG_GUESSABLE] = "guessable", [LKS_SLUG_FRESH] = "fresh", [LKS_SLUG_OURS] = "ours", NULL};
  if (options->retry != LKS_RETRY_CREATE || lua_isnil(L, index)) return;
  options->slug = (lks_slug)luaL_checkoption(L, index, NULL, holders);
  options->retry = LKS_RETRY_KEYED;
}

/* Of an endpoint that the library does not know: method, path, and whether a repeat is harmless. */
static lks_request_status read_endpoint(lua_State *L, int index, const lks_client *client, lks_call_options *options,
                                        lks_request *request) {
  size_t method_length, path_length;
  const char *method = lks_lua_text_field(L, index, "method", &method_length);
  const char *path = lks_lua_text_field(L, index, "path", &path_length);
  luaL_argcheck(L, method != NULL && path != NULL, index, "method and path are needed");
  if (strlen(method) != method_length) return LKS_REQUEST_BAD_METHOD;
  lua_getfield(L, index, "safe");
  options->retry = lua_toboolean(L, -1) ? LKS_RETRY_SAFE : LKS_RETRY_NEVER;
  lua_pop(L, 1);
  options->writes = strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0;
  return lks_request_path(request, lks_client_base_url(client), lks_client_path_prefix(client), method, path,
                          path_length);
}

/* Adds { {name, value}, … }. */
static lks_request_status read_query(lua_State *L, int index, lks_request *request) {
  lks_request_status status = LKS_REQUEST_OK;
  lua_getfield(L, index, "query");
  int query = lua_gettop(L), count = lua_istable(L, query) ? (int)lua_rawlen(L, query) : 0;
  for (int i = 1; i <= count && status == LKS_REQUEST_OK; i++) {
    size_t name_length, value_length;
    lua_rawgeti(L, query, i);
    luaL_checktype(L, -1, LUA_TTABLE);
    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    const char *name = luaL_checklstring(L, -2, &name_length), *value = luaL_checklstring(L, -1, &value_length);
    status = lks_request_query(request, name, name_length, value, value_length);
    lua_settop(L, query);
  }
  lua_pop(L, 1);
  return status;
}

lks_request_status lks_lua_read_request(lua_State *L, int first, const lks_client *client, lks_call_options *options,
                                        lks_request *request) {
  const int slug = first + 2, place = first + 3;
  const lks_operation *operation = options->operation;
  const bool placed = !lua_isnil(L, place);
  lks_request_status status;
  options->retry = operation->retry;
  if (placed || operation->route == NULL) luaL_checktype(L, place, LUA_TTABLE);
  if (operation->route == NULL) {
    status = read_endpoint(L, place, client, options, request);
  } else {
    size_t id_length = 0;
    const char *id = placed ? lks_lua_text_field(L, place, "id", &id_length) : NULL;
    read_slug(L, slug, options);
    status = lks_request_route(request, lks_client_base_url(client), lks_client_path_prefix(client), operation, id,
                               id_length);
  }
  if (status == LKS_REQUEST_OK && placed) status = read_query(L, place, request);
  if (status != LKS_REQUEST_OK || lua_isnil(L, first)) return status;
  size_t length;
  const char *body = luaL_checklstring(L, first, &length);
  return lks_request_set_body(request, body, length);
}

static void add_text(lua_State *L, int index, lks_secrets *secrets) {
  size_t length;
  const char *text = lua_tolstring(L, index, &length);
  if (!lks_secrets_add(secrets, text, length)) lks_lua_no_memory(L);
}

/* Adds the texts at every level of the value on top of the stack, names of members apart. */
static void add_texts(lua_State *L, lks_secrets *secrets, int depth) {
  if (lua_type(L, -1) == LUA_TSTRING) add_text(L, -1, secrets);
  if (!lua_istable(L, -1) || depth >= DEPTH_MAX) return;
  lks_lua_check_stack(L, 4);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    add_texts(L, secrets, depth + 1);
    lua_pop(L, 1);
  }
}

/* Adds those that the table on top of the stack has under the names that a service knows. */
static void add_fields(lua_State *L, lks_secrets *secrets) {
  bool seen[LKS_MEMBER_COUNT] = {false};
  for (unsigned i = 0; i < LKS_SCHEMA_COUNT; i++) {
    const lks_schema *schema = lks_schema_get((lks_schema_id)i);
    for (const lks_field *field = schema->fields; field < schema->fields + schema->count; field++) {
      if (field->secrecy == LKS_OPEN || seen[field->member]) continue;
      seen[field->member] = true;
      lua_getfield(L, -1, field->wire);
      if (lua_type(L, -1) == LUA_TSTRING) add_text(L, -1, secrets);
      lua_pop(L, 1);
    }
  }
}

void lks_lua_read_secrets(lua_State *L, int index, const lks_operation *operation, lks_secrets *secrets) {
  if (!lua_istable(L, index)) return;
  lua_pushvalue(L, index);
  if (operation->route == NULL)
    add_texts(L, secrets, 0);
  else
    add_fields(L, secrets);
  lua_pop(L, 1);
}

/* Every header that a request can have, in the order of lks_request_headers. */
static const char *const places[LKS_REQUEST_HEADERS_MAX + 1] = {"Authorization", "Accept", "User-Agent", "Content-Type",
                                                                NULL};

int lks_lua_push_request(lua_State *L, const lks_request *request, const lks_key *key) {
  lks_header headers[LKS_REQUEST_HEADERS_MAX];
  size_t count = lks_request_headers(request, key, headers);
  lua_pushstring(L, request->method);
  lua_pushlstring(L, request->url.data, request->url.length);
  lua_createtable(L, (int)count, 0);
  for (size_t i = 0; i < count; i++) {
    lua_createtable(L, 2, 0);
    lua_pushstring(L, headers[i].name);
    lua_rawseti(L, -2, 1);
    lua_pushstring(L, headers[i].value);
    lua_rawseti(L, -2, 2);
    lua_rawseti(L, -2, (int)i + 1);
  }
  if (request->has_body)
    lua_pushlstring(L, request->body.length ? request->body.data : "", request->body.length);
  else
    lua_pushnil(L);
  return 4;
}

int lks_lua_push_values(lua_State *L, const lks_request *request, const lks_key *key) {
  lua_pushstring(L, request->method);
  lua_pushlstring(L, request->url.data, request->url.length);
  if (request->has_body)
    lua_pushlstring(L, request->body.length ? request->body.data : "", request->body.length);
  else
    lua_pushnil(L);
  lks_header headers[LKS_REQUEST_HEADERS_MAX];
  size_t count = lks_request_headers(request, key, headers);
  size_t next = 0; /* they come in this order, too */
  for (const char *const *name = places; *name != NULL; name++) {
    if (next < count && strcmp(headers[next].name, *name) == 0)
      lua_pushstring(L, headers[next++].value);
    else
      lua_pushnil(L);
  }
  return 3 + LKS_REQUEST_HEADERS_MAX;
}

int lks_lua_push_target(lua_State *L, const lks_request *request) {
  lks_text shown[2];
  lks_url_shown((lks_text){request->url.data, request->url.length}, shown);
  lua_pushstring(L, request->method);
  lua_pushlstring(L, shown[0].data, shown[0].length);
  lua_pushlstring(L, shown[1].data, shown[1].length);
  lua_concat(L, 2);
  return 2;
}
