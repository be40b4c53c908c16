#include "core/pace.h"

#include "core/pace_forecast.h"

#include "pace_peek.h"
#include "test.h"

#define S LKS_SECOND
/* An ordinary instant: 2023-11-14T22:13:20Z. */
#define T0 (INT64_C(1700000000) * S)
#define ANY LKS_TIME_MAX

static const lks_windows lockpub = {2, {{20, 10 * S}, {60, 60 * S}}};
static const lks_windows two_in_ten = {1, {{2, 10 * S}}};
static const lks_windows none = {0, {{0, 0}}};

static lks_time reserved(lks_pace *pace, const lks_windows *windows, lks_time now) {
  lks_time slot = -1;
  CHECK(lks_pace_reserve(pace, windows, now, ANY, &slot));
  return slot;
}

static void reserve_many(lks_pace *pace, const lks_windows *windows, lks_time now, int count) {
  while (count-- > 0) reserved(pace, windows, now);
}

static void slots_go_as_soon_as_every_window_allows(void) {
  lks_pace *pace = lks_pace_new();
  for (int i = 0; i < 200; i++) {
    lks_time minute = i / 60, burst = i % 60 / 20;
    CHECK_INT(reserved(pace, &lockpub, T0) - T0, minute * 60 * S + burst * 10 * S);
  }
  lks_pace_free(pace);
}

static void window_ends_on_the_microsecond(void) {
  lks_pace *pace = lks_pace_new();
  reserve_many(pace, &two_in_ten, T0, 2);
  CHECK_INT(pace_peek(pace, &two_in_ten, T0 + 10 * S - 1), T0 + 10 * S);
  CHECK_INT(pace_peek(pace, &two_in_ten, T0 + 10 * S), T0 + 10 * S);
  CHECK_INT(pace_peek(pace, &two_in_ten, T0 + 10 * S + 1), T0 + 10 * S + 1);
  lks_pace_free(pace);
}

static void slot_after_the_deadline_is_refused_and_not_taken(void) {
  lks_pace *pace = lks_pace_new();
  lks_time slot = -1;
  reserve_many(pace, &two_in_ten, T0, 2);
  CHECK(!lks_pace_reserve(pace, &two_in_ten, T0, T0 + 10 * S - 1, &slot));
  CHECK_INT(slot, T0 + 10 * S);
  CHECK(!lks_pace_reserve(pace, &two_in_ten, T0, T0 - 1, &slot));
  CHECK(lks_pace_reserve(pace, &two_in_ten, T0, T0 + 10 * S, &slot));
  CHECK_INT(slot, T0 + 10 * S);
  CHECK_INT(pace_peek(pace, &two_in_ten, T0), T0 + 10 * S);
  lks_pace_free(pace);
}

static void without_windows_only_pauses_hold_and_nothing_is_kept(void) {
  lks_pace *pace = lks_pace_new();
  long live = test_alloc_live();
  for (int i = 0; i < 1000; i++) CHECK_INT(reserved(pace, &none, T0), T0);
  CHECK(lks_pace_record(pace, &none, T0, T0));
  lks_pace_move(pace, T0, T0 + S);
  lks_pace_release(pace, T0);
  CHECK_INT(test_alloc_live(), live);
  lks_pace_pause(pace, T0, T0 + 5 * S);
  CHECK_INT(reserved(pace, &none, T0), T0 + 5 * S);
  CHECK_INT(reserved(pace, &none, T0 + 6 * S), T0 + 6 * S);
  lks_pace_free(pace);
}

static void caller_without_windows_is_counted_for_those_who_have_some(void) {
  lks_pace *pace = lks_pace_new();
  reserve_many(pace, &two_in_ten, T0, 3);
  CHECK_INT(reserved(pace, &none, T0 + 9 * S), T0 + 9 * S);
  CHECK_INT(pace_peek(pace, &two_in_ten, T0 + 9 * S), T0 + 19 * S);
  lks_pace_free(pace);
}

static void recorded_send_counts_even_before_promised_slots(void) {
  lks_pace *pace = lks_pace_new();
  reserve_many(pace, &two_in_ten, T0, 3); /* T0, T0, T0 + 10 */
  CHECK(lks_pace_record(pace, &two_in_ten, T0 + S, T0 + S));
  CHECK_INT(reserved(pace, &two_in_ten, T0 + S), T0 + 11 * S);
  CHECK_INT(reserved(pace, &two_in_ten, T0 + S), T0 + 20 * S);
  lks_pace_free(pace);
}

