#include "buffer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* No object can be larger on any platform, since pointers into it must be subtractable. */
#define LARGEST (SIZE_MAX / 2 - 1)
#define SMALLEST ((size_t)64)
#define PIECE ((size_t)1024)

void lks_wipe(void *memory, size_t length) {
  /* It might point to any function by the time it is read: the compiler cannot leave the calls out. */
  void *(*volatile overwrite)(void *, int, size_t) = memset;
  /* In pieces: from 2 KiB on some libraries fill with one slow-to-start string instruction. */
  char *at = memory;
  for (; length > PIECE; at += PIECE, length -= PIECE) overwrite(at, 0, PIECE);
  if (length > 0) overwrite(at, 0, length);
}

void lks_buffer_init(lks_buffer *buffer, size_t maximum) {
  *buffer = (lks_buffer){.maximum = maximum};
}

static bool fail(lks_buffer *buffer, bool full) {
  buffer->failed = true;
  buffer->full = full;
  return false;
}

static bool resize(lks_buffer *buffer, size_t capacity) {
  char *data = realloc(buffer->data, capacity + 1);
  if (data == NULL) return fail(buffer, false);
  data[buffer->length] = '\0';
  buffer->data = data;
  buffer->capacity = capacity;
  return true;
}

bool lks_buffer_reserve(lks_buffer *buffer, size_t capacity) {
  if (buffer->failed) return false;
  if (capacity > buffer->maximum) return fail(buffer, true);
  if (capacity > LARGEST) return fail(buffer, false);
  if (capacity <= buffer->capacity && buffer->data != NULL) return true;
  return resize(buffer, capacity);
}

/* Doubling keeps a long run of small appends linear; the maximum is reached exactly, not by a power of two. */
static bool grow(lks_buffer *buffer, size_t wanted) {
  size_t ceiling = buffer->maximum < LARGEST ? buffer->maximum : LARGEST;
  size_t capacity = buffer->capacity < ceiling / 2 ? buffer->capacity * 2 : ceiling;
  if (capacity < SMALLEST) capacity = SMALLEST < ceiling ? SMALLEST : ceiling;
  return resize(buffer, capacity < wanted ? wanted : capacity);
}

bool lks_buffer_append(lks_buffer *buffer, const char *bytes, size_t length) {
  if (buffer->failed) return false;
  if (length == 0) return true;
  if (length > buffer->maximum - buffer->length) return fail(buffer, true);
  if (length > LARGEST - buffer->length) return fail(buffer, false);
  if (length > buffer->capacity - buffer->length && !grow(buffer, buffer->length + length)) return false;
  memcpy(buffer->data + buffer->length, bytes, length);
  buffer->length += length;
  buffer->data[buffer->length] = '\0';
  return true;
}

bool lks_buffer_append_text(lks_buffer *buffer, const char *text) {
  return lks_buffer_append(buffer, text, text == NULL ? 0 : strlen(text));
}

bool lks_buffer_append_number(lks_buffer *buffer, long long number) {
  char digits[3 * sizeof number + 1]; /* a byte is less than three digits */
  size_t at = sizeof digits;
  /* Negating LLONG_MIN as unsigned is defined, as signed it is not. */
  unsigned long long rest = number < 0 ? 0ULL - (unsigned long long)number : (unsigned long long)number;
  do {
    digits[--at] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  if (number < 0) digits[--at] = '-';
  return lks_buffer_append(buffer, digits + at, sizeof digits - at);
}

void lks_buffer_clear(lks_buffer *buffer) {
  buffer->length = 0;
  buffer->failed = false;
  buffer->full = false;
  if (buffer->data != NULL) buffer->data[0] = '\0';
}

void lks_buffer_free(lks_buffer *buffer) {
  free(buffer->data);
  lks_buffer_init(buffer, buffer->maximum);
}

void lks_buffer_wipe(lks_buffer *buffer) {
  /* Not just the content: a cleared buffer still holds what was there. */
  lks_wipe(buffer->data, buffer->capacity);
  lks_buffer_free(buffer);
}
