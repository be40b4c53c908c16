/* What is kept of a key: two states made one, a place that keeps one and what it has to be told. */
#include "core/state.h"

#include "call_script.h"
#include "core/state_bytes.h"
#include "pace_peek.h"
#include "test.h"

#define S LKS_SECOND
#define T0 SCRIPT_T0

static const lks_windows two_in_ten = {.count = 1, .window = {{2, 10 * S}}};

static lks_state *state_with(const lks_time *slots, size_t count) {
  lks_state *state = lks_state_new();
  CHECK(state != NULL);
  for (size_t i = 0; i < count; i++) CHECK(lks_pace_record(state->pace, &two_in_ten, T0, slots[i]));
  return state;
}

static void test_merged_states_count_every_send_once(void) {
  const lks_time mine[] = {T0, T0 + S, T0 + 3 * S}, theirs[] = {T0 + S, T0 + 2 * S, T0 + 3 * S, T0 + 3 * S};
  lks_state *one = state_with(mine, 3), *other = state_with(theirs, 4);
  CHECK(lks_state_merge(one, other));
  /* T0, 1, 2, 3, 3: of the two at 3 s one was known to both. */
  const lks_windows five = {1, {{5, 10 * S}}}, six = {1, {{6, 10 * S}}};
  CHECK_INT(pace_peek(one->pace, &five, T0 + 4 * S), T0 + 10 * S);
  CHECK_INT(pace_peek(one->pace, &six, T0 + 4 * S), T0 + 4 * S);
  lks_state_free(one);
  lks_state_free(other);
}

static void test_merging_keeps_the_later_pause_and_the_newer_quota(void) {
  for (int swap = 0; swap < 2; swap++) {
    lks_state *old = lks_state_new(), *new = lks_state_new();
    lks_pace_pause(old->pace, T0, T0 + 20 * S);
    lks_pace_pause(new->pace, T0, T0 + 5 * S);
    CHECK(lks_quota_observe(&old->quota, T0, T0, 0, "1000", "7", NULL));
    CHECK(lks_quota_observe(&new->quota, T0 + S, T0 + S, 0, "1000", "5", NULL));
    lks_state *into = swap ? new : old;
    CHECK(lks_state_merge(into, swap ? old : new));
    CHECK_INT(pace_peek(into->pace, &two_in_ten, T0 + S), T0 + 20 * S);
    CHECK_INT(into->quota.remaining, 5);
    lks_state_free(old);
    lks_state_free(new);
  }
}

static void test_merging_again_changes_nothing(void) {
  const lks_time mine[] = {T0, T0 + S}, theirs[] = {T0 + 2 * S};
  lks_state *one = state_with(mine, 2), *other = state_with(theirs, 1);
  lks_buffer once, twice;
  lks_buffer_init(&once, LKS_PACE_BYTES_MAX);
  lks_buffer_init(&twice, LKS_PACE_BYTES_MAX);
  CHECK(lks_state_merge(one, other));
  CHECK(lks_pace_write(one->pace, &once));
  CHECK(lks_state_merge(one, other));
  CHECK(lks_pace_write(one->pace, &twice));
  CHECK(once.length == twice.length && memcmp(once.data, twice.data, once.length) == 0);
  lks_buffer_free(&once);
  lks_buffer_free(&twice);
  lks_state_free(one);
  lks_state_free(other);
}

static bool has_news(const lks_state *state) {
  return lks_state_matters(state, true, T0 + S);
}

/* As if it had been written and read. */
static void store(lks_state *state) {
  lks_buffer bytes;
  lks_buffer_init(&bytes, LKS_STATE_BYTES_MAX);
  CHECK(lks_state_bytes_write(state, &bytes) && lks_state_bytes_read(state, bytes.data, bytes.length));
  CHECK(!has_news(state));
  lks_buffer_free(&bytes);
}

static lks_state *stored_state(const lks_time *slots, size_t count, int64_t lineage, int64_t sequence) {
  lks_state *state = state_with(slots, count);
  state->lineage = lineage;
  state->sequence = sequence;
  store(state);
  return state;
}

