/* What several results in a row come to: outcome and recovery depend on what went before. */
#include "call_script.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

typedef struct sequence {
  const char *words;
  lks_kind kind;
  lks_outcome outcome;
  size_t attempts;
  bool recovered;
} sequence;

static void expect_sequences(const char *operation, lks_retry_class retry, const sequence *sequences, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const sequence *expected = &sequences[i];
    call_script script = script_new(lks_operation_find(operation)->service, expected->words);
    lks_call *call;
    lks_result result = script_call(&script, operation, retry, 3, &call);
    int failed_before = test_case_failed;
    test_case_failed = 0;
    CHECK_INT(result.kind, expected->kind);
    CHECK_INT(result.outcome, expected->outcome);
    CHECK_INT(result.attempt_count, expected->attempts);
    CHECK_INT(result.recovered, expected->recovered);
    if (test_case_failed) fprintf(stderr, "... in %s: %s\n", operation, expected->words);
    test_case_failed |= failed_before;
    lks_call_free(call);
    script_free(&script);
  }
}

#define EXPECT(operation, retry, sequences) expect_sequences(operation, retry, sequences, COUNT(sequences))

#define OK LKS_KIND_NONE, LKS_APPLIED

static void test_create_is_repeated_only_while_nothing_can_have_come_of_it(void) {
  static const sequence sequences[] = {
      {"refused 201", OK, 2, false},
      {"tls stuck refused 201", OK, 4, false},
      {"429 201", OK, 2, false},
      {"429/1 503/1 refused 201", OK, 4, false},
      {"cut429 201", OK, 2, false},
      {"lost 201", LKS_KIND_NETWORK, LKS_UNKNOWN, 1, false},
      {"late 201", LKS_KIND_TIMEOUT, LKS_UNKNOWN, 1, false},
      {"cut201 201", LKS_KIND_NETWORK, LKS_UNKNOWN, 1, false},
      {"500 201", LKS_KIND_SERVER_ERROR, LKS_UNKNOWN, 1, false},
      {"502 201", LKS_KIND_SERVER_ERROR, LKS_UNKNOWN, 1, false},
      {"503 201", LKS_KIND_SERVER_ERROR, LKS_UNKNOWN, 1, false},
      {"504 201", LKS_KIND_SERVER_ERROR, LKS_UNKNOWN, 1, false},
      {"408 201", LKS_KIND_TIMEOUT, LKS_REJECTED, 1, false},
      {"garbage 201", LKS_KIND_BAD_RESPONSE, LKS_UNKNOWN, 1, false},
      {"refused lost 201", LKS_KIND_NETWORK, LKS_UNKNOWN, 2, false},
      {"429 503/1 502", LKS_KIND_SERVER_ERROR, LKS_UNKNOWN, 3, false},
      {"429 refused refused refused", LKS_KIND_CONNECT, LKS_REJECTED, 4, false},
      {"refused 400", LKS_KIND_INVALID_REQUEST, LKS_REJECTED, 2, false},
      {"refused badcert", LKS_KIND_TLS, LKS_NOT_SENT, 2, false},
      /* Without a slug of one's own a duplicate cannot be the trace of one's own attempt. */
      {"429 409", LKS_KIND_CONFLICT, LKS_REJECTED, 2, false},
      {"refused 409", LKS_KIND_CONFLICT, LKS_REJECTED, 2, false},
      {"403!", LKS_KIND_QUOTA_EXCEEDED, LKS_REJECTED, 1, false},
      {"429! 201", LKS_KIND_QUOTA_EXCEEDED, LKS_REJECTED, 1, false},
      {"429 429!", LKS_KIND_QUOTA_EXCEEDED, LKS_REJECTED, 2, false},
  };
  EXPECT("lockpub.links.create", LKS_RETRY_CREATE, sequences);
}

