/* The call machine: everything between "the user asked" and "here is the result", without doing any of it.
 *
 *   for (;;) {
 *     lks_action action = lks_call_next(call, now());
 *     carry_out(action.effects);
 *     switch (action.kind) {
 *     case LKS_ACTION_KEY:    lks_call_key(...) or lks_call_refuse(...);                       break;
 *     case LKS_ACTION_PACE:   ask the limiter; lks_call_grant(...), _later(...) or _refuse(...); break;
 *     case LKS_ACTION_WAIT:   sleep(action.span);                                              break;
 *     case LKS_ACTION_SEND:   send within action.span; lks_call_response(...) or _failure(...); break;
 *     case LKS_ACTION_DONE:
 *     case LKS_ACTION_FAILED: read the result;                                                 return;
 *     }
 *   }
 *
 * The machine holds no socket, clock, randomness or lua_State: `now` and `chance` (uniform in [0, 1)) are arguments.
 * A driver may call lks_call_next as often as it likes; the answer changes only with time or with what it is told.
 * SEND is said once per attempt: while a request is out, the answer is to wait for what is left of the attempt.
 *
 * Time may jump. A step forward can only end the call early; a step back is taken for no time at all, so that no wait
 * and no deadline grows by it. */
#ifndef LKS_CALL_H
#define LKS_CALL_H

#include "budget.h"
#include "error.h"
#include "evidence.h"
#include "key.h"
#include "retry.h"
#include "secrets.h"
#include "service.h"
#include "timestamp.h"

typedef struct lks_call lks_call;

typedef enum lks_pacing { LKS_PACING_WAIT, LKS_PACING_FAIL, LKS_PACING_OFF } lks_pacing;

/* What bounds a call. */
typedef struct lks_limits {
  lks_span timeout;         /* whole call; 0 or less: it fails before anything is sent */
  lks_span attempt_timeout; /* likewise */
  unsigned max_retries;
  lks_pacing pacing;
} lks_limits;

typedef struct lks_call_options {
  const lks_operation *operation; /* borrowed for the life of the call */
  lks_retry_class retry;          /* the operation's, unless the caller knows better (a slug, client:request) */
  bool writes;                    /* under LKS_RETRY_SAFE: not a mere read after all, so its outcome matters */
  lks_slug slug;                  /* under LKS_RETRY_KEYED: who can hold the slug it carries */
  lks_limits limits;
  lks_span late;      /* a request that leaves later than its slot by more than this is announced: LKS_EFFECT_MOVE */
  bool key_renewable; /* ask for the key again, once after a 401 and once when it has expired */
  lks_budget *budget; /* borrowed for the life of the call; NULL: no budget */
  const lks_secrets *secrets; /* that no text of the result may hold; borrowed for the life of the call; NULL: none */
} lks_call_options;

typedef enum lks_action_kind {
  LKS_ACTION_KEY,  /* the key is needed: span is the time left */
  LKS_ACTION_PACE, /* a slot is needed: span is the longest acceptable wait for it (0 unless pacing is "wait") */
  LKS_ACTION_WAIT, /* nothing to do for span */
  LKS_ACTION_SEND, /* send the request now; span is the limit of this attempt */
  LKS_ACTION_DONE,
  LKS_ACTION_FAILED
} lks_action_kind;

/* What the driver owes the limiter; each is announced once. */
enum {
  LKS_EFFECT_RELEASE = 1, /* the slot was not used: give it back */
  LKS_EFFECT_MOVE = 2,    /* the request left later than its slot by lks_call_lateness */
  LKS_EFFECT_PAUSE = 4    /* the service asked everyone to stay away for lks_call_pause: a day at most */
};

typedef struct lks_action {
  lks_action_kind kind;
  unsigned effects;
  lks_span span;
} lks_action;

/* NULL when out of memory. The deadline is now + timeout. */
lks_call *lks_call_new(const lks_call_options *options, lks_time now);
/* NULL is a no-op. A slot still held is not given back: run the machine to its end, or lks_call_abort it first. */
void lks_call_free(lks_call *call);

lks_action lks_call_next(lks_call *call, lks_time now);

/* Answers to KEY. Retains `key`. After a 401 a key equal to the refused one ends the call. */
void lks_call_key(lks_call *call, lks_time now, lks_key *key);
/* The key the next attempt is sent with; NULL before there is one. Borrowed, valid until the next lks_call_key or
 * _free. */
lks_key *lks_call_current_key(const lks_call *call);

/* Answers to PACE: the slot is `wait` away; below 0: it has come so long ago, as the answer was under way. One that
 * lies beyond the deadline after all is given back, and the call ends as if refused with WOULD_WAIT. When a slot that
 * was waited for has come, PACE is said once more while it is held, for others may have left late, or a pause may have
 * been asked for, since it was promised: the answer is a new grant, with 0 when the slot holds. */
void lks_call_grant(lks_call *call, lks_time now, lks_span wait);
/* After a grant: PACE is to be said once more `after` that, while the slot is held and has not come, for it may lie
 * nearer by then. */
