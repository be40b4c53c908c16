/* Keeps SIGPIPE away from a thread while libcurl writes.
 *
 * CURLOPT_NOSIGNAL also stops libcurl from ignoring SIGPIPE, and before 7.87 OpenSSL wrote to the socket itself with
 * write(2): a server that closes early would end the whole process. Blocking the signal touches only this thread,
 * where ignoring it would change the host program's handler. */
#ifndef LKS_CURL_SIGPIPE_H
#define LKS_CURL_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

typedef struct lks_sigpipe {
  sigset_t before; /* the thread's mask */
  bool blocked;    /* by us, so that it is ours to undo */
} lks_sigpipe;

/* Calls do not nest on the same guard. Does nothing when a SIGPIPE is pending already, since it is someone else's. */
void lks_sigpipe_block(lks_sigpipe *guard);
/* Drops a SIGPIPE that came in between, then restores the mask. */
void lks_sigpipe_restore(lks_sigpipe *guard);

#endif