static void test_slug_tells_whether_a_lost_create_took_effect(void) {
  static const sequence sequences[] = {
      {"lost 201", OK, 2, false},
      {"lost 409", OK, 2, true},
      {"late 409", OK, 2, true},
      {"502 409", OK, 2, true},
      {"503 409", OK, 2, true},
      {"504 409", OK, 2, true},
      {"cut201 409", OK, 2, true},
      {"lost 400taken", OK, 2, true},
      {"lost 422taken", OK, 2, true},
      {"lost refused 409", OK, 3, true},
      {"lost 429/1 409", OK, 3, true},
      {"lost 503/1 429/1 409", OK, 4, true},
      {"refused lost 409", OK, 3, true},
      {"429 lost 409", OK, 3, true},
      {"lost lost lost 409", OK, 4, true},
      /* The lost attempt may have used up the quota; the duplicate says that it did. */
      {"lost 409!", OK, 2, true},
      {"lost 429!", LKS_KIND_QUOTA_EXCEEDED, LKS_UNKNOWN, 2, false},
      /* Somebody else's link. */
      {"409", LKS_KIND_CONFLICT, LKS_REJECTED, 1, false},
      {"400taken", LKS_KIND_CONFLICT, LKS_REJECTED, 1, false},
      {"429 409", LKS_KIND_CONFLICT, LKS_REJECTED, 2, false},
      {"503/1 409", LKS_KIND_CONFLICT, LKS_REJECTED, 2, false},
      {"refused 409", LKS_KIND_CONFLICT, LKS_REJECTED, 2, false},
      {"stuck tls 409", LKS_KIND_CONFLICT, LKS_REJECTED, 3, false},
      {"408 409", LKS_KIND_CONFLICT, LKS_REJECTED, 2, false},
      {"cut429 409", LKS_KIND_CONFLICT, LKS_REJECTED, 2, false},
      /* The first answer said so already, only its body was cut. */
      {"cut409 409", LKS_KIND_CONFLICT, LKS_REJECTED, 2, false},
      {"cut409 lost 409", LKS_KIND_CONFLICT, LKS_UNKNOWN, 3, false},
      {"lost cut409 409", OK, 3, true},
      {"409!", LKS_KIND_QUOTA_EXCEEDED, LKS_REJECTED, 1, false},
      /* Refused for another reason: the lost attempt may have taken effect all the same. */
      {"lost 400", LKS_KIND_INVALID_REQUEST, LKS_UNKNOWN, 2, false},
      {"lost 401", LKS_KIND_UNAUTHENTICATED, LKS_UNKNOWN, 2, false},
      {"lost 403", LKS_KIND_FORBIDDEN, LKS_UNKNOWN, 2, false},
      {"lost 404", LKS_KIND_NOT_FOUND, LKS_UNKNOWN, 2, false},
      {"lost refused refused refused", LKS_KIND_CONNECT, LKS_UNKNOWN, 4, false},
      {"lost 500", LKS_KIND_SERVER_ERROR, LKS_UNKNOWN, 2, false},
      {"500 201", LKS_KIND_SERVER_ERROR, LKS_UNKNOWN, 1, false},
      {"huge 409", LKS_KIND_TOO_LARGE, LKS_UNKNOWN, 1, false},
  };
  EXPECT("lockpub.links.create", LKS_RETRY_KEYED, sequences);
}

static void test_not_found_tells_whether_a_lost_delete_took_effect(void) {
  static const sequence sequences[] = {
      {"204", OK, 1, false},
      {"lost 204", OK, 2, false},
      {"lost 404", OK, 2, true},
      {"late 404", OK, 2, true},
      {"502 404", OK, 2, true},
      {"lost 410", OK, 2, true},
      {"cut204 404", OK, 2, true},
      {"lost refused 429 404", OK, 4, true},
      {"404", LKS_KIND_NOT_FOUND, LKS_REJECTED, 1, false},
      {"refused 404", LKS_KIND_NOT_FOUND, LKS_REJECTED, 2, false},
      {"429 404", LKS_KIND_NOT_FOUND, LKS_REJECTED, 2, false},
      {"503/1 404", LKS_KIND_NOT_FOUND, LKS_REJECTED, 2, false},
      {"stuck 404", LKS_KIND_NOT_FOUND, LKS_REJECTED, 2, false},
      {"cut404 404", LKS_KIND_NOT_FOUND, LKS_REJECTED, 2, false},
      {"cut404 lost 404", LKS_KIND_NOT_FOUND, LKS_UNKNOWN, 3, false},
      {"lost cut404 404", OK, 3, true},
      {"lost 409", LKS_KIND_CONFLICT, LKS_UNKNOWN, 2, false},
      {"lost 401", LKS_KIND_UNAUTHENTICATED, LKS_UNKNOWN, 2, false},
      {"500 404", LKS_KIND_SERVER_ERROR, LKS_UNKNOWN, 1, false},
      {"lost lost lost lost", LKS_KIND_NETWORK, LKS_UNKNOWN, 4, false},
  };
  EXPECT("locker.addresses.delete", LKS_RETRY_CONVERGING, sequences);
  EXPECT("locker.subdomains.delete", LKS_RETRY_CONVERGING, sequences);
}

