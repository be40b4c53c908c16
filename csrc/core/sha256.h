/* SHA-256 (FIPS 180-4), used to name the state of a key in shared stores without showing the key. */
#ifndef LKS_SHA256_H
#define LKS_SHA256_H

#include <stddef.h>

#define LKS_SHA256_SIZE 32

/* `data` may be NULL when length is 0. Leaves no copy of the data behind. */
void lks_sha256(const void *data, size_t length, unsigned char digest[LKS_SHA256_SIZE]);

#endif
