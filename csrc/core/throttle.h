/* What a service that tells no windows lets pass, as its refusals show it.
 *
 * A 429 that says when to come back tells a window: what passed since the oldest send that is remembered, in the time
 * from that one until the next may go. From then on sends keep to it. Each further refusal takes it down to what passed
 * meanwhile, but by no more than half; so many windows without one raise it by a part (additive increase,
 * multiplicative decrease). What is not used is forgotten.
 *
 * A value type: copy it freely. Instants are those of the history (pace.h) it goes with. */
#ifndef LKS_THROTTLE_H
#define LKS_THROTTLE_H

#include "pace.h"

typedef struct lks_throttle {
  unsigned requests; /* up to LKS_WINDOW_REQUESTS_MAX; 0: nothing was learned, and the rest says nothing */
  lks_span per;      /* above 0, at most LKS_THROTTLE_PER_MAX */
  lks_time since;    /* it was learned from the sends from this one on, */
  lks_time learned;  /* up to here, or raised here */
  lks_time used;     /* newest slot that kept to it */
} lks_throttle;

/* How long sends are remembered while there is none. */
#define LKS_THROTTLE_MEMORY (60 * LKS_SECOND)
#define LKS_THROTTLE_PER_MAX (INT64_C(2) * 86400 * LKS_SECOND)
/* So many windows without a refusal raise it; unused for so many, it is forgotten. */
#define LKS_THROTTLE_QUIET 5
#define LKS_THROTTLE_KEPT 10

/* The window that holds at `now`, or none. */
void lks_throttle_windows(lks_throttle *throttle, lks_time now, lks_windows *windows);

/* A send was refused, and the next may go at `until`. It stands in `pace` no more, unlike the sends that passed.
 * Teaches a window where there is none. */
void lks_throttle_learn(lks_throttle *throttle, const lks_pace *pace, lks_time now, lks_time until);
/* The same of one that kept to the window: its own slot in it. */
void lks_throttle_lower(lks_throttle *throttle, const lks_pace *pace, lks_time slot, lks_time now);
/* Of the sends that the window was learned from, so many more had passed than was known then, or fewer. */
void lks_throttle_correct(lks_throttle *throttle, int passed);

/* From then on forgetting it makes no difference. */
lks_time lks_throttle_end(const lks_throttle *throttle);

/* Of two the one that was learned later. */
void lks_throttle_merge(lks_throttle *throttle, const lks_throttle *other);

/* Whether each field is one that the functions here give. */
bool lks_throttle_is_sound(const lks_throttle *throttle);

#endif
