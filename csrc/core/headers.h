/* Raw header lines, and the answer headers that policy reads among them. */
#ifndef LKS_HEADERS_H
#define LKS_HEADERS_H

#include <stdbool.h>
#include <stddef.h>

/* A header of raw lines, borrowed from them, which must live as long. */
typedef struct lks_header_line {
  const char *name; /* not empty, neither blank at its beginning nor broken by a line's end */
  size_t name_length;
  const char *value; /* without the blanks around it; may go on over folded lines */
  size_t value_length;
} lks_header_line;

/* Finds the next header at or after *lines, and moves *lines past it. Lines are ended by LF or CRLF; one that begins
 * with a blank continues the one before it; what is no header is passed over. False: there is none before `end`. */
bool lks_headers_next(const char **lines, const char *end, lks_header_line *header);

/* Writes a value with a space for each line break in it and the blanks on either side of that (RFC 9112, 5.2), to room
 * for `length` bytes. Returns how many it wrote. The value has no blank at its ends. */
size_t lks_headers_unfold(const char *value, size_t length, char *out);

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

#define LKS_POLICY_HEADERS 4

/* Which of these headers that is, below LKS_POLICY_HEADERS, or LKS_POLICY_HEADERS: none. Names are compared without
 * regard to ASCII case. */
size_t lks_headers_find(const char *name, size_t length);

/* Takes the value, which may be a list, of the header `which` that lks_headers_find gave; one that is none is ignored.
 * What was taken before stands before it. */
void lks_headers_add(lks_policy_headers *headers, size_t which, const char *value, size_t length);

/* The same, for a value that stands before what was taken. */
void lks_headers_add_first(lks_policy_headers *headers, size_t which, const char *value, size_t length);

/* lks_headers_add for the header of that name. */
void lks_headers_take(lks_policy_headers *headers, const char *name, size_t name_length, const char *value,
                      size_t value_length);

/* Reads raw lines. `lines` may be NULL when length is 0. */
void lks_headers_read(lks_policy_headers *headers, const char *lines, size_t length);

/* `value` itself, NULL for "", so that an absent header looks absent. */
const char *lks_headers_value(const char *value);

#endif
