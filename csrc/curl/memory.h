/* Allocation for libcurl that leaves nothing behind.
 *
 * libcurl copies key and body into buffers of its own and frees them as they are, so that they would stay readable in
 * a core dump long after the client is gone. These functions are malloc and its family, so a block may also be freed
 * by free(3), except that a block is overwritten when it is given back. */
#ifndef LKS_CURL_MEMORY_H
#define LKS_CURL_MEMORY_H

#include <stddef.h>

#ifdef __linux__
/* malloc_usable_size(3) tells how much there is to overwrite, in glibc and musl. */
#define LKS_CURL_WIPES_MEMORY 1

void lks_curl_free(void *block);
void *lks_curl_realloc(void *block, size_t size);
char *lks_curl_strdup(const char *text);
#endif

#endif
