#include "core/quota.h"

#include "guard.h"
#include "test.h"

#define S LKS_SECOND
#define DAY (INT64_C(86400) * S)
#define NOVEMBER_14 (INT64_C(1700000000) * S) /* 2023-11-14T22:13:20Z */
#define DECEMBER_1 (INT64_C(1701388800) * S)

static lks_quota told(lks_time now, const char *limit, const char *remaining, const char *reset) {
  lks_quota quota = {.known = false};
  CHECK(lks_quota_observe(&quota, now, now, 0, limit, remaining, reset));
  return quota;
}

static lks_span refused(lks_quota *quota, lks_time now) {
  lks_span wait = -1;
  CHECK(!lks_quota_admit(quota, now, &wait));
  CHECK(wait > 0);
  return wait;
}

static void admitted(lks_quota *quota, lks_time now) {
  lks_span wait = -1;
  CHECK(lks_quota_admit(quota, now, &wait));
  CHECK_INT(wait, 0);
}

static void nothing_told_admits_everyone(void) {
  lks_quota quota = {.known = false};
  admitted(&quota, NOVEMBER_14);
  admitted(&quota, NOVEMBER_14);
  CHECK_INT(lks_quota_left(&quota, NOVEMBER_14), -1);
}

static void three_headers_are_read(void) {
  lks_quota quota = told(NOVEMBER_14, "1000", " 997\t", "1701388800");
  CHECK(quota.known);
  CHECK_INT(quota.limit, 1000);
  CHECK_INT(quota.remaining, 997);
  CHECK_INT(quota.reset, DECEMBER_1);
  CHECK_INT(quota.as_of, NOVEMBER_14);
  CHECK_INT(lks_quota_left(&quota, NOVEMBER_14), 997);
  admitted(&quota, NOVEMBER_14);
}

static void unreadable_remaining_changes_nothing(void) {
  static const char *const garbage[] = {"",
                                        " ",
                                        "-1",
                                        "+5",
                                        "5.0",
                                        "0x10",
                                        "five",
                                        "5 6",
                                        "5,000",
                                        "1e3",
                                        "9223372036854775808",
                                        "99999999999999999999999999"};
  lks_quota quota = told(NOVEMBER_14, "1000", "5", "1701388800");
  lks_quota fresh = {.known = false};
  CHECK(!lks_quota_observe(&quota, NOVEMBER_14 + S, NOVEMBER_14 + S, 0, "2000", NULL, "1701388801"));
  for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
    CHECK(!lks_quota_observe(&quota, NOVEMBER_14 + S, NOVEMBER_14 + S, 0, "2000", garbage[i], "1701388801"));
    CHECK(!lks_quota_observe(&fresh, NOVEMBER_14, NOVEMBER_14, 0, "1000", garbage[i], "1701388800"));
  }
  CHECK_INT(quota.limit, 1000);
  CHECK_INT(quota.remaining, 5);
  CHECK_INT(quota.reset, DECEMBER_1);
  CHECK_INT(quota.as_of, NOVEMBER_14);
  CHECK(!fresh.known);
}

static void counts_need_no_end(void) {
  long long count = 7;
  CHECK(lks_quota_count_parse("123,", 3, &count));
  CHECK_INT(count, 123);
  CHECK(!lks_quota_count_parse("123", 0, &count));
  CHECK(!lks_quota_count_parse(NULL, 0, &count));
  CHECK_INT(count, 123);
}

static void largest_count_is_read(void) {
  CHECK_INT(told(NOVEMBER_14, NULL, "9223372036854775807", NULL).remaining, INT64_MAX);
  CHECK_INT(told(NOVEMBER_14, NULL, "0000000000000000000000001", NULL).remaining, 1);
}

static void limit_not_readable_leaves_the_one_told_before(void) {
  lks_quota quota = told(NOVEMBER_14, NULL, "5", NULL);
  CHECK_INT(quota.limit, -1);
  CHECK(lks_quota_observe(&quota, NOVEMBER_14 + S, NOVEMBER_14 + S, 0, "1000", "4", NULL));
  CHECK_INT(quota.limit, 1000);
  CHECK(lks_quota_observe(&quota, NOVEMBER_14 + 2 * S, NOVEMBER_14 + 2 * S, 0, "-1", "3", NULL));
  CHECK_INT(quota.limit, 1000);
  CHECK(lks_quota_observe(&quota, NOVEMBER_14 + 3 * S, NOVEMBER_14 + 3 * S, 0, "2000", "1003", NULL));
  CHECK_INT(quota.limit, 2000);
  CHECK_INT(quota.remaining, 1003);
}

