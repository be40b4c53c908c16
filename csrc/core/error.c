#include "error.h"

#include <string.h>

#include "ascii.h"

typedef struct kind_row {
  const char *name;
  const char *text; /* what there is to say when nobody said more; NULL: nothing */
} kind_row;

static const kind_row kinds[] = {
    [LKS_KIND_NONE] = {"none", NULL},
    [LKS_KIND_INVALID_REQUEST] = {"invalid_request", NULL},
    [LKS_KIND_UNAUTHENTICATED] = {"unauthenticated", "the key was refused"},
    [LKS_KIND_FORBIDDEN] = {"forbidden", "the service does not allow this"},
    [LKS_KIND_PLAN_REQUIRED] = {"plan_required", "the account's plan does not include this"},
    [LKS_KIND_LIMIT_REACHED] = {"limit_reached", "the account's limit is reached"},
    [LKS_KIND_NOT_FOUND] = {"not_found", "the requested resource does not exist"},
    [LKS_KIND_CONFLICT] = {"conflict", "it exists already"},
    [LKS_KIND_RATE_LIMITED] = {"rate_limited", "the service asked for fewer requests"},
    [LKS_KIND_QUOTA_EXCEEDED] = {"quota_exceeded", "the monthly quota is used up"},
    [LKS_KIND_WOULD_WAIT] = {"would_wait", NULL},
    [LKS_KIND_SERVER_ERROR] = {"server_error", "the service failed"},
    [LKS_KIND_CONNECT] = {"connect", "no connection could be made"},
    [LKS_KIND_TLS] = {"tls", "no trusted connection could be made"},
    [LKS_KIND_NETWORK] = {"network", "the connection was cut"},
    [LKS_KIND_TIMEOUT] = {"timeout", "no answer came in time"},
    [LKS_KIND_BAD_RESPONSE] = {"bad_response", "the answer is not what this service sends"},
    [LKS_KIND_TOO_LARGE] = {"too_large", "the answer is larger than max_response_bytes"},
    [LKS_KIND_NOT_APPLIED] = {"not_applied", NULL},
    [LKS_KIND_PHASE] = {"phase", NULL},
    [LKS_KIND_CONFIG] = {"config", NULL},
    [LKS_KIND_STORE] = {"store", NULL},
    [LKS_KIND_CLOSED] = {"closed", NULL},
    [LKS_KIND_NO_MEMORY] = {"no_memory", NULL},
};

static const char *const outcome_names[] = {
    [LKS_NOT_SENT] = "not_sent", [LKS_REJECTED] = "rejected", [LKS_UNKNOWN] = "unknown", [LKS_APPLIED] = "applied"};
static const char *const source_names[] = {
    [LKS_LOCAL] = "local", [LKS_REMOTE] = "remote", [LKS_TRANSPORT] = "transport"};

_Static_assert(sizeof kinds / sizeof *kinds == LKS_KIND_COUNT, "each kind has a row");

const char *lks_kind_name(lks_kind kind) {
  return (unsigned)kind < LKS_KIND_COUNT ? kinds[kind].name : NULL;
}

const char *lks_kind_text(lks_kind kind) {
  return (unsigned)kind < LKS_KIND_COUNT ? kinds[kind].text : NULL;
}

const char *lks_outcome_name(lks_outcome outcome) {
  return (unsigned)outcome < sizeof outcome_names / sizeof *outcome_names ? outcome_names[outcome] : NULL;
}

const char *lks_source_name(lks_source source) {
  return (unsigned)source < sizeof source_names / sizeof *source_names ? source_names[source] : NULL;
}

lks_kind lks_kind_find(const char *name) {
  if (name == NULL) return LKS_KIND_NONE;
  for (unsigned i = LKS_KIND_NONE + 1; i < LKS_KIND_NO_MEMORY; i++)
    if (strcmp(kinds[i].name, name) == 0) return (lks_kind)i;
  return LKS_KIND_NONE;
}

/* Whether text[at] begins a word (or would begin the next one): at either end, beside anything but a letter, or at a
 * capital after a small letter as in "slugTaken". */
static bool at_boundary(const char *text, size_t length, size_t at) {
  if (at == 0 || at == length) return true;
  if (!lks_ascii_is_letter(text[at - 1]) || !lks_ascii_is_letter(text[at])) return true;
  return lks_ascii_is_lower(text[at - 1]) && lks_ascii_is_upper(text[at]);
}

/* Whether `word` (lower case) stands at text[at]. A space in it matches whatever codes and prose put between words:
 * spaces, "_", "-" or nothing ("InUse"); a space at its end asks for the end of a word. */
static bool word_at(const char *text, size_t length, size_t at, const char *word) {
  for (; *word != '\0'; word++) {
    if (*word == ' ' && word[1] == '\0') return at_boundary(text, length, at);
    if (*word == ' ') {
      while (at < length && (text[at] == ' ' || text[at] == '_' || text[at] == '-')) at++;
      continue;
    }
    if (at == length || lks_ascii_lower(text[at]) != *word) return false;
    at++;
  }
  return true;
}

static bool mentions(const char *text, size_t length, const char *const *words) {
  for (; *words != NULL; words++)
    for (size_t at = 0; at < length; at++)
      if (at_boundary(text, length, at) && word_at(text, length, at, *words)) return true;
  return false;
}

