/* The key of a call: asked for when needed, renewed once after a 401 and once when it has expired. */
#include "call_script.h"
#include "test.h"

#define S LKS_SECOND
#define GET "locker.addresses.get"

static const char *const key_names[] = {"a", "b", "c", "d"};

typedef struct expectation {
  const char *words;
  const char *keys; /* what is answered to each request for a key, by name; "-" refuses */
  bool renewable;
  lks_kind kind;
  size_t attempts;
  unsigned asked;
} expectation;

static void set_keys(call_script *script, const char *names) {
  script_free(script);
  for (size_t i = 0; names[i] != '\0'; i++) {
    const char name[] = {names[i], '\0'};
    script->keys[i] = names[i] == '-' ? NULL : script_key(LKS_LOCKER, name);
  }
}

static void expect(const char *operation, lks_retry_class retry, unsigned max_retries, const expectation *expected) {
  call_script script = script_new(LKS_LOCKER, expected->words);
  set_keys(&script, expected->keys);
  lks_call_options options = script_options(operation, retry, max_retries);
  options.key_renewable = expected->renewable;
  lks_call *call = lks_call_new(&options, script.now);
  lks_result result = script_run(&script, call);
  int failed_before = test_case_failed;
  test_case_failed = 0;
  CHECK_INT(result.kind, expected->kind);
  CHECK_INT(result.attempt_count, expected->attempts);
  CHECK_INT(script.asked_keys, expected->asked);
  CHECK_INT(script.asked_slots, expected->attempts); /* each attempt takes a slot of its own */
  if (test_case_failed) fprintf(stderr, "... in %s with keys %s\n", expected->words, expected->keys);
  test_case_failed |= failed_before;
  lks_call_free(call);
  script_free(&script);
}

static void test_key_is_renewed_once_after_a_401(void) {
  static const expectation rows[] = {
      {"200", "a", true, LKS_KIND_NONE, 1, 1},
      {"401 200", "ab", true, LKS_KIND_NONE, 2, 2},
      {"401 200", "ab", false, LKS_KIND_UNAUTHENTICATED, 1, 1},
      {"401 200", "aa", true, LKS_KIND_UNAUTHENTICATED, 1, 2},
      {"401 401 200", "abc", true, LKS_KIND_UNAUTHENTICATED, 2, 2},
      {"401 404", "ab", true, LKS_KIND_NOT_FOUND, 2, 2},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    /* Whatever the class: the service said that it did not act. */
    expect(GET, LKS_RETRY_SAFE, 0, &rows[i]);
    expect("locker.addresses.create", LKS_RETRY_CREATE, 0, &rows[i]);
    expect("locker.addresses.toggle_enabled", LKS_RETRY_TOGGLE, 0, &rows[i]);
    expect("locker.request", LKS_RETRY_NEVER, 0, &rows[i]);
  }
}

static void test_renewal_is_not_counted_among_the_retries(void) {
  static const expectation rows[] = {
      {"502 401 502 200", "ab", true, LKS_KIND_NONE, 4, 2},
      {"401 502 502 200", "ab", true, LKS_KIND_NONE, 4, 2},
      {"502 502 401 200", "ab", true, LKS_KIND_NONE, 4, 2},
      {"401 502 502 502", "ab", true, LKS_KIND_SERVER_ERROR, 4, 2},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) expect(GET, LKS_RETRY_SAFE, 2, &rows[i]);
}

/* Nor is what was told with the 401 the result of what came after it. */
static void test_renewal_waits_for_nothing(void) {
  static const char *const words[] = {"401/5 200", "401/5 refused"};
  for (size_t i = 0; i < 2; i++) {
    call_script script = script_new(LKS_LOCKER, words[i]);
    script.keys[1] = script_key(LKS_LOCKER, "b");
    lks_call_options options = script_options(GET, LKS_RETRY_SAFE, 0);
    options.key_renewable = true;
    lks_call *call = lks_call_new(&options, script.now);
    lks_result result = script_run(&script, call);
    CHECK_INT(script.waits, 0);
    CHECK_INT(result.attempt_count, 2);
    CHECK_INT(result.attempts[0].kind, LKS_KIND_UNAUTHENTICATED);
    CHECK_INT(result.attempts[1].wait, 0);
    CHECK_INT(result.retry_after, -1);
    CHECK(lks_key_equal(lks_call_current_key(call), script.keys[1]));
    lks_call_free(call);
    script_free(&script);
  }
}

