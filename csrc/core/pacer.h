/* Joins a call to the pacing state of its key when that state is in this process's memory: what a driver with a
 * remote store does by messages, done by function calls. */
#ifndef LKS_PACER_H
#define LKS_PACER_H

#include "call.h"
#include "memory_store.h"

/* What a call holds of a state. Zero-initialise. */
typedef struct lks_ticket {
  lks_time slot;
  bool held;
  bool probing; /* it is the one that asks whether the quota has reset */
} lks_ticket;

/* Answers the call's LKS_ACTION_PACE, whose span is `longest`, by grant or refusal. */
void lks_pacer_reserve(lks_state *state, const lks_windows *windows, lks_call *call, lks_time now, lks_span longest,
                       lks_ticket *ticket);

/* Carries out the effects announced with an action. */
void lks_pacer_settle(lks_state *state, lks_call *call, lks_time now, unsigned effects, lks_ticket *ticket);

#endif
