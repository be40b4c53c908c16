/* One exchange while it is under way: what may still happen, when it has to end, and what it came to. No libcurl here:
 * transport.c says what libcurl does and reports. */
#ifndef LKS_CURL_FLIGHT_H
#define LKS_CURL_FLIGHT_H

#include "answer.h"
#include "core/error.h"
#include "core/timestamp.h"
#include "failure.h"
#include "sockets.h"

typedef struct lks_exchange {
  lks_kind kind;  /* NONE: answered. CONNECT, TLS, NETWORK, TIMEOUT, TOO_LARGE, BAD_RESPONSE, CONFIG, NO_MEMORY (not
                     sent) or CLOSED (given up) otherwise */
  bool sent;      /* some byte of the request may have reached the service */
  bool permanent; /* another try would meet the same, such as a certificate that does not verify */
  bool short_of_files; /* not sent, for want of descriptors: freeing some may help */
  unsigned resent;     /* how often libcurl sent it once more by itself */
  int status;          /* 0 before a status line */
  lks_span connected;  /* from the start until the request began to leave */
  const char *headers; /* lines "Name: value\n" of the final answer, as received; borrowed until the next send */
  size_t headers_length;
  const char *body; /* borrowed until the next send */
  size_t body_length;
  const char *message; /* of a failure, without secrets; borrowed until the next send */
} lks_exchange;

/* Why it ends before libcurl says so. */
typedef enum lks_stop {
  LKS_STOP_NONE,
  LKS_STOP_LATE,
  LKS_STOP_LARGE,
  LKS_STOP_GIVEN_UP,
  LKS_STOP_RESENT,
  LKS_STOP_STARVED
} lks_stop;

typedef struct lks_flight {
  lks_answer answer;
  lks_sockets sockets; /* they stay when the flight is over */
  bool repeatable;
  unsigned shortages; /* of libcurl's memory before it */
  unsigned begun;     /* how often the request was handed to a connection, after which bytes of it may have left */
  unsigned strides;
  lks_time end; /* monotonic */
  lks_stop stop;
} lks_flight;

void lks_flight_begin(lks_flight *flight, lks_span limit, bool repeatable);

/* Whether it has to end now, whatever libcurl makes of it: it was stopped, too much came, or its time is up, which does
 * not matter once it is `done`. */
bool lks_flight_must_end(lks_flight *flight, bool done);
/* The same, for where libcurl may stay inside for long: looks at time and sizes only once in a while. */
bool lks_flight_is_overdue(lks_flight *flight);
/* Whether libcurl may connect, and whether it may hand over the request, which is counted: after the first time only to
 * repeat what may be repeated, and not when memory ran out meanwhile, since libcurl then leaves out a proxy or its port
 * without a word. */
bool lks_flight_may_connect(lks_flight *flight);
bool lks_flight_may_send(lks_flight *flight);
/* A line of a head or trailer; before the request was handed over it is a proxy's. False ends the exchange. */
bool lks_flight_line(lks_flight *flight, const char *line, size_t length);

/* Whether libcurl had not enough memory since it began. */
bool lks_flight_ran_short(const lks_flight *flight);

/* What it came to. `status` as libcurl has it. In `facts`, the trouble is what libcurl's code stands for, and words,
 * standard and proxy_status are filled in; the rest is found here. */
void lks_flight_answered(const lks_flight *flight, long status, lks_exchange *exchange);
void lks_flight_failed(const lks_flight *flight, long status, lks_failure_facts *facts, lks_exchange *exchange);

#endif
