#include "timestamp.h"

#include <float.h>
#include <limits.h>
#include <string.h>

#include "ascii.h"

#define DAY (INT64_C(86400) * LKS_SECOND)

typedef struct civil {
  int64_t year;
  int month, day, hour, minute, second; /* month and day count from 1 */
} civil;

/* `number` units of so many microseconds. A product or quotient of doubles is rounded twice where registers are wider
 * than a double (x87): here each step on a double is exact, and what rounds are integers. */
static int64_t from_units(double number, int64_t unit, int64_t least, int64_t most) {
  static const int64_t fraction = INT64_C(1) << 42;
  const int64_t above = most / unit, below = least / unit - 1;
  if (number != number) return 0;
  if (number >= (double)above) return most;
  if (number <= (double)below) return least;
  int64_t whole = (int64_t)number;
  int64_t rest = (int64_t)((number - (double)whole) * (double)fraction) * unit;
  int64_t span = whole * unit + (rest + (rest < 0 ? -fraction : fraction) / 2) / fraction;
  return span > least ? span : least;
}

lks_span lks_span_from_seconds(double seconds) {
  return from_units(seconds, LKS_SECOND, -LKS_SPAN_MAX, LKS_SPAN_MAX);
}

lks_span lks_span_from_milliseconds(double milliseconds) {
  return from_units(milliseconds, LKS_SECOND / 1000, -LKS_SPAN_MAX, LKS_SPAN_MAX);
}

lks_time lks_time_from_seconds(double seconds) {
  return from_units(seconds, LKS_SECOND, -1, LKS_ISO8601_END);
}

/* Where a double may be rounded twice (see from_units) or does not hold the span, it is divided in binary, one digit
 * further than a double holds, and rounded once. */
double lks_span_to_seconds(lks_span span) {
  static const uint64_t enough = UINT64_C(1) << 53;
  if (span == 0) return 0;
  if (FLT_EVAL_METHOD == 0 && span <= (INT64_C(1) << 53) && span >= -(INT64_C(1) << 53))
    return (double)span / (double)LKS_SECOND;
  uint64_t microseconds = span < 0 ? UINT64_C(0) - (uint64_t)span : (uint64_t)span;
  uint64_t quotient = microseconds / LKS_SECOND, rest = microseconds % LKS_SECOND;
  double unit = span < 0 ? -1 : 1;
  while (quotient < enough) {
    rest *= 2;
    quotient = 2 * quotient + rest / LKS_SECOND;
    rest %= LKS_SECOND;
    unit /= 2;
  }
  bool up = quotient % 2 == 1 && (rest > 0 || quotient / 2 % 2 == 1);
  uint64_t rounded = quotient / 2 + up;
  return (double)rounded * (2 * unit);
}

int lks_span_to_milliseconds(lks_span span) {
  if (span <= 0) return 1;
  lks_span rounded = span / 1000 + (span % 1000 > 0);
  return rounded < INT_MAX ? (int)rounded : INT_MAX;
}

