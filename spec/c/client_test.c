/* What calls of one client have in common, and the driving of a call as far as nothing from outside is needed. */
#include "core/client.h"

#include "call_script.h"
#include "test.h"

#define S LKS_SECOND
#define T0 SCRIPT_T0
#define COUNT(array) (sizeof(array) / sizeof *(array))
#define GET "locker.addresses.get"

static lks_client *client_with(lks_client_options options) {
  lks_client *client = NULL;
  if (options.user_agent == NULL) options.user_agent = "locksmith/test";
  CHECK_INT(lks_client_new(&options, &client), LKS_URL_OK);
  return client;
}

static lks_client *locker_client(void) {
  return client_with((lks_client_options){.service = LKS_LOCKER, .margin = S / 20, .key_renewable = true});
}

static void give_key(lks_client *client, const char *name) {
  bool lockpub = strcmp(lks_client_base_url(client), "https://lock.pub") == 0;
  lks_key *key = script_key(lockpub ? LKS_LOCKPUB : LKS_LOCKER, name);
  lks_client_set_key(client, key);
  lks_key_free(key);
}

static void test_services_have_their_own_defaults(void) {
  lks_client *client = client_with((lks_client_options){.service = LKS_LOCKPUB});
  CHECK_TEXT(lks_client_base_url(client), "https://lock.pub");
  CHECK_TEXT(lks_client_path_prefix(client), "/api/v1");
  CHECK_TEXT(lks_client_user_agent(client), "locksmith/test");
  CHECK_INT(lks_client_windows(client)->count, 2);
  CHECK_INT(lks_client_windows(client)->window[0].requests, 20);
  CHECK_INT(lks_client_windows(client)->window[1].per, 60 * S);
  lks_client_release(client);
  client = client_with((lks_client_options){.service = LKS_LOCKPUB, .windows = &(lks_windows){.count = 0}});
  CHECK_INT(lks_client_windows(client)->count, 0);
  lks_client_release(client);
  client = client_with((lks_client_options){.service = LKS_LOCKER});
  CHECK_INT(lks_client_windows(client)->count, 0);
  CHECK_TEXT(lks_client_base_url(client), "https://api.locker.io");
  CHECK_TEXT(lks_client_path_prefix(client), "/v3/relay");
  lks_client_release(client);
}

static void test_addresses_are_checked_and_brought_to_one_form(void) {
  static const struct {
    const char *base_url, *prefix;
    lks_url_status status;
    const char *shown_url, *shown_prefix;
  } rows[] = {
      {"HTTPS://Example.COM/", "/v2", LKS_URL_OK, "https://example.com", "/v2"},
      {"http://127.0.0.1:8787", "", LKS_URL_OK, "http://127.0.0.1:8787", ""},
      {"https://example.com/base/", "/", LKS_URL_OK, "https://example.com/base", ""},
      {"https://example.com", "/v3/cystack_platform/relay/", LKS_URL_OK, "https://example.com",
       "/v3/cystack_platform/relay"},
      {"http://example.com", "", LKS_URL_NOT_SECURE, NULL, NULL},
      {"ftp://example.com", "", LKS_URL_BAD_SCHEME, NULL, NULL},
      {"https://user@example.com", "", LKS_URL_USER_INFO, NULL, NULL},
      {"", "", LKS_URL_BAD_SCHEME, NULL, NULL},
      {"https://example.com", "v2", LKS_URL_BAD_PREFIX, NULL, NULL},
      {"https://example.com", "//v2", LKS_URL_BAD_PREFIX, NULL, NULL},
      {"https://example.com", "//", LKS_URL_BAD_PREFIX, NULL, NULL},
      {"https://example.com", "/..", LKS_URL_BAD_PREFIX, NULL, NULL},
      {"https://example.com", "/a?b", LKS_URL_BAD_PREFIX, NULL, NULL},
      {"https://example.com", "/a b", LKS_URL_BAD_PREFIX, NULL, NULL},
  };
  long live = test_alloc_live();
  for (size_t i = 0; i < COUNT(rows); i++) {
    lks_client_options options = {.service = LKS_LOCKER,
                                  .base_url = rows[i].base_url,
                                  .base_url_length = strlen(rows[i].base_url),
                                  .path_prefix = rows[i].prefix,
                                  .path_prefix_length = strlen(rows[i].prefix),
                                  .user_agent = "x"};
    lks_client *client = NULL;
    CHECK_INT(lks_client_new(&options, &client), rows[i].status);
    CHECK((client != NULL) == (rows[i].status == LKS_URL_OK));
    if (client != NULL) {
      CHECK_TEXT(lks_client_base_url(client), rows[i].shown_url);
      CHECK_TEXT(lks_client_path_prefix(client), rows[i].shown_prefix);
    }
    lks_client_release(client);
    CHECK_INT(test_alloc_live(), live);
  }
}

