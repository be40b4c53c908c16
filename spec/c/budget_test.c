#include "core/budget.h"

#include "test.h"

#define S LKS_SECOND
#define T0 (INT64_C(1700000000) * S)
#define RETRIES (LKS_BUDGET_CAPACITY / LKS_BUDGET_RETRY_COST)

static int spent(lks_budget *budget, lks_time now) {
  int count = 0;
  while (count < 10 * RETRIES && lks_budget_spend(budget, now)) count++;
  return count;
}

static lks_budget empty_at(lks_time now) {
  lks_budget budget;
  lks_budget_init(&budget);
  CHECK_INT(spent(&budget, now), RETRIES);
  return budget;
}

static void full_bucket_pays_so_many_retries_and_no_more(void) {
  lks_budget budget = empty_at(T0);
  CHECK(!lks_budget_spend(&budget, T0));
}

static void it_works_on_a_clock_that_starts_at_nought(void) {
  lks_budget budget = empty_at(0);
  CHECK_INT(spent(&budget, 5 * S), 2);
}

static void refusal_takes_nothing(void) {
  lks_budget budget = empty_at(T0);
  CHECK(!lks_budget_spend(&budget, T0 + 2 * S)); /* 4 of 5 tokens */
  CHECK(!lks_budget_spend(&budget, T0 + 2 * S + S / 4));
  CHECK(lks_budget_spend(&budget, T0 + 2 * S + S / 2));
}

static void time_refills_up_to_the_capacity(void) {
  lks_budget budget = empty_at(T0);
  CHECK_INT(spent(&budget, T0 + 10 * S), 4);
  CHECK_INT(spent(&budget, T0 + 260 * S), RETRIES);
  CHECK_INT(spent(&budget, LKS_TIME_MAX), RETRIES);
}

static void frequent_asking_loses_no_refill(void) {
  lks_budget budget = empty_at(T0);
  int count = 0;
  for (lks_time now = T0; now <= T0 + 10 * S; now += 77) count += lks_budget_spend(&budget, now);
  CHECK_INT(count + spent(&budget, T0 + 10 * S), 4);
}

static void success_gives_back(void) {
  lks_budget budget = empty_at(T0);
  for (int i = 0; i < 4; i++) lks_budget_refund(&budget, false);
  CHECK(!lks_budget_spend(&budget, T0));
  lks_budget_refund(&budget, false);
  CHECK_INT(spent(&budget, T0), 1);
  lks_budget_refund(&budget, true);
  CHECK_INT(spent(&budget, T0), 1);
}

static void success_never_fills_beyond_the_capacity(void) {
  lks_budget budget;
  lks_budget_init(&budget);
  for (int i = 0; i < 1000; i++) lks_budget_refund(&budget, i % 2);
  CHECK_INT(spent(&budget, T0), RETRIES);
}

static void clock_that_steps_back_refills_nothing_and_then_goes_on(void) {
  lks_budget budget = empty_at(T0);
  CHECK(!lks_budget_spend(&budget, T0 - 3600 * S));
  CHECK(!lks_budget_spend(&budget, T0 - 3600 * S + 2 * S));
  CHECK_INT(spent(&budget, T0 - 3600 * S + 5 * S), 2);
}

static void extreme_clocks_do_not_overflow(void) {
  lks_budget budget = empty_at(LKS_TIME_MAX);
  CHECK_INT(spent(&budget, -LKS_TIME_MAX), 0);
  CHECK_INT(spent(&budget, LKS_TIME_MAX), RETRIES);
}

int main(void) {
  RUN(full_bucket_pays_so_many_retries_and_no_more);
  RUN(it_works_on_a_clock_that_starts_at_nought);
  RUN(refusal_takes_nothing);
  RUN(time_refills_up_to_the_capacity);
  RUN(frequent_asking_loses_no_refill);
  RUN(success_gives_back);
  RUN(success_never_fills_beyond_the_capacity);
  RUN(clock_that_steps_back_refills_nothing_and_then_goes_on);
  RUN(extreme_clocks_do_not_overflow);
  return TEST_END();
}
