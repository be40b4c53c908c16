/* The forms of time in header fields: HTTP-date, Retry-After, X-Api-Quota-Reset. */
#include "core/retry_after.h"

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

static void expect_date(const char *text, lks_time present, bool valid, lks_time expected) {
  lks_time time = UNTOUCHED;
  size_t length = strlen(text);
  bool parsed = lks_httpdate_parse(guard_place(text, length), length, present, &time);
  judge(text, parsed, time, valid, expected);
}

static void expect_retry(const char *text, bool valid, lks_span expected) {
  lks_span span = UNTOUCHED;
  size_t length = strlen(text);
  bool parsed = lks_retry_after_parse(guard_place(text, length), length, now, &span);
  judge(text, parsed, span, valid, expected);
}

static void expect_reset(const char *text, bool valid, lks_time expected) {
  lks_time time = UNTOUCHED;
  size_t length = strlen(text);
  bool parsed = lks_reset_parse(guard_place(text, length), length, now, &time);
  judge(text, parsed, time, valid, expected);
}

static void http_dates_are_read_in_three_forms(void) {
  const lks_time time = INT64_C(784111777) * S;
  expect_date("Sun, 06 Nov 1994 08:49:37 GMT", now, true, time);
  expect_date("Sunday, 06-Nov-94 08:49:37 GMT", now, true, time);
  expect_date("Sun Nov  6 08:49:37 1994", now, true, time);
  expect_date("Sun Nov 06 08:49:37 1994", now, true, time);
  expect_date("Wed Nov 16 08:49:37 1994", now, true, time + 10 * DAY);
  expect_date("Tuesday, 01-Dec-26 00:00:00 GMT", now, true, INT64_C(1796083200) * S);
  expect_date("Wednesday, 01-Dec-26 00:00:00 GMT", now, true, INT64_C(1796083200) * S);
  expect_date("Thursday, 01-Dec-26 00:00:00 GMT", now, true, INT64_C(1796083200) * S);
  expect_date("Saturday, 01-Dec-26 00:00:00 GMT", now, true, INT64_C(1796083200) * S);
  expect_date("Sat, 31 Dec 2016 23:59:60 GMT", now, true, INT64_C(1483228800) * S);
  expect_date("Tue, 29 Feb 2000 00:00:00 GMT", now, true, INT64_C(951782400) * S);
}

static void http_dates_out_of_bounds_are_pulled_in(void) {
  expect_date("Thu, 01 Jan 1970 00:00:00 GMT", now, true, 0);
  expect_date("Mon, 01 Jan 0001 00:00:00 GMT", now, true, 0);
  expect_date("Wed, 31 Dec 1969 23:59:59 GMT", now, true, 0);
  expect_date("Mon, 01 Jan 2970 00:00:00 GMT", now, true, INT64_C(31556995200) * S);
  expect_date("Fri, 31 Dec 9999 23:59:59 GMT", now, true, INT64_C(253402300799) * S);
  expect_date("Fri, 31 Dec 9999 23:59:60 GMT", now, true, INT64_C(253402300799) * S);
}

static void two_digit_years_look_at_most_fifty_years_ahead(void) {
  expect_date("Saturday, 21-Nov-76 12:34:56 GMT", now, true, INT64_C(3373187696) * S);
  expect_date("Sunday, 21-Nov-76 12:34:57 GMT", now, true, INT64_C(217427697) * S);
  expect_date("Monday, 22-Nov-76 00:00:00 GMT", now, true, INT64_C(217468800) * S);
  expect_date("Sunday, 01-Dec-76 00:00:00 GMT", now, true, INT64_C(218246400) * S);
  expect_date("Sunday, 01-Oct-76 00:00:00 GMT", now, true, INT64_C(3368736000) * S);
  expect_date("Sunday, 21-Nov-76 13:00:00 GMT", now, true, INT64_C(217429200) * S);
  expect_date("Sunday, 21-Nov-76 11:59:59 GMT", now, true, INT64_C(3373185599) * S);
  expect_date("Sunday, 21-Nov-76 12:35:00 GMT", now, true, INT64_C(217427700) * S);
  expect_date("Sunday, 21-Nov-76 12:33:59 GMT", now, true, INT64_C(3373187639) * S);
  expect_date("Thursday, 01-Jan-70 00:00:00 GMT", now, true, INT64_C(3155760000) * S);
  expect_date("Thursday, 01-Jan-70 00:00:00 GMT", 0, true, 0);
  expect_date("Friday, 06-Nov-05 00:00:00 GMT", INT64_C(4102444799) * S, true, INT64_C(4286908800) * S); /* in 2099 */
  expect_date("Friday, 06-Nov-99 00:00:00 GMT", INT64_C(946684800) * S, true, INT64_C(941846400) * S);   /* in 2000 */
  expect_date("Friday, 29-Feb-00 00:00:00 GMT", now, true, INT64_C(951782400) * S);
  expect_date("Friday, 29-Feb-23 00:00:00 GMT", now, false, 0);
}

