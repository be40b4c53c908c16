/* Drives a call of the machine in virtual time through attempts that a line of words describes, the last word standing
 * for every further attempt:
 *
 *   refused  no connection            lost     the connection was cut, sent      200  an answer with that status
 *   stuck    timeout before sending   late     timeout, sent                     429/2   with Retry-After: 2
 *   tls      handshake cut            huge     too large, sent                   403!    saying that no quota is left
 *   badcert  the same, for good       mangled  undecodable, sent                 400taken  that the slug is taken
 *   phase, config  no transport       garbage, empty  a 200 that says nothing    cut409, huge409  lost after the status
 *
 * "_" is a space within a word. */
#ifndef LKS_CALL_SCRIPT_H
#define LKS_CALL_SCRIPT_H

#include "core/call.h"

#define SCRIPT_T0 (INT64_C(1700000000) * LKS_SECOND)

typedef struct call_script {
  const char *words;
  double chance;    /* of every backoff */
  lks_span latency; /* of every attempt, within its limit */
  lks_span slot;    /* how far away every slot is */
  lks_slug slug;    /* of the calls that script_call makes */
  lks_key *keys[4]; /* answers to KEY in turn, the last one for good; NULL: refused */
  lks_kind no_slot; /* not NONE: how every PACE after the first `slots` is refused */
  unsigned slots;
  lks_span no_slot_for;

  lks_time now;
  unsigned sends, waits, asked_keys, asked_slots, released, moved, paused;
  lks_span waited, pause, lateness;
  lks_span last_limit; /* of the last SEND */
} call_script;

/* A script with a well-formed key for the service, that begins at SCRIPT_T0. */
call_script script_new(lks_service service, const char *words);
/* A key for the service, told from others by `name`; owned by the caller. NULL when out of memory. */
lks_key *script_key(lks_service service, const char *name);
void script_free(call_script *script);

/* Feeds the call what the next word says. Returns false when the word is unknown. */
bool script_answer(call_script *script, lks_call *call);
/* Counts the effects of an action. */
void script_effects(call_script *script, lks_call *call, unsigned effects);
/* Runs the machine to its end. */
lks_result script_run(call_script *script, lks_call *call);
/* The same from the beginning: makes a call with a deadline far away. Free *call afterwards. A machine that does not
 * end within a thousand actions is aborted as NOT_APPLIED, which no other way leads to. */
lks_result script_call(call_script *script, const char *operation, lks_retry_class retry, unsigned max_retries,
                       lks_call **call);

/* The operation with that name; exits when there is none. */
const lks_operation *script_operation(const char *name);
lks_call_options script_options(const char *operation, lks_retry_class retry, unsigned max_retries);

/* A number below `below` from a seed that is not 0: the same on every machine. */
unsigned script_random(uint64_t *seed, unsigned below);

#endif
