#include "core/state_bytes.h"

#include <stdlib.h>

#include "core/bytes.h"
#include "guard.h"
#include "pace_peek.h"
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
  CHECK(lks_quota_observe(&state.quota, T0, T0, 0, "1000", "0", "1700000100"));
  lks_span retry_after;
  CHECK(lks_quota_admit(&state.quota, T0 + 200 * S, &retry_after)); /* a probe is out */
  return state;
}

static lks_buffer written(const lks_state *state) {
  lks_buffer out;
  lks_buffer_init(&out, LKS_STATE_BYTES_MAX);
  CHECK(lks_state_bytes_write(state, &out));
  return out;
}

static void a_state_that_was_read_goes_on_as_the_one_that_was_written(void) {
  for (int slots = 0; slots < 150; slots += 7) {
    lks_state state = used_state(slots), copy = new_state();
    lks_buffer bytes = written(&state);
    CHECK(lks_state_bytes_read(&copy, bytes.data, bytes.length));
    for (int i = 0; i < 100; i++) CHECK_INT(reserve(&copy, T0 + 50 * S), reserve(&state, T0 + 50 * S));
    CHECK_INT(copy.quota.known, state.quota.known);
    CHECK_INT(copy.quota.limit, state.quota.limit);
    CHECK_INT(copy.quota.remaining, state.quota.remaining);
    CHECK_INT(copy.quota.reset, state.quota.reset);
    CHECK_INT(copy.quota.as_of, state.quota.as_of);
    CHECK_INT(copy.quota.probe, state.quota.probe);
    CHECK_INT(copy.quota.spent, state.quota.spent);
    lks_buffer_free(&bytes);
    lks_pace_free(state.pace);
    lks_pace_free(copy.pace);
  }
}

static void no_bytes_are_a_new_state(void) {
  lks_state state = used_state(70);
  CHECK(lks_state_bytes_read(&state, NULL, 0));
  CHECK(!state.quota.known);
  CHECK_INT(reserve(&state, T0), T0);
  lks_pace_free(state.pace);
}

#define MARK 4

/* The numbers of a written state, in their order. */
enum {
  LINEAGE,
  SEQUENCE,
  KNOWN,
  LIMIT,
  REMAINING,
  RESET,
  AS_OF,
  PROBE,
  SPENT,
  REQUESTS,
  PER,
  SINCE,
  LEARNED,
  USED,
  FIELDS,
  MOST = FIELDS + 4,
  NEWEST,
  CALLED,
  ROLL,
  COUNT,
  SLOTS
};

/* The bytes with another number in the place of one. */
static lks_buffer with(const lks_buffer *bytes, size_t field, int64_t number) {
  lks_buffer out;
  lks_buffer_init(&out, LKS_STATE_BYTES_MAX);
  CHECK(lks_buffer_append(&out, bytes->data, MARK));
  const char *at = bytes->data + MARK, *end = bytes->data + bytes->length;
  for (size_t i = 0; at < end; i++) {
    int64_t present = 0;
    CHECK(lks_bytes_read(&at, end, &present));
    CHECK(lks_bytes_append(&out, i == field ? number : present));
  }
  return out;
}

static bool reads(lks_state *state, const lks_buffer *bytes) {
  return lks_state_bytes_read(state, guard_place(bytes->data, bytes->length), bytes->length);
}

static bool reads_with(lks_state *state, const lks_buffer *bytes, size_t field, int64_t number) {
  lks_buffer other = with(bytes, field, number);
  bool read = reads(state, &other);
  lks_buffer_free(&other);
  return read;
}

static size_t count_of(const lks_buffer *bytes) {
  const char *at = bytes->data + MARK, *end = bytes->data + bytes->length;
  size_t count = 0;
  for (int64_t number; at < end; count++) CHECK(lks_bytes_read(&at, end, &number));
  return count;
}

