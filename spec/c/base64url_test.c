#include "core/base64url.h"

#include <string.h>

#include "guard.h"
#include "test.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Decodes with the text, and then also the result, ending at an unreadable page. */
static bool decode(const char *text, size_t length, unsigned char *out, size_t *out_length) {
  unsigned char first[256];
  size_t first_length = 99999;
  bool valid = lks_base64url_decode(guard_place(text, length), length, first, &first_length);
  size_t bound = lks_base64url_bound(length);
  unsigned char *exact = (unsigned char *)guard_place(NULL, bound);
  *out_length = 99999;
  CHECK_INT(lks_base64url_decode(text, length, exact, out_length), valid);
  CHECK_INT(*out_length, first_length);
  if (!valid) {
    CHECK_INT(*out_length, 99999);
    return false;
  }
  CHECK_INT(*out_length, bound);
  CHECK(memcmp(exact, first, bound) == 0);
  memcpy(out, exact, bound);
  return true;
}

static void decodes_the_rfc_4648_vectors(void) {
  static const struct {
    const char *text, *bytes;
  } cases[] = {{"", ""},           {"Zg", "f"},          {"Zm8", "fo"},          {"Zm9v", "foo"},
               {"Zm9vYg", "foob"}, {"Zm9vYmE", "fooba"}, {"Zm9vYmFy", "foobar"}, {"-_-_", "\xfb\xff\xbf"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    unsigned char out[16] = {0};
    size_t length = 0;
    CHECK(decode(cases[i].text, strlen(cases[i].text), out, &length));
    CHECK_INT(length, strlen(cases[i].bytes));
    CHECK(memcmp(out, cases[i].bytes, strlen(cases[i].bytes)) == 0);
  }
}

static void nothing_decodes_to_nothing(void) {
  unsigned char out = 7;
  size_t length = 5;
  CHECK(lks_base64url_decode(NULL, 0, &out, &length));
  CHECK_INT(length, 0);
  CHECK_INT(out, 7);
}

static void refuses_padding_and_impossible_lengths(void) {
  static const char *const cases[] = {"Zg==", "Zg=", "Zm8=", "Z", "Zm9vY", "Zm9v=", "=", "====", "Zm9vYmFyZ"};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    unsigned char out[16];
    size_t length = 0;
    CHECK(!decode(cases[i], strlen(cases[i]), out, &length));
  }
}

static void refuses_every_byte_outside_the_alphabet_in_every_place(void) {
  for (size_t place = 0; place < 8; place++) {
    for (int byte = 0; byte < 256; byte++) {
      char text[] = "Zm9vYmFy";
      unsigned char out[16];
      size_t length = 0;
      bool valid = byte != 0 && strchr(alphabet, byte) != NULL;
      text[place] = (char)byte;
      CHECK_INT(decode(text, 8, out, &length), valid);
    }
  }
}

static void accepts_only_zero_trailing_bits(void) {
  for (unsigned i = 0; i < 64; i++) {
    for (unsigned j = 0; j < 64; j++) {
      char text[] = {alphabet[i], alphabet[j]};
      unsigned char out[2] = {0};
      size_t length = 0;
      bool valid = decode(text, 2, out, &length);
      CHECK_INT(valid, (j & 15) == 0);
      if (valid) CHECK_INT(out[0], i << 2 | j >> 4);
    }
    char text[] = {'A', 'A', alphabet[i]};
    unsigned char out[2];
    size_t length = 0;
    CHECK_INT(decode(text, 3, out, &length), (i & 3) == 0);
  }
}

static size_t encode(const unsigned char *bytes, size_t length, char *out) {
  size_t written = 0;
  unsigned pending = 0, bits = 0;
  for (size_t i = 0; i < length; i++) {
    pending = (pending << 8 | bytes[i]) & 0xffff;
    for (bits += 8; bits >= 6; bits -= 6) out[written++] = alphabet[pending >> (bits - 6) & 63];
  }
  if (bits > 0) out[written++] = alphabet[pending << (6 - bits) & 63];
  return written;
}

static void brings_back_what_was_encoded(void) {
  unsigned char bytes[150], out[160];
  unsigned seed = 1;
  for (size_t length = 0; length <= sizeof bytes; length++) {
    char text[256];
    size_t out_length = 0;
    for (size_t i = 0; i < length; i++) {
      seed = seed * 1103515245U + 12345U;
      bytes[i] = (unsigned char)(seed >> 16);
    }
    CHECK(decode(text, encode(bytes, length, text), out, &out_length));
    CHECK_INT(out_length, length);
    CHECK(memcmp(out, bytes, length) == 0);
  }
}

static void bound_does_not_overflow(void) {
  CHECK(lks_base64url_bound((size_t)-1) == (size_t)-1 / 4 * 3 + 2);
  CHECK_INT(lks_base64url_bound(1), 0);
}

int main(void) {
  RUN(decodes_the_rfc_4648_vectors);
  RUN(nothing_decodes_to_nothing);
  RUN(refuses_padding_and_impossible_lengths);
  RUN(refuses_every_byte_outside_the_alphabet_in_every_place);
  RUN(accepts_only_zero_trailing_bits);
  RUN(brings_back_what_was_encoded);
  RUN(bound_does_not_overflow);
  return TEST_END();
}
