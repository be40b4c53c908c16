/* The headers that tell an instant: Retry-After, and X-Api-Quota-Reset. What follows from the first is decided in
 * call.c. */
#ifndef LKS_RETRY_AFTER_H
#define LKS_RETRY_AFTER_H

#include "timestamp.h"

/* `text` may be NULL when `length` is 0, need not be NUL-terminated, and is matched whole but for spaces and tabs
 * around it, which are no part of a field value (RFC 9110, 5.5), though not every transport takes them off. Each
 * returns false and leaves *out alone when the text does not match. */

/* RFC 9110, 10.2.3: delta-seconds, a decimal fraction tolerated, or an HTTP-date. *out is the span from `now`, never
 * negative, at most LKS_SPAN_MAX. */
bool lks_retry_after_parse(const char *text, size_t length, lks_time now, lks_span *out);

/* X-Api-Quota-Reset, whose form the provider does not document: Unix seconds (fraction tolerated), Unix milliseconds
 * (told apart by magnitude: 1e11 and more), ISO 8601 or an HTTP-date. A delta in seconds (below 4e7, about 15 months)
 * is taken as such from `now`. False also for an instant before 1970 or after LKS_TIME_MAX. */
bool lks_reset_parse(const char *text, size_t length, lks_time now, lks_time *out);

#endif
