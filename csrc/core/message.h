/* Texts of an error, owned by whoever asked for them. */
#ifndef LKS_MESSAGE_H
#define LKS_MESSAGE_H

#include <stddef.h>

#define LKS_MESSAGE_MAX 2048

/* A copy of at most `maximum` bytes that does not end inside a UTF-8 sequence; NULL for NULL, and when out of memory.
 * To be freed. */
char *lks_message_copy(const char *text, size_t maximum);
/* "first; second", of which each may be NULL, cut at LKS_MESSAGE_MAX; NULL without either, and when out of memory. To
 * be freed. */
char *lks_message_join(const char *first, const char *second);

#endif
