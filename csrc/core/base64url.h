/* base64url without padding (RFC 4648, section 5; JWS as in RFC 7515, section 2). */
#ifndef LKS_BASE64URL_H
#define LKS_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>

/* Most bytes that `length` characters can decode to. */
size_t lks_base64url_bound(size_t length);

/* Decodes into `out` (at least lks_base64url_bound(length) bytes, not overlapping `text`) and stores the byte count in
 * *out_length. Strict: false on any character outside the alphabet, on padding, on an impossible length (1 mod 4), and
 * on non-zero trailing bits; *out_length is then left alone, while `out` may have been written to. */
bool lks_base64url_decode(const char *text, size_t length, unsigned char *out, size_t *out_length);

#endif