static void numbers_are_as_short_as_they_are_near_0(void) {
  static const struct {
    int64_t number;
    size_t length;
    const char *bytes;
  } rows[] = {
      {0, 1, "\0"},
      {-1, 1, "\1"},
      {1, 1, "\2"},
      {63, 1, "\176"},
      {64, 2, "\200\1"},
      {-65, 2, "\201\1"},
      {INT64_MAX, 10, "\376\377\377\377\377\377\377\377\377\1"},
      {INT64_MIN, 10, "\377\377\377\377\377\377\377\377\377\1"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    lks_buffer out;
    lks_buffer_init(&out, LKS_BYTES_SIZE);
    CHECK(lks_bytes_append(&out, rows[i].number));
    CHECK(out.length == rows[i].length && memcmp(out.data, rows[i].bytes, out.length) == 0);
    int64_t number = 7;
    const char *copy = guard_place(out.data, out.length), *at = copy;
    CHECK(lks_bytes_read(&at, copy + out.length, &number) && at == copy + out.length);
    CHECK_INT(number, rows[i].number);
    at = copy;
    CHECK(!lks_bytes_read(&at, copy + out.length - 1, &number));
    lks_buffer_free(&out);
  }
  int64_t number;
  const char *endless = "\200\200\200\200\200\200\200\200\200\2";
  CHECK(!lks_bytes_read(&endless, endless + 10, &number));
}

static void they_are_the_same_on_every_machine(void) {
  lks_state state = new_state();
  state.lineage = 0x0102030405060708;
  state.sequence = 0x0102;
  lks_buffer bytes = written(&state);
  CHECK(memcmp(bytes.data, "lks\6\220\234\260\320\200\301\201\202\2\204\4\0", 16) == 0);
  lks_state copy = new_state();
  CHECK(lks_state_bytes_read(&copy, bytes.data, bytes.length));
  CHECK_INT(copy.lineage, state.lineage);
  CHECK_INT(copy.sequence, state.sequence);
  lks_buffer_free(&bytes);
  lks_pace_free(state.pace);
  lks_pace_free(copy.pace);
}

/* Slots, a promise, a pause and a quota, as a little-endian machine of 64 bits wrote them. */
static void what_another_machine_wrote_is_read(void) {
  lks_state state = used_state(3), copy = new_state();
  lks_time slot, there;
  lks_promise promise;
  const lks_windows one = {1, {{1, 10 * S}}};
  CHECK(lks_pace_promise(state.pace, &one, T0 + 40 * S, LKS_TIME_MAX, &slot, &promise));
  CHECK(lks_pace_promise(state.pace, &one, T0 + 40 * S, LKS_TIME_MAX, &slot, &promise));
  lks_buffer bytes = written(&state);
  static const char there_written[] =
      "lks\6\0\0\2\320\17\0\200\204\241\341\203\211\205\6\200\200\362\201\203\211\205\6\200\226\236\335"
      "\204\211\205\6\0\0\0\0\0\0\0\200\350\204\250\203\211\205\6\200\350\204\250\203\211\205\6\200\234"
      "\234\71\170\4\0\0\12\200\200\344\203\206\222\212\14\200\211\172\200\211\172\200\276\261\112\202\264"
      "\211\23\4";
  CHECK(bytes.length == sizeof there_written - 1 && memcmp(bytes.data, there_written, bytes.length) == 0);
  CHECK(lks_state_bytes_read(&copy, there_written, sizeof there_written - 1));
  CHECK_INT(copy.quota.probe, state.quota.probe);
  CHECK(lks_pace_look(copy.pace, &one, T0 + 40 * S, &promise, &there));
  CHECK_INT(there, slot);
  lks_buffer_free(&bytes);
  lks_pace_free(state.pace);
  lks_pace_free(copy.pace);
}

static void what_is_no_state_is_refused_and_changes_nothing(void) {
  lks_state state = used_state(3), other = used_state(5);
  lks_buffer bytes = written(&other);
  lks_time next = pace_peek(state.pace, &lockpub, T0 + 3 * S);
  for (size_t length = 1; length < bytes.length; length++)
    CHECK(!lks_state_bytes_read(&state, guard_place(bytes.data, length), length));
  for (size_t i = 0; i < MARK; i++) {
    char *copy = guard_place(bytes.data, bytes.length);
    copy[i] = (char)(copy[i] ^ 1);
    CHECK(!lks_state_bytes_read(&state, copy, bytes.length));
  }
  static const int64_t far[] = {INT64_MAX, INT64_MIN};
  for (size_t field = 1; field < count_of(&bytes); field++) {
    for (size_t i = 0; i < 2; i++) {
      if ((field == LIMIT || field == REMAINING) && far[i] > 0)
        continue; /* a limit and what remains of it have no end */
      CHECK(!reads_with(&state, &bytes, field, far[i]));
    }
  }
  CHECK(!reads_with(&state, &bytes, SLOTS + 1, -2)); /* not in order */
  CHECK(!reads_with(&state, &bytes, SLOTS + 4, 1));  /* a promise without its name */
  CHECK(!reads_with(&state, &bytes, NEWEST, 1));
  CHECK(!reads_with(&state, &bytes, CALLED, 2)); /* more than were given */
  CHECK(!reads_with(&state, &bytes, MOST, LKS_WINDOW_REQUESTS_MAX + 1));
  CHECK(!reads_with(&state, &bytes, COUNT, 4));
  CHECK(!reads_with(&state, &bytes, COUNT, 6));
  CHECK_INT(pace_peek(state.pace, &lockpub, T0 + 3 * S), next);
  CHECK(state.quota.known);
  lks_buffer_free(&bytes);
  lks_pace_free(state.pace);
  lks_pace_free(other.pace);
}

static void a_quota_that_cannot_be_is_refused_and_changes_nothing(void) {
  static const struct {
    size_t field;
    int64_t value;
  } rows[] = {
      {KNOWN, 2},
      {KNOWN, -1},
      {KNOWN, INT64_MIN},
      {LIMIT, -2},
      {LIMIT, INT64_MIN},
      {REMAINING, -1},
      {REMAINING, INT64_MIN},
      {RESET, LKS_QUOTA_TIME_MAX + 1},
      {RESET, INT64_MAX},
      {RESET, INT64_MIN},
      {AS_OF, LKS_QUOTA_TIME_MAX + 1},
      {AS_OF, INT64_MAX},
      {AS_OF, -LKS_QUOTA_TIME_MAX - 1},
      {AS_OF, INT64_MIN},
      {PROBE, INT64_MAX},
      {PROBE, INT64_MIN},
      {SPENT, -1},
      {SPENT, 1}, /* more than remained */
      {SEQUENCE, -1},
  };
  lks_state state = used_state(3), other = used_state(5);
  lks_buffer bytes = written(&other);
  lks_time next = pace_peek(state.pace, &lockpub, T0 + 3 * S);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CHECK(!reads_with(&state, &bytes, rows[i].field, rows[i].value));
  }
  CHECK_INT(pace_peek(state.pace, &lockpub, T0 + 3 * S), next);
  CHECK_INT(state.quota.remaining, 0);
  lks_buffer_free(&bytes);
  lks_pace_free(state.pace);
  lks_pace_free(other.pace);
}

