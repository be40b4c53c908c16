/* What is learned of a service's throttle: by itself, and by clients that run into one, several calls at a time. */
#include "core/throttle.h"

#include <stdlib.h>

#include "call_script.h"
#include "core/client.h"
#include "test.h"

#define S LKS_SECOND
#define T0 SCRIPT_T0

static const lks_windows minute = {.count = 1, .window = {{LKS_WINDOW_REQUESTS_MAX, 60 * S}}};

/* A history of sends from `from` on, `step` apart. */
static void sends(lks_pace *pace, size_t count, lks_time from, lks_span step) {
  for (size_t i = 0; i < count; i++)
    CHECK(lks_pace_record(pace, &minute, from + (lks_span)i * step, from + (lks_span)i * step));
}

/* 600 passed in 3 s, and the next may go 57 s later. */
static lks_throttle learned(lks_pace *pace) {
  lks_throttle throttle = {0};
  sends(pace, 600, T0, S / 200);
  lks_throttle_learn(&throttle, pace, T0 + 3 * S, T0 + 60 * S);
  return throttle;
}

static lks_window window_at(lks_throttle *throttle, lks_time now) {
  lks_windows windows;
  lks_throttle_windows(throttle, now, &windows);
  CHECK_INT(windows.count, 1);
  return windows.window[0];
}

static void a_refusal_tells_a_window(void) {
  lks_pace *pace = lks_pace_new();
  lks_throttle throttle = {0};
  lks_windows windows = {.count = 3};
  lks_throttle_windows(&throttle, T0, &windows);
  CHECK_INT(windows.count, 0);
  lks_throttle_learn(&throttle, pace, T0, T0 + S); /* nothing had passed */
  CHECK_INT(throttle.requests, 0);
  lks_throttle_correct(&throttle, 5);
  lks_throttle_lower(&throttle, pace, T0, T0);
  CHECK_INT(throttle.requests, 0);
  throttle = learned(pace);
  CHECK_INT(window_at(&throttle, T0 + 60 * S).requests, 600);
  CHECK_INT(window_at(&throttle, T0 + 60 * S).per, 60 * S);
  lks_throttle_correct(&throttle, -7);
  CHECK_INT(throttle.requests, 593);
  lks_throttle_correct(&throttle, -700);
  CHECK_INT(throttle.requests, 1);
  lks_throttle_correct(&throttle, 20000);
  CHECK_INT(throttle.requests, LKS_WINDOW_REQUESTS_MAX);
  lks_pace_free(pace);
}

static void another_refusal_takes_it_down_to_what_passed_but_by_half_at_most(void) {
  static const struct {
    size_t passed;
    unsigned left;
  } rows[] = {{599, 599}, {600, 599}, {450, 450}, {300, 300}, {299, 300}, {10, 300}, {0, 300}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    lks_pace *pace = lks_pace_new();
    lks_throttle throttle = learned(pace);
    lks_time now = T0 + 200 * S;
    sends(pace, rows[i].passed, now - 2 * S, S / 1000);
    lks_throttle_lower(&throttle, pace, now - S, now);
    CHECK_INT(throttle.requests, rows[i].left);
    /* Others that were under way then make no second halving. */
    unsigned before = throttle.requests;
    lks_throttle_lower(&throttle, pace, now - S, now + S / 10);
    CHECK(throttle.requests == before || throttle.requests == before - 1);
    lks_pace_free(pace);
  }
}

static void quiet_windows_raise_it_and_idle_ones_end_it(void) {
  lks_pace *pace = lks_pace_new();
  lks_throttle throttle = learned(pace);
  lks_time now = T0 + 3 * S + LKS_THROTTLE_QUIET * 60 * S;
  CHECK_INT(window_at(&throttle, now - 1).requests, 600);
  CHECK_INT(window_at(&throttle, now).requests, 675);
  CHECK_INT(window_at(&throttle, now).requests, 675);
  throttle.requests = 1;
  throttle.learned = T0;
  CHECK_INT(window_at(&throttle, now).requests, 2);
  throttle.requests = LKS_WINDOW_REQUESTS_MAX;
  throttle.learned = T0;
  CHECK_INT(window_at(&throttle, now).requests, LKS_WINDOW_REQUESTS_MAX);
  throttle.used = now;
  CHECK_INT(lks_throttle_end(&throttle), now + LKS_THROTTLE_KEPT * 60 * S);
  lks_windows windows;
  lks_throttle_windows(&throttle, lks_throttle_end(&throttle), &windows);
  CHECK_INT(windows.count, 0);
  CHECK_INT(throttle.requests, 0);
  CHECK(lks_throttle_is_sound(&throttle));
  CHECK(lks_throttle_end(&throttle) < -T0);
  lks_pace_free(pace);
}

