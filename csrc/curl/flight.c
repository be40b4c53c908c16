#include "flight.h"

#include <stddef.h>

#include "monotonic.h"
#include "wiping.h"

#define STRIDE 256
/* libcurl's timers may run out this much early. */
#define EARLY (LKS_SECOND / 100)
/* Near the longest line that libcurl takes in. */
#define LONG_LINE ((uint64_t)90 * 1024)

void lks_flight_begin(lks_flight *flight, lks_span limit, bool repeatable) {
  flight->repeatable = repeatable;
  flight->begun = flight->strides = 0;
  flight->shortages = lks_curl_shortages();
  flight->stop = LKS_STOP_NONE;
  flight->end = lks_monotonic() + (limit < LKS_SPAN_MAX ? limit : LKS_SPAN_MAX);
  lks_answer_clear(&flight->answer);
  lks_sockets_count(&flight->sockets);
}

bool lks_flight_must_end(lks_flight *flight, bool done) {
  if (flight->stop != LKS_STOP_NONE) return true;
  if (lks_sockets_received(&flight->sockets) > lks_answer_wire_maximum(flight->answer.body.maximum))
    flight->stop = LKS_STOP_LARGE;
  else if (!done && lks_monotonic() >= flight->end)
    flight->stop = LKS_STOP_LATE;
  return flight->stop != LKS_STOP_NONE;
}

bool lks_flight_is_overdue(lks_flight *flight) {
  return ++flight->strides % STRIDE == 0 && lks_flight_must_end(flight, false);
}

bool lks_flight_ran_short(const lks_flight *flight) {
  return lks_curl_shortages() != flight->shortages;
}

bool lks_flight_may_connect(lks_flight *flight) {
  if (flight->begun > 0 && !flight->repeatable)
    flight->stop = LKS_STOP_RESENT;
  else if (lks_flight_ran_short(flight))
    flight->stop = LKS_STOP_STARVED;
  return flight->stop == LKS_STOP_NONE;
}

bool lks_flight_may_send(lks_flight *flight) {
  if (!lks_flight_may_connect(flight)) return false;
  flight->begun++;
  return true;
}

bool lks_flight_line(lks_flight *flight, const char *line, size_t length) {
  return flight->begun > 0 ? lks_answer_line(&flight->answer, line, length)
                           : lks_answer_foreign_line(&flight->answer, length);
}

static lks_trouble trouble_of(const lks_flight *flight, lks_trouble reported) {
  switch (flight->stop) {
  case LKS_STOP_LATE: return LKS_TROUBLE_LATE;
  case LKS_STOP_LARGE: return LKS_TROUBLE_LARGE;
  case LKS_STOP_GIVEN_UP: return LKS_TROUBLE_STOPPED;
  case LKS_STOP_RESENT: return LKS_TROUBLE_RESENT;
  case LKS_STOP_STARVED: return LKS_TROUBLE_STARVED;
  case LKS_STOP_NONE: break;
  }
  if (lks_answer_is_flooded(&flight->answer) || flight->answer.body.full) return LKS_TROUBLE_LARGE;
  return lks_answer_is_starved(&flight->answer) || lks_flight_ran_short(flight) ? LKS_TROUBLE_STARVED : reported;
}

void lks_flight_failed(const lks_flight *flight, long status, lks_failure_facts *facts, lks_exchange *exchange) {
  const lks_answer *answer = &flight->answer;
  facts->trouble = trouble_of(flight, facts->trouble);
  facts->sent = flight->begun > 0;
  if (flight->stop == LKS_STOP_LATE)
    facts->words = facts->sent ? "no answer came in time" : "no connection was made in time";
  facts->limit_reached = lks_monotonic() >= flight->end - EARLY;
  facts->lines_flooded = lks_answer_is_flooded(answer);
  facts->unfinished_line =
      lks_sockets_received(&flight->sockets) >= answer->lines + (uint64_t)answer->body.length + LONG_LINE;
  facts->shortage = facts->sent ? 0 : lks_sockets_shortage(&flight->sockets);
  exchange->sent = facts->sent;
  exchange->kind = lks_failure_kind(facts);
  exchange->permanent = lks_failure_is_permanent(facts);
  exchange->message = lks_failure_message(facts);
  exchange->short_of_files = facts->shortage != 0;
  exchange->status = answer->seen_head && status >= 200 ? (int)status : 0;
}

void lks_flight_answered(const lks_flight *flight, long status, lks_exchange *exchange) {
  const lks_answer *answer = &flight->answer;
  exchange->sent = true;
  exchange->status = answer->seen_head ? (int)status : 0;
  exchange->message = lks_answer_problem(answer);
  if (exchange->message != NULL) {
    exchange->kind = answer->seen_head ? LKS_KIND_NETWORK : LKS_KIND_BAD_RESPONSE;
    return;
  }
  exchange->message = "";
  if (answer->headers.length > 0) exchange->headers = answer->headers.data;
  if (answer->body.length > 0) exchange->body = answer->body.data;
  exchange->headers_length = answer->headers.length;
  exchange->body_length = answer->body.length;
}
