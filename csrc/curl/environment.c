#include "environment.h"

#include <stddef.h>
#include <stdlib.h>

const char *lks_environment_proxy(bool secure) {
  static const char *const secured[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL};
  static const char *const plain[] = {"http_proxy", "all_proxy", "ALL_PROXY", NULL};
  for (const char *const *name = secure ? secured : plain; *name != NULL; name++) {
    const char *value = getenv(*name);
    if (value != NULL && value[0] != '\0') return value;
  }
  return NULL;
}
