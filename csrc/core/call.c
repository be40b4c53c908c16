#include "call.h"

#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "retry_after.h"

#define CODE_MAX 64
/* Some gateway's nonsense must not stop everyone for years. */
#define PAUSE_MAX (INT64_C(86400) * LKS_SECOND)
#define EXPIRED "the key has expired (the expired_time or exp of its claims has passed)"
#define EITHER "the slug is taken: by this call's own attempt whose answer was lost, or by somebody else's link"

typedef enum state {
  STATE_READY, /* check deadline and key, then pace */
  STATE_KEY,
  STATE_PACE,
  STATE_WAIT_SLOT,
  STATE_WAIT_PACE, /* until PACE is said again */
  STATE_WAIT_RETRY,
  STATE_SENT,
  STATE_DONE,
  STATE_FAILED
} state;

struct lks_call {
  lks_call_options options;
  state state;
  lks_key *key;
  bool key_asked_expired;
  bool key_asked_refused;

  lks_time began;
  lks_time deadline;
  lks_time seen;  /* latest `now`; a smaller one means the clock stepped back */
  lks_time until; /* of the wait, or the end of the attempt */
  lks_time idle_since;
  lks_time attempt_began;
  lks_span elapsed;

  bool slot_held;
  bool slot_waited;
  lks_time slot;
  lks_time look; /* when to ask whether the slot lies nearer by now; the slot itself: not before it has come */
  unsigned effects;
  lks_span lateness;
  lks_time pause_until;

  unsigned retries;
  bool maybe_applied;
  bool recovered;

  lks_kind kind;
  lks_source source;
  int status;
  lks_span retry_after;
  char *message;
  char *code;

  lks_attempt *attempts;
  size_t attempt_count;
  size_t attempt_capacity;
};

static lks_span bounded(lks_span span) {
  if (span < 0) return 0;
  return span > LKS_SPAN_MAX ? LKS_SPAN_MAX : span;
}

lks_call *lks_call_new(const lks_call_options *options, lks_time now) {
  lks_call *call = calloc(1, sizeof *call);
  if (call == NULL) return NULL;
  call->options = *options;
  call->began = call->seen = call->idle_since = now;
  call->deadline = now + bounded(options->limits.timeout);
  call->retry_after = -1;
  call->source = LKS_LOCAL;
  return call;
}

void lks_call_free(lks_call *call) {
  if (call == NULL) return;
  lks_key_free(call->key);
  free(call->message);
  free(call->code);
  free(call->attempts);
  free(call);
}

static void advance(lks_call *call, lks_time now) {
  if (now < call->seen) {
    lks_span step = now - call->seen;
    call->began += step;
    call->deadline += step;
    call->until += step;
    call->idle_since += step;
    call->attempt_began += step;
    call->slot += step;
    call->look += step;
    call->pause_until += step;
  }
  call->seen = now;
}

static char *copy_said(const lks_call *call, const char *text, size_t maximum) {
  return lks_message_clean(text, maximum, call->options.secrets, call->key);
}

static void set_failure(lks_call *call, lks_kind kind, lks_source source, int status, const char *code,
                        const char *message) {
  free(call->message);
  free(call->code);
  call->kind = kind;
  call->source = source;
  call->status = status;
  call->code = copy_said(call, code, CODE_MAX);
  call->message = copy_said(call, message, LKS_MESSAGE_MAX);
}

static void drop_slot(lks_call *call) {
  if (call->slot_held) call->effects |= LKS_EFFECT_RELEASE;
  call->slot_held = false;
}

static void finish(lks_call *call, state last) {
  drop_slot(call);
  call->elapsed = call->seen - call->began;
  call->state = last;
}

/* Ends before another attempt could begin: what an earlier attempt met stays the result. */
static void stop(lks_call *call, lks_kind kind, lks_span retry_after, const char *message) {
  if (call->attempt_count == 0) set_failure(call, kind, LKS_LOCAL, 0, NULL, message);
  if (retry_after >= 0) call->retry_after = retry_after;
  finish(call, STATE_FAILED);
}

