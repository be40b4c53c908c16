#include "bytes.h"

bool lks_bytes_append(lks_buffer *out, int64_t number) {
  uint64_t bits = (uint64_t)number;
  char bytes[LKS_BYTES_SIZE];
  for (unsigned i = 0; i < LKS_BYTES_SIZE; i++) bytes[i] = (char)(unsigned char)(bits >> 8 * i & 0xFF);
  return lks_buffer_append(out, bytes, sizeof bytes);
}

int64_t lks_bytes_read(const char *bytes) {
  uint64_t bits = 0;
  for (unsigned i = 0; i < LKS_BYTES_SIZE; i++) bits |= (uint64_t)(unsigned char)bytes[i] << 8 * i;
  /* Without relying on what converting a number out of range gives. */
  return bits <= INT64_MAX ? (int64_t)bits : -(int64_t)(UINT64_MAX - bits) - 1;
}