/* The caller is to blame, not the memory. */
static void test_texts_that_are_too_long_are_refused_as_such(void) {
  static char text[LKS_URL_MAX + 100];
  int used = snprintf(text, sizeof text, "https://example.com/");
  memset(text + used, 'a', sizeof text - 1 - (size_t)used);
  lks_client *client = NULL;
  lks_client_options options = {
      .service = LKS_LOCKER, .base_url = text, .base_url_length = sizeof text - 1, .user_agent = "x"};
  CHECK_INT(lks_client_new(&options, &client), LKS_URL_BAD_PATH);
  options = (lks_client_options){
      .service = LKS_LOCKER, .path_prefix = text + 19, .path_prefix_length = sizeof text - 20, .user_agent = "x"};
  CHECK_INT(lks_client_new(&options, &client), LKS_URL_BAD_PREFIX);
  options = (lks_client_options){.service = LKS_LOCKER, .user_agent = text};
  CHECK_INT(lks_client_new(&options, &client), LKS_URL_BAD_PATH);
  CHECK(client == NULL);
}

static void test_every_allocation_may_fail(void) {
  long live = test_alloc_live();
  bool failed = true;
  for (long nth = 1; failed; nth++) {
    lks_client_options options = {.service = LKS_LOCKPUB, .user_agent = "locksmith/test"};
    lks_client *client = NULL;
    test_fail_alloc(nth);
    lks_url_status status = lks_client_new(&options, &client);
    failed = test_alloc_failed();
    test_fail_alloc(0);
    CHECK_INT(status, failed ? LKS_URL_NO_MEMORY : LKS_URL_OK);
    CHECK((client == NULL) == failed);
    lks_client_release(client);
    CHECK_INT(test_alloc_live(), live);
  }
}

static void test_last_owner_frees(void) {
  long live = test_alloc_live();
  lks_client *client = locker_client();
  give_key(client, "a");
  CHECK(lks_client_retain(client) == client);
  lks_client_release(client);
  CHECK_TEXT(lks_client_path_prefix(client), "/v3/relay");
  lks_client_release(client);
  lks_client_release(NULL);
  CHECK_INT(test_alloc_live(), live);
}

static void test_state_is_named_by_service_and_fingerprint_never_by_the_key(void) {
  lks_client *client = locker_client(), *lockpub = client_with((lks_client_options){.service = LKS_LOCKPUB});
  char first[LKS_STATE_NAME_SIZE];
  CHECK_TEXT(lks_client_state_name(client), "");
  CHECK(lks_client_key(client) == NULL);
  give_key(client, "secret");
  memcpy(first, lks_client_state_name(client), sizeof first);
  CHECK(strncmp(first, "locker:", 7) == 0);
  CHECK_INT(strlen(first), 7 + 32);
  CHECK_INT(strspn(first + 7, "0123456789abcdef"), 32);
  CHECK(strstr(first, "secret") == NULL);
  give_key(client, "other");
  CHECK(strcmp(lks_client_state_name(client), first) != 0);
  give_key(client, "secret");
  CHECK_TEXT(lks_client_state_name(client), first);
  lks_client_set_key(client, lks_client_key(client));
  CHECK_TEXT(lks_client_state_name(client), first);
  lks_client_set_key(client, NULL);
  CHECK_TEXT(lks_client_state_name(client), "");
  give_key(lockpub, "secret");
  CHECK(strncmp(lks_client_state_name(lockpub), "lockpub:", 8) == 0);
  lks_client_release(client);
  lks_client_release(lockpub);
}

