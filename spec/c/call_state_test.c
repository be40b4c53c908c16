/* Every word said to the machine in every state: what was not asked for changes nothing, and an end is an end. */
#include <string.h>

#include "call_script.h"
#include "core/message.h"
#include "test.h"

#define S LKS_SECOND

typedef enum stage { AT_KEY, AT_PACE, AT_SLOT, AT_SENT, AT_RETRY, AT_DONE, AT_FAILED, STAGES } stage;

static const lks_action_kind shown[STAGES] = {LKS_ACTION_KEY,  LKS_ACTION_PACE, LKS_ACTION_WAIT,  LKS_ACTION_WAIT,
                                              LKS_ACTION_WAIT, LKS_ACTION_DONE, LKS_ACTION_FAILED};

/* A call brought to that stage. No time passes. */
static lks_call *call_at(stage at, call_script *script) {
  lks_call_options options = script_options("locker.addresses.get", LKS_RETRY_SAFE, 2);
  lks_call *call = lks_call_new(&options, script->now);
  if (at == AT_KEY) return call;
  lks_call_next(call, script->now);
  lks_call_key(call, script->now, script->keys[0]);
  if (at == AT_PACE) return call;
  lks_call_next(call, script->now);
  lks_call_grant(call, script->now, at == AT_SLOT ? 5 * S : 0);
  if (at == AT_SLOT) return call;
  lks_call_next(call, script->now);
  if (at == AT_SENT) return call;
  script->words = at == AT_RETRY ? "503/5" : at == AT_DONE ? "200" : "404";
  script_answer(script, call);
  return call;
}

static lks_result result_of(const lks_call *call) {
  lks_result result;
  lks_call_result(call, &result);
  return result;
}

static void say_key(lks_call *call, call_script *script) {
  lks_call_key(call, script->now, script->keys[1]);
}

static void say_grant(lks_call *call, call_script *script) {
  lks_call_grant(call, script->now, 7 * S);
}

static void say_later(lks_call *call, call_script *script) {
  lks_call_later(call, script->now, 7 * S);
}

static void say_refuse(lks_call *call, call_script *script) {
  lks_call_refuse(call, script->now, LKS_KIND_STORE, 7 * S, "no");
}

static void say_response(lks_call *call, call_script *script) {
  script->words = "429/7";
  script_answer(script, call);
}

static void say_success(lks_call *call, call_script *script) {
  script->words = "200";
  script_answer(script, call);
}

static void say_failure(lks_call *call, call_script *script) {
  script->words = "refused";
  script_answer(script, call);
}

static const struct {
  void (*say)(lks_call *call, call_script *script);
  bool asked_at[STAGES];
} words[] = {
    {say_key, {[AT_KEY] = true}},
    {say_grant, {[AT_PACE] = true}},
    {say_refuse, {[AT_KEY] = true, [AT_PACE] = true}},
    {say_response, {[AT_SENT] = true}},
    {say_success, {[AT_SENT] = true}},
    {say_failure, {[AT_SENT] = true}},
    {say_later, {[AT_PACE] = true}},
};

static call_script two_keys(void) {
  call_script script = script_new(LKS_LOCKER, "");
  script.keys[1] = script_key(LKS_LOCKER, "b");
  return script;
}

static void test_asking_again_gives_the_same_answer(void) {
  for (stage at = AT_KEY; at < STAGES; at++) {
    call_script script = two_keys();
    lks_call *call = call_at(at, &script);
    lks_action first = lks_call_next(call, script.now);
    CHECK_INT(first.kind, shown[at]);
    for (int i = 0; i < 3; i++) {
      lks_action again = lks_call_next(call, script.now);
      CHECK_INT(again.kind, first.kind);
      CHECK_INT(again.span, first.span);
      CHECK_INT(again.effects, 0);
    }
    lks_call_free(call);
    script_free(&script);
  }
}

static void test_what_was_not_asked_for_is_ignored(void) {
  for (stage at = AT_KEY; at < STAGES; at++) {
    for (size_t w = 0; w < sizeof words / sizeof *words; w++) {
      if (words[w].asked_at[at]) continue;
      call_script script = two_keys();
      lks_call *call = call_at(at, &script);
      lks_action before = lks_call_next(call, script.now);
      lks_result result_before = result_of(call);
      words[w].say(call, &script);
      lks_action after = lks_call_next(call, script.now);
      lks_result result = result_of(call);
      CHECK_INT(after.kind, before.kind);
      CHECK_INT(after.span, before.span);
      CHECK_INT(after.effects, 0);
      CHECK_INT(result.kind, result_before.kind);
      CHECK_INT(result.retry_after, result_before.retry_after);
      CHECK_INT(result.attempt_count, result_before.attempt_count);
      if (at > AT_KEY) CHECK(lks_key_equal(lks_call_current_key(call), script.keys[0]));
      lks_call_free(call);
      script_free(&script);
    }
  }
}

