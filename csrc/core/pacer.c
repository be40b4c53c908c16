#include "pacer.h"

void lks_pacer_give_back(lks_state *state, lks_ticket *ticket) {
  if (ticket->held) lks_pace_release(state->pace, ticket->slot);
  if (ticket->probing) lks_quota_unprobe(&state->quota);
  *ticket = (lks_ticket){0};
}

lks_kind lks_pacer_take(lks_state *state, const lks_windows *windows, const lks_wish *wish, lks_time now,
                        lks_ticket *ticket, lks_span *span) {
  *ticket = (lks_ticket){0};
  *span = 0;
  if (wish->unpaced) {
    ticket->held = lks_pace_record(state->pace, windows, now, now);
    ticket->slot = now;
    return LKS_KIND_NONE;
  }
  if (wish->quota) {
    lks_time probe = state->quota.probe;
    if (!lks_quota_admit(&state->quota, now, span)) return LKS_KIND_QUOTA_EXCEEDED;
    ticket->probing = state->quota.probe != probe;
  }
  lks_time slot;
  ticket->held = lks_pace_reserve(state->pace, windows, now, now + wish->longest, &slot);
  *span = slot - now;
  if (ticket->held) {
    ticket->slot = slot;
    return LKS_KIND_NONE;
  }
  lks_pacer_give_back(state, ticket);
  return *span <= wish->longest ? LKS_KIND_NO_MEMORY : LKS_KIND_WOULD_WAIT;
}

static const char *reason(lks_kind kind, lks_pacing pacing) {
  if (kind == LKS_KIND_QUOTA_EXCEEDED) return "the monthly quota is used up";
  if (kind == LKS_KIND_NO_MEMORY) return "out of memory";
  return pacing == LKS_PACING_FAIL ? "no slot is free now (pacing is \"fail\")"
                                   : "the next free slot lies beyond the deadline";
}

void lks_pacer_reserve(lks_state *state, const lks_windows *windows, lks_call *call, lks_time now, lks_span longest,
                       lks_ticket *ticket) {
  const lks_wish wish = {
      .longest = longest,
      .unpaced = lks_call_pacing(call) == LKS_PACING_OFF,
      .quota = (lks_call_operation(call)->flags & LKS_OPERATION_QUOTA) != 0,
  };
  lks_span span;
  lks_kind kind = lks_pacer_take(state, windows, &wish, now, ticket, &span);
  if (kind == LKS_KIND_NONE)
    lks_call_grant(call, now, span);
  else
    lks_call_refuse(call, now, kind, kind == LKS_KIND_NO_MEMORY ? -1 : span, reason(kind, lks_call_pacing(call)));
}

void lks_pacer_renew(lks_state *state, const lks_windows *windows, lks_call *call, lks_time now, lks_ticket *ticket) {
  if (!ticket->held || !lks_call_slot_due(call, now)) return;
  lks_time renewed;
  ticket->held = lks_pace_renew(state->pace, windows, now, ticket->slot, lks_call_deadline(call) - 1, &renewed);
  ticket->slot = renewed;
  lks_call_renew(call, now, renewed - now);
}

void lks_pacer_settle(lks_state *state, lks_call *call, lks_time now, unsigned effects, lks_ticket *ticket) {
  if ((effects & LKS_EFFECT_MOVE) && ticket->held) {
    lks_pace_move(state->pace, ticket->slot, ticket->slot + lks_call_lateness(call));
    ticket->held = false;
  }
  if (effects & LKS_EFFECT_RELEASE) lks_pacer_give_back(state, ticket);
  if (effects & LKS_EFFECT_PAUSE) lks_pace_pause(state->pace, now, now + lks_call_pause(call));
}
