/* The vocabulary of failure (README, "Errors") and the rules that give a failure its name. */
#ifndef LKS_ERROR_H
#define LKS_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#include "service.h"

typedef enum lks_kind {
  LKS_KIND_NONE,
  LKS_KIND_INVALID_REQUEST,
  LKS_KIND_UNAUTHENTICATED,
  LKS_KIND_FORBIDDEN,
  LKS_KIND_PLAN_REQUIRED,
  LKS_KIND_LIMIT_REACHED,
  LKS_KIND_NOT_FOUND,
  LKS_KIND_CONFLICT,
  LKS_KIND_RATE_LIMITED,
  LKS_KIND_QUOTA_EXCEEDED,
  LKS_KIND_WOULD_WAIT,
  LKS_KIND_SERVER_ERROR,
  LKS_KIND_CONNECT,
  LKS_KIND_TLS,
  LKS_KIND_NETWORK,
  LKS_KIND_TIMEOUT,
  LKS_KIND_BAD_RESPONSE,
  LKS_KIND_TOO_LARGE,
  LKS_KIND_NOT_APPLIED,
  LKS_KIND_PHASE,
  LKS_KIND_CONFIG,
  LKS_KIND_STORE,
  LKS_KIND_CLOSED,
  LKS_KIND_NO_MEMORY, /* never shown as a kind: the binding raises Lua's own memory error */
  LKS_KIND_COUNT
} lks_kind;

/* Whether the same call may succeed later without a change of the request, the key, the account or the program. Of a
 * BAD_RESPONSE the status tells (0: none came). */
bool lks_error_retryable(lks_kind kind, int status);

typedef enum lks_outcome { LKS_NOT_SENT, LKS_REJECTED, LKS_UNKNOWN, LKS_APPLIED } lks_outcome;
typedef enum lks_source { LKS_LOCAL, LKS_REMOTE, LKS_TRANSPORT } lks_source;

/* Names as the Lua API spells them; static. NULL for a value outside the enumeration. */
const char *lks_kind_name(lks_kind kind);
/* What a failure of that kind is, in words; static. NULL where the kind alone says nothing. */
const char *lks_kind_text(lks_kind kind);
const char *lks_outcome_name(lks_outcome outcome);
const char *lks_source_name(lks_source source);
/* The kind with that name, LKS_KIND_NONE when there is none. NULL gives LKS_KIND_NONE, and so does "no_memory", which
 * nobody outside the core may claim. */
lks_kind lks_kind_find(const char *name);

/* What an error body said. Any pointer may be NULL; all borrowed, for as long as who is given it says. */
typedef struct lks_refusal {
  const char *code;
  const char *message;
  bool quota_used_up; /* the answer carried X-Api-Quota-Remaining: 0 */
} lks_refusal;

/* The kind of an answer with that status: LKS_KIND_NONE for 2xx, LKS_KIND_BAD_RESPONSE for 1xx, 3xx and numbers that
 * are no status. `refusal` may be NULL. Locker's codes: spec/vectors/locker-wire.md, section 3. Quota: README,
 * "LOCK.PUB". The status of LOCK.PUB's duplicate slug is undocumented: a 400 or 422 that says in words that the slug is
 * there already is LKS_KIND_CONFLICT, one about its characters or the plan is not. */
lks_kind lks_error_classify(lks_service service, int status, const lks_refusal *refusal);

#endif