static void reset_not_told_readably_is_the_end_of_the_month(void) {
  static const struct {
    lks_time now, end;
  } months[] = {
      {INT64_C(1700000000), INT64_C(1701388800)}, /* 2023-11-14 */
      {INT64_C(1704067199), INT64_C(1704067200)}, /* 2023-12-31T23:59:59Z, the year ends */
      {INT64_C(1704067200), INT64_C(1706745600)}, /* 2024-01-01, a month begins */
      {INT64_C(1709164800), INT64_C(1709251200)}, /* 2024-02-29 */
      {INT64_C(1677542400), INT64_C(1677628800)}, /* 2023-02-28 */
      {INT64_C(4107456000), INT64_C(4107542400)}, /* 2100-02-28, no leap year */
  };
  static const char *const garbage[] = {NULL, "", "soon", "-5", "1e99", "2023-02-30T00:00:00Z"};
  for (size_t i = 0; i < sizeof months / sizeof months[0]; i++)
    for (size_t j = 0; j < sizeof garbage / sizeof garbage[0]; j++) {
      CHECK_INT(told(months[i].now * S, "1000", "7", garbage[j]).reset, months[i].end * S);
      lks_quota empty = told(months[i].now * S, "1000", "0", garbage[j]);
      CHECK_INT(refused(&empty, months[i].now * S), (months[i].end - months[i].now) * S);
    }
}

static void reset_already_past_is_not_believed(void) {
  CHECK_INT(told(NOVEMBER_14, "1000", "7", "1699999999").reset, DECEMBER_1);
  CHECK_INT(told(NOVEMBER_14, "1000", "7", "1700000000").reset, DECEMBER_1);
  CHECK_INT(told(NOVEMBER_14, "1000", "0", "1698796800").reset, DECEMBER_1); /* the month's beginning */
}

/* Around the reset this clock may be ahead of the service's: a whole month must not be lost by that. */
static void used_up_with_a_reset_just_past_is_asked_again_soon(void) {
  lks_time now = DECEMBER_1 + 120 * S;
  lks_quota quota = told(now, "1000", "0", "1701388800");
  CHECK_INT(lks_quota_left(&quota, now), 0);
  CHECK_INT(refused(&quota, now), LKS_QUOTA_PROBE_HOLD);
  now += LKS_QUOTA_PROBE_HOLD;
  admitted(&quota, now);
  refused(&quota, now);
  CHECK(lks_quota_observe(&quota, now + S, now + S, 0, "1000", "999", "1704067200"));
  admitted(&quota, now + S);
}

static void used_up_is_refused_until_the_reset(void) {
  lks_quota quota = told(NOVEMBER_14, "1000", "0", "1701388800");
  CHECK_INT(refused(&quota, NOVEMBER_14), DECEMBER_1 - NOVEMBER_14);
  CHECK_INT(refused(&quota, DECEMBER_1 - 1), 1);
  CHECK_INT(lks_quota_left(&quota, DECEMBER_1 - 1), 0);
  CHECK_INT(lks_quota_left(&quota, DECEMBER_1), 1000);
  admitted(&quota, DECEMBER_1);
}

static void one_probe_is_allowed_after_the_reset(void) {
  lks_quota quota = told(NOVEMBER_14, "1000", "0", "1701388800");
  admitted(&quota, DECEMBER_1);
  CHECK_INT(refused(&quota, DECEMBER_1), LKS_QUOTA_PROBE_HOLD);
  CHECK_INT(refused(&quota, DECEMBER_1 + S), LKS_QUOTA_PROBE_HOLD - S);
  admitted(&quota, DECEMBER_1 + LKS_QUOTA_PROBE_HOLD); /* the first was never heard of again */
  refused(&quota, DECEMBER_1 + LKS_QUOTA_PROBE_HOLD);
  lks_quota_unprobe(&quota);
  admitted(&quota, DECEMBER_1 + LKS_QUOTA_PROBE_HOLD + S);
  CHECK(lks_quota_observe(&quota, DECEMBER_1 + 40 * S, DECEMBER_1 + 40 * S, 0, "1000", "999", "1704067200"));
  admitted(&quota, DECEMBER_1 + 40 * S);
  admitted(&quota, DECEMBER_1 + 40 * S);
}

