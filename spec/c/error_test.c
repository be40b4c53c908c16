#include "core/error.h"

#include <limits.h>
#include <string.h>

#include "guard.h"
#include "test.h"

static lks_kind plain_kind(int status) {
  if (status >= 200 && status <= 299) return LKS_KIND_NONE;
  if (status < 400 || status > 599) return LKS_KIND_BAD_RESPONSE;
  if (status >= 500) return LKS_KIND_SERVER_ERROR;
  switch (status) {
  case 401: return LKS_KIND_UNAUTHENTICATED;
  case 402: return LKS_KIND_PLAN_REQUIRED;
  case 403: return LKS_KIND_FORBIDDEN;
  case 404: return LKS_KIND_NOT_FOUND;
  case 408: return LKS_KIND_TIMEOUT;
  case 409: return LKS_KIND_CONFLICT;
  case 410: return LKS_KIND_NOT_FOUND;
  case 429: return LKS_KIND_RATE_LIMITED;
  default: return LKS_KIND_INVALID_REQUEST;
  }
}

static void expect(lks_service service, int status, const char *code, const char *message, bool quota_used_up,
                   lks_kind expected) {
  lks_refusal refusal = {code, message, quota_used_up};
  lks_kind kind = lks_error_classify(service, status, &refusal);
  if (kind == expected) return;
  test_case_failed = 1;
  fprintf(stderr, "%d %s \"%s\" gives %s, expected %s\n", status, code ? code : "-", message ? message : "-",
          lks_kind_name(kind), lks_kind_name(expected));
}

static void every_status_has_its_kind(void) {
  for (int status = -10; status < 1100; status++) {
    for (unsigned service = 0; service < LKS_SERVICE_COUNT; service++) {
      CHECK_INT(lks_error_classify((lks_service)service, status, NULL), plain_kind(status));
      expect((lks_service)service, status, NULL, NULL, false, plain_kind(status));
      expect((lks_service)service, status, "", "", false, plain_kind(status));
    }
  }
  CHECK_INT(lks_error_classify(LKS_LOCKPUB, INT_MAX, NULL), LKS_KIND_BAD_RESPONSE);
  CHECK_INT(lks_error_classify(LKS_LOCKPUB, INT_MIN, NULL), LKS_KIND_BAD_RESPONSE);
}

static void an_exhausted_quota_outweighs_the_status_of_a_lockpub_refusal(void) {
  for (int status = 100; status < 600; status++) {
    bool refusal = status >= 400 && status <= 499 && status != 401 && status != 408;
    expect(LKS_LOCKPUB, status, NULL, NULL, true, refusal ? LKS_KIND_QUOTA_EXCEEDED : plain_kind(status));
    expect(LKS_LOCKER, status, NULL, NULL, true, plain_kind(status));
  }
  expect(LKS_LOCKPUB, 400, "slug_taken", NULL, true, LKS_KIND_QUOTA_EXCEEDED);
}

static void locker_codes_name_the_kind(void) {
  expect(LKS_LOCKER, 400, "7002", NULL, false, LKS_KIND_PLAN_REQUIRED);
  expect(LKS_LOCKER, 403, "7002", NULL, false, LKS_KIND_PLAN_REQUIRED);
  expect(LKS_LOCKER, 400, "8000", NULL, false, LKS_KIND_LIMIT_REACHED);
  expect(LKS_LOCKER, 400, "8001", NULL, false, LKS_KIND_LIMIT_REACHED);
  expect(LKS_LOCKER, 429, "8001", NULL, false, LKS_KIND_LIMIT_REACHED);
  expect(LKS_LOCKER, 404, "0003", "Data too large", false, LKS_KIND_INVALID_REQUEST);
  expect(LKS_LOCKER, 404, "0001", NULL, false, LKS_KIND_NOT_FOUND);
  expect(LKS_LOCKER, 410, "0003", NULL, false, LKS_KIND_NOT_FOUND);
  expect(LKS_LOCKER, 400, "0004", "Invalid data", false, LKS_KIND_INVALID_REQUEST);
  expect(LKS_LOCKER, 401, "0000", NULL, false, LKS_KIND_UNAUTHENTICATED);
  expect(LKS_LOCKER, 500, "0008", NULL, false, LKS_KIND_SERVER_ERROR);
  expect(LKS_LOCKER, 500, "7002", NULL, false, LKS_KIND_SERVER_ERROR);
  expect(LKS_LOCKER, 200, "8000", NULL, false, LKS_KIND_NONE);
  expect(LKS_LOCKER, 302, "8000", NULL, false, LKS_KIND_BAD_RESPONSE);
  expect(LKS_LOCKER, 400, "70020", NULL, false, LKS_KIND_INVALID_REQUEST);
  expect(LKS_LOCKER, 400, "700", NULL, false, LKS_KIND_INVALID_REQUEST);
  expect(LKS_LOCKER, 400, "8002", NULL, false, LKS_KIND_INVALID_REQUEST);
}

