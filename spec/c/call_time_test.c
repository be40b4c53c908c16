/* The deadline, what the service says about time, and clocks that jump. */
#include "call_script.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define S LKS_SECOND
#define GET "locker.addresses.get"

static lks_call *timed_call(lks_time now, lks_span timeout, lks_span attempt_timeout) {
  lks_call_options options = script_options(GET, LKS_RETRY_SAFE, 2);
  options.limits.timeout = timeout;
  options.limits.attempt_timeout = attempt_timeout;
  return lks_call_new(&options, now);
}

/* Brings a call to its next SEND without time passing. */
static lks_action to_send(lks_call *call, lks_time now) {
  lks_key *key = script_key(LKS_LOCKER, "a");
  lks_action action;
  while ((action = lks_call_next(call, now)).kind == LKS_ACTION_KEY || action.kind == LKS_ACTION_PACE) {
    lks_call_key(call, now, key);
    lks_call_grant(call, now, 0);
  }
  lks_key_free(key);
  return action;
}

static lks_result result_of(const lks_call *call) {
  lks_result result;
  lks_call_result(call, &result);
  return result;
}

static void expect_local_timeout(const lks_call *call) {
  lks_result result = result_of(call);
  CHECK_INT(result.kind, LKS_KIND_TIMEOUT);
  CHECK_INT(result.source, LKS_LOCAL);
  CHECK_INT(result.outcome, LKS_NOT_SENT);
  CHECK_INT(result.attempt_count, 0);
  CHECK_INT(result.retry_after, -1);
  CHECK(result.message != NULL);
}

static void test_no_time_at_all_asks_for_nothing(void) {
  static const lks_span timeouts[] = {0, -1, -90 * S, INT64_MIN};
  for (size_t i = 0; i < COUNT(timeouts); i++) {
    lks_call *call = timed_call(SCRIPT_T0, timeouts[i], 10 * S);
    CHECK_INT(lks_call_next(call, SCRIPT_T0).kind, LKS_ACTION_FAILED);
    expect_local_timeout(call);
    CHECK_INT(result_of(call).elapsed, 0);
    lks_call_free(call);
  }
}

static void test_attempt_without_time_is_not_sent(void) {
  static const lks_span timeouts[] = {0, -1, INT64_MIN};
  for (size_t i = 0; i < COUNT(timeouts); i++) {
    lks_call *call = timed_call(SCRIPT_T0, 90 * S, timeouts[i]);
    lks_action action = to_send(call, SCRIPT_T0);
    CHECK_INT(action.kind, LKS_ACTION_FAILED);
    CHECK_INT(action.effects, LKS_EFFECT_RELEASE);
    expect_local_timeout(call);
    lks_call_free(call);
  }
}

static void test_one_microsecond_is_enough_when_nothing_takes_longer(void) {
  lks_call *call = timed_call(SCRIPT_T0, 1, 10 * S);
  lks_action action = lks_call_next(call, SCRIPT_T0);
  CHECK_INT(action.kind, LKS_ACTION_KEY);
  CHECK_INT(action.span, 1);
  action = to_send(call, SCRIPT_T0);
  CHECK_INT(action.kind, LKS_ACTION_SEND);
  CHECK_INT(action.span, 1);
  lks_call_free(call);
}

static void test_huge_times_are_clamped(void) {
  static const struct {
    lks_time now;
    lks_span timeout, attempt_timeout, limit;
  } rows[] = {
      {SCRIPT_T0, INT64_MAX, 10 * S, 10 * S},
      {SCRIPT_T0, INT64_MAX, INT64_MAX, LKS_SPAN_MAX},
      {LKS_TIME_MAX, INT64_MAX, INT64_MAX, LKS_SPAN_MAX},
      {-LKS_TIME_MAX, INT64_MAX, INT64_MAX, LKS_SPAN_MAX},
      {LKS_TIME_MAX, 5 * S, INT64_MAX, 5 * S},
      {0, LKS_SPAN_MAX, LKS_SPAN_MAX, LKS_SPAN_MAX},
      {SCRIPT_T0, 5 * S, 10 * S, 5 * S},
      {SCRIPT_T0, 10 * S, 5 * S, 5 * S},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    lks_call *call = timed_call(rows[i].now, rows[i].timeout, rows[i].attempt_timeout);
    lks_action action = to_send(call, rows[i].now);
    CHECK_INT(action.kind, LKS_ACTION_SEND);
    CHECK_INT(action.span, rows[i].limit);
    lks_call_free(call);
  }
}