static void test_key_that_cannot_be_had_is_the_result_only_before_an_attempt(void) {
  expectation first = {"200", "-", true, LKS_KIND_UNAUTHENTICATED, 0, 1};
  expect(GET, LKS_RETRY_SAFE, 2, &first);
  call_script script = script_new(LKS_LOCKER, "401");
  lks_call_options options = script_options(GET, LKS_RETRY_SAFE, 2);
  options.key_renewable = true;
  lks_call *call = lks_call_new(&options, script.now);
  while (lks_call_attempt_count(call) == 0) {
    lks_call_next(call, script.now);
    lks_call_key(call, script.now, script.keys[0]);
    lks_call_grant(call, script.now, 0);
  }
  script_answer(&script, call);
  CHECK_INT(lks_call_next(call, script.now).kind, LKS_ACTION_KEY);
  lks_call_refuse(call, script.now, LKS_KIND_STORE, -1, "the key function failed");
  CHECK_INT(lks_call_next(call, script.now).kind, LKS_ACTION_FAILED);
  lks_result result;
  lks_call_result(call, &result);
  CHECK_INT(result.kind, LKS_KIND_UNAUTHENTICATED);
  CHECK_INT(result.source, LKS_REMOTE);
  CHECK_INT(result.status, 401);
  CHECK_INT(result.outcome, LKS_REJECTED);
  lks_call_free(call);
  script_free(&script);
}

/* Runs a call with keys "a", "b", … that expire after so long, below 0: never. */
static lks_result with_expiries(const char *words, bool renewable, const lks_span *expiries, size_t count,
                                call_script *script, lks_call **call) {
  *script = script_new(LKS_LOCKER, words);
  script_free(script);
  for (size_t i = 0; i < count; i++) {
    script->keys[i] = script_key(LKS_LOCKER, key_names[i]);
    if (expiries[i] >= 0) lks_key_set_expiry(script->keys[i], SCRIPT_T0 + expiries[i]);
  }
  lks_call_options options = script_options(GET, LKS_RETRY_SAFE, 2);
  options.key_renewable = renewable;
  *call = lks_call_new(&options, script->now);
  return script_run(script, *call);
}

static void test_expired_key_is_refused_before_anything_is_sent(void) {
  static const lks_span expired[] = {0, 0};
  static const struct {
    bool renewable;
    size_t keys; /* with one, the renewed key is the same */
  } rows[] = {{false, 2}, {true, 2}, {true, 1}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    call_script script;
    lks_call *call;
    lks_result result = with_expiries("200", rows[i].renewable, expired, rows[i].keys, &script, &call);
    CHECK_INT(result.kind, LKS_KIND_UNAUTHENTICATED);
    CHECK_INT(result.source, LKS_LOCAL);
    CHECK_INT(result.outcome, LKS_NOT_SENT);
    CHECK(result.message != NULL && strstr(result.message, "expired_time") != NULL);
    CHECK_INT(result.retry_after, -1);
    CHECK_INT(script.asked_slots, 0);
    CHECK_INT(script.asked_keys, rows[i].renewable ? 2 : 1);
    lks_call_free(call);
    script_free(&script);
  }
}

