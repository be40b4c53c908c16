/* Many calls at once through one client and one store: every slot is accounted for, and no window is overrun. */
#include <stdlib.h>

#include "call_script.h"
#include "core/client.h"
#include "pace_peek.h"
#include "test.h"

#define S LKS_SECOND
#define T0 SCRIPT_T0
#define ROUNDS 300
#define CALLS 8
#define SENDS_MAX 400
#define LATE (S / 20)
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* The last window holds everything, so that the whole history can be looked at. */
static const lks_windows windows = {.count = 3,
                                    .window = {{5, 2 * S}, {12, 10 * S}, {LKS_WINDOW_REQUESTS_MAX, 86400 * S}}};

typedef struct call_in_flight {
  lks_call *call;
  lks_ticket ticket;
  lks_time wakes; /* when its driver looks at it again */
  bool sent;      /* a request is out */
  lks_time began;
  lks_span took;
} call_in_flight;

typedef struct round_state {
  lks_client *client;
  lks_memory_store *store;
  call_script script;
  uint64_t seed;
  bool punctual; /* drivers are never late, connections are there, and every call is paced */
  call_in_flight flights[CALLS];
  unsigned calls_left;
  lks_time now;
  lks_time left[SENDS_MAX]; /* when each request began to leave */
  size_t sends;
} round_state;

static lks_span some_span(round_state *round, lks_span most) {
  return (lks_span)(script_random(&round->seed, 1000001) * (uint64_t)most / 1000000);
}

static void start_call(round_state *round, call_in_flight *flight) {
  static const char *const operations[] = {"lockpub.links.create", "lockpub.request"};
  const lks_operation *operation = script_operation(operations[script_random(&round->seed, 2)]);
  lks_call_options options = script_options(operation->name, operation->retry, script_random(&round->seed, 4));
  options.limits.timeout = some_span(round, 60 * S);
  options.limits.pacing = (lks_pacing)script_random(&round->seed, round->punctual ? 2 : 3);
  *flight = (call_in_flight){.call = lks_client_call(round->client, &options, round->now), .wakes = round->now};
  round->calls_left--;
}

/* What comes of a request that is out; when it left is noted unless it never did. */
static void end_attempt(round_state *round, call_in_flight *flight) {
  static const char *const unsent[] = {"refused", "stuck", "tls", "badcert"};
  static const char *const failed[] = {"lost", "429", "429/3", "503/1", "502", "404", "400", "409", "cut429"};
  unsigned die = script_random(&round->seed, 10);
  lks_span connected = 0;
  flight->sent = false;
  if (die < 3) {
    round->script.words = unsent[script_random(&round->seed, COUNT(unsent))];
    script_answer(&round->script, flight->call);
    return;
  }
  if (die < 6) {
    round->script.words = failed[script_random(&round->seed, COUNT(failed))];
    script_answer(&round->script, flight->call);
  } else {
    if (!round->punctual) connected = some_span(round, flight->took);
    lks_response response = {.status = 201, .body = LKS_BODY_JSON, .connected = connected, .quota_reset = -1};
    lks_call_response(flight->call, round->now, 0, &response);
  }
  CHECK(round->sends < SENDS_MAX);
  if (round->sends < SENDS_MAX) round->left[round->sends++] = flight->began + connected;
}

static void end_call(call_in_flight *flight) {
  lks_call_free(flight->call);
  flight->call = NULL;
}

/* The driver of one call looks at it. */
static void look(round_state *round, call_in_flight *flight) {
  round->script.now = round->now;
  if (flight->sent) end_attempt(round, flight);
  if (script_random(&round->seed, 60) == 0) lks_call_abort(flight->call, round->now, LKS_KIND_CLOSED, true, NULL);
  lks_action action = lks_client_next(round->client, round->store, flight->call, &flight->ticket, round->now);
  CHECK_INT(action.effects, 0);
  switch (action.kind) {
  case LKS_ACTION_WAIT:
    flight->wakes = round->now + action.span;
    if (!round->punctual && script_random(&round->seed, 4) == 0) flight->wakes += some_span(round, S);
    break;
  case LKS_ACTION_SEND:
    flight->sent = true;
    flight->began = round->now;
    flight->took = some_span(round, action.span < S ? action.span : S);
    flight->wakes = round->now + flight->took;
    break;
  case LKS_ACTION_DONE:
  case LKS_ACTION_FAILED: end_call(flight); break;
  default: /* the client answers KEY and PACE itself */ CHECK_INT(action.kind, LKS_ACTION_WAIT); end_call(flight);
  }
}

