/* A stretch of bytes that belongs to somebody else. */
#ifndef LKS_TEXT_H
#define LKS_TEXT_H

#include <stddef.h>

typedef struct lks_text {
  const char *data; /* borrowed; NULL: not given */
  size_t length;
} lks_text;

#endif
