#include "answer.h"

#include <string.h>

#define KEPT_BODY_MAX ((size_t)64 * 1024)
/* A chunk of one byte takes six. */
#define FRAMING 8
/* Certificates of the service, and of a proxy. */
#define HANDSHAKE ((uint64_t)64 * 1024)

void lks_answer_init(lks_answer *answer, size_t body_maximum) {
  *answer = (lks_answer){.in_head = false};
  lks_buffer_init(&answer->headers, LKS_ANSWER_LINES_MAX);
  lks_buffer_init(&answer->body, body_maximum);
}

void lks_answer_clear(lks_answer *answer) {
  lks_buffer_clear(&answer->headers);
  lks_buffer_clear(&answer->body);
  if (answer->body.capacity > KEPT_BODY_MAX) lks_buffer_free(&answer->body);
  answer->in_head = answer->seen_head = false;
  answer->lines = 0;
}

void lks_answer_wipe(lks_answer *answer) {
  lks_buffer_wipe(&answer->headers);
  lks_buffer_wipe(&answer->body);
}

bool lks_answer_foreign_line(lks_answer *answer, size_t length) {
  answer->lines += length;
  return !lks_answer_is_flooded(answer);
}

/* Whether a line of a head goes with those before it. */
static bool agrees(lks_answer *answer, const char *line, size_t length) {
  static const char name[] = "content-length:";
  size_t at = sizeof name - 1;
  if (length < at) return true;
  for (size_t i = 0; i < at; i++)
    if ((line[i] | 0x20) != (name[i] | 0x20)) return true;
  while (at < length && (line[at] == ' ' || line[at] == '\t')) at++;
  while (length > at && (line[length - 1] == ' ' || line[length - 1] == '\t')) length--;
  if (answer->length[0] != '\0')
    return strlen(answer->length) == length - at && memcmp(answer->length, line + at, length - at) == 0;
  if (length - at >= sizeof answer->length) return false;
  memcpy(answer->length, line + at, length - at);
  answer->length[length - at] = '\0';
  return true;
}

bool lks_answer_line(lks_answer *answer, const char *line, size_t length) {
  if (!lks_answer_foreign_line(answer, length)) return false;
  while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r')) length--;
  if (length == 0) {
    answer->in_head = false;
    return true;
  }
  if (answer->in_head)
    return agrees(answer, line, length) && lks_buffer_append(&answer->headers, line, length) &&
           lks_buffer_append(&answer->headers, "\n", 1);
  if (length > 5 && memcmp(line, "HTTP/", 5) == 0) {
    lks_buffer_clear(&answer->headers);
    answer->length[0] = '\0';
    answer->in_head = answer->seen_head = true;
  }
  return true;
}

bool lks_answer_body(lks_answer *answer, const char *bytes, size_t length) {
  return lks_buffer_append(&answer->body, bytes, length);
}

const char *lks_answer_problem(const lks_answer *answer) {
  if (!answer->seen_head) return "the answer is not HTTP";
  return answer->in_head ? "the connection ended within the headers of the answer" : NULL;
}

bool lks_answer_is_flooded(const lks_answer *answer) {
  return answer->lines > LKS_ANSWER_LINES_MAX || answer->headers.full;
}

bool lks_answer_is_starved(const lks_answer *answer) {
  return (answer->headers.failed && !answer->headers.full) || (answer->body.failed && !answer->body.full);
}

int64_t lks_answer_declared_maximum(size_t body_maximum) {
  size_t slack = body_maximum / 8 + 1024;
  return body_maximum > INT64_MAX - slack ? 0 : (int64_t)(body_maximum + slack);
}

uint64_t lks_answer_wire_maximum(size_t body_maximum) {
  uint64_t rest = (uint64_t)LKS_ANSWER_LINES_MAX + HANDSHAKE;
  return body_maximum > (UINT64_MAX - rest) / FRAMING ? UINT64_MAX : FRAMING * (uint64_t)body_maximum + rest;
}
