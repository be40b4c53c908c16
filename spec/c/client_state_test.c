/* Calls joined to the state of their key: no slot lost, none kept, the quota probe handed back. */
#include "core/client.h"

#include "call_script.h"
#include "pace_peek.h"
#include "test.h"

#define S LKS_SECOND
#define T0 SCRIPT_T0
#define CREATE "lockpub.links.create"

static const lks_windows two_in_ten = {.count = 1, .window = {{2, 10 * S}}};

typedef struct pacing_bench {
  lks_memory_store *store;
  lks_state *state;
  lks_client *client;
  call_script script;
} pacing_bench;

static pacing_bench bench_new(const char *words) {
  pacing_bench bench = {.store = lks_memory_store_new(), .script = script_new(LKS_LOCKPUB, words)};
  bench.state = lks_memory_store_get(bench.store, "lockpub:x");
  const lks_client_options options = {.service = LKS_LOCKPUB, .user_agent = "test"};
  CHECK_INT(lks_client_new(&options, &bench.client), LKS_URL_OK);
  return bench;
}

static void bench_free(pacing_bench *bench) {
  lks_memory_store_free(bench->store);
  lks_client_release(bench->client);
  script_free(&bench->script);
}

/* A call that asks for its slot. */
static lks_call *asking_call(pacing_bench *bench, lks_pacing pacing, lks_time now) {
  lks_call_options options = script_options(CREATE, LKS_RETRY_CREATE, 2);
  options.limits.pacing = pacing;
  lks_call *call = lks_call_new(&options, now);
  lks_call_next(call, now);
  lks_call_key(call, now, bench->script.keys[0]);
  return call;
}

/* Asks for the slot and returns what comes of it. */
static lks_action reserve(pacing_bench *bench, lks_call *call, lks_time now, lks_ticket *ticket) {
  lks_action action = lks_call_next(call, now);
  CHECK_INT(action.kind, LKS_ACTION_PACE);
  const lks_wish wish = lks_client_wish(bench->client, call, action.span, now);
  lks_span span;
  lks_kind kind = lks_state_take(bench->state, &two_in_ten, &wish, now, ticket, &span);
  lks_client_paced(bench->client, call, now, ticket, kind, span);
  return lks_call_next(call, now);
}

static void settle_effects(pacing_bench *bench, lks_call *call, lks_time now, unsigned effects, lks_ticket *ticket) {
  const lks_settlement settlement = lks_client_settlement(bench->client, call, effects, now);
  lks_state_settle(bench->state, ticket, now, &settlement);
}

static void settle(pacing_bench *bench, lks_call *call, lks_time now, lks_ticket *ticket) {
  settle_effects(bench, call, now, lks_call_next(call, now).effects, ticket);
}

static lks_result result_of(const lks_call *call) {
  lks_result result;
  lks_call_result(call, &result);
  return result;
}

static void fill_windows(pacing_bench *bench, lks_time now) {
  lks_time slot;
  for (int i = 0; i < 2; i++) CHECK(lks_pace_reserve(bench->state->pace, &two_in_ten, now, now, &slot));
}

static lks_span next_free(pacing_bench *bench, lks_time now) {
  return pace_peek(bench->state->pace, &two_in_ten, now) - now;
}

static void test_free_slot_is_granted_in_every_mode(void) {
  for (int pacing = LKS_PACING_WAIT; pacing <= LKS_PACING_OFF; pacing++) {
    pacing_bench bench = bench_new("201");
    lks_ticket ticket;
    for (int i = 0; i < 2; i++) {
      lks_call *call = asking_call(&bench, (lks_pacing)pacing, T0);
      CHECK_INT(reserve(&bench, call, T0, &ticket).kind, LKS_ACTION_SEND);
      CHECK(ticket.held && ticket.slot == T0 && !ticket.probing);
      lks_call_free(call);
    }
    CHECK_INT(next_free(&bench, T0), 10 * S); /* both were counted */
    bench_free(&bench);
  }
}

