#include "core/hmac.h"

#include "test.h"

static void expect(const char *secret, size_t secret_length, const char *message, const char *hex) {
  unsigned char digest[LKS_SHA256_SIZE];
  char text[2 * LKS_SHA256_SIZE + 1];
  CHECK(lks_hmac_sha256(secret, secret_length, message, strlen(message), digest));
  for (size_t i = 0; i < LKS_SHA256_SIZE; i++) (void)snprintf(text + 2 * i, 3, "%02x", digest[i]);
  CHECK_TEXT(text, hex);
}

static void the_vectors_of_rfc_4231_are_met(void) {
  char secret[131];
  memset(secret, 0x0b, 20);
  expect(secret, 20, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  expect("Jefe", 4, "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  memset(secret, 0xaa, sizeof secret);
  expect(secret, 131, "Test Using Larger Than Block-Size Key - Hash Key First",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void nothing_is_a_secret_and_a_message_too(void) {
  expect(NULL, 0, "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void a_secret_of_one_block_is_used_as_it_is(void) {
  unsigned char whole[LKS_SHA256_SIZE], longer[LKS_SHA256_SIZE];
  char secret[65];
  memset(secret, 'k', sizeof secret);
  CHECK(lks_hmac_sha256(secret, 64, "m", 1, whole));
  CHECK(lks_hmac_sha256(secret, 65, "m", 1, longer));
  CHECK(memcmp(whole, longer, sizeof whole) != 0);
}

static void a_message_beyond_the_bound_is_refused(void) {
  static char message[LKS_HMAC_MESSAGE_MAX + 1];
  unsigned char digest[LKS_SHA256_SIZE] = {7};
  CHECK(lks_hmac_sha256("k", 1, message, LKS_HMAC_MESSAGE_MAX, digest));
  digest[0] = 7;
  CHECK(!lks_hmac_sha256("k", 1, message, sizeof message, digest));
  CHECK_INT(digest[0], 7);
}

int main(void) {
  RUN(the_vectors_of_rfc_4231_are_met);
  RUN(nothing_is_a_secret_and_a_message_too);
  RUN(a_secret_of_one_block_is_used_as_it_is);
  RUN(a_message_beyond_the_bound_is_refused);
  return TEST_END();
}
