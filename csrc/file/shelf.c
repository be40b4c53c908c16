#include "shelf.h"

#include <string.h>

#define SUM_AT 8
#define SUMMED_AT 16
#define LENGTH_AT 24
#define ENTRY_HEADER 29

uint64_t lks_shelf_sum(uint64_t seed, const void *bytes, size_t length) {
  const unsigned char *byte = bytes;
  uint64_t sum = seed ^ UINT64_C(14695981039346656037);
  for (size_t i = 0; i < length; i++) sum = (sum ^ byte[i]) * UINT64_C(1099511628211);
  return sum;
}

static uint64_t get(const char *bytes, int size) {
  uint64_t value = 0;
  for (int i = size - 1; i >= 0; i--) value = value << 8 | (unsigned char)bytes[i];
  return value;
}

static void put(char *bytes, uint64_t value, int size) {
  for (int i = 0; i < size; i++) bytes[i] = (char)(unsigned char)(value >> 8 * i & 0xff);
}

static bool append(lks_buffer *out, uint64_t value, int size) {
  char bytes[8];
  put(bytes, value, size);
  return lks_buffer_append(out, bytes, (size_t)size);
}

size_t lks_shelf_size(const char *header, uint64_t *number) {
  if (memcmp(header, LKS_SHELF_MAGIC, SUM_AT) != 0) return 0;
  uint64_t length = get(header + LENGTH_AT, 4);
  if (length > LKS_SHELF_MAX - LKS_SHELF_HEADER) return 0;
  *number = get(header + 16, 8);
  return LKS_SHELF_HEADER + (size_t)length;
}

/* Moves on to the next entry. False at the end, and where the bytes are no entry. */
static bool next(const lks_shelf *shelf, size_t *at, lks_shelf_entry *entry) {
  const char *bytes = shelf->entries + *at;
  size_t left = shelf->length - *at;
  if (left < ENTRY_HEADER) return false;
  size_t name_length = (unsigned char)bytes[0];
  uint64_t bytes_length = get(bytes + 1, 4);
  if (bytes_length > left - ENTRY_HEADER || name_length > left - ENTRY_HEADER - (size_t)bytes_length) return false;
  *entry = (lks_shelf_entry){.name = bytes + ENTRY_HEADER,
                             .name_length = name_length,
                             .bytes = bytes + ENTRY_HEADER + name_length,
                             .bytes_length = (size_t)bytes_length,
                             .version = get(bytes + 5, 8),
                             .expires = get(bytes + 13, 8),
                             .boot = get(bytes + 21, 8)};
  *at += ENTRY_HEADER + name_length + (size_t)bytes_length;
  return true;
}

bool lks_shelf_read(const char *bytes, size_t length, lks_shelf *shelf) {
  uint64_t number;
  if (length < LKS_SHELF_HEADER || lks_shelf_size(bytes, &number) != length) return false;
  if (lks_shelf_sum(0, bytes + SUMMED_AT, length - SUMMED_AT) != get(bytes + SUM_AT, 8)) return false;
  *shelf = (lks_shelf){.number = number, .entries = bytes + LKS_SHELF_HEADER, .length = length - LKS_SHELF_HEADER};
  size_t at = 0;
  lks_shelf_entry entry;
  while (next(shelf, &at, &entry)) {
    if (entry.version == 0) return false;
  }
  return at == shelf->length;
}

static bool is_named(const lks_shelf_entry *entry, const char *name, size_t length) {
  return entry->name_length == length && memcmp(entry->name, name, length) == 0;
}

bool lks_shelf_find(const lks_shelf *shelf, const char *name, size_t length, lks_shelf_entry *entry) {
  size_t at = 0;
  while (next(shelf, &at, entry)) {
    if (is_named(entry, name, length)) return true;
  }
  return false;
}

static bool append_entry(lks_buffer *out, const lks_shelf_entry *entry) {
  return append(out, entry->name_length, 1) && append(out, entry->bytes_length, 4) && append(out, entry->version, 8) &&
         append(out, entry->expires, 8) && append(out, entry->boot, 8) &&
         lks_buffer_append(out, entry->name, entry->name_length) &&
         lks_buffer_append(out, entry->bytes, entry->bytes_length);
}

bool lks_shelf_write(const lks_shelf *old, const lks_shelf_entry *entry, uint64_t now, lks_buffer *out) {
  lks_buffer_append(out, LKS_SHELF_MAGIC, SUM_AT);
  append(out, 0, 8);
  append(out, old == NULL ? 1 : old->number + 1, 8);
  append(out, 0, 4);
  lks_shelf_entry other;
  for (size_t at = 0; old != NULL && next(old, &at, &other);) {
    if (other.expires > now && !is_named(&other, entry->name, entry->name_length)) append_entry(out, &other);
  }
  if (!append_entry(out, entry)) return false;
  put(out->data + LENGTH_AT, out->length - LKS_SHELF_HEADER, 4);
  put(out->data + SUM_AT, lks_shelf_sum(0, out->data + SUMMED_AT, out->length - SUMMED_AT), 8);
  return true;
}