static void answer_to_a_probe_that_is_still_used_up_closes_again(void) {
  lks_quota quota = told(NOVEMBER_14, "1000", "0", "1701388800");
  admitted(&quota, DECEMBER_1);
  CHECK(lks_quota_observe(&quota, DECEMBER_1 + S, DECEMBER_1 + S, 0, "1000", "0", "1701392400"));
  CHECK_INT(refused(&quota, DECEMBER_1 + S), 3599 * S);
}

static void newest_observation_wins(void) {
  lks_quota quota = told(NOVEMBER_14, "1000", "10", "1701388800");
  CHECK(!lks_quota_observe(&quota, NOVEMBER_14 - S, NOVEMBER_14 - S, 0, "1000", "11", "1701388800"));
  CHECK_INT(quota.remaining, 10);
  CHECK(lks_quota_observe(&quota, NOVEMBER_14 + S, NOVEMBER_14 + S, 0, "1000", "500", "1701388800"));
  CHECK_INT(quota.remaining, 500);
  CHECK_INT(quota.as_of, NOVEMBER_14 + S);
}

static void of_two_answers_at_once_the_lower_count_is_the_later(void) {
  lks_quota quota = told(NOVEMBER_14, "1000", "10", "1701388800");
  CHECK(!lks_quota_observe(&quota, NOVEMBER_14, NOVEMBER_14, 0, "1000", "11", "1701388800"));
  CHECK_INT(quota.remaining, 10);
  CHECK(lks_quota_observe(&quota, NOVEMBER_14, NOVEMBER_14, 0, "1000", "9", "1701388800"));
  CHECK_INT(quota.remaining, 9);
  CHECK(lks_quota_observe(&quota, NOVEMBER_14, NOVEMBER_14, 0, "1000", "1000", "1704067200")); /* the next month's */
  CHECK_INT(quota.remaining, 1000);
}

static void clock_set_back_does_not_freeze_the_quota(void) {
  lks_quota quota = told(NOVEMBER_14 + 365 * DAY, "1000", "0", NULL);
  CHECK(!lks_quota_observe(&quota, NOVEMBER_14 + 365 * DAY - LKS_QUOTA_CLOCK_STEP,
                           NOVEMBER_14 + 365 * DAY - LKS_QUOTA_CLOCK_STEP, 0, "1000", "5", NULL));
  admitted(&quota, NOVEMBER_14);
  CHECK_INT(refused(&quota, NOVEMBER_14), LKS_QUOTA_PROBE_HOLD);
  admitted(&quota, NOVEMBER_14 - DAY); /* and back once more, beyond the hold */
  CHECK(lks_quota_observe(&quota, NOVEMBER_14, NOVEMBER_14, 0, "1000", "5", NULL));
  admitted(&quota, NOVEMBER_14);
  CHECK_INT(quota.reset, DECEMBER_1);
}

static void reset_beyond_any_month_is_shown_but_asked_before(void) {
  lks_quota quota = told(NOVEMBER_14, "1000", "0", "2099-01-01T00:00:00Z");
  CHECK_INT(quota.reset, INT64_C(4070908800) * S);
  CHECK_INT(refused(&quota, NOVEMBER_14), 32 * DAY);
  admitted(&quota, NOVEMBER_14 + 32 * DAY);
}

static void count_is_full_again_after_the_reset(void) {
  lks_quota quota = told(NOVEMBER_14, "1000", "3", "1701388800");
  CHECK_INT(lks_quota_left(&quota, DECEMBER_1 - 1), 3);
  CHECK_INT(lks_quota_left(&quota, DECEMBER_1), 1000);
  quota = told(NOVEMBER_14, NULL, "3", "1701388800");
  CHECK_INT(lks_quota_left(&quota, DECEMBER_1), -1);
  admitted(&quota, DECEMBER_1);
  admitted(&quota, DECEMBER_1); /* no probe: it was not used up */
}

