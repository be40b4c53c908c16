/* An API key: checked, fingerprinted, ready to be sent, wiped when freed. */
#ifndef LKS_KEY_H
#define LKS_KEY_H

#include "service.h"
#include "timestamp.h"

typedef struct lks_key lks_key;

#define LKS_KEY_MAX 8192
#define LKS_FINGERPRINT_SIZE 33 /* 32 hex digits and a NUL */

typedef enum lks_key_status {
  LKS_KEY_OK,
  LKS_KEY_MISSING,    /* NULL or empty */
  LKS_KEY_TOO_LONG,   /* over LKS_KEY_MAX */
  LKS_KEY_BAD_BYTE,   /* a space, a control character or a byte outside ASCII */
  LKS_KEY_BAD_PREFIX, /* not the prefix of this service */
  LKS_KEY_CUT_OFF,    /* nothing behind the prefix: "cs.", "ll_", "ll_live_" or the beginning of it, "ll_word_" */
  LKS_KEY_BAD_TOKEN,  /* cs.: not three non-empty base64url parts, or a payload that does not decode */
  LKS_KEY_NO_MEMORY
} lks_key_status;

/* Copies and checks `text`. On LKS_KEY_OK *out is a new key owned by the caller, else NULL. Of a token's header and
 * signature only the alphabet is checked: what they mean is for the service to judge. `service` is a valid one. */
lks_key_status lks_key_new(lks_service service, const char *text, size_t length, lks_key **out);
/* Overwrites every copy, then frees. NULL is a no-op. */
void lks_key_free(lks_key *key);
/* One more owner; returns key. Each owner calls lks_key_free. Not thread-safe. */
lks_key *lks_key_retain(lks_key *key);

/* One line in English naming the service's variable where it helps, never the key. Static. */
const char *lks_key_status_text(lks_service service, lks_key_status status);

/* The whole "Bearer …" value of the Authorization header. Borrowed, valid as long as the key. A secret. */
const char *lks_key_authorization(const lks_key *key);
/* The key as it was given. Borrowed, valid as long as the key. A secret. */
const char *lks_key_text(const lks_key *key);
/* SHA-256 of "<service name> <authorization value>", cut to 128 bits, in lower-case hex. Borrowed, valid as
 * long as the key. */
const char *lks_key_fingerprint(const lks_key *key);
/* The decoded JSON payload of a cs. key (borrowed, valid as long as the key, NUL-terminated), NULL for other keys.
 * Decoding the JSON is the caller's affair; what it finds in expired_time comes back through lks_key_set_expiry. It may
 * hold NUL bytes: go by *length, which is 0 with NULL. A secret only in part: the payload alone opens nothing. */
const char *lks_key_payload(const lks_key *key, size_t *length);
/* Instant from which the key is refused; a key without one never expires. */
void lks_key_set_expiry(lks_key *key, lks_time expiry);
bool lks_key_expired(const lks_key *key, lks_time now);
/* Same service and same text. NULL equals NULL only. */
bool lks_key_equal(const lks_key *a, const lks_key *b);

#endif
