#include "binding.h"

#include "core/state_bytes.h"

#include "core/url.h"

static lks_client_box *check_box(lua_State *L, int index) {
  return luaL_checkudata(L, index, LKS_CLIENT_TYPE);
}

lks_client *lks_lua_check_client(lua_State *L, int index) {
  lks_client_box *box = check_box(L, index);
  luaL_argcheck(L, box->client != NULL, index, "client is closed");
  return box->client;
}

/* core.client{ service, base_url, path_prefix, user_agent, windows (false: none), margin, key_renewable, and the limits
 * of its calls } -> client | nil, message */
static int client_new(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  size_t ignored;
  lks_client_options options = {.service = LKS_LOCKPUB};
  const char *service = lks_lua_text_field(L, 1, "service", &ignored);
  if (service == NULL || !lks_service_find(service, &options.service)) return luaL_argerror(L, 1, "no such service");
  options.base_url = lks_lua_text_field(L, 1, "base_url", &options.base_url_length);
  options.path_prefix = lks_lua_text_field(L, 1, "path_prefix", &options.path_prefix_length);
  options.user_agent = lks_lua_text_field(L, 1, "user_agent", &ignored);
  lks_windows windows = {.count = 0};
  lua_getfield(L, 1, "windows");
  if (!lua_isnil(L, 2)) {
    if (!lua_isboolean(L, 2)) lks_lua_check_windows(L, 2, &windows);
    options.windows = &windows;
  }
  lua_getfield(L, 1, "margin");
  options.margin = lks_span_from_seconds((double)lua_tonumber(L, 3));
  lua_getfield(L, 1, "key_renewable");
  options.key_renewable = lua_toboolean(L, 4) != 0;
  lks_lua_read_limits(L, 1, 0, &options.limits);

  lks_client_box *box = lua_newuserdata(L, sizeof *box);
  box->client = NULL;
  luaL_getmetatable(L, LKS_CLIENT_TYPE);
  lua_setmetatable(L, -2);
  lks_url_status status = lks_client_new(&options, &box->client);
  if (status == LKS_URL_NO_MEMORY) return lks_lua_no_memory(L);
  if (status == LKS_URL_OK) return 1;
  lua_pushnil(L);
  lua_pushstring(L, lks_url_status_text(status));
  return 2;
}

static int client_collect(lua_State *L) {
  lks_client_box *box = check_box(L, 1);
  lks_client_release(box->client);
  box->client = NULL;
  return 0;
}

/* client:set_key(key | nil) */
static int client_set_key(lua_State *L) {
  lks_client *client = lks_lua_check_client(L, 1);
  lks_client_set_key(client, lua_isnoneornil(L, 2) ? NULL : lks_lua_check_key(L, 2));
  return 0;
}

/* client:holds(key) -> whether that is the present key */
static int client_holds(lua_State *L) {
  lks_key *key = lks_client_key(lks_lua_check_client(L, 1));
  lua_pushboolean(L, key != NULL && lks_key_equal(key, lks_lua_check_key(L, 2)));
  return 1;
}

static int client_state_name(lua_State *L) {
  lua_pushstring(L, lks_client_state_name(lks_lua_check_client(L, 1)));
  return 1;
}

static int client_base_url(lua_State *L) {
  lua_pushstring(L, lks_client_base_url(lks_lua_check_client(L, 1)));
  return 1;
}

/* client:windows() -> { {requests, seconds with the margin}, … } */
static int client_windows(lua_State *L) {
  const lks_windows *windows = lks_client_windows(lks_lua_check_client(L, 1));
  lua_createtable(L, (int)windows->count, 0);
  for (unsigned i = 0; i < windows->count; i++) {
    lua_createtable(L, 2, 0);
    lks_lua_push_whole(L, windows->window[i].requests);
    lua_rawseti(L, -2, 1);
    lks_lua_push_span(L, windows->window[i].per);
    lua_rawseti(L, -2, 2);
    lua_rawseti(L, -2, (int)i + 1);
  }
  return 1;
}

/* client:state_room() -> how many bytes the state of a key takes in a store at most; 0: there are no windows */
static int client_state_room(lua_State *L) {
  lks_lua_push_whole(L, (long long)lks_state_bytes_room(lks_client_windows(lks_lua_check_client(L, 1))));
  return 1;
}

void lks_lua_open_client(lua_State *L) {
  static const luaL_Reg methods[] = {{"set_key", client_set_key},       {"holds", client_holds},
                                     {"state_name", client_state_name}, {"base_url", client_base_url},
                                     {"windows", client_windows},       {"state_room", client_state_room},
                                     {"close", client_collect},         {NULL, NULL}};
  lks_lua_new_type(L, LKS_CLIENT_TYPE, methods, client_collect);
  lua_pushcfunction(L, client_new);
  lua_setfield(L, -2, "client");
}