static void other_dates_are_refused(void) {
  static const char *const cases[] = {
      "",
      "Sun",
      ", 06 Nov 1994 08:49:37 GMT",
      "Sun, 6 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 94 08:49:37 GMT",
      "Sun, 06 nov 1994 08:49:37 GMT",
      "sun, 06 Nov 1994 08:49:37 GMT",
      "SUN, 06 NOV 1994 08:49:37 GMT",
      "Son, 06 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 08:49:37 gmt",
      "Sun, 06 Nov 1994 08:49:37 UTC",
      "Sun, 06 Nov 1994 08:49:37 +0000",
      "Sun, 06 Nov 1994 08:49:37",
      "Sun, 06 Nov 1994 08:49:37 GMT ",
      " Sun, 06 Nov 1994 08:49:37 GMT",
      "Sun,06 Nov 1994 08:49:37 GMT",
      "Sun,  06 Nov 1994 08:49:37 GMT",
      "06 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 24:00:00 GMT",
      "Sun, 06 Nov 1994 08:60:00 GMT",
      "Sun, 06 Nov 1994 08:49:60 GMT",
      "Sun, 06 Nov 1994 23:59:61 GMT",
      "Sun, 00 Nov 1994 08:49:37 GMT",
      "Sun, 31 Nov 1994 08:49:37 GMT",
      "Thu, 29 Feb 2100 00:00:00 GMT",
      "Sunday, 06 Nov 1994 08:49:37 GMT",
      "Sun, 06-Nov-94 08:49:37 GMT",
      "Sunday, 06-Nov-1994 08:49:37 GMT",
      "Sunda, 06-Nov-94 08:49:37 GMT",
      "Sunday, 99-Nov-94 99:99:99 GMT",
      "Sunday Nov  6 08:49:37 1994",
      "Sun Nov 6 08:49:37 1994",
      "Sun Nov   6 08:49:37 1994",
      "Sun Nov  16 08:49:37 1994",
      "Sun Nov  6 08:49:37 94",
      "Sun Nov  6 08:49:37 1994 GMT",
      "2026-11-21T12:34:56Z",
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) expect_date(cases[i], now, false, 0);
}

static void a_date_cut_short_or_changed_never_confuses(void) {
  static const char *const forms[] = {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                                      "Sun Nov  6 08:49:37 1994"};
  for (size_t i = 0; i < 3; i++) {
    size_t whole = strlen(forms[i]);
    lks_time time = UNTOUCHED;
    for (size_t length = 0; length < whole; length++)
      CHECK(!lks_httpdate_parse(guard_place(forms[i], length), length, now, &time));
    CHECK_INT(time, UNTOUCHED);
    for (size_t place = 0; place < whole; place++) {
      for (int byte = 0; byte < 256; byte++) {
        char changed[40];
        memcpy(changed, forms[i], whole);
        changed[place] = (char)byte;
        if (lks_httpdate_parse(guard_place(changed, whole), whole, now, &time))
          CHECK(time >= 0 && time < INT64_C(253402300800) * S);
      }
    }
  }
  CHECK(!lks_httpdate_parse(NULL, 0, now, NULL));
}

static void retry_after_counts_seconds(void) {
  expect_retry("0", true, 0);
  expect_retry("57", true, 57 * S);
  expect_retry("0057", true, 57 * S);
  expect_retry(" \t57\t ", true, 57 * S);
  expect_retry("1.5", true, 1500000);
  expect_retry("0.0000019", true, 1);
  expect_retry("31622399999.999999", true, LKS_SPAN_MAX - 1);
  expect_retry("31622400000", true, LKS_SPAN_MAX);
  expect_retry("31622400000.5", true, LKS_SPAN_MAX);
  expect_retry("99999999999999999999999999999999999999999999", true, LKS_SPAN_MAX);
  expect_retry("9223372036854775808", true, LKS_SPAN_MAX);
  expect_retry("18446744073709551617", true, LKS_SPAN_MAX);
}

