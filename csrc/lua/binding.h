/* The files of the module locksmith.core, and what they share. Each lks_lua_open_<noun> adds its functions to the
 * module table on top of the stack. */
#ifndef LKS_LUA_BINDING_H
#define LKS_LUA_BINDING_H

#include "compat.h"

#include "box.h"
#include "core/field.h"
#include "core/headers.h"
#include "core/timestamp.h"

void lks_lua_open_attach(lua_State *L);
void lks_lua_open_key(lua_State *L);
void lks_lua_open_service(lua_State *L);
void lks_lua_open_limits(lua_State *L);
void lks_lua_open_client(lua_State *L);
void lks_lua_open_call(lua_State *L);
void lks_lua_open_response(lua_State *L);
void lks_lua_open_result(lua_State *L);
void lks_lua_open_secrets(lua_State *L);
void lks_lua_open_memory(lua_State *L);
void lks_lua_open_state(lua_State *L);
void lks_lua_open_field(lua_State *L);
void lks_lua_open_nearest(lua_State *L);
void lks_lua_open_file(lua_State *L);
void lks_lua_open_journal(lua_State *L);
void lks_lua_open_digest(lua_State *L);
void lks_lua_open_link(lua_State *L);
void lks_lua_open_url(lua_State *L);
void lks_lua_open_utf8(lua_State *L);
void lks_lua_open_json(lua_State *L);
void lks_lua_open_headers(lua_State *L);
void lks_lua_open_quota(lua_State *L);
void lks_lua_open_time(lua_State *L);
void lks_lua_open_system(lua_State *L);
void lks_lua_open_signals(lua_State *L);
void lks_lua_open_terminal(lua_State *L);
void lks_lua_open_folder(lua_State *L);
void lks_lua_open_descriptors(lua_State *L);

/* Makes the metatable of a userdata type: methods under __index, `collect` as __gc. */
void lks_lua_new_type(lua_State *L, const char *type, const luaL_Reg *methods, lua_CFunction collect);
/* Adds methods to one that is there. */
void lks_lua_add_methods(lua_State *L, const char *type, const luaL_Reg *methods);

/* A text of the table at `index`, which keeps it alive; NULL, and *length 0, when absent. */
const char *lks_lua_text_field(lua_State *L, int index, const char *name, size_t *length);

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

/* What the arguments of core.call from an index on say of the request and of its call, whose operation is given. Raises
 * when they are malformed. */
lks_request_status lks_lua_read_request(lua_State *L, int first, const lks_client *client, lks_call_options *options,
                                        lks_request *request);
/* Pushes method, url, { {name, value}, … }, body | nil; `key` may be NULL. Returns how many values that are. */
int lks_lua_push_request(lua_State *L, const lks_request *request, const lks_key *key);
/* Pushes method, url, body | nil, and the values of Authorization, Accept, User-Agent and Content-Type, nil where the
 * request has no such header. Returns how many values that are. */
int lks_lua_push_values(lua_State *L, const lks_request *request, const lks_key *key);
/* Pushes method and what of the url may be shown. Returns how many values that are. */
int lks_lua_push_target(lua_State *L, const lks_request *request);

/* Remembers what of the request's fields, at an index, may not be shown. */
void lks_lua_read_secrets(lua_State *L, int index, const lks_operation *operation, lks_secrets *secrets);

/* Fills `out` from the headers of an answer at an index: raw lines, or a table of names in any case to texts, or lists
 * of them; anything else has none. Returns whether no secret of the call could come to light in any of them, be they
 * joined or not. */
bool lks_lua_read_headers(lua_State *L, int index, const lks_call_box *box, lks_policy_headers *out);

/* Pushes raw header lines as { lower-case name = value }. False: a value is not as it stands in the lines, but made of
 * several. */
bool lks_lua_push_headers(lua_State *L, const char *lines, size_t length);

/* Reads what an error body may say in any of the forms seen: { code, message }, { detail }, { error = "…" },
 * { error = { code, message } }, { errors = { … } }, or a bare string. Leaves values on the stack that keep the texts.
 */
void lks_lua_read_refusal(lua_State *L, int body, lks_refusal *refusal);

/* Whether the value on top of the stack, which was decoded and is no table, changes when it is cleaned, see core.clean;
 * if so the new one is pushed. */
bool lks_lua_push_clean(lua_State *L);
/* Raises that memory ran out where lua-cjson, which ends the process then, would not get what it takes to write a
 * value. `size`: at least what it writes. */
void lks_lua_check_encoder(lua_State *L, size_t size);
/* At least what lua-cjson asks for to write a text of so many bytes, with what surrounds it. */
size_t lks_lua_encoded_text(size_t length);

/* Pushes { limit, remaining, reset, as_of }, or nil while the quota is unknown. */
void lks_lua_push_quota(lua_State *L, const lks_quota *quota);

/* Raises the text of Lua's own memory error, with no position either; the one way a failed allocation of the core
 * leaves the binding. */
int lks_lua_no_memory(lua_State *L);

/* Makes room for so many more values, or raises that memory ran out: nothing here is nested so deep that Lua's limit of
 * the stack is met, and luaL_checkstack would take the one for the other. */
void lks_lua_check_stack(lua_State *L, int values);

/* The call at index 1 of a method, of which the first upvalue must be the metatable, as lks_lua_new_type and
 * lks_lua_add_methods see to: comparing it is quicker than finding it by name. */
lks_call_box *lks_lua_check_call(lua_State *L);
lks_client *lks_lua_check_client(lua_State *L, int index);
lks_memory_store *lks_lua_check_memory(lua_State *L, int index);
/* NULL when nil or absent. */
lks_memory_store *lks_lua_opt_memory(lua_State *L, int index);
lks_key *lks_lua_check_key(lua_State *L, int index);
lks_state *lks_lua_check_state(lua_State *L, int index);
/* Pushes an empty one. */
lks_state *lks_lua_push_state(lua_State *L);

/* Makes of `state` what a place keeps, joined with what is remembered: see lks_state_join. From index `first` on: the
 * bytes that were read there or nil, what is remembered or nil, whether the place was not told all of that, whether it
 * says that it lost something, whether what is remembered is what the bytes say. False: the bytes are no state. */
bool lks_lua_take_up(lua_State *L, lks_state *state, int first, lks_time now);
/* Pushes the state at `index` as bytes, the next in its lineage, and how many seconds it is worth keeping. Returns how
 * many values that are: none when it says nothing new that matters. `kept`: there were bytes that it was read from. */
int lks_lua_push_news(lua_State *L, int index, bool kept, lks_time now);

/* In [0, 1), for jitter and for what is not to be met again. */
double lks_lua_random(void);

/* Pushes what the call wants next: action, seconds, effects. Where the store is this process's, pacing is settled. */
int lks_lua_push_next(lua_State *L, lks_call_box *box, lks_memory_store *store, lks_time now);

#endif