static void test_taken_slots_are_waited_for_refused_or_passed_over(void) {
  pacing_bench bench = bench_new("201");
  lks_ticket ticket;
  fill_windows(&bench, T0);

  lks_call *call = asking_call(&bench, LKS_PACING_WAIT, T0 + S);
  lks_action action = reserve(&bench, call, T0 + S, &ticket);
  CHECK_INT(action.kind, LKS_ACTION_WAIT);
  CHECK_INT(action.span, 9 * S);
  CHECK_INT(ticket.slot, T0 + 10 * S);
  lks_call_free(call);

  call = asking_call(&bench, LKS_PACING_FAIL, T0 + S);
  CHECK_INT(reserve(&bench, call, T0 + S, &ticket).kind, LKS_ACTION_FAILED);
  CHECK(!ticket.held);
  CHECK_INT(result_of(call).kind, LKS_KIND_WOULD_WAIT);
  CHECK_INT(result_of(call).retry_after, 9 * S);
  CHECK(strstr(result_of(call).message, "\"fail\"") != NULL);
  lks_call_free(call);

  call = asking_call(&bench, LKS_PACING_OFF, T0 + S);
  CHECK_INT(reserve(&bench, call, T0 + S, &ticket).kind, LKS_ACTION_SEND);
  CHECK(ticket.held);
  lks_call_free(call);
  bench_free(&bench);
}

static void test_wait_beyond_the_deadline_is_refused_at_once_and_takes_nothing(void) {
  pacing_bench bench = bench_new("201");
  lks_ticket ticket;
  fill_windows(&bench, T0);
  for (lks_span timeout = 10 * S; timeout >= 5 * S; timeout -= 5 * S) {
    lks_call_options options = script_options(CREATE, LKS_RETRY_CREATE, 2);
    options.limits.timeout = timeout; /* with 10 s the slot would come at the deadline itself */
    lks_call *call = lks_call_new(&options, T0);
    lks_call_next(call, T0);
    lks_call_key(call, T0, bench.script.keys[0]);
    lks_action action = reserve(&bench, call, T0, &ticket);
    CHECK_INT(action.kind, LKS_ACTION_FAILED);
    CHECK_INT(action.effects, 0);
    CHECK_INT(result_of(call).kind, LKS_KIND_WOULD_WAIT);
    CHECK_INT(result_of(call).outcome, LKS_NOT_SENT);
    CHECK_INT(result_of(call).source, LKS_LOCAL);
    CHECK_INT(result_of(call).retry_after, 10 * S);
    CHECK(strstr(result_of(call).message, "deadline") != NULL);
    CHECK_INT(next_free(&bench, T0), 10 * S);
    lks_call_free(call);
  }
  bench_free(&bench);
}

static void test_unused_slot_is_given_back(void) {
  pacing_bench bench = bench_new("refused");
  lks_ticket ticket;
  fill_windows(&bench, T0);
  lks_call *call = asking_call(&bench, LKS_PACING_WAIT, T0);
  reserve(&bench, call, T0, &ticket);
  CHECK_INT(next_free(&bench, T0), 10 * S);
  lks_call_abort(call, T0 + S, LKS_KIND_CLOSED, true, NULL);
  settle(&bench, call, T0 + S, &ticket);
  CHECK(!ticket.held);
  for (int i = 0; i < 2; i++) { /* both slots of the next window are free */
    lks_time slot;
    CHECK(lks_pace_reserve(bench.state->pace, &two_in_ten, T0 + S, T0 + 20 * S, &slot));
    CHECK_INT(slot, T0 + 10 * S);
  }
  lks_call_free(call);
  bench_free(&bench);
}

