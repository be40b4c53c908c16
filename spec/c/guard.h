/* Places bytes so that they end at an unreadable page: a parser that looks one byte further crashes instead of passing
 * by luck. */
#ifndef LKS_GUARD_H
#define LKS_GUARD_H

#include <stddef.h>

#define GUARD_MAXIMUM ((size_t)16384)

/* A copy of the bytes whose last one is the last before the unreadable page. Valid until the next call. `bytes` may be
 * NULL for `length` uninitialised writable bytes. At most GUARD_MAXIMUM; exits when there is no memory to be had. */
char *guard_place(const void *bytes, size_t length);

#endif