static void test_attempt_gets_what_is_left(void) {
  lks_call *call = timed_call(SCRIPT_T0, 12 * S, 10 * S);
  lks_failure failure = {.kind = LKS_KIND_TIMEOUT, .sent = true};
  CHECK_INT(to_send(call, SCRIPT_T0).span, 10 * S);
  lks_call_failure(call, SCRIPT_T0 + 10 * S, 0, &failure);
  CHECK_INT(to_send(call, SCRIPT_T0 + 10 * S).span, 2 * S);
  lks_call_failure(call, SCRIPT_T0 + 12 * S, 0, &failure);
  CHECK_INT(lks_call_next(call, SCRIPT_T0 + 12 * S).kind, LKS_ACTION_FAILED);
  CHECK_INT(result_of(call).attempt_count, 2);
  CHECK_INT(result_of(call).elapsed, 12 * S);
  CHECK_INT(result_of(call).source, LKS_TRANSPORT);
  lks_call_free(call);
}

static void test_wait_that_does_not_fit_is_not_begun(void) {
  static const struct {
    const char *words;
    lks_span timeout;
    unsigned sends;
    lks_span retry_after;
  } rows[] = {
      {"429/30 200", 30 * S, 1, 30 * S},
      {"429/30 200", 30 * S + 10000, 1, 30 * S},
      {"429/30 200", 30 * S + 10001, 2, -1},
      {"429/86400 200", 90 * S, 1, 86400 * S},
      {"503/100 200", 90 * S, 1, 100 * S},
      {"502 200", 120000, 1, -1}, /* backoff of 0.125 s */
      {"502 200", 135000, 1, -1},
      {"502 200", 135001, 2, -1},
      {"429/1 429/100 200", 90 * S, 2, 100 * S},
      {"429/99999999999999999999 200", 90 * S, 1, LKS_SPAN_MAX},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    call_script script = script_new(LKS_LOCKER, rows[i].words);
    lks_call *call = timed_call(script.now, rows[i].timeout, 10 * S);
    lks_result result = script_run(&script, call);
    CHECK_INT(script.sends, rows[i].sends);
    CHECK_INT(result.retry_after, rows[i].retry_after);
    CHECK_INT(result.elapsed, script.now - SCRIPT_T0);
    CHECK(result.elapsed <= rows[i].timeout);
    if (rows[i].sends == 1) CHECK_INT(script.waits, 0);
    lks_call_free(call);
    script_free(&script);
  }
}

/* SCRIPT_T0 is 2023-11-14 22:13:20 UTC; the answer comes 0.01 s later. */
static void test_retry_after_in_every_form(void) {
  static const struct {
    const char *word;
    lks_span retry_after;
  } rows[] = {
      {"429", -1},
      {"429/0", 0},
      {"429/00120", 120 * S},
      {"429/0.25", 250000},
      {"429/Tue,_14_Nov_2023_22:14:20_GMT", 60 * S - 10000},
      {"429/Tuesday,_14-Nov-23_22:14:20_GMT", 60 * S - 10000},
      {"429/Tue_Nov_14_22:14:20_2023", 60 * S - 10000},
      {"429/Tue,_14_Nov_2023_22:13:19_GMT", 0},
      {"429/Thu,_01_Jan_1970_00:00:00_GMT", 0},
      {"429/-5", -1},
      {"429/soon", -1},
      {"429/1,5", -1},
      {"429/0x10", -1},
      {"429/nan", -1},
      {"429/inf", -1},
      {"429/5_seconds", -1},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    call_script script = script_new(LKS_LOCKER, rows[i].word);
    lks_call *call;
    lks_result result = script_call(&script, GET, LKS_RETRY_SAFE, 0, &call);
    CHECK_INT(result.retry_after, rows[i].retry_after);
    lks_call_free(call);
    script_free(&script);
  }
}

static void test_retry_after_that_was_waited_out_is_told_no_more(void) {
  call_script script = script_new(LKS_LOCKER, "429/2");
  script.slots = 1;
  script.no_slot = LKS_KIND_STORE;
  script.no_slot_for = -1;
  lks_call *call;
  lks_result result = script_call(&script, GET, LKS_RETRY_SAFE, 2, &call);
  CHECK_INT(result.kind, LKS_KIND_RATE_LIMITED);
  CHECK_INT(script.waited, 2 * S);
  CHECK_INT(result.retry_after, -1);
  lks_call_free(call);
  script_free(&script);
}

