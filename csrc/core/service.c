#include "service.h"

#include <string.h>

#define KEY(variable, prefix, title)                                                                                   \
  .key_variable = (variable), .key_prefix = (prefix),                                                                  \
  .key_missing = "no API key: set api_key or the environment variable " variable,                                      \
  .key_misfit = "the API key does not begin with \"" prefix "\" as " title " keys do (" variable ")"

/* LOCK.PUB's windows and quota: spec/vectors/lockpub-api.md. Locker documents neither. */
static const lks_service_info services[LKS_SERVICE_COUNT] = {
    [LKS_LOCKPUB] = {.name = "lockpub",
                     .base_url = "https://lock.pub",
                     .path_prefix = "/api/v1",
                     KEY("LOCKPUB_API_KEY", "ll_", "LOCK.PUB"),
                     .windows = {2, {{20, 10 * LKS_SECOND}, {60, 60 * LKS_SECOND}}},
                     .has_quota = true},
    [LKS_LOCKER] = {.name = "locker",
                    .base_url = "https://api.locker.io",
                    .path_prefix = "/v3/relay",
                    KEY("LOCKER_API_KEY", "cs.", "Locker")},
};

enum {
  HAS_ID = LKS_OPERATION_HAS_ID,
  QUOTA = LKS_OPERATION_QUOTA,
  REMOVAL = LKS_OPERATION_HAS_ID | LKS_OPERATION_REMOVES | LKS_OPERATION_NO_CONTENT
};

static const lks_operation operations[] = {
    {"lockpub.links.create", LKS_LOCKPUB, "POST", "links", LKS_RETRY_CREATE, QUOTA},
    {"lockpub.request", LKS_LOCKPUB, NULL, NULL, LKS_RETRY_NEVER, LKS_OPERATION_NO_CONTENT},

    {"locker.addresses.list", LKS_LOCKER, "GET", "addresses", LKS_RETRY_SAFE, 0},
    {"locker.addresses.create", LKS_LOCKER, "POST", "addresses", LKS_RETRY_CREATE, 0},
    {"locker.addresses.get", LKS_LOCKER, "GET", "addresses/{id}", LKS_RETRY_SAFE, HAS_ID},
    {"locker.addresses.update", LKS_LOCKER, "PUT", "addresses/{id}", LKS_RETRY_CONVERGING, HAS_ID},
    {"locker.addresses.delete", LKS_LOCKER, "DELETE", "addresses/{id}", LKS_RETRY_CONVERGING, REMOVAL},
    {"locker.addresses.toggle_enabled", LKS_LOCKER, "PUT", "addresses/{id}/enabled", LKS_RETRY_TOGGLE, HAS_ID},
    {"locker.addresses.toggle_block_spam", LKS_LOCKER, "PUT", "addresses/{id}/block_spam", LKS_RETRY_TOGGLE, HAS_ID},

    {"locker.subdomains.list", LKS_LOCKER, "GET", "subdomains", LKS_RETRY_SAFE, 0},
    {"locker.subdomains.create", LKS_LOCKER, "POST", "subdomains", LKS_RETRY_CREATE, 0},
    {"locker.subdomains.get", LKS_LOCKER, "GET", "subdomains/{id}", LKS_RETRY_SAFE, HAS_ID},
    {"locker.subdomains.update", LKS_LOCKER, "PUT", "subdomains/{id}", LKS_RETRY_CONVERGING, HAS_ID},
    {"locker.subdomains.delete", LKS_LOCKER, "DELETE", "subdomains/{id}", LKS_RETRY_CONVERGING, REMOVAL},
    {"locker.subdomains.in_use", LKS_LOCKER, "GET", "subdomains/use_subdomain", LKS_RETRY_SAFE, 0},
    {"locker.subdomains.set_in_use", LKS_LOCKER, "PUT", "subdomains/use_subdomain", LKS_RETRY_CONVERGING, 0},
    {"locker.request", LKS_LOCKER, NULL, NULL, LKS_RETRY_NEVER, LKS_OPERATION_NO_CONTENT},
};

const lks_service_info *lks_service_get(lks_service service) {
  return (unsigned)service < LKS_SERVICE_COUNT ? &services[service] : NULL;
}

bool lks_service_find(const char *name, lks_service *out) {
  if (name == NULL) return false;
  for (unsigned i = 0; i < LKS_SERVICE_COUNT; i++) {
    if (strcmp(services[i].name, name) == 0) {
      *out = (lks_service)i;
      return true;
    }
  }
  return false;
}

const lks_operation *lks_operation_at(size_t index) {
  return index < sizeof operations / sizeof *operations ? &operations[index] : NULL;
}