static void test_late_send_moves_the_slot(void) {
  pacing_bench bench = bench_new("201");
  lks_ticket ticket;
  lks_call *call = asking_call(&bench, LKS_PACING_WAIT, T0);
  CHECK_INT(reserve(&bench, call, T0, &ticket).kind, LKS_ACTION_SEND);
  lks_response response = {.status = 201, .body = LKS_BODY_JSON, .connected = 3 * S, .quota_reset = -1};
  lks_call_response(call, T0 + 4 * S, 0, &response);
  settle(&bench, call, T0 + 4 * S, &ticket);
  CHECK(!ticket.held);
  lks_time slot;
  CHECK(lks_pace_reserve(bench.state->pace, &two_in_ten, T0 + 10 * S, T0 + 10 * S, &slot));
  CHECK_INT(next_free(&bench, T0 + 10 * S), 3 * S); /* counted from T0 + 3 s, not from T0 */
  lks_call_free(call);
  bench_free(&bench);
}

static void test_pause_holds_for_every_call_of_the_key(void) {
  pacing_bench bench = bench_new("429/7");
  lks_ticket ticket;
  lks_call *call = asking_call(&bench, LKS_PACING_WAIT, T0);
  CHECK_INT(reserve(&bench, call, T0, &ticket).kind, LKS_ACTION_SEND);
  script_answer(&bench.script, call);
  settle(&bench, call, T0, &ticket);
  CHECK_INT(next_free(&bench, T0 + S), 6 * S);
  lks_call *other = asking_call(&bench, LKS_PACING_FAIL, T0 + S);
  CHECK_INT(reserve(&bench, other, T0 + S, &ticket).kind, LKS_ACTION_FAILED);
  CHECK_INT(result_of(other).retry_after, 6 * S);
  lks_call_free(other);
  lks_call_free(call);
  bench_free(&bench);
}

/* A state whose quota was used up and whose reset has passed at T0: the next caller is the probe. */
static pacing_bench bench_with_quota(void) {
  pacing_bench bench = bench_new("201");
  CHECK(lks_quota_observe(&bench.state->quota, T0 - 3600 * S, T0 - 3600 * S, 0, "1000", "0", "1699999000"));
  CHECK_INT(bench.state->quota.reset, INT64_C(1699999000) * S);
  return bench;
}

static void test_used_up_quota_sends_nothing(void) {
  pacing_bench bench = bench_new("201");
  lks_ticket ticket;
  CHECK(lks_quota_observe(&bench.state->quota, T0, T0, 0, "1000", "0", "1700003600"));
  for (int pacing = LKS_PACING_WAIT; pacing <= LKS_PACING_FAIL; pacing++) {
    lks_call *call = asking_call(&bench, (lks_pacing)pacing, T0);
    CHECK_INT(reserve(&bench, call, T0, &ticket).kind, LKS_ACTION_FAILED);
    CHECK(!ticket.held && !ticket.probing);
    CHECK_INT(result_of(call).kind, LKS_KIND_QUOTA_EXCEEDED);
    CHECK_INT(result_of(call).retry_after, 3600 * S);
    CHECK_INT(next_free(&bench, T0), 0);
    lks_call_free(call);
  }
  lks_call *call = asking_call(&bench, LKS_PACING_OFF, T0);
  CHECK_INT(reserve(&bench, call, T0, &ticket).kind, LKS_ACTION_SEND);
  lks_call_free(call);
  bench_free(&bench);
}

static void test_quota_stops_only_what_uses_it(void) {
  pacing_bench bench = bench_new("200");
  lks_ticket ticket;
  CHECK(lks_quota_observe(&bench.state->quota, T0, T0, 0, "1000", "0", "1700003600"));
  lks_call_options options = script_options("lockpub.request", LKS_RETRY_SAFE, 2);
  lks_call *call = lks_call_new(&options, T0);
  lks_call_next(call, T0);
  lks_call_key(call, T0, bench.script.keys[0]);
  CHECK_INT(reserve(&bench, call, T0, &ticket).kind, LKS_ACTION_SEND);
  lks_call_free(call);
  bench_free(&bench);
}

