#include "nearest.h"

#include "ascii.h"

/* Copies without case and underscores; the length, or LKS_NEAREST_MAX + 1. */
static size_t plain(const char *text, size_t length, char *out) {
  size_t kept = 0;
  if (length > LKS_NEAREST_MAX) return LKS_NEAREST_MAX + 1;
  for (size_t i = 0; i < length; i++)
    if (text[i] != '_') out[kept++] = lks_ascii_lower(text[i]);
  return kept;
}

static size_t least(size_t a, size_t b) {
  return a < b ? a : b;
}

size_t lks_nearest_distance(const char *name, size_t length, const char *known, size_t known_length) {
  char a[LKS_NEAREST_MAX], b[LKS_NEAREST_MAX];
  size_t rows[3][LKS_NEAREST_MAX + 1];
  size_t *before = rows[0], *last = rows[1], *row = rows[2];
  size_t from = plain(name, length, a), to = plain(known, known_length, b);
  if (from > LKS_NEAREST_MAX || to > LKS_NEAREST_MAX) return LKS_NEAREST_MAX + 1;
  for (size_t j = 0; j <= to; j++) row[j] = before[j] = j;
  for (size_t i = 1; i <= from; i++) {
    size_t *oldest = before;
    before = last;
    last = row;
    row = oldest;
    row[0] = i;
    for (size_t j = 1; j <= to; j++) {
      row[j] = least(least(last[j] + 1, row[j - 1] + 1), last[j - 1] + (a[i - 1] != b[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = least(row[j], before[j - 2] + 1);
    }
  }
  return row[to];
}

bool lks_nearest_is_slip(size_t distance, size_t length) {
  return distance <= 2 && 3 * distance <= length;
}
