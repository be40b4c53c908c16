#include "core/timestamp.h"

#include <math.h>
#include <string.h>

#include "guard.h"
#include "test.h"

#define S LKS_SECOND
#define DAY (INT64_C(86400) * LKS_SECOND)
#define UNTOUCHED INT64_C(-4242)
static const lks_time now = INT64_C(1795264496) * LKS_SECOND; /* 2026-11-21T12:34:56Z */

static void judge(const char *text, bool parsed, int64_t value, bool valid, int64_t expected) {
  if (parsed == valid && value == (valid ? expected : UNTOUCHED)) return;
  test_case_failed = 1;
  fprintf(stderr, "\"%s\" gives %s %lld, expected %s %lld\n", text, parsed ? "true" : "false", (long long)value,
          valid ? "true" : "false", (long long)expected);
}

static void expect_iso(const char *text, bool valid, lks_time expected) {
  lks_time time = UNTOUCHED;
  size_t length = strlen(text);
  bool parsed = lks_iso8601_parse(guard_place(text, length), length, &time);
  judge(text, parsed, time, valid, expected);
}

static void seconds_become_microseconds(void) {
  static const struct {
    double seconds;
    lks_span span;
  } cases[] = {{0, 0},
               {1, S},
               {-1, -S},
               {0.05, 50000},
               {1e-6, 1},
               {0.4e-6, 0},
               {-0.4e-6, 0},
               {1.6e-6, 2},
               {-1.6e-6, -2},
               {1795264496.25, INT64_C(1795264496250000)},
               {6000000000.0, 6000000000 * S}, /* above 2^52 us */
               {1e300, LKS_SPAN_MAX},
               {-1e300, -LKS_SPAN_MAX},
               {HUGE_VAL, LKS_SPAN_MAX},
               {-HUGE_VAL, -LKS_SPAN_MAX},
               {(double)NAN, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    CHECK_INT(lks_span_from_seconds(cases[i].seconds), cases[i].span);
  CHECK(lks_span_to_seconds(1500000) == 1.5);
  CHECK(lks_span_to_seconds(-S) == -1.0);
  CHECK(lks_span_to_seconds(0) == 0);
  CHECK_INT(lks_span_from_milliseconds(1795264496250.5), INT64_C(1795264496250500));
  CHECK_INT(lks_span_from_milliseconds(-1.0006), -1001);
  CHECK_INT(lks_span_from_milliseconds(1e300), LKS_SPAN_MAX);
}

/* Registers of 80 bits round the quotient once to themselves and once more to a double, to a neighbour of these. */
static void the_width_of_registers_changes_no_result(void) {
  static const struct {
    lks_span span;
    double seconds;
  } cases[] = {{INT64_C(1764304636005144), 0x1.a4a49bf005447p+30},
               {INT64_C(-1764304636005144), -0x1.a4a49bf005447p+30},
               {INT64_C(1764304636006724), 0x1.a4a49bf006e2bp+30},
               {INT64_C(1764304636010481), 0x1.a4a49bf00abb9p+30}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    CHECK(lks_span_to_seconds(cases[i].span) == cases[i].seconds);
  /* 0.44 us more, of which a product of doubles makes a half. */
  CHECK_INT(lks_span_from_seconds(0x1.356c89ead818ap+30), INT64_C(1297818234711031));
}

static void microseconds_survive_the_trip_through_seconds(void) {
  for (lks_span span = 0; span < DAY * 366 * 40; span = span * 3 + 7) {
    CHECK_INT(lks_span_from_seconds(lks_span_to_seconds(span)), span);
    CHECK_INT(lks_span_from_seconds(lks_span_to_seconds(now + span % (LKS_SECOND * 100))),
              now + span % (LKS_SECOND * 100));
  }
}

static void iso_dates_are_read(void) {
  expect_iso("1970-01-01T00:00:00Z", true, 0);
  expect_iso("1970-01-01", true, 0);
  expect_iso("2026-11-21T12:34:56Z", true, now);
  expect_iso("2026-11-21t12:34:56z", true, now);
  expect_iso("2026-11-21 12:34:56Z", true, now);
  expect_iso("2026-11-21T12:34Z", true, now - 56 * S);
  expect_iso("2026-11-21T12:34+00:00", true, now - 56 * S);
  expect_iso("2026-11-21T12:34:56.5Z", true, now + 500000);
  expect_iso("2026-11-21T12:34:56.000001Z", true, now + 1);
  expect_iso("2026-11-21T12:34:56.9999999999999999999999999Z", true, now + 999999);
  expect_iso("2026-11-21T12:34:56.250-00:00", true, now + 250000);
  expect_iso("9999-12-31T23:59:59.999999Z", true, INT64_C(253402300799999999));
}

static void hour_24_is_the_end_of_its_day(void) {
  lks_time midnight = INT64_C(1795305600) * S; /* 2026-11-22 */
  expect_iso("2026-11-21T24:00:00Z", true, midnight);
  expect_iso("2026-11-21T24:00Z", true, midnight);
  expect_iso("2026-11-21T24:00:00.000Z", true, midnight);
  expect_iso("2026-11-21T24:00:00+01:00", true, midnight - 3600 * S);
  expect_iso("2026-12-31T24:00:00Z", true, INT64_C(1798761600) * S);
}

static void offsets_are_taken_off(void) {
  expect_iso("2026-11-21T13:34:56+01:00", true, now);
  expect_iso("2026-11-21T13:34:56+0100", true, now);
  expect_iso("2026-11-21T13:34:56+01", true, now);
  expect_iso("2026-11-22T00:34:56+12", true, now);
  expect_iso("2026-11-20T23:04:56-13:30", true, now);
  expect_iso("2026-01-01T00:00:00+23:59", true, INT64_C(1767139260) * S);
  expect_iso("2025-12-31T23:30:00-00:30", true, INT64_C(1767225600) * S);
  expect_iso("1969-12-31T23:00:00-01:00", true, 0);
  expect_iso("1970-01-01T00:00:00+00:01", false, 0);
  expect_iso("9999-12-31T23:30:00+00:00", true, INT64_C(253402300800) * S - 1800 * S);
  expect_iso("9999-12-31T23:30:00-01:00", false, 0);
  expect_iso("2026-01-01T00:00:00+24:00", false, 0);
  expect_iso("2026-01-01T00:00:00+00:60", false, 0);
  expect_iso("2026-01-01T00:00:00+1", false, 0);
  expect_iso("2026-01-01T00:00:00+01:", false, 0);
  expect_iso("2026-01-01T00:00:00+01:0", false, 0);
  expect_iso("2026-01-01T00:00:00+010", false, 0);
  expect_iso("2026-01-01T00:00:00+01:00:00", false, 0);
  expect_iso("2026-01-01T00:00:00+", false, 0);
  expect_iso("2026-01-01T00:00:00 +01:00", false, 0);
  expect_iso("2026-01-01T00:00:00Z+01:00", false, 0);
}

static void leap_years_are_the_gregorian_ones(void) {
  expect_iso("2000-02-29", true, INT64_C(951782400) * S);
  expect_iso("2024-02-29", true, INT64_C(1709164800) * S);
  expect_iso("2100-02-28", true, INT64_C(4107456000) * S);
  expect_iso("2100-02-29", false, 0);
  expect_iso("2100-03-01", true, INT64_C(4107542400) * S);
  expect_iso("2400-02-29", true, INT64_C(13574563200) * S);
  expect_iso("2023-02-29", false, 0);
  expect_iso("2000-02-30", false, 0);
}

static void what_no_calendar_or_clock_has_is_refused(void) {
  static const char *const cases[] = {
      "",
      "2026",
      "2026-11",
      "2026-00-01",
      "2026-13-01",
      "2026-01-00",
      "2026-01-32",
      "2026-04-31",
      "2026-06-31",
      "2026-09-31",
      "2026-11-31",
      "2026-99-99",
      "0000-00-00",
      "0000-01-01",
      "1969-12-31",
      "9999-12-31T24:00:00Z",
      "9999-12-31T23:59:59-00:01",
      "10000-01-01",
      "2026-11-21T24:00:01Z",
      "2026-11-21T24:01Z",
      "2026-11-21T24:00:00.1Z",
      "2026-11-21T25:00:00Z",
      "2026-11-21T12:60:00Z",
      "2026-11-21T12:34:60Z",
      "2026-12-31T23:59:60Z",
      "2026-11-21T12:34:56",
      "2026-11-21T12:34",
      "2026-11-21T12Z",
      "2026-11-21T",
      "2026-11-21Z",
      "2026-11-21T12:34:Z",
      "2026-11-21T12:34:56.Z",
      "2026-11-21T12:34:56,5Z",
      "2026-11-21T12:34.5Z",
      "2026-11-21  12:34:56Z",
      "2026-11-21T12:34:56Z ",
      " 2026-11-21T12:34:56Z",
      "2026-11-21T12:34:56ZZ",
      "20261121T123456Z",
      "2026/11/21",
      "26-11-21",
      "+2026-11-21",
      "2026-1-1",
      "2026-11-1",
      "2026-W47-6",
      "-026-11-21",
      "2026-11-21T1 :34:56Z",
      "2026-11-21T-1:34:56Z",
      "2026-11-21T12:34:56.-5Z",
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) expect_iso(cases[i], false, 0);
}

static void a_time_cut_short_is_refused_except_where_it_is_whole(void) {
  static const char text[] = "2026-11-21T12:34:56.789+01:30";
  for (size_t length = 0; length <= sizeof text - 1; length++) {
    lks_time time = UNTOUCHED;
    bool parsed = lks_iso8601_parse(guard_place(text, length), length, &time);
    CHECK_INT(parsed, length == 10 || length == 26 || length == 29);
    if (!parsed) CHECK_INT(time, UNTOUCHED);
  }
  CHECK(!lks_iso8601_parse(NULL, 0, NULL));
}

static void a_nul_is_no_end(void) {
  lks_time time = UNTOUCHED;
  CHECK(!lks_iso8601_parse("2026-11-21\0", 11, &time));
  CHECK(!lks_iso8601_parse("2026-11-21T12:34:56Z\0", 21, &time));
}

/* Whatever single byte is changed, the result is refused or is again a time that writes and reads as itself. */
static void one_changed_byte_never_confuses(void) {
  static const char text[] = "2026-11-21T12:34:56.789+01:30";
  for (size_t place = 0; place < sizeof text - 1; place++) {
    for (int byte = 0; byte < 256; byte++) {
      char changed[sizeof text], written[LKS_ISO8601_SIZE];
      lks_time time = UNTOUCHED, again = UNTOUCHED;
      memcpy(changed, text, sizeof text);
      changed[place] = (char)byte;
      if (!lks_iso8601_parse(guard_place(changed, sizeof text - 1), sizeof text - 1, &time)) continue;
      size_t length = lks_iso8601_format(time, written);
      CHECK(length > 0 && lks_iso8601_parse(written, length, &again));
      CHECK_INT(again, time);
    }
  }
}

static void times_are_written_shortest(void) {
  static const struct {
    lks_time time;
    const char *text;
  } cases[] = {{0, "1970-01-01T00:00:00Z"},
               {1, "1970-01-01T00:00:00.000001Z"},
               {1000, "1970-01-01T00:00:00.001Z"},
               {999999, "1970-01-01T00:00:00.999999Z"},
               {INT64_C(1795264496) * S, "2026-11-21T12:34:56Z"},
               {INT64_C(1795264496) * S + 120000, "2026-11-21T12:34:56.120Z"},
               {INT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z"},
               {-1, ""},
               {INT64_C(253402300800000000), ""},
               {INT64_MAX, ""},
               {INT64_MIN, ""}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char *text = guard_place(NULL, LKS_ISO8601_SIZE);
    CHECK_INT(lks_iso8601_format(cases[i].time, text), strlen(cases[i].text));
    CHECK_TEXT(text, cases[i].text);
  }
}

static void every_day_to_the_year_9999_is_written_and_read(void) {
  static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  lks_time day = 0;
  for (int year = 1970; year <= 9999; year++) {
    for (int month = 1; month <= 12; month++) {
      int length = lengths[month - 1];
      if (month == 2 && ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0)) length++;
      for (int date = 1; date <= length; date++, day += DAY) {
        if (year >= 2400 && date > 1 && date < length) continue; /* the calendar has come round */
        char expected[64], written[LKS_ISO8601_SIZE];
        lks_time first = UNTOUCHED, last = UNTOUCHED;
        (void)snprintf(expected, sizeof expected, "%04d-%02d-%02dT23:59:59Z", year, month, date);
        (void)lks_iso8601_format(day + DAY - S, written);
        CHECK_TEXT(written, expected);
        CHECK(lks_iso8601_parse(expected, 10, &first));
        CHECK_INT(first, day);
        CHECK(lks_iso8601_parse(expected, 20, &last));
        CHECK_INT(last, day + DAY - S);
        CHECK_INT(lks_month_end(day), lks_month_end(day + DAY - 1));
        if (date == length) CHECK_INT(lks_month_end(day), day + DAY);
      }
      char missing[64];
      lks_time time = UNTOUCHED;
      (void)snprintf(missing, sizeof missing, "%04d-%02d-%02d", year, month, length + 1);
      CHECK(!lks_iso8601_parse(missing, 10, &time));
    }
  }
  CHECK_INT(day, INT64_C(253402300800) * S);
}

static void every_second_of_a_day_is_written_and_read(void) {
  for (int second = 0; second < 86400; second++) {
    char expected[64], written[LKS_ISO8601_SIZE];
    lks_time time = UNTOUCHED;
    (void)snprintf(expected, sizeof expected, "2024-02-29T%02d:%02d:%02dZ", second / 3600, second / 60 % 60,
                   second % 60);
    CHECK(lks_iso8601_parse(expected, 20, &time));
    CHECK_INT(time, INT64_C(1709164800) * S + second * S);
    (void)lks_iso8601_format(time, written);
    CHECK_TEXT(written, expected);
  }
}

static void the_month_ends_at_the_first_of_the_next(void) {
  CHECK_INT(lks_month_end(now), INT64_C(1796083200) * S);
  CHECK_INT(lks_month_end(INT64_C(1796083200) * S - 1), INT64_C(1796083200) * S);
  CHECK_INT(lks_month_end(INT64_C(1796083200) * S), INT64_C(1796083200) * S + 31 * DAY);
  CHECK_INT(lks_month_end(0), 31 * DAY);
  CHECK_INT(lks_month_end(-LKS_TIME_MAX), 31 * DAY);
  CHECK(lks_month_end(LKS_TIME_MAX) > LKS_TIME_MAX);
}

int main(void) {
  RUN(seconds_become_microseconds);
  RUN(the_width_of_registers_changes_no_result);
  RUN(microseconds_survive_the_trip_through_seconds);
  RUN(iso_dates_are_read);
  RUN(hour_24_is_the_end_of_its_day);
  RUN(offsets_are_taken_off);
  RUN(leap_years_are_the_gregorian_ones);
  RUN(what_no_calendar_or_clock_has_is_refused);
  RUN(a_time_cut_short_is_refused_except_where_it_is_whole);
  RUN(a_nul_is_no_end);
  RUN(one_changed_byte_never_confuses);
  RUN(times_are_written_shortest);
  RUN(every_day_to_the_year_9999_is_written_and_read);
  RUN(every_second_of_a_day_is_written_and_read);
  RUN(the_month_ends_at_the_first_of_the_next);
  return TEST_END();
}