static void of_two_the_later_one_stands(void) {
  lks_throttle none = {0}, old = {.requests = 5, .per = S, .learned = T0}, young = old;
  young.learned = T0 + 1;
  young.requests = 9;
  lks_throttle one = none;
  lks_throttle_merge(&one, &none);
  CHECK_INT(one.requests, 0);
  lks_throttle_merge(&one, &young);
  CHECK_INT(one.requests, 9);
  lks_throttle_merge(&one, &old);
  CHECK_INT(one.requests, 9);
  lks_throttle_merge(&one, &none);
  CHECK_INT(one.requests, 9);
}

static void what_makes_no_sense_is_told(void) {
  const lks_throttle good = {.requests = 5, .per = S, .since = T0, .learned = T0, .used = T0};
  lks_throttle bad = {.per = 1};
  CHECK(lks_throttle_is_sound(&good));
  CHECK(!lks_throttle_is_sound(&bad));
  bad = good, bad.requests = LKS_WINDOW_REQUESTS_MAX + 1;
  CHECK(!lks_throttle_is_sound(&bad));
  bad = good, bad.per = 0;
  CHECK(!lks_throttle_is_sound(&bad));
  bad = good, bad.per = LKS_THROTTLE_PER_MAX + 1;
  CHECK(!lks_throttle_is_sound(&bad));
  bad = good, bad.used = INT64_MAX;
  CHECK(!lks_throttle_is_sound(&bad));
  bad = good, bad.since = INT64_MIN;
  CHECK(!lks_throttle_is_sound(&bad));
}

/* A service that lets so many pass in a sliding window, and clients of it that keep so many calls under way each. */
#define CALLS_MAX 24
#define PASSED_MAX 20000

typedef struct service {
  size_t limit;
  lks_span per;
  lks_time passed[PASSED_MAX];
  size_t count, refused;
} service;

/* Seconds to wait, 0 when it passes. */
static lks_span ask(service *asked, lks_time now) {
  lks_time oldest = asked->count < asked->limit ? INT64_MIN / 2 : asked->passed[asked->count - asked->limit];
  if (oldest + asked->per <= now) {
    asked->passed[asked->count++] = now;
    return 0;
  }
  asked->refused++;
  return (oldest + asked->per - now + S - 1) / S;
}

typedef struct worker {
  lks_client *client;
  lks_call *call;
  lks_ticket ticket;
  lks_time due;
  lks_span told; /* of the answer that is under way: below 0 none is */
} worker;

typedef struct run {
  service service;
  lks_memory_store *store;
  worker workers[CALLS_MAX];
  size_t count, begun, wanted, failed;
  lks_span latency;
  lks_time now;
} run;

static void begin(run *all, worker *own) {
  lks_call_options options = script_options("locker.addresses.get", LKS_RETRY_SAFE, 2);
  options.limits.timeout = 3600 * S;
  own->call = all->begun < all->wanted ? lks_client_call(own->client, &options, all->now) : NULL;
  own->due = all->now;
  own->told = -1;
  if (own->call != NULL) all->begun++;
}

static void answer(run *all, worker *own) {
  lks_policy_headers headers;
  lks_headers_clear(&headers);
  if (own->told > 0) snprintf(headers.retry_after, sizeof headers.retry_after, "%d", (int)own->told);
  const lks_received received = {
      .status = own->told > 0 ? 429 : 200, .body = LKS_BODY_JSON, .headers = &headers, .connected = 0};
  lks_quota quota;
  lks_client_response(own->client, all->store, own->call, all->now, 0.5, &received, &quota);
  own->told = -1;
}

