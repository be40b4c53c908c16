/* Instants and spans as integers, and the three textual forms the services use.
 *
 * Everything in the core counts microseconds: an int64_t neither drifts under repeated addition nor depends on the
 * width of `long`, and 2^63 us reach past the year 290000. No function here reads a clock or the locale. */
#ifndef LKS_TIMESTAMP_H
#define LKS_TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int64_t lks_time; /* us since 1970-01-01T00:00:00Z, leap seconds not counted */
typedef int64_t lks_span; /* us */

#define LKS_SECOND INT64_C(1000000)
/* Bounds, on either side of 0, of every span and clock accepted from outside, so that sums of many of them cannot
 * overflow. Every `now` below is within them. */
#define LKS_SPAN_MAX (INT64_C(1000) * 366 * 86400 * LKS_SECOND)
#define LKS_TIME_MAX LKS_SPAN_MAX
/* 10000-01-01T00:00:00Z, the first instant that has no ISO 8601 text: its year would take five digits. */
#define LKS_ISO8601_END (INT64_C(2932897) * 86400 * LKS_SECOND)

/* Seconds to microseconds, rounded to nearest and clamped to [-LKS_SPAN_MAX, LKS_SPAN_MAX]; NaN gives 0. These give the
 * same on every machine. */
lks_span lks_span_from_seconds(double seconds);
lks_span lks_span_from_milliseconds(double milliseconds);
/* The double nearest to the quotient. */
double lks_span_to_seconds(lks_span span);
/* The same for an instant that is to be written: clamped to [-1, LKS_ISO8601_END], of which the ends have no text. */
lks_time lks_time_from_seconds(double seconds);
/* Rounded up and clamped to 1 to INT_MAX, for interfaces to which 0 means for ever. */
int lks_span_to_milliseconds(lks_span span);

/* Room for "YYYY-MM-DDThh:mm:ss.ffffffZ" and its NUL. */
#define LKS_ISO8601_SIZE 28

/* In every parser here `text` may be NULL when `length` is 0, need not be NUL-terminated, and is matched whole. Each
 * returns false and leaves *out alone when the text does not match. */

/* Parses the ISO 8601 profile of RFC 3339: date, 'T' (or 't' or one space), time with seconds optional, fraction of
 * any length (digits past the sixth are dropped), 'Z' (or 'z') or an offset +hh:mm / +hhmm / +hh. A bare date is
 * midnight UTC; a time without an offset is refused, because the two sides might not agree on it. Calendar-checked (no
 * 31 April); second 60 is refused, 24:00:00 is the end of its day (ISO 8601-1, 5.3.2). The instant lies in the years
 * 1970 to 9999 UTC. */
bool lks_iso8601_parse(const char *text, size_t length, lks_time *out);

/* Writes "YYYY-MM-DDThh:mm:ssZ", with a fraction of 3 or 6 digits only when there is one. `out` holds
 * LKS_ISO8601_SIZE bytes. Returns the length, 0 and an empty text when `time` is outside the years 1970 to 9999. */
size_t lks_iso8601_format(lks_time time, char *out);

/* Parses an HTTP-date in its three forms (RFC 9110, 5.6.7): IMF-fixdate, RFC 850, asctime. A two-digit year is the
 * latest that is not more than 50 years after `now`. Names are English whatever the locale, case-sensitive as the RFC
 * has them; whether the weekday fits the date is not checked. 23:59:60 is the second after 23:59:59. Dates before 1970
 * give 1970, dates after 9999 its last second, so that "never" and "long ago" keep their meaning. */
bool lks_httpdate_parse(const char *text, size_t length, lks_time now, lks_time *out);

/* The first day of the month after that of `now`, 00:00 UTC (spec/vectors/lockpub-api.md, "Quotas and limits"). A `now`
 * before 1970 is taken as its beginning. */
lks_time lks_month_end(lks_time now);

#endif
