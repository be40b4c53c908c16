/* Texts of an error: whole characters within the limit. */
#include "core/message.h"

#include <stdlib.h>
#include <string.h>

#include "test.h"

static void expect_copy(const char *text, size_t maximum, const char *expected) {
  char *copy = lks_message_copy(text, maximum);
  CHECK_TEXT(copy, expected);
  free(copy);
}

static void test_copy_is_cut_between_characters(void) {
  expect_copy("", 0, "");
  expect_copy("abc", 3, "abc");
  expect_copy("abc", 2, "ab");
  expect_copy("a\xC3\xA9z", 2, "a");
  expect_copy("a\xC3\xA9z", 3, "a\xC3\xA9");
  expect_copy("\xF0\x9F\x94\x92", 3, "");
  CHECK(lks_message_copy(NULL, 10) == NULL);
}

static void expect_join(const char *first, const char *second, const char *expected) {
  char *joined = lks_message_join(first, second);
  CHECK_TEXT(joined, expected);
  free(joined);
}

static void test_join(void) {
  expect_join("one", "two", "one; two");
  expect_join("one", NULL, "one");
  expect_join(NULL, "two", "two");
  expect_join("", "", "; ");
  CHECK(lks_message_join(NULL, NULL) == NULL);
}

static void test_join_is_bounded(void) {
  static char longest[LKS_MESSAGE_MAX + 10];
  memset(longest, 'x', sizeof longest - 1);
  char *joined = lks_message_join("first", longest);
  CHECK_INT(strlen(joined), LKS_MESSAGE_MAX);
  CHECK(strncmp(joined, "first; xxx", 10) == 0);
  free(joined);
  joined = lks_message_join(NULL, longest);
  CHECK_INT(strlen(joined), LKS_MESSAGE_MAX);
  free(joined);
}

static void test_every_allocation_may_fail(void) {
  long live = test_alloc_live();
  for (long nth = 1; nth <= 2; nth++) {
    test_fail_alloc(nth);
    char *joined = lks_message_join("one", "two");
    CHECK(test_alloc_failed() && joined == NULL);
    test_fail_alloc(0);
    CHECK_INT(test_alloc_live(), live);
  }
}

int main(void) {
  RUN(test_copy_is_cut_between_characters);
  RUN(test_join);
  RUN(test_join_is_bounded);
  RUN(test_every_allocation_may_fail);
  return TEST_END();
}
