/* Pacing and quota state of this process, by state name ("service:fingerprint"). Shared by all clients of one store;
 * not thread-safe (a lua_State is not either). */
#ifndef LKS_MEMORY_STORE_H
#define LKS_MEMORY_STORE_H

#include "state.h"

#define LKS_MEMORY_STORE_MAX 1024

typedef struct lks_memory_store lks_memory_store;

/* An empty store; NULL when out of memory. */
lks_memory_store *lks_memory_store_new(void);
/* Frees every state with it. NULL is a no-op. */
void lks_memory_store_free(lks_memory_store *store);
/* Finds or makes the state of that name, which is copied; NULL when out of memory. Owned by the store, valid until the
 * next lks_memory_store_get or _free. At most LKS_MEMORY_STORE_MAX names are kept: past that the one used longest ago
 * makes room, so that a process that sees many keys does not grow. */
lks_state *lks_memory_store_get(lks_memory_store *store, const char *name);

#endif
