#include "answer.h"

#include <string.h>

#define KEPT_BODY_MAX ((size_t)64 * 1024)

void lks_answer_init(lks_answer *answer, size_t body_maximum) {
  *answer = (lks_answer){.in_head = false};
  lks_buffer_init(&answer->headers, LKS_ANSWER_HEADERS_MAX);
  lks_buffer_init(&answer->body, body_maximum);
}

void lks_answer_clear(lks_answer *answer) {
  lks_buffer_clear(&answer->headers);
  lks_buffer_clear(&answer->body);
  if (answer->body.capacity > KEPT_BODY_MAX) lks_buffer_free(&answer->body);
  answer->in_head = answer->seen_head = false;
}

void lks_answer_wipe(lks_answer *answer) {
  lks_buffer_wipe(&answer->headers);
  lks_buffer_wipe(&answer->body);
}

bool lks_answer_line(lks_answer *answer, const char *line, size_t length) {
  while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r')) length--;
  if (length == 0) {
    answer->in_head = false;
    return true;
  }
  if (answer->in_head)
    return lks_buffer_append(&answer->headers, line, length) && lks_buffer_append(&answer->headers, "\n", 1);
  if (length > 5 && memcmp(line, "HTTP/", 5) == 0) {
    lks_buffer_clear(&answer->headers);
    answer->in_head = answer->seen_head = true;
  }
  return true;
}

bool lks_answer_body(lks_answer *answer, const char *bytes, size_t length) {
  return lks_buffer_append(&answer->body, bytes, length);
}
