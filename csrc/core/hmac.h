/* HMAC-SHA256 (RFC 2104; test cases in RFC 4231): what only the holder of a secret can compute. */
#ifndef LKS_HMAC_H
#define LKS_HMAC_H

#include <stdbool.h>
#include <stddef.h>

#include "sha256.h"

/* Most bytes of a message. */
#define LKS_HMAC_MESSAGE_MAX 1024

/* `secret` and `message` may be NULL when their length is 0. Leaves no copy of either behind. False, the digest being
 * left alone, when the message is longer than LKS_HMAC_MESSAGE_MAX. */
bool lks_hmac_sha256(const void *secret, size_t secret_length, const void *message, size_t message_length,
                     unsigned char digest[LKS_SHA256_SIZE]);

#endif