static bool leap(int64_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int month_length(int64_t year, int month) {
  static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && leap(year) ? 29 : lengths[month - 1];
}

/* Days from 1970-01-01 to the first of January of `year`, for years from 1. */
static int64_t days_before(int64_t year) {
  int64_t past = year - 1;
  return 365 * past + past / 4 - past / 100 + past / 400 - 719162;
}

/* False for a date or time of day that does not exist. */
static bool civil_to_time(const civil *date, lks_time *out) {
  if (date->month < 1 || date->month > 12 || date->day < 1 || date->day > month_length(date->year, date->month))
    return false;
  if (date->hour > 23 || date->minute > 59 || date->second > 59) return false;
  int64_t days = days_before(date->year) + date->day - 1;
  for (int month = 1; month < date->month; month++) days += month_length(date->year, month);
  *out = days * DAY + (date->hour * INT64_C(3600) + date->minute * INT64_C(60) + date->second) * LKS_SECOND;
  return true;
}

/* Instants before 1970 give its beginning. */
static civil civil_from_time(lks_time time) {
  if (time < 0) time = 0;
  int64_t days = time / DAY;
  int seconds = (int)(time % DAY / LKS_SECOND);
  civil date = {.month = 1, .hour = seconds / 3600, .minute = seconds / 60 % 60, .second = seconds % 60};
  /* Taking every year for a leap year is too early by about two years per millennium. */
  date.year = 1970 + days / 366;
  while (days_before(date.year + 1) <= days) date.year++;
  days -= days_before(date.year);
  while (days >= month_length(date.year, date.month)) {
    days -= month_length(date.year, date.month);
    date.month++;
  }
  date.day = (int)days + 1;
  return date;
}

/* What is left of a text. Every step either matches and moves on, or returns false; `text` may be NULL when it is
 * empty. */
typedef struct scan {
  const char *text;
  size_t length;
} scan;

static void skip(scan *in, size_t count) {
  in->text += count;
  in->length -= count;
}

static bool next_is_digit(const scan *in) {
  return in->length > 0 && lks_ascii_is_digit(in->text[0]);
}

static bool scan_char(scan *in, char wanted) {
  if (in->length == 0 || in->text[0] != wanted) return false;
  skip(in, 1);
  return true;
}

static bool scan_word(scan *in, const char *word) {
  size_t length = strlen(word);
  if (in->length < length || memcmp(in->text, word, length) != 0) return false;
  skip(in, length);
  return true;
}

/* Exactly `count` digits. */
static bool scan_digits(scan *in, int count, int *out) {
  int value = 0;
  for (; count > 0; count--) {
    if (!next_is_digit(in)) return false;
    value = value * 10 + (in->text[0] - '0');
    skip(in, 1);
  }
  *out = value;
  return true;
}

/* One or more digits after a decimal point, as millionths. */
static bool scan_fraction(scan *in, int64_t *out) {
  int64_t value = 0, scale = LKS_SECOND / 10;
  if (!next_is_digit(in)) return false;
  for (; next_is_digit(in); skip(in, 1)) {
    value += (in->text[0] - '0') * scale;
    scale /= 10;
  }
  *out = value;
  return true;
}

/* hh:mm:ss */
static bool scan_clock(scan *in, civil *date) {
  return scan_digits(in, 2, &date->hour) && scan_char(in, ':') && scan_digits(in, 2, &date->minute) &&
         scan_char(in, ':') && scan_digits(in, 2, &date->second);
}

static bool scan_offset(scan *in, lks_span *out) {
  int hours = 0, minutes = 0;
  *out = 0;
  if (scan_char(in, 'Z') || scan_char(in, 'z')) return true;
  bool east = scan_char(in, '+');
  if (!east && !scan_char(in, '-')) return false;
  if (!scan_digits(in, 2, &hours)) return false;
  if ((scan_char(in, ':') || in->length > 0) && !scan_digits(in, 2, &minutes)) return false;
  if (hours > 23 || minutes > 59) return false;
  *out = (hours * INT64_C(60) + minutes) * 60 * LKS_SECOND;
  if (!east) *out = -*out;
  return true;
}

bool lks_iso8601_parse(const char *text, size_t length, lks_time *out) {
  scan in = {text, length};
  civil date = {0};
  int year = 0;
  int64_t fraction = 0;
  lks_span offset = 0;
  lks_time time = 0;
  if (!scan_digits(&in, 4, &year) || !scan_char(&in, '-') || !scan_digits(&in, 2, &date.month) ||
      !scan_char(&in, '-') || !scan_digits(&in, 2, &date.day))
    return false;
  date.year = year;
  if (in.length > 0) {
    if (!scan_char(&in, 'T') && !scan_char(&in, 't') && !scan_char(&in, ' ')) return false;
    if (!scan_digits(&in, 2, &date.hour) || !scan_char(&in, ':') || !scan_digits(&in, 2, &date.minute)) return false;
    if (scan_char(&in, ':')) {
      if (!scan_digits(&in, 2, &date.second)) return false;
      if (scan_char(&in, '.') && !scan_fraction(&in, &fraction)) return false;
    }
    if (!scan_offset(&in, &offset) || in.length > 0) return false;
  }
  bool day_end = date.hour == 24 && date.minute == 0 && date.second == 0 && fraction == 0;
  if (day_end) date.hour = 0;
  if (!civil_to_time(&date, &time)) return false;
  time += (day_end ? DAY : 0) + fraction - offset;
  if (time < 0 || time >= LKS_ISO8601_END) return false;
  *out = time;
  return true;
}

static char *write_digits(char *out, int64_t value, int count) {
  for (int i = count; i > 0; i--) {
    out[i - 1] = (char)('0' + value % 10);
    value /= 10;
  }
  return out + count;
}

size_t lks_iso8601_format(lks_time time, char *out) {
  *out = '\0';
  if (time < 0 || time >= LKS_ISO8601_END) return 0;
  civil date = civil_from_time(time);
  int64_t fraction = time % LKS_SECOND;
  char *at = write_digits(out, date.year, 4);
  *at++ = '-';
  at = write_digits(at, date.month, 2);
  *at++ = '-';
  at = write_digits(at, date.day, 2);
  *at++ = 'T';
  at = write_digits(at, date.hour, 2);
  *at++ = ':';
  at = write_digits(at, date.minute, 2);
  *at++ = ':';
  at = write_digits(at, date.second, 2);
  if (fraction != 0) {
    bool milli = fraction % 1000 == 0;
    *at++ = '.';
    at = milli ? write_digits(at, fraction / 1000, 3) : write_digits(at, fraction, 6);
  }
  *at++ = 'Z';
  *at = '\0';
  return (size_t)(at - out);
}

static bool scan_month(scan *in, int *out) {
  static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  for (int i = 0; i < 12; i++) {
    if (scan_word(in, months[i])) {
      *out = i + 1;
      return true;
    }
  }
  return false;
}

/* The name of a day, with *whole telling "Sunday" from "Sun". */
static bool scan_weekday(scan *in, bool *whole) {
  static const char *const days[][2] = {{"Sun", "day"},   {"Mon", "day"}, {"Tue", "sday"}, {"Wed", "nesday"},
                                        {"Thu", "rsday"}, {"Fri", "day"}, {"Sat", "urday"}};
  for (int i = 0; i < 7; i++) {
    if (scan_word(in, days[i][0])) {
      *whole = scan_word(in, days[i][1]);
      return true;
    }
  }
  return false;
}

/* Orders dates, also those that no calendar has (29 February fifty years on). */
static int64_t rank(const civil *date, int64_t year) {
  int64_t day = (year * 16 + date->month) * 32 + date->day;
  return ((day * 32 + date->hour) * 64 + date->minute) * 64 + date->second;
}

/* The latest year ending in these two digits that puts `date` at most 50 years after `now`. */
static int64_t full_year(const civil *date, int two_digits, lks_time now) {
  civil present = civil_from_time(now);
  int64_t limit = rank(&present, present.year + 50);
  int64_t year = present.year - present.year % 100 + 100 + two_digits;
  while (rank(date, year) > limit) year -= 100;
  return year;
}

/* 06 Nov 1994 08:49:37 GMT */
static bool scan_fixdate(scan *in, civil *date) {
  int year = 0;
  if (!scan_digits(in, 2, &date->day) || !scan_char(in, ' ') || !scan_month(in, &date->month) || !scan_char(in, ' ') ||
      !scan_digits(in, 4, &year) || !scan_char(in, ' '))
    return false;
  date->year = year;
  return scan_clock(in, date) && scan_word(in, " GMT");
}

/* 06-Nov-94 08:49:37 GMT */
static bool scan_rfc850(scan *in, lks_time now, civil *date) {
  int year = 0;
  if (!scan_digits(in, 2, &date->day) || !scan_char(in, '-') || !scan_month(in, &date->month) || !scan_char(in, '-') ||
      !scan_digits(in, 2, &year) || !scan_char(in, ' ') || !scan_clock(in, date) || !scan_word(in, " GMT"))
    return false;
  date->year = full_year(date, year, now);
  return true;
}

/* Nov  6 08:49:37 1994 */
static bool scan_asctime(scan *in, civil *date) {
  int year = 0;
  if (!scan_month(in, &date->month) || !scan_char(in, ' ')) return false;
  if (!scan_digits(in, scan_char(in, ' ') ? 1 : 2, &date->day) || !scan_char(in, ' ')) return false;
  if (!scan_clock(in, date) || !scan_char(in, ' ') || !scan_digits(in, 4, &year)) return false;
  date->year = year;
  return true;
}

bool lks_httpdate_parse(const char *text, size_t length, lks_time now, lks_time *out) {
  scan in = {text, length};
  civil date = {0};
  lks_time time = 0;
  bool whole = false, matched = false;
  if (!scan_weekday(&in, &whole)) return false;
  if (scan_word(&in, ", "))
    matched = whole ? scan_rfc850(&in, now, &date) : scan_fixdate(&in, &date);
  else
    matched = !whole && scan_char(&in, ' ') && scan_asctime(&in, &date);
  if (!matched || in.length > 0) return false;

  bool leap_second = date.hour == 23 && date.minute == 59 && date.second == 60;
  if (leap_second) date.second = 59;
  if (!civil_to_time(&date, &time)) return false;
  if (leap_second) time += LKS_SECOND;
  if (time < 0) time = 0;
  if (time >= LKS_ISO8601_END) time = LKS_ISO8601_END - LKS_SECOND;
  *out = time;
  return true;
}

lks_time lks_month_end(lks_time now) {
  civil date = civil_from_time(now);
  civil next = {.year = date.year, .month = date.month + 1, .day = 1};
  lks_time time = 0;
  if (next.month > 12) {
    next.month = 1;
    next.year++;
  }
  (void)civil_to_time(&next, &time); /* a first of a month always exists */
  return time;
}
