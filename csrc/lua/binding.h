/* The files of the module locksmith.core, and what they share. Each lks_lua_open_<noun> adds its functions to the
 * module table on top of the stack. */
#ifndef LKS_LUA_BINDING_H
#define LKS_LUA_BINDING_H

#include "compat.h"

#include "box.h"
#include "core/timestamp.h"

void lks_lua_open_attach(lua_State *L);
void lks_lua_open_key(lua_State *L);
void lks_lua_open_client(lua_State *L);
void lks_lua_open_call(lua_State *L);
void lks_lua_open_memory(lua_State *L);
void lks_lua_open_state(lua_State *L);
void lks_lua_open_fields(lua_State *L);
void lks_lua_open_file(lua_State *L);
void lks_lua_open_link(lua_State *L);
void lks_lua_open_value(lua_State *L);
void lks_lua_open_json(lua_State *L);
void lks_lua_open_quota(lua_State *L);
void lks_lua_open_system(lua_State *L);

/* Makes the metatable of a userdata type: methods under __index, `collect` as __gc. */
void lks_lua_new_type(lua_State *L, const char *type, const luaL_Reg *methods, lua_CFunction collect);

/* Seconds at a stack index as microseconds. Raises a Lua argument error when it is no number. */
lks_time lks_lua_check_time(lua_State *L, int index);
/* Seconds; a whole number of them as lks_lua_push_whole. */
void lks_lua_push_span(lua_State *L, lks_span span);
/* A whole number as an integer where Lua has them. */
void lks_lua_push_whole(lua_State *L, long long number);

/* The windows of a list { {requests, seconds}, … } at a stack index (nil or absent: none). Raises when malformed. */
void lks_lua_check_windows(lua_State *L, int index, lks_windows *windows);

/* What the table at an index, or nil, says of the limits of a call: timeout or deadline, attempt_timeout (seconds),
 * max_retries, pacing. The rest stays. */
void lks_lua_read_limits(lua_State *L, int index, lks_time now, lks_limits *limits);

/* Reads what an error body may say in any of the forms seen: { code, message }, { detail }, { error = "…" },
 * { error = { code, message } }, { errors = { … } }, or a bare string. Leaves values on the stack that keep the texts.
 */
void lks_lua_read_refusal(lua_State *L, int body, lks_refusal *refusal);

/* Pushes { limit, remaining, reset, as_of }, or nil while the quota is unknown. */
void lks_lua_push_quota(lua_State *L, const lks_quota *quota);

/* Raises the text of Lua's own memory error, with no position either; the one way a failed allocation of the core
 * leaves the binding. */
int lks_lua_no_memory(lua_State *L);

lks_client *lks_lua_check_client(lua_State *L, int index);
lks_memory_store *lks_lua_check_memory(lua_State *L, int index);
/* NULL when nil or absent. */
lks_memory_store *lks_lua_opt_memory(lua_State *L, int index);
lks_key *lks_lua_check_key(lua_State *L, int index);
lks_state *lks_lua_check_state(lua_State *L, int index);

#endif
