/* Every allocation of a call failing once: no leak, no crash, and still no lie. */
#include "call_script.h"
#include "test.h"

#define RETRIES 11

static const struct {
  const char *operation;
  lks_retry_class retry;
  const char *words;
  lks_slug slug;
} rows[] = {
    {"locker.addresses.get", LKS_RETRY_SAFE, "refused 429/1 502 lost 500 408 503 504 tls 200", 0},
    {"locker.addresses.get", LKS_RETRY_SAFE, "502 502 502 502 502 404", 0},
    {"lockpub.links.create", LKS_RETRY_KEYED, "400taken", LKS_SLUG_GUESSABLE},
    {"lockpub.links.create", LKS_RETRY_KEYED, "refused lost 502 429 429 409", LKS_SLUG_GUESSABLE},
    {"lockpub.links.create", LKS_RETRY_KEYED, "refused lost 502 429 429 409", LKS_SLUG_FRESH},
    {"lockpub.links.create", LKS_RETRY_KEYED, "429 409", LKS_SLUG_OURS},
    {"lockpub.links.create", LKS_RETRY_CREATE, "refused 429 lost", 0},
    {"lockpub.links.create", LKS_RETRY_CREATE, "403!", 0},
    {"locker.addresses.delete", LKS_RETRY_CONVERGING, "lost 404", 0},
};

static void check_result(const lks_result *result, const call_script *script, bool failed) {
  unsigned sent = 0;
  for (size_t i = 0; i < result->attempt_count; i++) sent += result->attempts[i].sent;
  CHECK_INT(result->attempt_count, script->sends);
  CHECK_INT(script->released + sent, script->asked_slots);
  if (result->attempt_count == 0) {
    CHECK(failed);
    CHECK_INT(result->kind, LKS_KIND_NO_MEMORY);
    CHECK_INT(result->outcome, LKS_NOT_SENT);
    CHECK_INT(result->retry_after, -1);
  } else if (!result->recovered) {
    CHECK_INT(result->kind, result->attempts[result->attempt_count - 1].kind);
  }
}

/* Runs a call with the n-th allocation failing. Returns whether there were so many. */
static bool run_failing(size_t row, long nth) {
  call_script script = script_new(script_operation(rows[row].operation)->service, rows[row].words);
  lks_call_options options = script_options(rows[row].operation, rows[row].retry, RETRIES);
  options.slug = rows[row].slug;
  long live = test_alloc_live();
  test_fail_alloc(nth);
  lks_call *call = lks_call_new(&options, script.now);
  CHECK((call == NULL) == (nth == 1));
  if (call != NULL) {
    lks_result result = script_run(&script, call);
    check_result(&result, &script, test_alloc_failed());
  }
  bool failed = test_alloc_failed();
  test_fail_alloc(0);
  lks_call_free(call);
  CHECK_INT(test_alloc_live(), live);
  script_free(&script);
  return failed;
}

static void test_every_allocation_may_fail(void) {
  for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
    long nth = 1;
    while (nth < 1000 && run_failing(row, nth)) nth++;
    CHECK(nth > 2 && nth < 1000);
  }
}

static void test_attempt_that_finds_no_memory_leaves_the_failure_before_it(void) {
  call_script script = script_new(LKS_LOCKER, "lost");
  lks_call_options options = script_options("locker.addresses.delete", LKS_RETRY_CONVERGING, RETRIES);
  lks_call *call = lks_call_new(&options, script.now);
  while (lks_call_attempt_count(call) < 4 || lks_call_next(call, script.now).kind != LKS_ACTION_PACE) {
    lks_action action = lks_call_next(call, script.now);
    if (action.kind == LKS_ACTION_KEY) lks_call_key(call, script.now, script.keys[0]);
    if (action.kind == LKS_ACTION_PACE) lks_call_grant(call, script.now, 0);
    if (action.kind == LKS_ACTION_SEND) script_answer(&script, call);
    if (action.kind == LKS_ACTION_WAIT) script.now += action.span;
  }
  lks_call_grant(call, script.now, 0);
  test_fail_alloc(1);
  lks_action action = lks_call_next(call, script.now);
  CHECK(test_alloc_failed());
  test_fail_alloc(0);
  lks_result result;
  lks_call_result(call, &result);
  CHECK_INT(action.kind, LKS_ACTION_FAILED);
  CHECK_INT(action.effects, LKS_EFFECT_RELEASE);
  CHECK_INT(result.kind, LKS_KIND_NETWORK);
  CHECK_INT(result.outcome, LKS_UNKNOWN);
  CHECK_INT(result.attempt_count, 4);
  lks_call_free(call);
  script_free(&script);
}

int main(void) {
  RUN(test_every_allocation_may_fail);
  RUN(test_attempt_that_finds_no_memory_leaves_the_failure_before_it);
  return TEST_END();
}
