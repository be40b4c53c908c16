#include "json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ascii.h"
#include "number.h"
#include "utf8.h"

/* The mark as JSON spells it. */
#define MARK "\\u0001"
#define MARK_LENGTH (sizeof MARK - 1)
#define REPLACEMENT "\\ufffd"
#define ESCAPE_LENGTH 6 /* of \uXXXX */

/* A text on its way: what lies before `copied` is in `out` or was left out. */
typedef struct scan {
  const char *next, *end;
  const char *copied;
  lks_buffer *out;
  bool changed;
  bool comma_is_point; /* strtod takes "1," for a number */
} scan;

/* Writes what lies before `from`; the next byte to be written is that at `to`. */
static void replace(scan *s, const char *from, const char *to) {
  lks_buffer_append(s->out, s->copied, (size_t)(from - s->copied));
  s->copied = to;
  s->changed = true;
}

static lks_json_status finish(scan *s) {
  if (!s->changed) return LKS_JSON_AS_IS;
  replace(s, s->end, s->end);
  return s->out->failed ? LKS_JSON_NO_MEMORY : LKS_JSON_REWRITTEN;
}

static size_t left(const scan *s) {
  return (size_t)(s->end - s->next);
}

static bool starts_with(const char *text, const char *end, const char *word, size_t length) {
  return (size_t)(end - text) >= length && memcmp(text, word, length) == 0;
}

static void skip_space(scan *s) {
  while (s->next < s->end && lks_ascii_is_blank(*s->next)) s->next++;
}

/* The 16 bits of the escape at text, -1 when there is none. */
static long unicode_escape(const char *text, const char *end) {
  if (!starts_with(text, end, "\\u", 2) || end - text < ESCAPE_LENGTH) return -1;
  long code = 0;
  for (int i = 2; i < ESCAPE_LENGTH; i++) {
    int digit = lks_ascii_hex(text[i]);
    if (digit < 0) return -1;
    code = code * 16 + digit;
  }
  return code;
}

static bool is_high_surrogate(long code) {
  return code >= 0xD800 && code <= 0xDBFF;
}

static bool is_low_surrogate(long code) {
  return code >= 0xDC00 && code <= 0xDFFF;
}

static bool read_escape(scan *s) {
  const char *at = s->next;
  if (left(s) < 2) return false;
  if (at[1] != 'u') {
    s->next += 2;
    return at[1] != '\0' && strchr("\"\\/bfnrt", at[1]) != NULL;
  }
  long code = unicode_escape(at, s->end);
  if (code < 0) return false;
  s->next += ESCAPE_LENGTH;
  if (is_high_surrogate(code) && is_low_surrogate(unicode_escape(s->next, s->end))) {
    s->next += ESCAPE_LENGTH;
  } else if (is_high_surrogate(code) || is_low_surrogate(code)) {
    replace(s, at, s->next);
    lks_buffer_append(s->out, REPLACEMENT, ESCAPE_LENGTH);
  }
  return true;
}

static void read_character(scan *s) {
  size_t bad, size = lks_utf8_character(s->next, left(s), &bad);
  if (size == 0) {
    replace(s, s->next, s->next + bad);
    lks_buffer_append(s->out, REPLACEMENT, ESCAPE_LENGTH);
  }
  s->next += size == 0 ? bad : size;
}

static bool is_marked(const scan *s) {
  return s->next < s->end && (*s->next == LKS_JSON_MARK || starts_with(s->next, s->end, MARK, MARK_LENGTH));
}

static bool is_plain(char c) {
  return c != '"' && c != '\\' && c != '\0' && (unsigned char)c < 0x80;
}

/* Past the bytes of a string that need no look. Eight at a time: the high bit of a byte less one is set where it was 0,
 * and sometimes behind that, where a second look does no harm. */
static const char *skip_plain(const char *c, const char *end) {
  const uint64_t ones = UINT64_C(0x0101010101010101), high_bits = ones << 7;
  uint64_t bytes;
  for (; (size_t)(end - c) >= sizeof bytes; c += sizeof bytes) {
    memcpy(&bytes, c, sizeof bytes);
    uint64_t less = (bytes - ones) | ((bytes ^ ones * '"') - ones) | ((bytes ^ ones * '\\') - ones);
    if (((bytes | less) & high_bits) != 0) break;
  }
  while (c < end && is_plain(*c)) c++;
  return c;
}

/* From the quotation mark at its beginning to past the one at its end. */
static bool read_string(scan *s, bool is_name) {
  s->next++;
  if (!is_name && is_marked(s)) {
    replace(s, s->next, s->next);
    lks_buffer_append(s->out, MARK, MARK_LENGTH);
  }
  for (;;) {
    s->next = skip_plain(s->next, s->end);
    if (s->next == s->end || *s->next == '\0') return false;
    if (*s->next == '"') break;
    if (*s->next != '\\')
      read_character(s);
    else if (!read_escape(s))
      return false;
  }
  s->next++;
  return true;
}

