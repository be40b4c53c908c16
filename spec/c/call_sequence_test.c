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

static void expect_sequences(const char *operation, lks_retry_class retry, lks_slug slug, const sequence *sequences,
                             size_t count) {
  for (size_t i = 0; i < count; i++) {
    const sequence *expected = &sequences[i];
    call_script script = script_new(script_operation(operation)->service, expected->words);
    script.slug = slug;
    lks_call *call;
    lks_result result = script_call(&script, operation, retry, 3, &call);
    int failed_before = test_case_failed;
    test_case_failed = 0;
    CHECK_INT(result.kind, expected->kind);
    CHECK_INT(result.outcome, expected->outcome);
    CHECK_INT(result.attempt_count, expected->attempts);
    CHECK_INT(result.recovered, expected->recovered);
    if (test_case_failed) fprintf(stderr, "... in %s, slug %d: %s\n", operation, slug, expected->words);
    test_case_failed |= failed_before;
    lks_call_free(call);
    script_free(&script);
  }
}

#define EXPECT(operation, retry, sequences)                                                                            \
  expect_sequences(operation, retry, LKS_SLUG_GUESSABLE, sequences, COUNT(sequences))
#define EXPECT_WITH(slug, sequences)                                                                                   \
  expect_sequences("lockpub.links.create", LKS_RETRY_KEYED, slug, sequences, COUNT(sequences))

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

/* Whatever the slug, a create with one may be repeated: the service refuses the second. */
static void test_slug_lets_a_create_be_repeated_in_doubt(void) {
  static const sequence sequences[] = {
      {"201", OK, 1, false},
      {"lost 201", OK, 2, false},
      {"late 502 503 201", OK, 4, false},
      {"cut201 201", OK, 2, false},
      {"lost 429!", LKS_KIND_QUOTA_EXCEEDED, LKS_UNKNOWN, 2, false},
      /* Refused for another reason: the lost attempt may have taken effect all the same. */
      {"lost 400", LKS_KIND_INVALID_REQUEST, LKS_UNKNOWN, 2, false},
      {"lost 401", LKS_KIND_UNAUTHENTICATED, LKS_UNKNOWN, 2, false},
      {"lost 403", LKS_KIND_FORBIDDEN, LKS_UNKNOWN, 2, false},
      {"lost 404", LKS_KIND_NOT_FOUND, LKS_UNKNOWN, 2, false},
      {"lost refused refused refused", LKS_KIND_CONNECT, LKS_UNKNOWN, 4, false},
      {"lost cut409 cut409 cut409", LKS_KIND_NETWORK, LKS_UNKNOWN, 4, false},
      {"lost 500", LKS_KIND_SERVER_ERROR, LKS_UNKNOWN, 2, false},
      {"500 201", LKS_KIND_SERVER_ERROR, LKS_UNKNOWN, 1, false},
      {"huge 409", LKS_KIND_TOO_LARGE, LKS_UNKNOWN, 1, false},
      {"huge409", LKS_KIND_TOO_LARGE, LKS_REJECTED, 1, false},
  };
  for (lks_slug slug = LKS_SLUG_GUESSABLE; slug <= LKS_SLUG_OURS; slug++) EXPECT_WITH(slug, sequences);
}

/* The duplicate is the answer to the first attempt, or the attempts before it certainly did nothing. */
static const char *const undoubted[] = {"409",         "400taken",    "422taken", "429 409",
                                        "503/1 409",   "refused 409", "408 409",  "stuck tls 409",
                                        "cut429 409",  "cut409 409",  "401 409",  "refused 429 503/1 409",
                                        "429 422taken"};
/* One of them may have done it. */
static const char *const doubted[] = {"lost 409", "late 409", "502 409", "503 409", "504 409", "cut201 409",
                                      "lost 400taken", "lost 422taken", "lost refused 409", "lost 429/1 409",
                                      "refused lost 409", "lost 503/1 429/1 409", "429 lost 409", "lost cut409 409",
                                      "lost lost lost 409", "cut409 lost 409",
                                      /* The lost attempt may have used up the quota. */
                                      "lost 409!"};

static void expect_all(lks_slug slug, const char *const *words, size_t count, lks_kind kind, lks_outcome outcome) {
  for (size_t i = 0; i < count; i++) {
    call_script script = script_new(LKS_LOCKPUB, words[i]);
    script.slug = slug;
    script.keys[1] = script_key(LKS_LOCKPUB, "b");
    lks_call_options options = script_options("lockpub.links.create", LKS_RETRY_KEYED, 3);
    options.slug = slug;
    options.key_renewable = true;
    lks_call *call = lks_call_new(&options, script.now);
    lks_result result = script_run(&script, call);
    size_t expected = 1;
    for (const char *c = words[i]; *c != '\0'; c++) expected += *c == ' ';
    int failed_before = test_case_failed;
    test_case_failed = 0;
    CHECK_INT(result.kind, kind);
    CHECK_INT(result.outcome, outcome);
    CHECK_INT(result.recovered, kind == LKS_KIND_NONE);
    if (slug != LKS_SLUG_OURS) CHECK_INT(result.attempt_count, expected);
    if (test_case_failed) fprintf(stderr, "... in %s, slug %d\n", words[i], slug);
    test_case_failed |= failed_before;
    lks_call_free(call);
    script_free(&script);
  }
}

