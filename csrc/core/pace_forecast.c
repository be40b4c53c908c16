#include "pace_forecast.h"

#include "pace_inside.h"

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

lks_span lks_pace_forecast(const lks_pace *pace, const lks_windows *windows, lks_time now, uint64_t requests) {
  if (requests == 0) return 0;
  lks_span rest = 0;
  if (windows->count == 0) {
    requests = 1;
  } else if (requests > LKS_PACE_FORECAST_EXACT) {
    const lks_window *slow = slowest(windows);
    uint64_t periods = (requests - LKS_PACE_FORECAST_EXACT + slow->requests - 1) / slow->requests;
    if (periods > (uint64_t)(LKS_SPAN_MAX / slow->per)) return LKS_SPAN_MAX;
    requests -= periods * slow->requests;
    rest = (lks_span)periods * slow->per;
  }

  lks_pace *copy = lks_pace_new();
  lks_time slot = 0;
  bool taken = copy != NULL && lks_pace_copy(copy, pace);
  while (taken && requests-- > 0) taken = lks_pace_reserve(copy, windows, now, LKS_TIME_MAX, &slot);
  lks_pace_free(copy);
  if (!taken && slot <= LKS_TIME_MAX) return -1;
  lks_span span = slot - lks_pace_bounded(now);
  return span < LKS_SPAN_MAX - rest ? span + rest : LKS_SPAN_MAX;
}