static void released_slot_is_free_again(void) {
  lks_pace *pace = lks_pace_new();
  reserve_many(pace, &two_in_ten, T0, 3);
  lks_pace_release(pace, T0 + 10 * S);
  CHECK_INT(reserved(pace, &two_in_ten, T0), T0 + 10 * S);
  lks_pace_release(pace, T0);
  CHECK_INT(reserved(pace, &two_in_ten, T0), T0 + 10 * S);
  CHECK_INT(reserved(pace, &two_in_ten, T0), T0 + 20 * S);
  lks_pace_free(pace);
}

static void release_of_what_is_not_held_changes_nothing(void) {
  lks_pace *pace = lks_pace_new();
  lks_pace_release(pace, T0);
  reserve_many(pace, &two_in_ten, T0, 2);
  lks_pace_release(pace, T0 + 1);
  lks_pace_release(pace, T0 - 1);
  CHECK_INT(pace_peek(pace, &two_in_ten, T0), T0 + 10 * S);
  lks_pace_free(pace);
}

/* The slots behind a released one count again, so they must not have been thrown away when it was taken. */
static void release_uncovers_earlier_sends(void) {
  lks_pace *pace = lks_pace_new();
  reserve_many(pace, &two_in_ten, T0, 2);
  reserve_many(pace, &two_in_ten, T0 + 9 * S, 2);
  lks_pace_release(pace, T0 + 10 * S);
  lks_pace_release(pace, T0 + 10 * S);
  CHECK_INT(pace_peek(pace, &two_in_ten, T0 + 9 * S), T0 + 10 * S);
  lks_pace_free(pace);
}

static void late_send_is_counted_when_it_left(void) {
  lks_pace *pace = lks_pace_new();
  reserve_many(pace, &two_in_ten, T0, 2);
  lks_pace_move(pace, T0, T0 + 3 * S);
  CHECK_INT(reserved(pace, &two_in_ten, T0 + 4 * S), T0 + 10 * S);
  CHECK_INT(reserved(pace, &two_in_ten, T0 + 4 * S), T0 + 13 * S);
  lks_pace_move(pace, T0 + 3 * S, T0 + 30 * S); /* past both promised slots */
  CHECK_INT(reserved(pace, &two_in_ten, T0 + 4 * S), T0 + 30 * S);
  CHECK_INT(reserved(pace, &two_in_ten, T0 + 4 * S), T0 + 40 * S);
  lks_pace_free(pace);
}

static void send_so_late_that_its_slot_is_gone_still_counts(void) {
  lks_pace *pace = lks_pace_new();
  reserve_many(pace, &two_in_ten, T0, 1);
  CHECK_INT(pace_peek(pace, &two_in_ten, T0 + 100 * S), T0 + 100 * S);
  lks_pace_move(pace, T0, T0 + 100 * S);
  reserve_many(pace, &two_in_ten, T0 + 100 * S, 1);
  CHECK_INT(pace_peek(pace, &two_in_ten, T0 + 100 * S), T0 + 110 * S);
  lks_pace_free(pace);
}

static void pause_moves_the_next_slot_and_is_never_shortened(void) {
  lks_pace *pace = lks_pace_new();
  CHECK_INT(reserved(pace, &two_in_ten, T0), T0);
  lks_pace_pause(pace, T0, T0 + 30 * S);
  lks_pace_pause(pace, T0 + S, T0 + 20 * S);
  lks_time slot;
  CHECK(!lks_pace_reserve(pace, &two_in_ten, T0 + S, T0 + 29 * S, &slot));
  CHECK_INT(slot, T0 + 30 * S);
  reserve_many(pace, &two_in_ten, T0 + S, 2);
  CHECK_INT(reserved(pace, &two_in_ten, T0 + S), T0 + 40 * S);
  lks_pace_free(pace);
}

static void small_step_back_is_waited_out(void) {
  lks_pace *pace = lks_pace_new();
  reserve_many(pace, &two_in_ten, T0, 2);
  CHECK_INT(pace_peek(pace, &two_in_ten, T0 - 10 * S), T0 + 10 * S);
  lks_pace_free(pace);
}

static void large_step_back_takes_history_and_pause_along(void) {
  lks_pace *pace = lks_pace_new();
  const lks_span hour = 3600 * S;
  reserve_many(pace, &two_in_ten, T0, 2);
  CHECK_INT(pace_peek(pace, &two_in_ten, T0 + 4 * S), T0 + 10 * S);
  lks_time now = T0 + 4 * S - hour;
  CHECK_INT(pace_peek(pace, &two_in_ten, now), now + 6 * S);
  now -= hour;
  lks_pace_pause(pace, now, now + 8 * S); /* looks at the clock as well */
  CHECK_INT(reserved(pace, &two_in_ten, now), now + 8 * S);
  now -= hour;
  CHECK_INT(lks_pace_forecast(pace, &two_in_ten, now, 1), 8 * S);
  CHECK_INT(reserved(pace, &two_in_ten, now), now + 8 * S);
  lks_pace_free(pace);
}

