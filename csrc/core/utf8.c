#include "utf8.h"

/* Length of the sequence that `lead` begins, and the range its second byte must lie in (RFC 3629, section 4). */
static size_t sequence(unsigned char lead, unsigned char *low, unsigned char *high) {
  *low = 0x80;
  *high = 0xBF;
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (lead == 0xE0) *low = 0xA0;
    if (lead == 0xED) *high = 0x9F;
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (lead == 0xF0) *low = 0x90;
    if (lead == 0xF4) *high = 0x8F;
    return 4;
  }
  return 0;
}

size_t lks_utf8_character(const char *text, size_t length, size_t *bad) {
  const unsigned char *bytes = (const unsigned char *)text;
  unsigned char low, high;
  size_t size = sequence(bytes[0], &low, &high), good = 1;
  while (good < size && good < length && bytes[good] >= low && bytes[good] <= high) {
    low = 0x80;
    high = 0xBF;
    good++;
  }
  *bad = good;
  return good == size ? size : 0;
}

long long lks_utf8_length(const char *text, size_t length) {
  long long characters = 0;
  for (size_t i = 0; i < length; characters++) {
    size_t bad, size = (unsigned char)text[i] < 0x80 ? 1 : lks_utf8_character(text + i, length - i, &bad);
    if (size == 0) return -1;
    i += size;
  }
  return characters;
}
