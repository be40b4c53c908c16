/* The transport over libcurl: carries out one attempt, blocking. The only file that knows libcurl is transport.c.
 *
 * A transport keeps its connections between attempts, and nothing else that takes a descriptor. It belongs to one
 * thread and one process: in a forked child it starts anew and leaves the parent's connections alone. */
#ifndef LKS_CURL_TRANSPORT_H
#define LKS_CURL_TRANSPORT_H

#include "core/buffer.h"
#include "core/error.h"
#include "core/key.h"
#include "core/request.h"
#include "core/timestamp.h"
#include "engine.h"
#include "flight.h"

/* An engine for all transports of one thread; see engine.h. NULL when out of memory. Does no I/O. */
lks_engine *lks_transport_engine(void);

typedef struct lks_transport lks_transport;

typedef struct lks_transport_options {
  lks_engine *engine;  /* retained */
  const char *ca_file; /* NULL: the system's; copied */
  /* NULL: from the environment, as libcurl reads it, but none to a loopback host; "" none; else the proxy to all hosts;
   * copied; may hold credentials */
  const char *proxy;
  lks_span connect_timeout;  /* one connection attempt */
  size_t max_response_bytes; /* of the decoded body; enforced while receiving */
} lks_transport_options;

/* NONE; NO_MEMORY; or CONFIG when libcurl cannot start or do what the options ask for. *out is NULL unless it is NONE.
 * Does no I/O. */
lks_kind lks_transport_new(const lks_transport_options *options, lks_transport **out);
/* Closes the connections (in the process that opened them) and wipes what was secret. NULL is a no-op. Not during a
 * send. */
void lks_transport_free(lks_transport *transport);

/* Who waits for an answer may look up: `goes_on` is called after each signal, and a few times a second. What it does is
 * its own affair, but for this transport. False gives the exchange up. */
typedef struct lks_pause {
  bool (*goes_on)(void *context);
  void *context;
} lks_pause;

/* Sends and waits for the answer, `limit` at most, whatever libcurl does meanwhile. `key` and `pause` may be NULL.
 * Always fills `exchange`.
 *
 * Everything received counts: lines of heads, interim answers, trailers and a proxy's answers up to 256 KiB together,
 * the body up to max_response_bytes, and what stands between as far as the system tells. Beyond that it is TOO_LARGE.
 *
 * libcurl sends a request again by itself when a reused connection dies before the first byte of the answer. That is
 * allowed for `repeatable` requests only (reads); for all others it is prevented and reported as NETWORK, sent. */
void lks_transport_send(lks_transport *transport, const lks_request *request, const lks_key *key, lks_span limit,
                        bool repeatable, const lks_pause *pause, lks_exchange *exchange);

/* The same in pieces, for several at once. Begins to send: true, and lks_transport_end has to follow; until then the
 * request and the key are borrowed. False when nothing was sent, and `exchange` says why. */
bool lks_transport_begin(lks_transport *transport, const lks_request *request, const lks_key *key, lks_span limit,
                         bool repeatable, lks_exchange *exchange);
/* Lets all that was begun on its engine go on, without waiting. */
void lks_transport_advance(lks_transport *transport);
/* Waits until one of them has something to do, `most` at most and never long enough to miss a signal for long. False:
 * there was nothing. */
bool lks_transport_wait(lks_engine *engine, lks_span most);
typedef struct lks_descriptor {
  int descriptor;
  bool reads;
  bool writes;
} lks_descriptor;

/* What somebody else can wait for in place of lks_transport_wait. *complete is false where not all of it can be told:
 * then the wait has to be a short one. */
size_t lks_transport_descriptors(lks_engine *engine, lks_descriptor *out, size_t maximum, bool *complete);
/* How long such a wait may be; below 0: as long as one likes. */
lks_span lks_transport_next(const lks_engine *engine);
/* Whether what was begun is over, or has to end. */
bool lks_transport_has_ended(lks_transport *transport);
/* Ends it, over or not (then given up, as `sent` tells), and fills `exchange`. */
void lks_transport_end(lks_transport *transport, lks_exchange *exchange);

/* "libcurl/7.88.1 OpenSSL/3.0.15 …"; static. */
const char *lks_transport_version(void);

#endif
