#include "binding.h"

static void push_text(lua_State *L, lks_text text) {
  if (text.data == NULL)
    lua_pushnil(L);
  else
    lua_pushlstring(L, text.data, text.length);
}

static void set_text(lua_State *L, const char *name, lks_text text) {
  push_text(L, text);
  lua_setfield(L, -2, name);
}

/* core.url(url) -> { base, scheme, authority, place, host, port }, path of the URL of a request; see lks_url_parts.
 * `base`: what comes before the path, and a slash */
static int url_read(lua_State *L) {
  const char *url = luaL_checkstring(L, 1);
  lks_url_parts parts = lks_url_read(url);
  lua_settop(L, 1);
  lua_createtable(L, 0, 6);
  lua_pushlstring(L, url, (size_t)(parts.path.data - url));
  lua_pushliteral(L, "/");
  lua_concat(L, 2);
  lua_setfield(L, -2, "base");
  set_text(L, "scheme", parts.scheme);
  set_text(L, "authority", parts.authority);
  set_text(L, "place", parts.place);
  set_text(L, "host", parts.host);
  lua_pushinteger(L, (lua_Integer)parts.port);
  lua_setfield(L, -2, "port");
  push_text(L, parts.path);
  return 2;
}

static lks_text check_text(lua_State *L, int index) {
  lks_text text;
  text.data = luaL_checklstring(L, index, &text.length);
  return text;
}

/* core.shown_url(url) -> what of it may be shown, see lks_url_shown */
static int url_shown(lua_State *L) {
  lks_text shown[2];
  lks_url_shown(check_text(L, 1), shown);
  push_text(L, shown[0]);
  push_text(L, shown[1]);
  lua_concat(L, 2);
  return 1;
}

/* core.proxy(text) -> scheme ("" where none is written), place | nil, login decoded | nil; nil when no transport can be
 * given it. See lks_url_read_proxy. */
static int url_proxy(lua_State *L) {
  lks_proxy proxy;
  if (!lks_url_read_proxy(check_text(L, 1), &proxy)) {
    lua_pushnil(L);
    return 1;
  }
  lua_settop(L, 1);
  push_text(L, proxy.scheme);
  push_text(L, proxy.place);
  if (proxy.login.data == NULL) return 2;
  char *room = lua_newuserdata(L, proxy.login.length + 1);
  lua_pushlstring(L, room, lks_url_decode(proxy.login, room));
  lua_remove(L, -2);
  return 3;
}

void lks_lua_open_url(lua_State *L) {
  static const luaL_Reg functions[] = {{"url", url_read}, {"shown_url", url_shown}, {"proxy", url_proxy}, {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
}
