/* Numbers as bytes, the same on every machine: seven bits a byte, the lowest first, the eighth saying that more follow;
 * those near 0, of either sign, take the fewest. */
#ifndef LKS_BYTES_H
#define LKS_BYTES_H

#include <stdint.h>

#include "buffer.h"

/* Most bytes of a number. */
#define LKS_BYTES_SIZE 10

/* Writes a number to `bytes`, which has room for LKS_BYTES_SIZE, and returns how many it takes. */
size_t lks_bytes_put(char *bytes, int64_t number);
/* False: see lks_buffer. */
bool lks_bytes_append(lks_buffer *out, int64_t number);
/* Reads a number at *bytes, which lies before `end` or at it, and moves *bytes behind it. False when there is none. */
bool lks_bytes_read(const char **bytes, const char *end, int64_t *number);

#endif
