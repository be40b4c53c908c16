#include "core/key.h"

#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "test.h"

/* The example in spec/vectors/locker-api.md. */
#define HEADER "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9"
#define PAYLOAD                                                                                                        \
  "eyJ1c2VyIjoiMjMyM0Bwdy5jeXN0YWNrLm9yZyIsImNyZWF0ZWRfdGltZSI6MTY0MDYxNzAzNSwiZXhwaXJlZF90aW1lIjoxNjQwNjMxNDM1LCJ0b2" \
  "tlbl90eXBlIjoiYXV0aGVudGljYXRpb24iLCJzY29wZSI6InB3ZG1hbmFnZXIifQ"
#define SIGNATURE "xxxxxxxxxxxxxxxxxxxxxxxx_PrivateXXXX"
#define LOCKER_KEY "cs." HEADER "." PAYLOAD "." SIGNATURE
#define LOCKPUB_KEY "ll_live_your_api_key"

static lks_key_status try_key(lks_service service, const char *text, size_t length) {
  lks_key *key = NULL;
  lks_key_status status = lks_key_new(service, guard_place(text, length), length, &key);
  CHECK((key != NULL) == (status == LKS_KEY_OK));
  lks_key_free(key);
  return status;
}

static void expect(lks_service service, const char *text, lks_key_status expected) {
  lks_key_status status = try_key(service, text, strlen(text));
  if (status == expected) return;
  test_case_failed = 1;
  fprintf(stderr, "\"%s\" gives %d, expected %d\n", text, (int)status, (int)expected);
}

static void takes_a_lockpub_key(void) {
  lks_key *key = NULL;
  size_t length = 99;
  CHECK_INT(lks_key_new(LKS_LOCKPUB, LOCKPUB_KEY, strlen(LOCKPUB_KEY), &key), LKS_KEY_OK);
  if (key == NULL) return;
  CHECK_TEXT(lks_key_authorization(key), "Bearer " LOCKPUB_KEY);
  CHECK(lks_key_payload(key, &length) == NULL);
  CHECK_INT(length, 0);
  lks_key_free(key);
}

static void takes_a_locker_key_and_decodes_its_payload(void) {
  lks_key *key = NULL;
  size_t length = 0;
  CHECK_INT(lks_key_new(LKS_LOCKER, LOCKER_KEY, strlen(LOCKER_KEY), &key), LKS_KEY_OK);
  if (key == NULL) return;
  CHECK_TEXT(lks_key_authorization(key), "Bearer " LOCKER_KEY);
  CHECK_TEXT(lks_key_payload(key, &length),
             "{\"user\":\"2323@pw.cystack.org\",\"created_time\":1640617035,\"expired_time\":1640631435,"
             "\"token_type\":\"authentication\",\"scope\":\"pwdmanager\"}");
  CHECK_INT(length, strlen(lks_key_payload(key, &length)));
  lks_key_free(key);
}

static void nothing_is_no_key(void) {
  lks_key *key = NULL;
  for (unsigned service = 0; service < LKS_SERVICE_COUNT; service++) {
    CHECK_INT(lks_key_new((lks_service)service, NULL, 0, &key), LKS_KEY_MISSING);
    CHECK_INT(lks_key_new((lks_service)service, NULL, 5, &key), LKS_KEY_MISSING);
    CHECK_INT(lks_key_new((lks_service)service, "", 0, &key), LKS_KEY_MISSING);
  }
  CHECK(key == NULL);
}

static void refuses_the_wrong_prefix(void) {
  static const char *const lockpub[] = {"l", "ll", "LL_live", "Ll_live", "live", "xll_live", LOCKER_KEY, "ll-live"};
  static const char *const locker[] = {"c",         "cs",      "CS.a.QQ.c", HEADER "." PAYLOAD "." SIGNATURE,
                                       LOCKPUB_KEY, "csa.QQ.c"};
  for (size_t i = 0; i < sizeof lockpub / sizeof *lockpub; i++) expect(LKS_LOCKPUB, lockpub[i], LKS_KEY_BAD_PREFIX);
  for (size_t i = 0; i < sizeof locker / sizeof *locker; i++) expect(LKS_LOCKER, locker[i], LKS_KEY_BAD_PREFIX);
}

