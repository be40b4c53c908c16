/* The module locksmith.curl: the transport over libcurl for the calls of locksmith.core. */
#include "binding.h"

#include <stdint.h>

#include "curl/transport.h"
#include "interrupt.h"
#include "monotonic.h"

int luaopen_locksmith_curl(lua_State *L);

#define TRANSPORT_TYPE "locksmith.transport.curl"

#define ENGINE_TYPE "locksmith.engine"

/* No wait that somebody else does is longer, so that limits are seen to. */
#define LOOK_UP (LKS_SECOND / 4)
/* While libcurl cannot say what it waits for. */
#define BLIND (LKS_SECOND / 100)

typedef struct engine_box {
  lks_engine *engine;
} engine_box;

typedef struct transport_box {
  lks_transport *transport; /* NULL once closed */
  lks_engine *engine;       /* retained */
  bool busy;                /* in the middle of a send, of which hooks may run, or between start and finish */
  bool closing;             /* closed from there */
  int call;                 /* reference to the call that was started */
} transport_box;

static transport_box *check_box(lua_State *L) {
  return luaL_checkudata(L, 1, TRANSPORT_TYPE);
}

static double number_field(lua_State *L, int index, const char *name) {
  lua_getfield(L, index, name);
  double number = (double)luaL_checknumber(L, -1);
  lua_pop(L, 1);
  return number;
}

static int engine_collect(lua_State *L) {
  engine_box *box = luaL_checkudata(L, 1, ENGINE_TYPE);
  lks_engine_release(box->engine);
  box->engine = NULL;
  return 0;
}

/* curl.new{ ca_file, proxy, connect_timeout (seconds), max_response_bytes, alone } -> transport | nil, message. The
 * upvalue is the engine of this Lua state, which all share but those that are `alone`. */
static int transport_new(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  size_t ignored;
  double most = number_field(L, 1, "max_response_bytes");
  engine_box *shared = luaL_checkudata(L, lua_upvalueindex(1), ENGINE_TYPE);
  lua_getfield(L, 1, "alone");
  bool alone = lua_toboolean(L, -1) != 0;
  transport_box *box = lua_newuserdata(L, sizeof *box);
  *box = (transport_box){.transport = NULL, .call = LUA_NOREF};
  luaL_getmetatable(L, TRANSPORT_TYPE);
  lua_setmetatable(L, -2);
  if (!alone && shared->engine == NULL) shared->engine = lks_transport_engine();
  if (alone)
    box->engine = lks_transport_engine();
  else if (shared->engine != NULL)
    box->engine = lks_engine_retain(shared->engine);
  if (box->engine == NULL) return lks_lua_no_memory(L);
  lks_transport_options options = {
      .engine = box->engine,
      .ca_file = lks_lua_text_field(L, 1, "ca_file", &ignored),
      .proxy = lks_lua_text_field(L, 1, "proxy", &ignored),
      .connect_timeout = lks_span_from_seconds(number_field(L, 1, "connect_timeout")),
      /* Written so that NaN, too, takes a branch that does not convert it. */
      .max_response_bytes = !(most >= 1)                     ? 1
                            : most >= (double)(SIZE_MAX / 4) ? SIZE_MAX / 4
                                                             : (size_t)most,
  };
  lks_kind kind = lks_transport_new(&options, &box->transport);
  if (kind == LKS_KIND_NONE) return 1;
  if (kind == LKS_KIND_NO_MEMORY) return lks_lua_no_memory(L);
  lua_pushnil(L);
  lua_pushliteral(L, "libcurl cannot be started with these options (ca_file, proxy)");
  return 2;
}

static void empty(lua_State *L, transport_box *box) {
  lks_transport_free(box->transport);
  lks_engine_release(box->engine);
  luaL_unref(L, LUA_REGISTRYINDEX, box->call);
  *box = (transport_box){.transport = NULL, .call = LUA_NOREF};
}

static int transport_close(lua_State *L) {
  transport_box *box = check_box(L);
  if (box->busy)
    box->closing = true;
  else
    empty(L, box);
  return 0;
}

/* What was started, and never finished, ends unseen. */
static int transport_collect(lua_State *L) {
  transport_box *box = check_box(L);
  lks_exchange exchange;
  if (box->call != LUA_NOREF) lks_transport_end(box->transport, &exchange);
  empty(L, box);
  return 0;
}