static void test_expired_key_is_renewed_once(void) {
  static const struct {
    const char *words;
    lks_span expiries[3];
    lks_kind kind;
    unsigned sends, asked;
  } rows[] = {
      {"200", {0, -1}, LKS_KIND_NONE, 1, 2},
      {"200", {1, -1}, LKS_KIND_NONE, 1, 1},
      /* The one renewal after a 401 is another matter than the one of an expired key. */
      {"401 200", {0, -1, -1}, LKS_KIND_NONE, 2, 3},
      {"401 401 200", {0, -1, -1}, LKS_KIND_UNAUTHENTICATED, 2, 3},
      {"401 200", {-1, 0, -1}, LKS_KIND_NONE, 2, 3},
      {"200", {0, 0, -1}, LKS_KIND_UNAUTHENTICATED, 0, 2},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    call_script script;
    lks_call *call;
    size_t count = rows[i].expiries[2] != 0 ? 3 : 2;
    lks_result result = with_expiries(rows[i].words, true, rows[i].expiries, count, &script, &call);
    CHECK_INT(result.kind, rows[i].kind);
    CHECK_INT(script.sends, rows[i].sends);
    CHECK_INT(script.asked_keys, rows[i].asked);
    lks_call_free(call);
    script_free(&script);
  }
}

static void test_key_that_expires_during_a_wait_is_not_sent(void) {
  static const lks_span expiries[] = {5 * S, -1};
  for (int renewable = 0; renewable <= 1; renewable++) {
    call_script script = script_new(LKS_LOCKER, "200");
    lks_key_set_expiry(script.keys[0], SCRIPT_T0 + expiries[0]);
    script.keys[1] = script_key(LKS_LOCKER, "b");
    script.slot = 8 * S;
    lks_call_options options = script_options(GET, LKS_RETRY_SAFE, 2);
    options.key_renewable = renewable;
    lks_call *call = lks_call_new(&options, script.now);
    lks_result result = script_run(&script, call);
    CHECK_INT(script.released, 1);
    CHECK_INT(script.sends, renewable);
    CHECK_INT(result.kind, renewable ? LKS_KIND_NONE : LKS_KIND_UNAUTHENTICATED);
    CHECK_INT(result.outcome, renewable ? LKS_APPLIED : LKS_NOT_SENT);
    lks_call_free(call);
    script_free(&script);
  }
}

static void test_key_that_expires_between_attempts_leaves_the_failure_the_result(void) {
  static const lks_span expiries[] = {2 * S};
  call_script script;
  lks_call *call;
  lks_result result = with_expiries("503/5 200", false, expiries, 1, &script, &call);
  CHECK_INT(result.kind, LKS_KIND_SERVER_ERROR);
  CHECK_INT(result.attempt_count, 1);
  CHECK_INT(script.waited, 5 * S);
  lks_call_free(call);
  script_free(&script);
}

static void test_401_after_doubt_and_a_new_key_still_finds_the_trace(void) {
  call_script script = script_new(LKS_LOCKER, "lost 401 404");
  script.keys[1] = script_key(LKS_LOCKER, "b");
  lks_call_options options = script_options("locker.addresses.delete", LKS_RETRY_CONVERGING, 2);
  options.key_renewable = true;
  lks_call *call = lks_call_new(&options, script.now);
  lks_result result = script_run(&script, call);
  CHECK_INT(result.kind, LKS_KIND_NONE);
  CHECK(result.recovered);
  lks_call_free(call);
  script_free(&script);
}

int main(void) {
  RUN(test_key_is_renewed_once_after_a_401);
  RUN(test_renewal_is_not_counted_among_the_retries);
  RUN(test_renewal_waits_for_nothing);
  RUN(test_key_that_cannot_be_had_is_the_result_only_before_an_attempt);
  RUN(test_expired_key_is_refused_before_anything_is_sent);
  RUN(test_expired_key_is_renewed_once);
  RUN(test_key_that_expires_during_a_wait_is_not_sent);
  RUN(test_key_that_expires_between_attempts_leaves_the_failure_the_result);
  RUN(test_401_after_doubt_and_a_new_key_still_finds_the_trace);
  return TEST_END();
}
