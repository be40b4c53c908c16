/* The call machine under any sequence of what a driver may tell it, for libFuzzer. Each byte of the input decides one
 * thing: what is told, what the clock does, what was answered. A model beside the machine keeps the history in its own
 * words, and what the machine says is held against it:
 *
 *   SEND is said once per attempt, before the deadline, with a slot in hand, and never after an attempt that settled
 *   the matter; what makes one more thing each time is not sent again once an attempt may have acted;
 *   every slot is used or given back; no wait goes beyond the deadline; the outcome follows from the attempts;
 *   the machine ends, and what is told afterwards changes nothing. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/retry_after.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define S LKS_SECOND
#define T0 (INT64_C(1700000000) * S)
#define STEPS_AFTER_INPUT 200 /* more than the retries there can be take */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef enum verdict { NOTHING_SENT, REFUSED, IN_DOUBT, ACTED } verdict;

typedef struct model {
  const uint8_t *data;
  size_t left;

  lks_call *call;
  lks_call_options options;
  lks_budget budget;
  lks_key *keys[3];
  lks_time now, seen;
  lks_span progress; /* all steps forward: what time is to the machine */

  lks_action_kind asked; /* what an answer is awaited for; DONE: nothing */
  lks_span attempt_end;  /* of the one that is out, in progress */
  unsigned sends, granted, released, used;
  bool out, over;
  bool doubt, acted, settled, unauthorized;
  bool trace;     /* the last answer is what a repeat meets when an earlier attempt acted */
  int before[16]; /* statuses answered before there was any doubt: of a removal none of them can be such a trace */
  verdict last_sent;
} model;

#define demand(condition) ((condition) ? (void)0 : broken(#condition))

static void broken(const char *condition) {
  fprintf(stderr, "broken: %s\n", condition);
  abort();
}

static unsigned byte(model *m) {
  if (m->left == 0) return 0;
  m->left--;
  return *m->data++;
}

static unsigned held(const model *m) {
  return m->granted - m->released - m->used;
}

static lks_span span(model *m) {
  static const lks_span spans[] = {0, 1, S / 1000, S / 4, S, 10 * S, 60 * S, 3600 * S, 86400 * S, 400 * 86400 * S};
  unsigned which = byte(m);
  return spans[which % COUNT(spans)] + (which > 127 ? (lks_span)byte(m) : 0);
}

/* Where the machine gets to know the time. */
static lks_time tell_time(model *m) {
  if (m->now > m->seen) m->progress += m->now - m->seen;
  m->seen = m->now;
  return m->now;
}

static void jump_back(model *m, lks_span time) {
  m->now -= time < m->now ? time : m->now;
}

static bool refuses(int status, bool retry_after) {
  return (status >= 400 && status <= 499) || status == 301 || status == 307 || status == 308 ||
         (status == 503 && retry_after);
}

static void end_attempt(model *m, verdict came) {
  m->out = false;
  m->asked = LKS_ACTION_DONE;
  if (came != NOTHING_SENT) {
    m->used++;
    m->last_sent = came;
  }
  if (came == IN_DOUBT) m->doubt = true;
  if (came == ACTED) m->acted = true;
}

