/* Sliding windows by slot reservation.
 *
 * With windows {n, per} the k-th send may go at max(now, paused_until, t[k-1], max over windows of t[k-n] + per), t
 * being the earlier slots in ascending order. Any interval of length `per` then holds at most n slots, at full use,
 * first come first served, and only the slots of the longest window need to be kept. Answers with an instant; never
 * waits itself.
 *
 * Callers with different windows may share one history; each is held to its own. Slots are kept as long as the longest
 * window any caller has had so far (the "longest window" below; 60 s before there is one) can reach them, and a little
 * longer, for those whose clocks are behind. Of what was dropped before a still longer window came, only the newest is
 * known: where such a window needs a slot that is gone, that one stands for it, so that the newcomer may wait too long
 * once, but never sends too early. The same holds past twice as many slots as the largest window so far has requests, a
 * bound on memory: whatever is sent beside the windows, a history stays as large as they make it. Before the first
 * caller with windows nothing is kept.
 *
 * A slot that lies ahead can be had as a promise: whoever waits for it confirms it when it has come. One that nobody
 * confirms (its holder was ended, and could not say so) counts no longer LKS_PACE_GRACE after it, and those who wait
 * behind it move up. They learn of it by looking, every LKS_PACE_LOOK. Where one is gone many may be, as when a worker
 * was killed; and before somebody has to wait long, those before him should be there: so the roll is called, and of
 * those who do not look within LKS_PACE_ROLL_CALL no promise counts any more, however far ahead it lies. A promise that
 * no other stood before is not moved and not called, so that who waits alone need not look.
 *
 * `windows` must be valid (see the fields). Instants are clamped to [-LKS_TIME_MAX, LKS_TIME_MAX]. */
#ifndef LKS_PACE_H
#define LKS_PACE_H

#include "timestamp.h"

#define LKS_WINDOWS_MAX 8
#define LKS_WINDOW_REQUESTS_MAX 10000
#define LKS_PACE_HISTORY_MAX ((size_t)2 * LKS_WINDOW_REQUESTS_MAX)

typedef struct lks_window {
  unsigned requests; /* 1 to LKS_WINDOW_REQUESTS_MAX */
  lks_span per;      /* above 0, at most LKS_SPAN_MAX before the margin, which is already in it */
} lks_window;

typedef struct lks_windows {
  unsigned count; /* up to LKS_WINDOWS_MAX; 0: no window, only pauses hold */
  lks_window window[LKS_WINDOWS_MAX];
} lks_windows;

typedef struct lks_pace lks_pace;

/* The name of a promised slot, wherever it is moved; 0: none. */
typedef int64_t lks_promise;

#define LKS_PACE_GRACE LKS_SECOND
#define LKS_PACE_LOOK LKS_SECOND
#define LKS_PACE_ROLL_CALL (5 * LKS_SECOND / 2)
/* What is a long wait, and how often the roll is called for it. */
#define LKS_PACE_LONG (5 * LKS_SECOND)
#define LKS_PACE_ROLL_EVERY (10 * LKS_SECOND)

/* What one of `sharers` may send that do not know of each other, so that all of them together keep to the windows. */
void lks_windows_share(lks_windows *windows, unsigned sharers);

/* An empty history; NULL when out of memory. */
lks_pace *lks_pace_new(void);
/* NULL is a no-op. */
void lks_pace_free(lks_pace *pace);

/* Takes the next slot, the earliest that a send may have, if it lies at or before `latest`. *slot receives it, or the
 * slot that was refused. Returns false when refused or out of memory (then *slot is `now` and nothing was taken; tell
 * by *slot <= latest).
 *
 * A clock that steps back by more than the longest window since the call before moves the history and the pause along
 * with it: what was recorded lies in the past, whatever the new clock calls it. A smaller step is taken for
 * disagreement between clocks and waited out. A step forward cannot be told from an idle time. This holds for every
 * function that takes `now`. */
bool lks_pace_reserve(lks_pace *pace, const lks_windows *windows, lks_time now, lks_time latest, lks_time *slot);

/* The same; a slot that lies ahead is only promised, under the name *promise. */
bool lks_pace_promise(lks_pace *pace, const lks_windows *windows, lks_time now, lks_time latest, lks_time *slot,
                      lks_promise *promise);

