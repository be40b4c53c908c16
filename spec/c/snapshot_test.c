#include "core/snapshot.h"

#include <stdlib.h>

#include "guard.h"
#include "test.h"

#define S LKS_SECOND
#define T0 (INT64_C(1700000000) * S)

static const lks_windows lockpub = {2, {{20, 10 * S}, {60, 60 * S}}};

static lks_state new_state(void) {
  return (lks_state){.pace = lks_pace_new()};
}

static lks_time reserve(lks_state *state, lks_time now) {
  lks_time slot = 0;
  CHECK(lks_pace_reserve(state->pace, &lockpub, now, LKS_TIME_MAX, &slot));
  return slot;
}

static lks_state used_state(int slots) {
  lks_state state = new_state();
  for (int i = 0; i < slots; i++) reserve(&state, T0 + i * S / 2);
  lks_pace_pause(state.pace, T0, T0 + 40 * S);
  CHECK(lks_quota_observe(&state.quota, T0, "1000", "0", "1700000100"));
  lks_span retry_after;
  CHECK(lks_quota_admit(&state.quota, T0 + 200 * S, &retry_after)); /* a probe is out */
  return state;
}

static lks_buffer written(const lks_state *state) {
  lks_buffer out;
  lks_buffer_init(&out, LKS_SNAPSHOT_MAX);
  CHECK(lks_snapshot_write(state, &out));
  return out;
}

static void a_state_that_was_read_goes_on_as_the_one_that_was_written(void) {
  for (int slots = 0; slots < 150; slots += 7) {
    lks_state state = used_state(slots), copy = new_state();
    lks_buffer bytes = written(&state);
    CHECK(lks_snapshot_read(&copy, bytes.data, bytes.length));
    for (int i = 0; i < 100; i++) CHECK_INT(reserve(&copy, T0 + 50 * S), reserve(&state, T0 + 50 * S));
    CHECK_INT(copy.quota.known, state.quota.known);
    CHECK_INT(copy.quota.limit, state.quota.limit);
    CHECK_INT(copy.quota.remaining, state.quota.remaining);
    CHECK_INT(copy.quota.reset, state.quota.reset);
    CHECK_INT(copy.quota.as_of, state.quota.as_of);
    CHECK_INT(copy.quota.probe, state.quota.probe);
    lks_buffer_free(&bytes);
    lks_pace_free(state.pace);
    lks_pace_free(copy.pace);
  }
}

static void no_bytes_are_a_new_state(void) {
  lks_state state = used_state(70);
  CHECK(lks_snapshot_read(&state, NULL, 0));
  CHECK(!state.quota.known);
  CHECK_INT(reserve(&state, T0), T0);
  lks_pace_free(state.pace);
}

static void what_is_no_state_is_refused_and_changes_nothing(void) {
  lks_state state = used_state(3), other = used_state(5);
  lks_buffer bytes = written(&other);
  lks_time next = lks_pace_peek(state.pace, &lockpub, T0 + 3 * S);
  for (size_t length = 1; length < bytes.length; length++) {
    if (length % sizeof(lks_time) == 0 && length >= bytes.length - 5 * sizeof(lks_time)) continue; /* fewer slots */
    CHECK(!lks_snapshot_read(&state, guard_place(bytes.data, length), length));
  }
  /* Every byte of the mark and of the instants' highest bytes matters. */
  for (size_t i = 0; i < sizeof(int64_t); i++) {
    char *copy = guard_place(bytes.data, bytes.length);
    copy[i] = (char)(copy[i] ^ 1);
    CHECK(!lks_snapshot_read(&state, copy, bytes.length));
  }
  const int64_t far = INT64_MAX;
  for (size_t field = 7; field < bytes.length / sizeof far; field++) {
    char *copy = guard_place(bytes.data, bytes.length);
    memcpy(copy + field * sizeof far, &far, sizeof far);
    CHECK(!lks_snapshot_read(&state, copy, bytes.length));
  }
  char *swapped = guard_place(bytes.data, bytes.length);
  memcpy(swapped + bytes.length - sizeof(lks_time), bytes.data + 11 * sizeof(lks_time), sizeof(lks_time));
  CHECK(!lks_snapshot_read(&state, swapped, bytes.length)); /* not in order */
  CHECK_INT(lks_pace_peek(state.pace, &lockpub, T0 + 3 * S), next);
  CHECK(state.quota.known);
  lks_buffer_free(&bytes);
  lks_pace_free(state.pace);
  lks_pace_free(other.pace);
}

static void short_memory_changes_nothing(void) {
  lks_state state = used_state(3), other = used_state(50);
  lks_buffer bytes = written(&other);
  lks_time next = lks_pace_peek(state.pace, &lockpub, T0 + 3 * S);
  test_fail_alloc(1);
  CHECK(!lks_snapshot_read(&state, bytes.data, bytes.length));
  test_fail_alloc(1);
  CHECK(!lks_snapshot_read(&state, NULL, 0));
  test_fail_alloc(0);
  CHECK_INT(lks_pace_peek(state.pace, &lockpub, T0 + 3 * S), next);
  lks_buffer_free(&bytes);
  lks_buffer_init(&bytes, 100);
  CHECK(!lks_snapshot_write(&other, &bytes));
  lks_buffer_free(&bytes);
  lks_pace_free(state.pace);
  lks_pace_free(other.pace);
}

static bool same_after(lks_state *state, lks_span passed, bool slot) {
  lks_buffer before = written(state);
  if (slot)
    reserve(state, T0 + passed);
  else
    lks_pace_peek(state->pace, &lockpub, T0 + passed);
  lks_buffer after = written(state);
  bool same = lks_snapshot_same(before.data, before.length, after.data, after.length);
  lks_buffer_free(&before);
  lks_buffer_free(&after);
  return same;
}

static void a_clock_that_ran_on_by_less_than_a_second_is_no_difference(void) {
  lks_state state = new_state();
  reserve(&state, T0);
  CHECK(same_after(&state, S / 2, false));
  CHECK(!same_after(&state, S / 2, true));
  CHECK(!same_after(&state, 3 * S / 2, false));
  CHECK(same_after(&state, S, false)); /* a little backwards */
  CHECK(!lks_snapshot_same("", 0, "", 0));
  lks_pace_free(state.pace);
}

static void a_state_lives_as_long_as_anything_in_it_matters(void) {
  lks_state state = new_state();
  CHECK_INT(lks_snapshot_life(&state, T0), 0);
  lks_pace_pause(state.pace, T0, T0 + 5 * S);
  CHECK_INT(lks_snapshot_life(&state, T0), 5 * S);
  reserve(&state, T0 + 5 * S);
  CHECK_INT(lks_snapshot_life(&state, T0), 65 * S);
  CHECK_INT(lks_snapshot_life(&state, T0 + 66 * S), 0);
  CHECK(lks_quota_observe(&state.quota, T0, "1000", "7", NULL));
  CHECK_INT(lks_snapshot_life(&state, T0), LKS_QUOTA_PERIOD_MAX);
  lks_pace_free(state.pace);
}

int main(void) {
  RUN(a_state_that_was_read_goes_on_as_the_one_that_was_written);
  RUN(no_bytes_are_a_new_state);
  RUN(what_is_no_state_is_refused_and_changes_nothing);
  RUN(short_memory_changes_nothing);
  RUN(a_clock_that_ran_on_by_less_than_a_second_is_no_difference);
  RUN(a_state_lives_as_long_as_anything_in_it_matters);
  return TEST_END();
}