void lks_call_look(lks_call *call, lks_span after);
/* After a grant of a slot that was only promised: PACE is said once more when it has come, also where it came while the
 * answer was under way, so that nothing needed to be waited for. */
void lks_call_promised(lks_call *call);
/* Answers to PACE: no answer yet, so it is said again after `wait`. A slot that is held stays so. When that lies beyond
 * the deadline, the call ends as if refused with WOULD_WAIT. */
void lks_call_later(lks_call *call, lks_time now, lks_span wait);
/* Answers to KEY and PACE: it cannot be had. kind is UNAUTHENTICATED, WOULD_WAIT, QUOTA_EXCEEDED, STORE or what else
 * stopped the driver; `retry_after` below 0 when not known; `message` is copied, NULL gives a standard one. After an
 * attempt the failure of that attempt stays the result of the call, since it is what happened; why no other key could
 * be had is added to its message. */
void lks_call_refuse(lks_call *call, lks_time now, lks_kind kind, lks_span retry_after, const char *message);

typedef enum lks_body { LKS_BODY_NONE, LKS_BODY_JSON, LKS_BODY_GARBAGE } lks_body;

typedef struct lks_response {
  int status;
  lks_body body;
  const char
      *retry_after;     /* header value or NULL; as all that is pointed to here, borrowed while the answer is taken */
  lks_span connected;   /* how long the attempt took before the request began to leave; 0 when not known */
  lks_refusal refusal;  /* of a 4xx or 5xx */
  lks_span quota_reset; /* until the monthly quota starts anew; below 0 when not known */
} lks_response;

/* Answers to SEND. Strings are copied. An answer is never thrown away for being late. */
void lks_call_response(lks_call *call, lks_time now, double chance, const lks_response *response);

typedef struct lks_failure {
  lks_kind kind; /* CONNECT, TLS, NETWORK, TIMEOUT, TOO_LARGE, BAD_RESPONSE, or PHASE and CONFIG (never sent) */
  bool sent;
  bool permanent;
  int status;          /* where a status line was received before the failure, else 0: a refusal stays one */
  const char *message; /* copied; may be NULL */
} lks_failure;

void lks_call_failure(lks_call *call, lks_time now, double chance, const lks_failure *failure);

/* Of the attempt that is out: the transport sent it so many more times by itself. Ignored while none is out. */
void lks_call_resent(lks_call *call, unsigned times);

/* Ends the call wherever it is. `sent`: whether some byte of a request that is out may have reached the service, so
 * that its outcome is unknown; without one that is out it says nothing. */
void lks_call_abort(lks_call *call, lks_time now, lks_kind kind, bool sent, const char *message);

/* With LKS_EFFECT_MOVE and LKS_EFFECT_PAUSE: valid until the next lks_call_next. */
lks_span lks_call_lateness(const lks_call *call);
lks_span lks_call_pause(const lks_call *call);

/* The result, once DONE or FAILED. Pointers are borrowed from the call until it is freed; strings may be NULL. They
 * hold neither the key nor another secret of the call, whoever said them. */
typedef struct lks_result {
  lks_kind kind; /* LKS_KIND_NONE: DONE */
  lks_outcome outcome;
  lks_source source;
  int status;
  const char *code;
  const char *message;  /* lks_kind_text where nobody said anything */
  lks_span retry_after; /* below 0: not known */
  lks_span elapsed;
  bool recovered; /* the answer, a refusal, showed that an attempt before it, or an earlier call, had been applied */
  const lks_attempt *attempts;
  size_t attempt_count;
} lks_result;

void lks_call_result(const lks_call *call, lks_result *result);
/* Attempts begun so far, the running one included. */
size_t lks_call_attempt_count(const lks_call *call);
/* When the last attempt began, by the clock as it said `now` last. */
lks_time lks_call_attempt_began(const lks_call *call);
lks_time lks_call_deadline(const lks_call *call);
/* The latest `now`. */
lks_time lks_call_now(const lks_call *call);
/* Whether a slot is held that was not used yet: under PACE, one that was waited for. */
bool lks_call_holds_slot(const lks_call *call);
/* Whether SEND was said and the attempt has not ended: the one time at which the request may be sent. */
bool lks_call_is_sending(const lks_call *call);
/* The wait announced last was one between attempts, not one for a slot: for events. */
bool lks_call_is_retrying(const lks_call *call);
/* Whether a slot is waited for, and when it comes. */
bool lks_call_awaits_slot(const lks_call *call, lks_time *slot);
/* Whether a slot is held that has come. */
bool lks_call_slot_came(const lks_call *call);
/* Whether the call only reads, so that no outcome of it can have changed anything. */
bool lks_call_is_reading(const lks_call *call);
/* As given to lks_call_new. */
const lks_operation *lks_call_operation(const lks_call *call);
lks_pacing lks_call_pacing(const lks_call *call);
/* The option: how much later than its slot a request may leave without a word. */
lks_span lks_call_late(const lks_call *call);

#endif
