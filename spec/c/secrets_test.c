/* What no text may show is taken out of it, and gone from memory when it is forgotten. */
#include "core/secrets.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static lks_secrets remember(const char *const *texts) {
  lks_secrets secrets = {NULL};
  for (; *texts != NULL; texts++) CHECK(lks_secrets_add(&secrets, *texts, strlen(*texts)));
  return secrets;
}

/* `expected` NULL: it holds none. */
static void expect(const lks_secrets *secrets, const lks_key *key, const char *text, const char *expected) {
  size_t length = strlen(text);
  const char *placed = guard_place(text, length);
  lks_buffer out;
  lks_buffer_init(&out, 1000);
  CHECK_INT(lks_secrets_shown(secrets, key, placed, length), expected != NULL);
  CHECK_INT(lks_secrets_redact(secrets, key, placed, length, &out),
            expected == NULL ? LKS_REDACTION_NONE : LKS_REDACTION_DONE);
  if (expected != NULL) CHECK_TEXT(out.data, expected);
  lks_buffer_free(&out);
}

static void test_each_place_is_redacted(void) {
  const char *const texts[] = {"a%b(c", "hunter2", NULL};
  lks_secrets secrets = remember(texts);
  expect(&secrets, NULL, "", NULL);
  expect(&secrets, NULL, "nothing here, hunter", NULL);
  expect(&secrets, NULL, "hunter2", "[redacted]");
  expect(&secrets, NULL, "hunter2 and hunter2, or a%b(c?", "[redacted] and [redacted], or [redacted]?");
  expect(&secrets, NULL, "hunter2hunter2a%b(c", "[redacted][redacted][redacted]");
  expect(&secrets, NULL, "xhunter2", "x[redacted]");
  lks_secrets_free(&secrets);
}

/* Whichever of them was remembered first. */
static void test_those_that_overlap_go_as_a_whole(void) {
  static const char *const orders[][4] = {
      {"a%b(c", "a%b(cd", "b(cde", NULL}, {"b(cde", "a%b(cd", "a%b(c", NULL}, {"a%b(cd", "b(cde", "a%b(c", NULL}};
  for (size_t i = 0; i < COUNT(orders); i++) {
    lks_secrets secrets = remember(orders[i]);
    expect(&secrets, NULL, "a%b(c and a%b(cd", "[redacted] and [redacted]");
    expect(&secrets, NULL, "<a%b(cde>", "<[redacted]>");
    expect(&secrets, NULL, "a%b(ca%b(cd", "[redacted][redacted]");
    lks_secrets_free(&secrets);
  }
}

static void test_what_rules_a_text_out(void) {
  const char *const none[] = {NULL}, *const texts[] = {"hunter2", "a%b(c", "longer still", NULL},
                    *const listed[] = {"hunter2", "one, two", NULL};
  lks_secrets secrets = remember(none);
  CHECK(lks_secrets_shortest(&secrets, NULL) == SIZE_MAX);
  CHECK(!lks_secrets_have_comma(&secrets));
  secrets = remember(texts);
  CHECK_INT(lks_secrets_shortest(&secrets, NULL), 5);
  CHECK(!lks_secrets_have_comma(&secrets));
  lks_secrets_free(&secrets);
  secrets = remember(listed);
  CHECK(lks_secrets_have_comma(&secrets));
  lks_secrets_free(&secrets);
}

static void test_short_ones_stay(void) {
  const char *const texts[] = {"", "a", "abc", NULL};
  lks_secrets secrets = remember(texts);
  CHECK(secrets.first == NULL);
  expect(&secrets, NULL, "abc", NULL);
  CHECK(lks_secrets_add(&secrets, "abcd", LKS_SECRET_MIN));
  expect(&secrets, NULL, "abcde", "[redacted]e");
  lks_secrets_free(&secrets);
}

static void test_the_key_is_one(void) {
  lks_key *key = NULL;
  CHECK_INT(lks_key_new(LKS_LOCKPUB, "ll_live_abc", 11, &key), LKS_KEY_OK);
  expect(NULL, NULL, "ll_live_abc", NULL);
  expect(NULL, key, "Bearer ll_live_abc.", "Bearer [redacted].");
  const char *const texts[] = {"live_abcdef", NULL};
  lks_secrets secrets = remember(texts);
  expect(&secrets, key, "ll_live_abcdef", "[redacted]");
  lks_secrets_free(&secrets);
  lks_key_free(key);
}

static void test_bytes_of_every_kind(void) {
  lks_secrets secrets = {NULL};
  lks_buffer out;
  lks_buffer_init(&out, 100);
  CHECK(lks_secrets_add(&secrets, "a\0\xFF\nb", 5));
  CHECK_INT(lks_secrets_redact(&secrets, NULL, "\0a\0\xFF\nb\0", 7, &out), LKS_REDACTION_DONE);
  CHECK_INT(out.length, 12);
  CHECK(memcmp(out.data, "\0[redacted]\0", 12) == 0);
  lks_buffer_free(&out);
  lks_secrets_free(&secrets);
}

static void test_no_memory_shows_nothing(void) {
  const char *const texts[] = {"hunter2", NULL};
  lks_secrets secrets = remember(texts);
  for (long nth = 1; nth <= 2; nth++) {
    lks_buffer out;
    lks_buffer_init(&out, 100);
    test_fail_alloc(nth);
    CHECK_INT(lks_secrets_redact(&secrets, NULL, "hunter2 was given", 17, &out), LKS_REDACTION_NO_MEMORY);
    CHECK(test_alloc_failed());
    CHECK_INT(out.length, 0);
    lks_buffer_free(&out);
  }
  test_fail_alloc(1);
  CHECK(!lks_secrets_add(&secrets, "hunter3", 7));
  test_fail_alloc(0);
  lks_buffer small;
  lks_buffer_init(&small, 5);
  CHECK_INT(lks_secrets_redact(&secrets, NULL, "hunter2", 7, &small), LKS_REDACTION_NO_MEMORY);
  lks_buffer_free(&small);
  long before = test_alloc_live();
  lks_secrets_free(&secrets);
  CHECK_INT(before - test_alloc_live(), 1);
  CHECK(secrets.first == NULL);
}

#define SECRET "share-this-separately"
static int secrets_freed;

static void look_for_secret(const void *block) {
  if (block == NULL) return;
  /* Behind what belongs to the list. */
  for (size_t at = 0; at <= 2 * sizeof(size_t); at++)
    if (memcmp((const char *)block + at, SECRET, 8) == 0) secrets_freed++;
}

static void test_they_are_overwritten(void) {
  const char *const texts[] = {SECRET, SECRET, NULL};
  lks_secrets secrets = remember(texts);
  test_watch_free(look_for_secret);
  lks_secrets_free(&secrets);
  test_watch_free(NULL);
  CHECK_INT(secrets_freed, 0);
}

int main(void) {
  RUN(test_each_place_is_redacted);
  RUN(test_those_that_overlap_go_as_a_whole);
  RUN(test_what_rules_a_text_out);
  RUN(test_short_ones_stay);
  RUN(test_the_key_is_one);
  RUN(test_bytes_of_every_kind);
  RUN(test_no_memory_shows_nothing);
  RUN(test_they_are_overwritten);
  return TEST_END();
}
