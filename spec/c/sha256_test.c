#include "core/sha256.h"

#include <string.h>

#include "guard.h"
#include "test.h"

static const char *hex_digest(const void *data, size_t length) {
  static char text[2 * LKS_SHA256_SIZE + 1];
  unsigned char digest[LKS_SHA256_SIZE];
  lks_sha256(data, length, digest);
  for (size_t i = 0; i < LKS_SHA256_SIZE; i++) (void)snprintf(text + 2 * i, 3, "%02x", digest[i]);
  return text;
}

static void gives_the_nist_example_digests(void) {
  static const struct {
    const char *text, *digest;
  } cases[] = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"\xbd", "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b"},
      {"\xc9\x8c\x8e\x55", "7abc22c0ae5af26ce93dbb94433a0e0b2e119d014f8e7f65bd56c61ccccd9504"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrst"
       "u",
       "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    size_t length = strlen(cases[i].text);
    CHECK_TEXT(hex_digest(guard_place(cases[i].text, length), length), cases[i].digest);
  }
}

/* Lengths around the block size, where the padding needs a block of its own or not. */
static void gives_the_nist_digests_of_repeated_bytes(void) {
  static const struct {
    char byte;
    size_t length;
    const char *digest;
  } cases[] = {
      {0, 55, "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7"},
      {0, 56, "d4817aa5497628e7c77e6b606107042bbba3130888c5f47a375e6179be789fbb"},
      {0, 57, "65a16cb7861335d5ace3c60718b5052e44660726da4cd13bb745381b235a1785"},
      {0, 64, "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b"},
      {0, 1000, "541b3e9daa09b20bf85fa273e5cbd3e80185aa4ec298e765db87742b70138a53"},
      {'A', 1000, "c2e686823489ced2017f6059b8b239318b6364f6dcd835d0a519105a1eadd6e4"},
      {'U', 1005, "f4d62ddec0f3dd90ea1380fa16a5ff8dc4c54b21740650f24afc4120903552b0"},
      {'a', 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
  };
  static char bytes[1000000];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    memset(bytes, cases[i].byte, cases[i].length);
    CHECK_TEXT(hex_digest(bytes, cases[i].length), cases[i].digest);
  }
}

static void takes_no_data(void) {
  CHECK_TEXT(hex_digest(NULL, 0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* The digest of the digests of 0 to 299 times "a": every remainder of the block size, several times. */
static void every_length_is_padded_right(void) {
  static unsigned char digests[300 * LKS_SHA256_SIZE];
  char bytes[300];
  memset(bytes, 'a', sizeof bytes);
  for (size_t length = 0; length < 300; length++)
    lks_sha256(guard_place(bytes, length), length, digests + length * LKS_SHA256_SIZE);
  CHECK_TEXT(hex_digest(digests, sizeof digests), "80e953e3b006c4bab43fd5d792f8bd29c122f6cf1497318365fe66bf2d61398d");
}

int main(void) {
  RUN(gives_the_nist_example_digests);
  RUN(gives_the_nist_digests_of_repeated_bytes);
  RUN(takes_no_data);
  RUN(every_length_is_padded_right);
  return TEST_END();
}
