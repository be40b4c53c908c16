/* The libcurl driver: carries out one attempt, blocking. The only file that knows libcurl is transport.c.
 *
 * A transport keeps its connections between attempts. It belongs to one thread and one process: in a forked child it
 * starts anew and leaves the parent's connections alone. */
#ifndef LKS_CURL_TRANSPORT_H
#define LKS_CURL_TRANSPORT_H

#include "core/buffer.h"
#include "core/error.h"
#include "core/key.h"
#include "core/request.h"
#include "core/timestamp.h"

typedef struct lks_transport lks_transport;

typedef struct lks_transport_options {
  const char *ca_file;      /* NULL: the system's; copied */
  const char *proxy;        /* NULL: from the environment, as libcurl reads it; "" none; copied; may hold credentials */
  lks_span connect_timeout; /* one connection attempt */
  size_t max_response_bytes; /* of the decoded body; enforced while receiving */
} lks_transport_options;

/* NULL when out of memory or libcurl cannot start. Does no I/O. */
lks_transport *lks_transport_new(const lks_transport_options *options);
/* Closes the connections (in the process that opened them) and wipes what was secret. NULL is a no-op. */
void lks_transport_free(lks_transport *transport);

typedef struct lks_exchange {
  lks_kind
      kind; /* NONE: answered. CONNECT, TLS, NETWORK, TIMEOUT, TOO_LARGE, BAD_RESPONSE, CONFIG or NO_MEMORY otherwise */
  bool sent;           /* some byte of the request may have reached the service */
  bool permanent;      /* another try would meet the same, such as a certificate that does not verify */
  int status;          /* 0 before a status line */
  lks_span connected;  /* from the start until the request began to leave */
  const char *headers; /* lines "Name: value\n" of the final answer, as received; borrowed until the next send */
  size_t headers_length;
  const char *body; /* borrowed until the next send */
  size_t body_length;
  const char *message; /* of a failure: libcurl's words, without secrets; borrowed until the next send */
} lks_exchange;

/* Sends and waits for the answer, `limit` at most. `key` may be NULL. Always fills `exchange`.
 *
 * libcurl sends a request again by itself when a reused connection dies before the first byte of the answer. That is
 * allowed for `repeatable` requests only (reads); for all others it is prevented and reported as NETWORK, sent. */
void lks_transport_send(lks_transport *transport, const lks_request *request, const lks_key *key, lks_span limit,
                        bool repeatable, lks_exchange *exchange);

/* "libcurl/7.88.1 OpenSSL/3.0.15 …"; static. */
const char *lks_transport_version(void);

#endif
