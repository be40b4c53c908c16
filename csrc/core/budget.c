#include "budget.h"

#define TOKEN INT64_C(1000)
#define CAPACITY (LKS_BUDGET_CAPACITY * TOKEN)
#define REFILL_TIME (LKS_SECOND / (LKS_BUDGET_REFILL_PER_SECOND * TOKEN)) /* of one millitoken */

static void add(lks_budget *budget, lks_span millitokens) {
  budget->millitokens = millitokens < CAPACITY - budget->millitokens ? budget->millitokens + millitokens : CAPACITY;
}

void lks_budget_init(lks_budget *budget) {
  *budget = (lks_budget){.millitokens = CAPACITY};
}

/* What is less than a millitoken's time stays on the account, so that frequent calls do not lose it. */
static void refill(lks_budget *budget, lks_time now) {
  lks_span elapsed = now - budget->refilled;
  if (elapsed < 0) elapsed = 0;
  add(budget, elapsed / REFILL_TIME);
  budget->refilled = now - elapsed % REFILL_TIME;
}

bool lks_budget_spend(lks_budget *budget, lks_time now) {
  refill(budget, now);
  if (budget->millitokens < LKS_BUDGET_RETRY_COST * TOKEN) return false;
  budget->millitokens -= LKS_BUDGET_RETRY_COST * TOKEN;
  return true;
}

void lks_budget_refund(lks_budget *budget, bool after_retry) {
  add(budget, (after_retry ? LKS_BUDGET_RETRY_COST : LKS_BUDGET_SUCCESS_REFUND) * TOKEN);
}
