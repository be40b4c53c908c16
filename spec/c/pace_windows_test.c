/* The windows over long random runs: checked by brute force, against an independent model, and for full use. */
#include "core/pace.h"

#include <stdlib.h>

#include "pace_peek.h"
#include "test.h"

#define S LKS_SECOND
#define T0 (INT64_C(1700000000) * S)
#define RESERVATIONS 100000

/* LOCK.PUB's, the same with the margin, scaled down, many windows, one that never binds, many requests, one request. */
static const lks_windows window_sets[] = {
    {2, {{20, 10 * S}, {60, 60 * S}}},
    {2, {{20, 10 * S + S / 20}, {60, 60 * S + S / 20}}},
    {2, {{60, 3 * S}, {20, S / 2}}},
    {4, {{5, S}, {8, 5 * S / 2}, {30, 20 * S}, {100, 90 * S}}},
    {2, {{3, 10 * S}, {50, 10 * S}}},
    {2, {{1000, 60 * S}, {250, 10 * S}}},
    {1, {{1, S}}},
};
#define WINDOW_SETS (sizeof window_sets / sizeof window_sets[0])

static uint64_t random_state;

static uint64_t random_bits(void) {
  uint64_t x = random_state += UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

/* Uniform in [0, below); 0 when that is empty. */
static lks_span random_below(lks_span below) {
  return (lks_span)(random_bits() % (uint64_t)(below > 0 ? below : 1));
}

static bool chance(int percent) {
  return random_below(100) < percent;
}

static lks_span longest(const lks_windows *windows) {
  lks_span most = 0;
  for (unsigned i = 0; i < windows->count; i++)
    if (windows->window[i].per > most) most = windows->window[i].per;
  return most;
}

/* The time one request takes in the long run. */
static lks_span mean_gap(const lks_windows *windows) {
  lks_span gap = 0;
  for (unsigned i = 0; i < windows->count; i++) {
    lks_span own = windows->window[i].per / windows->window[i].requests;
    if (own > gap) gap = own;
  }
  return gap;
}

static int by_time(const void *a, const void *b) {
  lks_time x = *(const lks_time *)a, y = *(const lks_time *)b;
  return (x > y) - (x < y);
}

/* Counts the sends that begin a window with too many in it. Sorts. */
static size_t violations(lks_time *sends, size_t count, const lks_windows *windows) {
  size_t found = 0;
  qsort(sends, count, sizeof *sends, by_time);
  for (unsigned w = 0; w < windows->count; w++)
    for (size_t i = 0; i < count; i++) {
      size_t inside = 0;
      while (i + inside < count && sends[i + inside] < sends[i] + windows->window[w].per) inside++;
      found += inside > windows->window[w].requests;
    }
  return found;
}

/* No schedule sends more in an interval than the windows that cover it allow: the least sum of requests over all ways
 * to cover `span` with windows laid end to end. */
static lks_span most_in(const lks_windows *windows, unsigned first, lks_span span) {
  lks_span per = windows->window[first].per, requests = windows->window[first].requests;
  lks_span full = (span + per - 1) / per, least = full * requests;
  if (first + 1 == windows->count) return least;
  for (lks_span used = 0; used < full; used++) {
    lks_span sum = used * requests + most_in(windows, first + 1, span - used * per);
    if (sum < least) least = sum;
  }
  return least;
}

static void no_window_is_ever_exceeded_at_random_arrivals(void) {
  static lks_time sends[RESERVATIONS];
  for (size_t set = 0; set < WINDOW_SETS; set++) {
    const lks_windows *windows = &window_sets[set];
    lks_span gap = mean_gap(windows);
    random_state = set;
    lks_pace *pace = lks_pace_new();
    lks_time now = T0, before = 0;
    size_t refused = 0, waited = 0;
    for (size_t taken = 0, step = 0; taken < RESERVATIONS; step++) {
      switch (step / 2000 % 4) {
      case 0: /* saturated */ now += random_below(gap); break;
      case 1: /* bursts */
        if (chance(2)) now += random_below(150 * gap);
        break;
      case 2: /* sparse */ now += random_below(6 * gap); break;
      default: /* close to the limit */ now += random_below(2 * gap + 1);
      }
      lks_time latest = now + random_below(3 * longest(windows)), slot;
      if (!lks_pace_reserve(pace, windows, now, latest, &slot)) {
        CHECK(slot > latest);
        refused++;
        now += random_below(gap);
        continue;
      }
      CHECK(slot >= now && slot >= before && slot <= latest);
      waited += slot > now;
      before = sends[taken++] = slot;
    }
    CHECK(refused > 100 && waited > RESERVATIONS / 4 && waited < RESERVATIONS);
    CHECK_INT(violations(sends, RESERVATIONS, windows), 0);
    lks_pace_free(pace);
  }
}

/* `queue` callers that come again as soon as their slot has come, their clocks disagreeing by up to `jitter`. */
static void saturate(const lks_windows *windows, lks_time *sends, size_t count, size_t queue, lks_span jitter) {
  lks_pace *pace = lks_pace_new();
  for (size_t i = 0; i < count; i++) {
    lks_time now = i < queue ? T0 : sends[i - queue];
    if (jitter > 0) now += random_below(2 * jitter) - jitter;
    CHECK(lks_pace_reserve(pace, windows, now, LKS_TIME_MAX, &sends[i]));
  }
  lks_pace_free(pace);
}

static double utilisation(const lks_windows *windows, const lks_time *sends, size_t count) {
  lks_time end = sends[count - 1];
  size_t sent = 0;
  while (sends[sent] < end) sent++;
  return (double)sent / (double)most_in(windows, 0, end - sends[0]);
}

static void saturation_sends_what_any_schedule_could(void) {
  static lks_time sends[RESERVATIONS];
  const lks_windows *service = &window_sets[0], *with_margin = &window_sets[1];
  for (size_t set = 0; set < WINDOW_SETS; set++) {
    size_t count = window_sets[set].count > 2 ? 2000 : RESERVATIONS;
    for (size_t queue = 1; queue <= 64; queue *= 64) {
      saturate(&window_sets[set], sends, count, queue, 0);
      CHECK(utilisation(&window_sets[set], sends, count) >= 0.98);
      CHECK(utilisation(&window_sets[set], sends, count) <= 1);
      CHECK_INT(violations(sends, count, &window_sets[set]), 0);
    }
  }
  saturate(service, sends, RESERVATIONS, 1, 0);
  printf("utilisation of {20,10},{60,60} at saturation: %.2f %%\n", 100 * utilisation(service, sends, RESERVATIONS));
  saturate(with_margin, sends, RESERVATIONS, 1, 0);
  CHECK(utilisation(service, sends, RESERVATIONS) >= 0.98);
  printf("with the margin of 0.05 s: %.2f %%\n", 100 * utilisation(service, sends, RESERVATIONS));
}

static void clocks_out_of_order_exceed_no_window_and_lose_no_use(void) {
  static lks_time sends[RESERVATIONS];
  for (size_t set = 0; set < WINDOW_SETS; set++) {
    const lks_windows *windows = &window_sets[set];
    lks_span jitter = longest(windows) / 10; /* 6 s for the service's windows */
    size_t count = windows->count > 2 ? 2000 : RESERVATIONS;
    random_state = 100 + set;
    saturate(windows, sends, count, 1, jitter);
    CHECK_INT(violations(sends, count, windows), 0);
    /* Enough callers that one whose clock is ahead finds the slots up to its time already taken. */
    saturate(windows, sends, count, 2000, jitter);
    qsort(sends, count, sizeof *sends, by_time);
    CHECK(utilisation(windows, sends, count) >= 0.98);
    CHECK_INT(violations(sends, count, windows), 0);
  }
}

/* What the limiter should answer, by counting: the earliest time not before `from` at which every window still has
 * room, with all live sends lying at or before it. */
typedef struct model {
  lks_time live[40000];
  size_t count;
  lks_time paused;
} model;

static lks_time model_slot(const model *sends, const lks_windows *windows, lks_time now) {
  lks_time slot = now > sends->paused ? now : sends->paused;
  for (size_t i = 0; i < sends->count; i++)
    if (sends->live[i] > slot) slot = sends->live[i];
  for (bool moved = true; moved;) {
    moved = false;
    for (unsigned w = 0; w < windows->count; w++) {
      lks_time leaving = LKS_TIME_MAX;
      size_t inside = 0;
      for (size_t i = 0; i < sends->count; i++) {
        if (sends->live[i] <= slot - windows->window[w].per) continue;
        inside++;
        if (sends->live[i] < leaving) leaving = sends->live[i];
      }
      if (inside < windows->window[w].requests) continue;
      slot = leaving + windows->window[w].per;
      moved = true;
    }
  }
  return slot;
}

static void model_forget(model *sends, lks_time until) {
  size_t kept = 0;
  for (size_t i = 0; i < sends->count; i++)
    if (sends->live[i] > until) sends->live[kept++] = sends->live[i];
  sends->count = kept;
}

static void releases_moves_records_and_pauses_agree_with_a_model(void) {
  static model sends;
  for (size_t set = 0; set < WINDOW_SETS; set++) {
    const lks_windows *windows = &window_sets[set];
    lks_span gap = mean_gap(windows), reach = longest(windows);
    size_t steps = windows->window[0].requests > 100 ? 5000 : 60000, taken = 0, others = 0;
    random_state = 200 + set;
    sends.count = 0;
    sends.paused = 0;
    lks_pace *pace = lks_pace_new();
    lks_time now = T0;
    for (size_t step = 0; step < steps; step++) {
      if (chance(60)) now += random_below(3 * gap);
      if (chance(1) && chance(10)) now += random_below(2 * reach);
      model_forget(&sends, now - reach);
      lks_time expected = model_slot(&sends, windows, now), slot, at;
      CHECK_INT(pace_peek(pace, windows, now), expected);
      size_t pick = sends.count > 0 ? (size_t)random_below((lks_span)sends.count) : 0;
      switch (random_below(12)) {
      case 0:
        if (sends.count == 0) break;
        lks_pace_release(pace, sends.live[pick]);
        sends.live[pick] = sends.live[--sends.count];
        others++;
        break;
      case 1:
        if (sends.count == 0) break;
        at = (chance(50) ? now : sends.live[pick]) + random_below(gap + 1);
        lks_pace_move(pace, sends.live[pick], at);
        sends.live[pick] = at;
        others++;
        break;
      case 2:
        at = chance(80) ? now : now + random_below(2 * gap + 1) - gap;
        CHECK(lks_pace_record(pace, windows, now, at));
        sends.live[sends.count++] = at;
        others++;
        break;
      case 3:
        if (!chance(10)) break;
        at = now + random_below(reach);
        lks_pace_pause(pace, now, at);
        if (at > sends.paused) sends.paused = at;
        others++;
        break;
      default:
        at = now + random_below(2 * reach);
        CHECK(lks_pace_reserve(pace, windows, now, at, &slot) == (expected <= at));
        CHECK_INT(slot, expected);
        if (expected > at) break;
        sends.live[sends.count++] = slot;
        taken++;
      }
      if (test_case_failed) break;
    }
    CHECK(taken > steps / 10 && others > steps / 10);
    lks_pace_free(pace);
  }
}

static void callers_with_different_windows_each_keep_their_own(void) {
  static lks_time sends[20000];
  for (uint64_t seed = 300; seed < 320; seed++) {
    random_state = seed;
    lks_pace *pace = lks_pace_new();
    lks_time now = T0;
    size_t count = 0;
    while (count < sizeof sends / sizeof sends[0]) {
      /* The larger windows come into play one after another. */
      size_t sets = 1 + count * WINDOW_SETS / (sizeof sends / sizeof sends[0]);
      const lks_windows *windows = &window_sets[(WINDOW_SETS - 1) - (size_t)random_below((lks_span)sets)];
      now += random_below(S);
      lks_time slot;
      if (!lks_pace_reserve(pace, windows, now, now + 90 * S, &slot)) continue;
      sends[count++] = slot;
      for (unsigned w = 0; w < windows->count; w++) {
        size_t inside = 0;
        while (inside < count && sends[count - 1 - inside] > slot - windows->window[w].per) inside++;
        CHECK(inside <= windows->window[w].requests);
      }
      if (chance(20)) {
        lks_pace_release(pace, slot);
        count--;
      }
    }
    lks_pace_free(pace);
  }
}

/* A clock that is set back, and forward too when `forward`. A caller waits for the span it was told, so its send leaves
 * at a true time that no clock step changes. A step forward looks like idle time: what was sent before it is then
 * forgotten too early, and only the sends between two such steps are checked against each other. */
static size_t run_with_jumps(const lks_windows *windows, bool forward) {
  static lks_time sends[RESERVATIONS];
  lks_span reach = longest(windows);
  lks_pace *pace = lks_pace_new();
  lks_time now = 2 * T0, truth = T0;
  size_t count = 0, wrong = 0, jumps = 0;
  for (size_t taken = 0; taken < RESERVATIONS; taken++) {
    lks_span passed = random_below(chance(99) ? 2 * mean_gap(windows) : 2 * reach);
    now += passed;
    truth += passed;
    if (chance(1)) {
      lks_span wait = pace_peek(pace, windows, now) - now;
      lks_span step = chance(50) ? reach + 1 + random_below(10800 * S) : random_below(reach);
      jumps++;
      if (forward && chance(40)) {
        now += step;
        wrong += violations(sends, count, windows);
        count = 0;
      } else {
        now -= step;
        /* The step back itself makes nobody wait longer, unless it was small. */
        if (step > reach) CHECK_INT(pace_peek(pace, windows, now) - now, wait);
      }
    }
    lks_time slot;
    if (lks_pace_reserve(pace, windows, now, now + 90 * S + reach, &slot)) sends[count++] = truth + (slot - now);
  }
  CHECK(jumps > 500);
  CHECK(forward || count > RESERVATIONS / 5);
  wrong += violations(sends, count, windows);
  lks_pace_free(pace);
  return wrong;
}

static void clock_set_back_exceeds_no_window_in_true_time(void) {
  for (size_t set = 0; set < WINDOW_SETS; set++) {
    random_state = 400 + set;
    CHECK_INT(run_with_jumps(&window_sets[set], false), 0);
  }
}

static void clock_set_back_and_forth_exceeds_no_window_between_steps_forward(void) {
  for (size_t set = 0; set < WINDOW_SETS; set++) {
    random_state = 500 + set;
    CHECK_INT(run_with_jumps(&window_sets[set], true), 0);
  }
}

int main(void) {
  RUN(no_window_is_ever_exceeded_at_random_arrivals);
  RUN(saturation_sends_what_any_schedule_could);
  RUN(clocks_out_of_order_exceed_no_window_and_lose_no_use);
  RUN(releases_moves_records_and_pauses_agree_with_a_model);
  RUN(callers_with_different_windows_each_keep_their_own);
  RUN(clock_set_back_exceeds_no_window_in_true_time);
  RUN(clock_set_back_and_forth_exceeds_no_window_between_steps_forward);
  return TEST_END();
}
