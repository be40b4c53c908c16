#include "snake.h"

#include "ascii.h"

/* Whether a capital begins a word: after one, or as the last of several before small letters. */
static bool begins_word(const char *name, size_t length, size_t at) {
  if (at == 0) return false;
  char before = name[at - 1];
  if (lks_ascii_is_lower(before) || lks_ascii_is_digit(before)) return true;
  return lks_ascii_is_upper(before) && at + 1 < length && lks_ascii_is_lower(name[at + 1]);
}

size_t lks_snake(const char *name, size_t length, char out[LKS_SNAKE_SIZE]) {
  size_t written = 0;
  bool changed = false;
  if (length > LKS_SNAKE_NAME_MAX) return 0;
  for (size_t i = 0; i < length; i++) {
    bool upper = lks_ascii_is_upper(name[i]);
    if (upper && begins_word(name, length, i)) out[written++] = '_';
    out[written++] = lks_ascii_lower(name[i]);
    changed = changed || upper;
  }
  return changed ? written : 0;
}
