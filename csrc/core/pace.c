#include "pace.h"

#include <stdlib.h>

#include "pace_inside.h"

#define DEFAULT_LONGEST (60 * LKS_SECOND)
/* Slots are kept for so long beyond the reach of every window: for those whose clock is as much behind, a dropped one
 * would stand for them all. */
#define CLOCKS_APART LKS_SECOND

void lks_windows_share(lks_windows *windows, unsigned sharers) {
  for (unsigned i = 0; sharers > 1 && i < windows->count; i++) {
    lks_window *window = &windows->window[i];
    /* Fewer than there are sharers: each sends one, in turn as it were. */
    unsigned turns = (sharers + window->requests - 1) / window->requests;
    if (window->requests < sharers)
      window->per = window->per < LKS_SPAN_MAX / turns ? window->per * turns : LKS_SPAN_MAX;
    window->requests = window->requests < sharers ? 1 : window->requests / sharers;
  }
}

lks_pace *lks_pace_new(void) {
  lks_pace *pace = malloc(sizeof *pace);
  if (pace != NULL)
    *pace =
        (lks_pace){.dropped = LKS_PACE_NEVER, .paused = LKS_PACE_NEVER, .now = LKS_PACE_NEVER, .roll = LKS_PACE_NEVER};
  return pace;
}

void lks_pace_free(lks_pace *pace) {
  if (pace == NULL) return;
  free(pace->slots);
  free(pace);
}

static lks_time later(lks_time a, lks_time b) {
  return a > b ? a : b;
}

static lks_time at(const lks_pace *pace, size_t index) {
  return lks_pace_kept(pace, index)->at;
}

static void drop_first(lks_pace *pace) {
  const lks_pace_slot *gone = lks_pace_kept(pace, 0);
  pace->dropped = later(pace->dropped, gone->at);
  if (gone->promise != 0) pace->promised--;
  pace->first++;
  pace->count--;
}

static void set_back(lks_pace *pace, lks_span step) {
  for (size_t i = 0; i < pace->count; i++) lks_pace_kept(pace, i)->at -= step;
  pace->dropped = later(pace->dropped - step, LKS_PACE_NEVER);
  pace->paused = later(pace->paused - step, LKS_PACE_NEVER);
  pace->roll = later(pace->roll - step, LKS_PACE_NEVER);
  pace->changed = true;
}

/* The newest of the slots before `index` that a window of so many requests may not hold beside the next one. */
static lks_time nth_before(const lks_pace *pace, size_t index, size_t requests) {
  return index >= requests ? at(pace, index - requests) : pace->dropped;
}

/* The earliest slot behind those before `index`. */
static lks_time slot_behind(const lks_pace *pace, const lks_windows *windows, lks_time now, size_t index) {
  lks_time next = later(now, pace->paused);
  if (windows->count == 0) return next;
  if (index > 0) next = later(next, at(pace, index - 1));
  for (unsigned i = 0; i < windows->count; i++) {
    lks_time nth = nth_before(pace, index, windows->window[i].requests);
    next = later(next, nth + windows->window[i].per);
  }
  return next;
}

static lks_time next_slot(const lks_pace *pace, const lks_windows *windows, lks_time now) {
  return slot_behind(pace, windows, now, pace->count);
}

/* A ring of that capacity with the same slots, from index 0 on; NULL when out of memory. */
static lks_pace_slot *copied(const lks_pace *pace, size_t capacity) {
  lks_pace_slot *slots = calloc(capacity, sizeof *slots);
  if (slots == NULL) return NULL;
  for (size_t i = 0; i < pace->count; i++) slots[i] = *lks_pace_kept(pace, i);
  return slots;
}

static bool grow(lks_pace *pace) {
  size_t capacity = pace->capacity > 0 ? 2 * pace->capacity : LKS_PACE_SMALLEST;
  lks_pace_slot *slots = copied(pace, capacity);
  if (slots == NULL) return false;
  free(pace->slots);
  pace->slots = slots;
  pace->capacity = capacity;
  pace->first = 0;
  return true;
}

