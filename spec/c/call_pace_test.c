/* What the machine owes the limiter: slots used, given back or moved, pauses passed on. */
#include "call_script.h"
#include "test.h"

#define S LKS_SECOND
#define MS (LKS_SECOND / 1000)
#define GET "locker.addresses.get"

static lks_call *paced_call(call_script *script, const char *words, lks_pacing pacing) {
  *script = script_new(LKS_LOCKER, words);
  lks_call_options options = script_options(GET, LKS_RETRY_SAFE, 2);
  options.limits.pacing = pacing;
  lks_call *call = lks_call_new(&options, script->now);
  lks_call_next(call, script->now);
  lks_call_key(call, script->now, script->keys[0]);
  return call;
}

static void end(call_script *script, lks_call *call) {
  lks_call_free(call);
  script_free(script);
}

static void test_longest_wait_ends_before_the_deadline(void) {
  static const lks_span spans[] = {[LKS_PACING_WAIT] = 90 * S - 1, [LKS_PACING_FAIL] = 0, [LKS_PACING_OFF] = 0};
  for (int pacing = LKS_PACING_WAIT; pacing <= LKS_PACING_OFF; pacing++) {
    call_script script;
    lks_call *call = paced_call(&script, "200", (lks_pacing)pacing);
    lks_action action = lks_call_next(call, script.now);
    CHECK_INT(action.kind, LKS_ACTION_PACE);
    CHECK_INT(action.span, spans[pacing]);
    end(&script, call);
  }
}

static void test_slot_is_waited_for_unless_pacing_is_off(void) {
  for (int pacing = LKS_PACING_WAIT; pacing <= LKS_PACING_OFF; pacing++) {
    call_script script;
    lks_call *call = paced_call(&script, "200", (lks_pacing)pacing);
    script.slot = 3 * S;
    lks_result result = script_run(&script, call);
    CHECK_INT(result.kind, LKS_KIND_NONE);
    CHECK_INT(script.waited, pacing == LKS_PACING_OFF ? 0 : 3 * S);
    CHECK_INT(result.attempts[0].wait, script.waited);
    CHECK_INT(script.released + script.moved, 0);
    end(&script, call);
  }
}

static void test_slot_beyond_the_deadline_is_given_back_at_once(void) {
  static const lks_span waits[] = {90 * S, 90 * S + 1, 3600 * S, INT64_MAX};
  for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
    call_script script;
    lks_call *call = paced_call(&script, "200", LKS_PACING_WAIT);
    script.slot = waits[i];
    lks_result result = script_run(&script, call);
    CHECK_INT(result.kind, LKS_KIND_WOULD_WAIT);
    CHECK_INT(result.source, LKS_LOCAL);
    CHECK_INT(result.outcome, LKS_NOT_SENT);
    CHECK_INT(result.retry_after, waits[i] < LKS_SPAN_MAX ? waits[i] : LKS_SPAN_MAX);
    CHECK_INT(script.waited, 0);
    CHECK_INT(script.released, 1);
    end(&script, call);
  }
}

