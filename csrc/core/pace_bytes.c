#include "pace_bytes.h"

#include <assert.h>
#include <stdlib.h>

#include "bytes.h"
#include "pace_inside.h"

/* A written history: these, then the slots in order, each by its distance from the one before, doubled, plus one where
 * it is a promise, which follows. */
enum { DROPPED, PAUSED, NOW, LONGEST, MOST, NEWEST, CALLED, ROLL, COUNT, HEAD };
static_assert((HEAD + 2 * LKS_PACE_HISTORY_MAX) * LKS_BYTES_SIZE == LKS_PACE_BYTES_MAX,
              "the header says how much it is");

bool lks_pace_write(const lks_pace *pace, lks_buffer *out) {
  const int64_t head[HEAD] = {[DROPPED] = pace->dropped == LKS_PACE_NEVER ? 0 : pace->dropped,
                              [PAUSED] = pace->paused == LKS_PACE_NEVER ? 0 : pace->paused,
                              [NOW] = pace->now == LKS_PACE_NEVER ? 0 : pace->now,
                              [LONGEST] = pace->longest,
                              [MOST] = pace->most,
                              [NEWEST] = pace->newest,
                              [CALLED] = pace->called,
                              [ROLL] = pace->roll == LKS_PACE_NEVER ? 0 : pace->roll,
                              [COUNT] = (int64_t)pace->count};
  for (size_t i = 0; i < HEAD; i++) lks_bytes_append(out, head[i]);
  /* Some at a time: appending each by itself would take longer than all the rest. */
  char some[24 * LKS_BYTES_SIZE];
  size_t length = 0;
  lks_time before = 0;
  for (size_t i = 0; i < pace->count; i++) {
    const lks_pace_slot *one = lks_pace_kept(pace, i);
    length += lks_bytes_put(some + length, 2 * (one->at - before) + (one->promise != 0));
    if (one->promise != 0) length += lks_bytes_put(some + length, one->promise);
    before = one->at;
    if (length <= sizeof some - 2 * LKS_BYTES_SIZE) continue;
    lks_buffer_append(out, some, length);
    length = 0;
  }
  lks_buffer_append(out, some, length);
  return !out->failed;
}

static bool is_instant(lks_time time) {
  return time >= LKS_PACE_NEVER && time <= LKS_TIME_MAX;
}

static lks_time never_if_0(int64_t time) {
  return time == 0 ? LKS_PACE_NEVER : time;
}

static bool read_slots(const char *bytes, const char *end, lks_pace_slot *slots, size_t count, lks_promise newest) {
  lks_time before = 0;
  for (size_t i = 0; i < count; i++) {
    int64_t step;
    if (!lks_bytes_read(&bytes, end, &step) || step / 2 < LKS_PACE_NEVER - LKS_TIME_MAX ||
        step / 2 > LKS_TIME_MAX - LKS_PACE_NEVER)
      return false;
    bool promised = step % 2 != 0;
    lks_time time = before + (step - promised) / 2;
    if (!is_instant(time) || (i > 0 && time < before)) return false;
    slots[i] = (lks_pace_slot){time, 0};
    before = time;
    if (!promised) continue;
    lks_promise *promise = &slots[i].promise;
    if (!lks_bytes_read(&bytes, end, promise) || *promise <= 0 || *promise > newest + 1) return false;
  }
  return bytes == end;
}

bool lks_pace_read(lks_pace *pace, const char *bytes, size_t length) {
  int64_t head[HEAD];
  const char *end = bytes + length;
  for (size_t i = 0; i < HEAD; i++)
    if (!lks_bytes_read(&bytes, end, &head[i])) return false;
  if (!is_instant(head[DROPPED]) || !is_instant(head[PAUSED]) || !is_instant(head[NOW])) return false;
  if (head[LONGEST] < 0 || head[LONGEST] > 2 * LKS_SPAN_MAX) return false;
  if (head[MOST] < 0 || head[MOST] > LKS_WINDOW_REQUESTS_MAX || head[NEWEST] < 0 || head[NEWEST] % 2 != 0 ||
      head[NEWEST] > LKS_PROMISE_MAX)
    return false;
  if (head[CALLED] < 0 || head[CALLED] > head[NEWEST] + 1 || !is_instant(head[ROLL])) return false;
  if (head[COUNT] < 0 || head[COUNT] > (int64_t)LKS_PACE_HISTORY_MAX) return false;

  size_t count = (size_t)head[COUNT], capacity = lks_pace_capacity_for(count);
  lks_pace_slot *slots = malloc(capacity * sizeof *slots);
  if (slots == NULL) return false;
  if (!read_slots(bytes, end, slots, count, head[NEWEST])) {
    free(slots);
    return false;
  }
  const lks_pace rest = {.dropped = never_if_0(head[DROPPED]),
                         .paused = never_if_0(head[PAUSED]),
                         .now = never_if_0(head[NOW]),
                         .longest = head[LONGEST],
                         .most = (unsigned)head[MOST],
                         .newest = head[NEWEST],
                         .called = head[CALLED],
                         .roll = never_if_0(head[ROLL])};
  lks_pace_replace(pace, slots, capacity, count, &rest);
  return true;
}

size_t lks_pace_room(const lks_windows *windows) {
  unsigned most = 0;
  for (unsigned i = 0; i < windows->count; i++)
    if (windows->window[i].requests > most) most = windows->window[i].requests;
  /* A slot takes up to five bytes that lies hours from the one before, and as many again where it is promised. */
  return windows->count == 0 ? 0 : HEAD * LKS_BYTES_SIZE + (lks_pace_bound(most) + 2 * (size_t)most) * 5;
}
