/* What stands between JSON from outside and lua-cjson, which takes some texts for JSON that are none, rounds whole
 * numbers and reads others by a locale that it looked up once.
 *
 * Whole numbers of more than LKS_EXACT_DIGITS digits pass through it as strings that begin with LKS_JSON_MARK. A string
 * that begins with the mark by itself gets a second one, so that of strings behind lua-cjson those with two marks are
 * strings and those with one are numbers, whatever a service or a caller wrote. Names of members are never marked on
 * the way in; on the way out, where they cannot be told from values, they are marked and unmarked alike. */
#ifndef LKS_JSON_H
#define LKS_JSON_H

#include "buffer.h"

#define LKS_JSON_MARK '\x01'
/* Levels of nesting; deeper texts are malformed. */
#define LKS_JSON_DEPTH_MAX 100
/* lua-cjson counts bytes in an int, six for each that it writes. */
#define LKS_JSON_LENGTH_MAX ((size_t)0x7fffffff / 8)

typedef enum lks_json_status {
  LKS_JSON_AS_IS, /* nothing was written: the text can be decoded as it stands */
  LKS_JSON_REWRITTEN,
  LKS_JSON_MALFORMED, /* no JSON (RFC 8259), with a number no double comes near, or over a limit */
  LKS_JSON_NO_MEMORY
} lks_json_status;

/* Reads a text and writes it to `out`, which must be empty, where lua-cjson would not read it right. All of it must be
 * one JSON value, but one bad character must not cost an answer: a byte order mark is skipped, each lone surrogate
 * escape and each piece of malformed UTF-8 in a string becomes U+FFFD, and control characters in strings stay, except
 * NUL. Numbers are written so that strtod reads them right in every locale, and
 * in the present one takes no comma behind them for a decimal point. */
lks_json_status lks_json_guard(const char *text, size_t length, lks_buffer *out);

/* Takes the marks out of a text that lua-cjson wrote: LKS_JSON_AS_IS when it has none, else REWRITTEN or NO_MEMORY. */
lks_json_status lks_json_unmark(const char *text, size_t length, lks_buffer *out);

#endif
