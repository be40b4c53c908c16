/* Characters as ASCII has them, whatever the locale says. */
#ifndef LKS_ASCII_H
#define LKS_ASCII_H

#include <stdbool.h>

static inline bool lks_ascii_is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}

static inline bool lks_ascii_is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

static inline bool lks_ascii_is_digit(char c) {
  return c >= '0' && c <= '9';
}

static inline bool lks_ascii_is_letter(char c) {
  return lks_ascii_is_upper(c) || lks_ascii_is_lower(c);
}

static inline bool lks_ascii_is_alphanumeric(char c) {
  return lks_ascii_is_letter(c) || lks_ascii_is_digit(c);
}

/* Also of a code point, or a byte as a number. */
static inline bool lks_ascii_is_control(unsigned long code) {
  return code < ' ' || code == 0x7F;
}

/* What stands around words and ends lines: space, tab, carriage return, line feed. */
static inline bool lks_ascii_is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static inline char lks_ascii_lower(char c) {
  return lks_ascii_is_upper(c) ? (char)(c - 'A' + 'a') : c;
}

/* Of a hexadecimal digit in either case; -1 for another character. */
static inline int lks_ascii_hex(char c) {
  if (lks_ascii_is_digit(c)) return c - '0';
  c = lks_ascii_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#define LKS_ASCII_HEX "0123456789abcdef"

#endif
