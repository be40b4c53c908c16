#include "state.h"

#include <stdlib.h>

bool lks_state_init(lks_state *state) {
  *state = (lks_state){.pace = lks_pace_new()};
  return state->pace != NULL;
}

void lks_state_clear(lks_state *state) {
  lks_pace_free(state->pace);
  state->pace = NULL;
}

lks_state *lks_state_new(void) {
  lks_state *state = malloc(sizeof *state);
  if (state != NULL && lks_state_init(state)) return state;
  free(state);
  return NULL;
}

void lks_state_free(lks_state *state) {
  if (state == NULL) return;
  lks_state_clear(state);
  free(state);
}

bool lks_state_copy(lks_state *state, const lks_state *other) {
  if (!lks_pace_copy(state->pace, other->pace)) return false;
  state->quota = other->quota;
  state->lineage = other->lineage;
  return true;
}

void lks_state_give_back(lks_state *state, lks_ticket *ticket) {
  if (ticket->held) lks_pace_release(state->pace, ticket->slot);
  if (ticket->probing) lks_quota_unprobe(&state->quota);
  *ticket = (lks_ticket){0};
}

/* `now`, or an instant a little later that was taken for the present before. */
static lks_time present(const lks_wish *wish, lks_time now, lks_time known) {
  return wish->estimated && known > now && known - now <= LKS_STATE_JITTER ? known : now;
}

/* The slot of the ticket has come: is it still one? */
static lks_kind renew(lks_state *state, const lks_windows *windows, lks_time now, lks_time latest, lks_ticket *ticket,
                      lks_span *span) {
  lks_time renewed;
  ticket->held = lks_pace_renew(state->pace, windows, now, ticket->slot, latest, &renewed);
  *span = renewed - now;
  ticket->slot = renewed;
  if (ticket->held) return LKS_KIND_NONE;
  lks_state_give_back(state, ticket);
  return renewed <= latest ? LKS_KIND_NO_MEMORY : LKS_KIND_WOULD_WAIT;
}

lks_kind lks_state_take(lks_state *state, const lks_windows *windows, const lks_wish *wish, lks_time now,
                        lks_ticket *ticket, lks_span *span) {
  *span = 0;
  if (wish->renews && ticket->held) {
    now = present(wish, now, ticket->slot);
    return renew(state, windows, now, now + wish->longest, ticket, span);
  }
  *ticket = (lks_ticket){0};
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
  if (windows->count > 0) now = present(wish, now, lks_pace_newest(state->pace));
  ticket->held = lks_pace_reserve(state->pace, windows, now, now + wish->longest, &slot);
  *span = slot - now;
  if (ticket->held) {
    ticket->slot = slot;
    return LKS_KIND_NONE;
  }
  lks_state_give_back(state, ticket);
  return *span <= wish->longest ? LKS_KIND_NO_MEMORY : LKS_KIND_WOULD_WAIT;
}

void lks_state_settle(lks_state *state, lks_ticket *ticket, lks_time now, const lks_settlement *settlement) {
  if (settlement->late > 0 && ticket->held) {
    lks_pace_move(state->pace, ticket->slot, ticket->slot + settlement->late);
    ticket->held = false;
  }
  if (settlement->unused) lks_state_give_back(state, ticket);
  if (settlement->pause > 0) lks_pace_pause(state->pace, now, now + settlement->pause);
}

bool lks_state_merge(lks_state *state, const lks_state *other) {
  const lks_quota *theirs = &other->quota;
  if (theirs->known && (!state->quota.known || theirs->as_of > state->quota.as_of)) {
    lks_time probe = state->quota.probe;
    state->quota = *theirs;
    if (probe > state->quota.probe) state->quota.probe = probe;
  }
  return lks_pace_merge(state->pace, other->pace);
}

bool lks_state_join(lks_state *state, const lks_state *own, bool untold, bool lost, lks_time now, int64_t lineage,
                    bool *failed) {
  bool knows = own != NULL && lks_state_life(own, now) > 0;
  bool empty = state->lineage == 0;
  *failed = false;
  if (empty) state->lineage = lineage;
  /* What this process alone has counted, without any place, was not lost anywhere. */
  if (lost || (empty && knows && own->lineage != 0)) lks_pace_pause(state->pace, now, now + LKS_STATE_GATHER);
  if (!knows || (!empty && !untold && !lost && own->lineage == state->lineage)) return lost;
  *failed = !lks_state_merge(state, own);
  return true;
}

lks_span lks_state_life(const lks_state *state, lks_time now) {
  lks_time end = lks_pace_end(state->pace);
  if (state->quota.known) {
    lks_time renewed = state->quota.as_of + LKS_QUOTA_PERIOD_MAX;
    if (renewed > end) end = renewed;
  }
  return end > now ? end - now : 0;
}
