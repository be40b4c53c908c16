#include "core/number.h"

#include <math.h>
#include <stdlib.h>

#include "guard.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static uint64_t chance(void) {
  static uint64_t state = 1;
  state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return state ^ state >> 29;
}

static double random_double(void) {
  uint64_t bits = chance();
  double number;
  memcpy(&number, &bits, sizeof number);
  return number;
}

static void test_numbers_are_written_as_short_as_they_read_back(void) {
  static const struct {
    double number;
    const char *text;
  } rows[] = {
      {0, "0"},
      {-0.0, "0"},
      {1, "1"},
      {-1, "-1"},
      {88, "88"},
      {1e14, "100000000000000"},
      {1e15, "1000000000000000"},
      {9007199254740992.0, "9007199254740992"},
      {9007199254740994.0, "9.007199254740994e+15"},
      {1e16, "1e+16"},
      {-1e16, "-1e+16"},
      {1152921504606846976.0, "1.152921504606847e+18"},
      {1e300, "1e+300"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {5e-324, "5e-324"},
      {0.5, "0.5"},
      {-0.5, "-0.5"},
      {0.1, "0.1"},
      {0.30000000000000004, "0.30000000000000004"},
      {123456.789, "123456.789"},
      {1795189533.25, "1795189533.25"},
      {0.0001, "0.0001"},
      {0.00012345, "0.00012345"},
      {0.00001, "1e-05"},
      {1.5e-7, "1.5e-07"},
      {4503599627370495.5, "4503599627370495.5"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    char text[LKS_NUMBER_SIZE];
    CHECK_INT(lks_number_write(rows[i].number, LKS_EXACT_MAX, text), strlen(rows[i].text));
    CHECK_TEXT(text, rows[i].text);
  }
}

static void test_larger_whole_numbers_have_digits_on_demand(void) {
  char text[LKS_NUMBER_SIZE];
  lks_number_write(1e21, 1e21, text);
  CHECK_TEXT(text, "1000000000000000000000");
  lks_number_write(-1152921504606846976.0, 1e21, text);
  CHECK_TEXT(text, "-1152921504606846976");
  CHECK_INT(lks_number_write(2e21, 1e21, text), 5);
  CHECK_TEXT(text, "2e+21");
}

static void test_what_is_not_finite_has_no_text(void) {
  char text[LKS_NUMBER_SIZE];
  CHECK_INT(lks_number_write((double)INFINITY, LKS_EXACT_MAX, text), 0);
  CHECK_INT(lks_number_write((double)-INFINITY, LKS_EXACT_MAX, text), 0);
  CHECK_INT(lks_number_write((double)NAN, LKS_EXACT_MAX, text), 0);
}

static void test_every_double_reads_back(void) {
  for (int i = 0; i < 20000; i++) {
    double number = i % 3 ? random_double() : (double)(int64_t)chance() / (double)(1 + chance() % 1000000);
    char text[LKS_NUMBER_SIZE];
    size_t length = lks_number_write(number, i % 2 ? LKS_EXACT_MAX : 1e21, text);
    if (number - number != 0)
      CHECK_INT(length, 0);
    else
      CHECK(length == strlen(text) && length < sizeof text && strtod(text, NULL) == number);
  }
}

static void test_integers(void) {
  static const struct {
    const char *text;
    bool fits;
    int64_t number;
  } rows[] = {
      {"0", true, 0},
      {"7", true, 7},
      {"-7", true, -7},
      {"007", true, 7},
      {"9223372036854775807", true, INT64_MAX},
      {"-9223372036854775808", true, INT64_MIN},
      {"9223372036854775808", false, 0},
      {"-9223372036854775809", false, 0},
      {"10000000000000000000", false, 0},
      {"99999999999999999999999999999", false, 0},
      {"", false, 0},
      {"-", false, 0},
      {"+1", false, 0},
      {" 1", false, 0},
      {"1 ", false, 0},
      {"1.0", false, 0},
      {"1e3", false, 0},
      {"--1", false, 0},
      {"0x1", false, 0},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    int64_t number = 42;
    size_t length = strlen(rows[i].text);
    CHECK(lks_integer_read(guard_place(rows[i].text, length), length, &number) == rows[i].fits);
    CHECK_INT(number, rows[i].fits ? rows[i].number : 42);
    char text[LKS_NUMBER_SIZE];
    if (!rows[i].fits || strcmp(rows[i].text, "007") == 0) continue;
    CHECK_INT(lks_integer_write(number, text), length);
    CHECK_TEXT(text, rows[i].text);
  }
}

/* Reads all of the text as one number and writes it again; NULL when it is none, "-" when it is too large. */
static const char *rewritten(const char *text) {
  static char result[512];
  lks_decimal decimal;
  size_t length = strlen(text);
  if (lks_decimal_read(guard_place(text, length), length, &decimal) != length || length == 0) return NULL;
  lks_decimal_form form = lks_decimal_judge(&decimal);
  if (form == LKS_DECIMAL_AS_IS) return text;
  if (form == LKS_DECIMAL_TOO_LARGE) return "-";
  lks_buffer out;
  lks_buffer_init(&out, sizeof result - 1);
  CHECK(lks_decimal_write(&decimal, &out));
  memcpy(result, out.data, out.length + 1);
  lks_buffer_free(&out);
  return result;
}

static void test_decimals_are_written_without_a_point(void) {
  static const struct {
    const char *text, *written;
  } rows[] = {
      {"0", "0"},
      {"-0", "0"},
      {"7", "7"},
      {"-123456789012345", "-123456789012345"},
      {"9007199254740993", "9007199254740993"},
      {"-9007199254740993", "-9007199254740993"},
      {"0.5", "5e-1"},
      {"-0.5", "-5e-1"},
      {"0.50", "5e-1"},
      {"12.25", "1225e-2"},
      {"1795189533.25", "179518953325e-2"},
      {"0.00012", "12e-5"},
      {"1.0", "1"},
      {"1.000", "1"},
      {"-88.0", "-88"},
      {"1e3", "1000"},
      {"1E+3", "1000"},
      {"1.5e1", "15"},
      {"120e-1", "12"},
      {"100.00", "100"},
      {"1e14", "100000000000000"},
      {"1e15", "1e15"},
      {"1.152921504606847e+18", "1152921504606847e3"},
      {"0.0", "0"},
      {"-0.0", "0"},
      {"0e999999999999999999999", "0"},
      {"0.000e-5", "0"},
      {"1e-400", "0"},
      {"-1e-999999999999999999999", "0"},
      {"5e-324", "5e-324"},
      {"1e308", "1e308"},
      {"1.7976931348623157e308", "17976931348623157e292"},
      {"1.7976931348623158e308", "17976931348623158e292"}, /* rounds down */
      {"1.7976931348623159e308", "-"},
      {"17976931348623159e292", "-"},
      {"0.00017976931348623159e312", "-"},
      {"1e309", "-"},
      {"1e400", "-"},
      {"-1e400", "-"},
      {"1e99999999999999999999999999", "-"},
      {"0.00001e400", "-"},
      {"1e+00000000000000000000000000005", "100000"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    const char *written = rewritten(rows[i].text);
    CHECK_TEXT(written, rows[i].written);
    if (written != NULL && strcmp(written, "-") != 0) CHECK(strtod(written, NULL) == strtod(rows[i].text, NULL));
  }
}

static void test_what_is_no_decimal_is_refused(void) {
  static const char *const rows[] = {"",      "-",     "+1",  ".5",   "1.",  "-.5",      "01",   "-01",
                                     "00",    "1e",    "1e+", "1.e5", "e5",  "0x",       "0x10", "1.5.2",
                                     "1e5.5", "1e5e5", "nan", "inf",  "NaN", "Infinity", "1,5",  " 1"};
  for (size_t i = 0; i < COUNT(rows); i++) CHECK(rewritten(rows[i]) == NULL);
}

/* Digits of every length and exponent, against strtod. */
static void test_rewriting_changes_no_number(void) {
  for (int i = 0; i < 10000; i++) {
    char text[128];
    size_t used = 0;
    if (chance() % 2) text[used++] = '-';
    size_t before = 1 + (size_t)(chance() % 20), after = (size_t)(chance() % 30);
    for (size_t j = 0; j < before; j++) text[used++] = (char)((j > 0 ? '0' : '1') + (char)(chance() % 9));
    if (after > 0) text[used++] = '.';
    for (size_t j = 0; j < after; j++) text[used++] = (char)('0' + (chance() % 3 ? 0 : (char)(chance() % 10)));
    snprintf(text + used, sizeof text - used, "e%d", (int)(chance() % 700) - 360);
    double number = strtod(text, NULL);
    const char *written = rewritten(text);
    if (number - number != 0)
      CHECK_TEXT(written, "-");
    else
      CHECK(written != NULL && strtod(written, NULL) == number);
  }
}

int main(void) {
  RUN(test_numbers_are_written_as_short_as_they_read_back);
  RUN(test_larger_whole_numbers_have_digits_on_demand);
  RUN(test_what_is_not_finite_has_no_text);
  RUN(test_every_double_reads_back);
  RUN(test_integers);
  RUN(test_decimals_are_written_without_a_point);
  RUN(test_what_is_no_decimal_is_refused);
  RUN(test_rewriting_changes_no_number);
  return TEST_END();
}