static void test_duplicate_of_a_guessable_slug_is_never_a_success(void) {
  expect_all(LKS_SLUG_GUESSABLE, undoubted, COUNT(undoubted), LKS_KIND_CONFLICT, LKS_REJECTED);
  expect_all(LKS_SLUG_GUESSABLE, doubted, COUNT(doubted), LKS_KIND_CONFLICT, LKS_UNKNOWN);
  static const sequence sequences[] = {{"409!", LKS_KIND_QUOTA_EXCEEDED, LKS_REJECTED, 1, false}};
  EXPECT_WITH(LKS_SLUG_GUESSABLE, sequences);
}

static void test_duplicate_of_a_fresh_slug_after_doubt_is_its_link(void) {
  expect_all(LKS_SLUG_FRESH, undoubted, COUNT(undoubted), LKS_KIND_CONFLICT, LKS_REJECTED);
  expect_all(LKS_SLUG_FRESH, doubted, COUNT(doubted), OK);
}

static void test_duplicate_of_a_slug_of_ours_is_always_its_link(void) {
  static const sequence sequences[] = {{"409!", OK, 1, true}, {"409 500", OK, 1, true}, {"429 400taken", OK, 2, true}};
  expect_all(LKS_SLUG_OURS, undoubted, COUNT(undoubted), OK);
  expect_all(LKS_SLUG_OURS, doubted, COUNT(doubted), OK);
  EXPECT_WITH(LKS_SLUG_OURS, sequences);
}

/* A gateway's page is no word of the service. */
static void test_page_proves_nothing(void) {
  static const struct {
    const char *operation, *before;
    lks_retry_class retry;
    int status;
    lks_kind kind;
  } rows[] = {
      {"lockpub.links.create", "429", LKS_RETRY_KEYED, 409, LKS_KIND_CONFLICT},
      {"lockpub.links.create", "lost", LKS_RETRY_KEYED, 409, LKS_KIND_CONFLICT},
      {"locker.addresses.delete", "lost", LKS_RETRY_CONVERGING, 404, LKS_KIND_NOT_FOUND},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    call_script script = script_new(script_operation(rows[i].operation)->service, rows[i].before);
    lks_call_options options = script_options(rows[i].operation, rows[i].retry, 3);
    options.slug = LKS_SLUG_OURS;
    lks_call *call = lks_call_new(&options, script.now);
    lks_action action;
    while ((action = lks_call_next(call, script.now)).kind != LKS_ACTION_SEND || script.sends == 0) {
      if (action.kind == LKS_ACTION_KEY) lks_call_key(call, script.now, script.keys[0]);
      if (action.kind == LKS_ACTION_PACE) lks_call_grant(call, script.now, 0);
      if (action.kind == LKS_ACTION_WAIT) script.now += action.span;
      if (action.kind == LKS_ACTION_SEND) script.sends++, script_answer(&script, call);
    }
    lks_response response = {.status = rows[i].status, .body = LKS_BODY_GARBAGE, .quota_reset = -1};
    lks_call_response(call, script.now, 0.5, &response);
    lks_result result;
    lks_call_result(call, &result);
    CHECK_INT(result.kind, rows[i].kind);
    CHECK_INT(result.outcome, strcmp(rows[i].before, "lost") == 0 ? LKS_UNKNOWN : LKS_REJECTED);
    CHECK(!result.recovered);
    lks_call_free(call);
    script_free(&script);
  }
}

static void test_message_of_a_doubtful_conflict_says_both_and_what_the_service_said(void) {
  call_script script = script_new(LKS_LOCKPUB, "lost 400taken");
  lks_call *call;
  lks_result result = script_call(&script, "lockpub.links.create", LKS_RETRY_KEYED, 2, &call);
  CHECK(result.message != NULL && strstr(result.message, "this call's own attempt") != NULL);
  CHECK(result.message != NULL && strstr(result.message, "somebody else's link; The slug is already taken") != NULL);
  lks_call_free(call);
  script.words = "lost 409";
  result = script_call(&script, "lockpub.links.create", LKS_RETRY_KEYED, 2, &call);
  CHECK(result.message != NULL && strstr(result.message, "somebody else's link") != NULL);
  CHECK_TEXT(result.code, "E1");
  CHECK_INT(result.attempts[1].kind, LKS_KIND_CONFLICT);
  lks_call_free(call);
  script_free(&script);
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
  script.slug = LKS_SLUG_FRESH;
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
  RUN(test_slug_lets_a_create_be_repeated_in_doubt);
  RUN(test_duplicate_of_a_guessable_slug_is_never_a_success);
  RUN(test_duplicate_of_a_fresh_slug_after_doubt_is_its_link);
  RUN(test_duplicate_of_a_slug_of_ours_is_always_its_link);
  RUN(test_page_proves_nothing);
  RUN(test_message_of_a_doubtful_conflict_says_both_and_what_the_service_said);
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