static void without_windows_a_step_back_beyond_a_minute_takes_the_pause_along(void) {
  lks_pace *pace = lks_pace_new();
  lks_pace_pause(pace, T0, T0 + 5 * S);
  CHECK_INT(pace_peek(pace, &none, T0 - 60 * S), T0 + 5 * S);
  CHECK_INT(pace_peek(pace, &none, T0 - 121 * S), T0 - 56 * S);
  lks_pace_free(pace);
}

static void slot_from_before_a_step_back_cannot_be_released_by_its_old_name(void) {
  lks_pace *pace = lks_pace_new();
  lks_time now = T0 - 3600 * S;
  reserve_many(pace, &two_in_ten, T0, 2);
  CHECK_INT(pace_peek(pace, &two_in_ten, now), now + 10 * S);
  lks_pace_release(pace, T0);
  CHECK_INT(pace_peek(pace, &two_in_ten, now), now + 10 * S);
  lks_pace_free(pace);
}

static void newcomer_with_larger_windows_never_sends_too_early(void) {
  lks_pace *pace = lks_pace_new();
  const lks_windows minute = {1, {{6, 60 * S}}};
  for (lks_span i = 0; i < 6; i++)
    reserved(pace, &two_in_ten, T0 + i * 5 * S); /* 0 to 25 s; 0, 5, 10 and 15 s are dropped */
  CHECK_INT(pace_peek(pace, &two_in_ten, T0 + 25 * S), T0 + 30 * S);
  lks_time slot = pace_peek(pace, &minute, T0 + 25 * S);
  CHECK(slot >= T0 + 60 * S);
  CHECK(slot <= T0 + 25 * S + 60 * S);
  CHECK_INT(reserved(pace, &minute, T0 + 200 * S), T0 + 200 * S);
  lks_pace_free(pace);
}

static void history_is_bounded_and_stays_safe(void) {
  lks_pace *pace = lks_pace_new();
  const int kept = (int)LKS_PACE_HISTORY_MAX, promised = 3 * kept;
  reserve_many(pace, &lockpub, T0, kept);
  test_fail_alloc(1); /* from here on none is needed */
  reserve_many(pace, &lockpub, T0, promised - kept);
  test_fail_alloc(0);
  CHECK_INT(pace_peek(pace, &lockpub, T0), T0 + promised * S);
  for (lks_span i = promised - 1; i >= 60; i--) lks_pace_release(pace, T0 + i / 60 * 60 * S + i % 60 / 20 * 10 * S);
  CHECK(pace_peek(pace, &lockpub, T0) >= T0 + 60 * S);
  lks_pace_free(pace);
}

static void forecast_is_what_reserving_would_give_and_takes_nothing(void) {
  lks_pace *pace = lks_pace_new();
  CHECK_INT(lks_pace_forecast(pace, &lockpub, T0, 0), 0);
  CHECK_INT(lks_pace_forecast(pace, &lockpub, T0, 1), 0);
  CHECK_INT(lks_pace_forecast(pace, &lockpub, T0, 1000), 970 * S);
  CHECK_INT(lks_pace_forecast(pace, &lockpub, T0, UINT64_MAX), LKS_SPAN_MAX);
  reserve_many(pace, &lockpub, T0, 25);
  static const size_t counts[] = {1, 15, 16, 36, 1000, LKS_PACE_FORECAST_EXACT, 250001};
  lks_span foretold[sizeof counts / sizeof counts[0]];
  for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
    foretold[i] = lks_pace_forecast(pace, &lockpub, T0 + S, counts[i]);
  size_t taken = 0;
  for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
    lks_time slot = 0;
    for (; taken < counts[i]; taken++) slot = reserved(pace, &lockpub, T0 + S);
    CHECK_INT(slot - (T0 + S), foretold[i]);
  }
  lks_pace_free(pace);
}

static void forecast_without_windows_is_the_pause(void) {
  lks_pace *pace = lks_pace_new();
  CHECK_INT(lks_pace_forecast(pace, &none, T0, SIZE_MAX), 0);
  lks_pace_pause(pace, T0, T0 + 5 * S);
  CHECK_INT(lks_pace_forecast(pace, &none, T0, 1000), 5 * S);
  lks_pace_free(pace);
}