static void test_answer_given_twice_counts_once(void) {
  for (size_t w = 0; w < sizeof words / sizeof *words; w++) {
    for (stage at = AT_KEY; at <= AT_SENT; at++) {
      if (!words[w].asked_at[at]) continue;
      call_script script = two_keys();
      lks_call *once = call_at(at, &script), *twice = call_at(at, &script);
      lks_call_next(once, script.now);
      lks_call_next(twice, script.now);
      words[w].say(once, &script);
      words[w].say(twice, &script);
      words[w].say(twice, &script);
      lks_action one = lks_call_next(once, script.now), two = lks_call_next(twice, script.now);
      CHECK_INT(two.kind, one.kind);
      CHECK_INT(two.span, one.span);
      CHECK_INT(two.effects, one.effects);
      CHECK_INT(result_of(twice).attempt_count, result_of(once).attempt_count);
      lks_call_free(once);
      lks_call_free(twice);
      script_free(&script);
    }
  }
}

static void test_refusal_before_any_attempt_is_the_result(void) {
  static const lks_kind kinds[] = {LKS_KIND_UNAUTHENTICATED, LKS_KIND_WOULD_WAIT, LKS_KIND_QUOTA_EXCEEDED,
                                   LKS_KIND_STORE,           LKS_KIND_PHASE,      LKS_KIND_NO_MEMORY};
  for (stage at = AT_KEY; at <= AT_PACE; at++) {
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
      call_script script = two_keys();
      lks_call *call = call_at(at, &script);
      lks_call_next(call, script.now);
      char message[] = "why not";
      lks_span retry_after = (lks_span)(k % 3) * 9 * S - 1; /* unknown, 8.999999 s and so on */
      if (k == 5) retry_after = 0;
      script.now += S;
      lks_call_refuse(call, script.now, kinds[k], retry_after, message);
      message[0] = 'X';
      lks_action action = lks_call_next(call, script.now);
      lks_result result = result_of(call);
      CHECK_INT(action.kind, LKS_ACTION_FAILED);
      CHECK_INT(action.effects, 0);
      CHECK_INT(result.kind, kinds[k]);
      CHECK_INT(result.outcome, LKS_NOT_SENT);
      CHECK_INT(result.source, LKS_LOCAL);
      CHECK_INT(result.retry_after, retry_after);
      CHECK_INT(result.elapsed, S);
      CHECK_INT(result.status, 0);
      CHECK_TEXT(result.message, "why not");
      lks_call_free(call);
      script_free(&script);
    }
  }
}

static void test_refusal_after_an_attempt_leaves_its_failure_the_result(void) {
  static const struct {
    const char *words;
    lks_kind kind;
    lks_outcome outcome;
  } rows[] = {{"503/5", LKS_KIND_SERVER_ERROR, LKS_REJECTED},
              {"refused", LKS_KIND_CONNECT, LKS_NOT_SENT},
              {"lost", LKS_KIND_NETWORK, LKS_UNKNOWN}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    for (lks_span retry_after = -1; retry_after <= 20 * S; retry_after += 20 * S + 1) {
      call_script script = script_new(LKS_LOCKER, rows[i].words);
      script.slots = 1;
      script.no_slot = LKS_KIND_WOULD_WAIT;
      script.no_slot_for = retry_after;
      lks_call *call;
      lks_result result = script_call(&script, "locker.addresses.delete", LKS_RETRY_CONVERGING, 2, &call);
      CHECK_INT(result.kind, rows[i].kind);
      CHECK_INT(result.outcome, rows[i].outcome);
      CHECK_INT(result.attempt_count, 1);
      CHECK_INT(result.retry_after, retry_after);
      lks_call_free(call);
      script_free(&script);
    }
  }
}

static void test_abort_ends_the_call_wherever_it_is(void) {
  for (stage at = AT_KEY; at < STAGES; at++) {
    call_script script = two_keys();
    lks_call *call = call_at(at, &script);
    if (at != AT_DONE && at != AT_FAILED) lks_call_next(call, script.now);
    char message[] = "closed";
    lks_call_abort(call, script.now, LKS_KIND_CLOSED, true, message);
    message[0] = 'X';
    lks_action action = lks_call_next(call, script.now);
    lks_result result = result_of(call);
    if (at >= AT_DONE) {
      CHECK_INT(action.kind, shown[at]);
      CHECK_INT(result.kind, at == AT_DONE ? LKS_KIND_NONE : LKS_KIND_NOT_FOUND);
    } else {
      CHECK_INT(action.kind, LKS_ACTION_FAILED);
      CHECK_INT(action.effects, at == AT_SLOT ? LKS_EFFECT_RELEASE : 0);
      CHECK_INT(result.kind, LKS_KIND_CLOSED);
      CHECK_INT(result.source, LKS_LOCAL);
      CHECK_TEXT(result.message, "closed");
      CHECK_INT(result.status, 0);
      CHECK_INT(result.retry_after, -1);
      CHECK_INT(result.attempt_count, at >= AT_SENT);
      CHECK_INT(result.outcome, at < AT_SENT ? LKS_NOT_SENT : at == AT_SENT ? LKS_UNKNOWN : LKS_REJECTED);
    }
    lks_call_abort(call, script.now, LKS_KIND_PHASE, true, "again");
    CHECK_INT(result_of(call).kind, result.kind);
    words[4].say(call, &script); /* the answer that was under way */
    CHECK_INT(result_of(call).kind, result.kind);
    lks_call_free(call);
    script_free(&script);
  }
}

