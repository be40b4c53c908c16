#include "message.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"

char *lks_message_copy(const char *text, size_t maximum) {
  if (text == NULL) return NULL;
  size_t length = strlen(text);
  if (length > maximum) {
    length = maximum;
    while (length > 0 && ((unsigned char)text[length] & 0xC0u) == 0x80u) length--;
  }
  char *copy = malloc(length + 1);
  if (copy == NULL) return NULL;
  memcpy(copy, text, length);
  copy[length] = '\0';
  return copy;
}

char *lks_message_clean(const char *text, size_t maximum, const lks_secrets *secrets, const lks_key *key) {
  if (text == NULL) return NULL;
  lks_buffer clean;
  lks_buffer_init(&clean, SIZE_MAX / 2);
  lks_redaction redaction = lks_secrets_redact(secrets, key, text, strlen(text), &clean);
  char *copy = NULL;
  if (redaction != LKS_REDACTION_NO_MEMORY)
    copy = lks_message_copy(redaction == LKS_REDACTION_DONE ? clean.data : text, maximum);
  lks_buffer_free(&clean);
  return copy;
}

char *lks_message_join(const char *first, const char *second) {
  if (first == NULL || second == NULL) return lks_message_copy(first == NULL ? second : first, LKS_MESSAGE_MAX);
  lks_buffer joined;
  lks_buffer_init(&joined, strlen(first) + 2 + strlen(second));
  lks_buffer_append_text(&joined, first);
  lks_buffer_append(&joined, "; ", 2);
  char *message = NULL;
  if (lks_buffer_append_text(&joined, second)) message = lks_message_copy(joined.data, LKS_MESSAGE_MAX);
  lks_buffer_free(&joined);
  return message;
}