/* At the bounds nothing overflows, which the sanitizers would see. */
static void a_sound_quota_can_be_used_at_any_time(void) {
  static const lks_time instants[] = {-LKS_QUOTA_TIME_MAX, -LKS_TIME_MAX, 0,
                                      NOVEMBER_14,         LKS_TIME_MAX,  LKS_QUOTA_TIME_MAX};
  const size_t count = sizeof instants / sizeof *instants;
  for (size_t i = 0; i < count * count * count; i++) {
    lks_quota quota = {.known = true,
                       .limit = -1,
                       .reset = instants[i % count],
                       .as_of = instants[i / count % count],
                       .probe = instants[i / count / count]};
    CHECK(lks_quota_is_sound(&quota));
    for (size_t j = 1; j < count - 1; j++) {
      lks_quota copy = quota;
      lks_span wait = -1;
      CHECK(lks_quota_admit(&copy, instants[j], &wait) ? wait == 0 : wait > 0);
      lks_quota_left(&copy, instants[j]);
      CHECK(lks_quota_is_sound(&copy));
      lks_quota_observe(&copy, instants[j], instants[j], 0, "1", "0", NULL);
      CHECK(lks_quota_is_sound(&copy));
    }
    quota.probe = LKS_QUOTA_TIME_MAX + 1;
    CHECK(!lks_quota_is_sound(&quota));
  }
}

/* Answers to requests that were under way side by side overtake each other. */
static void an_older_answer_that_is_read_last_raises_nothing(void) {
  static const char reset[] = "1702592000";
  lks_quota quota = {0};
  CHECK(lks_quota_observe(&quota, NOVEMBER_14, NOVEMBER_14 - S, 2, "1000", "998", reset));
  CHECK(!lks_quota_observe(&quota, NOVEMBER_14 + S, NOVEMBER_14 - S, 2, "1000", "999",
                           reset)); /* it left before that was told */
  CHECK_INT(lks_quota_remaining(&quota), 998);
  CHECK(lks_quota_observe(&quota, NOVEMBER_14 + S, NOVEMBER_14 - S, 2, "1000", "997", reset));
  CHECK_INT(lks_quota_remaining(&quota), 997);
  CHECK(lks_quota_observe(&quota, NOVEMBER_14 + 2 * S, NOVEMBER_14 - S, 2, "2000", "1997",
                          reset)); /* another limit: another count */
  CHECK(lks_quota_observe(&quota, NOVEMBER_14 + 3 * S, NOVEMBER_14 - S, 2, "2000", "1999", "1705270400"));
  CHECK_INT(lks_quota_remaining(&quota), 1999);
}

static void a_higher_count_is_believed_as_far_as_no_other_request_is_the_reason(void) {
  static const char reset[] = "1702592000";
  static const struct {
    int spent;
    long long flying, left;
  } rows[] = {
      {1, 1, 999}, /* it was alone, and carried nothing out */
      {3, 3, 997}, /* two others may be carried out yet */
      {3, 1, 999}, /* those were answered long ago */
      {9, 3, 997}, {2, 9, 998},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    lks_quota quota = {0};
    CHECK(lks_quota_observe(&quota, NOVEMBER_14, NOVEMBER_14, 0, "1000", "999", reset));
    for (int n = 0; n < rows[i].spent; n++) CHECK(lks_quota_spend(&quota));
    CHECK(lks_quota_observe(&quota, NOVEMBER_14 + 2 * S, NOVEMBER_14 + S, rows[i].flying, "1000", "999", reset));
    CHECK_INT(lks_quota_remaining(&quota), rows[i].left);
    CHECK_INT(quota.remaining, 999); /* by which it is decided whether one may go */
  }
}

int main(void) {
  RUN(nothing_told_admits_everyone);
  RUN(three_headers_are_read);
  RUN(unreadable_remaining_changes_nothing);
  RUN(counts_need_no_end);
  RUN(largest_count_is_read);
  RUN(limit_not_readable_leaves_the_one_told_before);
  RUN(reset_not_told_readably_is_the_end_of_the_month);
  RUN(reset_already_past_is_not_believed);
  RUN(used_up_with_a_reset_just_past_is_asked_again_soon);
  RUN(used_up_is_refused_until_the_reset);
  RUN(one_probe_is_allowed_after_the_reset);
  RUN(answer_to_a_probe_that_is_still_used_up_closes_again);
  RUN(newest_observation_wins);
  RUN(of_two_answers_at_once_the_lower_count_is_the_later);
  RUN(clock_set_back_does_not_freeze_the_quota);
  RUN(reset_beyond_any_month_is_shown_but_asked_before);
  RUN(count_is_full_again_after_the_reset);
  RUN(a_sound_quota_can_be_used_at_any_time);
  RUN(an_older_answer_that_is_read_last_raises_nothing);
  RUN(a_higher_count_is_believed_as_far_as_no_other_request_is_the_reason);
  return TEST_END();
}
