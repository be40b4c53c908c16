/* Names of fields in snake_case. */
#ifndef LKS_SNAKE_H
#define LKS_SNAKE_H

#include <stddef.h>

#define LKS_SNAKE_NAME_MAX 128
#define LKS_SNAKE_SIZE (2 * LKS_SNAKE_NAME_MAX)

/* Writes the name in snake_case, without a NUL: shortUrl is short_url, targetURL is target_url. Returns how many bytes
 * that are; 0 when the name is in it already, or is longer than LKS_SNAKE_NAME_MAX. */
size_t lks_snake(const char *name, size_t length, char out[LKS_SNAKE_SIZE]);

#endif
