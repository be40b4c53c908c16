#include "hmac.h"

#include <string.h>

#include "buffer.h"

#define BLOCK 64

bool lks_hmac_sha256(const void *secret, size_t secret_length, const void *message, size_t message_length,
                     unsigned char digest[LKS_SHA256_SIZE]) {
  unsigned char key[BLOCK] = {0}, inner[BLOCK + LKS_HMAC_MESSAGE_MAX], outer[BLOCK + LKS_SHA256_SIZE];
  if (message_length > LKS_HMAC_MESSAGE_MAX) return false;
  if (secret_length > BLOCK)
    lks_sha256(secret, secret_length, key);
  else if (secret_length > 0)
    memcpy(key, secret, secret_length);
  for (size_t i = 0; i < BLOCK; i++) {
    inner[i] = key[i] ^ 0x36;
    outer[i] = key[i] ^ 0x5c;
  }
  if (message_length > 0) memcpy(inner + BLOCK, message, message_length);
  lks_sha256(inner, BLOCK + message_length, outer + BLOCK);
  lks_sha256(outer, sizeof outer, digest);
  lks_wipe(key, sizeof key);
  lks_wipe(inner, sizeof inner);
  lks_wipe(outer, sizeof outer);
  return true;
}
