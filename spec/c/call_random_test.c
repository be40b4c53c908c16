/* Random runs of the machine against what must hold in all of them. */
#include "call_script.h"
#include "test.h"

#define RUNS 40000
#define ACTIONS_MAX 4000
#define COUNT(array) (sizeof(array) / sizeof *(array))
#define S LKS_SECOND

static const char *const words[] = {"refused", "stuck",  "tls",      "lost",       "late", "502",    "429",
                                    "503/1",   "429/20", "503/0.25", "429/100000", "500",  "cut429", "429/junk",
                                    "badcert", "404",    "409",      "garbage",    "401",  "200"};

typedef struct random_run {
  lks_call *call;
  lks_call_options options;
  call_script script;
  uint64_t seed;
  bool jumps;        /* of the clock */
  lks_time seen;     /* last instant the machine was told */
  lks_span progress; /* the sum of all steps forward: what time is to the machine */
  unsigned grants, sent;
} random_run;

static void observe(random_run *run) {
  if (run->script.now > run->seen) run->progress += run->script.now - run->seen;
  run->seen = run->script.now;
}

static lks_span some_span(random_run *run, lks_span most) {
  return most <= 0 ? 0 : (lks_span)(script_random(&run->seed, 1000001) * (uint64_t)most / 1000000);
}

static void jump(random_run *run) {
  if (!run->jumps || script_random(&run->seed, 6) != 0) return;
  static const lks_span steps[] = {1, S / 100, S, 30 * S, 86400 * S};
  lks_span step = steps[script_random(&run->seed, COUNT(steps))];
  run->script.now += script_random(&run->seed, 3) == 0 ? step : -step;
}

/* A word that answers nothing. Time is observed all the same. */
static void disturb(random_run *run, lks_action_kind asked) {
  if (script_random(&run->seed, 4) != 0) return;
  lks_response response = {.status = 200, .body = LKS_BODY_JSON, .quota_reset = -1};
  if (asked != LKS_ACTION_KEY) lks_call_key(run->call, run->script.now, run->script.keys[0]);
  if (asked != LKS_ACTION_PACE) lks_call_grant(run->call, run->script.now, S);
  if (asked == LKS_ACTION_WAIT) lks_call_refuse(run->call, run->script.now, LKS_KIND_STORE, S, NULL);
  if (asked == LKS_ACTION_KEY) lks_call_response(run->call, run->script.now, 0, &response);
  observe(run);
}

static void check_span(const random_run *run, const lks_action *action) {
  lks_span left = run->options.limits.timeout - run->progress;
  CHECK(action->span >= 0);
  if (action->kind < LKS_ACTION_DONE) CHECK(action->span <= (left > 0 ? left : 0));
  if (action->kind == LKS_ACTION_SEND) {
    CHECK(left > 0);
    CHECK(action->span > 0 && action->span <= run->options.limits.attempt_timeout);
  }
}

static void attempt(random_run *run, const lks_action *action) {
  lks_span took = some_span(run, action->span);
  while (took > 0 && script_random(&run->seed, 3) == 0) { /* a driver that looks again in between */
    lks_span part = some_span(run, took);
    run->script.now += part;
    jump(run);
    observe(run);
    lks_action again = lks_call_next(run->call, run->script.now);
    CHECK_INT(again.kind, LKS_ACTION_WAIT);
    check_span(run, &again);
    took = took - part;
    if (took > again.span) took = again.span;
  }
  run->script.now += took;
  jump(run);
  observe(run);
  run->script.words = words[script_random(&run->seed, COUNT(words))];
  CHECK(script_answer(&run->script, run->call));
}

static void answer_pace(random_run *run, const lks_action *action) {
  unsigned die = script_random(&run->seed, 20);
  if (die == 0) {
    lks_call_refuse(run->call, run->script.now, LKS_KIND_WOULD_WAIT, 99 * S, NULL);
    return;
  }
  if (die == 9) {
    lks_call_later(run->call, run->script.now, some_span(run, action->span));
    return;
  }
  /* A store far away may grant what has become too late. */
  lks_span wait = die == 1 ? action->span + S : die < 8 ? some_span(run, action->span) : 0;
  if (!lks_call_holds_slot(run->call)) run->grants++;
  lks_call_grant(run->call, run->script.now, wait);
}

