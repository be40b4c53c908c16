/* The two services and everything they can be asked, as data. */
#ifndef LKS_SERVICE_H
#define LKS_SERVICE_H

#include "pace.h"

typedef enum lks_service { LKS_LOCKPUB, LKS_LOCKER, LKS_SERVICE_COUNT } lks_service;

#define LKS_SERVICE_NAME_SIZE 8 /* with the NUL */

/* Static, as all that it points to. */
typedef struct lks_service_info {
  char name[LKS_SERVICE_NAME_SIZE]; /* "lockpub", "locker" */
  const char *base_url;
  const char *path_prefix;
  const char *key_variable; /* environment variable with the key */
  const char *key_prefix;
  const char *key_missing; /* what to say where there is no key, */
  const char *key_misfit;  /* and where it does not begin so */
  lks_windows windows;     /* the documented ones, without a margin */
  bool has_quota;          /* its answers tell the monthly quota */
} lks_service_info;

/* Static data; NULL only when `service` is none of the two. */
const lks_service_info *lks_service_get(lks_service service);
/* False, and *out left alone, when no service has that name. NULL is no name. */
bool lks_service_find(const char *name, lks_service *out);

/* When a request may be sent a second time. The class belongs to the operation, never to the HTTP verb: Locker's
 * toggles are PUTs that undo themselves when repeated (spec/vectors/locker-wire.md, section 5, "Toggles"). */
typedef enum lks_retry_class {
  LKS_RETRY_NEVER,      /* not even when it was never sent */
  LKS_RETRY_SAFE,       /* reads: after any transient failure, 500 included */
  LKS_RETRY_CONVERGING, /* ends in the same state however often it is applied */
  LKS_RETRY_TOGGLE,     /* flips a stored value: only when the service certainly did not act */
  LKS_RETRY_CREATE,     /* makes one more thing each time: as toggle */
  LKS_RETRY_KEYED       /* a create that carries its own identity (a custom slug): as converging */
} lks_retry_class;

enum {
  LKS_OPERATION_HAS_ID = 1,    /* "{id}" in the route */
  LKS_OPERATION_QUOTA = 2,     /* success uses up one unit of the monthly quota */
  LKS_OPERATION_REMOVES = 4,   /* 404 to the repeat of an unknown attempt means it was applied */
  LKS_OPERATION_NO_CONTENT = 8 /* an empty body is a proper success */
};

/* Static, as all that it points to. */
typedef struct lks_operation {
  const char *name; /* "locker.addresses.create", as in err.operation */
  lks_service service;
  const char *method; /* NULL for "<service>.request", as is the route: the caller gives both, and the class */
  const char *route;  /* below path_prefix, without a leading slash */
  lks_retry_class retry;
  unsigned flags;
} lks_operation;

/* The operation at `index`, or NULL past the end. Static data. */
const lks_operation *lks_operation_at(size_t index);

#endif
