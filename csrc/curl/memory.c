#define _DEFAULT_SOURCE /* explicit_bzero */

#include "memory.h"

#ifdef LKS_CURL_WIPES_MEMORY

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

void lks_curl_free(void *block) {
  /* Twenty times as fast as a loop the compiler may not touch, which matters for blocks this many. */
  if (block == NULL) return;
  char *at = block;
  size_t left = malloc_usable_size(block);
  for (; left > 1024; at += 1024, left -= 1024) explicit_bzero(at, 1024);
  explicit_bzero(at, left);
  free(block);
}

void *lks_curl_realloc(void *block, size_t size) {
  size_t room = block == NULL ? 0 : malloc_usable_size(block);
  if (block != NULL && size > 0 && size <= room) return block;
  void *larger = malloc(size);
  if (larger == NULL || block == NULL) return larger;
  memcpy(larger, block, room < size ? room : size);
  lks_curl_free(block);
  return larger;
}

char *lks_curl_strdup(const char *text) {
  size_t size = strlen(text) + 1;
  char *copy = malloc(size);
  if (copy != NULL) memcpy(copy, text, size);
  return copy;
}

#endif