/* How many slots lie at or before `time`. */
static size_t count_until(const lks_pace *pace, lks_time time) {
  size_t low = 0, high = pace->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (at(pace, middle) <= time)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static bool is_full(const lks_pace *pace) {
  size_t most = lks_pace_bound(pace->most);
  return pace->count >= most && (pace->count >= LKS_PACE_HISTORY_MAX || count_until(pace, pace->now) >= most);
}

static bool insert(lks_pace *pace, lks_time time, lks_promise promise) {
  if (pace->longest == 0) return true;
  while (is_full(pace)) drop_first(pace);
  if (pace->count == pace->capacity && !grow(pace)) return false;
  size_t index = pace->count++;
  for (; index > 0 && at(pace, index - 1) > time; index--)
    *lks_pace_kept(pace, index) = *lks_pace_kept(pace, index - 1);
  *lks_pace_kept(pace, index) = (lks_pace_slot){time, promise};
  if (promise != 0) pace->promised++;
  pace->changed = true;
  return true;
}

static void remove_at(lks_pace *pace, size_t index) {
  if (lks_pace_kept(pace, index)->promise != 0) pace->promised--;
  for (; index + 1 < pace->count; index++) *lks_pace_kept(pace, index) = *lks_pace_kept(pace, index + 1);
  pace->count--;
  pace->changed = true;
}

static bool find_taken(const lks_pace *pace, lks_time time, size_t *index) {
  for (size_t i = count_until(pace, time); i > 0 && at(pace, i - 1) == time; i--) {
    *index = i - 1;
    if (lks_pace_kept(pace, *index)->promise == 0) return true;
  }
  return false;
}

/* Takes out a slot that is no promise. */
static bool take_out(lks_pace *pace, lks_time time) {
  size_t index;
  if (!find_taken(pace, time, &index)) return false;
  remove_at(pace, index);
  return true;
}

static bool find_promise(const lks_pace *pace, lks_promise promise, size_t *index) {
  if (promise == 0 || pace->promised == 0) return false;
  for (*index = 0; *index < pace->count; ++*index)
    if (lks_pace_kept(pace, *index)->promise == promise) return true;
  return false;
}

static bool is_movable(lks_promise promise) {
  return promise % 2 != 0;
}

/* Takes out those from `from` on that `now` allows to be moved up, or, at LKS_PACE_NEVER, all that are promises; the
 * last comes first. They are for free; NULL when there is none, or no memory. */
static lks_pace_slot *take_promises(lks_pace *pace, size_t from, lks_time now, size_t *count) {
  lks_pace_slot *waiting = pace->promised > 0 ? malloc(pace->promised * sizeof *waiting) : NULL;
  *count = 0;
  for (size_t i = pace->count; i > from && waiting != NULL; i--) {
    const lks_pace_slot *one = lks_pace_kept(pace, i - 1);
    if (one->promise == 0) continue;
    if (now != LKS_PACE_NEVER && (!is_movable(one->promise) || one->at <= now + LKS_PACE_LOOK)) continue;
    waiting[(*count)++] = *one;
    remove_at(pace, i - 1);
  }
  return waiting;
}

/* Moves up the promises from `from` on that may be, in their order, as far as the windows allow without them. Their
 * holders have to hear of it in time. */
static void move_up(lks_pace *pace, const lks_windows *windows, lks_time now, size_t from) {
  bool changed = pace->changed;
  size_t count;
  lks_pace_slot *waiting = take_promises(pace, from, now, &count);
  /* There is room: as many were taken out. */
  for (; count > 0; count--) {
    const lks_pace_slot *one = &waiting[count - 1];
    lks_time next = later(next_slot(pace, windows, now), now + LKS_PACE_LOOK);
    changed = changed || next < one->at;
    insert(pace, next < one->at ? next : one->at, one->promise);
  }
  pace->changed = changed;
  free(waiting);
}

/* Moves up those before whom one gave his slot back, as far as the one at `index`, and those behind them. */
static void close_gap(lks_pace *pace, const lks_windows *windows, lks_time now, size_t index) {
  if (windows->count == 0) return;
  for (size_t i = count_until(pace, now + LKS_PACE_LOOK); i <= index; i++) {
    const lks_pace_slot *one = lks_pace_kept(pace, i);
    if (!is_movable(one->promise) || later(slot_behind(pace, windows, now, i), now + LKS_PACE_LOOK) >= one->at)
      continue;
    move_up(pace, windows, now, i);
    return;
  }
}

static bool is_called(const lks_pace *pace, lks_promise promise) {
  return is_movable(promise) && promise <= pace->called;
}

static void call_roll(lks_pace *pace, lks_time now) {
  if (pace->called != 0) return;
  pace->roll = now;
  pace->called = pace->newest + 1;
  pace->changed = true;
}

/* Gives a promise that was called another name, by which it is known to be somebody's still. */
static void answer(lks_pace *pace, lks_promise *promise) {
  if (!is_called(pace, *promise) || pace->newest >= LKS_PROMISE_MAX) return;
  pace->newest += 2;
  *promise = pace->newest + 1;
  pace->changed = true;
}

/* Drops the promises of those who did not answer. */
static void close_roll(lks_pace *pace) {
  for (size_t i = pace->count; i > 0 && pace->promised > 0; i--)
    if (is_called(pace, lks_pace_kept(pace, i - 1)->promise)) remove_at(pace, i - 1);
  pace->called = 0;
  pace->changed = true;
}

/* Drops the promises that nobody came for. */
static void drop_forgotten(lks_pace *pace, const lks_windows *windows, lks_time now) {
  size_t before = pace->promised;
  if (pace->called != 0 && now >= pace->roll + LKS_PACE_ROLL_CALL) close_roll(pace);
  size_t awaited = pace->promised;
  for (size_t i = count_until(pace, now - LKS_PACE_GRACE); i > 0 && pace->promised > 0; i--)
    if (lks_pace_kept(pace, i - 1)->promise != 0) remove_at(pace, i - 1);
  if (pace->promised > 0 && pace->promised < awaited) call_roll(pace, now);
  if (pace->promised > 0 && pace->promised < before) move_up(pace, windows, now, 0);
}

/* Whether the oldest slot is one that drop_forgotten will look after. */
static bool is_awaited(const lks_pace *pace, const lks_windows *windows) {
  return lks_pace_kept(pace, 0)->promise != 0 && windows->count > 0;
}

/* Takes note of the caller's clock and windows, and drops what no window reaches any more. Returns `now` in bounds.
 *
 * A step back is measured against the call before, as if no time had passed since: the history then lies as much too
 * late as did pass, which errs on the side of waiting. Steps must not be measured against the latest time ever seen:
 * slots taken after a small step back would be moved by that step twice, to before their real time. */
static lks_time observe(lks_pace *pace, const lks_windows *windows, lks_time now) {
  now = lks_pace_bounded(now);
  for (unsigned i = 0; i < windows->count; i++) {
    const lks_window *window = &windows->window[i];
    if (window->per <= pace->longest && window->requests <= pace->most) continue;
    pace->longest = later(pace->longest, window->per);
    if (window->requests > pace->most) pace->most = window->requests;
    pace->changed = true;
  }
  lks_span disagreement = pace->longest > 0 ? pace->longest : DEFAULT_LONGEST;
  if (now < pace->now - disagreement) set_back(pace, pace->now - now);
  pace->now = now;
  lks_span kept = pace->longest + (pace->longest < CLOCKS_APART ? pace->longest : CLOCKS_APART);
  while (pace->count > 0 && at(pace, 0) + kept <= now && !is_awaited(pace, windows)) drop_first(pace);
  if (pace->promised > 0 && windows->count > 0) drop_forgotten(pace, windows, now);
  return now;
}

/* Takes the slot for good, or under `promise`, where it lies ahead, as a promise. */
static bool take(lks_pace *pace, lks_time now, lks_time time, lks_promise *promise) {
  if (promise == NULL) return insert(pace, time, 0);
  *promise = 0;
  if (time > now && pace->longest > 0) {
    if (pace->newest < LKS_PROMISE_MAX) pace->newest += 2;
    *promise = pace->newest + (pace->promised > 0);
  }
  return insert(pace, time, *promise);
}

bool lks_pace_promise(lks_pace *pace, const lks_windows *windows, lks_time now, lks_time latest, lks_time *slot,
                      lks_promise *promise) {
  now = observe(pace, windows, now);
  *slot = next_slot(pace, windows, now);
  if (pace->promised > 1 && *slot - now > LKS_PACE_LONG && now >= pace->roll + LKS_PACE_ROLL_EVERY)
    call_roll(pace, now);
  if (*slot > latest || *slot > LKS_TIME_MAX) return false;
  if (take(pace, now, *slot, promise)) return true;
  *slot = now;
  return false;
}

bool lks_pace_reserve(lks_pace *pace, const lks_windows *windows, lks_time now, lks_time latest, lks_time *slot) {
  return lks_pace_promise(pace, windows, now, latest, slot, NULL);
}

bool lks_pace_look(lks_pace *pace, const lks_windows *windows, lks_time now, lks_promise *promise, lks_time *slot) {
  size_t index;
  now = observe(pace, windows, now);
  if (!find_promise(pace, *promise, &index)) return false;
  answer(pace, promise);
  lks_pace_kept(pace, index)->promise = *promise;
  close_gap(pace, windows, now, index);
  find_promise(pace, *promise, &index);
  *slot = at(pace, index);
  return true;
}

bool lks_pace_is_movable(lks_promise promise) {
  return is_movable(promise);
}

bool lks_pace_confirm(lks_pace *pace, lks_promise promise) {
  size_t index;
  if (!find_promise(pace, promise, &index)) return false;
  lks_pace_kept(pace, index)->promise = 0;
  pace->promised--;
  pace->changed = true;
  return true;
}

bool lks_pace_record(lks_pace *pace, const lks_windows *windows, lks_time now, lks_time time) {
  observe(pace, windows, now);
  return insert(pace, lks_pace_bounded(time), 0);
}

bool lks_pace_release(lks_pace *pace, lks_time slot) {
  return take_out(pace, slot);
}

bool lks_pace_withdraw(lks_pace *pace, lks_promise promise) {
  size_t index;
  if (!find_promise(pace, promise, &index)) return false;
  remove_at(pace, index);
  return true;
}

void lks_pace_move(lks_pace *pace, lks_time slot, lks_time time) {
  take_out(pace, slot);
  insert(pace, lks_pace_bounded(time), 0);
}

bool lks_pace_renew(lks_pace *pace, const lks_windows *windows, lks_time now, lks_time slot, lks_time latest,
                    lks_time *renewed, lks_promise *promise) {
  now = observe(pace, windows, now);
  lks_pace_slot *behind = NULL;
  lks_promise held = *promise;
  size_t index, count = 0;
  if (held != 0 ? find_promise(pace, held, &index) : find_taken(pace, slot, &index)) {
    remove_at(pace, index);
    if (windows->count > 0) behind = take_promises(pace, index, LKS_PACE_NEVER, &count);
  }
  /* Behind what others sent, also where their clocks are ahead. */
  *renewed = next_slot(pace, windows, now);
  bool taken = *renewed <= latest && *renewed <= LKS_TIME_MAX;
  if (taken) {
    taken = held != 0 && *renewed > now ? insert(pace, *renewed, held) : take(pace, now, *renewed, promise);
    if (!taken) *renewed = now;
  }
  for (; count > 0; count--) {
    const lks_pace_slot *one = &behind[count - 1];
    insert(pace, taken ? lks_pace_bounded(later(one->at, next_slot(pace, windows, now))) : one->at, one->promise);
  }
  free(behind);
  return taken;
}

bool lks_pace_holds(lks_pace *pace, const lks_windows *windows, lks_time now, lks_time slot, lks_promise promise) {
  observe(pace, windows, now);
  size_t until = count_until(pace, slot), index = until;
  bool found = false;
  for (size_t i = until; i > 0 && at(pace, i - 1) == slot; i--) {
    lks_promise one = lks_pace_kept(pace, i - 1)->promise;
    if (one != 0 && one != promise) continue;
    if (index == until) index = i - 1;
    found = found || one == promise;
  }
  if (pace->paused > slot || !found) return false;
  for (unsigned i = 0; i < windows->count; i++) {
    lks_time nth = nth_before(pace, index, windows->window[i].requests);
    if (nth + windows->window[i].per > slot) return false;
  }
  return true;
}

void lks_pace_pause(lks_pace *pace, lks_time now, lks_time until) {
  const lks_windows none = {.count = 0};
  observe(pace, &none, now);
  until = lks_pace_bounded(until);
  if (until <= pace->paused) return;
  pace->paused = until;
  pace->changed = true;
}

lks_time lks_pace_end(const lks_pace *pace) {
  if (pace->count == 0) return pace->paused;
  return later(pace->paused, at(pace, pace->count - 1) + pace->longest);
}

void lks_pace_replace(lks_pace *pace, lks_pace_slot *slots, size_t capacity, size_t count, const lks_pace *rest) {
  free(pace->slots);
  *pace = *rest;
  pace->slots = slots;
  pace->capacity = capacity;
  pace->first = 0;
  pace->count = count;
  pace->promised = 0;
  for (size_t i = 0; i < count; i++) pace->promised += slots[i].promise != 0;
}

size_t lks_pace_capacity_for(size_t count) {
  size_t capacity = LKS_PACE_SMALLEST;
  while (capacity < count) capacity *= 2;
  return capacity;
}

bool lks_pace_copy(lks_pace *pace, const lks_pace *other) {
  if (pace->capacity >= other->count && pace->capacity > 0) {
    lks_pace own = *pace;
    for (size_t i = 0; i < other->count; i++) own.slots[i] = *lks_pace_kept(other, i);
    *pace = *other;
    pace->slots = own.slots;
    pace->capacity = own.capacity;
    pace->first = 0;
    pace->changed = false;
    return true;
  }
  size_t capacity = lks_pace_capacity_for(other->count);
  lks_pace_slot *slots = copied(other, capacity);
  if (slots == NULL) return false;
  lks_pace_replace(pace, slots, capacity, other->count, other);
  pace->changed = false;
  return true;
}

/* Of two that are one: whether the first says what became of the other, which was taken for good or answered the roll.
 */
static bool knows_better(const lks_pace_slot *one, const lks_pace_slot *other) {
  return one->promise == 0 || (other->promise != 0 && one->promise > other->promise);
}

bool lks_pace_add(lks_pace *pace, const lks_pace *other, lks_span ahead) {
  size_t most = pace->count + other->count, capacity = lks_pace_capacity_for(most), count = 0, i = 0, j = 0;
  lks_pace_slot *slots = malloc(capacity * sizeof *slots);
  if (slots == NULL) return false;
  static const lks_pace_slot end = {INT64_MAX, 0};
  while (i < pace->count || j < other->count) {
    lks_pace_slot mine = i < pace->count ? *lks_pace_kept(pace, i) : end,
                  theirs = j < other->count ? *lks_pace_kept(other, j) : end;
    if (j < other->count) theirs.at = lks_pace_bounded(theirs.at + ahead);
    slots[count++] = mine.at < theirs.at || (mine.at == theirs.at && knows_better(&mine, &theirs)) ? mine : theirs;
    if (mine.at <= theirs.at) i++;
    if (theirs.at <= mine.at) j++;
  }
  lks_pace rest = *pace;
  rest.longest = later(pace->longest, other->longest);
  if (other->most > rest.most) rest.most = other->most;
  if (other->newest > rest.newest) rest.newest = other->newest;
  if (other->called != 0) { /* who holds one of this one's names answers as well */
    rest.roll = lks_pace_bounded(other->roll + ahead);
    rest.called = other->called;
  }
  rest.changed = true;
  lks_pace_replace(pace, slots, capacity, count, &rest);
  while (is_full(pace)) drop_first(pace);
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
  pace->count = pace->promised = 0;
}

size_t lks_pace_count(const lks_pace *pace, lks_time from, lks_time to) {
  size_t until = count_until(pace, to), before = count_until(pace, from - 1);
  return until > before ? until - before : 0;
}

bool lks_pace_changed(const lks_pace *pace) {
  return pace->changed;
}

lks_time lks_pace_newest(const lks_pace *pace) {
  return pace->count == 0 ? -LKS_TIME_MAX : at(pace, pace->count - 1);
}

lks_time lks_pace_oldest(const lks_pace *pace) {
  return pace->count == 0 ? LKS_TIME_MAX : at(pace, 0);
}
