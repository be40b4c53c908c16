/* UTF-8 by RFC 3629: no surrogates, no overlong forms, nothing past U+10FFFF. */
#ifndef LKS_UTF8_H
#define LKS_UTF8_H

#include <stddef.h>

/* Bytes of the character at the start of `text`. 0 when it is none; *bad then is how many bytes to leave out for one
 * replacement character: the longest beginning of a character, else 1 (Unicode 15, table 3-8). `length` is above 0. */
size_t lks_utf8_character(const char *text, size_t length, size_t *bad);

/* Characters in valid UTF-8; -1 when it is not. `text` may be NULL when length is 0. */
long long lks_utf8_length(const char *text, size_t length);

#endif
