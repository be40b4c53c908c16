/* Leaving nothing behind of what libcurl was given: allocation, and the stack.
 *
 * libcurl copies key and body into buffers of its own and frees them as they are, so that they would stay readable in
 * a core dump long after the client is gone. These functions are malloc and its family, so a block may also be freed
 * by free(3), except that a block is overwritten when it is given back. */
#ifndef LKS_CURL_WIPING_H
#define LKS_CURL_WIPING_H

#include <stddef.h>

#ifdef __linux__
/* malloc_usable_size(3) tells how much there is to overwrite, in glibc and musl. */
#define LKS_CURL_WIPES_MEMORY 1

void *lks_curl_malloc(size_t size);
void *lks_curl_calloc(size_t count, size_t size);
void lks_curl_free(void *block);
void *lks_curl_realloc(void *block, size_t size);
char *lks_curl_strdup(const char *text);
#endif

/* Starts libcurl with them. When something else in the process has started it before, its allocation stays, and what
 * libcurl frees is not overwritten. */
#ifdef LKS_CURL_WIPES_MEMORY
#define LKS_CURL_START(flags)                                                                                          \
  curl_global_init_mem((flags), lks_curl_malloc, lks_curl_free, lks_curl_realloc, lks_curl_strdup, lks_curl_calloc)
#else
#define LKS_CURL_START(flags) curl_global_init(flags)
#endif

/* How often one of them had no memory to give so far, in any thread: libcurl does not always say so. */
unsigned lks_curl_shortages(void);

/* libcurl assembles requests in arrays on the stack, too: overwrites what lies below the caller's frame. */
void lks_scrub_stack(void);

#endif
