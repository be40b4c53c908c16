#include "key.h"

#include <stdlib.h>
#include <string.h>

#include "ascii.h"
#include "base64url.h"
#include "buffer.h"
#include "sha256.h"
#include "text.h"

#define SCHEME "Bearer "
/* What every documented LOCK.PUB key begins with. */
#define LIVE "ll_live_"

/* One block, so that nothing is left over when an allocation fails and one overwrite reaches every secret. */
struct lks_key {
  size_t owners;
  size_t size; /* of the block */
  lks_service service;
  bool expires;
  lks_time expiry;
  char fingerprint[LKS_FINGERPRINT_SIZE];
  const char *authorization;
  size_t authorization_length;
  const char *payload; /* NULL when the key carries none */
  size_t payload_length;
  char text[]; /* service name, a space, the authorization value, NUL, the payload, NUL */
};

static bool byte_allowed(char byte) {
  return byte > ' ' && byte < 0x7f; /* bytes outside ASCII are negative or above, as char is signed or not */
}

/* Whether a LOCK.PUB key ends where its random part should begin. */
static bool is_prefix_only(const char *text, size_t length, size_t prefix) {
  if (length < sizeof LIVE && memcmp(text, LIVE, length) == 0) return true;
  size_t i = prefix;
  while (i < length && lks_ascii_is_lower(text[i])) i++;
  return i + 1 == length && text[i] == '_';
}

static bool is_base64url(const char *text, size_t length) {
  if (length == 0) return false;
  for (size_t i = 0; i < length; i++) {
    if (!lks_ascii_is_alphanumeric(text[i]) && text[i] != '-' && text[i] != '_') return false;
  }
  return true;
}

/* Finds the payload, the second of the three parts of a token. Header and signature are only checked for their
 * alphabet: what they decode to is for the service to judge. */
static bool token_split(const char *token, size_t length, const char **payload, size_t *payload_length) {
  const char *end = token + length;
  const char *first = memchr(token, '.', length);
  if (first == NULL) return false;
  const char *second = memchr(first + 1, '.', (size_t)(end - first - 1));
  if (second == NULL) return false;
  *payload = first + 1;
  *payload_length = (size_t)(second - first - 1);
  return is_base64url(token, (size_t)(first - token)) && is_base64url(*payload, *payload_length) &&
         is_base64url(second + 1, (size_t)(end - second - 1));
}

static void set_fingerprint(lks_key *key) {
  unsigned char digest[LKS_SHA256_SIZE];
  size_t length = (size_t)(key->authorization - key->text) + key->authorization_length;
  lks_sha256(key->text, length, digest);
  for (size_t i = 0; i < LKS_FINGERPRINT_SIZE - 1; i++)
    key->fingerprint[i] = LKS_ASCII_HEX[i % 2 == 0 ? digest[i / 2] >> 4 : digest[i / 2] & 15];
  key->fingerprint[LKS_FINGERPRINT_SIZE - 1] = '\0';
}

lks_key_status lks_key_new(lks_service service, const char *text, size_t length, lks_key **out) {
  const lks_service_info *info = lks_service_get(service);
  size_t prefix = strlen(info->key_prefix), name = strlen(info->name), scheme = strlen(SCHEME);
  const char *payload = NULL;
  size_t payload_length = 0;

  *out = NULL;
  if (text == NULL || length == 0) return LKS_KEY_MISSING;
  if (length > LKS_KEY_MAX) return LKS_KEY_TOO_LONG;
  for (size_t i = 0; i < length; i++)
    if (!byte_allowed(text[i])) return LKS_KEY_BAD_BYTE;
  if (length < prefix || memcmp(text, info->key_prefix, prefix) != 0) return LKS_KEY_BAD_PREFIX;
  if (length == prefix || (service == LKS_LOCKPUB && is_prefix_only(text, length, prefix))) return LKS_KEY_CUT_OFF;
  if (service == LKS_LOCKER && !token_split(text + prefix, length - prefix, &payload, &payload_length))
    return LKS_KEY_BAD_TOKEN;

  size_t size = sizeof(lks_key) + name + 1 + scheme + length + 1 + lks_base64url_bound(payload_length) + 1;
  lks_key *key = malloc(size);
  if (key == NULL) return LKS_KEY_NO_MEMORY;
  *key = (lks_key){.owners = 1, .size = size, .service = service};

  char *at = key->text;
  memcpy(at, info->name, name);
  at += name;
  *at++ = ' ';
  key->authorization = at;
  key->authorization_length = scheme + length;
  memcpy(at, SCHEME, scheme);
  memcpy(at + scheme, text, length);
  at += scheme + length;
  *at++ = '\0';

  if (payload != NULL) {
    if (!lks_base64url_decode(payload, payload_length, (unsigned char *)at, &key->payload_length)) {
      lks_key_free(key);
      return LKS_KEY_BAD_TOKEN;
    }
    at[key->payload_length] = '\0';
    key->payload = at;
  }
  set_fingerprint(key);
  *out = key;
  return LKS_KEY_OK;
}

void lks_key_free(lks_key *key) {
  if (key == NULL || --key->owners > 0) return;
  lks_wipe(key, key->size);
  free(key);
}

lks_key *lks_key_retain(lks_key *key) {
  key->owners++;
  return key;
}

const char *lks_key_status_text(lks_service service, lks_key_status status) {
  switch (status) {
  case LKS_KEY_OK: return "the API key is well-formed";
  case LKS_KEY_MISSING: return lks_service_get(service)->key_missing;
  case LKS_KEY_TOO_LONG: return "the API key is longer than " LKS_LITERAL(LKS_KEY_MAX) " bytes";
  case LKS_KEY_BAD_BYTE:
    return "the API key contains a space, a line break or another character that no key has; was it copied whole?";
  case LKS_KEY_BAD_PREFIX: return lks_service_get(service)->key_misfit;
  case LKS_KEY_CUT_OFF: return "the API key is cut off: nothing follows its prefix; was it copied whole?";
  case LKS_KEY_BAD_TOKEN:
    return "the API key is not \"cs.\" and three base64url parts joined by dots; was it copied whole?";
  case LKS_KEY_NO_MEMORY: return "out of memory";
  }
  return "the API key cannot be used";
}

const char *lks_key_authorization(const lks_key *key) {
  return key->authorization;
}

const char *lks_key_text(const lks_key *key) {
  return key->authorization + strlen(SCHEME);
}

const char *lks_key_fingerprint(const lks_key *key) {
  return key->fingerprint;
}

const char *lks_key_payload(const lks_key *key, size_t *length) {
  *length = key->payload_length;
  return key->payload;
}

void lks_key_set_expiry(lks_key *key, lks_time expiry) {
  key->expires = true;
  key->expiry = expiry;
}

bool lks_key_expired(const lks_key *key, lks_time now) {
  return key->expires && now >= key->expiry;
}

bool lks_key_equal(const lks_key *a, const lks_key *b) {
  if (a == b) return true;
  if (a == NULL || b == NULL || a->service != b->service) return false;
  return a->authorization_length == b->authorization_length &&
         memcmp(a->authorization, b->authorization, a->authorization_length) == 0;
}
