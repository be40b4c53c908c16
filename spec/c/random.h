/* Numbers that are the same in every run: a test sets random_state first. */
#ifndef LKS_RANDOM_H
#define LKS_RANDOM_H

#include "core/timestamp.h"

static uint64_t random_state;

static inline lks_span random_below(lks_span below) {
  random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (lks_span)((random_state >> 33) % (uint64_t)below);
}

#endif
