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

/* What a slot is asked for. */
typedef struct lks_wish {
  lks_span longest; /* acceptable wait */
  bool unpaced;     /* goes out whatever the windows and the quota say, and is only counted */
  bool quota;       /* a success takes one from the monthly quota */
} lks_wish;

/* Takes a slot for a send. LKS_KIND_NONE: granted, *span is the wait for it. Otherwise nothing was taken and *span is
 * the time after which it is worth asking again: LKS_KIND_WOULD_WAIT, LKS_KIND_QUOTA_EXCEEDED or LKS_KIND_NO_MEMORY. */
lks_kind lks_pacer_take(lks_state *state, const lks_windows *windows, const lks_wish *wish, lks_time now,
                        lks_ticket *ticket, lks_span *span);

/* The request of the ticket was certainly not sent. An empty ticket is ignored. */
void lks_pacer_give_back(lks_state *state, lks_ticket *ticket);

/* Answers the call's LKS_ACTION_PACE, whose span is `longest`, by grant or refusal. */
void lks_pacer_reserve(lks_state *state, const lks_windows *windows, lks_call *call, lks_time now, lks_span longest,
                       lks_ticket *ticket);

/* Looks once more at the slot of a call when it has come (lks_call_slot_due). */
void lks_pacer_renew(lks_state *state, const lks_windows *windows, lks_call *call, lks_time now, lks_ticket *ticket);

/* Carries out the effects announced with an action. */
void lks_pacer_settle(lks_state *state, lks_call *call, lks_time now, unsigned effects, lks_ticket *ticket);

#endif