static void step(run *all, worker *own) {
  all->now = own->due;
  if (own->told >= 0) answer(all, own);
  lks_action action = lks_client_next(own->client, all->store, own->call, &own->ticket, all->now);
  switch (action.kind) {
  case LKS_ACTION_SEND:
    own->told = ask(&all->service, all->now + all->latency / 2);
    own->due = all->now + all->latency;
    break;
  case LKS_ACTION_WAIT: own->due = all->now + action.span; break;
  case LKS_ACTION_DONE:
  case LKS_ACTION_FAILED:
    if (action.kind == LKS_ACTION_FAILED) all->failed++;
    lks_call_free(own->call);
    begin(all, own);
    break;
  default: CHECK(!"an action that is not expected"); own->due = INT64_MAX;
  }
}

/* Runs `requests` calls, `each` at once of every client; returns how long they took. */
static lks_span play(run *all, unsigned clients, unsigned each, size_t requests) {
  lks_key *key = script_key(LKS_LOCKER, "a");
  lks_time began = all->now = T0;
  all->store = lks_memory_store_new();
  all->wanted = requests;
  for (unsigned i = 0; i < clients; i++) {
    const lks_client_options options = {.service = LKS_LOCKER, .user_agent = "test"};
    lks_client *client = NULL;
    CHECK_INT(lks_client_new(&options, &client), LKS_URL_OK);
    lks_client_set_key(client, key);
    for (unsigned j = 0; j < each; j++) {
      worker *own = &all->workers[all->count++];
      own->client = lks_client_retain(client);
      begin(all, own);
    }
    lks_client_release(client);
  }
  for (;;) {
    worker *first = NULL;
    for (size_t i = 0; i < all->count; i++)
      if (all->workers[i].call != NULL && (first == NULL || all->workers[i].due < first->due)) first = &all->workers[i];
    if (first == NULL) break;
    step(all, first);
  }
  for (size_t i = 0; i < all->count; i++) lks_client_release(all->workers[i].client);
  lks_memory_store_free(all->store);
  lks_key_free(key);
  CHECK_INT(all->failed, 0);
  CHECK_INT(all->service.count, requests);
  return all->now - began;
}

/* What as many requests take at the least. */
static lks_span least(const run *all) {
  return (lks_span)((all->wanted - 1) / all->service.limit) * all->service.per;
}

static void check_play(unsigned clients, unsigned each, size_t limit, lks_span per, size_t requests, size_t refusals) {
  run *all = calloc(1, sizeof *all);
  all->service = (service){.limit = limit, .per = per};
  all->latency = S / 20;
  lks_span took = play(all, clients, each, requests);
  lks_span burst =
      (lks_span)limit * all->latency / (lks_span)(clients * each); /* the last window's, and as much again */
  if (took > least(all) * 11 / 10 + 2 * burst || all->service.refused > refusals) {
    fprintf(stderr,
            "%u clients, %u calls each, %zu in %lld s: %lld ms for %zu requests, %lld at the least; %zu refused\n",
            clients, each, limit, (long long)(per / S), (long long)(took / 1000), requests,
            (long long)(least(all) / 1000), all->service.refused);
    CHECK(!"slow, or refused too often");
  }
  free(all);
}

static void what_passes_is_kept_to(void) {
  check_play(1, 8, 600, 60 * S, 702, 8);
  check_play(1, 8, 600, 60 * S, 3000, 8);
  check_play(3, 8, 600, 60 * S, 3000, 24);
  check_play(1, 1, 600, 60 * S, 3000, 1);
  check_play(1, 8, 600, 60 * S, 12000, 60);
  check_play(1, 8, 60, 60 * S, 600, 30);
  check_play(2, 4, 1000, 3600 * S, 5000, 8);
  check_play(1, 8, 20, 10 * S, 1000, 40);
}

int main(void) {
  RUN(a_refusal_tells_a_window);
  RUN(another_refusal_takes_it_down_to_what_passed_but_by_half_at_most);
  RUN(quiet_windows_raise_it_and_idle_ones_end_it);
  RUN(of_two_the_later_one_stands);
  RUN(what_makes_no_sense_is_told);
  RUN(what_passes_is_kept_to);
  return TEST_END();
}
