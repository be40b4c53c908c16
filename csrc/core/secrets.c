#include "secrets.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "find.h"

typedef struct lks_secret {
  struct lks_secret *next;
  size_t length;
  char text[];
} lks_secret;

/* What is known of a byte. */
enum { OPEN, BEGINS, INSIDE };

void lks_secrets_free(lks_secrets *secrets) {
  while (secrets->first != NULL) {
    lks_secret *secret = secrets->first;
    secrets->first = secret->next;
    lks_wipe(secret->text, secret->length);
    free(secret);
  }
}

bool lks_secrets_add(lks_secrets *secrets, const char *text, size_t length) {
  if (length < LKS_SECRET_MIN) return true;
  lks_secret *secret = malloc(sizeof *secret + length);
  if (secret == NULL) return false;
  secret->length = length;
  memcpy(secret->text, text, length);
  secret->next = secrets->first;
  secrets->first = secret;
  return true;
}

bool lks_secrets_shown(const lks_secrets *secrets, const lks_key *key, const char *text, size_t length) {
  if (key != NULL && lks_find(text, length, lks_key_text(key), strlen(lks_key_text(key))) != NULL) return true;
  for (const lks_secret *secret = secrets == NULL ? NULL : secrets->first; secret != NULL; secret = secret->next)
    if (lks_find(text, length, secret->text, secret->length) != NULL) return true;
  return false;
}

size_t lks_secrets_shortest(const lks_secrets *secrets, const lks_key *key) {
  size_t shortest = key == NULL ? SIZE_MAX : strlen(lks_key_text(key));
  for (const lks_secret *secret = secrets->first; secret != NULL; secret = secret->next)
    if (secret->length < shortest) shortest = secret->length;
  return shortest;
}

bool lks_secrets_have_comma(const lks_secrets *secrets) {
  for (const lks_secret *secret = secrets->first; secret != NULL; secret = secret->next)
    if (memchr(secret->text, ',', secret->length) != NULL) return true;
  return false;
}

static void mark(char *marks, const char *text, size_t length, const char *secret, size_t secret_length) {
  const char *from = text, *end = text + length, *found;
  while ((found = lks_find(from, (size_t)(end - from), secret, secret_length)) != NULL) {
    char *here = marks + (found - text);
    if (*here == OPEN) *here = BEGINS;
    memset(here + 1, INSIDE, secret_length - 1);
    from = found + secret_length;
  }
}

static bool write_open(const char *text, size_t length, const char *marks, lks_buffer *out) {
  for (size_t at = 0, next; at < length; at = next) {
    next = at + 1;
    if (marks[at] == OPEN) {
      const char *stop = memchr(marks + at, BEGINS, length - at);
      next = stop == NULL ? length : (size_t)(stop - marks);
      lks_buffer_append(out, text + at, next - at);
    } else {
      while (next < length && marks[next] == INSIDE) next++;
      lks_buffer_append_text(out, LKS_REDACTED);
    }
  }
  return !out->failed;
}

lks_redaction lks_secrets_redact(const lks_secrets *secrets, const lks_key *key, const char *text, size_t length,
                                 lks_buffer *out) {
  if (!lks_secrets_shown(secrets, key, text, length)) return LKS_REDACTION_NONE;
  char *marks = calloc(length, 1);
  if (marks == NULL) return LKS_REDACTION_NO_MEMORY;
  if (key != NULL) mark(marks, text, length, lks_key_text(key), strlen(lks_key_text(key)));
  for (const lks_secret *secret = secrets == NULL ? NULL : secrets->first; secret != NULL; secret = secret->next)
    mark(marks, text, length, secret->text, secret->length);
  bool complete = write_open(text, length, marks, out);
  free(marks);
  return complete ? LKS_REDACTION_DONE : LKS_REDACTION_NO_MEMORY;
}