/* Joins what a place keeps with what is remembered; true when the place is to be told. */
static bool join(lks_state *state, const lks_state *own, bool untold, bool lost) {
  CHECK(lks_state_join(state, own, untold, lost, T0 + S, 77));
  return has_news(state);
}

static lks_span waits(lks_state *state, unsigned requests) {
  const lks_windows windows = {1, {{requests, 10 * S}}};
  return pace_peek(state->pace, &windows, T0 + S) - (T0 + S);
}

static void test_a_place_that_is_new_to_all_is_not_waited_for(void) {
  lks_state *state = lks_state_new(), *own = lks_state_new();
  CHECK(!join(state, NULL, false, false));
  CHECK_INT(state->lineage, 77);
  CHECK_INT(waits(state, 1), 0);
  lks_state_free(state);
  state = lks_state_new();
  CHECK(!join(state, own, true, false));
  CHECK_INT(waits(state, 1), 0);
  lks_state_free(state);
  lks_state_free(own);
}

static void test_a_place_that_lost_its_memory_is_told_and_gives_no_slot_meanwhile(void) {
  const lks_time mine[] = {T0, T0};
  lks_state *own = state_with(mine, 2), *state = lks_state_new();
  own->lineage = 5;
  CHECK(join(state, own, false, false));
  CHECK_INT(waits(state, 3), LKS_STATE_GATHER);
  CHECK_INT(waits(state, 2), 9 * S);
  CHECK_INT(state->lineage, 77);
  lks_state_free(state);

  state = lks_state_new(); /* known to be lost by the place itself */
  CHECK(join(state, NULL, false, true));
  CHECK_INT(waits(state, 1), LKS_STATE_GATHER);
  lks_state_free(state);

  state = stored_state(mine, 1, 5, 9); /* it kept an older one */
  CHECK(join(state, own, false, true));
  CHECK_INT(waits(state, 2), 9 * S);
  CHECK_INT(waits(state, 3), LKS_STATE_GATHER);
  lks_state_free(state);
  lks_state_free(own);
}

static void test_a_place_that_went_back_is_noticed_and_told_by_everyone(void) {
  const lks_time first[] = {T0}, mine[] = {T0, T0}, theirs[] = {T0, T0 + S / 2};
  lks_state *own = stored_state(mine, 2, 5, 9), *other = stored_state(theirs, 2, 5, 8);
  lks_state *state = stored_state(first, 1, 5, 7);
  CHECK(lks_state_is_before(state, own) && !lks_state_is_before(own, state));
  CHECK(join(state, own, false, false));
  CHECK_INT(state->lineage, 77);
  CHECK(!lks_state_is_before(state, own));
  CHECK_INT(waits(state, 3), LKS_STATE_GATHER);
  store(state);
  CHECK(join(state, other, false, false)); /* further behind, but of another lineage than it is now */
  CHECK_INT(state->lineage, 77);
  CHECK_INT(waits(state, 4), LKS_STATE_GATHER);
  CHECK_INT(waits(state, 3), 9 * S); /* three in all */
  lks_state_free(state);
  lks_state_free(own);
  lks_state_free(other);
}

static void test_what_was_counted_without_a_place_is_told(void) {
  const lks_time mine[] = {T0};
  lks_state *own = state_with(mine, 1), *state = lks_state_new();
  CHECK(join(state, own, true, false)); /* others may have been there before it was out of reach */
  CHECK_INT(waits(state, 2), LKS_STATE_GATHER);
  CHECK_INT(waits(state, 1), 9 * S);
  lks_state_free(state);
  state = lks_state_new();
  CHECK(join(state, own, false, false)); /* it was never out of reach */
  CHECK_INT(waits(state, 2), 0);
  CHECK_INT(waits(state, 1), 9 * S);
  lks_state_free(state);
  lks_state_free(own);
}