static void tell_response(model *m) {
  static const int statuses[] = {200, 201, 204, 301, 302, 307, 308, 400, 401, 402, 403, 404, 408, 409,
                                 418, 422, 429, 500, 501, 502, 503, 504, 599, 100, 0,   -1,  1000};
  static const char *const waits[] = {NULL, "0", "1", "20", "0.25", "junk", "100000", "99999999999", ""};
  static const char *const messages[] = {NULL, "The slug is already taken", "", "Invalid data"};
  static const char *const codes[] = {NULL, "7002", "8000", "junk", ""};
  lks_response response = {.status = statuses[byte(m) % COUNT(statuses)], .body = LKS_BODY_JSON, .quota_reset = -1};
  unsigned shape = response.status == 200 ? 0 : byte(m);
  response.retry_after = waits[byte(m) % COUNT(waits)];
  response.refusal.message = messages[shape / 4 % COUNT(messages)];
  response.refusal.code = codes[shape / 16 % COUNT(codes)];
  response.refusal.quota_used_up = (shape & 1) != 0;
  if (shape & 2) response.quota_reset = span(m);
  if (response.status != 200) response.body = (lks_body)(byte(m) % 3);
  response.connected = span(m);
  double chance = byte(m) / 256.0;
  lks_time now = tell_time(m);
  bool was_out = m->out;
  lks_call_response(m->call, now, chance, &response);
  if (!was_out) return;

  lks_span told;
  bool wait = response.retry_after != NULL &&
              lks_retry_after_parse(response.retry_after, strlen(response.retry_after), now, &told);
  bool yes = response.status >= 200 && response.status <= 299;
  bool removes = (m->options.operation->flags & LKS_OPERATION_REMOVES) != 0;
  lks_kind kind = lks_error_classify(m->options.operation->service, response.status, &response.refusal);
  lks_refusal refusal = response.refusal;
  refusal.quota_used_up = false;
  bool conflict = m->options.retry == LKS_RETRY_KEYED &&
                  lks_error_classify(m->options.operation->service, response.status, &refusal) == LKS_KIND_CONFLICT;
  m->trace = response.body != LKS_BODY_GARBAGE &&
             ((removes && response.status == 404 && m->doubt) ||
              (conflict && (m->options.slug == LKS_SLUG_OURS || (m->options.slug == LKS_SLUG_FRESH && m->doubt))));
  for (unsigned i = 0; i < COUNT(m->before); i++)
    if (removes && m->before[i] == response.status) m->trace = false;
  if (!m->doubt) m->before[m->sends % COUNT(m->before)] = response.status;
  m->unauthorized = kind == LKS_KIND_UNAUTHENTICATED;
  m->settled = response.status != 408 && response.status != 429 && (response.status < 500 || response.status > 599);
  bool readable = response.body == LKS_BODY_JSON || response.body == LKS_BODY_NONE;
  end_attempt(m, yes && readable ? ACTED : refuses(response.status, wait) ? REFUSED : IN_DOUBT);
  /* An empty success may or may not be what the operation is answered with: the result tells which was meant. */
  if (yes && readable && response.body == LKS_BODY_NONE && lks_call_next(m->call, now).kind == LKS_ACTION_FAILED) {
    m->acted = false;
    m->last_sent = IN_DOUBT;
    m->doubt = true;
  }
}

static void tell_failure(model *m) {
  static const lks_kind kinds[] = {LKS_KIND_NETWORK, LKS_KIND_TIMEOUT,   LKS_KIND_CONNECT,      LKS_KIND_TLS,
                                   LKS_KIND_PHASE,   LKS_KIND_TOO_LARGE, LKS_KIND_BAD_RESPONSE, LKS_KIND_CONFIG};
  static const int statuses[] = {0, 200, 404, 409, 429, 503, 307, 302, 500};
  lks_failure failure = {.kind = kinds[byte(m) % COUNT(kinds)], .message = byte(m) % 2 ? "m" : NULL};
  bool here = failure.kind == LKS_KIND_PHASE || failure.kind == LKS_KIND_CONFIG;
  failure.sent = !here && byte(m) % 2 == 0;
  failure.permanent = byte(m) % 4 == 1;
  if (failure.sent) failure.status = statuses[byte(m) % COUNT(statuses)];
  double chance = byte(m) / 256.0;
  lks_time now = tell_time(m);
  bool was_out = m->out;
  lks_call_failure(m->call, now, chance, &failure);
  if (!was_out) return;
  if (!m->doubt) m->before[m->sends % COUNT(m->before)] = failure.status;
  m->trace = m->unauthorized = false;
  m->settled = here || failure.permanent || failure.kind == LKS_KIND_TOO_LARGE || failure.kind == LKS_KIND_BAD_RESPONSE;
  end_attempt(m, !failure.sent ? NOTHING_SENT : refuses(failure.status, false) ? REFUSED : IN_DOUBT);
}

static void tell_abort(model *m) {
  bool sent = byte(m) % 2 == 0;
  bool was_out = m->out;
  lks_call_abort(m->call, tell_time(m), LKS_KIND_CLOSED, sent, NULL);
  m->asked = LKS_ACTION_DONE;
  if (m->acted) return;
  m->over = true;
  m->trace = false;
  if (was_out) end_attempt(m, sent ? IN_DOUBT : NOTHING_SENT);
}

static void tell_key(model *m) {
  lks_key *key = m->keys[byte(m) % COUNT(m->keys)];
  lks_call_key(m->call, tell_time(m), key);
  if (m->asked == LKS_ACTION_KEY) m->asked = LKS_ACTION_DONE;
}

