#include "bytes.h"

size_t lks_bytes_put(char *bytes, int64_t number) {
  uint64_t bits = number < 0 ? ~((uint64_t)number << 1) : (uint64_t)number << 1;
  size_t length = 0;
  for (; bits > 0x7F; bits >>= 7) bytes[length++] = (char)(unsigned char)((bits & 0x7F) | 0x80);
  bytes[length++] = (char)bits;
  return length;
}

bool lks_bytes_append(lks_buffer *out, int64_t number) {
  char bytes[LKS_BYTES_SIZE];
  return lks_buffer_append(out, bytes, lks_bytes_put(bytes, number));
}

bool lks_bytes_read(const char **bytes, const char *end, int64_t *number) {
  const char *at = *bytes;
  uint64_t bits = 0;
  for (unsigned shift = 0; shift < 64 && at < end; shift += 7) {
    unsigned char byte = (unsigned char)*at++;
    if (shift == 63 && byte > 1) return false;
    bits |= (uint64_t)(byte & 0x7F) << shift;
    if (byte > 0x7F) continue;
    *bytes = at;
    *number = (bits & 1) != 0 ? -(int64_t)(bits >> 1) - 1 : (int64_t)(bits >> 1);
    return true;
  }
  return false;
}
