/* The retry budget of one client: a failing service must not be met with a multiple of its normal load.
 *
 * A token bucket in the manner of the AWS SDKs' standard retry mode: a retry takes tokens, a success gives some back,
 * and time refills it too, so that a client that fails for an hour may try again afterwards. */
#ifndef LKS_BUDGET_H
#define LKS_BUDGET_H

#include "timestamp.h"

#define LKS_BUDGET_CAPACITY 500        /* tokens */
#define LKS_BUDGET_RETRY_COST 5        /* tokens for one retry */
#define LKS_BUDGET_SUCCESS_REFUND 1    /* tokens */
#define LKS_BUDGET_REFILL_PER_SECOND 2 /* tokens */

typedef struct lks_budget {
  lks_span millitokens; /* tokens * 1000 */
  lks_time refilled;    /* time is credited up to here */
} lks_budget;

/* A full bucket. */
void lks_budget_init(lks_budget *budget);
/* Takes the cost of one retry; false, taking nothing, when there is not enough. A clock that steps back refills
 * nothing. */
bool lks_budget_spend(lks_budget *budget, lks_time now);
/* A call succeeded: the cost of its last retry comes back, LKS_BUDGET_SUCCESS_REFUND when it had none. */
void lks_budget_refund(lks_budget *budget, bool after_retry);

#endif