static void test_margin_widens_every_window(void) {
  const lks_windows given = {.count = 2, .window = {{20, 10 * S}, {60, 60 * S}}};
  lks_client *client = client_with((lks_client_options){.service = LKS_LOCKER, .windows = &given, .margin = S / 20});
  const lks_windows *windows = lks_client_windows(client);
  CHECK_INT(windows->count, 2);
  CHECK_INT(windows->window[0].requests, 20);
  CHECK_INT(windows->window[0].per, 10 * S + S / 20);
  CHECK_INT(windows->window[1].per, 60 * S + S / 20);
  lks_client_release(client);
}

static void test_there_is_room_for_so_many_windows(void) {
  lks_windows given = {.count = LKS_WINDOWS_MAX};
  for (unsigned i = 0; i < LKS_WINDOWS_MAX; i++) given.window[i] = (lks_window){i + 1, (i + 1) * S};
  lks_client *client = client_with((lks_client_options){.service = LKS_LOCKPUB, .windows = &given, .margin = S});
  for (unsigned i = 0; i < LKS_WINDOWS_MAX; i++) CHECK_INT(lks_client_windows(client)->window[i].per, (i + 2) * S);
  lks_client_release(client);
}

static lks_call *call_of(lks_client *client) {
  lks_call_options options = script_options(GET, LKS_RETRY_SAFE, 2);
  return lks_client_call(client, &options, T0);
}

static void test_calls_share_the_budget(void) {
  lks_client *client = locker_client();
  unsigned sends = 0;
  for (int i = 0; i < 200; i++) {
    call_script script = script_new(LKS_LOCKER, "502");
    script.latency = 0;
    script.chance = 0;
    lks_call *call = call_of(client);
    script_run(&script, call);
    sends += script.sends;
    lks_call_free(call);
    script_free(&script);
  }
  CHECK_INT(sends, 200 + LKS_BUDGET_CAPACITY / LKS_BUDGET_RETRY_COST);
  lks_client_release(client);
}

/* Up to which lateness a request is taken to have left at its slot. */
static lks_span allowed_lateness(lks_span margin) {
  lks_client *client = client_with((lks_client_options){.service = LKS_LOCKER, .margin = margin});
  lks_span late = 0, found = -1;
  for (; found < 0 && late < S; late += S / 1000) {
    call_script script = script_new(LKS_LOCKER, "200");
    lks_call *call = call_of(client);
    lks_call_next(call, T0);
    lks_call_key(call, T0, script.keys[0]);
    lks_call_next(call, T0);
    lks_call_grant(call, T0, 0);
    CHECK_INT(lks_call_next(call, T0 + late).kind, LKS_ACTION_SEND);
    script.now = T0 + late;
    script_answer(&script, call);
    if (lks_call_next(call, script.now).effects & LKS_EFFECT_MOVE) found = late - S / 1000;
    lks_call_free(call);
    script_free(&script);
  }
  lks_client_release(client);
  return found;
}

static void test_lateness_within_the_margin_moves_no_slot(void) {
  CHECK_INT(allowed_lateness(S / 20), S / 20);
  CHECK_INT(allowed_lateness(S / 4), S / 4);
  CHECK_INT(allowed_lateness(0), S / 50); /* the grain of timers */
}

static void test_key_and_slot_are_seen_to_without_the_driver(void) {
  lks_client *client = locker_client();
  lks_memory_store *store = lks_memory_store_new();
  lks_ticket ticket = {0};
  give_key(client, "a");
  lks_call *call = call_of(client);
  lks_action action = lks_client_next(client, store, call, &ticket, T0);
  CHECK_INT(action.kind, LKS_ACTION_SEND);
  CHECK(lks_call_current_key(call) == lks_client_key(client));
  CHECK(ticket.held);
  lks_response response = {.status = 200, .body = LKS_BODY_JSON, .connected = S, .quota_reset = -1};
  lks_call_response(call, T0 + S, 0, &response);
  action = lks_client_next(client, store, call, &ticket, T0 + S);
  CHECK_INT(action.kind, LKS_ACTION_DONE);
  CHECK_INT(action.effects, 0);
  CHECK(!ticket.held); /* moved */
  lks_call_free(call);
  lks_memory_store_free(store);
  lks_client_release(client);
}