static void tell_slot(model *m) {
  lks_span wait = byte(m) % 16 == 15 ? LKS_SPAN_MAX : span(m);
  lks_call_grant(m->call, tell_time(m), wait);
  if (m->asked != LKS_ACTION_PACE) return;
  m->asked = LKS_ACTION_DONE;
  if (held(m) == 0) m->granted++;
}

static void tell_refusal(model *m) {
  static const lks_kind kinds[] = {LKS_KIND_WOULD_WAIT, LKS_KIND_STORE, LKS_KIND_UNAUTHENTICATED,
                                   LKS_KIND_QUOTA_EXCEEDED};
  lks_kind kind = kinds[byte(m) % COUNT(kinds)];
  lks_span wait = byte(m) % 2 ? span(m) : -1;
  lks_call_refuse(m->call, tell_time(m), kind, wait, byte(m) % 2 ? "m" : NULL);
  if (m->asked == LKS_ACTION_KEY || m->asked == LKS_ACTION_PACE) {
    m->asked = LKS_ACTION_DONE;
    m->over = true;
  }
}

static void tell_later(model *m) {
  lks_span wait = span(m);
  lks_call_later(m->call, tell_time(m), wait);
  if (m->asked == LKS_ACTION_PACE) m->asked = LKS_ACTION_DONE;
}

static void tell_anything(model *m) {
  static void (*const words[])(model * m) = {tell_response, tell_failure, tell_key,  tell_slot,
                                             tell_refusal,  tell_later,   tell_abort};
  words[byte(m) % COUNT(words)](m);
}

static void check_effects(model *m, unsigned effects) {
  if (effects & LKS_EFFECT_RELEASE) m->released++;
  if (effects & LKS_EFFECT_MOVE) demand(m->used > 0 && lks_call_lateness(m->call) > m->options.late);
  if (effects & LKS_EFFECT_PAUSE) demand(m->sends > 0 && lks_call_pause(m->call) <= 86400 * S);
  demand(held(m) <= 1);
  demand(m->budget.millitokens >= 0 && m->budget.millitokens <= LKS_BUDGET_CAPACITY * 1000);
}

static void check_send(model *m, lks_span limit) {
  lks_span left = m->options.limits.timeout - m->progress;
  demand(!m->out && !m->over && !m->acted);
  demand(left > 0 && limit > 0 && limit <= left && limit <= m->options.limits.attempt_timeout);
  demand(held(m) == 1);
  demand(lks_call_current_key(m->call) != NULL && !lks_key_expired(lks_call_current_key(m->call), m->now));
  if (m->sends > 0) demand(m->unauthorized ? m->options.key_renewable : !m->settled);
  bool repeatable = m->options.retry == LKS_RETRY_SAFE || m->options.retry == LKS_RETRY_CONVERGING ||
                    m->options.retry == LKS_RETRY_KEYED;
  if (!repeatable) demand(!m->doubt);
  if (m->options.retry == LKS_RETRY_NEVER && m->sends > 0) demand(m->unauthorized);
  m->sends++;
  demand(m->sends <= m->options.limits.max_retries + 2);
  demand(lks_call_attempt_count(m->call) == m->sends);
  m->out = true;
  m->attempt_end = m->progress + limit;
}

/* Returns false at the end. */
static bool look(model *m, lks_action *action) {
  *action = lks_call_next(m->call, tell_time(m));
  check_effects(m, action->effects);
  if (action->kind >= LKS_ACTION_DONE) return false;
  lks_span left = m->options.limits.timeout - m->progress;
  demand(action->span >= 0 && action->span <= (left > 0 ? left : 0));
  if (action->kind == LKS_ACTION_WAIT && m->out)
    demand(m->progress + action->span <= m->attempt_end || action->span == 0);
  if (action->kind == LKS_ACTION_SEND) check_send(m, action->span);
  demand(lks_call_is_sending(m->call) == m->out);
  m->asked = action->kind;
  return true;
}

static void answer(model *m, const lks_action *action) {
  switch (action->kind) {
  case LKS_ACTION_KEY: tell_key(m); break;
  case LKS_ACTION_PACE: tell_slot(m); break;
  case LKS_ACTION_SEND: /* some drivers look again before there is an answer */
    m->now += byte(m) % 4 ? action->span / (1 + byte(m)) : 0;
    if (byte(m) % 4 == 1) break;
    if (byte(m) % 2 == 0)
      tell_response(m);
    else
      tell_failure(m);
    break;
  default:
    if (m->out && action->span == 0)
      tell_failure(m);
    else
      m->now += action->span;
  }
}