static void refuses_a_prefix_alone(void) {
  static const char *const cut[] = {"ll_", "ll_l", "ll_live", "ll_live_", "ll_test_", "ll__"};
  static const char *const whole[] = {"ll_x",    "ll_live_x",    "ll_live_abc_", "ll_live__", "ll_live__a", "ll_lively",
                                      "ll_test", "ll_live_your", "ll_1_",        "ll_-_",     "ll_livE"};
  for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) expect(LKS_LOCKPUB, cut[i], LKS_KEY_CUT_OFF);
  for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) expect(LKS_LOCKPUB, whole[i], LKS_KEY_OK);
  expect(LKS_LOCKER, "cs.", LKS_KEY_CUT_OFF);
}

static void refuses_what_is_no_token(void) {
  static const char *const cases[] = {"cs.x",         "cs..",
                                      "cs...",        "cs.a.QQ",
                                      "cs.a.QQ.",     "cs..QQ.c",
                                      "cs.a..c",      "cs.a.QQ.c.d",
                                      "cs.a.QQ.c.",   "cs.+a.QQ.c",
                                      "cs.a.QQ.+c",   "cs.a.+QQQ.c",
                                      "cs.a+.QQ.c",   "cs.a.QQ==.c",
                                      "cs.a.Q/Q.c",   "cs.a.QQ.c=",
                                      "cs.a.Q.c",  /* no bytes have this length */
                                      "cs.a.QR.c", /* bits left over */
                                      "cs.a.QQQQQ.c", "cs.cs." HEADER "." PAYLOAD "." SIGNATURE,
                                      "cs.Bearer",    "cs." HEADER "," PAYLOAD "," SIGNATURE};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) expect(LKS_LOCKER, cases[i], LKS_KEY_BAD_TOKEN);
  expect(LKS_LOCKER, "cs.a.QQ.c", LKS_KEY_OK);
  expect(LKS_LOCKER, "cs.-_.QUI.Z_-", LKS_KEY_OK);
}

static void a_token_cut_short_before_its_signature_is_refused(void) {
  size_t signature = strlen(LOCKER_KEY) - strlen(SIGNATURE);
  for (size_t length = 1; length <= strlen(LOCKER_KEY); length++) {
    lks_key_status status = try_key(LKS_LOCKER, LOCKER_KEY, length);
    if (length <= 3)
      CHECK_INT(status, length < 3 ? LKS_KEY_BAD_PREFIX : LKS_KEY_CUT_OFF);
    else
      CHECK_INT(status, length <= signature ? LKS_KEY_BAD_TOKEN : LKS_KEY_OK);
  }
}

static void refuses_bytes_a_header_must_not_carry(void) {
  for (int byte = 0; byte < 256; byte++) {
    bool visible = byte > 0x20 && byte < 0x7f;
    char text[] = "ll_ab_c";
    text[4] = (char)byte;
    CHECK_INT(try_key(LKS_LOCKPUB, text, 7), visible ? LKS_KEY_OK : LKS_KEY_BAD_BYTE);
    text[4] = 'b';
    text[6] = (char)byte;
    CHECK_INT(try_key(LKS_LOCKPUB, text, 7), visible ? LKS_KEY_OK : LKS_KEY_BAD_BYTE);
    char token[] = "cs.a.QQ.c";
    token[8] = (char)byte;
    if (!visible) CHECK_INT(try_key(LKS_LOCKER, token, 9), LKS_KEY_BAD_BYTE);
  }
  expect(LKS_LOCKPUB, "ll_key\r\nX-Evil: 1", LKS_KEY_BAD_BYTE);
  expect(LKS_LOCKPUB, LOCKPUB_KEY "\n", LKS_KEY_BAD_BYTE);
  expect(LKS_LOCKPUB, " " LOCKPUB_KEY, LKS_KEY_BAD_BYTE);
  expect(LKS_LOCKPUB, "Bearer " LOCKPUB_KEY, LKS_KEY_BAD_BYTE);
}

