#include "core/buffer.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "test.h"

static void starts_empty_without_memory(void) {
  long before = test_alloc_live();
  lks_buffer buffer;
  lks_buffer_init(&buffer, 10);
  CHECK(buffer.data == NULL && buffer.length == 0 && !buffer.failed);
  CHECK_INT(test_alloc_live(), before);
  lks_buffer_free(&buffer);
}

static void collects_what_is_appended(void) {
  lks_buffer buffer;
  lks_buffer_init(&buffer, 1000);
  CHECK(lks_buffer_append(&buffer, guard_place("abc", 3), 3));
  CHECK(lks_buffer_append_text(&buffer, "de"));
  CHECK(lks_buffer_append(&buffer, NULL, 0));
  CHECK(lks_buffer_append_text(&buffer, NULL));
  CHECK(lks_buffer_append_text(&buffer, ""));
  CHECK(lks_buffer_append_number(&buffer, 42));
  CHECK_TEXT(buffer.data, "abcde42");
  CHECK_INT(buffer.length, 7);
  lks_buffer_free(&buffer);
}

static void keeps_bytes_of_every_value(void) {
  char all[256];
  lks_buffer buffer;
  for (int i = 0; i < 256; i++) all[i] = (char)i;
  lks_buffer_init(&buffer, 256);
  CHECK(lks_buffer_append(&buffer, all, 256));
  CHECK_INT(buffer.length, 256);
  CHECK(memcmp(buffer.data, all, 256) == 0);
  CHECK_INT(buffer.data[256], 0);
  lks_buffer_free(&buffer);
}