static void test_slot_is_looked_at_once_more_when_it_has_come(void) {
  lks_client *client = client_with((lks_client_options){
      .service = LKS_LOCKER, .windows = &(lks_windows){.count = 1, .window = {{1, 10 * S}}}, .margin = S / 20});
  lks_memory_store *store = lks_memory_store_new();
  lks_ticket tickets[2] = {{0}, {0}};
  give_key(client, "a");
  lks_call *first = call_of(client), *second = call_of(client);
  CHECK_INT(lks_client_next(client, store, first, &tickets[0], T0).kind, LKS_ACTION_SEND);
  lks_action action = lks_client_next(client, store, second, &tickets[1], T0);
  CHECK_INT(action.kind, LKS_ACTION_WAIT);
  CHECK_INT(action.span, 10 * S + S / 20);
  /* The first left three seconds late, and was told to stay away until so long after. */
  lks_response response = {
      .status = 429, .body = LKS_BODY_JSON, .retry_after = "14", .connected = 3 * S, .quota_reset = -1};
  lks_call_response(first, T0 + 4 * S, 0, &response);
  CHECK_INT(lks_client_next(client, store, first, &tickets[0], T0 + 4 * S).span, 14 * S);
  action = lks_client_next(client, store, second, &tickets[1], T0 + action.span);
  CHECK_INT(action.kind, LKS_ACTION_WAIT);
  CHECK_INT(action.span, 18 * S - (10 * S + S / 20));
  CHECK_INT(lks_client_next(client, store, second, &tickets[1], T0 + 18 * S).kind, LKS_ACTION_SEND);
  CHECK_INT(tickets[1].slot, T0 + 18 * S);
  lks_call_free(first);
  lks_call_free(second);
  lks_memory_store_free(store);
  lks_client_release(client);
}

static lks_policy_headers quota_headers(const char *remaining) {
  lks_policy_headers headers;
  lks_headers_clear(&headers);
  lks_headers_take(&headers, "X-Api-Quota-Limit", 17, "1000", 4);
  lks_headers_take(&headers, "X-Api-Quota-Remaining", 21, remaining, strlen(remaining));
  return headers;
}

static lks_call *creation_of(lks_client *client) {
  const lks_operation *operation = script_operation("lockpub.links.create");
  const lks_call_options options = {
      .operation = operation, .retry = operation->retry, .limits.timeout = 90 * S, .limits.attempt_timeout = 10 * S};
  return lks_client_call(client, &options, T0);
}

static const lks_quota *quota_of(lks_client *client, lks_memory_store *store, const char *key) {
  give_key(client, key);
  lks_state *state = lks_memory_store_get(store, lks_client_state_name(client));
  CHECK(state != NULL);
  return &state->quota;
}

static void test_quota_goes_to_the_key_that_the_attempt_was_sent_with(void) {
  lks_client *client = client_with((lks_client_options){.service = LKS_LOCKPUB, .key_renewable = true});
  lks_memory_store *store = lks_memory_store_new();
  lks_ticket ticket = {0};
  lks_quota quota;
  give_key(client, "old");
  lks_call *call = creation_of(client);
  CHECK_INT(lks_client_next(client, store, call, &ticket, T0).kind, LKS_ACTION_SEND);
  give_key(client, "new"); /* by another call, while this one is out */
  lks_policy_headers headers = quota_headers("0");
  lks_received received = {.status = 201, .body = LKS_BODY_JSON, .headers = &headers};
  lks_client_response(client, store, call, T0 + S, 0, &received, &quota);
  CHECK_INT(lks_client_next(client, store, call, &ticket, T0 + S).kind, LKS_ACTION_DONE);
  CHECK(quota.known && quota.remaining == 0);
  CHECK(!quota_of(client, store, "new")->known);
  CHECK(quota_of(client, store, "old")->known);
  CHECK_INT(quota_of(client, store, "old")->remaining, 0);
  lks_call_free(call);

  give_key(client, "new");
  call = creation_of(client);
  CHECK_INT(lks_client_next(client, store, call, &ticket, T0 + S).kind, LKS_ACTION_SEND);
  lks_call_free(call);
  give_key(client, "old");
  call = creation_of(client);
  CHECK_INT(lks_client_next(client, store, call, &ticket, T0 + S).kind, LKS_ACTION_FAILED);
  lks_call_free(call);
  lks_memory_store_free(store);
  lks_client_release(client);
}