static void refuses_a_key_over_the_maximum(void) {
  static char text[LKS_KEY_MAX + 1];
  memset(text, 'A', sizeof text);
  text[0] = text[1] = 'l';
  text[2] = '_';
  CHECK_INT(try_key(LKS_LOCKPUB, text, LKS_KEY_MAX), LKS_KEY_OK);
  CHECK_INT(try_key(LKS_LOCKPUB, text, LKS_KEY_MAX + 1), LKS_KEY_TOO_LONG);
  text[0] = 'c';
  text[1] = 's';
  text[2] = text[4] = '.';
  text[LKS_KEY_MAX - 3] = '.'; /* leaves 8184 characters of payload, a multiple of four */
  CHECK_INT(try_key(LKS_LOCKER, text, LKS_KEY_MAX), LKS_KEY_OK);
}

static void a_payload_may_hold_any_byte(void) {
  lks_key *key = NULL;
  size_t length = 0;
  CHECK_INT(lks_key_new(LKS_LOCKER, "cs.a.AP8A.c", 11, &key), LKS_KEY_OK);
  if (key == NULL) return;
  const char *payload = lks_key_payload(key, &length);
  CHECK_INT(length, 3);
  CHECK(memcmp(payload, "\0\xff\0", 4) == 0);
  lks_key_free(key);
}

static void the_fingerprint_is_the_cut_hash(void) {
  lks_key *lockpub = NULL, *locker = NULL;
  CHECK_INT(lks_key_new(LKS_LOCKPUB, LOCKPUB_KEY, strlen(LOCKPUB_KEY), &lockpub), LKS_KEY_OK);
  CHECK_INT(lks_key_new(LKS_LOCKER, LOCKER_KEY, strlen(LOCKER_KEY), &locker), LKS_KEY_OK);
  if (lockpub != NULL) CHECK_TEXT(lks_key_fingerprint(lockpub), "73658bad0e6c1a9fc22743007bd8c6d4");
  if (locker != NULL) CHECK_TEXT(lks_key_fingerprint(locker), "4c7d4f0643eed85acfe9bbf6e26129fe");
  lks_key_free(lockpub);
  lks_key_free(locker);
}

static void expires_at_the_instant_it_is_told(void) {
  lks_key *key = NULL;
  CHECK_INT(lks_key_new(LKS_LOCKER, LOCKER_KEY, strlen(LOCKER_KEY), &key), LKS_KEY_OK);
  if (key == NULL) return;
  CHECK(!lks_key_expired(key, LKS_TIME_MAX));
  CHECK(!lks_key_expired(key, INT64_MAX));
  lks_key_set_expiry(key, 1000);
  CHECK(!lks_key_expired(key, 999));
  CHECK(lks_key_expired(key, 1000));
  lks_key_set_expiry(key, 0);
  CHECK(lks_key_expired(key, 0));
  CHECK(!lks_key_expired(key, -1));
  lks_key_free(key);
}

static void equal_is_same_service_and_text(void) {
  lks_key *a = NULL, *same = NULL, *longer = NULL, *other = NULL, *locker = NULL;
  (void)lks_key_new(LKS_LOCKPUB, "ll_abc", 6, &a);
  (void)lks_key_new(LKS_LOCKPUB, "ll_abc", 6, &same);
  (void)lks_key_new(LKS_LOCKPUB, "ll_abcd", 7, &longer);
  (void)lks_key_new(LKS_LOCKPUB, "ll_abd", 6, &other);
  (void)lks_key_new(LKS_LOCKER, "cs.a.QQ.c", 9, &locker);
  CHECK(lks_key_equal(a, a) && lks_key_equal(a, same) && lks_key_equal(NULL, NULL));
  CHECK(!lks_key_equal(a, longer) && !lks_key_equal(longer, a) && !lks_key_equal(a, other));
  CHECK(!lks_key_equal(a, locker) && !lks_key_equal(a, NULL) && !lks_key_equal(NULL, a));
  lks_key_free(a);
  lks_key_free(same);
  lks_key_free(longer);
  lks_key_free(other);
  lks_key_free(locker);
}

static const char *watched[2];
static size_t watched_length[2];
static int dirty;

static void watch(const void *block) {
  if (block == NULL) return;
  for (int i = 0; i < 2; i++)
    for (size_t at = 0; at < watched_length[i]; at++)
      if (watched[i][at] != 0) dirty++;
  watched_length[0] = watched_length[1] = 0;
}

