#include "snapshot.h"

#include <string.h>

/* Changes with the layout: a state written by another version of this library is not understood, not misread. */
#define MARK INT64_C(0x316b636f6c736b6c)

enum { TAG, KNOWN, LIMIT, REMAINING, RESET, AS_OF, PROBE, HEAD };

bool lks_snapshot_write(const lks_state *state, lks_buffer *out) {
  const lks_quota *quota = &state->quota;
  const int64_t head[HEAD] = {
      [TAG] = MARK,           [KNOWN] = quota->known, [LIMIT] = quota->limit, [REMAINING] = quota->remaining,
      [RESET] = quota->reset, [AS_OF] = quota->as_of, [PROBE] = quota->probe,
  };
  lks_buffer_append(out, (const char *)head, sizeof head);
  return lks_pace_write(state->pace, out);
}

static bool read_nothing(lks_state *state) {
  lks_pace *pace = lks_pace_new();
  if (pace == NULL) return false;
  lks_pace_free(state->pace);
  *state = (lks_state){.pace = pace};
  return true;
}

bool lks_snapshot_read(lks_state *state, const char *bytes, size_t length) {
  if (length == 0) return read_nothing(state);
  int64_t head[HEAD];
  if (length < sizeof head) return false;
  memcpy(head, bytes, sizeof head);
  if (head[TAG] != MARK || !lks_pace_read(state->pace, bytes + sizeof head, length - sizeof head)) return false;
  state->quota = (lks_quota){
      .known = head[KNOWN] != 0,
      .limit = head[LIMIT],
      .remaining = head[REMAINING],
      .reset = head[RESET],
      .as_of = head[AS_OF],
      .probe = head[PROBE],
  };
  return true;
}

bool lks_snapshot_same(const char *one, size_t one_length, const char *other, size_t other_length) {
  const size_t clock = HEAD * sizeof(int64_t) + LKS_PACE_CLOCK_OFFSET, after = clock + sizeof(lks_time);
  if (one_length != other_length || one_length < after) return false;
  if (memcmp(one, other, clock) != 0 || memcmp(one + after, other + after, one_length - after) != 0) return false;
  lks_time a, b;
  memcpy(&a, one + clock, sizeof a);
  memcpy(&b, other + clock, sizeof b);
  return a - b < LKS_SECOND && b - a < LKS_SECOND;
}

lks_span lks_snapshot_life(const lks_state *state, lks_time now) {
  lks_time end = lks_pace_end(state->pace);
  if (state->quota.known) {
    lks_time renewed = state->quota.as_of + LKS_QUOTA_PERIOD_MAX;
    if (renewed > end) end = renewed;
  }
  return end > now ? end - now : 0;
}
