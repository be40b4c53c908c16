#include "headers.h"

#include <string.h>

#include "ascii.h"
#include "quota.h"
#include "retry_after.h"

typedef bool reader(const char *text, size_t length);

static bool is_name(const char *name, const char *wanted, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (lks_ascii_lower(name[i]) != wanted[i]) return false;
  return true;
}

void lks_headers_clear(lks_policy_headers *headers) {
  headers->retry_after[0] = headers->quota_limit[0] = headers->quota_remaining[0] = headers->quota_reset[0] = '\0';
}

/* At what moment a value is read decides what it means, not whether it can be read. */
static bool reads_wait(const char *text, size_t length) {
  lks_span wait;
  return lks_retry_after_parse(text, length, 0, &wait);
}

static bool reads_reset(const char *text, size_t length) {
  lks_time reset;
  return lks_reset_parse(text, length, 0, &reset);
}

static bool reads_count(const char *text, size_t length) {
  long long count;
  return lks_quota_count_parse(text, length, &count);
}

static void trim(const char **value, size_t *length) {
  while (*length > 0 && lks_ascii_is_blank((*value)[*length - 1])) (*length)--;
  while (*length > 0 && lks_ascii_is_blank(**value)) (*value)++, (*length)--;
}

/* "5,000" is a number to some, and no list of 5 and 0. "500,500" is more likely a list. */
static bool is_grouped(const char *text, size_t length) {
  const char *comma = memchr(text, ',', length);
  if (comma == NULL || (length - (size_t)(comma - text)) % 4 != 0) return false;
  size_t first = (size_t)(comma - text);
  if (first == 0 || first > 3) return false;
  for (size_t i = 0; i < length; i++)
    if ((i - first) % 4 == 0 && i >= first ? text[i] != ',' : !lks_ascii_is_digit(text[i])) return false;
  return first < 3 || memcmp(text, text + 4, length - 4) != 0;
}

/* Narrows *value to its first member that can be read. A date holds a comma itself, so that a member is tried up to the
 * next comma and up to the one behind that. */
static bool find_member(const char **value, size_t *length, reader *reads) {
  const char *start = *value, *end = *value + *length;
  if (reads == reads_count && is_grouped(start, *length)) return false;
  for (;;) {
    const char *comma = memchr(start, ',', (size_t)(end - start));
    const char *stop = comma == NULL ? end : comma;
    for (int commas = 0; commas < 2; commas++) {
      const char *member = start;
      size_t size = (size_t)(stop - start);
      trim(&member, &size);
      if (reads(member, size)) {
        *value = member;
        *length = size;
        return true;
      }
      if (stop == end) break;
      stop = memchr(stop + 1, ',', (size_t)(end - stop - 1));
      if (stop == NULL) stop = end;
    }
    if (comma == NULL) return false;
    start = comma + 1;
  }
}

static void keep(char *room, const char *value, size_t length, reader *reads) {
  if (room[0] != '\0' && reads(room, strlen(room))) return;
  trim(&value, &length);
  if (length == 0) return;
  bool readable = find_member(&value, &length, reads);
  if (length >= LKS_HEADER_VALUE_MAX || (!readable && (room[0] != '\0' || memchr(value, '\0', length) != NULL))) return;
  memcpy(room, value, length);
  room[length] = '\0';
}

/* A name in small letters and its length. */
#define NAME(text) text, sizeof(text) - 1

static const struct {
  const char *name;
  size_t length;
  size_t room; /* where in lks_policy_headers */
  reader *reads;
} policy[] = {
    {NAME("retry-after"), offsetof(lks_policy_headers, retry_after), reads_wait},
    {NAME("x-api-quota-limit"), offsetof(lks_policy_headers, quota_limit), reads_count},
    {NAME("x-api-quota-remaining"), offsetof(lks_policy_headers, quota_remaining), reads_count},
    {NAME("x-api-quota-reset"), offsetof(lks_policy_headers, quota_reset), reads_reset},
};

_Static_assert(sizeof policy / sizeof *policy == LKS_POLICY_HEADERS, "each is counted");
_Static_assert(LKS_POLICY_HEADERS *LKS_HEADER_VALUE_MAX == sizeof(lks_policy_headers), "each header has its room");

size_t lks_headers_find(const char *name, size_t length) {
  size_t which = 0;
  /* Most names are ruled out by their length. */
  for (; which < LKS_POLICY_HEADERS; which++)
    if (length == policy[which].length && is_name(name, policy[which].name, length)) break;
  return which;
}

void lks_headers_add(lks_policy_headers *headers, size_t which, const char *value, size_t length) {
  if (which < LKS_POLICY_HEADERS) keep((char *)headers + policy[which].room, value, length, policy[which].reads);
}

void lks_headers_add_first(lks_policy_headers *headers, size_t which, const char *value, size_t length) {
  if (which >= LKS_POLICY_HEADERS) return;
  char *room = (char *)headers + policy[which].room, before[LKS_HEADER_VALUE_MAX];
  memcpy(before, room, strlen(room) + 1);
  room[0] = '\0';
  keep(room, value, length, policy[which].reads);
  keep(room, before, strlen(before), policy[which].reads);
}

void lks_headers_take(lks_policy_headers *headers, const char *name, size_t name_length, const char *value,
                      size_t value_length) {
  lks_headers_add(headers, lks_headers_find(name, name_length), value, value_length);
}

/* The end of the header at `line`: that of the last line that belongs to it. */
static const char *header_end(const char *line, const char *end) {
  const char *newline = memchr(line, '\n', (size_t)(end - line));
  while (newline != NULL && newline + 1 < end && (newline[1] == ' ' || newline[1] == '\t'))
    newline = memchr(newline + 1, '\n', (size_t)(end - newline - 1));
  return newline == NULL ? end : newline;
}

bool lks_headers_next(const char **lines, const char *end, lks_header_line *header) {
  while (*lines < end) {
    const char *name = *lines, *stop = header_end(name, end), *colon = memchr(name, ':', (size_t)(stop - name));
    *lines = stop < end ? stop + 1 : end;
    if (colon == NULL || colon == name || lks_ascii_is_blank(*name)) continue;
    header->name = name;
    header->name_length = (size_t)(colon - name);
    if (memchr(name, '\n', header->name_length) != NULL) continue;
    header->value = colon + 1;
    header->value_length = (size_t)(stop - header->value);
    trim(&header->value, &header->value_length);
    return true;
  }
  return false;
}

size_t lks_headers_unfold(const char *value, size_t length, char *out) {
  const char *end = value + length;
  size_t used = 0;
  while (value < end) {
    const char *newline = memchr(value, '\n', (size_t)(end - value));
    const char *stop = newline == NULL ? end : newline;
    while (stop > value && lks_ascii_is_blank(stop[-1])) stop--;
    memcpy(out + used, value, (size_t)(stop - value));
    used += (size_t)(stop - value);
    if (newline == NULL) break;
    out[used++] = ' ';
    for (value = newline; value < end && lks_ascii_is_blank(*value);) value++;
  }
  return used;
}

void lks_headers_read(lks_policy_headers *headers, const char *lines, size_t length) {
  const char *end = lines + length;
  lks_header_line header;
  while (lks_headers_next(&lines, end, &header))
    lks_headers_take(headers, header.name, header.name_length, header.value, header.value_length);
}

const char *lks_headers_value(const char *value) {
  return value[0] == '\0' ? NULL : value;
}
