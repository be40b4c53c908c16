/* Collects one answer as libcurl hands it over, line by line and piece by piece, within bounds. */
#ifndef LKS_CURL_ANSWER_H
#define LKS_CURL_ANSWER_H

#include <stdint.h>

#include "core/buffer.h"

/* Of all lines that come during one exchange, wherever they stand. */
#define LKS_ANSWER_LINES_MAX ((size_t)256 * 1024)

/* Room for any length that can be. */
#define LKS_ANSWER_LENGTH_SIZE 32

typedef struct lks_answer {
  lks_buffer headers; /* "Name: value\n" of the last head, as received */
  lks_buffer body;
  size_t lines;   /* bytes of lines so far: of heads, interim ones and a proxy's included, and of trailers */
  bool in_head;   /* between a status line and the empty line behind its headers */
  bool seen_head; /* a status line came */
  char length[LKS_ANSWER_LENGTH_SIZE]; /* the value of Content-Length in this head, as it came; "" when there is none */
} lks_answer;

void lks_answer_init(lks_answer *answer, size_t body_maximum);
/* Ready for the next answer. Keeps the memory unless it is much. */
void lks_answer_clear(lks_answer *answer);
void lks_answer_wipe(lks_answer *answer);

/* One line of a head with its line end. A status line begins a new head, so that 1xx answers leave nothing behind;
 * lines outside a head are trailers, and only counted. False: too many bytes of lines (lks_answer_is_flooded), no
 * memory (lks_answer_is_starved), or two lengths that contradict each other, of which libcurl takes one (RFC 9112,
 * 6.3). */
bool lks_answer_line(lks_answer *answer, const char *line, size_t length);
/* A line that is not the service's, but of a proxy on the way to it: only counted. */
bool lks_answer_foreign_line(lks_answer *answer, size_t length);
/* False: the buffer's `failed` and `full` say why. */
bool lks_answer_body(lks_answer *answer, const char *bytes, size_t length);

/* NULL for an answer that came whole, else what is wrong with it, in static words. libcurl takes the end of the
 * connection for the end of the headers, and before 7.64 any bytes for an answer. */
const char *lks_answer_problem(const lks_answer *answer);
/* Whether there were too many bytes of lines. */
bool lks_answer_is_flooded(const lks_answer *answer);
/* Whether memory ran out. */
bool lks_answer_is_starved(const lks_answer *answer);

/* The most that an answer may say is to come, before any of it does; 0: anything. The true check counts decoded bytes,
 * of which compressing can make slightly more. */
int64_t lks_answer_declared_maximum(size_t body_maximum);
/* The most bytes that may come over the network during an exchange whose body may have `body_maximum`. Bodies come in
 * pieces with a frame around each, and no call says what else stands in those frames. */
uint64_t lks_answer_wire_maximum(size_t body_maximum);

#endif
