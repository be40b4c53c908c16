/* The retry budget: a service that fails is not met with a multiple of the normal load. */
#include "call_script.h"
#include "test.h"

#define S LKS_SECOND
#define RETRIES (LKS_BUDGET_CAPACITY / LKS_BUDGET_RETRY_COST)

static lks_result budgeted_call(lks_budget *budget, lks_time *now, const char *words, unsigned *sends) {
  call_script script = script_new(LKS_LOCKER, words);
  script.now = *now;
  script.latency = 0;
  script.chance = 0;
  lks_call_options options = script_options("locker.addresses.get", LKS_RETRY_SAFE, 2);
  options.budget = budget;
  lks_call *call = lks_call_new(&options, *now);
  lks_result result = script_run(&script, call);
  *sends += script.sends;
  *now = script.now;
  lks_call_free(call);
  script_free(&script);
  result.attempts = NULL;
  result.message = result.code = NULL;
  return result;
}

static void test_failing_service_is_not_hammered(void) {
  lks_budget budget;
  lks_budget_init(&budget);
  lks_time now = SCRIPT_T0;
  unsigned sends = 0;
  for (int i = 0; i < 1000; i++) {
    lks_result result = budgeted_call(&budget, &now, i % 2 ? "502" : "refused", &sends);
    CHECK_INT(result.kind, i % 2 ? LKS_KIND_SERVER_ERROR : LKS_KIND_CONNECT);
  }
  CHECK_INT(sends, 1000 + RETRIES);
}

static void test_refused_retry_tells_what_the_service_told(void) {
  lks_budget budget;
  lks_budget_init(&budget);
  lks_time now = SCRIPT_T0;
  unsigned sends = 0;
  while (lks_budget_spend(&budget, now)) continue;
  lks_result result = budgeted_call(&budget, &now, "429/9 200", &sends);
  CHECK_INT(result.kind, LKS_KIND_RATE_LIMITED);
  CHECK_INT(result.retry_after, 9 * S);
  CHECK_INT(result.attempt_count, 1);
  CHECK_INT(now, SCRIPT_T0);
}

static void test_time_allows_retries_again(void) {
  lks_budget budget;
  lks_budget_init(&budget);
  lks_time now = SCRIPT_T0;
  unsigned sends = 0;
  for (int i = 0; i < 100; i++) budgeted_call(&budget, &now, "502", &sends);
  now += 10 * S; /* 20 tokens: 4 retries */
  sends = 0;
  for (int i = 0; i < 100; i++) budgeted_call(&budget, &now, "502", &sends);
  CHECK_INT(sends, 100 + 4);
}

static void test_success_after_a_retry_gives_its_cost_back(void) {
  lks_budget budget;
  lks_budget_init(&budget);
  lks_time now = SCRIPT_T0;
  unsigned sends = 0;
  for (int i = 0; i < 10 * RETRIES; i++) CHECK_INT(budgeted_call(&budget, &now, "502 200", &sends).kind, LKS_KIND_NONE);
  CHECK_INT(sends, 20 * RETRIES);
}

static void test_plain_success_gives_little_back(void) {
  lks_budget budget;
  lks_budget_init(&budget);
  lks_time now = SCRIPT_T0;
  unsigned sends = 0;
  while (lks_budget_spend(&budget, now)) continue;
  for (int i = 0; i < LKS_BUDGET_RETRY_COST - 1; i++) budgeted_call(&budget, &now, "200", &sends);
  CHECK(!lks_budget_spend(&budget, now));
  budgeted_call(&budget, &now, "200", &sends);
  CHECK(lks_budget_spend(&budget, now));
}

static void test_what_is_not_repeated_costs_nothing(void) {
  static const char *const words[] = {"404", "429/3600", "badcert", "garbage"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    lks_budget budget;
    lks_budget_init(&budget);
    lks_time now = SCRIPT_T0;
    unsigned sends = 0;
    for (int n = 0; n < 2 * RETRIES; n++) budgeted_call(&budget, &now, words[i], &sends);
    sends = 0;
    budgeted_call(&budget, &now, "502", &sends);
    CHECK_INT(sends, 3);
  }
}

int main(void) {
  RUN(test_failing_service_is_not_hammered);
  RUN(test_refused_retry_tells_what_the_service_told);
  RUN(test_time_allows_retries_again);
  RUN(test_success_after_a_retry_gives_its_cost_back);
  RUN(test_plain_success_gives_little_back);
  RUN(test_what_is_not_repeated_costs_nothing);
  return TEST_END();
}