static bool out_of_time(lks_call *call) {
  if (call->seen < call->deadline) return false;
  stop(call, LKS_KIND_TIMEOUT, -1, "the deadline passed before anything was sent");
  return true;
}

static lks_action act(lks_call *call, lks_action_kind kind, lks_span span) {
  lks_action action = {kind, call->effects, span};
  call->effects = 0;
  return action;
}

static bool begin_attempt(lks_call *call) {
  if (call->attempt_count == call->attempt_capacity) {
    size_t capacity = call->attempt_capacity == 0 ? 4 : call->attempt_capacity * 2;
    lks_attempt *attempts = realloc(call->attempts, capacity * sizeof *attempts);
    if (attempts == NULL) return false;
    call->attempts = attempts;
    call->attempt_capacity = capacity;
  }
  lks_attempt *attempt = &call->attempts[call->attempt_count++];
  memset(attempt, 0, sizeof *attempt);
  attempt->wait = call->seen - call->idle_since;
  call->attempt_began = call->seen;
  return true;
}

static void check_key(lks_call *call) {
  if (call->key == NULL) {
    call->state = STATE_KEY;
  } else if (!lks_key_expired(call->key, call->seen)) {
    call->state = STATE_PACE;
  } else if (call->options.key_renewable && !call->key_asked_expired) {
    call->key_asked_expired = true;
    call->state = STATE_KEY;
  } else {
    stop(call, LKS_KIND_UNAUTHENTICATED, -1, EXPIRED);
  }
}

static lks_action send_now(lks_call *call) {
  lks_span left = call->deadline - call->seen;
  lks_span limit = bounded(call->options.limits.attempt_timeout);
  if (limit > left) limit = left;
  if (limit == 0) {
    stop(call, LKS_KIND_TIMEOUT, -1, "attempt_timeout leaves no time to send anything");
    return act(call, LKS_ACTION_FAILED, 0);
  }
  if (!begin_attempt(call)) {
    stop(call, LKS_KIND_NO_MEMORY, -1, "out of memory");
    return act(call, LKS_ACTION_FAILED, 0);
  }
  call->until = call->seen + limit;
  call->state = STATE_SENT;
  return act(call, LKS_ACTION_SEND, limit);
}

/* A slot at the deadline itself would be waited for in vain. */
static lks_span longest_wait(const lks_call *call) {
  return call->options.limits.pacing == LKS_PACING_WAIT ? call->deadline - call->seen - 1 : 0;
}

lks_action lks_call_next(lks_call *call, lks_time now) {
  advance(call, now);
  for (;;) {
    switch (call->state) {
    case STATE_READY:
      if (!out_of_time(call)) check_key(call);
      break;
    case STATE_KEY:
      if (out_of_time(call)) break;
      return act(call, LKS_ACTION_KEY, call->deadline - now);
    case STATE_PACE:
      if (out_of_time(call)) break;
      return act(call, LKS_ACTION_PACE, longest_wait(call));
    case STATE_WAIT_SLOT:
      if (out_of_time(call)) break;
      if (call->slot >= call->deadline) {
        stop(call, LKS_KIND_WOULD_WAIT, call->slot - now, "the next free slot lies beyond the deadline");
        break;
      }
      if (now < call->slot) {
        call->slot_waited = true;
        if (now < call->look) return act(call, LKS_ACTION_WAIT, call->look - now);
        call->state = STATE_PACE;
        break;
      }
      if (lks_key_expired(call->key, now)) {
        drop_slot(call);
        call->state = STATE_READY;
      } else if (call->slot_waited) {
        call->state = STATE_PACE;
      } else {
        return send_now(call);
      }
      break;
    case STATE_WAIT_PACE:
      if (out_of_time(call)) break;
      if (now < call->until) return act(call, LKS_ACTION_WAIT, call->until - now);
      call->state = STATE_PACE;
      break;
    case STATE_WAIT_RETRY:
      if (now < call->until) return act(call, LKS_ACTION_WAIT, call->until - now);
      call->retry_after = -1; /* waited out */
      call->state = STATE_READY;
      break;
    case STATE_SENT: return act(call, LKS_ACTION_WAIT, now < call->until ? call->until - now : 0);
    case STATE_DONE: return act(call, LKS_ACTION_DONE, 0);
    case STATE_FAILED: return act(call, LKS_ACTION_FAILED, 0);
    }
  }
}