static lks_outcome expected_outcome(const model *m) {
  if (m->options.retry == LKS_RETRY_SAFE && !m->options.writes)
    return m->last_sent == NOTHING_SENT ? LKS_NOT_SENT : m->last_sent == REFUSED ? LKS_REJECTED : LKS_UNKNOWN;
  if (m->doubt) return LKS_UNKNOWN;
  return m->used > 0 ? LKS_REJECTED : LKS_NOT_SENT;
}

static void check_end(model *m, lks_action_kind last) {
  lks_result result, again;
  lks_call_result(m->call, &result);
  demand(!m->out && held(m) == 0);
  demand(result.attempt_count == m->sends);
  demand((result.kind == LKS_KIND_NONE) == (last == LKS_ACTION_DONE));
  if (last == LKS_ACTION_DONE) {
    demand(result.outcome == LKS_APPLIED);
    demand(result.recovered ? m->trace : m->acted);
  } else {
    demand(!m->acted && result.outcome == expected_outcome(m) && !result.recovered);
  }
  lks_span sum = 0;
  for (size_t i = 0; i < result.attempt_count; i++) {
    demand(result.attempts[i].elapsed >= 0 && result.attempts[i].wait >= 0);
    sum += result.attempts[i].elapsed + result.attempts[i].wait;
  }
  demand(sum <= result.elapsed && result.elapsed <= m->progress && result.retry_after <= LKS_SPAN_MAX);

  unsigned effects = 0;
  for (int i = 0; i < 4; i++) {
    tell_anything(m);
    lks_action action = lks_call_next(m->call, tell_time(m));
    effects |= action.effects;
    demand(action.kind == last);
  }
  lks_call_result(m->call, &again);
  demand(effects == 0 && again.kind == result.kind && again.outcome == result.outcome &&
         again.attempt_count == result.attempt_count && again.elapsed == result.elapsed);
}

static void choose_options(model *m) {
  size_t operations = 0;
  while (lks_operation_at(operations) != NULL) operations++;
  m->options.operation = lks_operation_at(byte(m) % operations);
  unsigned flags = byte(m);
  m->options.retry = flags % 8 < 6 ? (lks_retry_class)(flags % 8) : m->options.operation->retry;
  m->options.writes = (flags & 8) != 0;
  m->options.key_renewable = (flags & 16) != 0;
  if (flags & 32) m->options.budget = &m->budget;
  m->options.limits.pacing = (lks_pacing)((flags >> 6) % 3);
  m->options.limits.max_retries = byte(m) % 12;
  m->options.slug = (lks_slug)(byte(m) % 3);
  m->options.limits.timeout = span(m);
  m->options.limits.attempt_timeout = span(m);
  m->options.late = S / 20;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  model m = {.data = data, .left = size, .now = T0, .seen = T0};
  lks_budget_init(&m.budget);
  choose_options(&m);
  for (size_t i = 0; i < COUNT(m.keys); i++) {
    char token[] = "cs.e30.e30.a";
    token[sizeof token - 2] = (char)('a' + i);
    demand(lks_key_new(LKS_LOCKER, token, sizeof token - 1, &m.keys[i]) == LKS_KEY_OK);
  }
  lks_key_set_expiry(m.keys[2], T0 + 5 * S);
  m.call = lks_call_new(&m.options, m.now);
  lks_action action = {LKS_ACTION_FAILED, 0, 0};
  unsigned steps_after_input = 0;
  while (m.call != NULL && look(&m, &action)) {
    unsigned word = byte(&m);
    if (m.left == 0) demand(steps_after_input++ < STEPS_AFTER_INPUT);
    switch (word % 16) {
    case 1: tell_anything(&m); break;
    case 2: m.now += span(&m); break;
    case 3: jump_back(&m, span(&m)); break;
    case 4: tell_abort(&m); break;
    default: answer(&m, &action);
    }
  }
  if (m.call != NULL) check_end(&m, action.kind);
  lks_call_free(m.call);
  for (size_t i = 0; i < COUNT(m.keys); i++) lks_key_free(m.keys[i]);
  return 0;
}