/* Where the deadline may pass, and the answer that would have gone on. */
static void test_nothing_begins_at_the_deadline(void) {
  for (int stage = 0; stage < 5; stage++) {
    for (lks_span late = 0; late <= 3600 * S; late += 3600 * S) {
      call_script script = script_new(LKS_LOCKER, "502");
      lks_call *call = timed_call(SCRIPT_T0, 20 * S, 10 * S);
      lks_time end = lks_call_deadline(call) + late;
      CHECK_INT(lks_call_next(call, SCRIPT_T0).kind, LKS_ACTION_KEY);
      if (stage > 0) {
        lks_call_key(call, SCRIPT_T0, script.keys[0]);
        CHECK_INT(lks_call_next(call, SCRIPT_T0).kind, LKS_ACTION_PACE);
      }
      if (stage > 1) lks_call_grant(call, SCRIPT_T0, stage == 2 ? 5 * S : 0);
      if (stage > 2) {
        CHECK_INT(lks_call_next(call, SCRIPT_T0).kind, LKS_ACTION_SEND);
        script_answer(&script, call);
        CHECK_INT(lks_call_next(call, SCRIPT_T0).kind, LKS_ACTION_WAIT);
      }
      if (stage > 3) CHECK_INT(lks_call_next(call, SCRIPT_T0 + 10 * S).kind, LKS_ACTION_PACE);
      lks_action action = lks_call_next(call, end);
      CHECK_INT(action.kind, LKS_ACTION_FAILED);
      CHECK_INT(action.effects, stage == 2 ? LKS_EFFECT_RELEASE : 0);
      CHECK_INT(result_of(call).elapsed, end - SCRIPT_T0);
      if (stage < 3)
        expect_local_timeout(call);
      else
        CHECK_INT(result_of(call).status, 502);
      lks_call_free(call);
      script_free(&script);
    }
  }
}

static void test_answer_that_comes_late_is_kept(void) {
  lks_call *call = timed_call(SCRIPT_T0, 5 * S, 5 * S);
  to_send(call, SCRIPT_T0);
  CHECK_INT(lks_call_next(call, SCRIPT_T0 + 100 * S).kind, LKS_ACTION_WAIT);
  CHECK_INT(lks_call_next(call, SCRIPT_T0 + 100 * S).span, 0);
  lks_response response = {.status = 200, .body = LKS_BODY_JSON, .quota_reset = -1};
  lks_call_response(call, SCRIPT_T0 + 101 * S, 0, &response);
  CHECK_INT(lks_call_next(call, SCRIPT_T0 + 101 * S).kind, LKS_ACTION_DONE);
  CHECK_INT(result_of(call).elapsed, 101 * S);
  CHECK_INT(result_of(call).attempts[0].elapsed, 101 * S);
  lks_call_free(call);
}

static void test_clock_that_steps_back_lengthens_no_wait(void) {
  static const lks_span steps[] = {1, S, 3600 * S, 1000 * 86400 * S};
  for (size_t i = 0; i < COUNT(steps); i++) {
    lks_time now = SCRIPT_T0;
    call_script script = script_new(LKS_LOCKER, "502 502");
    lks_call *call = timed_call(now, 20 * S, 10 * S);
    CHECK_INT(lks_call_next(call, now -= steps[i]).span, 20 * S);
    lks_call_key(call, now, script.keys[0]);
    CHECK_INT(lks_call_next(call, now -= steps[i]).span, 20 * S - 1);
    lks_call_grant(call, now, 4 * S);
    CHECK_INT(lks_call_next(call, now).span, 4 * S);
    CHECK_INT(lks_call_next(call, now += S).span, 3 * S);
    CHECK_INT(lks_call_next(call, now -= steps[i]).span, 3 * S);
    lks_action action = lks_call_next(call, now += 3 * S);
    CHECK_INT(action.kind, LKS_ACTION_PACE);
    CHECK_INT(action.span, 16 * S - 1);
    lks_call_grant(call, now, 0);
    action = lks_call_next(call, now);
    CHECK_INT(action.kind, LKS_ACTION_SEND);
    CHECK_INT(action.span, 10 * S);
    CHECK_INT(lks_call_next(call, now += S).span, 9 * S);
    CHECK_INT(lks_call_next(call, now -= steps[i]).span, 9 * S);
    script.now = now += S;
    script.words = "429/3";
    script_answer(&script, call);
    action = lks_call_next(call, now -= steps[i]);
    CHECK_INT(action.span, 3 * S);
    CHECK_INT(lks_call_pause(call), 3 * S);
    CHECK_INT(lks_call_next(call, now -= steps[i]).span, 3 * S);
    CHECK_INT(lks_call_deadline(call) - now, 14 * S);
    CHECK_INT(lks_call_next(call, now += 3 * S).kind, LKS_ACTION_PACE);
    CHECK_INT(lks_call_next(call, now -= steps[i]).span, 11 * S - 1);
    CHECK_INT(lks_call_next(call, now += 11 * S).kind, LKS_ACTION_FAILED);
    CHECK_INT(result_of(call).attempts[0].wait, 4 * S);
    CHECK_INT(result_of(call).attempts[0].elapsed, 2 * S);
    CHECK_INT(result_of(call).elapsed, 20 * S);
    lks_call_free(call);
    script_free(&script);
  }
}