static void short_memory_changes_nothing(void) {
  lks_state state = used_state(3), other = used_state(50);
  lks_buffer bytes = written(&other);
  lks_time next = pace_peek(state.pace, &lockpub, T0 + 3 * S);
  test_fail_alloc(1);
  CHECK(!lks_state_bytes_read(&state, bytes.data, bytes.length));
  test_fail_alloc(1);
  CHECK(!lks_state_bytes_read(&state, NULL, 0));
  test_fail_alloc(0);
  CHECK_INT(pace_peek(state.pace, &lockpub, T0 + 3 * S), next);
  lks_buffer_free(&bytes);
  lks_buffer_init(&bytes, 50);
  CHECK(!lks_state_bytes_write(&other, &bytes));
  lks_buffer_free(&bytes);
  lks_pace_free(state.pace);
  lks_pace_free(other.pace);
}

static void promises_are_written_too(void) {
  lks_state state = new_state(), copy = new_state();
  lks_time slot, there = 0;
  lks_promise promise, other;
  const lks_windows one = {1, {{1, 10 * S}}};
  CHECK(lks_pace_promise(state.pace, &one, T0, LKS_TIME_MAX, &slot, &promise));
  CHECK_INT(promise, 0);
  CHECK(lks_pace_promise(state.pace, &one, T0, LKS_TIME_MAX, &slot, &promise));
  lks_buffer bytes = written(&state);
  CHECK(reads(&copy, &bytes));
  CHECK(lks_pace_look(copy.pace, &one, T0, &promise, &there));
  CHECK_INT(there, T0 + 10 * S);
  CHECK(lks_pace_promise(copy.pace, &one, T0, LKS_TIME_MAX, &slot, &other));
  CHECK(other != promise && lks_pace_is_movable(other) && !lks_pace_is_movable(promise));
  CHECK(!reads_with(&copy, &bytes, NEWEST, promise - 2)); /* named, but not given yet */
  lks_buffer_free(&bytes);
  lks_pace_free(state.pace);
  lks_pace_free(copy.pace);
}