static void test_an_answer_without_a_quota_says_nothing_of_it(void) {
  lks_client *client = client_with((lks_client_options){.service = LKS_LOCKPUB});
  lks_memory_store *store = lks_memory_store_new();
  lks_ticket ticket = {0};
  lks_quota quota = {.known = true};
  give_key(client, "a");
  lks_call *call = creation_of(client);
  CHECK_INT(lks_client_next(client, store, call, &ticket, T0).kind, LKS_ACTION_SEND);
  lks_policy_headers headers;
  lks_headers_clear(&headers);
  lks_received received = {.status = 201, .body = LKS_BODY_JSON, .headers = &headers};
  lks_client_response(client, store, call, T0, 0, &received, &quota);
  CHECK(!quota.known);
  lks_call_free(call);
  lks_memory_store_free(store);
  lks_client_release(client);
}

static void test_without_a_memory_store_slots_are_the_drivers_affair(void) {
  lks_client *client = locker_client();
  lks_ticket ticket = {0};
  give_key(client, "a");
  lks_call *call = call_of(client);
  CHECK_INT(lks_client_next(client, NULL, call, &ticket, T0).kind, LKS_ACTION_PACE);
  lks_call_grant(call, T0, S);
  CHECK_INT(lks_client_next(client, NULL, call, &ticket, T0).kind, LKS_ACTION_WAIT);
  lks_call_abort(call, T0, LKS_KIND_CLOSED, true, NULL);
  lks_action action = lks_client_next(client, NULL, call, &ticket, T0);
  CHECK_INT(action.kind, LKS_ACTION_FAILED);
  CHECK_INT(action.effects, LKS_EFFECT_RELEASE);
  lks_call_free(call);
  lks_client_release(client);
}

/* A promise that nobody confirms counts no longer a second later, and another call would have its place as well. */
static void test_a_promise_that_came_while_the_store_answered_is_confirmed_before_the_send(void) {
  lks_client *client = locker_client();
  lks_ticket ticket = {.promise = 7, .held = true, .slot = T0 + S};
  give_key(client, "a");
  lks_call *call = call_of(client);
  CHECK_INT(lks_client_next(client, NULL, call, &ticket, T0).kind, LKS_ACTION_PACE);
  lks_client_paced(client, call, T0 + 2 * S, &ticket, LKS_KIND_NONE, -S);
  CHECK_INT(lks_client_next(client, NULL, call, &ticket, T0 + 2 * S).kind, LKS_ACTION_PACE);
  ticket.promise = 0;
  lks_client_paced(client, call, T0 + 2 * S, &ticket, LKS_KIND_NONE, -S);
  CHECK_INT(lks_client_next(client, NULL, call, &ticket, T0 + 2 * S).kind, LKS_ACTION_SEND);
  lks_call_free(call);
  lks_client_release(client);
}

static void test_no_effect_is_lost_when_the_key_needs_no_driver(void) {
  lks_client *client = locker_client();
  lks_ticket ticket = {0};
  give_key(client, "a");
  lks_call *call = call_of(client);
  lks_client_next(client, NULL, call, &ticket, T0);
  lks_call_grant(call, T0, 0);
  CHECK_INT(lks_client_next(client, NULL, call, &ticket, T0).kind, LKS_ACTION_SEND);
  give_key(client, "b");
  lks_response response = {.status = 401, .connected = S, .quota_reset = -1};
  lks_call_response(call, T0 + S, 0, &response);
  lks_action action = lks_client_next(client, NULL, call, &ticket, T0 + S);
  CHECK_INT(action.kind, LKS_ACTION_PACE);
  CHECK_INT(action.effects, LKS_EFFECT_MOVE);
  lks_call_free(call);
  lks_client_release(client);
}

static void test_key_is_asked_for_when_missing_expired_or_refused(void) {
  lks_memory_store *store = lks_memory_store_new();
  for (int expired = 0; expired <= 1; expired++) {
    lks_client *client = locker_client();
    lks_ticket ticket = {0};
    lks_call *call = call_of(client);
    if (expired) {
      give_key(client, "old");
      lks_key_set_expiry(lks_client_key(client), T0);
    }
    CHECK_INT(lks_client_next(client, store, call, &ticket, T0).kind, LKS_ACTION_KEY);
    give_key(client, "a"); /* by whichever call */
    CHECK_INT(lks_client_next(client, store, call, &ticket, T0).kind, LKS_ACTION_SEND);
    call_script script = script_new(LKS_LOCKER, "401");
    script_answer(&script, call);
    CHECK_INT(lks_client_next(client, store, call, &ticket, T0).kind, LKS_ACTION_KEY);
    give_key(client, "b");
    CHECK_INT(lks_client_next(client, store, call, &ticket, T0).kind, LKS_ACTION_SEND);
    CHECK(lks_call_current_key(call) == lks_client_key(client));
    script_free(&script);
    lks_call_free(call);
    lks_client_release(client);
  }
  lks_memory_store_free(store);
}