static void test_step_back_seen_first_by_an_answer_counts_too(void) {
  call_script script = script_new(LKS_LOCKER, "");
  lks_call *call = timed_call(SCRIPT_T0, 20 * S, 10 * S);
  lks_time now = SCRIPT_T0;
  lks_call_next(call, now);
  lks_call_key(call, now -= 100 * S, script.keys[0]);
  CHECK_INT(lks_call_next(call, now).span, 20 * S - 1);
  lks_call_grant(call, now -= 100 * S, 5 * S);
  CHECK_INT(lks_call_next(call, now).span, 5 * S);
  lks_call_abort(call, now - 100 * S, LKS_KIND_CLOSED, true, NULL);
  CHECK_INT(result_of(call).elapsed, 0);
  lks_call_free(call);
  script_free(&script);
}

/* The reset of the quota is what to wait for only where the quota is what stands in the way. */
static void test_retry_after_of_an_exhausted_quota_is_its_reset(void) {
  static const struct {
    int status;
    bool used_up;
    const char *header;
    lks_span reset, retry_after;
  } rows[] = {
      {429, true, "3", 1000 * S, 1000 * S}, {403, true, NULL, 0, 0},
      {403, true, "3", -1, 3 * S},          {403, true, NULL, -1, -1},
      {401, true, NULL, 1000 * S, -1},      {404, false, NULL, 1000 * S, -1},
      {404, false, "3", 1000 * S, 3 * S},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    call_script script = script_new(LKS_LOCKPUB, "");
    lks_call_options options = script_options("lockpub.links.create", LKS_RETRY_CREATE, 0);
    lks_call *call = lks_call_new(&options, SCRIPT_T0);
    while (lks_call_attempt_count(call) == 0) {
      lks_call_next(call, SCRIPT_T0);
      lks_call_key(call, SCRIPT_T0, script.keys[0]);
      lks_call_grant(call, SCRIPT_T0, 0);
    }
    lks_response response = {.status = rows[i].status,
                             .retry_after = rows[i].header,
                             .refusal = {.quota_used_up = rows[i].used_up},
                             .quota_reset = rows[i].reset};
    lks_call_response(call, SCRIPT_T0, 0, &response);
    CHECK_INT(result_of(call).retry_after, rows[i].retry_after);
    lks_call_free(call);
    script_free(&script);
  }
}

static void test_clock_that_steps_forward_only_ends_waits(void) {
  call_script script = script_new(LKS_LOCKER, "429/5 200");
  lks_call *call = timed_call(SCRIPT_T0, 3600 * S, 10 * S);
  to_send(call, SCRIPT_T0);
  script_answer(&script, call);
  CHECK_INT(lks_call_next(call, SCRIPT_T0).span, 5 * S);
  script.now += 1800 * S;
  CHECK_INT(to_send(call, script.now).kind, LKS_ACTION_SEND);
  script.now += 1799 * S;
  CHECK_INT(lks_call_next(call, script.now).kind, LKS_ACTION_WAIT);
  script_answer(&script, call);
  CHECK_INT(lks_call_next(call, script.now).kind, LKS_ACTION_DONE);
  lks_call_free(call);
  script_free(&script);
}

static void test_clock_that_swings_from_end_to_end_overflows_nothing(void) {
  lks_call *call = timed_call(SCRIPT_T0, LKS_SPAN_MAX, LKS_SPAN_MAX);
  to_send(call, SCRIPT_T0);
  for (int i = 0; i < 20; i++) {
    lks_call_next(call, LKS_TIME_MAX);
    lks_call_next(call, -LKS_TIME_MAX);
  }
  lks_response response = {.status = 200, .body = LKS_BODY_JSON, .quota_reset = -1};
  lks_call_response(call, 0, 0, &response);
  CHECK_INT(lks_call_next(call, 0).kind, LKS_ACTION_DONE);
  CHECK(result_of(call).elapsed > 0);
  lks_call_free(call);
}

int main(void) {
  RUN(test_no_time_at_all_asks_for_nothing);
  RUN(test_attempt_without_time_is_not_sent);
  RUN(test_one_microsecond_is_enough_when_nothing_takes_longer);
  RUN(test_huge_times_are_clamped);
  RUN(test_attempt_gets_what_is_left);
  RUN(test_wait_that_does_not_fit_is_not_begun);
  RUN(test_retry_after_in_every_form);
  RUN(test_retry_after_that_was_waited_out_is_told_no_more);
  RUN(test_nothing_begins_at_the_deadline);
  RUN(test_answer_that_comes_late_is_kept);
  RUN(test_clock_that_steps_back_lengthens_no_wait);
  RUN(test_step_back_seen_first_by_an_answer_counts_too);
  RUN(test_retry_after_of_an_exhausted_quota_is_its_reset);
  RUN(test_clock_that_steps_forward_only_ends_waits);
  RUN(test_clock_that_swings_from_end_to_end_overflows_nothing);
  return TEST_END();
}