static int transport_tostring(lua_State *L) {
  lua_pushstring(L, check_box(L)->transport == NULL ? TRANSPORT_TYPE " (closed)" : TRANSPORT_TYPE);
  return 1;
}

static void set_whole(lua_State *L, const char *name, int value) {
  lua_pushinteger(L, value);
  lua_setfield(L, -2, name);
}

/* Pushes what transport:send returns; the exchange is at 1. */
static int push_result(lua_State *L) {
  const lks_exchange *exchange = lua_touserdata(L, 1);
  bool failed = exchange->kind != LKS_KIND_NONE;
  lua_settop(L, 0);
  if (failed) lua_pushnil(L);
  lua_createtable(L, 0, 5);
  if (exchange->status != 0) set_whole(L, "status", exchange->status);
  if (failed) {
    lua_pushstring(L, lks_kind_name(exchange->kind));
    lua_setfield(L, -2, "kind");
    lua_pushboolean(L, exchange->sent);
    lua_setfield(L, -2, "sent");
    lua_pushstring(L, exchange->message);
    lua_setfield(L, -2, "message");
    lua_pushboolean(L, exchange->permanent);
    lua_setfield(L, -2, "permanent");
    return 2;
  }
  lua_pushlstring(L, exchange->headers, exchange->headers_length);
  lua_setfield(L, -2, "headers");
  lua_pushlstring(L, exchange->body, exchange->body_length);
  lua_setfield(L, -2, "body");
  lua_pushnumber(L, (lua_Number)lks_span_to_seconds(exchange->connected));
  lua_setfield(L, -2, "connected");
  return 1;
}

typedef struct attendance {
  lks_interrupt interrupt;
  transport_box *box;
  bool raised; /* an error, which is on top of the stack */
} attendance;

static bool goes_on(void *context) {
  attendance *here = context;
  here->raised = !lks_interrupt_pass(&here->interrupt);
  return !here->raised && !here->box->closing;
}

static void carry_out(attendance *here, const lks_call_box *call, lks_span limit, lks_exchange *exchange) {
  transport_box *box = here->box;
  lks_pause pause = {.goes_on = goes_on, .context = here};
  box->busy = true;
  lks_transport_send(box->transport, &call->request, lks_call_current_key(call->call), limit, call->repeatable, &pause,
                     exchange);
  box->busy = false;
}

/* Sends; once more when there were no descriptors, which clients that were dropped without being closed hold until they
 * are collected. */
static void send_collecting(lua_State *L, attendance *here, const lks_call_box *call, lks_span limit,
                            lks_exchange *exchange) {
  lks_time began = lks_monotonic();
  carry_out(here, call, limit, exchange);
  if (!exchange->short_of_files || here->raised || here->box->closing) return;
  lua_gc(L, LUA_GCCOLLECT, 0);
  lua_gc(L, LUA_GCCOLLECT, 0);
  if (here->box->transport != NULL) carry_out(here, call, limit - (lks_monotonic() - began), exchange);
}

/* Pushes what became of an exchange. When Lua has no memory for it the caller must still learn what was sent: the
 * second upvalue is a failure that says so. */
static int push_protected(lua_State *L, lks_exchange *exchange) {
  int base = lua_gettop(L);
  lua_pushvalue(L, lua_upvalueindex(1)); /* push_result */
  lua_pushlightuserdata(L, exchange);
  if (lua_pcall(L, 1, LUA_MULTRET, 0) == 0) return lua_gettop(L) - base;
  if (!exchange->sent) return lua_error(L);
  lua_pushnil(L);
  lua_pushvalue(L, lua_upvalueindex(2));
  set_whole(L, "status", exchange->status); /* it is there, so that nothing is allocated */
  return 2;
}

/* The failure of an answer for which there was no memory. */
static void push_starved(lua_State *L) {
  lua_createtable(L, 0, 4);
  lua_pushstring(L, lks_kind_name(LKS_KIND_TOO_LARGE));
  lua_setfield(L, -2, "kind");
  lua_pushboolean(L, 1);
  lua_setfield(L, -2, "sent");
  lua_pushliteral(L, "there was not enough memory for the answer");
  lua_setfield(L, -2, "message");
  set_whole(L, "status", 0);
}