static void test_one_probe_after_the_reset(void) {
  pacing_bench bench = bench_with_quota();
  lks_ticket probe, other;
  lks_call *first = asking_call(&bench, LKS_PACING_WAIT, T0), *second = asking_call(&bench, LKS_PACING_WAIT, T0);
  CHECK_INT(reserve(&bench, first, T0, &probe).kind, LKS_ACTION_SEND);
  CHECK(probe.probing);
  CHECK_INT(reserve(&bench, second, T0, &other).kind, LKS_ACTION_FAILED);
  CHECK_INT(result_of(second).kind, LKS_KIND_QUOTA_EXCEEDED);
  CHECK(!other.probing);
  CHECK_INT(next_free(&bench, T0), 0); /* the refused call took no slot */
  lks_call_free(first);
  lks_call_free(second);
  bench_free(&bench);
}

static bool may_probe(pacing_bench *bench) {
  lks_quota copy = bench->state->quota;
  lks_span ignored;
  return lks_quota_admit(&copy, T0, &ignored);
}

static void test_probe_that_was_not_sent_is_handed_back(void) {
  lks_ticket ticket;

  pacing_bench bench = bench_with_quota(); /* refused for want of a slot */
  fill_windows(&bench, T0);
  lks_call *call = asking_call(&bench, LKS_PACING_FAIL, T0);
  CHECK_INT(reserve(&bench, call, T0, &ticket).kind, LKS_ACTION_FAILED);
  CHECK_INT(result_of(call).kind, LKS_KIND_WOULD_WAIT);
  CHECK(may_probe(&bench));
  lks_call_free(call);

  call = asking_call(&bench, LKS_PACING_WAIT, T0); /* aborted while waiting */
  CHECK_INT(reserve(&bench, call, T0, &ticket).kind, LKS_ACTION_WAIT);
  CHECK(!may_probe(&bench));
  lks_call_abort(call, T0, LKS_KIND_CLOSED, true, NULL);
  settle(&bench, call, T0, &ticket);
  CHECK(may_probe(&bench));
  lks_call_free(call);
  bench_free(&bench);

  bench = bench_with_quota(); /* no connection */
  bench.script.words = "refused";
  call = asking_call(&bench, LKS_PACING_WAIT, T0);
  CHECK_INT(reserve(&bench, call, T0, &ticket).kind, LKS_ACTION_SEND);
  CHECK(!may_probe(&bench));
  script_answer(&bench.script, call);
  settle(&bench, call, T0, &ticket);
  CHECK(may_probe(&bench));
  lks_call_free(call);
  bench_free(&bench);
}

static void test_no_memory_for_a_slot_ends_the_call_and_keeps_nothing(void) {
  pacing_bench bench = bench_with_quota();
  lks_ticket ticket;
  lks_call *call;
  for (int pacing = LKS_PACING_WAIT; pacing <= LKS_PACING_FAIL; pacing++) {
    call = asking_call(&bench, (lks_pacing)pacing, T0);
    test_fail_alloc(1);
    CHECK_INT(reserve(&bench, call, T0, &ticket).kind, LKS_ACTION_FAILED);
    CHECK(test_alloc_failed());
    test_fail_alloc(0);
    CHECK_INT(result_of(call).kind, LKS_KIND_NO_MEMORY);
    CHECK_INT(result_of(call).retry_after, -1);
    CHECK(!ticket.held && !ticket.probing);
    CHECK(may_probe(&bench));
    lks_call_free(call);
  }
  call = asking_call(&bench, LKS_PACING_OFF, T0); /* never refused, and not counted without memory */
  test_fail_alloc(1);
  CHECK_INT(reserve(&bench, call, T0, &ticket).kind, LKS_ACTION_SEND);
  test_fail_alloc(0);
  CHECK(!ticket.held);
  lks_call_free(call);
  bench_free(&bench);
}