static size_t slots_of(lks_memory_store *store, const char *name, lks_time now) {
  const lks_windows windows = {.count = 1, .window = {{1000, 86400 * S}}};
  lks_state *state = lks_memory_store_get(store, name);
  lks_time slot;
  size_t free_slots = 0;
  while (lks_pace_reserve(state->pace, &windows, now, now, &slot)) free_slots++;
  for (size_t i = 0; i < free_slots; i++) lks_pace_release(state->pace, now);
  return 1000 - free_slots;
}

static void test_slot_goes_back_to_the_key_it_was_taken_for(void) {
  lks_client *client = client_with(
      (lks_client_options){.service = LKS_LOCKER, .windows = &(lks_windows){.count = 1, .window = {{1, 86400 * S}}}});
  lks_memory_store *store = lks_memory_store_new();
  lks_ticket ticket = {0};
  char old_name[LKS_STATE_NAME_SIZE];
  give_key(client, "a");
  memcpy(old_name, lks_client_state_name(client), sizeof old_name);
  lks_call *call = call_of(client);
  CHECK_INT(lks_client_next(client, store, call, &ticket, T0).kind, LKS_ACTION_SEND);
  CHECK_INT(slots_of(store, old_name, T0), 1);
  give_key(client, "b"); /* another call was told of a new key meanwhile */
  lks_failure failure = {.kind = LKS_KIND_PHASE};
  lks_call_failure(call, T0, 0, &failure);
  CHECK_INT(lks_client_next(client, store, call, &ticket, T0).kind, LKS_ACTION_FAILED);
  CHECK_INT(slots_of(store, old_name, T0), 0);
  CHECK_INT(slots_of(store, lks_client_state_name(client), T0), 0);
  lks_call_free(call);
  lks_memory_store_free(store);
  lks_client_release(client);
}

static void test_no_memory_for_the_state_ends_the_call(void) {
  lks_client *client = locker_client();
  lks_memory_store *store = lks_memory_store_new();
  lks_ticket ticket = {0};
  give_key(client, "a");
  lks_call *call = call_of(client);
  test_fail_alloc(1);
  CHECK_INT(lks_client_next(client, store, call, &ticket, T0).kind, LKS_ACTION_FAILED);
  test_fail_alloc(0);
  lks_result result;
  lks_call_result(call, &result);
  CHECK_INT(result.kind, LKS_KIND_NO_MEMORY);
  CHECK_INT(result.retry_after, -1);
  CHECK_INT(result.outcome, LKS_NOT_SENT);
  lks_call_free(call);
  lks_memory_store_free(store);
  lks_client_release(client);
}

int main(void) {
  RUN(test_services_have_their_own_defaults);
  RUN(test_addresses_are_checked_and_brought_to_one_form);
  RUN(test_texts_that_are_too_long_are_refused_as_such);
  RUN(test_every_allocation_may_fail);
  RUN(test_last_owner_frees);
  RUN(test_state_is_named_by_service_and_fingerprint_never_by_the_key);
  RUN(test_margin_widens_every_window);
  RUN(test_there_is_room_for_so_many_windows);
  RUN(test_calls_share_the_budget);
  RUN(test_lateness_within_the_margin_moves_no_slot);
  RUN(test_key_and_slot_are_seen_to_without_the_driver);
  RUN(test_slot_is_looked_at_once_more_when_it_has_come);
  RUN(test_quota_goes_to_the_key_that_the_attempt_was_sent_with);
  RUN(test_an_answer_without_a_quota_says_nothing_of_it);
  RUN(test_without_a_memory_store_slots_are_the_drivers_affair);
  RUN(test_a_promise_that_came_while_the_store_answered_is_confirmed_before_the_send);
  RUN(test_no_effect_is_lost_when_the_key_needs_no_driver);
  RUN(test_key_is_asked_for_when_missing_expired_or_refused);
  RUN(test_slot_goes_back_to_the_key_it_was_taken_for);
  RUN(test_no_memory_for_the_state_ends_the_call);
  return TEST_END();
}
