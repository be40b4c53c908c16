#include "pacer.h"

static void release(lks_state *state, lks_ticket *ticket) {
  if (ticket->held) lks_pace_release(state->pace, ticket->slot);
  if (ticket->probing) lks_quota_unprobe(&state->quota);
  *ticket = (lks_ticket){0};
}

static bool admit(lks_state *state, lks_call *call, lks_time now, lks_ticket *ticket) {
  if (!(lks_call_operation(call)->flags & LKS_OPERATION_QUOTA)) return true;
  lks_span retry_after = 0;
  lks_time probe = state->quota.probe;
  if (!lks_quota_admit(&state->quota, now, &retry_after)) {
    lks_call_refuse(call, now, LKS_KIND_QUOTA_EXCEEDED, retry_after, "the monthly quota is used up");
    return false;
  }
  ticket->probing = state->quota.probe != probe;
  return true;
}

void lks_pacer_reserve(lks_state *state, const lks_windows *windows, lks_call *call, lks_time now, lks_span longest,
                       lks_ticket *ticket) {
  *ticket = (lks_ticket){0};
  if (lks_call_pacing(call) == LKS_PACING_OFF) {
    ticket->held = lks_pace_record(state->pace, windows, now, now);
    ticket->slot = now;
    lks_call_grant(call, now, 0);
    return;
  }
  if (!admit(state, call, now, ticket)) return;
  lks_time slot;
  if (lks_pace_reserve(state->pace, windows, now, now + longest, &slot)) {
    ticket->slot = slot;
    ticket->held = true;
    lks_call_grant(call, now, slot - now);
    return;
  }
  release(state, ticket);
  if (slot <= now + longest) {
    lks_call_refuse(call, now, LKS_KIND_NO_MEMORY, -1, "out of memory");
    return;
  }
  lks_call_refuse(call, now, LKS_KIND_WOULD_WAIT, slot - now,
                  lks_call_pacing(call) == LKS_PACING_FAIL ? "no slot is free now (pacing is \"fail\")"
                                                           : "the next free slot lies beyond the deadline");
}

void lks_pacer_settle(lks_state *state, lks_call *call, lks_time now, unsigned effects, lks_ticket *ticket) {
  if ((effects & LKS_EFFECT_MOVE) && ticket->held) {
    lks_pace_move(state->pace, ticket->slot, ticket->slot + lks_call_lateness(call));
    ticket->held = false;
  }
  if (effects & LKS_EFFECT_RELEASE) release(state, ticket);
  if (effects & LKS_EFFECT_PAUSE) lks_pace_pause(state->pace, now, now + lks_call_pause(call));
}
