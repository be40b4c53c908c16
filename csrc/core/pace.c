#include "pace.h"

#include <assert.h>
#include <stdlib.h>

#include "bytes.h"

#define DEFAULT_LONGEST (60 * LKS_SECOND)
#define SMALLEST_CAPACITY ((size_t)32)
/* Before every instant a clock or a window can reach, and still far from overflow. */
#define NEVER (-4 * LKS_TIME_MAX)

struct lks_pace {
  lks_time *times; /* ring of the slots taken, ascending from `first` */
  size_t capacity; /* 0 or a power of two */
  size_t first;
  size_t count;
  lks_time dropped; /* the newest slot no longer in the ring */
  lks_time paused;
  lks_time now;     /* what the clock said last */
  lks_span longest; /* longest window so far; 0: none, nothing is kept */
  bool changed;     /* see lks_pace_changed */
};

lks_pace *lks_pace_new(void) {
  lks_pace *pace = malloc(sizeof *pace);
  if (pace != NULL) *pace = (lks_pace){.dropped = NEVER, .paused = NEVER, .now = NEVER};
  return pace;
}

void lks_pace_free(lks_pace *pace) {
  if (pace == NULL) return;
  free(pace->times);
  free(pace);
}

static lks_time later(lks_time a, lks_time b) {
  return a > b ? a : b;
}

static lks_time bounded(lks_time time) {
  if (time > LKS_TIME_MAX) return LKS_TIME_MAX;
  return time < -LKS_TIME_MAX ? -LKS_TIME_MAX : time;
}

static lks_time *kept(const lks_pace *pace, size_t index) {
  return &pace->times[(pace->first + index) & (pace->capacity - 1)];
}

static void drop_first(lks_pace *pace) {
  pace->dropped = later(pace->dropped, *kept(pace, 0));
  pace->first++;
  pace->count--;
}

static void set_back(lks_pace *pace, lks_span step) {
  for (size_t i = 0; i < pace->count; i++) *kept(pace, i) -= step;
  pace->dropped = later(pace->dropped - step, NEVER);
  pace->paused = later(pace->paused - step, NEVER);
  pace->changed = true;
}

/* Takes note of the caller's clock and windows, and drops what no window reaches any more. Returns `now` in bounds.
 *
 * A step back is measured against the call before, as if no time had passed since: the history then lies as much too
 * late as did pass, which errs on the side of waiting. Steps must not be measured against the latest time ever seen:
 * slots taken after a small step back would be moved by that step twice, to before their real time. */
static lks_time observe(lks_pace *pace, const lks_windows *windows, lks_time now) {
  now = bounded(now);
  for (unsigned i = 0; i < windows->count; i++) {
    if (windows->window[i].per <= pace->longest) continue;
    pace->longest = windows->window[i].per;
    pace->changed = true;
  }
  lks_span disagreement = pace->longest > 0 ? pace->longest : DEFAULT_LONGEST;
  if (now < pace->now - disagreement) set_back(pace, pace->now - now);
  pace->now = now;
  while (pace->count > 0 && *kept(pace, 0) + pace->longest <= now) drop_first(pace);
  return now;
}

/* The newest of the slots before `index` that a window of so many requests may not hold beside the next one. */
static lks_time nth_before(const lks_pace *pace, size_t index, size_t requests) {
  return index >= requests ? *kept(pace, index - requests) : pace->dropped;
}

static lks_time next_slot(const lks_pace *pace, const lks_windows *windows, lks_time now) {
  lks_time slot = later(now, pace->paused);
  if (windows->count == 0) return slot;
  if (pace->count > 0) slot = later(slot, *kept(pace, pace->count - 1));
  for (unsigned i = 0; i < windows->count; i++) {
    lks_time nth = nth_before(pace, pace->count, windows->window[i].requests);
    slot = later(slot, nth + windows->window[i].per);
  }
  return slot;
}

