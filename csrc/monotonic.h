/* A clock for measuring waits: it neither jumps nor tells the date. */
#ifndef LKS_MONOTONIC_H
#define LKS_MONOTONIC_H

#include <time.h>

#include "core/timestamp.h"

static inline lks_time lks_monotonic(void) {
  struct timespec now = {0};
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (lks_time)now.tv_sec * LKS_SECOND + now.tv_nsec / 1000;
}

#endif
