/* Whether the outcome of a call is true: random faults between the machine and a service of which it is known what it
 * did. */
#include "call_script.h"
#include "test.h"

#define RUNS 60000
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* How the way to the service and back may go. `word` is what the client sees of it; where NULL, it sees the answer of
 * the service, if that was asked. */
static const struct fault {
  const char *word;
  bool before; /* the service may be left out of it */
  bool after;  /* the service may have acted before it went wrong */
  bool ambiguous;
} faults[] = {
    {NULL, false, true, false},    {"refused", true, false, false}, {"stuck", true, false, false},
    {"tls", true, false, false},   {"badcert", true, false, false}, {"lost", true, true, true},
    {"late", true, true, true},    {"huge", false, true, true},     {"mangled", true, true, true},
    {"garbage", true, true, true}, /* a page of some gateway, with status 200 */
    {"302", true, true, true},     {"307", true, false, false},     {"400", true, false, false},
    {"401", true, false, false},   {"403", true, false, false},     {"408", true, false, false},
    {"429", true, false, false},   {"429/1", true, false, false},   {"500", true, true, true},
    {"502", true, true, true},     {"503", true, true, true},       {"503/1", true, false, false},
    {"504", true, true, true},
};

/* Faults after which the service's own status line was seen, the rest not. */
static const char *const cuts[] = {"cut", "huge"};

static const struct subject {
  const char *operation;
  lks_retry_class retry;
  bool once; /* a second time would do more than the first */
  lks_slug slug;
} subjects[] = {
    {"lockpub.links.create", LKS_RETRY_CREATE, true, 0},
    {"locker.addresses.create", LKS_RETRY_CREATE, true, 0},
    {"lockpub.links.create", LKS_RETRY_KEYED, true, LKS_SLUG_GUESSABLE},
    {"lockpub.links.create", LKS_RETRY_KEYED, true, LKS_SLUG_FRESH},
    {"lockpub.links.create", LKS_RETRY_KEYED, true, LKS_SLUG_OURS},
    {"locker.addresses.toggle_enabled", LKS_RETRY_TOGGLE, true, 0},
    {"locker.addresses.delete", LKS_RETRY_CONVERGING, true, 0},
    {"locker.addresses.update", LKS_RETRY_CONVERGING, false, 0},
    {"locker.request", LKS_RETRY_NEVER, true, 0},
};

/* The service, as far as one resource goes. */
typedef struct fake_service {
  const struct subject *subject;
  bool exists; /* the slug or the address */
  unsigned received, acted;
} fake_service;

/* Handles one request and returns the status of the answer. */
static int handle(fake_service *service) {
  service->received++;
  if (service->subject->retry == LKS_RETRY_KEYED) {
    if (service->exists) return 409;
    service->exists = true;
  } else if (strcmp(service->subject->operation, "locker.addresses.delete") == 0) {
    if (!service->exists) return 404;
    service->exists = false;
  }
  service->acted++;
  return service->subject->retry == LKS_RETRY_CONVERGING ? 200 : 201;
}

typedef struct evidence {
  bool ambiguous; /* some attempt left the client in doubt */
  bool foreign;   /* the slug was taken from the start, or what is to be deleted was not there */
  bool told;      /* and the client could know that before it was in doubt */
} evidence;

/* Whether a success may stand for something that was there before the call: an earlier call's link, or in doubt what
 * somebody else deleted. */
static bool may_be_earlier(const struct subject *subject, const evidence *witness) {
  if (subject->retry == LKS_RETRY_KEYED) return subject->slug == LKS_SLUG_OURS && witness->foreign;
  return witness->foreign && !witness->told;
}

