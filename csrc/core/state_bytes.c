#include "state_bytes.h"

#include <assert.h>
#include <string.h>

#include "bytes.h"

/* The last byte changes with the layout: a state written by another version is not understood, not misread. */
static const char mark[4] = {'l', 'k', 's', 6};

/* Numbers behind the mark, then the history. */
enum {
  LINEAGE,
  SEQUENCE,
  KNOWN,
  LIMIT,
  REMAINING,
  RESET,
  AS_OF,
  PROBE,
  SPENT,
  REQUESTS,
  PER,
  SINCE,
  LEARNED,
  USED,
  FIELDS
};
static_assert(sizeof mark + FIELDS * LKS_BYTES_SIZE + LKS_PACE_BYTES_MAX == LKS_STATE_BYTES_MAX, "as the header says");
/* Far from overflow, however often it is changed. */
#define SEQUENCE_MAX (INT64_C(1) << 62)

bool lks_state_bytes_write(const lks_state *state, lks_buffer *out) {
  const lks_quota *quota = &state->quota;
  const lks_throttle *throttle = &state->throttle;
  const int64_t fields[FIELDS] = {
      [LINEAGE] = state->lineage,      [SEQUENCE] = state->sequence,   [KNOWN] = quota->known,
      [LIMIT] = quota->limit,          [REMAINING] = quota->remaining, [RESET] = quota->reset,
      [AS_OF] = quota->as_of,          [PROBE] = quota->probe,         [SPENT] = quota->spent,
      [REQUESTS] = throttle->requests, [PER] = throttle->per,          [SINCE] = throttle->since,
      [LEARNED] = throttle->learned,   [USED] = throttle->used,
  };
  lks_buffer_append(out, mark, sizeof mark);
  for (size_t i = 0; i < FIELDS; i++) lks_bytes_append(out, fields[i]);
  return lks_pace_write(state->pace, out);
}

static bool read_nothing(lks_state *state) {
  lks_state fresh;
  if (!lks_state_init(&fresh)) return false;
  lks_state_clear(state);
  *state = fresh;
  return true;
}

static bool read_quota(const int64_t fields[FIELDS], lks_quota *quota) {
  *quota = (lks_quota){0};
  if (fields[KNOWN] == 0) return true;
  if (fields[KNOWN] != 1) return false;
  *quota = (lks_quota){.known = true,
                       .limit = fields[LIMIT],
                       .remaining = fields[REMAINING],
                       .reset = fields[RESET],
                       .as_of = fields[AS_OF],
                       .probe = fields[PROBE],
                       .spent = fields[SPENT]};
  return lks_quota_is_sound(quota);
}

static bool read_throttle(const int64_t fields[FIELDS], lks_throttle *throttle) {
  if (fields[REQUESTS] < 0 || fields[REQUESTS] > LKS_WINDOW_REQUESTS_MAX) return false;
  *throttle = (lks_throttle){.requests = (unsigned)fields[REQUESTS],
                             .per = fields[PER],
                             .since = fields[SINCE],
                             .learned = fields[LEARNED],
                             .used = fields[USED]};
  return lks_throttle_is_sound(throttle);
}

bool lks_state_bytes_read(lks_state *state, const char *bytes, size_t length) {
  if (length == 0) return read_nothing(state);
  int64_t fields[FIELDS];
  lks_quota quota;
  lks_throttle throttle;
  if (length < sizeof mark || memcmp(bytes, mark, sizeof mark) != 0) return false;
  const char *end = bytes + length;
  bytes += sizeof mark;
  for (size_t i = 0; i < FIELDS; i++)
    if (!lks_bytes_read(&bytes, end, &fields[i])) return false;
  if (fields[SEQUENCE] < 0 || fields[SEQUENCE] > SEQUENCE_MAX) return false;
  if (!read_quota(fields, &quota) || !read_throttle(fields, &throttle)) return false;
  if (!lks_pace_read(state->pace, bytes, (size_t)(end - bytes))) return false;
  state->quota = quota;
  state->throttle = throttle;
  state->lineage = fields[LINEAGE];
  state->sequence = fields[SEQUENCE];
  state->changed = false;
  return true;
}

size_t lks_state_bytes_room(const lks_windows *windows) {
  size_t history = lks_pace_room(windows);
  return history > 0 ? sizeof mark + FIELDS * LKS_BYTES_SIZE + history : 0;
}
