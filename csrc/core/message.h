/* Texts of an error, owned by whoever asked for them. */
#ifndef LKS_MESSAGE_H
#define LKS_MESSAGE_H

#include "secrets.h"

#define LKS_MESSAGE_MAX 2048

/* A copy of at most `maximum` bytes that does not end inside a UTF-8 sequence; NULL for NULL, and when out of memory.
 * To be freed. */
char *lks_message_copy(const char *text, size_t maximum);
/* The same without secrets (see lks_secrets_redact), which are looked for before it is cut. */
char *lks_message_clean(const char *text, size_t maximum, const lks_secrets *secrets, const lks_key *key);
/* "first; second", of which each may be NULL, cut at LKS_MESSAGE_MAX; NULL without either, and when out of memory. To
 * be freed. */
char *lks_message_join(const char *first, const char *second);

#endif