static void test_a_place_with_its_memory_is_believed(void) {
  const lks_time mine[] = {T0, T0}, theirs[] = {T0};
  lks_state *own = stored_state(mine, 2, 5, 9), *state = stored_state(theirs, 1, 5, 9);
  CHECK(!join(state, own, false, false));
  CHECK_INT(waits(state, 2), 0); /* a slot was given back meanwhile */
  CHECK(join(state, own, true, false));
  CHECK_INT(waits(state, 2), 9 * S);
  lks_state_free(state);
  state = stored_state(theirs, 1, 6, 1); /* it began anew, and others told of it what they knew */
  CHECK(join(state, own, false, false));
  CHECK_INT(state->lineage, 6);
  CHECK_INT(waits(state, 2), 9 * S);
  lks_state_free(state);
  lks_state_free(own);
}

/* What a wish, and what comes of it, is worth writing down. */
static void test_only_what_others_would_miss_is_news(void) {
  const lks_time none[] = {0};
  lks_state *state = stored_state(none, 0, 5, 1);
  const lks_windows unlimited = {0};
  lks_ticket ticket = {0}, first = {0};
  lks_span span;
  const lks_wish now = {0}, late = {.renews = true, .late = S}, off = {.unpaced = true};
  CHECK_INT(lks_state_take(state, &unlimited, &now, T0, &ticket, &span), LKS_KIND_NONE);
  CHECK(!has_news(state));
  CHECK_INT(lks_state_take(state, &two_in_ten, &now, T0, &first, &span), LKS_KIND_NONE);
  CHECK(has_news(state));
  store(state);
  CHECK_INT(lks_state_take(state, &two_in_ten, &late, T0 + S, &first, &span), LKS_KIND_NONE); /* it holds */
  CHECK(!has_news(state));
  CHECK_INT(span, -S);
  CHECK_INT(lks_state_take(state, &two_in_ten, &late, T0 + S + 1, &first, &span),
            LKS_KIND_NONE); /* too late for that */
  CHECK(has_news(state));
  CHECK_INT(span, 0);
  CHECK_INT(first.slot, T0 + S + 1);
  store(state);
  CHECK_INT(lks_state_take(state, &two_in_ten, &off, T0 + 2 * S, &ticket, &span), LKS_KIND_NONE);
  CHECK(has_news(state));
  store(state);
  CHECK_INT(lks_state_take(state, &two_in_ten, &now, T0 + 3 * S, &ticket, &span), LKS_KIND_WOULD_WAIT);
  CHECK(!has_news(state));
  lks_settlement settlement = {.pause = 5 * S};
  lks_state_settle(state, &ticket, T0 + 3 * S, &settlement);
  CHECK(has_news(state));
  store(state);
  settlement.pause = 4 * S;
  lks_state_settle(state, &ticket, T0 + 3 * S, &settlement); /* it lasts as long already */
  CHECK(!has_news(state));
  lks_state_give_back(state, &first);
  CHECK(has_news(state));
  store(state);
  CHECK_INT(lks_state_take(state, &two_in_ten, &now, T0 - 3600 * S, &ticket, &span), LKS_KIND_WOULD_WAIT);
  CHECK(has_news(state)); /* the clock was set back, and all of it with that */
  lks_state_free(state);
}

/* Who waited for a slot is not held to have left late by the time that it took to wake up. */
static void test_a_slot_that_has_come_stays_where_it_is_while_nothing_forbids_it(void) {
  const lks_time slots[] = {T0, T0, T0 + 10 * S};
  const lks_wish wish = {.longest = 100 * S, .renews = true, .late = S / 20};
  for (int row = 0; row < 4; row++) {
    lks_state *state = state_with(slots, 3);
    lks_ticket ticket = {.held = true, .slot = T0 + 10 * S};
    lks_span span;
    if (row == 1) lks_pace_pause(state->pace, T0, T0 + 10 * S + 1);
    if (row == 2) lks_pace_move(state->pace, T0, T0 + 3 * S); /* of the other two, one is enough */
    if (row == 3) {
      lks_pace_move(state->pace, T0, T0 + 3 * S);
      lks_pace_move(state->pace, T0, T0 + 2 * S);
    }
    lks_kind kind = lks_state_take(state, &two_in_ten, &wish, T0 + 10 * S + S / 50, &ticket, &span);
    CHECK_INT(kind, LKS_KIND_NONE);
    CHECK_INT(span, row == 0 || row == 2 ? -S / 50 : row == 1 ? 0 : 2 * S - S / 50);
    CHECK_INT(ticket.slot, T0 + 10 * S + S / 50 + span);
    lks_state_free(state);
  }
}

