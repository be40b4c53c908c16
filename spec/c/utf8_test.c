#include "core/utf8.h"

#include <stdbool.h>

#include "guard.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void test_characters_and_what_to_leave_out_where_there_is_none(void) {
  static const struct {
    const char *text;
    size_t length, size, bad;
  } rows[] = {
      {"a", 1, 1, 0},
      {"\0b", 2, 1, 0},
      {"\x7F", 1, 1, 0},
      {"\xC3\xA9z", 3, 2, 0},
      {"\xE2\x82\xACz", 4, 3, 0},
      {"\xF0\x9F\x94\x92z", 5, 4, 0},
      {"\x80", 1, 0, 1},
      {"\xBF\x80", 2, 0, 1},
      {"\xC0\x80", 2, 0, 1}, /* overlong: no character begins so */
      {"\xC1\xBF", 2, 0, 1},
      {"\xE0\x80\x80", 3, 0, 1},
      {"\xF0\x80\x80\x80", 4, 0, 1},
      {"\xED\xA0\x80", 3, 0, 1}, /* a surrogate */
      {"\xF4\x90\x80\x80", 4, 0, 1},
      {"\xF5\x80\x80\x80", 4, 0, 1},
      {"\xFF", 1, 0, 1},
      {"\xC3", 1, 0, 1}, /* cut */
      {"\xC3z", 2, 0, 1},
      {"\xE2\x82", 2, 0, 2},
      {"\xE2\x82z", 3, 0, 2},
      {"\xE2\x82\xE2", 3, 0, 2},
      {"\xF0\x9F", 2, 0, 2},
      {"\xF0\x9F\x94", 3, 0, 3},
      {"\xF0\x9F\x94z", 4, 0, 3},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    size_t bad = 0, size = lks_utf8_character(guard_place(rows[i].text, rows[i].length), rows[i].length, &bad);
    CHECK_INT(size, rows[i].size);
    if (size == 0) CHECK_INT(bad, rows[i].bad);
  }
}

/* Every code point, and every sequence of up to three bytes, against the definition. */
static void test_utf8_exhaustively(void) {
  size_t valid = 0;
  for (unsigned code = 0; code < 0x10000; code++) {
    char text[3] = {(char)(0xE0 | code >> 12), (char)(0x80 | (code >> 6 & 0x3F)), (char)(0x80 | (code & 0x3F))};
    bool expected = code >= 0x800 && !(code >= 0xD800 && code <= 0xDFFF);
    CHECK_INT(lks_utf8_length(text, 3), expected ? 1 : -1);
  }
  for (unsigned bytes = 0; bytes < 0x10000; bytes++) {
    char text[2] = {(char)(bytes >> 8), (char)(bytes & 0xFF)};
    if (lks_utf8_length(text, 2) == 1) valid++;
  }
  CHECK_INT(valid, 0x800 - 0x80);
  valid = 0;
  for (unsigned lead = 0xF0; lead <= 0xFF; lead++) {
    for (unsigned rest = 0; rest < 0x1000000; rest += 0x41) {
      char text[4] = {(char)lead, (char)(rest >> 16), (char)(rest >> 8), (char)rest};
      unsigned code = (lead & 7) << 18 | (rest >> 16 & 0x3F) << 12 | (rest >> 8 & 0x3F) << 6 | (rest & 0x3F);
      bool expected = lead <= 0xF4 && (rest & 0xC0C0C0) == 0x808080 && code >= 0x10000 && code <= 0x10FFFF;
      if ((lks_utf8_length(text, 4) == 1) != expected) valid++;
    }
  }
  CHECK_INT(valid, 0);
}

int main(void) {
  RUN(test_characters_and_what_to_leave_out_where_there_is_none);
  RUN(test_utf8_exhaustively);
  return TEST_END();
}
