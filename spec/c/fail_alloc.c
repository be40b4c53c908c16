#include "fail_alloc.h"

#include <stddef.h>

#ifndef LKS_NO_WRAP /* where the linker cannot wrap, no allocation fails and none is counted */
/* The linker prescribes these names. NOLINTBEGIN(*-reserved-identifier,cert-dcl*) */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);
#endif

static long countdown, live;
static int failed;
static void (*watcher)(const void *block);

void test_fail_alloc(long nth) {
  countdown = nth;
  failed = 0;
}

int test_alloc_failed(void) {
  return failed;
}

long test_alloc_live(void) {
  return live;
}

void test_watch_free(void (*seen)(const void *block)) {
  watcher = seen;
}

#ifndef LKS_NO_WRAP
static int refuse(void) {
  if (countdown == 0 || --countdown > 0) return 0;
  failed = 1;
  return 1;
}

void *__wrap_malloc(size_t size) {
  if (refuse()) return NULL;
  live++;
  return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
  if (refuse()) return NULL;
  live++;
  return __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size) {
  if (refuse()) return NULL;
  if (block == NULL) live++;
  return __real_realloc(block, size);
}

void __wrap_free(void *block) {
  if (block != NULL) live--;
  if (watcher != NULL) watcher(block);
  __real_free(block);
}
/* NOLINTEND(*-reserved-identifier,cert-dcl*) */
#endif