static void lives_until_its_last_owner_frees_it_and_is_overwritten_then(void) {
  long before = test_alloc_live();
  lks_key *key = NULL;
  lks_key_free(NULL);
  CHECK_INT(lks_key_new(LKS_LOCKER, LOCKER_KEY, strlen(LOCKER_KEY), &key), LKS_KEY_OK);
  if (key == NULL) return;
  CHECK(lks_key_retain(key) == key);
  lks_key_free(key);
  CHECK_TEXT(lks_key_authorization(key), "Bearer " LOCKER_KEY);
  watched[0] = lks_key_authorization(key);
  watched_length[0] = strlen(watched[0]);
  watched[1] = lks_key_payload(key, &watched_length[1]);
  dirty = 0;
  test_watch_free(watch);
  lks_key_free(key);
  test_watch_free(NULL);
  CHECK_INT(watched_length[0], 0);
  CHECK_INT(dirty, 0);
  CHECK_INT(test_alloc_live(), before);
}

static void every_allocation_may_fail(void) {
  static const char *const texts[LKS_SERVICE_COUNT] = {LOCKPUB_KEY, LOCKER_KEY};
  long before = test_alloc_live();
  for (unsigned service = 0; service < LKS_SERVICE_COUNT; service++) {
    int failures = 0;
    for (long nth = 1; nth < 10; nth++) {
      lks_key *key = NULL;
      test_fail_alloc(nth);
      lks_key_status status = lks_key_new((lks_service)service, texts[service], strlen(texts[service]), &key);
      int failed = test_alloc_failed();
      test_fail_alloc(0);
      CHECK_INT(status, failed ? LKS_KEY_NO_MEMORY : LKS_KEY_OK);
      CHECK((key == NULL) == (failed != 0));
      lks_key_free(key);
      CHECK_INT(test_alloc_live(), before);
      failures += failed;
    }
    CHECK(failures > 0 && failures < 9);
  }
}

static void a_refused_key_leaves_nothing_behind(void) {
  long before = test_alloc_live();
  expect(LKS_LOCKER, "cs.a.QR.c", LKS_KEY_BAD_TOKEN);
  expect(LKS_LOCKER, "cs.a.Q.c", LKS_KEY_BAD_TOKEN);
  CHECK_INT(test_alloc_live(), before);
}

static void says_what_is_wrong_in_one_line(void) {
  for (unsigned service = 0; service < LKS_SERVICE_COUNT; service++) {
    const char *variable = lks_service_get((lks_service)service)->key_variable;
    for (unsigned status = LKS_KEY_OK; status <= LKS_KEY_NO_MEMORY; status++) {
      const char *text = lks_key_status_text((lks_service)service, (lks_key_status)status);
      CHECK(text != NULL && text[0] != '\0' && strchr(text, '\n') == NULL);
    }
    CHECK(strstr(lks_key_status_text((lks_service)service, LKS_KEY_MISSING), variable) != NULL);
    CHECK(strstr(lks_key_status_text((lks_service)service, LKS_KEY_BAD_PREFIX), variable) != NULL);
    CHECK(strstr(lks_key_status_text((lks_service)service, LKS_KEY_BAD_PREFIX),
                 lks_service_get((lks_service)service)->key_prefix) != NULL);
  }
  CHECK(lks_key_status_text(LKS_LOCKPUB, (lks_key_status)99) != NULL);
  CHECK(strstr(lks_key_status_text(LKS_LOCKPUB, LKS_KEY_TOO_LONG), "8192") != NULL && LKS_KEY_MAX == 8192);
}

int main(void) {
  RUN(takes_a_lockpub_key);
  RUN(takes_a_locker_key_and_decodes_its_payload);
  RUN(nothing_is_no_key);
  RUN(refuses_the_wrong_prefix);
  RUN(refuses_a_prefix_alone);
  RUN(refuses_what_is_no_token);
  RUN(a_token_cut_short_before_its_signature_is_refused);
  RUN(refuses_bytes_a_header_must_not_carry);
  RUN(refuses_a_key_over_the_maximum);
  RUN(a_payload_may_hold_any_byte);
  RUN(the_fingerprint_is_the_cut_hash);
  RUN(expires_at_the_instant_it_is_told);
  RUN(equal_is_same_service_and_text);
  RUN(lives_until_its_last_owner_frees_it_and_is_overwritten_then);
  RUN(every_allocation_may_fail);
  RUN(a_refused_key_leaves_nothing_behind);
  RUN(says_what_is_wrong_in_one_line);
  return TEST_END();
}
