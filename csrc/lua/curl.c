/* The module locksmith.curl: the libcurl driver for the calls of locksmith.core. */
#include "compat.h"

#include <stdint.h>

#include "box.h"
#include "curl/transport.h"

int luaopen_locksmith_curl(lua_State *L);

#define TRANSPORT_TYPE "locksmith.transport.curl"

typedef struct transport_box {
  lks_transport *transport; /* NULL once closed */
} transport_box;

static transport_box *check_box(lua_State *L) {
  return luaL_checkudata(L, 1, TRANSPORT_TYPE);
}

static const char *text_field(lua_State *L, int index, const char *name) {
  lua_getfield(L, index, name);
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
  lua_pop(L, 1); /* the table keeps it alive */
  return text;
}

static double number_field(lua_State *L, int index, const char *name) {
  lua_getfield(L, index, name);
  double number = (double)luaL_checknumber(L, -1);
  lua_pop(L, 1);
  return number;
}

/* curl.new{ ca_file, proxy, connect_timeout (seconds), max_response_bytes } -> transport | nil, message */
static int transport_new(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  double most = number_field(L, 1, "max_response_bytes");
  lks_transport_options options = {
      .ca_file = text_field(L, 1, "ca_file"),
      .proxy = text_field(L, 1, "proxy"),
      .connect_timeout = lks_span_from_seconds(number_field(L, 1, "connect_timeout")),
      /* Written so that NaN, too, takes a branch that does not convert it. */
      .max_response_bytes = !(most >= 1)                     ? 1
                            : most >= (double)(SIZE_MAX / 4) ? SIZE_MAX / 4
                                                             : (size_t)most,
  };
  transport_box *box = lua_newuserdata(L, sizeof *box);
  box->transport = NULL;
  luaL_getmetatable(L, TRANSPORT_TYPE);
  lua_setmetatable(L, -2);
  box->transport = lks_transport_new(&options);
  if (box->transport != NULL) return 1;
  lua_pushnil(L);
  lua_pushliteral(L, "libcurl cannot be started with these options (ca_file, proxy)");
  return 2;
}

static int transport_close(lua_State *L) {
  transport_box *box = check_box(L);
  lks_transport_free(box->transport);
  box->transport = NULL;
  return 0;
}

static int transport_tostring(lua_State *L) {
  lua_pushstring(L, check_box(L)->transport == NULL ? TRANSPORT_TYPE " (closed)" : TRANSPORT_TYPE);
  return 1;
}

static int push_failure(lua_State *L, const lks_exchange *exchange) {
  if (exchange->kind == LKS_KIND_NO_MEMORY) return luaL_error(L, "not enough memory");
  lua_pushnil(L);
  lua_pushstring(L, lks_kind_name(exchange->kind));
  lua_pushboolean(L, exchange->sent);
  lua_pushstring(L, exchange->message);
  lua_pushboolean(L, exchange->permanent);
  if (exchange->status == 0) return 5;
  lua_pushinteger(L, exchange->status);
  return 6;
}

/* transport:send(call, limit in seconds)
 *   -> status, raw header lines, body, connected seconds
 *   |  nil, kind, sent, message, permanent, status | nil */
static int transport_send(lua_State *L) {
  transport_box *box = check_box(L);
  luaL_argcheck(L, box->transport != NULL, 1, "transport is closed");
  lks_call_box *call = luaL_checkudata(L, 2, LKS_CALL_TYPE);
  luaL_argcheck(L, call->call != NULL, 2, "call is closed");
  luaL_argcheck(L, lks_call_is_sending(call->call), 2, "nothing is to be sent");
  lks_span limit = lks_span_from_seconds((double)luaL_checknumber(L, 3));
  luaL_checkstack(L, 6, NULL);
  lks_exchange exchange;
  lks_transport_send(box->transport, &call->request, lks_call_current_key(call->call), limit, call->repeatable,
                     &exchange);
  if (exchange.kind != LKS_KIND_NONE) return push_failure(L, &exchange);
  lua_pushinteger(L, exchange.status);
  lua_pushlstring(L, exchange.headers, exchange.headers_length);
  lua_pushlstring(L, exchange.body, exchange.body_length);
  lua_pushnumber(L, (lua_Number)lks_span_to_seconds(exchange.connected));
  return 4;
}

/* curl.version() -> such as "libcurl/7.88.1 OpenSSL/3.0.15" */
static int version(lua_State *L) {
  lua_pushstring(L, lks_transport_version());
  return 1;
}

int luaopen_locksmith_curl(lua_State *L) {
  static const luaL_Reg methods[] = {{"send", transport_send}, {"close", transport_close}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"new", transport_new}, {"version", version}, {NULL, NULL}};
  luaL_newmetatable(L, TRANSPORT_TYPE);
  lua_newtable(L);
  luaL_setfuncs(L, methods, 0);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, transport_close);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, transport_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pushliteral(L, TRANSPORT_TYPE);
  lua_setfield(L, -2, "__name");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
  luaL_newlib(L, functions);
  return 1;
}
