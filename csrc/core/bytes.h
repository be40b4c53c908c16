/* Numbers as bytes, the same on every machine: 64 bits, two's complement, the least significant byte first. */
#ifndef LKS_BYTES_H
#define LKS_BYTES_H

#include <stdint.h>

#include "buffer.h"

#define LKS_BYTES_SIZE 8

/* False: see lks_buffer. */
bool lks_bytes_append(lks_buffer *out, int64_t number);
/* Reads LKS_BYTES_SIZE bytes. */
int64_t lks_bytes_read(const char *bytes);

#endif
