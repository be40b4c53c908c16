/* The answer headers that policy reads, taken from raw header lines in one pass. */
#ifndef LKS_HEADERS_H
#define LKS_HEADERS_H

#include <stdbool.h>
#include <stddef.h>

#define LKS_HEADER_VALUE_MAX 128

/* Values are trimmed copies; "" where absent. A header may be there several times, on lines of its own or as a list on
 * one line, which mean the same (RFC 9110, 5.3): the first member that can be read counts, wherever it stands. Where
 * none can, the first line is kept as it came, unless it is longer than the room or holds a NUL. */
typedef struct lks_policy_headers {
  char retry_after[LKS_HEADER_VALUE_MAX];
  char quota_limit[LKS_HEADER_VALUE_MAX];
  char quota_remaining[LKS_HEADER_VALUE_MAX];
  char quota_reset[LKS_HEADER_VALUE_MAX];
} lks_policy_headers;

void lks_headers_clear(lks_policy_headers *headers);

/* Takes one header, whose value may be a list; names are compared without regard to ASCII case, others ignored. */
void lks_headers_take(lks_policy_headers *headers, const char *name, size_t name_length, const char *value,
                      size_t value_length);

/* Reads lines "Name: value" ended by LF or CRLF; one that begins with a blank continues the one before it. `lines` may
 * be NULL when length is 0. */
void lks_headers_read(lks_policy_headers *headers, const char *lines, size_t length);

/* NULL for "", so that an absent header looks absent. */
const char *lks_headers_value(const char *value);

#endif
