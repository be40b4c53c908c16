#include "throttle.h"

void lks_throttle_windows(lks_throttle *throttle, lks_time now, lks_windows *windows) {
  windows->count = 0;
  if (throttle->requests == 0) return;
  if (now >= lks_throttle_end(throttle)) {
    *throttle = (lks_throttle){0};
    return;
  }
  if (now - throttle->learned >= LKS_THROTTLE_QUIET * throttle->per) {
    unsigned step = throttle->requests / 8;
    throttle->requests += step > 0 ? step : 1;
    if (throttle->requests > LKS_WINDOW_REQUESTS_MAX) throttle->requests = LKS_WINDOW_REQUESTS_MAX;
    throttle->learned = now;
  }
  windows->count = 1;
  windows->window[0] = (lks_window){throttle->requests, throttle->per};
}

static unsigned bounded(size_t requests) {
  if (requests == 0) return 1;
  return requests < LKS_WINDOW_REQUESTS_MAX ? (unsigned)requests : LKS_WINDOW_REQUESTS_MAX;
}

void lks_throttle_learn(lks_throttle *throttle, const lks_pace *pace, lks_time now, lks_time until) {
  size_t passed = lks_pace_count(pace, -LKS_TIME_MAX, now);
  lks_time oldest = lks_pace_oldest(pace);
  lks_span per = until - oldest;
  if (throttle->requests > 0 || passed == 0 || per <= 0 || per > LKS_THROTTLE_PER_MAX) return;
  *throttle = (lks_throttle){.requests = bounded(passed), .per = per, .since = oldest, .learned = now, .used = until};
}

void lks_throttle_lower(lks_throttle *throttle, const lks_pace *pace, lks_time slot, lks_time now) {
  if (throttle->requests == 0) return;
  unsigned passed = bounded(lks_pace_count(pace, now - throttle->per + 1, now)), least = throttle->requests - 1;
  if (slot > throttle->learned) {
    if (passed > least) passed = least;
    least = throttle->requests / 2;
    throttle->learned = now;
  } else if (passed > throttle->requests) {
    return; /* it was under way when another was refused, and does not count among what passed then */
  }
  throttle->requests = bounded(passed > least ? passed : least);
}

void lks_throttle_correct(lks_throttle *throttle, int passed) {
  if (throttle->requests == 0) return;
  int64_t requests = (int64_t)throttle->requests + passed;
  throttle->requests = bounded(requests > 0 ? (size_t)requests : 0);
}

lks_time lks_throttle_end(const lks_throttle *throttle) {
  return throttle->requests == 0 ? -LKS_TIME_MAX : throttle->used + LKS_THROTTLE_KEPT * throttle->per;
}

void lks_throttle_merge(lks_throttle *throttle, const lks_throttle *other) {
  if (other->requests > 0 && (throttle->requests == 0 || other->learned > throttle->learned)) *throttle = *other;
}

static bool is_instant(lks_time time) {
  return time >= -LKS_TIME_MAX - LKS_THROTTLE_PER_MAX && time <= LKS_TIME_MAX + LKS_THROTTLE_PER_MAX;
}

bool lks_throttle_is_sound(const lks_throttle *throttle) {
  if (throttle->requests == 0)
    return throttle->per == 0 && throttle->since == 0 && throttle->learned == 0 && throttle->used == 0;
  return throttle->requests <= LKS_WINDOW_REQUESTS_MAX && throttle->per > 0 && throttle->per <= LKS_THROTTLE_PER_MAX &&
         is_instant(throttle->since) && is_instant(throttle->learned) && is_instant(throttle->used);
}
