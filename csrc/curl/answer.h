/* Collects one answer as libcurl hands it over, line by line and piece by piece, within bounds. */
#ifndef LKS_CURL_ANSWER_H
#define LKS_CURL_ANSWER_H

#include "core/buffer.h"

#define LKS_ANSWER_HEADERS_MAX ((size_t)256 * 1024)

typedef struct lks_answer {
  lks_buffer headers; /* "Name: value\n" of the last head, as received */
  lks_buffer body;
  bool in_head;   /* between a status line and the empty line behind its headers */
  bool seen_head; /* a status line came */
} lks_answer;

void lks_answer_init(lks_answer *answer, size_t body_maximum);
/* Ready for the next answer. Keeps the memory unless it is much. */
void lks_answer_clear(lks_answer *answer);
void lks_answer_wipe(lks_answer *answer);

/* One line of a head with its line end. A status line begins a new head, so that 1xx answers leave nothing behind;
 * lines outside a head are trailers and ignored. False: the buffer's `failed` and `full` say why. */
bool lks_answer_line(lks_answer *answer, const char *line, size_t length);
bool lks_answer_body(lks_answer *answer, const char *bytes, size_t length);

#endif