static void retry_after_counts_to_a_date(void) {
  expect_retry("Sat, 21 Nov 2026 12:35:26 GMT", true, 30 * S);
  expect_retry("\tSat, 21 Nov 2026 12:35:26 GMT ", true, 30 * S);
  expect_retry("Saturday, 21-Nov-26 12:35:26 GMT", true, 30 * S);
  expect_retry("Sat Nov 21 12:35:26 2026", true, 30 * S);
  expect_retry("Sat, 21 Nov 2026 12:34:56 GMT", true, 0);
  expect_retry("Sat, 21 Nov 2026 12:34:55 GMT", true, 0);
  expect_retry("Thu, 01 Jan 1970 00:00:00 GMT", true, 0);
  expect_retry("Fri, 31 Dec 9999 23:59:59 GMT", true, LKS_SPAN_MAX);

  lks_span span = UNTOUCHED;
  static const char date[] = "Fri, 31 Dec 9999 23:59:59 GMT";
  CHECK(lks_retry_after_parse(date, sizeof date - 1, -LKS_TIME_MAX, &span));
  CHECK_INT(span, LKS_SPAN_MAX);
}

static void other_retry_after_is_refused(void) {
  static const char *const cases[] = {
      "",    " ",   "-1",  "+1",   "1s",   "1.",    ".5",       "1,5",  "1e3",  "0x10",
      "1 2", "nan", "inf", "soon", "1..2", "1.2.3", "120, 120", "\n57", "57\r", "2026-11-21T12:34:56Z"};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) expect_retry(cases[i], false, 0);
  lks_span span = UNTOUCHED;
  CHECK(!lks_retry_after_parse(NULL, 0, now, &span));
  CHECK(!lks_retry_after_parse("5\0", 2, now, &span));
}

static void reset_is_told_apart_by_magnitude(void) {
  const lks_time december = INT64_C(1796083200) * S;
  expect_reset("1796083200", true, december);
  expect_reset("1796083200.25", true, december + 250000);
  expect_reset("1796083200000", true, december);
  expect_reset("1796083200123", true, december + 123000);
  expect_reset("1796083200123.5", true, december + 123500);
  expect_reset(" 1796083200 ", true, december);
  expect_reset("2026-12-01T00:00:00Z", true, december);
  expect_reset("2026-12-01T00:00:00.000Z", true, december);
  expect_reset("2026-12-01", true, december);
  expect_reset("2026-12-01T01:00:00+01:00", true, december);
  expect_reset("Tue, 01 Dec 2026 00:00:00 GMT", true, december);
  expect_reset("0", true, now);
  expect_reset("818704", true, december);
  expect_reset("39999999.5", true, now + INT64_C(39999999500000));
  expect_reset("40000000", true, INT64_C(40000000) * S);
  expect_reset("31622400000", true, LKS_TIME_MAX);
  expect_reset("31622400001", false, 0);
  expect_reset("99999999999", false, 0);
  expect_reset("100000000000", true, INT64_C(100000000) * S);
  expect_reset("31622399999999", true, INT64_C(31622399999999000));
  expect_reset("31622400000001", false, 0);
  expect_reset("9999-12-31", false, 0);
  expect_reset("Fri, 31 Dec 9999 23:59:59 GMT", false, 0);
  expect_reset("1796083200000000", false, 0);
  expect_reset("99999999999999999999999999999999999999", false, 0);
}

static void other_resets_are_refused(void) {
  static const char *const cases[] = {
      "",   " ",  "-1",      "never",      "1796083200s", "1e9",   "0x6b",         "1.",
      ".5", "+5", "2026-12", "2026-13-01", "nan",         "1,000", "1796083200 1", "2026-12-01T00:00:00"};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) expect_reset(cases[i], false, 0);
  CHECK(!lks_reset_parse(NULL, 0, now, NULL));

  lks_time time = UNTOUCHED;
  CHECK(!lks_reset_parse("5", 1, -LKS_TIME_MAX, &time));
  CHECK(!lks_reset_parse("5", 1, LKS_TIME_MAX, &time));
  CHECK_INT(time, UNTOUCHED);
  CHECK(lks_reset_parse("5", 1, -5 * S, &time));
  CHECK_INT(time, 0);
}

int main(void) {
  RUN(http_dates_are_read_in_three_forms);
  RUN(http_dates_out_of_bounds_are_pulled_in);
  RUN(two_digit_years_look_at_most_fifty_years_ahead);
  RUN(other_dates_are_refused);
  RUN(a_date_cut_short_or_changed_never_confuses);
  RUN(retry_after_counts_seconds);
  RUN(retry_after_counts_to_a_date);
  RUN(other_retry_after_is_refused);
  RUN(reset_is_told_apart_by_magnitude);
  RUN(other_resets_are_refused);
  return TEST_END();
}