static void test_call_may_be_freed_at_any_stage(void) {
  lks_call_free(NULL);
  long live = test_alloc_live();
  for (stage at = AT_KEY; at < STAGES; at++) {
    call_script script = two_keys();
    lks_call_free(call_at(at, &script));
    script_free(&script);
    CHECK_INT(test_alloc_live(), live);
  }
}

static void test_call_keeps_its_key_alive(void) {
  call_script script = two_keys();
  lks_call *call = call_at(AT_SENT, &script);
  script_free(&script);
  CHECK(lks_call_current_key(call) != NULL && strlen(lks_key_authorization(lks_call_current_key(call))) > 7);
  lks_call_free(call);
}

static void test_small_questions(void) {
  call_script script = two_keys();
  lks_call *call = call_at(AT_KEY, &script);
  CHECK(lks_call_current_key(call) == NULL);
  CHECK_INT(lks_call_attempt_count(call), 0);
  CHECK_INT(lks_call_deadline(call), SCRIPT_T0 + 90 * S);
  CHECK_TEXT(lks_call_operation(call)->name, "locker.addresses.get");
  CHECK_INT(lks_call_pacing(call), LKS_PACING_WAIT);
  lks_call_free(call);
  call = call_at(AT_SLOT, &script);
  lks_call_next(call, script.now);
  CHECK(!lks_call_is_retrying(call));
  CHECK_INT(lks_call_attempt_count(call), 0);
  lks_call_free(call);
  call = call_at(AT_SENT, &script);
  CHECK_INT(lks_call_attempt_count(call), 1);
  lks_call_free(call);
  call = call_at(AT_RETRY, &script);
  lks_call_next(call, script.now);
  CHECK(lks_call_is_retrying(call));
  lks_call_free(call);
  script_free(&script);
}

/* What they say is copied up to a length, which must not leave a part of a secret. */
static void test_no_text_of_the_result_shows_a_secret(void) {
  lks_secrets secrets = {NULL};
  CHECK(lks_secrets_add(&secrets, "hunter2-hunter2", 15));
  call_script script = script_new(LKS_LOCKER, "");
  const char *key = lks_key_text(script.keys[0]);
  for (size_t before = 2000; before <= 2048; before++) {
    char said[4096];
    memset(said, 'x', before);
    snprintf(said + before, sizeof said - before, "hunter2-hunter2, %s", key);
    lks_call_options options = script_options("locker.addresses.get", LKS_RETRY_SAFE, 0);
    options.secrets = &secrets;
    for (int way = 0; way < 4; way++) {
      lks_call *call = lks_call_new(&options, script.now);
      lks_call_next(call, script.now);
      lks_call_key(call, script.now, script.keys[0]);
      lks_call_next(call, script.now);
      if (way == 0) lks_call_refuse(call, script.now, LKS_KIND_STORE, -1, said);
      lks_call_grant(call, script.now, 0);
      lks_call_next(call, script.now);
      const lks_response response = {
          .status = 400, .body = LKS_BODY_JSON, .refusal = {.code = said + before - 60, .message = said}};
      const lks_failure failure = {.kind = LKS_KIND_NETWORK, .sent = true, .message = said};
      if (way == 1) lks_call_response(call, script.now, 0, &response);
      if (way == 2) lks_call_failure(call, script.now, 0, &failure);
      if (way == 3) lks_call_abort(call, script.now, LKS_KIND_CONFIG, true, said);
      const lks_result result = result_of(call);
      CHECK(result.kind != LKS_KIND_NONE);
      CHECK(strstr(result.message, "xh") == NULL && strstr(result.message, "hunt") == NULL);
      CHECK(strstr(result.message, key) == NULL && strlen(result.message) <= LKS_MESSAGE_MAX);
      if (before < 2030) CHECK(strstr(result.message, "x[redacted], [") != NULL);
      if (way == 1) CHECK_INT(strlen(result.code), 64);
      if (way == 1) CHECK(strstr(result.code, "x[red") != NULL);
      lks_call_free(call);
    }
  }
  lks_secrets_free(&secrets);
  script_free(&script);
}

int main(void) {
  RUN(test_asking_again_gives_the_same_answer);
  RUN(test_what_was_not_asked_for_is_ignored);
  RUN(test_answer_given_twice_counts_once);
  RUN(test_refusal_before_any_attempt_is_the_result);
  RUN(test_refusal_after_an_attempt_leaves_its_failure_the_result);
  RUN(test_abort_ends_the_call_wherever_it_is);
  RUN(test_call_may_be_freed_at_any_stage);
  RUN(test_call_keeps_its_key_alive);
  RUN(test_small_questions);
  RUN(test_no_text_of_the_result_shows_a_secret);
  return TEST_END();
}
