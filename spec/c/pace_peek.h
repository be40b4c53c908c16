/* Looking at the next slot without taking it. */
#ifndef LKS_PACE_PEEK_H
#define LKS_PACE_PEEK_H

#include "core/pace.h"

static inline lks_time pace_peek(lks_pace *pace, const lks_windows *windows, lks_time now) {
  lks_time slot = 0;
  (void)lks_pace_reserve(pace, windows, now, INT64_MIN, &slot);
  return slot;
}

#endif
