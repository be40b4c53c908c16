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
  lks_pace *pace = state->pace;
  if (!lks_pace_copy(pace, other->pace)) return false;
  *state = *other;
  state->pace = pace;
  state->changed = false;
  return true;
}

void lks_state_give_back(lks_state *state, lks_ticket *ticket) {
  lks_quota *quota = &state->quota;
  if (ticket->held && ticket->promise != 0)
    lks_pace_withdraw(state->pace, ticket->promise);
  else if (ticket->held)
    lks_pace_release(state->pace, ticket->slot);
  if (ticket->probing) lks_quota_unprobe(quota);
  /* Not when it was told anew since: then nothing of this is in it any more. */
  if (ticket->spent && quota->spent > 0 && quota->as_of == ticket->expects.as_of) quota->spent--;
  state->changed = state->changed || ticket->probing || ticket->spent;
  *ticket = (lks_ticket){0};
}

/* `now`, or an instant a little later that was taken for the present before. */
static lks_time present(const lks_wish *wish, lks_time now, lks_time known) {
  return wish->estimated && known > now && known - now <= LKS_STATE_JITTER ? known : now;
}

/* Takes up what a client sent before there was a window. */
static void add_uncounted(lks_state *state, const lks_pace *uncounted, lks_span ahead) {
  if (uncounted == NULL || lks_pace_is_empty(uncounted) || !lks_pace_add(state->pace, uncounted, ahead)) return;
  const lks_throttle *throttle = &state->throttle;
  size_t passed = lks_pace_count(uncounted, throttle->since - ahead, throttle->learned - ahead);
  lks_throttle_correct(&state->throttle, (int)passed);
}

static void hold(const lks_state *state, lks_ticket *ticket, lks_time slot) {
  ticket->slot = slot;
  ticket->counted = lks_pace_keeps(state->pace);
}

/* Gives back a slot that lies after `latest`, or that there was no memory for. */
static lks_kind refuse(lks_state *state, lks_ticket *ticket, lks_time latest) {
  lks_time slot = ticket->slot;
  lks_state_give_back(state, ticket);
  return slot <= latest ? LKS_KIND_NO_MEMORY : LKS_KIND_WOULD_WAIT;
}

/* The slot of the ticket was waited for: where is it by now, and when it has come, is it still one? */
static lks_kind renew(lks_state *state, const lks_windows *windows, const lks_wish *wish, lks_time now,
                      lks_ticket *ticket, lks_span *span) {
  lks_time latest = now + wish->longest;
  bool stands = true;
  if (ticket->promise != 0) stands = lks_pace_look(state->pace, windows, now, &ticket->promise, &ticket->slot);
  now = present(wish, now, ticket->slot);
  *span = ticket->slot - now;
  if (stands && ticket->promise != 0 && *span > 0)
    return ticket->slot <= latest ? LKS_KIND_NONE : refuse(state, ticket, latest);
  if (!stands) ticket->promise = 0;
  bool in_time = stands && *span <= 0 && -*span <= wish->late;
  if (in_time && lks_pace_holds(state->pace, windows, now, ticket->slot, ticket->promise)) {
    lks_pace_confirm(state->pace, ticket->promise);
    ticket->promise = 0;
    return LKS_KIND_NONE;
  }
  ticket->held = lks_pace_renew(state->pace, windows, now, stands ? ticket->slot : INT64_MIN, latest, &ticket->slot,
                                &ticket->promise);
  *span = ticket->slot - now;
  hold(state, ticket, ticket->slot);
  return ticket->held ? LKS_KIND_NONE : refuse(state, ticket, latest);
}

static void spend(lks_state *state, const lks_wish *wish, lks_ticket *ticket) {
  ticket->spent = wish->quota && lks_quota_spend(&state->quota);
  ticket->expects = state->quota;
  if (ticket->spent) state->changed = true;
}

static lks_kind take(lks_state *state, const lks_windows *windows, const lks_wish *wish, lks_time now,
                     lks_ticket *ticket, lks_span *span) {
  *span = 0;
  if (wish->renews && ticket->held) return renew(state, windows, wish, now, ticket, span);
  *ticket = (lks_ticket){0};
  if (wish->unpaced) {
    ticket->held = lks_pace_record(state->pace, windows, now, now);
    hold(state, ticket, now);
    spend(state, wish, ticket);
    return LKS_KIND_NONE;
  }
  if (wish->quota) {
    lks_time probe = state->quota.probe;
    if (!lks_quota_admit(&state->quota, now, span)) return LKS_KIND_QUOTA_EXCEEDED;
    ticket->probing = state->quota.probe != probe;
    state->changed = state->changed || ticket->probing;
  }
  lks_time slot;
  if (windows->count > 0) now = present(wish, now, lks_pace_newest(state->pace));
  ticket->held = lks_pace_promise(state->pace, windows, now, now + wish->longest, &slot, &ticket->promise);
  *span = slot - now;
  if (ticket->held) {
    hold(state, ticket, slot);
    spend(state, wish, ticket);
    return LKS_KIND_NONE;
  }
  lks_state_give_back(state, ticket);
  return *span <= wish->longest ? LKS_KIND_NO_MEMORY : LKS_KIND_WOULD_WAIT;
}

