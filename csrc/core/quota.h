/* The monthly quota as the service last told it. A value type: copy it freely, keep it in any store. */
#ifndef LKS_QUOTA_H
#define LKS_QUOTA_H

#include "buffer.h"
#include "timestamp.h"

typedef struct lks_quota {
  bool known;          /* false: nothing was ever told; the rest is 0 */
  long long limit;     /* -1 when never told */
  long long remaining; /* 0 or more */
  lks_time reset;      /* when the count starts anew; after as_of */
  lks_time as_of;      /* when the service told */
  lks_time probe;      /* one caller may ask again after a reset; no other before this instant. 0: none is asking */
  long long spent;     /* creations let through since; at most what remained */
} lks_quota;

#define LKS_QUOTA_PROBE_HOLD (INT64_C(30) * LKS_SECOND)
/* No answer arrives this late: an observation that seems older still means that the clock was set back. */
#define LKS_QUOTA_CLOCK_STEP (INT64_C(300) * LKS_SECOND)
/* The quota is monthly: whatever reset was told, it is worth asking again after the longest month and a day. */
#define LKS_QUOTA_PERIOD_MAX (INT64_C(32) * 86400 * LKS_SECOND)

/* Reads a count: decimal digits that fit a long long, blanks around them allowed as around any header value. A sign is
 * refused: what a negative count would mean is nowhere said. False leaves *out alone. `text` may be NULL when `length`
 * is 0 and need not be NUL-terminated. */
bool lks_quota_count_parse(const char *text, size_t length, long long *out);

/* Every instant of a quota lies within this, on either side of 0. */
#define LKS_QUOTA_TIME_MAX (LKS_TIME_MAX + LKS_QUOTA_PERIOD_MAX)

/* Whether each field is one that the functions here give. What comes out of a store is to be asked before it is used.
 */
bool lks_quota_is_sound(const lks_quota *quota);

/* Reads the three X-Api-Quota-* values, any of which may be NULL, of the answer to a request that left at `sent`. True
 * when the quota now holds this observation. False, the quota staying as it was, without a readable remaining (decimal
 * digits that fit), or when what is held is newer, or as new with less remaining before the same reset.
 *
 * Answers overtake each other, so that before the same reset the lower count is the later one: a higher one than is
 * left is not believed of a request that was under way when that was told, and of one that left later only as far as
 * those beside it cannot be the reason. `flying`: how many requests may have been under way beside it, itself included;
 * of those, the ones that were let through and may not be in what was told stay counted.
 *
 * A limit not readable leaves the one told before. A reset missing, unreadable or already past by this clock is the end
 * of the month after `now` (UTC). But when nothing remains and the reset passed less than a day ago, the clocks
 * disagree rather than the service: the reset is then expected within LKS_QUOTA_PROBE_HOLD. */
bool lks_quota_observe(lks_quota *quota, lks_time now, lks_time sent, long long flying, const char *limit,
                       const char *remaining, const char *reset);

/* Whether a creation may be asked for. False: used up, *retry_after is the span until it is worth asking again (else
 * 0). After the reset the first caller is let through as a probe, others wait for its answer or
 * LKS_QUOTA_PROBE_HOLD. A clock set back to well before the observation counts as past the reset. */
bool lks_quota_admit(lks_quota *quota, lks_time now, lks_span *retry_after);

/* The probe was not sent after all: the next caller may. */
void lks_quota_unprobe(lks_quota *quota);

/* A creation goes out, whatever comes of it. False when nothing is known that it could be counted in. */
bool lks_quota_spend(lks_quota *quota);

/* What remains if all that was let through since was carried out. */
long long lks_quota_remaining(const lks_quota *quota);

/* How many creations are left at `now`, -1 while unknown: a quota whose reset has passed is full again, or unknown
 * when the limit was never told. */
long long lks_quota_left(const lks_quota *quota, lks_time now);

/* Whether what was told, and observed into a copy of `before`, says nothing that `before` did not let expect. Never so
 * of a quota that is used up, nor when `before` is older than this, so that what is kept does not age. */
bool lks_quota_expected(const lks_quota *before, const lks_quota *told);

/* Whether `known` explains what was told, and observed into a copy of something older: by so much more than is left by
 * now as may still be under way, `flying` as of lks_quota_observe. Never so of a quota of which less is left than may
 * be under way, nor when `known` is as old as lks_quota_expected takes no more. If so *told takes over what is under
 * way, and is what lks_quota_observe would make of `known`. */
bool lks_quota_explains(const lks_quota *known, long long flying, lks_quota *told);

#define LKS_QUOTA_FRESH (INT64_C(60) * LKS_SECOND)

#endif
