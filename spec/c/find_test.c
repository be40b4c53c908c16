/* Finding bytes in bytes: against a search that cannot be wrong, and in linear time. */
#include "core/find.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "call_script.h"
#include "guard.h"
#include "test.h"

static const char *simple(const char *text, size_t length, const char *what, size_t what_length) {
  for (size_t at = 0; what_length > 0 && at + what_length <= length; at++)
    if (memcmp(text + at, what, what_length) == 0) return text + at;
  return NULL;
}

static void test_nothing_is_nowhere(void) {
  CHECK(lks_find(NULL, 0, NULL, 0) == NULL);
  CHECK(lks_find("abc", 3, "", 0) == NULL);
  CHECK(lks_find(NULL, 0, "a", 1) == NULL);
  CHECK(lks_find("abc", 3, "abcd", 4) == NULL);
}

static void test_first_place_is_found(void) {
  const char *text = "see https://example.com/a and https://example.com/ab";
  CHECK(lks_find(text, strlen(text), "https://example.com/ab", 22) == text + 30);
  CHECK(lks_find(text, strlen(text), "https://example.com/a", 21) == text + 4);
  CHECK(lks_find(text, strlen(text), "h", 1) == text + 4);
  CHECK(lks_find("a\0b", 3, "\0b", 2) != NULL);
}

/* Words of few letters repeat themselves in every way. */
static void test_every_word_is_found_where_it_is(void) {
  uint64_t seed = 11;
  for (int round = 0; round < 200000 && !test_case_failed; round++) {
    char text[64], what[24];
    unsigned letters = 1 + script_random(&seed, 3);
    size_t length = script_random(&seed, sizeof text), what_length = 1 + script_random(&seed, sizeof what - 1);
    for (size_t i = 0; i < length; i++) text[i] = (char)('a' + script_random(&seed, letters));
    bool part = what_length <= length && script_random(&seed, 2);
    size_t from = part ? script_random(&seed, (unsigned)(length - what_length + 1)) : 0;
    for (size_t i = 0; i < what_length; i++)
      what[i] = part ? text[from + i] : (char)('a' + script_random(&seed, letters));
    const char *placed = guard_place(text, length);
    CHECK(lks_find(placed, length, what, what_length) == simple(placed, length, what, what_length));
  }
}

static void test_it_repeats_in_linear_time(void) {
  size_t length = (size_t)8 << 20, half = length / 2;
  char *text = malloc(length), *what = malloc(half);
  memset(text, 'a', length);
  memset(what, 'a', half);
  /* A search that begins anew at each place would compare 16 million million bytes. */
  what[half - 1] = 'b';
  CHECK(lks_find(text, length, what, half) == NULL);
  what[half - 1] = 'a';
  what[0] = 'b';
  CHECK(lks_find(text, length, what, half) == NULL);
  what[0] = 'a';
  what[half / 2] = 'b';
  CHECK(lks_find(text, length, what, half) == NULL);
  text[length - half + half / 2] = 'b';
  CHECK(lks_find(text, length, what, half) == text + length - half);
  free(text);
  free(what);
}

int main(void) {
  RUN(test_nothing_is_nowhere);
  RUN(test_first_place_is_found);
  RUN(test_every_word_is_found_where_it_is);
  RUN(test_it_repeats_in_linear_time);
  return TEST_END();
}
