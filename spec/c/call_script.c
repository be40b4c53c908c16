#include "call_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACTIONS_MAX 1000

typedef struct failure_word {
  const char *word;
  lks_failure failure;
} failure_word;

static const failure_word failures[] = {
    {"refused", {.kind = LKS_KIND_CONNECT, .message = "refused"}},
    {"stuck", {.kind = LKS_KIND_TIMEOUT, .message = "stuck"}},
    {"tls", {.kind = LKS_KIND_TLS, .message = "tls"}},
    {"badcert", {.kind = LKS_KIND_TLS, .permanent = true, .message = "badcert"}},
    {"lost", {.kind = LKS_KIND_NETWORK, .sent = true, .message = "lost"}},
    {"late", {.kind = LKS_KIND_TIMEOUT, .sent = true, .message = "late"}},
    {"huge", {.kind = LKS_KIND_TOO_LARGE, .sent = true, .message = "huge"}},
    {"mangled", {.kind = LKS_KIND_BAD_RESPONSE, .sent = true, .message = "mangled"}},
    {"phase", {.kind = LKS_KIND_PHASE, .message = "phase"}},
    {"config", {.kind = LKS_KIND_CONFIG, .message = "config"}},
    {"cut", {.kind = LKS_KIND_NETWORK, .sent = true, .message = "cut"}},
};

lks_key *script_key(lks_service service, const char *name) {
  char text[64];
  const char *form = service == LKS_LOCKPUB ? "ll_%s" : "cs.e30.e30.%s";
  int length = snprintf(text, sizeof text, form, name);
  lks_key *key = NULL;
  lks_key_new(service, text, (size_t)length, &key);
  return key;
}

call_script script_new(lks_service service, const char *words) {
  return (call_script){.words = words,
                       .chance = 0.5,
                       .latency = LKS_SECOND / 100,
                       .slots = ~0u,
                       .now = SCRIPT_T0,
                       .keys = {script_key(service, "a")}};
}

void script_free(call_script *script) {
  for (size_t i = 0; i < sizeof script->keys / sizeof *script->keys; i++) {
    lks_key_free(script->keys[i]);
    script->keys[i] = NULL;
  }
}

/* Takes the next word, which stays when it is the last. */
static void take_word(call_script *script, char *word, size_t size) {
  const char *begin = script->words;
  size_t length = strcspn(begin, " ");
  snprintf(word, size, "%.*s", (int)length, begin);
  if (begin[length] == ' ') script->words = begin + length + 1;
}

static bool fail(call_script *script, lks_call *call, const char *word) {
  size_t letters = strcspn(word, "0123456789");
  for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
    if (strncmp(failures[i].word, word, letters) != 0 || failures[i].word[letters] != '\0') continue;
    lks_failure failure = failures[i].failure;
    failure.status = (int)strtol(word + letters, NULL, 10);
    lks_call_failure(call, script->now, script->chance, &failure);
    return true;
  }
  return false;
}

static bool answer(call_script *script, lks_call *call, const char *word) {
  lks_response response = {.status = 200, .body = LKS_BODY_JSON, .quota_reset = -1};
  const char *rest = "";
  if (strcmp(word, "garbage") == 0) {
    response.body = LKS_BODY_GARBAGE;
  } else if (strcmp(word, "empty") == 0) {
    response.body = LKS_BODY_NONE;
  } else {
    char *end = NULL;
    response.status = (int)strtol(word, &end, 10);
    rest = end;
    if (rest == word) return false;
    if (response.status == 204) response.body = LKS_BODY_NONE;
  }
  if (response.status >= 400) response.refusal.code = "E1";
  if (*rest == '/') {
    response.retry_after = rest + 1;
  } else if (*rest == '!') {
    response.refusal.quota_used_up = true;
    response.quota_reset = 1000 * LKS_SECOND;
  } else if (strcmp(rest, "taken") == 0) {
    response.refusal.message = "The slug is already taken";
  } else if (*rest != '\0') {
    return false;
  }
  lks_call_response(call, script->now, script->chance, &response);
  return true;
}