/* Where a promised slot lies by now; it moves up where one before it was given back. Its holder has answered the roll,
 * for which *promise may get another name. False: it is none any more. */
bool lks_pace_look(lks_pace *pace, const lks_windows *windows, lks_time now, lks_promise *promise, lks_time *slot);

/* Whether it may be moved up, so that its holder has to look. */
bool lks_pace_is_movable(lks_promise promise);

/* The slot that was promised is taken for good. False: it is none any more. */
bool lks_pace_confirm(lks_pace *pace, lks_promise promise);

/* Gives a promised slot back. False: it is none any more. */
bool lks_pace_withdraw(lks_pace *pace, lks_promise promise);

/* Records a send at `time` whatever the windows say (pacing "off" is still counted). False when out of memory. */
bool lks_pace_record(lks_pace *pace, const lks_windows *windows, lks_time now, lks_time time);

/* Gives back a slot whose request was certainly not sent. Slots already promised to others stay as they are. A slot
 * that is not in the history (out of reach of every window, or promised before the clock was set back) is ignored:
 * false. */
bool lks_pace_release(lks_pace *pace, lks_time slot);

/* The send of `slot` really left at `time`, later than planned. A slot that is not in the history is recorded anew. */
void lks_pace_move(lks_pace *pace, lks_time slot, lks_time time);

/* The holder of `slot` has waited for it and is about to send: asks whether the history, as it has become meanwhile,
 * still allows that. Others may have left later than their slots said, and the service may have asked for a pause.
 * On true *renewed is the slot now held, the earliest behind what was sent and promised before it, usually `now`
 * itself; promises behind it are put off, in their order, where the windows want it. On false nothing is held any more:
 * it lies after `latest`, or memory ran out (then *renewed is `now`). *promise: 0, or the promise that the slot is;
 * afterwards as of lks_pace_promise. A slot that is not in the history any more is taken anew, behind all others. */
bool lks_pace_renew(lks_pace *pace, const lks_windows *windows, lks_time now, lks_time slot, lks_time latest,
                    lks_time *renewed, lks_promise *promise);

/* Whether nothing that became known since forbids `slot`, which has come and stays as it is: it is in the history (as
 * that promise; 0: taken for good), and neither a pause nor the slots before it say otherwise. */
bool lks_pace_holds(lks_pace *pace, const lks_windows *windows, lks_time now, lks_time slot, lks_promise promise);

/* No slot before `until`. An earlier pause never shortens a later one. */
void lks_pace_pause(lks_pace *pace, lks_time now, lks_time until);

/* From this instant on an empty history would answer the same to every caller whose windows are no longer than the
 * longest so far. May lie long past. */
lks_time lks_pace_end(const lks_pace *pace);

/* Makes `pace` a copy of `other`, not changed so far. False, `pace` staying as it was, when out of memory. */
bool lks_pace_copy(lks_pace *pace, const lks_pace *other);

/* Adds what `other`, a history by the same clock, knows besides: a slot that stands in both is one send, the later
 * pause holds. False, `pace` staying as it was, when out of memory. */
bool lks_pace_merge(lks_pace *pace, const lks_pace *other);

/* Adds the slots of `other`, a history by a clock that is `ahead` behind that of `pace`. False, `pace` staying as it
 * was, when out of memory. */
bool lks_pace_add(lks_pace *pace, const lks_pace *other, lks_span ahead);

/* Whether slots that are taken from now on are kept. */
bool lks_pace_keeps(const lks_pace *pace);

/* Whether no slot is kept. */
bool lks_pace_is_empty(const lks_pace *pace);

/* Forgets the slots. */
void lks_pace_empty(lks_pace *pace);

/* How many slots lie from `from` to `to`, both included. */
size_t lks_pace_count(const lks_pace *pace, lks_time from, lks_time to);

/* Whether it says anything that it did not when it was made or read; the time that has passed is nothing. */
bool lks_pace_changed(const lks_pace *pace);

/* The newest slot kept, -LKS_TIME_MAX when there is none. */
lks_time lks_pace_newest(const lks_pace *pace);

/* The oldest slot kept, LKS_TIME_MAX when there is none. */
lks_time lks_pace_oldest(const lks_pace *pace);

#endif
