/* What an answer says about the attempts before it: the trace that one of them left, or somebody else's. */
#ifndef LKS_EVIDENCE_H
#define LKS_EVIDENCE_H

#include "retry.h"

/* Who can hold the slug that a create carries (README, "LOCK.PUB", "Exactly once"). */
typedef enum lks_slug {
  LKS_SLUG_GUESSABLE, /* anybody: it was chosen, and nobody vouches for it */
  LKS_SLUG_FRESH,     /* this call alone: it was made for it, and cannot be guessed */
  LKS_SLUG_OURS       /* the caller, in this call or an earlier one: vouched for, or derived with a secret */
} lks_slug;

typedef enum lks_evidence {
  LKS_EVIDENCE_NONE,
  LKS_EVIDENCE_APPLIED, /* what was to be done is done */
  LKS_EVIDENCE_EITHER   /* done by an attempt whose answer was lost, or by somebody else */
} lks_evidence;

/* What the answer to the last of `count` attempts (1 or more) proves. `retry` and `slug` are the call's. That the lost
 * attempt used up the quota hides nothing, so what `refusal` says of it is left aside. `page`: the answer is no word of
 * the service but some gateway's page, which proves nothing. Of a removal, a 404 that was told before there was any
 * doubt is somebody else's doing. */
lks_evidence lks_evidence_weigh(const lks_operation *operation, lks_retry_class retry, lks_slug slug,
                                const lks_attempt *attempts, size_t count, lks_refusal refusal, bool page);

#endif
