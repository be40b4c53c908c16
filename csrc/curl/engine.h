/* What all transports of one thread run their requests on: made when one begins, dropped when none runs, so that an
 * idle program holds no descriptors for it. When requests of one transport come thick and fast it stays in between,
 * because making it costs as much as a tenth of a request. */
#ifndef LKS_CURL_ENGINE_H
#define LKS_CURL_ENGINE_H

#include <stdbool.h>

#include "core/timestamp.h"

typedef struct lks_engine lks_engine;

/* How the thing itself is made and dropped, which is libcurl's affair. `make` gives NULL when that fails. */
typedef struct lks_engine_maker {
  void *(*make)(void);
  void (*drop)(void *made);
} lks_engine_maker;

/* `maker` is borrowed for good. NULL when out of memory. */
lks_engine *lks_engine_new(const lks_engine_maker *maker);
lks_engine *lks_engine_retain(lks_engine *engine);
/* The last release drops what is there. NULL is a no-op. */
void lks_engine_release(lks_engine *engine);

/* What runs requests, for one of `user`'s that begins; NULL when it cannot be made. In a forked child the parent's is
 * left alone and another one made. Each success is followed by one lks_engine_leave. `now` is monotonic. */
void *lks_engine_enter(lks_engine *engine, const void *user, lks_time now);
void lks_engine_leave(lks_engine *engine, lks_time now);

/* What runs requests now, in this process; NULL when none runs. */
void *lks_engine_running(const lks_engine *engine);
/* That it failed as a whole, 0: it did not. What runs on it has to end; then it is dropped. */
void lks_engine_note_failure(lks_engine *engine, int failure);
int lks_engine_failure(const lks_engine *engine);

#endif
