#include "binding.h"

static lks_key_box *check_box(lua_State *L, int index) {
  return luaL_checkudata(L, index, LKS_KEY_TYPE);
}

lks_key *lks_lua_check_key(lua_State *L, int index) {
  lks_key_box *box = check_box(L, index);
  luaL_argcheck(L, box->key != NULL, index, "key is closed");
  return box->key;
}

/* core.key(service, text) -> key | nil, message */
static int key_new(lua_State *L) {
  lks_service service;
  if (!lks_service_find(luaL_checkstring(L, 1), &service)) return luaL_argerror(L, 1, "no such service");
  size_t length = 0;
  const char *text = luaL_optlstring(L, 2, NULL, &length);
  lks_key_box *box = lua_newuserdata(L, sizeof *box);
  box->key = NULL;
  luaL_getmetatable(L, LKS_KEY_TYPE);
  lua_setmetatable(L, -2);
  lks_key_status status = lks_key_new(service, text, length, &box->key);
  if (status == LKS_KEY_NO_MEMORY) return lks_lua_no_memory(L);
  if (status == LKS_KEY_OK) return 1;
  lua_pushnil(L);
  lua_pushstring(L, lks_key_status_text(service, status));
  return 2;
}

static int key_collect(lua_State *L) {
  lks_key_box *box = check_box(L, 1);
  lks_key_free(box->key);
  box->key = NULL;
  return 0;
}

/* key:payload() -> JSON text of a cs. key, or nil */
static int key_payload(lua_State *L) {
  size_t length = 0;
  const char *payload = lks_key_payload(lks_lua_check_key(L, 1), &length);
  if (payload == NULL)
    lua_pushnil(L);
  else
    lua_pushlstring(L, payload, length);
  return 1;
}

/* key:expire(seconds) */
static int key_expire(lua_State *L) {
  lks_key_set_expiry(lks_lua_check_key(L, 1), lks_lua_check_time(L, 2));
  return 0;
}

void lks_lua_open_key(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"payload", key_payload}, {"expire", key_expire}, {"close", key_collect}, {NULL, NULL}};
  lks_lua_new_type(L, LKS_KEY_TYPE, methods, key_collect);
  lua_pushcfunction(L, key_new);
  lua_setfield(L, -2, "key");
}
