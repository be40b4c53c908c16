/* What calls of one client have in common: where, as whom, how fast. Reference-counted, so that a call may outlive
 * the handle it was made through. Not thread-safe. */
#ifndef LKS_CLIENT_H
#define LKS_CLIENT_H

#include "budget.h"
#include "call.h"
#include "headers.h"
#include "memory_store.h"
#include "request.h"
#include "url.h"

typedef struct lks_client lks_client;

#define LKS_STATE_NAME_SIZE (LKS_SERVICE_NAME_SIZE + LKS_FINGERPRINT_SIZE) /* a colon in place of one NUL */

/* What holds where nobody said anything else; the last two are for transports. A visitor of a web server waits less
 * long than a program. */
#define LKS_DEFAULT_TIMEOUT (90 * LKS_SECOND)
#define LKS_DEFAULT_SERVER_TIMEOUT (30 * LKS_SECOND)
#define LKS_DEFAULT_ATTEMPT_TIMEOUT (10 * LKS_SECOND)
#define LKS_DEFAULT_MAX_RETRIES 2
#define LKS_DEFAULT_PACING LKS_PACING_WAIT
#define LKS_DEFAULT_MARGIN (LKS_SECOND / 20)
#define LKS_DEFAULT_CONNECT_TIMEOUT (5 * LKS_SECOND)
#define LKS_DEFAULT_RESPONSE_BYTES (8 * 1024 * 1024)

typedef struct lks_client_options {
  lks_service service;
  const char *base_url; /* NULL: the service's; copied, as is what follows */
  size_t base_url_length;
  const char *path_prefix; /* NULL: the service's; "" none, otherwise "/…" */
  size_t path_prefix_length;
  const char *user_agent;     /* the whole header value; copied */
  const lks_windows *windows; /* NULL: the service's; copied */
  lks_span margin;            /* added to every window */
  bool key_renewable;
  lks_limits limits; /* of its calls, which may have others */
} lks_client_options;

/* On success *out is a new client. Otherwise *out is NULL and the status says why; LKS_URL_BAD_PATH and
 * LKS_URL_BAD_PREFIX also stand for a text over LKS_URL_MAX. */
lks_url_status lks_client_new(const lks_client_options *options, lks_client **out);
lks_client *lks_client_retain(lks_client *client);
/* The last owner's release wipes and frees. NULL is a no-op. */
void lks_client_release(lks_client *client);

/* Borrowed, valid as long as the client. */
const char *lks_client_base_url(const lks_client *client);
const char *lks_client_path_prefix(const lks_client *client);
const char *lks_client_user_agent(const lks_client *client);
const lks_windows *lks_client_windows(const lks_client *client);
const lks_limits *lks_client_limits(const lks_client *client);

/* Retains `key`; NULL forgets it. The present one is borrowed until the next set_key. */
void lks_client_set_key(lks_client *client, lks_key *key);
lks_key *lks_client_key(const lks_client *client);
/* "service:fingerprint" of the present key, "" without one. Borrowed until the next set_key. */
const char *lks_client_state_name(const lks_client *client);

/* The same of the key the call is sent with, which another may have replaced in the client meanwhile: slots, pauses and
 * quota belong to that one's state. The client's when the call has none yet. */
void lks_client_call_state(const lks_client *client, const lks_call *call, char name[LKS_STATE_NAME_SIZE]);

/* Makes a call with this client's budget, lateness and key policy filled in over `options`. NULL: out of memory. */
lks_call *lks_client_call(lks_client *client, const lks_call_options *options, lks_time now);

/* As lks_call_next, but answers by itself what needs nothing from outside: KEY from the client's key, PACE and the
 * effects from `store`. With `store` NULL they are passed on. KEY is passed on when the key is missing or the call
 * wants another one. */
lks_action lks_client_next(lks_client *client, lks_memory_store *store, lks_call *call, lks_ticket *ticket,
                           lks_time now);

/* The parts of lks_client_next, for a state that is kept elsewhere: what the call wants of it, ... */
lks_wish lks_client_wish(const lks_client *client, const lks_call *call, lks_span longest, lks_time now);
/* ... what effects announced with an action mean to it, valid until the next lks_call_next (`now` by the state's
 * clock), ... */
lks_settlement lks_client_settlement(const lks_client *client, const lks_call *call, unsigned effects, lks_time now);
/* The state was told of them for good. */
void lks_client_settled(lks_client *client, unsigned effects);
/* ... and what lks_state_take answered, handed to the call. */
void lks_client_paced(lks_client *client, lks_call *call, lks_time now, const lks_ticket *ticket, lks_kind kind,
                      lks_span span);

typedef struct lks_received {
  int status;
  lks_body body;
  const lks_policy_headers *headers; /* as the texts of `refusal`, borrowed while the answer is taken */
  lks_span connected;                /* see lks_response */
  lks_refusal refusal;               /* its texts; what the quota says is added here */
} lks_received;

/* As lks_call_response: what an answer means for the call, and for the quota of the key that the attempt was sent with,
 * which is kept in `store`. With `store` NULL it is kept nowhere. *quota receives the quota as known afterwards,
 * `known` false when this answer told none. */
void lks_client_response(lks_client *client, lks_memory_store *store, lks_call *call, lks_time now, double chance,
                         const lks_received *received, lks_quota *quota);

#endif