static void extreme_instants_and_spans_do_not_overflow(void) {
  const lks_windows ages = {2, {{1, LKS_SPAN_MAX}, {LKS_WINDOW_REQUESTS_MAX, 1}}};
  static const lks_time instants[] = {INT64_MAX, INT64_MIN, LKS_TIME_MAX, -LKS_TIME_MAX, 0, INT64_MIN, INT64_MAX};
  lks_pace *pace = lks_pace_new();
  lks_time slot;
  for (int round = 0; round < 1000; round++) {
    lks_time now = instants[round % 7], other = instants[round % 5];
    lks_pace_reserve(pace, &ages, now, INT64_MAX, &slot);
    lks_pace_pause(pace, now, other);
    pace_peek(pace, &none, other);
    CHECK(lks_pace_record(pace, &ages, now, other));
    lks_pace_move(pace, slot, now);
    lks_pace_release(pace, other);
    lks_span span = lks_pace_forecast(pace, &ages, now, (size_t)round * 1000);
    CHECK(span >= 0 && span <= LKS_SPAN_MAX);
  }
  lks_pace_free(pace);
  pace = lks_pace_new();
  for (int round = 0; round < 1000; round++)
    CHECK_INT(pace_peek(pace, &ages, instants[round % 2]), round % 2 ? -LKS_TIME_MAX : LKS_TIME_MAX);
  lks_pace_free(pace);
  pace = lks_pace_new();
  CHECK(lks_pace_reserve(pace, &ages, 0, LKS_TIME_MAX, &slot));
  CHECK(lks_pace_reserve(pace, &ages, 0, LKS_TIME_MAX, &slot));
  CHECK_INT(slot, LKS_TIME_MAX);
  CHECK(!lks_pace_reserve(pace, &ages, 0, INT64_MAX, &slot));
  CHECK(slot > LKS_TIME_MAX);
  lks_pace_free(pace);
}

static void every_allocation_may_fail(void) {
  long live = test_alloc_live();
  for (long nth = 1, failed = 1; failed; nth++) {
    test_fail_alloc(nth);
    lks_pace *pace = lks_pace_new();
    failed = test_alloc_failed();
    CHECK((pace == NULL) == failed);
    if (pace != NULL) {
      lks_time slot;
      for (int i = 0; i < 100; i++) {
        lks_time expected = pace_peek(pace, &lockpub, T0);
        if (!lks_pace_reserve(pace, &lockpub, T0, ANY, &slot)) {
          CHECK_INT(slot, T0);
          CHECK_INT(pace_peek(pace, &lockpub, T0), expected);
          CHECK(lks_pace_reserve(pace, &lockpub, T0, ANY, &slot));
        }
        CHECK_INT(slot, expected);
      }
      for (int i = 0; i < 100; i++)
        if (!lks_pace_record(pace, &lockpub, T0, T0)) CHECK(lks_pace_record(pace, &lockpub, T0, T0));
      lks_span span = lks_pace_forecast(pace, &lockpub, T0, 100);
      if (span < 0) span = lks_pace_forecast(pace, &lockpub, T0, 100);
      CHECK(span > 60 * S);
      failed = test_alloc_failed();
    }
    test_fail_alloc(0);
    lks_pace_free(pace);
    CHECK_INT(test_alloc_live(), live);
  }
}

int main(void) {
  RUN(slots_go_as_soon_as_every_window_allows);
  RUN(window_ends_on_the_microsecond);
  RUN(slot_after_the_deadline_is_refused_and_not_taken);
  RUN(without_windows_only_pauses_hold_and_nothing_is_kept);
  RUN(caller_without_windows_is_counted_for_those_who_have_some);
  RUN(recorded_send_counts_even_before_promised_slots);
  RUN(released_slot_is_free_again);
  RUN(release_of_what_is_not_held_changes_nothing);
  RUN(release_uncovers_earlier_sends);
  RUN(late_send_is_counted_when_it_left);
  RUN(send_so_late_that_its_slot_is_gone_still_counts);
  RUN(pause_moves_the_next_slot_and_is_never_shortened);
  RUN(small_step_back_is_waited_out);
  RUN(large_step_back_takes_history_and_pause_along);
  RUN(without_windows_a_step_back_beyond_a_minute_takes_the_pause_along);
  RUN(slot_from_before_a_step_back_cannot_be_released_by_its_old_name);
  RUN(newcomer_with_larger_windows_never_sends_too_early);
  RUN(history_is_bounded_and_stays_safe);
  RUN(forecast_is_what_reserving_would_give_and_takes_nothing);
  RUN(forecast_without_windows_is_the_pause);
  RUN(extreme_instants_and_spans_do_not_overflow);
  RUN(every_allocation_may_fail);
  return TEST_END();
}