lks_kind lks_state_take(lks_state *state, const lks_windows *windows, const lks_wish *wish, lks_time now,
                        lks_ticket *ticket, lks_span *span) {
  lks_throttle *throttle = &state->throttle;
  lks_windows learned = {.count = 0};
  if (windows->count == 0 && throttle->requests > 0) {
    lks_throttle_windows(throttle, now, &learned);
    state->changed = true;
    if (learned.count > 0) {
      add_uncounted(state, wish->uncounted, wish->ahead);
      learned.window[0].requests = throttle->requests;
    }
  }
  bool bound = learned.count > 0;
  lks_kind kind = take(state, bound ? &learned : windows, wish, now, ticket, span);
  ticket->bound = bound;
  if (bound && ticket->held && ticket->slot > throttle->used) throttle->used = ticket->slot;
  return kind;
}

/* Of requests that left before this one, those are thought to be under way that took not more than so often its time.
 */
#define SLOWER 4

static long long flying(const lks_state *state, lks_time now, lks_time sent) {
  lks_time since = sent - SLOWER * (now - sent);
  return now > since ? (long long)lks_pace_count(state->pace, since + 1, now) : 0;
}

bool lks_state_expected(const lks_state *known, const lks_ticket *ticket, lks_time now, lks_time sent,
                        const char *limit, const char *remaining, const char *reset, lks_quota *told) {
  *told = ticket->expects;
  if (!told->known || ticket->probing || !lks_quota_observe(told, now, now, 0, limit, remaining, reset)) return false;
  if (lks_quota_expected(&ticket->expects, told)) return true;
  return known != NULL && lks_quota_explains(&known->quota, flying(known, now, sent), told);
}

void lks_state_observe(lks_state *state, lks_time now, lks_time sent, const char *limit, const char *remaining,
                       const char *reset) {
  if (lks_quota_observe(&state->quota, now, sent, flying(state, now, sent), limit, remaining, reset))
    state->changed = true;
}

lks_span lks_state_look(const lks_ticket *ticket) {
  return lks_pace_is_movable(ticket->promise) ? LKS_PACE_LOOK : LKS_SPAN_MAX;
}

/* The service has refused the send of the ticket: what did it let pass? */
static void learn(lks_state *state, const lks_ticket *ticket, lks_time slot, lks_time now,
                  const lks_settlement *settlement) {
  lks_throttle *throttle = &state->throttle;
  state->changed = true;
  if (ticket->bound) {
    lks_pace_release(state->pace, slot);
    lks_throttle_lower(throttle, state->pace, slot, now);
    return;
  }
  if (!ticket->noted) { /* it was counted as passed when another one was refused; in whatever slot */
    lks_pace_release(state->pace, ticket->counted ? slot : lks_pace_newest(state->pace));
    lks_throttle_correct(throttle, -1);
  }
  add_uncounted(state, settlement->uncounted, settlement->ahead);
  lks_throttle_learn(throttle, state->pace, now, now + settlement->pause);
}

void lks_state_settle(lks_state *state, lks_ticket *ticket, lks_time now, const lks_settlement *settlement) {
  lks_time slot = ticket->slot;
  if (settlement->late > 0 && ticket->held) {
    slot += settlement->late;
    lks_pace_move(state->pace, ticket->slot, slot);
    ticket->held = false;
  }
  if (settlement->unused) lks_state_give_back(state, ticket);
  if (settlement->pause == 0) return;
  if (settlement->uncounted != NULL) learn(state, ticket, slot, now, settlement);
  lks_pace_pause(state->pace, now, now + settlement->pause);
}

bool lks_state_merge(lks_state *state, const lks_state *other) {
  lks_quota *mine = &state->quota;
  const lks_quota *theirs = &other->quota;
  lks_time probe = mine->probe > theirs->probe ? mine->probe : theirs->probe;
  if (theirs->known && (!mine->known || theirs->as_of > mine->as_of)) {
    *mine = *theirs;
    mine->probe = probe;
  } else if (theirs->known && theirs->as_of == mine->as_of && theirs->remaining == mine->remaining) {
    if (theirs->spent > mine->spent) mine->spent = theirs->spent;
  }
  lks_throttle_merge(&state->throttle, &other->throttle);
  state->changed = true;
  return lks_pace_merge(state->pace, other->pace);
}

bool lks_state_join(lks_state *state, const lks_state *own, bool untold, bool lost, lks_time now, int64_t lineage) {
  bool knows = own != NULL && lks_state_life(own, now) > 0;
  bool empty = state->lineage == 0, same = knows && !empty && own->lineage == state->lineage;
  /* What this process alone has counted, when it never met a failure, was not lost anywhere. */
  if (empty && knows && (own->lineage != 0 || untold) && lks_state_hold(own, now) > 0) lost = true;
  if (same && lks_state_is_before(state, own)) lost = true;
  if (empty || lost) {
    state->lineage = lineage;
    state->sequence = 0;
  }
  if (lost) {
    lks_pace_pause(state->pace, now, now + LKS_STATE_GATHER);
    state->changed = true;
  }
  if (!knows || (same && !untold && !lost)) return true;
  return lks_state_merge(state, own);
}

bool lks_state_matters(const lks_state *state, bool kept, lks_time now) {
  return (state->changed || lks_pace_changed(state->pace)) && (kept || lks_state_life(state, now) > 0);
}

bool lks_state_is_before(const lks_state *state, const lks_state *other) {
  return state->lineage == other->lineage && state->sequence < other->sequence;
}

lks_span lks_state_hold(const lks_state *state, lks_time now) {
  lks_time end = lks_pace_end(state->pace), throttled = lks_throttle_end(&state->throttle);
  if (throttled > end) end = throttled;
  return end > now ? end - now : 0;
}

lks_span lks_state_life(const lks_state *state, lks_time now) {
  lks_span hold = lks_state_hold(state, now), quota = 0;
  if (state->quota.known) quota = state->quota.as_of + LKS_QUOTA_PERIOD_MAX - now;
  return quota > hold ? quota : hold;
}
