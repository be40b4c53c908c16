/* What a waiter finds when its slot has come: the history as it became meanwhile. */
#include "core/pace.h"

#include <stdlib.h>

#include "core/state.h"
#include "pace_peek.h"
#include "random.h"
#include "test.h"

#define S LKS_SECOND
#define MS (S / 1000)
#define T0 (INT64_C(1700000000) * S)

static const lks_windows lockpub = {2, {{20, 10 * S}, {60, 60 * S}}};
static const lks_windows one_a_second = {1, {{1, S}}};

static void a_slot_that_came_is_renewed_at_once(void) {
  lks_pace *pace = lks_pace_new();
  lks_time slot, renewed;
  lks_promise none_yet = 0;
  CHECK(lks_pace_reserve(pace, &one_a_second, T0, T0, &slot));
  CHECK(lks_pace_reserve(pace, &one_a_second, T0, T0 + 9 * S, &slot));
  CHECK_INT(slot, T0 + S);
  CHECK(lks_pace_renew(pace, &one_a_second, T0 + S, slot, T0 + 9 * S, &renewed, &none_yet));
  CHECK_INT(renewed, T0 + S);
  CHECK_INT(pace_peek(pace, &one_a_second, T0 + S), T0 + 2 * S);
  lks_pace_free(pace);
}

static void a_late_waiter_counts_from_when_it_really_goes(void) {
  lks_pace *pace = lks_pace_new();
  lks_time slot, renewed;
  lks_promise none_yet = 0;
  CHECK(lks_pace_reserve(pace, &one_a_second, T0, T0, &slot));
  CHECK(lks_pace_reserve(pace, &one_a_second, T0, T0 + 9 * S, &slot));
  CHECK(lks_pace_renew(pace, &one_a_second, T0 + 5 * S, slot, T0 + 9 * S, &renewed, &none_yet));
  CHECK_INT(renewed, T0 + 5 * S);
  CHECK_INT(pace_peek(pace, &one_a_second, T0 + 5 * S), T0 + 6 * S);
  lks_pace_free(pace);
}

static void a_predecessor_that_left_late_pushes_its_successor(void) {
  lks_pace *pace = lks_pace_new();
  lks_time first, second, renewed;
  lks_promise none_yet = 0;
  CHECK(lks_pace_reserve(pace, &one_a_second, T0, T0, &first));
  CHECK(lks_pace_reserve(pace, &one_a_second, T0, T0 + 9 * S, &second));
  lks_pace_move(pace, first, first + 300 * MS);
  CHECK(lks_pace_renew(pace, &one_a_second, second, second, T0 + 9 * S, &renewed, &none_yet));
  CHECK_INT(renewed, T0 + S + 300 * MS);
  lks_pace_free(pace);
}

static void a_pause_holds_for_those_who_wait_already(void) {
  const lks_windows none = {.count = 0};
  lks_pace *pace = lks_pace_new();
  lks_time slot, renewed;
  lks_promise none_yet = 0;
  CHECK(lks_pace_reserve(pace, &one_a_second, T0, T0, &slot));
  CHECK(lks_pace_reserve(pace, &one_a_second, T0, T0 + 9 * S, &slot));
  lks_pace_pause(pace, T0, T0 + 4 * S);
  CHECK(lks_pace_renew(pace, &one_a_second, slot, slot, T0 + 9 * S, &renewed, &none_yet));
  CHECK_INT(renewed, T0 + 4 * S);
  CHECK(lks_pace_renew(pace, &none, T0 + S, T0 + S, T0 + 9 * S, &renewed, &none_yet));
  CHECK_INT(renewed, T0 + 4 * S);
  lks_pace_free(pace);
}

static void a_slot_beyond_the_deadline_is_given_back(void) {
  lks_pace *pace = lks_pace_new();
  lks_time slot, renewed;
  lks_promise none_yet = 0;
  CHECK(lks_pace_reserve(pace, &one_a_second, T0, T0, &slot));
  CHECK(lks_pace_reserve(pace, &one_a_second, T0, T0 + 9 * S, &slot));
  lks_pace_pause(pace, T0, T0 + 4 * S);
  CHECK(!lks_pace_renew(pace, &one_a_second, slot, slot, T0 + 2 * S, &renewed, &none_yet));
  CHECK_INT(renewed, T0 + 4 * S);
  CHECK_INT(pace_peek(pace, &one_a_second, T0 + 4 * S), T0 + 4 * S);
  lks_pace_free(pace);
}

/* Another clock is ahead: what was sent by it lies in the future. */
static void who_comes_late_goes_behind_what_was_sent_since(void) {
  lks_pace *pace = lks_pace_new();
  lks_time slot, renewed;
  lks_promise promise = 0;
  CHECK(lks_pace_reserve(pace, &one_a_second, T0, T0, &slot));
  CHECK(lks_pace_promise(pace, &one_a_second, T0, T0 + 9 * S, &slot, &promise));
  lks_time now = slot + 500 * MS;
  CHECK(lks_pace_record(pace, &one_a_second, now + 10 * MS, now + 10 * MS));
  CHECK(lks_pace_renew(pace, &one_a_second, now, slot, T0 + 9 * S, &renewed, &promise));
  CHECK_INT(renewed, now + 10 * MS + S);
  lks_pace_free(pace);
}

