#include "retry_after.h"

#include "ascii.h"
#include "text.h"

#define FRACTION_DIGITS 6

/* Digits with or without a fraction, and nothing else. Numbers that are out of all bounds stay so. */
static bool scan_decimal(lks_text in, int64_t *whole, int64_t *millionths) {
  size_t at = 0, digits = 0;
  *whole = *millionths = 0;
  for (; at < in.length && lks_ascii_is_digit(in.data[at]); at++)
    if (*whole < LKS_SPAN_MAX) *whole = *whole * 10 + (in.data[at] - '0');
  if (at == 0 || at == in.length) return at > 0;
  if (in.data[at++] != '.') return false;
  for (; at < in.length && lks_ascii_is_digit(in.data[at]); at++, digits++)
    if (digits < FRACTION_DIGITS) *millionths = *millionths * 10 + (in.data[at] - '0');
  for (size_t missing = digits; missing < FRACTION_DIGITS; missing++) *millionths *= 10;
  return digits > 0 && at == in.length;
}

bool lks_retry_after_parse(const char *text, size_t length, lks_time now, lks_span *out) {
  lks_text in = lks_text_trim((lks_text){text, length});
  int64_t seconds = 0, millionths = 0;
  lks_time date = 0;
  if (scan_decimal(in, &seconds, &millionths)) {
    *out = seconds < LKS_SPAN_MAX / LKS_SECOND ? seconds * LKS_SECOND + millionths : LKS_SPAN_MAX;
    return true;
  }
  if (!lks_httpdate_parse(in.data, in.length, now, &date)) return false;
  if (date <= now)
    *out = 0;
  else
    *out = date - now < LKS_SPAN_MAX ? date - now : LKS_SPAN_MAX;
  return true;
}

bool lks_reset_parse(const char *text, size_t length, lks_time now, lks_time *out) {
  lks_text in = lks_text_trim((lks_text){text, length});
  int64_t whole = 0, millionths = 0;
  lks_time time = 0;
  if (!scan_decimal(in, &whole, &millionths)) {
    if (!lks_iso8601_parse(in.data, in.length, &time) && !lks_httpdate_parse(in.data, in.length, now, &time))
      return false;
  } else if (whole < INT64_C(40000000)) {
    time = now + whole * LKS_SECOND + millionths;
  } else if (whole < INT64_C(100000000000)) {
    time = whole * LKS_SECOND + millionths;
  } else if (whole < LKS_TIME_MAX / 1000) {
    time = whole * 1000 + millionths / 1000;
  } else {
    return false;
  }
  if (time < 0 || time > LKS_TIME_MAX) return false;
  *out = time;
  return true;
}