void lks_call_key(lks_call *call, lks_time now, lks_key *key) {
  advance(call, now);
  if (call->state != STATE_KEY) return;
  bool same = call->key != NULL && lks_key_equal(call->key, key);
  if (same) {
    /* Either the service refused it (the 401 is the result already) or it has expired. */
    stop(call, LKS_KIND_UNAUTHENTICATED, -1, EXPIRED);
    return;
  }
  lks_key_free(call->key);
  call->key = lks_key_retain(key);
  call->state = STATE_READY;
}

lks_key *lks_call_current_key(const lks_call *call) {
  return call->key;
}

void lks_call_grant(lks_call *call, lks_time now, lks_span wait) {
  advance(call, now);
  if (call->state != STATE_PACE) return;
  if (wait < -LKS_SPAN_MAX) wait = -LKS_SPAN_MAX;
  call->slot = now + (call->options.limits.pacing == LKS_PACING_OFF ? 0 : wait < 0 ? wait : bounded(wait));
  call->look = call->slot;
  call->slot_held = true;
  call->slot_waited = false;
  call->state = STATE_WAIT_SLOT;
}

void lks_call_look(lks_call *call, lks_span after) {
  if (call->state == STATE_WAIT_SLOT && after < call->slot - call->seen) call->look = call->seen + after;
}

void lks_call_promised(lks_call *call) {
  if (call->state == STATE_WAIT_SLOT) call->slot_waited = true;
}

void lks_call_later(lks_call *call, lks_time now, lks_span wait) {
  advance(call, now);
  if (call->state != STATE_PACE) return;
  call->until = now + bounded(wait);
  call->state = STATE_WAIT_PACE;
  if (call->until >= call->deadline)
    stop(call, LKS_KIND_WOULD_WAIT, bounded(wait), "no slot was to be had before the deadline");
}

/* Makes the message of two, one of which it was. Out of memory it stays as it was. */
static void join_message(lks_call *call, const char *first, const char *second) {
  char *message = lks_message_join(first, second);
  if (message == NULL) return;
  free(call->message);
  call->message = message;
}

void lks_call_refuse(lks_call *call, lks_time now, lks_kind kind, lks_span retry_after, const char *message) {
  advance(call, now);
  if (call->state != STATE_PACE && call->state != STATE_KEY) return;
  if (call->state == STATE_KEY && call->attempt_count > 0) {
    char *said = copy_said(call, message, LKS_MESSAGE_MAX);
    join_message(call, call->message, said);
    free(said);
  }
  stop(call, kind, retry_after, message);
}

static bool may_retry(lks_call *call, const lks_attempt *attempt) {
  if (call->retries >= call->options.limits.max_retries) return false;
  return lks_retry_legal(call->options.retry, attempt);
}

static bool schedule_retry(lks_call *call, lks_span wait) {
  if (wait >= call->deadline - call->seen) return false;
  if (call->options.budget != NULL && !lks_budget_spend(call->options.budget, call->seen)) return false;
  call->retries++;
  call->until = call->seen + wait;
  call->state = STATE_WAIT_RETRY;
  return true;
}

static void succeed(lks_call *call, int status) {
  set_failure(call, LKS_KIND_NONE, LKS_REMOTE, status, NULL, NULL);
  call->retry_after = -1;
  if (call->options.budget != NULL) lks_budget_refund(call->options.budget, call->retries > 0);
  finish(call, STATE_DONE);
}

