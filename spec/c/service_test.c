#include "core/service.h"

#include <string.h>

#include "call_script.h"
#include "test.h"

static void knows_both_services(void) {
  static const lks_service_info expected[LKS_SERVICE_COUNT] = {
      {.name = "lockpub",
       .base_url = "https://lock.pub",
       .path_prefix = "/api/v1",
       .key_variable = "LOCKPUB_API_KEY",
       .key_prefix = "ll_",
       .windows = {2, {{20, 10 * LKS_SECOND}, {60, 60 * LKS_SECOND}}},
       .has_quota = true},
      {.name = "locker",
       .base_url = "https://api.locker.io",
       .path_prefix = "/v3/relay",
       .key_variable = "LOCKER_API_KEY",
       .key_prefix = "cs."}};
  for (unsigned i = 0; i < LKS_SERVICE_COUNT; i++) {
    const lks_service_info *info = lks_service_get((lks_service)i);
    lks_service found = LKS_SERVICE_COUNT;
    CHECK_TEXT(info->name, expected[i].name);
    CHECK_TEXT(info->base_url, expected[i].base_url);
    CHECK_TEXT(info->path_prefix, expected[i].path_prefix);
    CHECK_TEXT(info->key_variable, expected[i].key_variable);
    CHECK_TEXT(info->key_prefix, expected[i].key_prefix);
    CHECK(strstr(info->key_missing, info->key_variable) != NULL && strstr(info->key_misfit, info->key_prefix) != NULL);
    CHECK_INT(info->has_quota, expected[i].has_quota);
    CHECK_INT(info->windows.count, expected[i].windows.count);
    for (unsigned w = 0; w < LKS_WINDOWS_MAX; w++) {
      CHECK_INT(info->windows.window[w].requests, expected[i].windows.window[w].requests);
      CHECK_INT(info->windows.window[w].per, expected[i].windows.window[w].per);
    }
    CHECK(lks_service_find(info->name, &found));
    CHECK_INT(found, i);
  }
  CHECK(lks_service_get(LKS_SERVICE_COUNT) == NULL);
}

static void an_unknown_name_finds_nothing(void) {
  static const char *const names[] = {NULL, "", "lock", "lockpubs", "Locker", "lockpub "};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    lks_service found = LKS_LOCKER;
    CHECK(!lks_service_find(names[i], &found));
    CHECK_INT(found, LKS_LOCKER);
  }
}

enum { ID = LKS_OPERATION_HAS_ID, DELETION = LKS_OPERATION_HAS_ID | LKS_OPERATION_REMOVES | LKS_OPERATION_NO_CONTENT };

static const struct {
  const char *name, *method, *route;
  lks_retry_class retry;
  unsigned flags;
} expected_operations[] = {
    {"lockpub.links.create", "POST", "links", LKS_RETRY_CREATE, LKS_OPERATION_QUOTA},
    {"lockpub.request", NULL, NULL, LKS_RETRY_NEVER, LKS_OPERATION_NO_CONTENT},
    {"locker.addresses.list", "GET", "addresses", LKS_RETRY_SAFE, 0},
    {"locker.addresses.create", "POST", "addresses", LKS_RETRY_CREATE, 0},
    {"locker.addresses.get", "GET", "addresses/{id}", LKS_RETRY_SAFE, ID},
    {"locker.addresses.update", "PUT", "addresses/{id}", LKS_RETRY_CONVERGING, ID},
    {"locker.addresses.delete", "DELETE", "addresses/{id}", LKS_RETRY_CONVERGING, DELETION},
    {"locker.addresses.toggle_enabled", "PUT", "addresses/{id}/enabled", LKS_RETRY_TOGGLE, ID},
    {"locker.addresses.toggle_block_spam", "PUT", "addresses/{id}/block_spam", LKS_RETRY_TOGGLE, ID},
    {"locker.subdomains.list", "GET", "subdomains", LKS_RETRY_SAFE, 0},
    {"locker.subdomains.create", "POST", "subdomains", LKS_RETRY_CREATE, 0},
    {"locker.subdomains.get", "GET", "subdomains/{id}", LKS_RETRY_SAFE, ID},
    {"locker.subdomains.update", "PUT", "subdomains/{id}", LKS_RETRY_CONVERGING, ID},
    {"locker.subdomains.delete", "DELETE", "subdomains/{id}", LKS_RETRY_CONVERGING, DELETION},
    {"locker.subdomains.in_use", "GET", "subdomains/use_subdomain", LKS_RETRY_SAFE, 0},
    {"locker.subdomains.set_in_use", "PUT", "subdomains/use_subdomain", LKS_RETRY_CONVERGING, 0},
    {"locker.request", NULL, NULL, LKS_RETRY_NEVER, LKS_OPERATION_NO_CONTENT},
};
#define EXPECTED_COUNT (sizeof expected_operations / sizeof *expected_operations)

static void knows_every_operation(void) {
  for (size_t i = 0; i < EXPECTED_COUNT; i++) {
    const lks_operation *operation = script_operation(expected_operations[i].name);
    CHECK_TEXT(operation->name, expected_operations[i].name);
    CHECK((operation->method == NULL) == (expected_operations[i].method == NULL));
    CHECK((operation->route == NULL) == (expected_operations[i].route == NULL));
    if (expected_operations[i].method != NULL) {
      CHECK_TEXT(operation->method, expected_operations[i].method);
      CHECK_TEXT(operation->route, expected_operations[i].route);
    }
    CHECK_INT(operation->retry, expected_operations[i].retry);
    CHECK_INT(operation->flags, expected_operations[i].flags);
  }
}

static void lists_them_all_under_their_own_service(void) {
  size_t count = 0;
  const lks_operation *operation = NULL;
  for (; (operation = lks_operation_at(count)) != NULL; count++) {
    const char *service = lks_service_get(operation->service)->name;
    CHECK(strncmp(operation->name, service, strlen(service)) == 0 && operation->name[strlen(service)] == '.');
    CHECK(script_operation(operation->name) == operation); /* no other has its name */
  }
  CHECK_INT(count, EXPECTED_COUNT);
  CHECK(lks_operation_at((size_t)-1) == NULL);
}

static void an_id_is_flagged_exactly_where_the_route_has_one(void) {
  const lks_operation *operation = NULL;
  for (size_t i = 0; (operation = lks_operation_at(i)) != NULL; i++) {
    bool has_id = operation->route != NULL && strstr(operation->route, "{id}") != NULL;
    CHECK_INT((operation->flags & LKS_OPERATION_HAS_ID) != 0, has_id);
    if (operation->route != NULL) CHECK(operation->route[0] != '/');
  }
}

static void only_reads_are_safe_to_repeat(void) {
  const lks_operation *operation = NULL;
  for (size_t i = 0; (operation = lks_operation_at(i)) != NULL; i++) {
    bool read = operation->method != NULL && strcmp(operation->method, "GET") == 0;
    CHECK_INT(operation->retry == LKS_RETRY_SAFE, read);
  }
}

int main(void) {
  RUN(knows_both_services);
  RUN(an_unknown_name_finds_nothing);
  RUN(knows_every_operation);
  RUN(lists_them_all_under_their_own_service);
  RUN(an_id_is_flagged_exactly_where_the_route_has_one);
  RUN(only_reads_are_safe_to_repeat);
  return TEST_END();
}