/* Returns false at the end. */
static bool step(random_run *run) {
  jump(run);
  observe(run);
  lks_action action = lks_call_next(run->call, run->script.now);
  script_effects(&run->script, run->call, action.effects);
  check_span(run, &action);
  disturb(run, action.kind);
  switch (action.kind) {
  case LKS_ACTION_KEY: lks_call_key(run->call, run->script.now, run->script.keys[script_random(&run->seed, 2)]); break;
  case LKS_ACTION_PACE: answer_pace(run, &action); break;
  case LKS_ACTION_WAIT:
    run->script.now += script_random(&run->seed, 3) == 0 ? some_span(run, action.span) : action.span;
    /* Timers are late. */
    if (run->jumps && script_random(&run->seed, 3) == 0) run->script.now += some_span(run, S);
    break;
  case LKS_ACTION_SEND:
    run->script.sends++;
    attempt(run, &action);
    break;
  default: return false;
  }
  if (script_random(&run->seed, 200) == 0) {
    lks_call_abort(run->call, run->script.now, LKS_KIND_CLOSED, true, NULL);
    observe(run);
  }
  return true;
}

static void check_end(random_run *run) {
  lks_result result;
  lks_call_result(run->call, &result);
  CHECK_INT(result.attempt_count, run->script.sends);
  CHECK(result.attempt_count <= run->options.limits.max_retries + 2);
  CHECK(result.elapsed <= run->progress); /* the clock may jump once more before the end is seen */
  if (!run->jumps) CHECK_INT(result.elapsed, run->progress);
  if (!run->jumps) CHECK(result.elapsed <= run->options.limits.timeout);
  lks_span sum = 0;
  for (size_t i = 0; i < result.attempt_count; i++) {
    CHECK(result.attempts[i].elapsed >= 0 && result.attempts[i].wait >= 0);
    sum += result.attempts[i].elapsed + result.attempts[i].wait;
    run->sent += result.attempts[i].sent;
  }
  CHECK(sum <= result.elapsed);
  CHECK_INT(run->script.released + run->sent, run->grants);
  CHECK((result.kind == LKS_KIND_NONE) == (lks_call_next(run->call, run->script.now).kind == LKS_ACTION_DONE));
  CHECK((result.outcome == LKS_NOT_SENT) == (result.kind != LKS_KIND_NONE && run->sent == 0));
}

static void run_once(uint64_t seed, bool jumps) {
  static const char *const operations[] = {"locker.addresses.get", "locker.addresses.delete", "locker.addresses.create",
                                           "locker.addresses.toggle_enabled", "locker.request"};
  static const lks_span timeouts[] = {1, 2, S / 10, S, 10 * S, 90 * S, 86400 * S};
  random_run run = {.seed = seed * UINT64_C(0x9e3779b97f4a7c15) | 1, .jumps = jumps, .seen = SCRIPT_T0};
  const lks_operation *operation = script_operation(operations[script_random(&run.seed, COUNT(operations))]);
  run.script = script_new(LKS_LOCKER, "");
  run.script.keys[1] = script_key(LKS_LOCKER, "b");
  run.script.chance = (double)script_random(&run.seed, 1001) / 1000;
  run.options = script_options(operation->name, operation->retry, script_random(&run.seed, 9));
  run.options.limits.timeout = timeouts[script_random(&run.seed, COUNT(timeouts))];
  run.options.limits.pacing = (lks_pacing)script_random(&run.seed, 3);
  run.options.key_renewable = script_random(&run.seed, 2);
  run.call = lks_call_new(&run.options, run.script.now);
  int actions = 0, failed_before = test_case_failed;
  test_case_failed = 0;
  while (actions++ < ACTIONS_MAX && step(&run)) continue;
  CHECK(actions < ACTIONS_MAX);
  check_end(&run);
  if (test_case_failed) fprintf(stderr, "... in run %llu\n", (unsigned long long)seed);
  test_case_failed |= failed_before;
  lks_call_free(run.call);
  script_free(&run.script);
}

static void test_no_run_passes_its_deadline(void) {
  for (uint64_t seed = 1; seed <= RUNS && !test_case_failed; seed++) run_once(seed, false);
}

static void test_no_clock_makes_a_run_last_longer(void) {
  for (uint64_t seed = 1; seed <= RUNS && !test_case_failed; seed++) run_once(seed, true);
}

int main(void) {
  RUN(test_no_run_passes_its_deadline);
  RUN(test_no_clock_makes_a_run_last_longer);
  return TEST_END();
}