static void a_clock_that_is_ahead_drops_no_slot_that_others_need(void) {
  const lks_windows four_in_ten = {1, {{4, 10 * S}}};
  lks_pace *pace = lks_pace_new();
  lks_time slot;
  for (int i = 0; i < 2; i++) CHECK(lks_pace_reserve(pace, &four_in_ten, T0 + i * S, T0 + i * S, &slot));
  CHECK_INT(pace_peek(pace, &four_in_ten, T0 + 11 * S + 500 * MS), T0 + 11 * S + 500 * MS);
  CHECK_INT(pace_peek(pace, &four_in_ten, T0 + 10 * S + 600 * MS), T0 + 10 * S + 600 * MS);
  lks_pace_free(pace);
}

static void nobody_is_put_off_beyond_the_end_of_time(void) {
  const lks_time end = LKS_TIME_MAX;
  lks_pace *pace = lks_pace_new();
  lks_time slot, last, renewed;
  lks_promise late = 0, promise = 0;
  CHECK(lks_pace_reserve(pace, &one_a_second, end - 2 * S, end, &slot));
  CHECK(lks_pace_promise(pace, &one_a_second, end - 2 * S, end, &slot, &late));
  CHECK(lks_pace_promise(pace, &one_a_second, end - 2 * S, end, &last, &promise));
  CHECK_INT(last, end);
  CHECK(lks_pace_renew(pace, &one_a_second, slot + 500 * MS, slot, end, &renewed, &late));
  CHECK(lks_pace_look(pace, &one_a_second, slot + 500 * MS, &promise, &last));
  CHECK_INT(last, end);
  lks_pace_free(pace);
}

#define WAITERS 90
#define SENDS 4000

static int by_time(const void *a, const void *b) {
  lks_time x = *(const lks_time *)a, y = *(const lks_time *)b;
  return (x > y) - (x < y);
}

/* A saturated queue of waiters who wake up to 20 ms late and whose requests leave up to 300 ms later still (a
 * handshake), which the history learns 100 ms after the fact. What the service sees must hold the windows all the same.
 */
static void windows_hold_for_requests_that_leave_late(void) {
  const lks_wish fresh = {.longest = 3600 * S}, again = {.longest = 3600 * S, .renews = true};
  lks_state *state = lks_state_new();
  lks_ticket waiting[WAITERS] = {0}, sender[SENDS];
  lks_time due[WAITERS], sent[SENDS];
  size_t learnt = 0, count = 0;
  lks_time now = T0;
  random_state = 7;
  for (size_t i = 0; i < WAITERS; i++) due[i] = now;
  while (count < SENDS) {
    size_t next = 0;
    for (size_t i = 1; i < WAITERS; i++)
      if (due[i] < due[next]) next = i;
    if (due[next] > now) now = due[next];
    for (; learnt < count && sent[learnt] + 100 * MS <= now; learnt++) {
      const lks_settlement settlement = {.late = sent[learnt] - sender[learnt].slot};
      lks_state_settle(state, &sender[learnt], now, &settlement);
    }
    lks_ticket *ticket = &waiting[next];
    lks_span span;
    lks_kind kind = lks_state_take(state, &lockpub, ticket->held ? &again : &fresh, now, ticket, &span);
    CHECK_INT(kind, LKS_KIND_NONE);
    if (kind != LKS_KIND_NONE) break;
    due[next] = now + random_below(20 * MS);
    if (span > 0) {
      due[next] += span < lks_state_look(ticket) ? span : lks_state_look(ticket);
      continue;
    }
    sender[count] = *ticket;
    /* The order of learning is the order of sending here; a request that overtakes is only learnt later. */
    sent[count++] = now + random_below(300 * MS);
    *ticket = (lks_ticket){0};
  }
  qsort(sent, count, sizeof *sent, by_time);
  for (unsigned w = 0; w < lockpub.count; w++)
    for (size_t i = lockpub.window[w].requests; i < count; i++)
      CHECK(sent[i] - sent[i - lockpub.window[w].requests] >= lockpub.window[w].per);
  CHECK_INT(count, SENDS);
  CHECK((double)(sent[SENDS - 1] - T0) < 1.02 * (SENDS / 60) * 60.0 * (double)S);
  lks_state_free(state);
}

int main(void) {
  RUN(a_slot_that_came_is_renewed_at_once);
  RUN(a_late_waiter_counts_from_when_it_really_goes);
  RUN(a_predecessor_that_left_late_pushes_its_successor);
  RUN(a_pause_holds_for_those_who_wait_already);
  RUN(a_slot_beyond_the_deadline_is_given_back);
  RUN(who_comes_late_goes_behind_what_was_sent_since);
  RUN(a_clock_that_is_ahead_drops_no_slot_that_others_need);
  RUN(nobody_is_put_off_beyond_the_end_of_time);
  RUN(windows_hold_for_requests_that_leave_late);
  return TEST_END();
}
