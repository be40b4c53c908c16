/* What a single result means: whether it may be repeated under each class, and what the call comes to. */
#include "call_script.h"
#include "test.h"

static const struct {
  char letter;
  lks_retry_class retry;
  const char *operation;
} classes[] = {
    {'S', LKS_RETRY_SAFE, "locker.addresses.get"},
    {'C', LKS_RETRY_CONVERGING, "locker.addresses.update"},
    {'T', LKS_RETRY_TOGGLE, "locker.addresses.toggle_enabled"},
    {'P', LKS_RETRY_CREATE, "lockpub.links.create"},
    {'K', LKS_RETRY_KEYED, "lockpub.links.create"},
    {'N', LKS_RETRY_NEVER, "lockpub.request"},
};

#define ALL "SCTPK" /* nothing was sent, or the service said that it did not act */
#define AGAIN "SCK" /* transient, perhaps carried out */
#define READS "S"   /* transient for a read only */
#define NONE ""

static const struct {
  const char *word;
  const char *repeated_by;
  lks_kind kind;
  lks_outcome outcome;
  lks_source source;
  int status;
  lks_span retry_after;
} cases[] = {
    {"refused", ALL, LKS_KIND_CONNECT, LKS_NOT_SENT, LKS_TRANSPORT, 0, -1},
    {"stuck", ALL, LKS_KIND_TIMEOUT, LKS_NOT_SENT, LKS_TRANSPORT, 0, -1},
    {"tls", ALL, LKS_KIND_TLS, LKS_NOT_SENT, LKS_TRANSPORT, 0, -1},
    {"badcert", NONE, LKS_KIND_TLS, LKS_NOT_SENT, LKS_TRANSPORT, 0, -1},
    {"phase", NONE, LKS_KIND_PHASE, LKS_NOT_SENT, LKS_LOCAL, 0, -1},
    {"config", NONE, LKS_KIND_CONFIG, LKS_NOT_SENT, LKS_LOCAL, 0, -1},
    {"lost", AGAIN, LKS_KIND_NETWORK, LKS_UNKNOWN, LKS_TRANSPORT, 0, -1},
    {"late", AGAIN, LKS_KIND_TIMEOUT, LKS_UNKNOWN, LKS_TRANSPORT, 0, -1},
    {"huge", NONE, LKS_KIND_TOO_LARGE, LKS_UNKNOWN, LKS_TRANSPORT, 0, -1},
    {"mangled", NONE, LKS_KIND_BAD_RESPONSE, LKS_UNKNOWN, LKS_TRANSPORT, 0, -1},
    {"garbage", NONE, LKS_KIND_BAD_RESPONSE, LKS_UNKNOWN, LKS_REMOTE, 200, -1},

    {"cut200", AGAIN, LKS_KIND_NETWORK, LKS_UNKNOWN, LKS_TRANSPORT, 200, -1},
    {"cut409", AGAIN, LKS_KIND_NETWORK, LKS_REJECTED, LKS_TRANSPORT, 409, -1},
    {"cut429", ALL, LKS_KIND_NETWORK, LKS_REJECTED, LKS_TRANSPORT, 429, -1},
    {"cut500", AGAIN, LKS_KIND_NETWORK, LKS_UNKNOWN, LKS_TRANSPORT, 500, -1},
    {"cut503", AGAIN, LKS_KIND_NETWORK, LKS_UNKNOWN, LKS_TRANSPORT, 503, -1},
    {"huge200", NONE, LKS_KIND_TOO_LARGE, LKS_UNKNOWN, LKS_TRANSPORT, 200, -1},
    {"huge404", NONE, LKS_KIND_TOO_LARGE, LKS_REJECTED, LKS_TRANSPORT, 404, -1},
    {"huge429", NONE, LKS_KIND_TOO_LARGE, LKS_REJECTED, LKS_TRANSPORT, 429, -1},
    {"huge500", NONE, LKS_KIND_TOO_LARGE, LKS_UNKNOWN, LKS_TRANSPORT, 500, -1},

    {"100", NONE, LKS_KIND_BAD_RESPONSE, LKS_UNKNOWN, LKS_REMOTE, 100, -1},
    {"301", NONE, LKS_KIND_BAD_RESPONSE, LKS_REJECTED, LKS_REMOTE, 301, -1},
    {"302", NONE, LKS_KIND_BAD_RESPONSE, LKS_UNKNOWN, LKS_REMOTE, 302, -1},
    {"303", NONE, LKS_KIND_BAD_RESPONSE, LKS_UNKNOWN, LKS_REMOTE, 303, -1},
    {"307", NONE, LKS_KIND_BAD_RESPONSE, LKS_REJECTED, LKS_REMOTE, 307, -1},
    {"308", NONE, LKS_KIND_BAD_RESPONSE, LKS_REJECTED, LKS_REMOTE, 308, -1},
    {"400", NONE, LKS_KIND_INVALID_REQUEST, LKS_REJECTED, LKS_REMOTE, 400, -1},
    {"400/1", NONE, LKS_KIND_INVALID_REQUEST, LKS_REJECTED, LKS_REMOTE, 400, LKS_SECOND},
    {"401", NONE, LKS_KIND_UNAUTHENTICATED, LKS_REJECTED, LKS_REMOTE, 401, -1},
    {"402", NONE, LKS_KIND_PLAN_REQUIRED, LKS_REJECTED, LKS_REMOTE, 402, -1},
    {"403", NONE, LKS_KIND_FORBIDDEN, LKS_REJECTED, LKS_REMOTE, 403, -1},
    {"404", NONE, LKS_KIND_NOT_FOUND, LKS_REJECTED, LKS_REMOTE, 404, -1},
    {"405", NONE, LKS_KIND_INVALID_REQUEST, LKS_REJECTED, LKS_REMOTE, 405, -1},
    {"408", AGAIN, LKS_KIND_TIMEOUT, LKS_REJECTED, LKS_REMOTE, 408, -1},
    {"409", NONE, LKS_KIND_CONFLICT, LKS_REJECTED, LKS_REMOTE, 409, -1},
    {"410", NONE, LKS_KIND_NOT_FOUND, LKS_REJECTED, LKS_REMOTE, 410, -1},
    {"413", NONE, LKS_KIND_INVALID_REQUEST, LKS_REJECTED, LKS_REMOTE, 413, -1},
    {"415", NONE, LKS_KIND_INVALID_REQUEST, LKS_REJECTED, LKS_REMOTE, 415, -1},
    {"422", NONE, LKS_KIND_INVALID_REQUEST, LKS_REJECTED, LKS_REMOTE, 422, -1},
    {"429", ALL, LKS_KIND_RATE_LIMITED, LKS_REJECTED, LKS_REMOTE, 429, -1},
    {"429/2", ALL, LKS_KIND_RATE_LIMITED, LKS_REJECTED, LKS_REMOTE, 429, 2 * LKS_SECOND},
    {"499", NONE, LKS_KIND_INVALID_REQUEST, LKS_REJECTED, LKS_REMOTE, 499, -1},
    {"500", READS, LKS_KIND_SERVER_ERROR, LKS_UNKNOWN, LKS_REMOTE, 500, -1},
    {"500/2", READS, LKS_KIND_SERVER_ERROR, LKS_UNKNOWN, LKS_REMOTE, 500, 2 * LKS_SECOND},
    {"501", NONE, LKS_KIND_SERVER_ERROR, LKS_UNKNOWN, LKS_REMOTE, 501, -1},
    {"502", AGAIN, LKS_KIND_SERVER_ERROR, LKS_UNKNOWN, LKS_REMOTE, 502, -1},
    {"503", AGAIN, LKS_KIND_SERVER_ERROR, LKS_UNKNOWN, LKS_REMOTE, 503, -1},
    {"503/1.5", ALL, LKS_KIND_SERVER_ERROR, LKS_REJECTED, LKS_REMOTE, 503, 3 * LKS_SECOND / 2},
    {"503/soon", AGAIN, LKS_KIND_SERVER_ERROR, LKS_UNKNOWN, LKS_REMOTE, 503, -1},
    {"504", AGAIN, LKS_KIND_SERVER_ERROR, LKS_UNKNOWN, LKS_REMOTE, 504, -1},
    {"505", NONE, LKS_KIND_SERVER_ERROR, LKS_UNKNOWN, LKS_REMOTE, 505, -1},
    {"0", NONE, LKS_KIND_BAD_RESPONSE, LKS_UNKNOWN, LKS_REMOTE, 0, -1},
    {"999", NONE, LKS_KIND_BAD_RESPONSE, LKS_UNKNOWN, LKS_REMOTE, 999, -1},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void expect_case(size_t i, size_t c, unsigned max_retries) {
  const lks_operation *operation = script_operation(classes[c].operation);
  call_script script = script_new(operation->service, cases[i].word);
  lks_call *call;
  lks_result result = script_call(&script, classes[c].operation, classes[c].retry, max_retries, &call);
  bool repeated = strchr(cases[i].repeated_by, classes[c].letter) != NULL;
  size_t attempts = repeated ? max_retries + 1 : 1;
  int failed_before = test_case_failed;
  test_case_failed = 0;
  CHECK_INT(result.kind, cases[i].kind);
  CHECK_INT(result.outcome, cases[i].outcome);
  CHECK_INT(result.source, cases[i].source);
  CHECK_INT(result.status, cases[i].status);
  CHECK_INT(result.retry_after, cases[i].retry_after);
  CHECK_INT(result.attempt_count, attempts);
  CHECK_INT(script.sends, attempts);
  CHECK(!result.recovered);
  for (size_t a = 0; a < result.attempt_count; a++) {
    CHECK_INT(result.attempts[a].kind, cases[i].kind);
    CHECK_INT(result.attempts[a].status, cases[i].status);
    CHECK_INT(result.attempts[a].elapsed, script.latency);
  }
  CHECK_INT(script.asked_slots, attempts);
  CHECK_INT(script.released, cases[i].outcome == LKS_NOT_SENT ? attempts : 0);
  CHECK_INT(script.paused, cases[i].kind == LKS_KIND_RATE_LIMITED ? attempts : 0);
  if (test_case_failed)
    fprintf(stderr, "... in %s under %c, %u retries\n", cases[i].word, classes[c].letter, max_retries);
  test_case_failed |= failed_before;
  lks_call_free(call);
  script_free(&script);
}

static void test_every_result_under_every_class(void) {
  for (size_t i = 0; i < COUNT(cases); i++) {
    for (size_t c = 0; c < COUNT(classes); c++) {
      expect_case(i, c, 0);
      expect_case(i, c, 2);
      expect_case(i, c, 11);
    }
  }
}

static void test_success_is_applied_at_once(void) {
  static const char *const words[] = {"200", "201", "202", "204", "299"};
  for (size_t w = 0; w < COUNT(words); w++) {
    for (size_t c = 0; c < COUNT(classes); c++) {
      bool bodiless = strcmp(words[w], "204") == 0;
      if (bodiless && strchr("SPK", classes[c].letter) != NULL) continue;
      const lks_operation *operation = script_operation(classes[c].operation);
      call_script script = script_new(operation->service, words[w]);
      lks_call *call;
      lks_result result = script_call(&script, classes[c].operation, classes[c].retry, 2, &call);
      CHECK_INT(result.kind, LKS_KIND_NONE);
      CHECK_INT(result.outcome, LKS_APPLIED);
      CHECK_INT(result.attempt_count, 1);
      CHECK(!result.recovered);
      CHECK(result.message == NULL && result.code == NULL);
      CHECK_INT(result.retry_after, -1);
      CHECK_INT(script.released, 0);
      CHECK_INT(lks_call_next(call, script.now).kind, LKS_ACTION_DONE);
      lks_call_free(call);
      script_free(&script);
    }
  }
}

/* What is asked for cannot be in an empty answer, except where there is nothing to tell. */
static void test_empty_answer_is_a_success_only_where_nothing_is_asked_for(void) {
  static const struct {
    const char *operation;
    lks_kind kind;
  } operations[] = {
      {"lockpub.links.create", LKS_KIND_BAD_RESPONSE},
      {"lockpub.request", LKS_KIND_NONE},
      {"locker.addresses.list", LKS_KIND_BAD_RESPONSE},
      {"locker.addresses.create", LKS_KIND_BAD_RESPONSE},
      {"locker.addresses.get", LKS_KIND_BAD_RESPONSE},
      {"locker.addresses.update", LKS_KIND_NONE},
      {"locker.addresses.delete", LKS_KIND_NONE},
      {"locker.addresses.toggle_enabled", LKS_KIND_NONE},
      {"locker.addresses.toggle_block_spam", LKS_KIND_NONE},
      {"locker.subdomains.in_use", LKS_KIND_BAD_RESPONSE},
      {"locker.subdomains.set_in_use", LKS_KIND_NONE},
      {"locker.request", LKS_KIND_NONE},
  };
  for (size_t i = 0; i < COUNT(operations); i++) {
    const lks_operation *operation = script_operation(operations[i].operation);
    call_script script = script_new(operation->service, "empty");
    lks_call *call;
    lks_result result = script_call(&script, operation->name, operation->retry, 2, &call);
    CHECK_INT(result.kind, operations[i].kind);
    CHECK_INT(result.outcome, operations[i].kind == LKS_KIND_NONE ? LKS_APPLIED : LKS_UNKNOWN);
    CHECK_INT(result.attempt_count, 1);
    lks_call_free(call);
    script_free(&script);
  }
}

static void test_words_of_the_answer_become_the_result(void) {
  call_script script = script_new(LKS_LOCKER, "");
  lks_call_options options = script_options("locker.addresses.create", LKS_RETRY_CREATE, 2);
  lks_call *call = lks_call_new(&options, script.now);
  while (lks_call_next(call, script.now).kind != LKS_ACTION_SEND) {
    lks_call_key(call, script.now, script.keys[0]);
    lks_call_grant(call, script.now, 0);
  }
  char code[] = "8000", message[] = "The number of relay addresses is reached";
  lks_response response = {.status = 400, .body = LKS_BODY_JSON, .refusal = {code, message, false}, .quota_reset = -1};
  lks_call_response(call, script.now, 0.5, &response);
  code[0] = message[0] = 'X'; /* they were copied */
  lks_result result;
  lks_call_result(call, &result);
  CHECK_INT(result.kind, LKS_KIND_LIMIT_REACHED);
  CHECK_TEXT(result.code, "8000");
  CHECK_TEXT(result.message, "The number of relay addresses is reached");
  lks_call_free(call);
  script_free(&script);
}

/* A hostile answer must not make an error message of megabytes, nor cut a character in two. */
static void test_long_words_are_cut_between_characters(void) {
  static char message[9001], code[9001];
  for (size_t shift = 0; shift < 3; shift++) {
    memset(message, 'x', shift);
    for (size_t i = shift; i + 3 < sizeof message; i += 3) memcpy(message + i, "\xE2\x82\xAC", 4);
    memset(code, 'c', sizeof code - 1);
    call_script script = script_new(LKS_LOCKER, "");
    lks_call_options options = script_options("locker.addresses.create", LKS_RETRY_CREATE, 2);
    lks_call *call = lks_call_new(&options, script.now);
    while (lks_call_next(call, script.now).kind != LKS_ACTION_SEND) {
      lks_call_key(call, script.now, script.keys[0]);
      lks_call_grant(call, script.now, 0);
    }
    lks_response response = {.status = 400, .refusal = {code, message, false}, .quota_reset = -1};
    lks_call_response(call, script.now, 0.5, &response);
    lks_result result;
    lks_call_result(call, &result);
    CHECK(result.message != NULL && strlen(result.message) > 1000 && strlen(result.message) <= 2048);
    CHECK(result.message != NULL && (strlen(result.message) - shift) % 3 == 0);
    CHECK(result.code != NULL && strlen(result.code) <= 64);
    lks_call_free(call);
    script_free(&script);
  }
}

static void test_waits_between_attempts_are_full_jitter_or_what_the_service_told(void) {
  static const struct {
    const char *words;
    double chance;
    lks_span waits[4];
  } runs[] = {
      {"502 502 502 502 200", 0.5, {125000, 250000, 500000, 1000000}},
      {"lost lost lost lost 200", 0.25, {62500, 125000, 250000, 500000}},
      {"refused refused refused refused 200", 0, {0, 0, 0, 0}},
      {"429/7 503/0.25 429/0 504/3 200", 0.5, {7 * LKS_SECOND, 250000, 500000, 3 * LKS_SECOND}},
      {"429/never 429/-3 429/ 503/1e3 200", 0.5, {125000, 250000, 500000, 1000000}},
      {"429/Tue,_14_Nov_2023_22:13:25_GMT 502 502 502 200", 0.5, {4990000, 250000, 500000, 1000000}},
  };
  for (size_t i = 0; i < COUNT(runs); i++) {
    call_script script = script_new(LKS_LOCKER, runs[i].words);
    script.chance = runs[i].chance;
    lks_call *call;
    lks_result result = script_call(&script, "locker.addresses.get", LKS_RETRY_SAFE, 4, &call);
    CHECK_INT(result.kind, LKS_KIND_NONE);
    CHECK_INT(result.attempt_count, 5);
    if (result.attempt_count == 5) {
      CHECK_INT(result.attempts[0].wait, 0);
      for (size_t a = 1; a < 5; a++) CHECK_INT(result.attempts[a].wait, runs[i].waits[a - 1]);
    }
    lks_call_free(call);
    script_free(&script);
  }
}

int main(void) {
  RUN(test_every_result_under_every_class);
  RUN(test_success_is_applied_at_once);
  RUN(test_empty_answer_is_a_success_only_where_nothing_is_asked_for);
  RUN(test_words_of_the_answer_become_the_result);
  RUN(test_long_words_are_cut_between_characters);
  RUN(test_waits_between_attempts_are_full_jitter_or_what_the_service_told);
  return TEST_END();
}