/* noted.sending exists, so that nothing is allocated, and the error that a hook has raised stays on top. */
static void note_sending(lua_State *L, bool sent) {
  lua_pushboolean(L, sent);
  lua_setfield(L, 4, "sending");
}

static lks_call_box *check_sending(lua_State *L, transport_box *box) {
  luaL_argcheck(L, box->transport != NULL, 1, "transport is closed");
  lks_call_box *call = luaL_checkudata(L, 2, LKS_CALL_TYPE);
  luaL_argcheck(L, call->call != NULL, 2, "call is closed");
  luaL_argcheck(L, lks_call_is_sending(call->call), 2, "nothing is to be sent");
  luaL_checktype(L, 4, LUA_TTABLE);
  lua_settop(L, 4);
  lks_lua_check_stack(L, 12);
  return call;
}

/* Pushes what came of it, closing what was closed meanwhile: only now, since the result was in it. */
static int push_outcome(lua_State *L, transport_box *box, lks_exchange *exchange) {
  int count = exchange->kind == LKS_KIND_NO_MEMORY ? 0 : push_protected(L, exchange);
  if (box->closing) empty(L, box);
  return count > 0 ? count : lks_lua_no_memory(L);
}

static const lks_exchange interrupting = {.kind = LKS_KIND_CONFIG,
                                          .permanent = true,
                                          .message =
                                              "a hook cannot send through the client whose request it interrupts"};

/* transport:send(call, limit in seconds, noted)
 *   -> { status, headers (raw lines), body, connected (seconds) }
 *   |  nil, { kind, sent, message, permanent, status | nil }
 * noted.sending tells whether something may have been sent, also when it raises. */
static int transport_send(lua_State *L) {
  transport_box *box = check_box(L);
  lks_span limit = lks_span_from_seconds((double)luaL_checknumber(L, 3));
  lks_call_box *call = check_sending(L, box);
  lks_exchange exchange = interrupting;
  if (box->busy) return push_protected(L, &exchange);
  attendance here = {.interrupt = lks_interrupt_begin(L, lua_upvalueindex(3)), .box = box};
  note_sending(L, true);
  send_collecting(L, &here, call, limit, &exchange);
  note_sending(L, exchange.sent);
  lks_call_resent(call->call, exchange.resent);
  if (here.raised) {
    if (box->closing) empty(L, box);
    return lua_error(L);
  }
  return push_outcome(L, box, &exchange);
}

/* transport:start(call, limit in seconds, noted) -> true, and transport:finish has to follow | what send gives */
static int transport_start(lua_State *L) {
  transport_box *box = check_box(L);
  lks_span limit = lks_span_from_seconds((double)luaL_checknumber(L, 3));
  lks_call_box *call = check_sending(L, box);
  lks_exchange exchange = interrupting;
  if (box->busy) return push_protected(L, &exchange);
  lua_pushvalue(L, 2);
  int reference = luaL_ref(L, LUA_REGISTRYINDEX);
  note_sending(L, true);
  if (lks_transport_begin(box->transport, &call->request, lks_call_current_key(call->call), limit, call->repeatable,
                          &exchange)) {
    box->busy = true;
    box->call = reference;
    lua_pushboolean(L, 1);
    return 1;
  }
  luaL_unref(L, LUA_REGISTRYINDEX, reference);
  note_sending(L, false);
  return push_outcome(L, box, &exchange);
}

/* transport:has_ended() -> whether what was started is over, or has to end */
static int transport_has_ended(lua_State *L) {
  transport_box *box = check_box(L);
  lua_pushboolean(L, box->call == LUA_NOREF || box->closing || lks_transport_has_ended(box->transport));
  return 1;
}

/* transport:finish(call, nil, noted) -> what send gives. What is not over is given up. */
static int transport_finish(lua_State *L) {
  transport_box *box = check_box(L);
  lks_call_box *call = luaL_checkudata(L, 2, LKS_CALL_TYPE);
  luaL_checktype(L, 4, LUA_TTABLE);
  luaL_argcheck(L, box->call != LUA_NOREF, 1, "nothing was started");
  lua_settop(L, 4);
  lks_lua_check_stack(L, 12);
  lks_exchange exchange;
  lks_transport_end(box->transport, &exchange);
  box->busy = false;
  luaL_unref(L, LUA_REGISTRYINDEX, box->call);
  box->call = LUA_NOREF;
  note_sending(L, exchange.sent);
  if (call->call != NULL) lks_call_resent(call->call, exchange.resent);
  return push_outcome(L, box, &exchange);
}

