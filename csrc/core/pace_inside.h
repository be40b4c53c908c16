/* What a pace is made of: for pace.c, pace_bytes.c and pace_forecast.c alone. */
#ifndef LKS_PACE_INSIDE_H
#define LKS_PACE_INSIDE_H

#include "pace.h"

#define LKS_PACE_SMALLEST ((size_t)32)
/* Before every instant a clock or a window can reach, and still far from overflow. */
#define LKS_PACE_NEVER (-4 * LKS_TIME_MAX)
/* More than can be given, so that only bytes of others hold as many; then names are given twice. */
#define LKS_PROMISE_MAX (INT64_C(1) << 62)

typedef struct lks_pace_slot {
  lks_time at;
  lks_promise promise; /* 0: it is taken for good */
} lks_pace_slot;

struct lks_pace {
  lks_pace_slot *slots; /* ring, ascending from `first` */
  size_t capacity;      /* 0 or a power of two */
  size_t first;
  size_t count;
  size_t promised;    /* how many of them are promises */
  lks_promise newest; /* the last promise that was given, before it was told whether it may be moved */
  lks_promise called; /* of the movable ones, those up to this one are to answer the roll; 0: it is closed */
  lks_time roll;      /* when it was called last */
  lks_time dropped;   /* the newest slot no longer in the ring */
  lks_time paused;
  lks_time now;     /* what the clock said last */
  lks_span longest; /* longest window so far; 0: none, nothing is kept */
  unsigned most;    /* most requests of a window so far */
  bool changed;     /* see lks_pace_changed */
};

static inline lks_time lks_pace_bounded(lks_time time) {
  if (time > LKS_TIME_MAX) return LKS_TIME_MAX;
  return time < -LKS_TIME_MAX ? -LKS_TIME_MAX : time;
}

/* The slot at an index, the oldest being at 0. */
static inline lks_pace_slot *lks_pace_kept(const lks_pace *pace, size_t index) {
  return &pace->slots[(pace->first + index) & (pace->capacity - 1)];
}

/* How many of the slots that have passed are kept at most: those that a window may need, and as many again, so that it
 * still has them when some are given back. */
static inline size_t lks_pace_bound(unsigned most) {
  return most > LKS_PACE_SMALLEST / 2 ? 2 * (size_t)most : LKS_PACE_SMALLEST;
}

/* The capacity of a ring for so many slots. */
size_t lks_pace_capacity_for(size_t count);

/* Takes over a ring, in which the first slot is at 0; all but that and what follows from it is that of `rest`. */
void lks_pace_replace(lks_pace *pace, lks_pace_slot *slots, size_t capacity, size_t count, const lks_pace *rest);

#endif
