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

typedef struct lks_key_box {
  lks_key *key;
} lks_key_box;

typedef struct lks_client_box {
  lks_client *client; /* NULL once closed */
} lks_client_box;

typedef struct lks_memory_box {
  lks_memory_store *store; /* NULL once closed */
  lks_buffer saved;        /* where a state is written, so that an error of Lua's loses no memory */
} lks_memory_box;

typedef struct lks_call_box {
  lks_client *client; /* retained */
  lks_call *call;     /* NULL until made */
  lks_request request;
  lks_ticket ticket;
  lks_quota quota; /* as known after the last answer */
  bool repeatable; /* a transport may resend it by itself: it only reads */
} lks_call_box;

#endif
