#include "memory.h"

#ifdef LKS_CURL_WIPES_MEMORY

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"

void lks_curl_free(void *block) {
  if (block == NULL) return;
  lks_wipe(block, malloc_usable_size(block));
  free(block);
}

void *lks_curl_realloc(void *block, size_t size) {
  size_t room = block == NULL ? 0 : malloc_usable_size(block);
  if (block != NULL && size > 0 && size <= room) return block;
  void *larger = malloc(size > 0 ? size : 1);
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