bool script_answer(call_script *script, lks_call *call) {
  char word[64];
  take_word(script, word, sizeof word);
  for (char *at = word; *at != '\0'; at++)
    if (*at == '_') *at = ' ';
  return fail(script, call, word) || answer(script, call, word);
}

void script_effects(call_script *script, lks_call *call, unsigned effects) {
  if (effects & LKS_EFFECT_RELEASE) script->released++;
  if (effects & LKS_EFFECT_MOVE) {
    script->moved++;
    script->lateness = lks_call_lateness(call);
  }
  if (effects & LKS_EFFECT_PAUSE) {
    script->paused++;
    script->pause = lks_call_pause(call);
  }
}

static void give_key(call_script *script, lks_call *call) {
  size_t last = 0;
  while (last + 1 < sizeof script->keys / sizeof *script->keys && script->keys[last + 1] != NULL) last++;
  size_t turn = script->asked_keys++;
  lks_key *key = script->keys[turn < last ? turn : last];
  if (key != NULL)
    lks_call_key(call, script->now, key);
  else
    lks_call_refuse(call, script->now, LKS_KIND_UNAUTHENTICATED, -1, "no key");
}

static void give_slot(call_script *script, lks_call *call) {
  if (script->asked_slots++ < script->slots)
    lks_call_grant(call, script->now, lks_call_holds_slot(call) ? 0 : script->slot);
  else
    lks_call_refuse(call, script->now, script->no_slot, script->no_slot_for, NULL);
}

lks_result script_run(call_script *script, lks_call *call) {
  lks_result result;
  for (int i = 0;; i++) {
    if (i == ACTIONS_MAX) lks_call_abort(call, script->now, LKS_KIND_NOT_APPLIED, true, "the machine does not end");
    lks_action action = lks_call_next(call, script->now);
    script_effects(script, call, action.effects);
    switch (action.kind) {
    case LKS_ACTION_KEY: give_key(script, call); break;
    case LKS_ACTION_PACE: give_slot(script, call); break;
    case LKS_ACTION_WAIT:
      script->waits++;
      script->waited += action.span;
      script->now += action.span;
      break;
    case LKS_ACTION_SEND:
      script->sends++;
      script->last_limit = action.span;
      script->now += script->latency < action.span ? script->latency : action.span;
      if (!script_answer(script, call)) {
        fprintf(stderr, "unknown word: %s\n", script->words);
        lks_call_abort(call, script->now, LKS_KIND_NOT_APPLIED, true, "unknown word");
      }
      break;
    case LKS_ACTION_DONE:
    case LKS_ACTION_FAILED: lks_call_result(call, &result); return result;
    }
  }
}

/* xorshift64* */
unsigned script_random(uint64_t *seed, unsigned below) {
  *seed ^= *seed >> 12;
  *seed ^= *seed << 25;
  *seed ^= *seed >> 27;
  return (unsigned)((*seed * UINT64_C(2685821657736338717)) >> 33) % below;
}

const lks_operation *script_operation(const char *name) {
  const lks_operation *operation;
  for (size_t i = 0; (operation = lks_operation_at(i)) != NULL; i++)
    if (strcmp(operation->name, name) == 0) return operation;
  fprintf(stderr, "no operation %s\n", name);
  exit(1);
}

lks_call_options script_options(const char *operation, lks_retry_class retry, unsigned max_retries) {
  return (lks_call_options){.operation = script_operation(operation),
                            .retry = retry,
                            .limits.timeout = 90 * LKS_SECOND,
                            .limits.attempt_timeout = 10 * LKS_SECOND,
                            .limits.max_retries = max_retries,
                            .late = LKS_SECOND / 20};
}

lks_result script_call(call_script *script, const char *operation, lks_retry_class retry, unsigned max_retries,
                       lks_call **call) {
  lks_call_options options = script_options(operation, retry, max_retries);
  options.slug = script->slug;
  *call = lks_call_new(&options, script->now);
  if (*call == NULL) return (lks_result){.kind = LKS_KIND_NO_MEMORY};
  return script_run(script, *call);
}