static void test_no_send_waits_for_what_a_clock_may_be_wrong_by(void) {
  const lks_time slots[] = {T0 + LKS_STATE_JITTER};
  lks_wish wish = {.estimated = true};
  lks_ticket ticket = {0};
  lks_span span;
  lks_state *state = state_with(slots, 1);
  CHECK_INT(lks_state_take(state, &two_in_ten, &wish, T0, &ticket, &span), LKS_KIND_NONE);
  CHECK_INT(span, 0);
  CHECK_INT(ticket.slot, T0 + LKS_STATE_JITTER);
  CHECK_INT(lks_state_take(state, &two_in_ten, &wish, T0, &ticket, &span), LKS_KIND_WOULD_WAIT); /* a window is full */
  lks_state_free(state);
  state = state_with(slots, 1);
  wish.estimated = false;
  CHECK_INT(lks_state_take(state, &two_in_ten, &wish, T0, &ticket, &span), LKS_KIND_WOULD_WAIT);
  wish.estimated = true;
  CHECK_INT(lks_state_take(state, &two_in_ten, &wish, T0 - 1, &ticket, &span), LKS_KIND_WOULD_WAIT);
  lks_state_free(state);

  state = state_with(slots, 1); /* who woke a little early */
  wish.renews = true;
  ticket = (lks_ticket){.held = true, .slot = T0 + LKS_STATE_JITTER};
  CHECK_INT(lks_state_take(state, &two_in_ten, &wish, T0, &ticket, &span), LKS_KIND_NONE);
  CHECK_INT(span, 0);
  lks_state_free(state);
}

static lks_ticket create(lks_state *state, lks_time now) {
  const lks_wish wish = {.longest = 100 * S, .quota = true};
  lks_ticket ticket = {0};
  lks_span span;
  CHECK_INT(lks_state_take(state, &two_in_ten, &wish, now, &ticket, &span), LKS_KIND_NONE);
  return ticket;
}

/* As when the clock of the place runs ahead: what is waited for lies beyond the deadline after all. */
static void test_who_cannot_wait_any_longer_leaves_no_slot_behind(void) {
  const lks_time sent[] = {T0, T0};
  lks_state *state = state_with(sent, 2);
  lks_ticket ticket = {0};
  lks_span span;
  lks_wish wish = {.longest = 10 * S};
  CHECK_INT(lks_state_take(state, &two_in_ten, &wish, T0, &ticket, &span), LKS_KIND_NONE);
  CHECK_INT(span, 10 * S);
  wish = (lks_wish){.longest = S, .renews = true};
  CHECK_INT(lks_state_take(state, &two_in_ten, &wish, T0 + S, &ticket, &span), LKS_KIND_WOULD_WAIT);
  CHECK_INT(span, 9 * S);
  CHECK(!ticket.held);
  CHECK_INT(lks_pace_newest(state->pace), T0);
  lks_state_free(state);
}