/* Lets one attempt happen; writes what the client sees of it. */
static void one_attempt(uint64_t *seed, fake_service *service, evidence *witness, char *word, size_t size) {
  if (script_random(seed, 8) == 0) {
    int status = handle(service);
    snprintf(word, size, "%s%d", cuts[script_random(seed, COUNT(cuts))], status);
    if (status < 400)
      witness->ambiguous = true;
    else if (!witness->ambiguous)
      witness->told = true;
    return;
  }
  const struct fault *fault = &faults[script_random(seed, COUNT(faults))];
  int status = 0;
  if (fault->after && (!fault->before || script_random(seed, 2))) status = handle(service);
  if (fault->word == NULL) {
    snprintf(word, size, "%d", status);
    return;
  }
  snprintf(word, size, "%s", fault->word);
  if (fault->ambiguous) witness->ambiguous = true;
}

static void check_truth(const struct subject *subject, const fake_service *service, const evidence *witness,
                        const lks_result *result, unsigned sends) {
  CHECK_INT(result->attempt_count, sends);
  if (subject->once) CHECK(service->acted <= 1);
  switch (result->outcome) {
  case LKS_NOT_SENT: CHECK_INT(service->received, 0); break;
  case LKS_REJECTED: CHECK_INT(service->acted, 0); break;
  case LKS_UNKNOWN: CHECK(witness->ambiguous); break;
  case LKS_APPLIED:
    CHECK_INT(result->kind, LKS_KIND_NONE);
    CHECK(service->acted >= 1 || (result->recovered && may_be_earlier(subject, witness)));
    break;
  }
  if (result->kind != LKS_KIND_NONE && witness->ambiguous) CHECK_INT(result->outcome, LKS_UNKNOWN);
  if (result->recovered && subject->slug != LKS_SLUG_OURS) CHECK(witness->ambiguous);
  if (result->recovered) CHECK(subject->retry != LKS_RETRY_KEYED || subject->slug != LKS_SLUG_GUESSABLE);
}

static void run_once(uint64_t *seed, const struct subject *subject) {
  char log[512] = "", word[32];
  fake_service service = {.subject = subject};
  bool deletes = strcmp(subject->operation, "locker.addresses.delete") == 0;
  /* Nobody else can hold a fresh slug. */
  bool fresh = subject->slug == LKS_SLUG_FRESH;
  evidence witness = {.foreign = !fresh && script_random(seed, 8) == 0};
  service.exists = deletes != witness.foreign;
  call_script script = script_new(script_operation(subject->operation)->service, "");
  script.chance = (double)script_random(seed, 1000) / 1000;
  lks_call_options options = script_options(subject->operation, subject->retry, script_random(seed, 6));
  options.slug = subject->slug;
  lks_call *call = lks_call_new(&options, script.now);
  lks_action action;
  while ((action = lks_call_next(call, script.now)).kind < LKS_ACTION_DONE) {
    if (action.kind == LKS_ACTION_KEY) lks_call_key(call, script.now, script.keys[0]);
    if (action.kind == LKS_ACTION_PACE) lks_call_grant(call, script.now, script_random(seed, 2) * LKS_SECOND);
    if (action.kind == LKS_ACTION_WAIT) script.now += action.span;
    if (action.kind != LKS_ACTION_SEND) continue;
    script.sends++;
    one_attempt(seed, &service, &witness, word, sizeof word);
    snprintf(log + strlen(log), sizeof log - strlen(log), " %s", word);
    script.words = word;
    CHECK(script_answer(&script, call));
  }
  lks_result result;
  lks_call_result(call, &result);
  int failed_before = test_case_failed;
  test_case_failed = 0;
  check_truth(subject, &service, &witness, &result, script.sends);
  if (test_case_failed) {
    fprintf(stderr, "... in %s:%s; received %u, acted %u, outcome %s\n", subject->operation, log, service.received,
            service.acted, lks_outcome_name(result.outcome));
  }
  test_case_failed |= failed_before;
  lks_call_free(call);
  script_free(&script);
}

static void test_outcome_is_true_whatever_goes_wrong(void) {
  uint64_t seed = 20240229;
  for (int i = 0; i < RUNS; i++) run_once(&seed, &subjects[(size_t)i % COUNT(subjects)]);
}

int main(void) {
  RUN(test_outcome_is_true_whatever_goes_wrong);
  return TEST_END();
}