static call_in_flight *next_flight(round_state *round) {
  call_in_flight *next = NULL;
  for (size_t i = 0; i < CALLS; i++) {
    call_in_flight *flight = &round->flights[i];
    if (flight->call == NULL && round->calls_left > 0 && script_random(&round->seed, 3) == 0) start_call(round, flight);
    if (flight->call != NULL && (next == NULL || flight->wakes < next->wakes)) next = flight;
  }
  return next;
}

static int ascending(const void *a, const void *b) {
  lks_time left = *(const lks_time *)a, right = *(const lks_time *)b;
  return (left > right) - (left < right);
}

/* The k-th newest slot of the history, read off where it would put the next send in a window of k requests. */
static lks_time kth_newest(lks_state *state, size_t k, lks_time now) {
  const lks_windows probe = {.count = 1, .window = {{(unsigned)k, 86400 * S}}};
  return pace_peek(state->pace, &probe, now) - 86400 * S;
}

static void check_history(round_state *round) {
  lks_state *state = lks_memory_store_get(round->store, lks_client_state_name(round->client));
  qsort(round->left, round->sends, sizeof *round->left, ascending);
  for (size_t k = 1; k <= round->sends; k++) {
    lks_span early = round->left[round->sends - k] - kth_newest(state, k, round->now);
    CHECK(early >= 0 && early <= LATE);
  }
  /* One more would have to lie before everything. */
  CHECK(kth_newest(state, round->sends + 1, round->now) < T0);
  CHECK_INT(state->quota.probe, 0);
}

static void check_windows(const round_state *round) {
  for (unsigned w = 0; w < 2; w++) {
    size_t requests = windows.window[w].requests;
    for (size_t i = requests; i < round->sends; i++)
      CHECK(round->left[i] - round->left[i - requests] >= windows.window[w].per);
  }
}

static void run_round(uint64_t seed, bool punctual) {
  lks_windows narrow = windows;
  lks_client_options options = {.service = LKS_LOCKPUB, .user_agent = "x", .windows = &narrow};
  round_state round = {.seed = seed * UINT64_C(0x9e3779b97f4a7c15) | 1,
                       .punctual = punctual,
                       .calls_left = 60,
                       .now = T0,
                       .store = lks_memory_store_new(),
                       .script = script_new(LKS_LOCKPUB, "")};
  options.margin = LATE;
  for (unsigned w = 0; w < windows.count; w++) narrow.window[w].per -= LATE;
  CHECK_INT(lks_client_new(&options, &round.client), LKS_URL_OK);
  lks_client_set_key(round.client, round.script.keys[0]);
  round.script.chance = (double)script_random(&round.seed, 1000) / 1000;
  int failed_before = test_case_failed;
  test_case_failed = 0;
  for (call_in_flight *flight; (flight = next_flight(&round)) != NULL || round.calls_left > 0;) {
    if (flight == NULL) continue;
    if (flight->wakes > round.now) round.now = flight->wakes;
    look(&round, flight);
  }
  check_history(&round);
  if (punctual) check_windows(&round);
  if (test_case_failed) fprintf(stderr, "... in round %llu, %zu sends\n", (unsigned long long)seed, round.sends);
  test_case_failed |= failed_before;
  script_free(&round.script);
  lks_client_release(round.client);
  lks_memory_store_free(round.store);
}

static void test_every_send_has_its_slot_and_no_slot_is_left_over(void) {
  for (uint64_t seed = 1; seed <= ROUNDS && !test_case_failed; seed++) run_round(seed, false);
}

static void test_punctual_calls_overrun_no_window(void) {
  for (uint64_t seed = 1; seed <= ROUNDS && !test_case_failed; seed++) run_round(seed, true);
}

int main(void) {
  RUN(test_every_send_has_its_slot_and_no_slot_is_left_over);
  RUN(test_punctual_calls_overrun_no_window);
  return TEST_END();
}
