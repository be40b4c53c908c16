#include "quota.h"

#include <limits.h>
#include <string.h>

#include "ascii.h"
#include "number.h"
#include "retry_after.h"
#include "text.h"

#define DAY (INT64_C(86400) * LKS_SECOND)

bool lks_quota_count_parse(const char *text, size_t length, long long *out) {
  const lks_text in = lks_text_trim((lks_text){text, length});
  if (in.length == 0) return false;
  long long count = 0;
  for (size_t i = 0; i < in.length; i++) {
    if (!lks_ascii_is_digit(in.data[i])) return false;
    int digit = in.data[i] - '0';
    if (count > (LLONG_MAX - digit) / 10) return false;
    count = 10 * count + digit;
  }
  *out = count;
  return true;
}

static bool read_count(const char *text, long long *out) {
  return text != NULL && lks_quota_count_parse(text, strlen(text), out);
}

static lks_time read_reset(const char *text, lks_time now, long long remaining) {
  lks_time reset;
  if (text == NULL || !lks_reset_parse(text, strlen(text), now, &reset)) return lks_month_end(now);
  if (reset > now) return reset;
  return remaining == 0 && reset > now - DAY ? now + LKS_QUOTA_PROBE_HOLD : lks_month_end(now);
}

/* The service says when the count starts anew to the second, or how many of them are left. */
#define SAME_RESET (2 * LKS_SECOND)

static bool is_same_count(const lks_quota *quota, const lks_quota *other) {
  lks_span apart = quota->reset - other->reset;
  return quota->limit == other->limit && apart <= SAME_RESET && apart >= -SAME_RESET;
}

static long long least(long long a, long long b) {
  return a < b ? a : b;
}

/* How many may be under way beside the one that was answered. */
static long long beside(const lks_quota *quota, long long flying) {
  return least(quota->spent, flying) - 1;
}

bool lks_quota_observe(lks_quota *quota, lks_time now, lks_time sent, long long flying, const char *limit,
                       const char *remaining, const char *reset) {
  lks_quota told = {.known = true, .limit = quota->known ? quota->limit : -1, .as_of = now};
  if (!read_count(remaining, &told.remaining)) return false;
  read_count(limit, &told.limit);
  told.reset = read_reset(reset, now, told.remaining);
  if (quota->known) {
    if (now < quota->as_of && now >= quota->as_of - LKS_QUOTA_CLOCK_STEP) return false;
    if (now == quota->as_of && told.reset == quota->reset && told.remaining > quota->remaining) return false;
    long long more = told.remaining - lks_quota_remaining(quota);
    if (more > 0 && is_same_count(quota, &told)) {
      if (sent < quota->as_of && sent >= quota->as_of - LKS_QUOTA_CLOCK_STEP) return false;
      long long under_way = beside(quota, flying);
      if (under_way > 0) told.spent = least(more, under_way);
    }
  }
  *quota = told;
  return true;
}

static lks_time renewal(const lks_quota *quota) {
  lks_time latest = quota->as_of + LKS_QUOTA_PERIOD_MAX;
  return quota->reset < latest ? quota->reset : latest;
}

bool lks_quota_admit(lks_quota *quota, lks_time now, lks_span *retry_after) {
  *retry_after = 0;
  if (!quota->known || quota->remaining > 0) return true;
  lks_time from = renewal(quota);
  /* Told by a clock that was set back since, the reset may lie years away. */
  bool set_back = now < quota->as_of - LKS_QUOTA_CLOCK_STEP;
  if (now >= from || set_back) {
    /* A hold longer than any that is given is left from such a clock too. */
    if (now >= quota->probe || quota->probe - now > LKS_QUOTA_PROBE_HOLD) {
      quota->probe = now + LKS_QUOTA_PROBE_HOLD;
      return true;
    }
    from = quota->probe;
  }
  *retry_after = from - now;
  return false;
}

void lks_quota_unprobe(lks_quota *quota) {
  quota->probe = 0;
}

bool lks_quota_spend(lks_quota *quota) {
  if (!quota->known || quota->spent >= quota->remaining) return false;
  quota->spent++;
  return true;
}

long long lks_quota_remaining(const lks_quota *quota) {
  return quota->remaining - quota->spent;
}

long long lks_quota_left(const lks_quota *quota, lks_time now) {
  if (!quota->known) return -1;
  return now >= renewal(quota) ? quota->limit : lks_quota_remaining(quota);
}

bool lks_quota_expected(const lks_quota *before, const lks_quota *told) {
  lks_span age = told->as_of - before->as_of;
  return age >= 0 && age < LKS_QUOTA_FRESH && told->remaining > 0 && told->spent == 0 &&
         told->remaining == lks_quota_remaining(before) && told->limit == before->limit && told->reset == before->reset;
}

bool lks_quota_explains(const lks_quota *known, long long flying, lks_quota *told) {
  lks_span age = told->as_of - known->as_of;
  long long left = lks_quota_remaining(known), more = told->remaining - left;
  if (!known->known || age < 0 || age >= LKS_QUOTA_FRESH || told->limit != known->limit || told->reset != known->reset)
    return false;
  if (more < 0 || left <= known->spent || (more > 0 && more > beside(known, flying))) return false;
  told->spent = more;
  return true;
}

static bool is_instant(lks_time time) {
  return time >= -LKS_QUOTA_TIME_MAX && time <= LKS_QUOTA_TIME_MAX;
}

bool lks_quota_is_sound(const lks_quota *quota) {
  return quota->limit >= -1 && quota->remaining >= 0 && quota->spent >= 0 && quota->spent <= quota->remaining &&
         is_instant(quota->reset) && is_instant(quota->as_of) && is_instant(quota->probe);
}
