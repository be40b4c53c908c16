#include "wiping.h"

#include "core/buffer.h"

void lks_scrub_stack(void) {
  char below[16384];
  lks_wipe(below, sizeof below);
}

#ifdef LKS_CURL_WIPES_MEMORY

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define GROWS_FROM 1024

static atomic_uint shortages;

unsigned lks_curl_shortages(void) {
  return atomic_load(&shortages);
}

static void *noted(void *block) {
  if (block == NULL) (void)atomic_fetch_add(&shortages, 1);
  return block;
}

void *lks_curl_malloc(size_t size) {
  return noted(malloc(size > 0 ? size : 1));
}

void *lks_curl_calloc(size_t count, size_t size) {
  return noted(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void lks_curl_free(void *block) {
  if (block == NULL) return;
  lks_wipe(block, malloc_usable_size(block));
  free(block);
}

void *lks_curl_realloc(void *block, size_t size) {
  size_t room = block == NULL ? 0 : malloc_usable_size(block);
  if (block != NULL && size > 0 && size <= room) return block;
  /* A block that grows piece by piece, as that of a header that goes on and on, must not be copied for each of them. */
  void *larger = room >= GROWS_FROM && size - room < room / 2 ? malloc(room + room / 2) : NULL;
  if (larger == NULL) larger = lks_curl_malloc(size);
  if (larger == NULL || block == NULL) return larger;
  memcpy(larger, block, room < size ? room : size);
  lks_curl_free(block);
  return larger;
}

char *lks_curl_strdup(const char *text) {
  size_t size = strlen(text) + 1;
  char *copy = lks_curl_malloc(size);
  if (copy != NULL) memcpy(copy, text, size);
  return copy;
}

#else

unsigned lks_curl_shortages(void) {
  return 0;
}

#endif