/* Closes the running attempt; false when there is none. */
static lks_attempt *end_attempt(lks_call *call, lks_time now, lks_span connected, bool sent) {
  advance(call, now);
  if (call->state != STATE_SENT) return NULL;
  lks_attempt *attempt = &call->attempts[call->attempt_count - 1];
  attempt->elapsed = call->seen - call->attempt_began;
  attempt->sent = sent;
  call->idle_since = call->seen;
  if (!sent) {
    drop_slot(call);
  } else if (call->slot_held) {
    call->slot_held = false;
    if (connected > attempt->elapsed) connected = attempt->elapsed;
    call->lateness = call->attempt_began + (connected > 0 ? connected : 0) - call->slot;
    if (call->lateness > call->options.late) call->effects |= LKS_EFFECT_MOVE;
  }
  return attempt;
}

static void decide(lks_call *call, double chance, const lks_attempt *attempt, lks_span told) {
  if (lks_attempt_outcome(attempt) == LKS_UNKNOWN) call->maybe_applied = true;
  lks_span wait = told > 0 ? told : lks_retry_backoff(call->retries, chance);
  if (attempt->kind == LKS_KIND_RATE_LIMITED) {
    call->pause_until = call->seen + (wait < PAUSE_MAX ? wait : PAUSE_MAX);
    call->effects |= LKS_EFFECT_PAUSE;
  }
  if (attempt->kind == LKS_KIND_UNAUTHENTICATED && call->options.key_renewable && !call->key_asked_refused) {
    call->key_asked_refused = true;
    call->state = STATE_KEY;
    return;
  }
  if (may_retry(call, attempt) && schedule_retry(call, wait)) return;
  finish(call, STATE_FAILED);
}

static bool needs_body(const lks_operation *operation) {
  if (operation->flags & LKS_OPERATION_NO_CONTENT) return false;
  return operation->retry == LKS_RETRY_SAFE || operation->retry == LKS_RETRY_CREATE;
}

void lks_call_response(lks_call *call, lks_time now, double chance, const lks_response *response) {
  lks_attempt *attempt = end_attempt(call, now, response->connected, true);
  if (attempt == NULL) return;
  const lks_operation *operation = call->options.operation;
  attempt->status = response->status;
  attempt->kind = lks_error_classify(operation->service, response->status, &response->refusal);
  lks_span told = -1;
  attempt->wait_told = response->retry_after != NULL &&
                       lks_retry_after_parse(response->retry_after, strlen(response->retry_after), now, &told);
  if (attempt->kind == LKS_KIND_NONE) {
    bool empty = response->body == LKS_BODY_NONE && needs_body(operation);
    if (response->body != LKS_BODY_GARBAGE && !empty) {
      succeed(call, response->status);
      return;
    }
    attempt->kind = LKS_KIND_BAD_RESPONSE;
  }
  lks_evidence evidence =
      lks_evidence_weigh(operation, call->options.retry, call->options.slug, call->attempts, call->attempt_count,
                         response->refusal, response->body == LKS_BODY_GARBAGE);
  if (evidence == LKS_EVIDENCE_APPLIED) {
    call->recovered = true;
    succeed(call, response->status);
    return;
  }
  if (evidence == LKS_EVIDENCE_EITHER) attempt->kind = LKS_KIND_CONFLICT;
  set_failure(call, attempt->kind, LKS_REMOTE, response->status, response->refusal.code, response->refusal.message);
  if (evidence == LKS_EVIDENCE_EITHER) join_message(call, EITHER, call->message);
  call->retry_after =
      attempt->kind == LKS_KIND_QUOTA_EXCEEDED && response->quota_reset >= 0 ? response->quota_reset : told;
  decide(call, chance, attempt, told);
}

