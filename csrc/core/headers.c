#include "headers.h"

#include <string.h>

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_name(const char *name, size_t length, const char *wanted, size_t wanted_length) {
  if (length != wanted_length) return false;
  for (size_t i = 0; i < length; i++)
    if (lower(name[i]) != wanted[i]) return false;
  return true;
}

void lks_headers_clear(lks_policy_headers *headers) {
  headers->retry_after[0] = headers->quota_limit[0] = headers->quota_remaining[0] = headers->quota_reset[0] = '\0';
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

static void keep(char *room, const char *value, size_t length) {
  while (length > 0 && is_blank(value[length - 1])) length--;
  while (length > 0 && is_blank(*value)) value++, length--;
  if (room[0] != '\0' || length >= LKS_HEADER_VALUE_MAX) return;
  if (length == 0 || memchr(value, '\0', length) != NULL) return;
  memcpy(room, value, length);
  room[length] = '\0';
}

#define IS(text) is_name(name, name_length, (text), sizeof(text) - 1)

void lks_headers_take(lks_policy_headers *headers, const char *name, size_t name_length, const char *value,
                      size_t value_length) {
  if (name_length == 0) return;
  char first = lower(name[0]);
  if (first == 'r') {
    if (IS("retry-after")) keep(headers->retry_after, value, value_length);
  } else if (first == 'x') {
    if (IS("x-api-quota-limit"))
      keep(headers->quota_limit, value, value_length);
    else if (IS("x-api-quota-remaining"))
      keep(headers->quota_remaining, value, value_length);
    else if (IS("x-api-quota-reset"))
      keep(headers->quota_reset, value, value_length);
  }
}

void lks_headers_read(lks_policy_headers *headers, const char *lines, size_t length) {
  const char *end = lines + length;
  while (lines < end) {
    const char *newline = memchr(lines, '\n', (size_t)(end - lines));
    const char *stop = newline == NULL ? end : newline;
    char first = lower(*lines);
    if (first == 'r' || first == 'x') {
      const char *colon = memchr(lines, ':', (size_t)(stop - lines));
      if (colon != NULL)
        lks_headers_take(headers, lines, (size_t)(colon - lines), colon + 1, (size_t)(stop - colon - 1));
    }
    lines = newline == NULL ? end : newline + 1;
  }
}

const char *lks_headers_value(const char *value) {
  return value[0] == '\0' ? NULL : value;
}
