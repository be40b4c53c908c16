#include "find.h"

#include <stdbool.h>
#include <string.h>

/* So many bytes are compared at every place where the first one stands. */
#define GLANCE 8

/* A needle as Crochemore and Perrin's two-way algorithm takes it ("Two-way string-matching", 1991): cut in two where no
 * repetition shorter than its period surrounds the cut, so that the right part, compared first, tells how far to go on
 * from where it differs. */
typedef struct needle {
  const char *bytes;
  size_t length;
  size_t cut;    /* where the right part begins */
  size_t step;   /* after the right part was there and the left one was not, and after a whole match */
  size_t memory; /* bytes at the beginning that are known to be there after such a step */
} needle;

/* Where the greatest suffix begins in one order of bytes or in the other; *period: its period. */
static size_t greatest_suffix(const char *bytes, size_t length, bool reversed, size_t *period) {
  size_t start = 0, other = 1, same = 0;
  *period = 1;
  while (other + same < length) {
    unsigned char a = (unsigned char)bytes[start + same], b = (unsigned char)bytes[other + same];
    if (a == b) {
      if (++same == *period) {
        other += *period;
        same = 0;
      }
    } else if (reversed ? a < b : a > b) {
      other += same + 1;
      same = 0;
      *period = other - start;
    } else {
      start = other++;
      same = 0;
      *period = 1;
    }
  }
  return start;
}

static needle cut_in_two(const char *bytes, size_t length) {
  size_t period, reversed_period;
  size_t cut = greatest_suffix(bytes, length, false, &period);
  size_t reversed_cut = greatest_suffix(bytes, length, true, &reversed_period);
  needle in = {.bytes = bytes, .length = length, .cut = cut, .step = period};
  if (reversed_cut > cut) {
    in.cut = reversed_cut;
    in.step = reversed_period;
  }
  if (memcmp(bytes, bytes + in.step, in.cut) == 0) {
    in.memory = length - in.step;
  } else {
    in.step = (in.cut > length - in.cut ? in.cut : length - in.cut) + 1;
  }
  return in;
}

static const char *find_needle(const char *text, const char *end, const needle *in) {
  size_t known = 0;
  while ((size_t)(end - text) >= in->length) {
    if (known == 0) {
      const char *cut = memchr(text + in->cut, in->bytes[in->cut], (size_t)(end - text) - in->length + 1);
      if (cut == NULL) return NULL;
      text = cut - in->cut;
    }
    size_t at = known > in->cut ? known : in->cut;
    while (at < in->length && in->bytes[at] == text[at]) at++;
    if (at < in->length) {
      text += at - in->cut + 1;
      known = 0;
      continue;
    }
    at = in->cut;
    while (at > known && in->bytes[at - 1] == text[at - 1]) at--;
    if (at <= known) return text;
    text += in->step;
    known = in->memory;
  }
  return NULL;
}

const char *lks_find(const char *text, size_t length, const char *what, size_t what_length) {
  if (what_length == 0 || what_length > length) return NULL;
  const char *end = text + length, *last = end - what_length;
  size_t glance = what_length < GLANCE ? what_length : GLANCE;
  while (text <= last && (text = memchr(text, what[0], (size_t)(last - text) + 1)) != NULL) {
    if (memcmp(text, what, glance) == 0) {
      if (glance == what_length) return text;
      const needle in = cut_in_two(what, what_length);
      return find_needle(text, end, &in);
    }
    text++;
  }
  return NULL;
}