void lks_call_failure(lks_call *call, lks_time now, double chance, const lks_failure *failure) {
  lks_attempt *attempt = end_attempt(call, now, 0, failure->sent);
  if (attempt == NULL) return;
  bool refused_here = failure->kind == LKS_KIND_PHASE || failure->kind == LKS_KIND_CONFIG;
  attempt->kind = failure->kind;
  attempt->status = failure->status;
  attempt->permanent = failure->permanent;
  set_failure(call, failure->kind, refused_here ? LKS_LOCAL : LKS_TRANSPORT, failure->status, NULL, failure->message);
  call->retry_after = -1;
  decide(call, chance, attempt, -1);
}

void lks_call_resent(lks_call *call, unsigned times) {
  if (call->state == STATE_SENT) call->attempts[call->attempt_count - 1].resent += times;
}

void lks_call_abort(lks_call *call, lks_time now, lks_kind kind, bool sent, const char *message) {
  if (call->state == STATE_DONE || call->state == STATE_FAILED) return;
  lks_attempt *attempt = end_attempt(call, now, 0, sent);
  if (attempt != NULL) attempt->kind = kind;
  set_failure(call, kind, LKS_LOCAL, 0, NULL, message);
  call->retry_after = -1;
  finish(call, STATE_FAILED);
}

lks_span lks_call_lateness(const lks_call *call) {
  return call->lateness;
}

lks_span lks_call_pause(const lks_call *call) {
  return call->pause_until > call->seen ? call->pause_until - call->seen : 0;
}

/* Over all attempts: one of unknown outcome makes a write unknown, whatever was answered to its repeats; of a read only
 * the last answer says anything. */
static lks_outcome outcome(const lks_call *call) {
  if (call->kind == LKS_KIND_NONE) return LKS_APPLIED;
  if (call->maybe_applied && !lks_call_is_reading(call)) return LKS_UNKNOWN;
  lks_outcome last = LKS_NOT_SENT;
  for (size_t i = call->attempt_count; i > 0 && last == LKS_NOT_SENT; i--)
    last = lks_attempt_outcome(&call->attempts[i - 1]);
  return last;
}

void lks_call_result(const lks_call *call, lks_result *result) {
  *result = (lks_result){
      .kind = call->kind,
      .outcome = outcome(call),
      .source = call->source,
      .status = call->status,
      .code = call->code,
      .message = call->message != NULL ? call->message : lks_kind_text(call->kind),
      .retry_after = call->retry_after,
      .elapsed = call->elapsed,
      .recovered = call->recovered,
      .attempts = call->attempts,
      .attempt_count = call->attempt_count,
  };
}

size_t lks_call_attempt_count(const lks_call *call) {
  return call->attempt_count;
}

lks_time lks_call_attempt_began(const lks_call *call) {
  return call->attempt_began;
}

lks_time lks_call_deadline(const lks_call *call) {
  return call->deadline;
}

lks_time lks_call_now(const lks_call *call) {
  return call->seen;
}

bool lks_call_holds_slot(const lks_call *call) {
  return call->slot_held;
}

bool lks_call_awaits_slot(const lks_call *call, lks_time *slot) {
  *slot = call->slot;
  return call->state == STATE_WAIT_SLOT;
}

bool lks_call_slot_came(const lks_call *call) {
  return call->slot_held && call->seen >= call->slot;
}

bool lks_call_is_sending(const lks_call *call) {
  return call->state == STATE_SENT;
}

bool lks_call_is_reading(const lks_call *call) {
  return call->options.retry == LKS_RETRY_SAFE && !call->options.writes;
}

bool lks_call_is_retrying(const lks_call *call) {
  return call->state == STATE_WAIT_RETRY;
}

const lks_operation *lks_call_operation(const lks_call *call) {
  return call->options.operation;
}

lks_span lks_call_late(const lks_call *call) {
  return call->options.late;
}

lks_pacing lks_call_pacing(const lks_call *call) {
  return call->options.limits.pacing;
}