/* "customslug" begins no word at its "slug", so this one is looked for anywhere. */
static bool names_slug(const char *text, size_t length) {
  for (size_t at = 0; at < length; at++)
    if (word_at(text, length, at, "slug")) return true;
  return false;
}

/* Whether text[at] parts two clauses: a line break, or a mark beside a space, unlike the ones inside "lock.pub/x". */
static bool parts_clauses(const char *text, size_t length, size_t at) {
  if (text[at] == '\n') return true;
  if (strchr(".,;:!?()", text[at]) == NULL) return false;
  return at + 1 == length || text[at + 1] == ' ' || (at > 0 && text[at - 1] == ' ');
}

/* Whether a text about a slug says that it is there already. Each clause is judged by its own words, since the same
 * ones are said of a slug's characters ("already has an invalid character") or of the whole feature ("not available on
 * your plan"), and advice on a better slug may follow ("is taken. Use 3-30 lowercase characters"). */
static bool says_duplicate(const char *text, size_t length) {
  /* "t exist" is in "doesn't exist", "t available" in "isn't available": an apostrophe ends a word. */
  static const char *const duplicate[] = {"taken",    "exist",         "already",     "duplicate",   "in use ",
                                          "conflict", "not available", "t available", "unavailable", NULL};
  static const char *const otherwise[] = {"not exist", "t exist", "nonexist", "non exist", "contain",
                                          "invalid",   "char",    "format",   NULL};
  static const char *const feature[] = {"plan", "upgrade", NULL};
  if (mentions(text, length, feature)) return false;
  for (size_t start = 0, end = 0; start < length; start = ++end) {
    while (end < length && !parts_clauses(text, length, end)) end++;
    if (mentions(text + start, end - start, duplicate) && !mentions(text + start, end - start, otherwise)) return true;
  }
  return false;
}

/* The provider documents no status for a duplicate slug, so an invalid request is read for its words. */
static bool duplicate_slug(const lks_refusal *refusal) {
  const char *code = refusal->code != NULL ? refusal->code : "";
  const char *message = refusal->message != NULL ? refusal->message : "";
  size_t code_length = strlen(code), message_length = strlen(message);
  if (!names_slug(code, code_length) && !names_slug(message, message_length)) return false;
  return says_duplicate(code, code_length) || says_duplicate(message, message_length);
}

static bool has_code(const lks_refusal *refusal, const char *code) {
  return refusal->code != NULL && strcmp(refusal->code, code) == 0;
}

static lks_kind lockpub_kind(int status, const lks_refusal *refusal) {
  /* 401 and 408 were answered before any quota was looked at. */
  if (refusal->quota_used_up && status != 401 && status != 408) return LKS_KIND_QUOTA_EXCEEDED;
  if ((status == 400 || status == 422) && duplicate_slug(refusal)) return LKS_KIND_CONFLICT;
  return LKS_KIND_NONE;
}

static lks_kind locker_kind(int status, const lks_refusal *refusal) {
  if (has_code(refusal, "7002")) return LKS_KIND_PLAN_REQUIRED;
  if (has_code(refusal, "8000") || has_code(refusal, "8001")) return LKS_KIND_LIMIT_REACHED;
  /* A 413 from inside the service comes out as this 404. */
  if (status == 404 && has_code(refusal, "0003")) return LKS_KIND_INVALID_REQUEST;
  return LKS_KIND_NONE;
}

static lks_kind status_kind(int status) {
  switch (status) {
  case 401: return LKS_KIND_UNAUTHENTICATED;
  case 402: return LKS_KIND_PLAN_REQUIRED;
  case 403: return LKS_KIND_FORBIDDEN;
  case 404:
  case 410: return LKS_KIND_NOT_FOUND;
  case 408: return LKS_KIND_TIMEOUT;
  case 409: return LKS_KIND_CONFLICT;
  case 429: return LKS_KIND_RATE_LIMITED;
  default: return LKS_KIND_INVALID_REQUEST;
  }
}

lks_kind lks_error_classify(lks_service service, int status, const lks_refusal *refusal) {
  lks_kind kind = LKS_KIND_NONE;
  if (status >= 200 && status <= 299) return LKS_KIND_NONE;
  if (status >= 500 && status <= 599) return LKS_KIND_SERVER_ERROR;
  if (status < 400 || status > 499) return LKS_KIND_BAD_RESPONSE;
  if (refusal != NULL) kind = service == LKS_LOCKPUB ? lockpub_kind(status, refusal) : locker_kind(status, refusal);
  return kind != LKS_KIND_NONE ? kind : status_kind(status);
}

bool lks_error_retryable(lks_kind kind, int status) {
  switch (kind) {
  case LKS_KIND_RATE_LIMITED:
  case LKS_KIND_QUOTA_EXCEEDED:
  case LKS_KIND_WOULD_WAIT:
  case LKS_KIND_SERVER_ERROR:
  case LKS_KIND_CONNECT:
  case LKS_KIND_NETWORK:
  case LKS_KIND_TIMEOUT:
  case LKS_KIND_STORE: return true;
  case LKS_KIND_BAD_RESPONSE: return status < 300 || status > 399; /* a portal goes away; a redirect stays */
  default: return false;
  }
}
