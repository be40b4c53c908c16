/* The userdata types of the binding, shared by its files and by the modules that drive calls.
 *
 * Every box is made empty before the C object it will own, so that an error in between leaves nothing unowned. */
#ifndef LKS_LUA_BOX_H
#define LKS_LUA_BOX_H

#include <lua.h>

#include "core/client.h"

#define LKS_KEY_TYPE "locksmith.key"
#define LKS_CLIENT_TYPE "locksmith.client"
#define LKS_CALL_TYPE "locksmith.call"
#define LKS_MEMORY_TYPE "locksmith.memory"
#define LKS_STATE_TYPE "locksmith.state"

typedef struct lks_key_box {
  lks_key *key;
} lks_key_box;

typedef struct lks_client_box {
  lks_client *client; /* NULL once closed */
} lks_client_box;

typedef struct lks_memory_box {
  lks_memory_store *store; /* NULL once closed */
} lks_memory_box;

typedef struct lks_state_box {
  lks_state *state; /* NULL until made */
  lks_buffer saved; /* where it is written, so that an error of Lua's loses no memory */
} lks_state_box;

typedef struct lks_call_box {
  lks_client *client; /* retained */
  lks_call *call;     /* NULL until made */
  lks_request request;
  lks_secrets secrets; /* of the request */
  lks_buffer room;     /* where a text is written, so that an error of Lua's loses no memory */
  lks_ticket ticket;
  struct {
    lks_ticket ticket;
    lks_kind kind;
    lks_span span;
    lks_time now;    /* by the clock of the state */
  } taken;           /* what a state that is kept elsewhere answered, until that place has taken it over */
  lks_span ahead;    /* by so much the clock of the state that the ticket is from is */
  lks_quota quota;   /* as known after the last answer */
  bool headers_open; /* those of the last answer can be shown as they came, see lks_lua_read_headers */
  bool repeatable;   /* a transport may resend it by itself: it only reads */
} lks_call_box;

#endif