/* transport:advance(): lets everything that was started on its engine go on */
static int transport_advance(lua_State *L) {
  transport_box *box = check_box(L);
  if (box->transport != NULL) lks_transport_advance(box->transport);
  return 0;
}

/* transport:wait(seconds): until something on its engine has to go on, or a signal's hook has run */
static int transport_wait(lua_State *L) {
  transport_box *box = check_box(L);
  lks_span most = lks_span_from_seconds((double)luaL_checknumber(L, 2));
  lua_settop(L, 2);
  lks_lua_check_stack(L, 12);
  lks_interrupt in = lks_interrupt_begin(L, lua_upvalueindex(3));
  bool ready = box->engine != NULL && lks_transport_wait(box->engine, most);
  if (!ready && !lks_interrupt_pass(&in)) return lua_error(L);
  return 0;
}

/* transport:descriptors() -> { { fd, read, write }, … }, seconds that a wait for them may take */
static int transport_descriptors(lua_State *L) {
  enum { MOST = 64 };
  transport_box *box = check_box(L);
  lks_descriptor descriptors[MOST];
  bool complete = false;
  size_t count = box->engine == NULL ? 0 : lks_transport_descriptors(box->engine, descriptors, MOST, &complete);
  lua_createtable(L, (int)count, 0);
  for (size_t i = 0; i < count; i++) {
    lua_createtable(L, 0, 3);
    lua_pushinteger(L, descriptors[i].descriptor);
    lua_setfield(L, -2, "fd");
    lua_pushboolean(L, descriptors[i].reads);
    lua_setfield(L, -2, "read");
    lua_pushboolean(L, descriptors[i].writes);
    lua_setfield(L, -2, "write");
    lua_rawseti(L, -2, (int)i + 1);
  }
  lks_span next = box->engine == NULL ? 0 : lks_transport_next(box->engine);
  if (next < 0 || next > LOOK_UP) next = LOOK_UP;
  if (!complete && next > BLIND) next = BLIND;
  lua_pushnumber(L, (lua_Number)lks_span_to_seconds(next));
  return 2;
}

/* curl.version() -> such as "libcurl/7.88.1 OpenSSL/3.0.15" */
static int version(lua_State *L) {
  lua_pushstring(L, lks_transport_version());
  return 1;
}

int luaopen_locksmith_curl(lua_State *L) {
  static const luaL_Reg waiting[] = {{"send", transport_send},           {"start", transport_start},
                                     {"finish", transport_finish},       {"advance", transport_advance},
                                     {"has_ended", transport_has_ended}, {"descriptors", transport_descriptors},
                                     {"wait", transport_wait},           {NULL, NULL}};
  lks_interrupt_open(L);
  luaL_newmetatable(L, TRANSPORT_TYPE);
  lua_newtable(L);
  lua_pushcfunction(L, push_result);
  push_starved(L);
  lks_interrupt_push_step(L);
  luaL_setfuncs(L, waiting, 3);
  lua_pushboolean(L, 1);
  lua_setfield(L, -2, "tells");
  lua_pushcfunction(L, transport_close);
  lua_setfield(L, -2, "close");
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, transport_collect);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, transport_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pushliteral(L, TRANSPORT_TYPE);
  lua_setfield(L, -2, "__name");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);

  luaL_newmetatable(L, ENGINE_TYPE);
  lua_pushcfunction(L, engine_collect);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);

  lua_newtable(L);
  engine_box *engine = lua_newuserdata(L, sizeof *engine);
  engine->engine = NULL;
  luaL_getmetatable(L, ENGINE_TYPE);
  lua_setmetatable(L, -2);
  lua_pushcclosure(L, transport_new, 1);
  lua_setfield(L, -2, "new");
  lua_pushcfunction(L, version);
  lua_setfield(L, -2, "version");
  return 1;
}