/* A ring of that capacity with the same slots, from index 0 on; NULL when out of memory. */
static lks_time *copied(const lks_pace *pace, size_t capacity) {
  lks_time *times = calloc(capacity, sizeof *times);
  if (times == NULL) return NULL;
  for (size_t i = 0; i < pace->count; i++) times[i] = *kept(pace, i);
  return times;
}

static bool grow(lks_pace *pace) {
  size_t capacity = pace->capacity > 0 ? 2 * pace->capacity : SMALLEST_CAPACITY;
  lks_time *times = copied(pace, capacity);
  if (times == NULL) return false;
  free(pace->times);
  pace->times = times;
  pace->capacity = capacity;
  pace->first = 0;
  return true;
}

static bool insert(lks_pace *pace, lks_time slot) {
  if (pace->longest == 0) return true;
  if (pace->count == LKS_PACE_HISTORY_MAX) drop_first(pace);
  if (pace->count == pace->capacity && !grow(pace)) return false;
  size_t index = pace->count++;
  for (; index > 0 && *kept(pace, index - 1) > slot; index--) *kept(pace, index) = *kept(pace, index - 1);
  *kept(pace, index) = slot;
  pace->changed = true;
  return true;
}

/* How many slots lie at or before `time`. */
static size_t count_until(const lks_pace *pace, lks_time time) {
  size_t low = 0, high = pace->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (*kept(pace, middle) <= time)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* The first instant from `time` on at which one more send breaks no window that ends there. */
static lks_time allowed_from(const lks_pace *pace, const lks_windows *windows, lks_time time) {
  for (;;) {
    lks_time allowed = time;
    size_t before = count_until(pace, time);
    for (unsigned i = 0; i < windows->count; i++) {
      lks_time nth = nth_before(pace, before, windows->window[i].requests);
      allowed = later(allowed, nth + windows->window[i].per);
    }
    if (allowed == time) return time;
    time = allowed;
  }
}

static bool take_out(lks_pace *pace, lks_time slot) {
  size_t low = count_until(pace, slot);
  if (low == 0 || *kept(pace, low - 1) != slot) return false;
  for (; low < pace->count; low++) *kept(pace, low - 1) = *kept(pace, low);
  pace->count--;
  pace->changed = true;
  return true;
}

bool lks_pace_reserve(lks_pace *pace, const lks_windows *windows, lks_time now, lks_time latest, lks_time *slot) {
  now = observe(pace, windows, now);
  *slot = next_slot(pace, windows, now);
  if (*slot > latest || *slot > LKS_TIME_MAX) return false;
  if (insert(pace, *slot)) return true;
  *slot = now;
  return false;
}

bool lks_pace_record(lks_pace *pace, const lks_windows *windows, lks_time now, lks_time at) {
  observe(pace, windows, now);
  return insert(pace, bounded(at));
}

bool lks_pace_release(lks_pace *pace, lks_time slot) {
  return take_out(pace, slot);
}

void lks_pace_move(lks_pace *pace, lks_time slot, lks_time at) {
  take_out(pace, slot);
  insert(pace, bounded(at));
}

bool lks_pace_renew(lks_pace *pace, const lks_windows *windows, lks_time now, lks_time slot, lks_time latest,
                    lks_time *renewed) {
  now = observe(pace, windows, now);
  take_out(pace, slot);
  *renewed = allowed_from(pace, windows, later(now, pace->paused));
  if (*renewed > latest || *renewed > LKS_TIME_MAX) return false;
  if (insert(pace, *renewed)) return true;
  *renewed = now;
  return false;
}

bool lks_pace_holds(lks_pace *pace, const lks_windows *windows, lks_time now, lks_time slot) {
  observe(pace, windows, now);
  size_t until = count_until(pace, slot);
  if (pace->paused > slot || until == 0 || *kept(pace, until - 1) != slot) return false;
  for (unsigned i = 0; i < windows->count; i++) {
    lks_time nth = nth_before(pace, until - 1, windows->window[i].requests);
    if (nth + windows->window[i].per > slot) return false;
  }
  return true;
}

void lks_pace_pause(lks_pace *pace, lks_time now, lks_time until) {
  const lks_windows none = {.count = 0};
  observe(pace, &none, now);
  until = bounded(until);
  if (until <= pace->paused) return;
  pace->paused = until;
  pace->changed = true;
}

/* The window with the fewest requests per time: in the long run it alone sets the rate. */
static const lks_window *slowest(const lks_windows *windows) {
  const lks_window *slow = &windows->window[0];
  for (unsigned i = 1; i < windows->count; i++) {
    const lks_window *other = &windows->window[i];
    /* per / requests compared by whole part and remainder: the cross products of `per` may overflow. */
    lks_span whole = other->per / other->requests, slow_whole = slow->per / slow->requests;
    lks_span rest = other->per % other->requests, slow_rest = slow->per % slow->requests;
    if (whole > slow_whole || (whole == slow_whole && rest * slow->requests > slow_rest * other->requests))
      slow = other;
  }
  return slow;
}

lks_span lks_pace_forecast(const lks_pace *pace, const lks_windows *windows, lks_time now, size_t requests) {
  if (requests == 0) return 0;
  lks_span rest = 0;
  if (windows->count == 0) {
    requests = 1;
  } else if (requests > LKS_PACE_FORECAST_EXACT) {
    const lks_window *slow = slowest(windows);
    size_t periods = (requests - LKS_PACE_FORECAST_EXACT + slow->requests - 1) / slow->requests;
    if (periods > (uint64_t)(LKS_SPAN_MAX / slow->per)) return LKS_SPAN_MAX;
    requests -= periods * slow->requests;
    rest = (lks_span)periods * slow->per;
  }

  lks_pace copy = *pace;
  if (copy.capacity == 0) copy.capacity = SMALLEST_CAPACITY;
  copy.times = copied(pace, copy.capacity);
  if (copy.times == NULL) return -1;
  copy.first = 0;
  lks_time slot = 0;
  bool taken = true;
  while (taken && requests-- > 0) taken = lks_pace_reserve(&copy, windows, now, LKS_TIME_MAX, &slot);
  free(copy.times);
  if (!taken && slot <= LKS_TIME_MAX) return -1;
  lks_span span = slot - bounded(now);
  return span < LKS_SPAN_MAX - rest ? span + rest : LKS_SPAN_MAX;
}

lks_time lks_pace_end(const lks_pace *pace) {
  if (pace->count == 0) return pace->paused;
  return later(pace->paused, *kept(pace, pace->count - 1) + pace->longest);
}

static bool replace(lks_pace *pace, lks_time *times, size_t capacity, size_t count, const lks_pace *rest) {
  free(pace->times);
  *pace = *rest;
  pace->times = times;
  pace->capacity = capacity;
  pace->first = 0;
  pace->count = count;
  return true;
}

static size_t capacity_for(size_t count) {
  size_t capacity = SMALLEST_CAPACITY;
  while (capacity < count) capacity *= 2;
  return capacity;
}

bool lks_pace_copy(lks_pace *pace, const lks_pace *other) {
  size_t capacity = capacity_for(other->count);
  lks_time *times = copied(other, capacity);
  return times != NULL && replace(pace, times, capacity, other->count, other);
}

bool lks_pace_add(lks_pace *pace, const lks_pace *other, lks_span ahead) {
  size_t most = pace->count + other->count, capacity = capacity_for(most), count = 0, i = 0, j = 0;
  lks_time *times = malloc(capacity * sizeof *times);
  if (times == NULL) return false;
  while (i < pace->count || j < other->count) {
    lks_time mine = i < pace->count ? *kept(pace, i) : INT64_MAX;
    lks_time theirs = j < other->count ? bounded(*kept(other, j) + ahead) : INT64_MAX;
    times[count++] = mine < theirs ? mine : theirs;
    if (mine <= theirs) i++;
    if (theirs <= mine) j++;
  }
  lks_pace rest = *pace;
  rest.longest = later(pace->longest, other->longest);
  rest.changed = true;
  replace(pace, times, capacity, count, &rest);
  while (pace->count > LKS_PACE_HISTORY_MAX) drop_first(pace);
  return true;
}

bool lks_pace_merge(lks_pace *pace, const lks_pace *other) {
  if (!lks_pace_add(pace, other, 0)) return false;
  pace->dropped = later(pace->dropped, other->dropped);
  pace->paused = later(pace->paused, other->paused);
  pace->now = later(pace->now, other->now);
  return true;
}

bool lks_pace_keeps(const lks_pace *pace) {
  return pace->longest > 0;
}

bool lks_pace_is_empty(const lks_pace *pace) {
  return pace->count == 0;
}

void lks_pace_empty(lks_pace *pace) {
  pace->count = 0;
}

size_t lks_pace_count(const lks_pace *pace, lks_time from, lks_time to) {
  size_t until = count_until(pace, to), before = count_until(pace, from - 1);
  return until > before ? until - before : 0;
}

bool lks_pace_changed(const lks_pace *pace) {
  return pace->changed;
}

lks_time lks_pace_newest(const lks_pace *pace) {
  return pace->count == 0 ? -LKS_TIME_MAX : *kept(pace, pace->count - 1);
}

lks_time lks_pace_oldest(const lks_pace *pace) {
  return pace->count == 0 ? LKS_TIME_MAX : *kept(pace, 0);
}

/* A written history: these, then the slots in order. */
enum { DROPPED, PAUSED, NOW, LONGEST, COUNT, HEAD };
static_assert((HEAD + LKS_PACE_HISTORY_MAX) * LKS_BYTES_SIZE == LKS_PACE_BYTES_MAX, "the header says how much it is");

bool lks_pace_write(const lks_pace *pace, lks_buffer *out) {
  const int64_t head[HEAD] = {[DROPPED] = pace->dropped,
                              [PAUSED] = pace->paused,
                              [NOW] = pace->now,
                              [LONGEST] = pace->longest,
                              [COUNT] = (int64_t)pace->count};
  for (size_t i = 0; i < HEAD; i++) lks_bytes_append(out, head[i]);
  for (size_t i = 0; i < pace->count; i++) lks_bytes_append(out, *kept(pace, i));
  return !out->failed;
}

static bool is_instant(lks_time time) {
  return time >= NEVER && time <= LKS_TIME_MAX;
}

static bool read_slots(const char *bytes, lks_time *times, size_t count) {
  for (size_t i = 0; i < count; i++) {
    times[i] = lks_bytes_read(bytes + i * LKS_BYTES_SIZE);
    if (!is_instant(times[i]) || (i > 0 && times[i - 1] > times[i])) return false;
  }
  return true;
}

bool lks_pace_read(lks_pace *pace, const char *bytes, size_t length) {
  int64_t head[HEAD];
  if (length < HEAD * LKS_BYTES_SIZE || length > LKS_PACE_BYTES_MAX || length % LKS_BYTES_SIZE != 0) return false;
  size_t count = length / LKS_BYTES_SIZE - HEAD;
  for (size_t i = 0; i < HEAD; i++) head[i] = lks_bytes_read(bytes + i * LKS_BYTES_SIZE);
  if (!is_instant(head[DROPPED]) || !is_instant(head[PAUSED]) || !is_instant(head[NOW])) return false;
  if (head[LONGEST] < 0 || head[LONGEST] > 2 * LKS_SPAN_MAX || head[COUNT] != (int64_t)count) return false;

  size_t capacity = capacity_for(count);
  lks_time *times = malloc(capacity * sizeof *times);
  if (times == NULL) return false;
  if (!read_slots(bytes + HEAD * LKS_BYTES_SIZE, times, count)) {
    free(times);
    return false;
  }
  const lks_pace rest = {.dropped = head[DROPPED], .paused = head[PAUSED], .now = head[NOW], .longest = head[LONGEST]};
  return replace(pace, times, capacity, count, &rest);
}
