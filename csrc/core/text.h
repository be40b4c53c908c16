/* A stretch of bytes that belongs to somebody else, who must keep it for as long as this one is used. */
#ifndef LKS_TEXT_H
#define LKS_TEXT_H

#include <stddef.h>

/* A macro's number as a literal. */
#define LKS_LITERAL(number) LKS_LITERAL_OF(number)
#define LKS_LITERAL_OF(number) #number

typedef struct lks_text {
  const char *data; /* borrowed; NULL: not given */
  size_t length;
} lks_text;

/* Without the spaces and tabs around it. */
static inline lks_text lks_text_trim(lks_text text) {
  while (text.length > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) text.data++, text.length--;
  while (text.length > 0 && (text.data[text.length - 1] == ' ' || text.data[text.length - 1] == '\t')) text.length--;
  return text;
}

#endif