static void what_only_remembers_a_quota_is_small(void) {
  lks_state state = new_state();
  state.lineage = INT64_C(1) << 53;
  state.sequence = 1000000;
  CHECK(lks_quota_observe(&state.quota, T0, T0, 0, "1000", "765", "1702592000"));
  lks_buffer bytes = written(&state);
  CHECK(bytes.length <= 64);
  CHECK_INT(lks_state_hold(&state, T0), 0);
  lks_buffer_free(&bytes);
  lks_pace_free(state.pace);
}

static void a_full_history_has_the_room_that_was_reckoned(void) {
  static const lks_windows rows[] = {{2, {{20, 10 * S}, {60, 60 * S}}}, {1, {{500, S}}}, {1, {{10000, 3600 * S}}}};
  for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
    lks_state state = used_state(0);
    lks_time slot;
    lks_promise promise;
    size_t room = lks_state_bytes_room(&rows[row]);
    unsigned most = rows[row].window[rows[row].count - 1].requests;
    for (unsigned i = 0; i < 3 * most; i++) /* whatever is sent beside the windows */
      CHECK(lks_pace_record(state.pace, &rows[row], T0 + 40 * S + i, T0 + 40 * S + i));
    for (unsigned i = 0; i < most; i++)
      CHECK(lks_pace_promise(state.pace, &rows[row], T0 + 40 * S, LKS_TIME_MAX, &slot, &promise));
    lks_buffer bytes = written(&state);
    CHECK(bytes.length <= room);
    lks_buffer_free(&bytes);
    lks_pace_free(state.pace);
  }
  const lks_windows none = {0};
  CHECK_INT(lks_state_bytes_room(&none), 0);
}

static void a_state_lives_as_long_as_anything_in_it_matters(void) {
  lks_state state = new_state();
  CHECK_INT(lks_state_life(&state, T0), 0);
  lks_pace_pause(state.pace, T0, T0 + 5 * S);
  CHECK_INT(lks_state_life(&state, T0), 5 * S);
  reserve(&state, T0 + 5 * S);
  CHECK_INT(lks_state_life(&state, T0), 65 * S);
  CHECK_INT(lks_state_life(&state, T0 + 66 * S), 0);
  CHECK(lks_quota_observe(&state.quota, T0, T0, 0, "1000", "7", NULL));
  CHECK_INT(lks_state_life(&state, T0), LKS_QUOTA_PERIOD_MAX);
  lks_pace_free(state.pace);
}

int main(void) {
  RUN(a_state_that_was_read_goes_on_as_the_one_that_was_written);
  RUN(numbers_are_as_short_as_they_are_near_0);
  RUN(promises_are_written_too);
  RUN(what_only_remembers_a_quota_is_small);
  RUN(a_full_history_has_the_room_that_was_reckoned);
  RUN(they_are_the_same_on_every_machine);
  RUN(what_another_machine_wrote_is_read);
  RUN(no_bytes_are_a_new_state);
  RUN(what_is_no_state_is_refused_and_changes_nothing);
  RUN(a_quota_that_cannot_be_is_refused_and_changes_nothing);
  RUN(short_memory_changes_nothing);
  RUN(a_state_lives_as_long_as_anything_in_it_matters);
  return TEST_END();
}