static void test_slot_that_failed_before_sending_is_given_back(void) {
  static const struct {
    const char *words;
    unsigned sends, released;
  } rows[] = {
      {"refused refused 200", 3, 2},
      {"stuck tls refused", 3, 3},
      {"lost refused 200", 3, 1},
      {"badcert", 1, 1},
      {"phase", 1, 1},
      {"late 502 200", 3, 0},
      {"huge", 1, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    call_script script;
    lks_call *call = paced_call(&script, rows[i].words, LKS_PACING_WAIT);
    script_run(&script, call);
    CHECK_INT(script.sends, rows[i].sends);
    CHECK_INT(script.asked_slots, rows[i].sends);
    CHECK_INT(script.released, rows[i].released);
    end(&script, call);
  }
}

/* Grants a slot 1 s away and comes back for it late by so much. */
static lks_action wait_for_slot(call_script *script, lks_call *call, lks_span late) {
  CHECK_INT(lks_call_next(call, script->now).kind, LKS_ACTION_PACE);
  lks_call_grant(call, script->now, S);
  CHECK_INT(lks_call_next(call, script->now).kind, LKS_ACTION_WAIT);
  script->now += S + late;
  return lks_call_next(call, script->now);
}

static void test_slot_that_was_waited_for_is_looked_at_once_more(void) {
  static const struct {
    lks_span late, wait;
    lks_action_kind kind;
    lks_span span;
  } rows[] = {
      {0, 0, LKS_ACTION_SEND, 10 * S},         {0, -S, LKS_ACTION_SEND, 10 * S},
      {30 * S, 0, LKS_ACTION_SEND, 10 * S},    {0, 3 * S, LKS_ACTION_WAIT, 3 * S},
      {30 * S, 3 * S, LKS_ACTION_WAIT, 3 * S}, {0, 89 * S - 1, LKS_ACTION_WAIT, 89 * S - 1},
      {0, 89 * S, LKS_ACTION_FAILED, 0},       {0, INT64_MAX, LKS_ACTION_FAILED, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    call_script script;
    lks_call *call = paced_call(&script, "200", LKS_PACING_WAIT);
    CHECK(!lks_call_holds_slot(call));
    lks_action action = wait_for_slot(&script, call, rows[i].late);
    CHECK_INT(action.kind, LKS_ACTION_PACE);
    CHECK_INT(action.effects, 0);
    CHECK_INT(action.span, 89 * S - rows[i].late - 1);
    CHECK(lks_call_holds_slot(call));
    lks_call_grant(call, script.now, rows[i].wait);
    lks_call_grant(call, script.now, 50 * S); /* said twice */
    action = lks_call_next(call, script.now);
    CHECK_INT(action.kind, rows[i].kind);
    CHECK_INT(action.span, rows[i].span);
    CHECK_INT(action.effects, action.kind == LKS_ACTION_FAILED ? LKS_EFFECT_RELEASE : 0);
    lks_result result;
    lks_call_result(call, &result);
    if (action.kind == LKS_ACTION_FAILED) CHECK_INT(result.kind, LKS_KIND_WOULD_WAIT);
    if (action.kind == LKS_ACTION_WAIT) {
      script.now += action.span;
      CHECK_INT(lks_call_next(call, script.now).kind, LKS_ACTION_PACE);
      lks_call_grant(call, script.now, 0);
      CHECK_INT(lks_call_next(call, script.now).kind, LKS_ACTION_SEND);
    }
    end(&script, call);
  }
}

static void test_slot_that_is_refused_when_it_has_come_is_given_back(void) {
  call_script script;
  lks_call *call = paced_call(&script, "200", LKS_PACING_WAIT);
  CHECK_INT(wait_for_slot(&script, call, 0).kind, LKS_ACTION_PACE);
  lks_call_refuse(call, script.now, LKS_KIND_WOULD_WAIT, 7 * S, NULL);
  lks_action action = lks_call_next(call, script.now);
  CHECK_INT(action.kind, LKS_ACTION_FAILED);
  CHECK_INT(action.effects, LKS_EFFECT_RELEASE);
  end(&script, call);
}

static void test_asking_again_later_is_a_wait(void) {
  for (int held = 0; held < 2; held++) {
    call_script script;
    lks_call *call = paced_call(&script, "200", LKS_PACING_WAIT);
    if (held)
      CHECK_INT(wait_for_slot(&script, call, 0).kind, LKS_ACTION_PACE);
    else
      CHECK_INT(lks_call_next(call, script.now).kind, LKS_ACTION_PACE);
    lks_call_later(call, script.now, 2 * S);
    lks_call_later(call, script.now, 50 * S); /* said twice */
    lks_action action = lks_call_next(call, script.now);
    CHECK_INT(action.kind, LKS_ACTION_WAIT);
    CHECK_INT(action.span, 2 * S);
    script.now += 2 * S;
    CHECK_INT(lks_call_next(call, script.now).kind, LKS_ACTION_PACE);
    CHECK_INT(lks_call_holds_slot(call), held);
    lks_call_grant(call, script.now, 0);
    CHECK_INT(lks_call_next(call, script.now).kind, LKS_ACTION_SEND);
    end(&script, call);
  }
}

static void test_asking_again_after_the_deadline_ends_the_call(void) {
  call_script script;
  lks_call *call = paced_call(&script, "200", LKS_PACING_WAIT);
  CHECK_INT(wait_for_slot(&script, call, 0).kind, LKS_ACTION_PACE);
  lks_call_later(call, script.now, 89 * S);
  lks_action action = lks_call_next(call, script.now);
  CHECK_INT(action.kind, LKS_ACTION_FAILED);
  CHECK_INT(action.effects, LKS_EFFECT_RELEASE);
  lks_result result;
  lks_call_result(call, &result);
  CHECK_INT(result.kind, LKS_KIND_WOULD_WAIT);
  CHECK_INT(result.outcome, LKS_NOT_SENT);
  CHECK_INT(result.retry_after, 89 * S);
  end(&script, call);
}

/* A driver that comes late for a slot that was free at once would be late again. */
static void test_slot_that_was_never_waited_for_is_used_late(void) {
  for (int pacing = LKS_PACING_WAIT; pacing <= LKS_PACING_OFF; pacing++) {
    call_script script;
    lks_call *call = paced_call(&script, "200", (lks_pacing)pacing);
    lks_call_next(call, script.now);
    lks_call_grant(call, script.now, 0);
    script.now += 2 * S;
    CHECK_INT(lks_call_next(call, script.now).kind, LKS_ACTION_SEND);
    script_answer(&script, call);
    CHECK_INT(lks_call_next(call, script.now).effects, LKS_EFFECT_MOVE);
    CHECK_INT(lks_call_lateness(call), 2 * S);
    end(&script, call);
  }
}

static void test_slot_moves_to_when_the_request_began_to_leave(void) {
  static const struct {
    lks_span connected, took, lateness; /* 0: not moved */
  } rows[] = {{0, S, 0},
              {50 * MS, S, 0},
              {50 * MS + 1, S, 50 * MS + 1},
              {800 * MS, S, 800 * MS},
              {S, S, S},
              {5 * S, S, S},
              {INT64_MAX, S, S},
              {-S, S, 0},
              {INT64_MIN, S, 0},
              {60 * MS, 10 * MS, 0}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    call_script script;
    lks_call *call = paced_call(&script, "", LKS_PACING_WAIT);
    lks_call_next(call, script.now);
    lks_call_grant(call, script.now, 0);
    CHECK_INT(lks_call_next(call, script.now).kind, LKS_ACTION_SEND);
    lks_response response = {.status = 200, .body = LKS_BODY_JSON, .connected = rows[i].connected, .quota_reset = -1};
    lks_call_response(call, script.now + rows[i].took, 0, &response);
    lks_action action = lks_call_next(call, script.now + rows[i].took);
    CHECK_INT(action.effects, rows[i].lateness > 0 ? LKS_EFFECT_MOVE : 0);
    if (rows[i].lateness > 0) CHECK_INT(lks_call_lateness(call), rows[i].lateness);
    end(&script, call);
  }
}

static void test_429_pauses_everyone(void) {
  static const struct {
    const char *words;
    double chance;
    unsigned paused;
    lks_span pause;
  } rows[] = {
      {"429/7 200", 0.5, 1, 7 * S},
      {"429 200", 0.5, 1, 125 * MS},
      {"429/0 200", 0.5, 1, 125 * MS},
      {"429/500", 0.5, 1, 500 * S}, /* also when the call itself cannot wait so long */
      {"429/1 429/2 429/3", 0.5, 3, 3 * S},
      {"429/86400", 0.5, 1, 86400 * S},
      {"429/1700000000", 0.5, 1, 86400 * S}, /* a gateway that sends an instant */
      {"503/7 200", 0.5, 0, 0},
      {"403/7", 0.5, 0, 0},
      {"lost 200", 0.5, 0, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    call_script script;
    lks_call *call = paced_call(&script, rows[i].words, LKS_PACING_WAIT);
    script_run(&script, call);
    CHECK_INT(script.paused, rows[i].paused);
    CHECK_INT(script.pause, rows[i].pause);
    end(&script, call);
  }
}

/* The pause ends when the call's own wait does: otherwise its own repeat would be refused under pacing "fail". */
static void test_pause_is_counted_from_the_answer(void) {
  call_script script;
  lks_call *call = paced_call(&script, "429/7", LKS_PACING_FAIL);
  lks_call_next(call, script.now);
  lks_call_grant(call, script.now, 0);
  lks_call_next(call, script.now);
  script_answer(&script, call);
  script.now += 2 * MS;
  lks_action action = lks_call_next(call, script.now);
  CHECK_INT(action.effects, LKS_EFFECT_PAUSE);
  CHECK_INT(action.span, 7 * S - 2 * MS);
  CHECK_INT(lks_call_pause(call), action.span);
  CHECK_INT(lks_call_next(call, script.now + 3600 * S).effects, 0);
  CHECK_INT(lks_call_pause(call), 0);
  end(&script, call);
}

static void test_exhausted_quota_pauses_nobody(void) {
  call_script script = script_new(LKS_LOCKPUB, "429!");
  lks_call *call;
  lks_result result = script_call(&script, "lockpub.links.create", LKS_RETRY_CREATE, 2, &call);
  CHECK_INT(result.kind, LKS_KIND_QUOTA_EXCEEDED);
  CHECK_INT(result.retry_after, 1000 * S);
  CHECK_INT(script.sends, 1);
  CHECK_INT(script.paused, 0);
  end(&script, call);
}

static void test_several_effects_come_together(void) {
  call_script script;
  lks_call *call = paced_call(&script, "429/7", LKS_PACING_WAIT);
  lks_call_next(call, script.now);
  lks_call_grant(call, script.now, 0);
  script.now += S;
  lks_call_next(call, script.now);
  script_answer(&script, call);
  CHECK_INT(lks_call_next(call, script.now).effects, LKS_EFFECT_MOVE | LKS_EFFECT_PAUSE);
  end(&script, call);
}

int main(void) {
  RUN(test_longest_wait_ends_before_the_deadline);
  RUN(test_slot_is_waited_for_unless_pacing_is_off);
  RUN(test_slot_beyond_the_deadline_is_given_back_at_once);
  RUN(test_slot_that_failed_before_sending_is_given_back);
  RUN(test_slot_that_was_waited_for_is_looked_at_once_more);
  RUN(test_slot_that_is_refused_when_it_has_come_is_given_back);
  RUN(test_asking_again_later_is_a_wait);
  RUN(test_asking_again_after_the_deadline_ends_the_call);
  RUN(test_slot_that_was_never_waited_for_is_used_late);
  RUN(test_slot_moves_to_when_the_request_began_to_leave);
  RUN(test_429_pauses_everyone);
  RUN(test_pause_is_counted_from_the_answer);
  RUN(test_exhausted_quota_pauses_nobody);
  RUN(test_several_effects_come_together);
  return TEST_END();
}