static void test_put_converges_but_its_trace_is_no_proof(void) {
  static const sequence sequences[] = {
      {"lost 200", OK, 2, false},
      {"502 503 504 200", OK, 4, false},
      {"408 200", OK, 2, false},
      {"lost 404", LKS_KIND_NOT_FOUND, LKS_UNKNOWN, 2, false},
      {"lost 409", LKS_KIND_CONFLICT, LKS_UNKNOWN, 2, false},
      {"lost 400", LKS_KIND_INVALID_REQUEST, LKS_UNKNOWN, 2, false},
      {"lost refused refused refused", LKS_KIND_CONNECT, LKS_UNKNOWN, 4, false},
      {"429 400", LKS_KIND_INVALID_REQUEST, LKS_REJECTED, 2, false},
      {"429 refused refused refused", LKS_KIND_CONNECT, LKS_REJECTED, 4, false},
      {"refused 500", LKS_KIND_SERVER_ERROR, LKS_UNKNOWN, 2, false},
  };
  EXPECT("locker.addresses.update", LKS_RETRY_CONVERGING, sequences);
  EXPECT("locker.subdomains.set_in_use", LKS_RETRY_CONVERGING, sequences);
}

static void test_toggle_is_never_repeated_blindly(void) {
  static const sequence sequences[] = {
      {"refused 200", OK, 2, false},
      {"429/1 503/1 200", OK, 3, false},
      {"lost 200", LKS_KIND_NETWORK, LKS_UNKNOWN, 1, false},
      {"late 200", LKS_KIND_TIMEOUT, LKS_UNKNOWN, 1, false},
      {"502 200", LKS_KIND_SERVER_ERROR, LKS_UNKNOWN, 1, false},
      {"503 200", LKS_KIND_SERVER_ERROR, LKS_UNKNOWN, 1, false},
      {"408 200", LKS_KIND_TIMEOUT, LKS_REJECTED, 1, false},
      {"cut200 200", LKS_KIND_NETWORK, LKS_UNKNOWN, 1, false},
      {"429 lost", LKS_KIND_NETWORK, LKS_UNKNOWN, 2, false},
  };
  EXPECT("locker.addresses.toggle_enabled", LKS_RETRY_TOGGLE, sequences);
}

/* Nothing comes of a read, so only the last answer counts. */
static void test_read_may_be_repeated_after_anything_transient(void) {
  static const sequence sequences[] = {
      {"lost late 500 200", OK, 4, false},
      {"502 503 504 200", OK, 4, false},
      {"refused tls 408 200", OK, 4, false},
      {"lost 404", LKS_KIND_NOT_FOUND, LKS_REJECTED, 2, false},
      {"lost 409", LKS_KIND_CONFLICT, LKS_REJECTED, 2, false},
      {"lost refused refused refused", LKS_KIND_CONNECT, LKS_UNKNOWN, 4, false},
      {"404 200", LKS_KIND_NOT_FOUND, LKS_REJECTED, 1, false},
      {"garbage 200", LKS_KIND_BAD_RESPONSE, LKS_UNKNOWN, 1, false},
      {"lost 501", LKS_KIND_SERVER_ERROR, LKS_UNKNOWN, 2, false},
  };
  EXPECT("locker.addresses.get", LKS_RETRY_SAFE, sequences);
}

