/* Finding bytes in bytes, in linear time whatever they are. */
#ifndef LKS_FIND_H
#define LKS_FIND_H

#include <stddef.h>

/* The first place of `what` in `text`; NULL when it is in none, and for an empty `what`. Either may be NULL when its
 * length is 0. */
const char *lks_find(const char *text, size_t length, const char *what, size_t what_length);

#endif