/* Writes the number in another way where it has to be. False: it is no number, or too large for one. */
static bool rewrite_number(scan *s) {
  lks_decimal decimal;
  const char *at = s->next;
  size_t length = lks_decimal_read(at, left(s), &decimal);
  if (length == 0) return false;
  s->next += length;
  lks_decimal_form form = lks_decimal_judge(&decimal);
  if (form == LKS_DECIMAL_AS_IS) return true;
  if (form == LKS_DECIMAL_TOO_LARGE) return false;
  replace(s, at, s->next);
  if (form == LKS_DECIMAL_INTEGER) lks_buffer_append_text(s->out, "\"" MARK);
  lks_decimal_write(&decimal, s->out);
  if (form == LKS_DECIMAL_INTEGER) lks_buffer_append_text(s->out, "\"");
  return true;
}

static bool read_number(scan *s) {
  if (!rewrite_number(s)) return false;
  if (s->comma_is_point && s->next < s->end && *s->next == ',') {
    replace(s, s->next, s->next);
    lks_buffer_append(s->out, " ", 1);
  }
  return true;
}

static bool read_word(scan *s, const char *word, size_t length) {
  if (!starts_with(s->next, s->end, word, length)) return false;
  s->next += length;
  return true;
}

static bool read_scalar(scan *s) {
  switch (*s->next) {
  case '"': return read_string(s, false);
  case 't': return read_word(s, "true", 4);
  case 'f': return read_word(s, "false", 5);
  case 'n': return read_word(s, "null", 4);
  default: return read_number(s);
  }
}

/* A member's name and the colon after it. */
static bool read_name(scan *s) {
  if (*s->next != '"' || !read_string(s, true)) return false;
  skip_space(s);
  return read_word(s, ":", 1);
}

/* What may come next. */
typedef enum expected { FIRST_NAME, NAME, FIRST_VALUE, VALUE, AFTER_VALUE } expected;

/* Reads one value, with all that it holds and the white space around it. */
static bool read_value(scan *s) {
  char closing[LKS_JSON_DEPTH_MAX]; /* of the arrays and objects that are open */
  size_t depth = 0;
  expected next = VALUE;
  for (skip_space(s); s->next < s->end; skip_space(s)) {
    char c = *s->next;
    if (depth > 0 && c == closing[depth - 1]) {
      if (next == NAME || next == VALUE) return false;
      s->next++;
      depth--;
      next = AFTER_VALUE;
    } else if (next == AFTER_VALUE) {
      if (depth == 0 || c != ',') return false;
      s->next++;
      next = closing[depth - 1] == '}' ? NAME : VALUE;
    } else if (next == NAME || next == FIRST_NAME) {
      if (!read_name(s)) return false;
      next = VALUE;
    } else if (c == '{' || c == '[') {
      if (depth == LKS_JSON_DEPTH_MAX) return false;
      s->next++;
      closing[depth++] = c == '{' ? '}' : ']';
      next = c == '{' ? FIRST_NAME : FIRST_VALUE;
    } else {
      if (!read_scalar(s)) return false;
      next = AFTER_VALUE;
    }
  }
  return next == AFTER_VALUE && depth == 0;
}

static bool is_comma_the_point(void) {
  static const char number[] = "1,";
  char *end;
  strtod(number, &end);
  return *end == '\0';
}

lks_json_status lks_json_guard(const char *text, size_t length, lks_buffer *out) {
  static const char byte_order_mark[] = "\xEF\xBB\xBF";
  scan s = {.next = text, .end = text + length, .copied = text, .out = out};
  if (length > LKS_JSON_LENGTH_MAX) return LKS_JSON_MALFORMED;
  s.comma_is_point = is_comma_the_point();
  if (read_word(&s, byte_order_mark, sizeof byte_order_mark - 1)) replace(&s, text, s.next);
  return read_value(&s) ? finish(&s) : LKS_JSON_MALFORMED;
}

/* Takes the mark out of the string at its quotation mark; a number comes out without quotation marks. */
static void unmark_string(scan *s) {
  const char *at = s->next++;
  bool is_number = false;
  if (is_marked(s)) {
    const char *mark = s->next;
    s->next += MARK_LENGTH;
    is_number = !is_marked(s);
    replace(s, is_number ? at : mark, s->next);
  }
  while (s->next < s->end && *s->next != '"') s->next += *s->next == '\\' && left(s) > 1 ? 2 : 1;
  if (s->next == s->end) return;
  if (is_number) replace(s, s->next, s->next + 1);
  s->next++;
}

lks_json_status lks_json_unmark(const char *text, size_t length, lks_buffer *out) {
  scan s = {.next = text, .end = text + length, .copied = text, .out = out};
  while (s.next < s.end) {
    if (*s.next == '"')
      unmark_string(&s);
    else
      s.next++;
  }
  return finish(&s);
}
