/* Whether one failed attempt may be followed by another, and after how long. Pure functions of data. */
#ifndef LKS_RETRY_H
#define LKS_RETRY_H

#include "error.h"
#include "timestamp.h"

#define LKS_RETRY_BASE (LKS_SECOND / 4)
#define LKS_RETRY_CAP (LKS_SECOND * 5)

/* What one attempt came to. */
typedef struct lks_attempt {
  lks_kind kind;  /* LKS_KIND_NONE: answered with success */
  int status;     /* of the answer, or of as much of it as came before a failure; 0: none */
  bool sent;      /* some byte may have reached the service */
  bool wait_told; /* the answer carried a readable Retry-After */
  bool permanent; /* a transport failure that the next attempt would meet again, such as a bad certificate */
  lks_span elapsed;
  lks_span wait;   /* spent before it, since the call began or the attempt before ended */
  unsigned resent; /* how often the transport sent it once more by itself, which it does to reads only */
} lks_attempt;

/* What the service may have done with that attempt. LKS_APPLIED for a success. A 5xx may have acted before it failed,
 * except a 503 with Retry-After; a 4xx did not, nor did a redirect that repeats the request elsewhere (301, 307, 308).
 * A status line counts although the rest of the answer was lost, but a success that cannot be read is unknown. */
lks_outcome lks_attempt_outcome(const lks_attempt *attempt);

/* Whether a repeat is legal under the class, leaving counts, budget and time aside. */
bool lks_retry_legal(lks_retry_class retry, const lks_attempt *attempt);

/* Full jitter: chance * min(cap, base * 2^retries_before). `chance` is clamped to [0, 1). */
lks_span lks_retry_backoff(unsigned retries_before, double chance);

#endif
