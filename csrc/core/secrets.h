/* What no text about a call may show: its key, and what its request holds that is secret. A service, or what stands
 * before it, may repeat what it was sent. */
#ifndef LKS_SECRETS_H
#define LKS_SECRETS_H

#include "buffer.h"
#include "key.h"

/* Shorter ones are left where they are: they would blot out innocent words. In bytes. */
#define LKS_SECRET_MIN 4
#define LKS_REDACTED "[redacted]"

typedef struct lks_secrets {
  struct lks_secret *first; /* owned; NULL: none */
} lks_secrets;

/* {NULL} is an empty one. Overwrites what it holds, then frees. */
void lks_secrets_free(lks_secrets *secrets);
/* Remembers a copy of one that is long enough. False: out of memory. */
bool lks_secrets_add(lks_secrets *secrets, const char *text, size_t length);

/* Whether the text holds one of them, as it was sent, or the key. `secrets` and `key` may be NULL. */
bool lks_secrets_shown(const lks_secrets *secrets, const lks_key *key, const char *text, size_t length);

/* How many bytes the shortest of them, or the key, has: a shorter text shows none. SIZE_MAX: there is none. `key` may
 * be NULL. */
size_t lks_secrets_shortest(const lks_secrets *secrets, const lks_key *key);

/* Whether one holds a comma, and so could come about where several texts are joined to a list. */
bool lks_secrets_have_comma(const lks_secrets *secrets);

typedef enum lks_redaction {
  LKS_REDACTION_NONE, /* it holds none, and nothing was written */
  LKS_REDACTION_DONE,
  LKS_REDACTION_NO_MEMORY /* or over the maximum of the buffer, which has failed */
} lks_redaction;

/* Writes a text that holds one of them to `out`, LKS_REDACTED standing for each stretch of it that is in one. */
lks_redaction lks_secrets_redact(const lks_secrets *secrets, const lks_key *key, const char *text, size_t length,
                                 lks_buffer *out);

#endif
