/* What is known about one key: its windows, the pauses the service asked for, and the monthly quota. One set of rules,
 * wherever the state is kept: in this process (memory_store.h), or elsewhere as bytes (state_bytes.h). Instants are
 * those of one clock, that of the place where the state is kept. */
#ifndef LKS_STATE_H
#define LKS_STATE_H

#include "error.h"
#include "pace.h"
#include "quota.h"
#include "throttle.h"

typedef struct lks_state {
  lks_pace *pace;        /* owned; never NULL */
  lks_throttle throttle; /* for those without windows */
  lks_quota quota;
  int64_t lineage;  /* which memory this is: a place that lost its state and began anew has another. 0: none yet */
  int64_t sequence; /* how often it was changed there; 0 or more */
  bool changed;     /* it says what the bytes that it was read from do not. Not part of those */
} lks_state;

/* A state in which nothing happened yet; NULL when out of memory. */
lks_state *lks_state_new(void);
/* NULL is a no-op. */
void lks_state_free(lks_state *state);
/* For a state that is part of something else. False when out of memory. */
bool lks_state_init(lks_state *state);
void lks_state_clear(lks_state *state);

/* Makes `state` a copy of `other`, which says nothing new so far (see lks_state_matters). False, `state` staying as it
 * was, when out of memory. */
bool lks_state_copy(lks_state *state, const lks_state *other);

/* What a call holds of a state. Zero-initialise. */
typedef struct lks_ticket {
  lks_time slot;
  lks_promise promise; /* the slot lies ahead, and is to be confirmed when it has come; 0: it is taken for good */
  bool held;
  bool counted;      /* the slot stands in the history, whose sends a 429 is measured by */
  bool bound;        /* by a window that the state has learned: also of one that holds nothing */
  bool noted;        /* the send stood in the client's own history, from which it was taken when it was refused */
  bool probing;      /* it is the one that asks whether the quota has reset */
  bool spent;        /* it was counted in the quota */
  lks_quota expects; /* the quota as it is known with that */
} lks_ticket;

/* What a slot is asked for. */
typedef struct lks_wish {
  lks_span longest; /* acceptable wait */
  bool renews;      /* the ticket holds a slot that was waited for: it has come, or it is time to look */
  bool estimated;   /* `now` is only thought to be what the clock says: LKS_STATE_JITTER */
  bool unpaced;     /* goes out whatever the windows and the quota say, and is only counted */
  bool quota;       /* a success takes one from the monthly quota */
  lks_span late;    /* a slot that has come is left as it is for so long, if it still is one */
  /* What a client without windows sent that no state counts, and how far its clock is behind the state's. Taken up
   * where the ticket is bound. NULL: it has windows. */
  const lks_pace *uncounted;
  lks_span ahead;
} lks_wish;

/* The clock of a place that has its own is known to within this, in either direction: no send is held up because of it
 * when the slot before was given by a better guess. */
#define LKS_STATE_JITTER (LKS_SECOND / 50)

/* Takes a slot for a send, or, under `renews`, looks whether the one that has come still is one: others may have left
 * late, or a pause may have been asked for; or whether the one that is waited for lies nearer by now. Otherwise what
 * the ticket held before is past. LKS_KIND_NONE: granted,
 * *span is the wait for it. Otherwise the ticket holds nothing and *span is the time after which it is worth asking
 * again: LKS_KIND_WOULD_WAIT, LKS_KIND_QUOTA_EXCEEDED or LKS_KIND_NO_MEMORY. */
lks_kind lks_state_take(lks_state *state, const lks_windows *windows, const lks_wish *wish, lks_time now,
                        lks_ticket *ticket, lks_span *span);

/* How long the holder of a ticket may wait for its slot before it looks again; LKS_SPAN_MAX: until it has come. */
lks_span lks_state_look(const lks_ticket *ticket);

/* Whether an answer told of the quota what the ticket let expect, or what all that was let through since explains, so
 * that nobody need hear of it. `known`: what this process remembers of the state by now, NULL: nothing. The next
 * arguments as of lks_quota_observe, the times by the clock of the state. *told: the quota as it is known then. */
bool lks_state_expected(const lks_state *known, const lks_ticket *ticket, lks_time now, lks_time sent,
                        const char *limit, const char *remaining, const char *reset, lks_quota *told);

/* Takes in what an answer told of the quota to a request that left at `sent`; see lks_quota_observe. */
void lks_state_observe(lks_state *state, lks_time now, lks_time sent, const char *limit, const char *remaining,
                       const char *reset);

/* The request of the ticket was certainly not sent. An empty ticket is ignored. */
void lks_state_give_back(lks_state *state, lks_ticket *ticket);

/* What an attempt came to, for the state. */
typedef struct lks_settlement {
  bool unused;               /* the request was certainly not sent */
  lks_span late;             /* it left so long after its slot; 0 when in time */
  lks_span pause;            /* the service asked everyone to stay away for so long; 0: it did not */
  const lks_pace *uncounted; /* as in a wish: a pause tells what passes. NULL: nothing is learned */
  lks_span ahead;
} lks_settlement;

/* Settles a ticket, which is empty afterwards where it was used up. */
void lks_state_settle(lks_state *state, lks_ticket *ticket, lks_time now, const lks_settlement *settlement);

/* Makes one of two states of the same clock: what was sent by either counts once, the later pause holds, the newer
 * quota stands. For what a place forgot and a process remembers. False, `state` being in part merged, when out of
 * memory. */
bool lks_state_merge(lks_state *state, const lks_state *other);

/* How long nobody is given a slot after a place lost its state: those who remember tell it meanwhile. */
#define LKS_STATE_GATHER (INT64_C(3) * LKS_SECOND)

/* Takes up what a place keeps, as it was read (a state without a lineage: it keeps nothing), together with what this
 * process remembers of it (`own`; NULL or empty: nothing). A place that keeps nothing begins with `lineage`, not 0. It
 * has lost what it kept when `own` was kept there and holds anyone back, or came to be while it was out of reach
 * (`untold`: the place was not told all of it), and when it is further behind than `own`; or when `lost` says so. (A
 * quota alone may be forgotten: the next answer tells it.) Then it begins with `lineage` as
 * well, so that everyone tells it what they remember, and gives no slot for LKS_STATE_GATHER. False when out of memory.
 */
bool lks_state_join(lks_state *state, const lks_state *own, bool untold, bool lost, lks_time now, int64_t lineage);

/* Whether it says what the bytes that it was read from do not, and anyone would miss it at `now`. `kept`: there were
 * such bytes. */
bool lks_state_matters(const lks_state *state, bool kept, lks_time now);

/* Whether `other` is what became of the state, in the same lineage. */
bool lks_state_is_before(const lks_state *state, const lks_state *other);

/* How long from `now` forgetting the state would make a difference; 0 when it would make none. */
lks_span lks_state_life(const lks_state *state, lks_time now);

/* How long from `now` it holds anyone back: slots taken, pauses, and what was learned of a throttle, but not a quota.
 */
lks_span lks_state_hold(const lks_state *state, lks_time now);

#endif
