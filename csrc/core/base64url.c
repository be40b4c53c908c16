#include "base64url.h"

#include "ascii.h"

size_t lks_base64url_bound(size_t length) {
  size_t rest = length % 4;
  return length / 4 * 3 + (rest == 0 ? 0 : rest - 1);
}

static int sextet(char character) {
  if (lks_ascii_is_upper(character)) return character - 'A';
  if (lks_ascii_is_lower(character)) return character - 'a' + 26;
  if (lks_ascii_is_digit(character)) return character - '0' + 52;
  if (character == '-') return 62;
  if (character == '_') return 63;
  return -1;
}

bool lks_base64url_decode(const char *text, size_t length, unsigned char *out, size_t *out_length) {
  unsigned pending = 0; /* bits read and not yet written, at most 6 of them between two characters */
  unsigned bits = 0;
  size_t written = 0;
  if (length % 4 == 1) return false;
  for (size_t i = 0; i < length; i++) {
    int value = sextet(text[i]);
    if (value < 0) return false;
    pending = pending << 6 | (unsigned)value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out[written++] = (unsigned char)(pending >> bits);
      pending &= (1U << bits) - 1;
    }
  }
  if (pending != 0) return false;
  *out_length = written;
  return true;
}