static void test_an_answer_that_tells_what_was_expected_is_no_news(void) {
  lks_state *state = lks_state_new();
  lks_ticket ticket = create(state, T0);
  lks_quota told;
  CHECK(!lks_state_expected(NULL, &ticket, T0, T0, "1000", "999", NULL, &told)); /* nothing was known */
  lks_state_observe(state, T0, T0, "1000", "999", NULL);
  lks_ticket one = create(state, T0 + S), other = create(state, T0 + 2 * S);
  CHECK_INT(lks_quota_left(&state->quota, T0), 997);
  static const struct {
    const char *limit, *remaining, *reset;
    bool expected;
  } rows[] = {
      {"1000", "998", NULL, true},  {NULL, "998", NULL, true},   {"1000", "997", NULL, false},
      {"1000", "999", NULL, false}, {"900", "998", NULL, false}, {"1000", "998", "1700003600", false},
      {"1000", "x", NULL, false},   {"1000", NULL, NULL, false}, {"1000", "0", NULL, false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    CHECK_INT(lks_state_expected(NULL, &one, T0 + 3 * S, T0, rows[i].limit, rows[i].remaining, rows[i].reset, &told),
              rows[i].expected);
  CHECK(lks_state_expected(NULL, &other, T0 + 3 * S, T0, "1000", "997", NULL, &told));
  /* What is kept must not age. */
  CHECK(!lks_state_expected(NULL, &other, T0 + LKS_QUOTA_FRESH, T0, "1000", "997", NULL, &told));
  CHECK(!lks_state_expected(NULL, &other, T0 - 1, T0, "1000", "997", NULL, &told));

  lks_state_give_back(state, &other);
  CHECK_INT(lks_quota_left(&state->quota, T0), 998);
  other = create(state, T0 + 4 * S);
  lks_state_observe(state, T0 + 5 * S, T0 + 5 * S, "1000", "500", NULL);
  lks_state_give_back(state, &other); /* what was told holds, whatever it was counted in before */
  CHECK_INT(lks_quota_left(&state->quota, T0), 500);
  lks_state_free(state);
}

static void test_an_answer_to_who_asks_after_a_reset_is_news(void) {
  lks_state *state = lks_state_new();
  lks_state_observe(state, T0 - 10 * S, T0 - 10 * S, "1000", "0", "1699999995");
  lks_ticket ticket = create(state, T0);
  lks_quota told;
  CHECK(ticket.probing && !ticket.spent);
  CHECK(!lks_state_expected(NULL, &ticket, T0, T0, "1000", "0", "1699999995", &told));
  lks_state_free(state);
}

static void test_of_the_last_of_a_quota_everyone_is_told(void) {
  lks_state *state = lks_state_new();
  lks_state_observe(state, T0, T0, "1000", "1", NULL);
  lks_ticket one = create(state, T0 + S), other = create(state, T0 + S);
  CHECK(one.spent && !other.spent); /* it may have been refused, so that this one is let through as well */
  CHECK_INT(lks_quota_left(&state->quota, T0), 0);
  lks_quota told;
  CHECK(!lks_state_expected(state, &one, T0 + S, T0, "1000", "0", NULL, &told));
  lks_state_free(state);
}

/* Of many that are under way at once, few are counted in the order they took their slots in. */
static void test_an_answer_that_later_sends_explain_is_no_news(void) {
  lks_state *state = lks_state_new();
  lks_quota told;
  lks_state_observe(state, T0, T0, "1000", "900", NULL);
  lks_ticket first = create(state, T0 + S);
  for (int i = 0; i < 3; i++) create(state, T0 + 2 * S);
  static const struct {
    const char *limit, *remaining, *reset;
    bool expected;
  } rows[] = {
      {"1000", "899", NULL, true},  {"1000", "898", NULL, true},          {"1000", "896", NULL, true},
      {"1000", "900", NULL, false}, {"1000", "895", NULL, false},         {"1000", "901", NULL, false},
      {"2000", "898", NULL, false}, {"1000", "898", "1700003600", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CHECK_INT(
        lks_state_expected(state, &first, T0 + 30 * S, T0 + S, rows[i].limit, rows[i].remaining, rows[i].reset, &told),
        rows[i].expected);
    /* The first is what the ticket let expect, whatever came later. */
    if (rows[i].expected && i > 0) CHECK_INT(lks_quota_remaining(&told), 896);
  }
  CHECK(!lks_state_expected(NULL, &first, T0 + 30 * S, T0 + S, "1000", "898", NULL, &told));
  CHECK(!lks_state_expected(state, &first, T0 + LKS_QUOTA_FRESH, T0, "1000", "898", NULL, &told));
  CHECK(!lks_state_expected(state, &first, T0 - 1, T0, "1000", "898", NULL, &told));
  lks_state_free(state);

  state = lks_state_new();
  lks_state_observe(state, T0, T0, "1000", "7", NULL);
  first = create(state, T0 + S);
  create(state, T0 + S);
  create(state, T0 + S);
  CHECK(lks_state_expected(state, &first, T0 + 40 * S, T0 + S, "1000", "5", NULL, &told));
  create(state, T0 + S);
  CHECK(!lks_state_expected(state, &first, T0 + 40 * S, T0 + S, "1000", "5", NULL,
                            &told)); /* too few are left to be inexact */
  lks_state_free(state);
}

static void test_a_copy_says_nothing_new(void) {
  lks_state *state = lks_state_new(), *copy = lks_state_new();
  create(state, T0);
  lks_state_observe(state, T0, T0, "1000", "7", NULL);
  CHECK(lks_state_matters(state, true, T0));
  for (int room = 0; room < 2; room++) { /* one that had none, and one that has it */
    CHECK(lks_state_copy(copy, state));
    CHECK(!lks_state_matters(copy, true, T0));
  }
  create(copy, T0);
  CHECK(lks_state_matters(copy, true, T0));
  lks_state_free(state);
  lks_state_free(copy);
}

static void test_merged_states_count_what_either_has_let_through(void) {
  lks_state *one = lks_state_new(), *other = lks_state_new();
  lks_state_observe(one, T0, T0, "1000", "7", NULL);
  CHECK(lks_state_copy(other, one));
  create(one, T0);
  for (int i = 0; i < 2; i++) create(other, T0);
  CHECK(lks_state_merge(one, other));
  CHECK_INT(lks_quota_left(&one->quota, T0), 5);
  lks_state_free(one);
  lks_state_free(other);
}

static void test_short_memory_leaves_states_as_they_were(void) {
  const lks_time mine[] = {T0}, theirs[] = {T0 + 2 * S};
  lks_state *one = state_with(mine, 1), *other = state_with(theirs, 1);
  test_fail_alloc(1);
  CHECK(!lks_state_merge(one, other));
  lks_state *fresh = lks_state_new();
  test_fail_alloc(1);
  CHECK(!lks_state_copy(fresh, other));
  test_fail_alloc(1);
  CHECK(lks_state_new() == NULL);
  test_fail_alloc(2);
  CHECK(lks_state_new() == NULL);
  test_fail_alloc(0);
  CHECK_INT(pace_peek(one->pace, &two_in_ten, T0), T0);
  CHECK(lks_state_copy(one, other));
  lks_state_free(fresh);
  lks_state_free(one);
  lks_state_free(other);
  lks_state_free(NULL);
}

int main(void) {
  RUN(test_merged_states_count_every_send_once);
  RUN(test_merging_keeps_the_later_pause_and_the_newer_quota);
  RUN(test_merging_again_changes_nothing);
  RUN(test_a_place_that_is_new_to_all_is_not_waited_for);
  RUN(test_a_place_that_lost_its_memory_is_told_and_gives_no_slot_meanwhile);
  RUN(test_a_place_that_went_back_is_noticed_and_told_by_everyone);
  RUN(test_what_was_counted_without_a_place_is_told);
  RUN(test_only_what_others_would_miss_is_news);
  RUN(test_a_slot_that_has_come_stays_where_it_is_while_nothing_forbids_it);
  RUN(test_who_cannot_wait_any_longer_leaves_no_slot_behind);
  RUN(test_no_send_waits_for_what_a_clock_may_be_wrong_by);
  RUN(test_an_answer_that_tells_what_was_expected_is_no_news);
  RUN(test_an_answer_to_who_asks_after_a_reset_is_news);
  RUN(test_of_the_last_of_a_quota_everyone_is_told);
  RUN(test_an_answer_that_later_sends_explain_is_no_news);
  RUN(test_a_copy_says_nothing_new);
  RUN(test_merged_states_count_what_either_has_let_through);
  RUN(test_a_place_with_its_memory_is_believed);
  RUN(test_short_memory_leaves_states_as_they_were);
  return TEST_END();
}
