/* Legality, outcome and backoff of a single attempt. The calls' tests hold the table of all results. */
#include "core/retry.h"

#include <math.h>

#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const lks_retry_class classes[] = {LKS_RETRY_NEVER,  LKS_RETRY_SAFE,   LKS_RETRY_CONVERGING,
                                          LKS_RETRY_TOGGLE, LKS_RETRY_CREATE, LKS_RETRY_KEYED};

/* Whatever is legal for a create is legal for every class that may be repeated at all. */
static void test_classes_allow_more_from_create_to_safe(void) {
  for (lks_kind kind = LKS_KIND_INVALID_REQUEST; kind < LKS_KIND_COUNT; kind++) {
    for (int status = 0; status < 600; status++) {
      for (unsigned bits = 0; bits < 8; bits++) {
        lks_attempt attempt = {kind, status, bits & 1, bits & 2, bits & 4, 0, 0, 0};
        bool create = lks_retry_legal(LKS_RETRY_CREATE, &attempt);
        bool keyed = lks_retry_legal(LKS_RETRY_KEYED, &attempt);
        bool safe = lks_retry_legal(LKS_RETRY_SAFE, &attempt);
        CHECK_INT(lks_retry_legal(LKS_RETRY_TOGGLE, &attempt), create);
        CHECK_INT(lks_retry_legal(LKS_RETRY_CONVERGING, &attempt), keyed);
        CHECK(!create || keyed);
        CHECK(!keyed || safe);
        CHECK(!lks_retry_legal(LKS_RETRY_NEVER, &attempt));
        CHECK(!create || lks_attempt_outcome(&attempt) != LKS_UNKNOWN);
        if (attempt.permanent) CHECK(!keyed);
      }
    }
  }
}

/* README, "Errors": never retried, whatever the status. */
static void test_used_up_quota_and_limits_are_never_retried(void) {
  static const lks_kind kinds[] = {LKS_KIND_QUOTA_EXCEEDED, LKS_KIND_LIMIT_REACHED, LKS_KIND_PLAN_REQUIRED,
                                   LKS_KIND_BAD_RESPONSE,   LKS_KIND_TOO_LARGE,     LKS_KIND_CLOSED};
  for (size_t k = 0; k < COUNT(kinds); k++) {
    for (size_t c = 0; c < COUNT(classes); c++) {
      for (int status = 400; status < 600; status++) {
        lks_attempt attempt = {kinds[k], status, true, true, false, 0, 0, 0};
        CHECK(!lks_retry_legal(classes[c], &attempt));
      }
    }
  }
}

static void test_success_is_not_repeated(void) {
  lks_attempt attempt = {LKS_KIND_NONE, 200, true, false, false, 0, 0, 0};
  CHECK_INT(lks_attempt_outcome(&attempt), LKS_APPLIED);
  for (size_t c = 0; c < COUNT(classes); c++) CHECK(!lks_retry_legal(classes[c], &attempt));
}

static void test_what_was_not_sent_has_no_other_outcome(void) {
  for (lks_kind kind = LKS_KIND_INVALID_REQUEST; kind < LKS_KIND_COUNT; kind++) {
    for (int status = 0; status < 600; status += 50) {
      lks_attempt attempt = {kind, status, false, true, false, 0, 0, 0};
      CHECK_INT(lks_attempt_outcome(&attempt), LKS_NOT_SENT);
    }
  }
}

static void test_503_says_no_only_with_a_readable_retry_after(void) {
  lks_attempt attempt = {LKS_KIND_SERVER_ERROR, 503, true, false, false, 0, 0, 0};
  CHECK_INT(lks_attempt_outcome(&attempt), LKS_UNKNOWN);
  attempt.wait_told = true;
  CHECK_INT(lks_attempt_outcome(&attempt), LKS_REJECTED);
  attempt.status = 502;
  CHECK_INT(lks_attempt_outcome(&attempt), LKS_UNKNOWN);
}

static void test_backoff_doubles_up_to_the_cap(void) {
  static const lks_span ceilings[] = {250000, 500000, 1000000, 2000000, 4000000, 5000000, 5000000};
  for (unsigned n = 0; n < COUNT(ceilings); n++) {
    CHECK_INT(lks_retry_backoff(n, 0), 0);
    CHECK_INT(lks_retry_backoff(n, 0.5), ceilings[n] / 2);
    CHECK_INT(lks_retry_backoff(n, 0.75), ceilings[n] / 4 * 3);
    CHECK_INT(lks_retry_backoff(n, 0.999), ceilings[n] / 1000 * 999);
    CHECK_INT(lks_retry_backoff(n, 1 - 1e-12), ceilings[n] - 1);
  }
  CHECK_INT(lks_retry_backoff(1000, 0.5), 2500000);
  CHECK_INT(lks_retry_backoff(~0u, 0.5), 2500000);
}

static void test_chance_is_clamped(void) {
  CHECK_INT(lks_retry_backoff(0, -1), 0);
  CHECK_INT(lks_retry_backoff(0, (double)-INFINITY), 0);
  CHECK_INT(lks_retry_backoff(0, (double)NAN), 0);
  CHECK_INT(lks_retry_backoff(0, 1), 249999);
  CHECK_INT(lks_retry_backoff(0, 1e300), 249999);
  CHECK_INT(lks_retry_backoff(9, (double)INFINITY), 4999999);
  CHECK(lks_retry_backoff(0, 0.99999999999999989) < 250000);
}

int main(void) {
  RUN(test_classes_allow_more_from_create_to_safe);
  RUN(test_used_up_quota_and_limits_are_never_retried);
  RUN(test_success_is_not_repeated);
  RUN(test_what_was_not_sent_has_no_other_outcome);
  RUN(test_503_says_no_only_with_a_readable_retry_after);
  RUN(test_backoff_doubles_up_to_the_cap);
  RUN(test_chance_is_clamped);
  return TEST_END();
}