static void writes_numbers_in_decimal(void) {
  static const struct {
    long long number;
    const char *text;
  } cases[] = {{0, "0"},
               {7, "7"},
               {-1, "-1"},
               {10, "10"},
               {-100, "-100"},
               {1795264496, "1795264496"},
               {INT64_MAX, "9223372036854775807"},
               {INT64_MIN, "-9223372036854775808"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    lks_buffer buffer;
    lks_buffer_init(&buffer, 64);
    CHECK(lks_buffer_append_number(&buffer, cases[i].number));
    CHECK_TEXT(buffer.data, cases[i].text);
    lks_buffer_free(&buffer);
  }
}

static void fills_up_to_the_maximum_and_no_further(void) {
  for (size_t maximum = 0; maximum < 200; maximum++) {
    lks_buffer buffer;
    size_t count = 0;
    lks_buffer_init(&buffer, maximum);
    while (count <= maximum && lks_buffer_append(&buffer, "x", 1)) count++;
    CHECK_INT(count, maximum);
    CHECK_INT(buffer.length, maximum);
    CHECK(buffer.capacity <= maximum);
    CHECK(buffer.failed && buffer.full);
    if (maximum > 0) CHECK_INT(strlen(buffer.data), maximum);
    lks_buffer_free(&buffer);
  }
}

static void an_append_over_the_maximum_adds_nothing(void) {
  lks_buffer buffer;
  lks_buffer_init(&buffer, 5);
  CHECK(lks_buffer_append_text(&buffer, "abc"));
  CHECK(!lks_buffer_append_text(&buffer, "def"));
  CHECK_TEXT(buffer.data, "abc");
  CHECK(!lks_buffer_append(&buffer, "x", SIZE_MAX));
  CHECK_TEXT(buffer.data, "abc");
  lks_buffer_free(&buffer);
}

static void failure_sticks_until_cleared(void) {
  lks_buffer buffer;
  lks_buffer_init(&buffer, 3);
  CHECK(!lks_buffer_append_text(&buffer, "abcd"));
  CHECK(!lks_buffer_append_text(&buffer, "a"));
  CHECK(!lks_buffer_append(&buffer, NULL, 0));
  CHECK(!lks_buffer_append_text(&buffer, NULL));
  CHECK(!lks_buffer_append_number(&buffer, 1));
  CHECK(!lks_buffer_reserve(&buffer, 1));
  lks_buffer_clear(&buffer);
  CHECK(!buffer.failed && !buffer.full);
  CHECK(lks_buffer_append_text(&buffer, "abc"));
  CHECK_TEXT(buffer.data, "abc");
  lks_buffer_free(&buffer);
}

static void clearing_keeps_the_memory(void) {
  lks_buffer buffer;
  lks_buffer_init(&buffer, 100);
  CHECK(lks_buffer_append_text(&buffer, "abc"));
  const char *data = buffer.data;
  lks_buffer_clear(&buffer);
  CHECK(buffer.data == data && buffer.length == 0);
  CHECK_TEXT(buffer.data, "");
  CHECK(lks_buffer_append_text(&buffer, "x"));
  CHECK(buffer.data == data);
  lks_buffer_free(&buffer);
}

static void reserved_room_does_not_move(void) {
  lks_buffer buffer;
  lks_buffer_init(&buffer, 1000);
  CHECK(lks_buffer_reserve(&buffer, 0));
  CHECK_TEXT(buffer.data, "");
  CHECK(lks_buffer_reserve(&buffer, 1000));
  const char *data = buffer.data;
  for (int i = 0; i < 1000; i++) CHECK(lks_buffer_append(&buffer, "y", 1));
  CHECK(buffer.data == data);
  CHECK(lks_buffer_reserve(&buffer, 10));
  CHECK(buffer.data == data && buffer.length == 1000);
  lks_buffer_free(&buffer);
}

static void reserving_over_the_maximum_fails(void) {
  lks_buffer buffer;
  lks_buffer_init(&buffer, 10);
  CHECK(!lks_buffer_reserve(&buffer, 11));
  CHECK(buffer.failed && buffer.full && buffer.data == NULL);
  lks_buffer_free(&buffer);
}

static void sizes_no_object_can_have_are_refused(void) {
  lks_buffer buffer;
  lks_buffer_init(&buffer, SIZE_MAX);
  CHECK(!lks_buffer_reserve(&buffer, SIZE_MAX));
  CHECK(buffer.failed && !buffer.full);
  lks_buffer_clear(&buffer);
  CHECK(lks_buffer_append_text(&buffer, "abc"));
  CHECK(!lks_buffer_append(&buffer, "x", SIZE_MAX - 3));
  CHECK(buffer.failed && !buffer.full);
  CHECK_TEXT(buffer.data, "abc");
  lks_buffer_free(&buffer);
}

static void can_be_freed_again_and_used_afterwards(void) {
  lks_buffer buffer;
  lks_buffer_init(&buffer, 3);
  (void)lks_buffer_append_text(&buffer, "abcd");
  lks_buffer_free(&buffer);
  lks_buffer_free(&buffer);
  lks_buffer_wipe(&buffer);
  CHECK(lks_buffer_append_text(&buffer, "abc"));
  CHECK(!lks_buffer_append_text(&buffer, "d"));
  lks_buffer_free(&buffer);
}

static bool run_of_appends(lks_buffer *buffer) {
  bool done = true;
  for (int i = 0; i < 50; i++) done = lks_buffer_append_text(buffer, "twelve bytes");
  CHECK_INT(done, !buffer->failed);
  return done;
}

static void every_allocation_may_fail(void) {
  long before = test_alloc_live();
  for (long nth = 1;; nth++) {
    lks_buffer buffer;
    lks_buffer_init(&buffer, 10000);
    test_fail_alloc(nth);
    bool done = run_of_appends(&buffer);
    bool failed = test_alloc_failed();
    test_fail_alloc(0);
    CHECK_INT(done, !failed);
    if (failed) {
      CHECK(!buffer.full);
      CHECK_INT(buffer.length % 12, 0);
      lks_buffer_clear(&buffer);
      CHECK(run_of_appends(&buffer));
    }
    CHECK_INT(buffer.length, 600);
    lks_buffer_free(&buffer);
    CHECK_INT(test_alloc_live(), before);
    if (!failed) break;
    CHECK(nth < 20);
    if (nth >= 20) break;
  }
}

static void wiping_overwrites(void) {
  char bytes[] = "secret";
  lks_wipe(bytes, 3);
  CHECK(memcmp(bytes, "\0\0\0ret", 7) == 0);
  lks_wipe(NULL, 0);
}

static const char *watched;
static size_t watched_length;
static int watched_freed, watched_dirty;

static void watch(const void *block) {
  if (block != watched) return;
  watched_freed++;
  for (size_t i = 0; i < watched_length; i++)
    if (watched[i] != 0) watched_dirty++;
}

static void a_wiped_buffer_is_overwritten_before_it_is_freed(void) {
  lks_buffer buffer;
  lks_buffer_init(&buffer, 100);
  CHECK(lks_buffer_append_text(&buffer, "the secret"));
  lks_buffer_clear(&buffer);
  CHECK(lks_buffer_append_text(&buffer, "no"));
  watched = buffer.data;
  watched_length = strlen("the secret");
  test_watch_free(watch);
  lks_buffer_wipe(&buffer);
  test_watch_free(NULL);
  CHECK_INT(watched_freed, 1);
  CHECK_INT(watched_dirty, 0);
  CHECK(buffer.data == NULL && buffer.length == 0);
}

int main(void) {
  RUN(starts_empty_without_memory);
  RUN(collects_what_is_appended);
  RUN(keeps_bytes_of_every_value);
  RUN(writes_numbers_in_decimal);
  RUN(fills_up_to_the_maximum_and_no_further);
  RUN(an_append_over_the_maximum_adds_nothing);
  RUN(failure_sticks_until_cleared);
  RUN(clearing_keeps_the_memory);
  RUN(reserved_room_does_not_move);
  RUN(reserving_over_the_maximum_fails);
  RUN(sizes_no_object_can_have_are_refused);
  RUN(can_be_freed_again_and_used_afterwards);
  RUN(every_allocation_may_fail);
  RUN(wiping_overwrites);
  RUN(a_wiped_buffer_is_overwritten_before_it_is_freed);
  return TEST_END();
}