static void test_request_that_must_not_be_repeated_is_not(void) {
  static const sequence sequences[] = {
      {"refused 200", LKS_KIND_CONNECT, LKS_NOT_SENT, 1, false},
      {"429/1 200", LKS_KIND_RATE_LIMITED, LKS_REJECTED, 1, false},
      {"lost 200", LKS_KIND_NETWORK, LKS_UNKNOWN, 1, false},
  };
  EXPECT("locker.request", LKS_RETRY_NEVER, sequences);
}

/* client:request{ method = "PUT", retry = "safe" }: may be repeated like a read, but may leave something behind. */
static void test_write_declared_safe_keeps_the_outcome_of_a_write(void) {
  for (int writes = 0; writes <= 1; writes++) {
    call_script script = script_new(LKS_LOCKER, "lost 400");
    lks_call_options options = script_options("locker.request", LKS_RETRY_SAFE, 2);
    options.writes = writes;
    lks_call *call = lks_call_new(&options, script.now);
    lks_result result = script_run(&script, call);
    CHECK_INT(result.attempt_count, 2);
    CHECK_INT(result.outcome, writes ? LKS_UNKNOWN : LKS_REJECTED);
    lks_call_free(call);
    script_free(&script);
  }
}

static void test_404_that_means_too_large_is_no_trace_of_a_delete(void) {
  call_script script = script_new(LKS_LOCKER, "lost");
  lks_call_options options = script_options("locker.addresses.delete", LKS_RETRY_CONVERGING, 2);
  lks_call *call = lks_call_new(&options, script.now);
  bool lost = false;
  lks_action action;
  while ((action = lks_call_next(call, script.now)).kind != LKS_ACTION_SEND || !lost) {
    lost |= action.kind == LKS_ACTION_SEND;
    if (action.kind == LKS_ACTION_WAIT) script.now += action.span;
    lks_call_key(call, script.now, script.keys[0]);
    lks_call_grant(call, script.now, 0);
    if (action.kind == LKS_ACTION_SEND) script_answer(&script, call);
  }
  lks_response response = {.status = 404, .body = LKS_BODY_JSON, .refusal = {.code = "0003"}, .quota_reset = -1};
  lks_call_response(call, script.now, 0.5, &response);
  lks_result result;
  lks_call_result(call, &result);
  CHECK_INT(result.kind, LKS_KIND_INVALID_REQUEST);
  CHECK_INT(result.outcome, LKS_UNKNOWN);
  CHECK(!result.recovered);
  lks_call_free(call);
  script_free(&script);
}

static void test_result_of_a_recovered_call_shows_every_attempt(void) {
  call_script script = script_new(LKS_LOCKPUB, "refused lost 409");
  lks_call *call;
  lks_result result = script_call(&script, "lockpub.links.create", LKS_RETRY_KEYED, 2, &call);
  CHECK_INT(result.source, LKS_REMOTE);
  CHECK_INT(result.status, 409);
  CHECK(result.message == NULL);
  CHECK_INT(result.retry_after, -1);
  CHECK_INT(result.attempt_count, 3);
  if (result.attempt_count == 3) {
    CHECK_INT(result.attempts[0].kind, LKS_KIND_CONNECT);
    CHECK_INT(result.attempts[1].kind, LKS_KIND_NETWORK);
    CHECK_INT(result.attempts[1].status, 0);
    CHECK_INT(result.attempts[2].kind, LKS_KIND_CONFLICT);
    CHECK_INT(result.attempts[2].status, 409);
  }
  lks_call_free(call);
  script_free(&script);
}

int main(void) {
  RUN(test_create_is_repeated_only_while_nothing_can_have_come_of_it);
  RUN(test_slug_tells_whether_a_lost_create_took_effect);
  RUN(test_not_found_tells_whether_a_lost_delete_took_effect);
  RUN(test_put_converges_but_its_trace_is_no_proof);
  RUN(test_toggle_is_never_repeated_blindly);
  RUN(test_read_may_be_repeated_after_anything_transient);
  RUN(test_request_that_must_not_be_repeated_is_not);
  RUN(test_write_declared_safe_keeps_the_outcome_of_a_write);
  RUN(test_404_that_means_too_large_is_no_trace_of_a_delete);
  RUN(test_result_of_a_recovered_call_shows_every_attempt);
  return TEST_END();
}