/* A call that has waited for the slot at T0 + 10 s, which has now come. */
static lks_call *waited_call(pacing_bench *bench, lks_ticket *ticket) {
  fill_windows(bench, T0);
  lks_call *call = asking_call(bench, LKS_PACING_WAIT, T0);
  CHECK_INT(reserve(bench, call, T0, ticket).kind, LKS_ACTION_WAIT);
  CHECK_INT(lks_call_next(call, T0 + 10 * S - 1).kind, LKS_ACTION_WAIT);
  CHECK(lks_call_holds_slot(call));
  return call;
}

static void test_slot_that_came_is_used(void) {
  pacing_bench bench = bench_new("201");
  lks_ticket ticket;
  lks_call *call = waited_call(&bench, &ticket);
  CHECK_INT(reserve(&bench, call, T0 + 10 * S, &ticket).kind, LKS_ACTION_SEND);
  CHECK(ticket.held && ticket.slot == T0 + 10 * S);
  lks_call_free(call);
  bench_free(&bench);
}

static void test_pause_asked_for_meanwhile_holds_for_who_waits(void) {
  pacing_bench bench = bench_new("201");
  lks_ticket ticket;
  lks_call *call = waited_call(&bench, &ticket);
  lks_pace_pause(bench.state->pace, T0 + 5 * S, T0 + 25 * S);
  lks_action action = reserve(&bench, call, T0 + 10 * S, &ticket);
  CHECK_INT(action.kind, LKS_ACTION_WAIT);
  CHECK_INT(action.span, 15 * S);
  CHECK_INT(reserve(&bench, call, T0 + 25 * S, &ticket).kind, LKS_ACTION_SEND);
  lks_call_free(call);
  bench_free(&bench);
}

static void test_predecessor_that_left_late_is_waited_for(void) {
  pacing_bench bench = bench_new("201");
  lks_ticket ticket;
  lks_call *call = waited_call(&bench, &ticket);
  lks_pace_move(bench.state->pace, T0, T0 + S);
  lks_pace_move(bench.state->pace, T0, T0 + S);
  CHECK_INT(reserve(&bench, call, T0 + 10 * S, &ticket).span, S);
  lks_call_free(call);
  bench_free(&bench);
}

static void test_renewal_beyond_the_deadline_ends_the_call_unsent(void) {
  pacing_bench bench = bench_new("201");
  lks_ticket ticket;
  lks_call *call = waited_call(&bench, &ticket);
  lks_pace_pause(bench.state->pace, T0 + 5 * S, T0 + 1000 * S);
  lks_action action = reserve(&bench, call, T0 + 10 * S, &ticket);
  CHECK(!ticket.held);
  CHECK_INT(action.kind, LKS_ACTION_FAILED);
  settle_effects(&bench, call, T0 + 10 * S, action.effects, &ticket);
  CHECK_INT(result_of(call).kind, LKS_KIND_WOULD_WAIT);
  CHECK_INT(result_of(call).outcome, LKS_NOT_SENT);
  CHECK_INT(result_of(call).retry_after, 990 * S);
  lks_call_free(call);
  bench_free(&bench);
}

int main(void) {
  RUN(test_slot_that_came_is_used);
  RUN(test_pause_asked_for_meanwhile_holds_for_who_waits);
  RUN(test_predecessor_that_left_late_is_waited_for);
  RUN(test_renewal_beyond_the_deadline_ends_the_call_unsent);
  RUN(test_free_slot_is_granted_in_every_mode);
  RUN(test_taken_slots_are_waited_for_refused_or_passed_over);
  RUN(test_wait_beyond_the_deadline_is_refused_at_once_and_takes_nothing);
  RUN(test_unused_slot_is_given_back);
  RUN(test_late_send_moves_the_slot);
  RUN(test_pause_holds_for_every_call_of_the_key);
  RUN(test_used_up_quota_sends_nothing);
  RUN(test_quota_stops_only_what_uses_it);
  RUN(test_one_probe_after_the_reset);
  RUN(test_probe_that_was_not_sent_is_handed_back);
  RUN(test_no_memory_for_a_slot_ends_the_call_and_keeps_nothing);
  return TEST_END();
}