static void locker_codes_mean_nothing_to_lockpub(void) {
  expect(LKS_LOCKPUB, 400, "7002", NULL, false, LKS_KIND_INVALID_REQUEST);
  expect(LKS_LOCKPUB, 400, "8000", NULL, false, LKS_KIND_INVALID_REQUEST);
  expect(LKS_LOCKPUB, 404, "0003", NULL, false, LKS_KIND_NOT_FOUND);
}

static void a_duplicate_slug_is_recognised_by_its_words(void) {
  static const struct {
    const char *code, *message;
  } cases[] = {
      {NULL, "Slug already exists"},
      {NULL, "slug is already taken"},
      {NULL, "This custom slug is taken."},
      {NULL, "CUSTOMSLUG IS ALREADY IN USE"},
      {NULL, "customSlug is in use"},
      {NULL, "Custom slug in use by another user"},
      {NULL, "Custom slug is not available"},
      {NULL, "That slug isn't available."},
      {NULL, "Slug unavailable"},
      {NULL, "duplicate slug"},
      {NULL, "The slug conflicts with an existing link"},
      {NULL, "Sorry, this slug has already been used"},
      {NULL, "A link with this slug exists. Slugs may contain a-z, 0-9 and hyphens."},
      {NULL, "Slug already exists, choose another with 3-30 lowercase characters"},
      {NULL, "Slug already in use (3-30 characters, a-z only)"},
      {NULL, "Invalid slug: already in use"},
      {NULL, "lock.pub/my-slug is already taken"},
      {NULL, "Slug exists\nUse other characters"},
      {"SLUG_TAKEN", NULL},
      {"slug_already_exists", "Bad request"},
      {"slugInUse", NULL},
      {"SlugInUseError", NULL},
      {"slug-in-use", NULL},
      {"SLUG_IN_USE", NULL},
      {"DUPLICATE_SLUG", "Custom slug must be unique"},
      {"duplicateSlug", NULL},
      {"slug.taken", NULL},
      {"CONFLICT", "customSlug"},
      {"customSlug", "Already taken"},
      {"INVALID_REQUEST", "Slug is already taken"},
      {"validation_error", "customSlug: must be unique; already exists"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    expect(LKS_LOCKPUB, 400, cases[i].code, cases[i].message, false, LKS_KIND_CONFLICT);
    expect(LKS_LOCKPUB, 422, cases[i].code, cases[i].message, false, LKS_KIND_CONFLICT);
    expect(LKS_LOCKPUB, 403, cases[i].code, cases[i].message, false, LKS_KIND_FORBIDDEN);
    expect(LKS_LOCKPUB, 429, cases[i].code, cases[i].message, false, LKS_KIND_RATE_LIMITED);
    expect(LKS_LOCKPUB, 500, cases[i].code, cases[i].message, false, LKS_KIND_SERVER_ERROR);
    expect(LKS_LOCKER, 400, cases[i].code, cases[i].message, false, LKS_KIND_INVALID_REQUEST);
  }
}

static void other_trouble_with_a_slug_is_no_conflict(void) {
  static const struct {
    const char *code, *message;
  } cases[] = {
      {NULL, "Custom slug must be 3-30 characters"},
      {NULL, "Slug must be lowercase"},
      {NULL, "slug already has invalid characters"},
      {NULL, "The slug already contains a dot"},
      {NULL, "Slug 'already-taken!' contains invalid characters"},
      {NULL, "slug contains duplicate hyphens"},
      {NULL, "Slug does not exist"},
      {NULL, "This slug doesn't exist"},
      {NULL, "nonexistent slug"},
      {NULL, "Custom slugs are not available on your plan"},
      {NULL, "Custom slugs are unavailable. Upgrade to Pro."},
      {NULL, "Slug is mistaken for a word"},
      {NULL, "Slugs in user-defined alphabets are refused"},
      {NULL, "Slug ztaken"},
      {NULL, "Slug ataken"},
      {NULL, "Slug ZTAKEN"},
      {NULL, "slug"},
      {NULL, "already taken"},
      {NULL, "targetUrl already exists"},
      {"invalid_slug", "Use a-z and 0-9"},
      {"SLUG_INVALID", "Invalid custom slug"},
      {"slug_format", NULL},
      {"DUPLICATE", "This link was created before"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    expect(LKS_LOCKPUB, 400, cases[i].code, cases[i].message, false, LKS_KIND_INVALID_REQUEST);
}

static void messages_are_read_within_their_bounds(void) {
  static const char text[] = "Slug in use; doesn't exist, not  - available \xff\x80 in";
  for (size_t length = 0; length < sizeof text; length++) {
    char *message = guard_place(NULL, length + 1);
    memcpy(message, text, length);
    message[length] = '\0';
    expect(LKS_LOCKPUB, 400, NULL, message, false, length >= 11 ? LKS_KIND_CONFLICT : LKS_KIND_INVALID_REQUEST);
  }
}

static void kinds_have_the_names_of_the_lua_api(void) {
  static const char *const names[] = {
      "invalid_request", "unauthenticated", "forbidden",  "plan_required", "limit_reached", "not_found", "conflict",
      "rate_limited",    "quota_exceeded",  "would_wait", "server_error",  "connect",       "tls",       "network",
      "timeout",         "bad_response",    "too_large",  "not_applied",   "phase",         "config",    "store",
      "closed"};
  size_t count = sizeof names / sizeof *names;
  CHECK_INT(LKS_KIND_NO_MEMORY, count + 1);
  for (size_t i = 0; i < count; i++) {
    lks_kind kind = lks_kind_find(names[i]);
    CHECK_INT(kind, i + 1);
    CHECK_TEXT(lks_kind_name(kind), names[i]);
  }
  for (unsigned kind = 0; kind < LKS_KIND_COUNT; kind++) CHECK(lks_kind_name((lks_kind)kind) != NULL);
  CHECK(lks_kind_name(LKS_KIND_COUNT) == NULL);
}

static void kinds_that_say_something_have_a_text(void) {
  static const lks_kind silent[] = {
      LKS_KIND_NONE,   LKS_KIND_INVALID_REQUEST, LKS_KIND_WOULD_WAIT, LKS_KIND_PHASE,     LKS_KIND_NOT_APPLIED,
      LKS_KIND_CONFIG, LKS_KIND_STORE,           LKS_KIND_CLOSED,     LKS_KIND_NO_MEMORY, LKS_KIND_COUNT};
  unsigned texts = 0;
  for (unsigned kind = 0; kind < LKS_KIND_COUNT; kind++)
    if (lks_kind_text((lks_kind)kind) != NULL) texts++;
  CHECK_INT(texts, LKS_KIND_COUNT - sizeof silent / sizeof *silent + 1);
  for (size_t i = 0; i < sizeof silent / sizeof *silent; i++) CHECK(lks_kind_text(silent[i]) == NULL);
  CHECK_TEXT(lks_kind_text(LKS_KIND_RATE_LIMITED), "the service asked for fewer requests");
}

static void other_names_are_no_kind(void) {
  static const char *const names[] = {NULL, "", "none", "Timeout", "time", "timeouts", "no_memory"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) CHECK_INT(lks_kind_find(names[i]), LKS_KIND_NONE);
}

static void outcomes_and_sources_have_the_names_of_the_lua_api(void) {
  CHECK_TEXT(lks_outcome_name(LKS_NOT_SENT), "not_sent");
  CHECK_TEXT(lks_outcome_name(LKS_REJECTED), "rejected");
  CHECK_TEXT(lks_outcome_name(LKS_UNKNOWN), "unknown");
  CHECK_TEXT(lks_outcome_name(LKS_APPLIED), "applied");
  CHECK_TEXT(lks_source_name(LKS_LOCAL), "local");
  CHECK_TEXT(lks_source_name(LKS_REMOTE), "remote");
  CHECK_TEXT(lks_source_name(LKS_TRANSPORT), "transport");
  CHECK(lks_outcome_name((lks_outcome)4) == NULL);
  CHECK(lks_source_name((lks_source)3) == NULL);
}

int main(void) {
  RUN(every_status_has_its_kind);
  RUN(an_exhausted_quota_outweighs_the_status_of_a_lockpub_refusal);
  RUN(locker_codes_name_the_kind);
  RUN(locker_codes_mean_nothing_to_lockpub);
  RUN(a_duplicate_slug_is_recognised_by_its_words);
  RUN(other_trouble_with_a_slug_is_no_conflict);
  RUN(messages_are_read_within_their_bounds);
  RUN(kinds_have_the_names_of_the_lua_api);
  RUN(kinds_that_say_something_have_a_text);
  RUN(other_names_are_no_kind);
  RUN(outcomes_and_sources_have_the_names_of_the_lua_api);
  return TEST_END();
}
