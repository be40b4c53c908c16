/* One HTTP request, ready for any transport: method, URL, headers, body. */
#ifndef LKS_REQUEST_H
#define LKS_REQUEST_H

#include "buffer.h"
#include "key.h"
#include "service.h"

#define LKS_URL_MAX 8192
#define LKS_BODY_MAX (64u * 1024 * 1024)
#define LKS_METHOD_MAX 16

typedef struct lks_request {
  char method[LKS_METHOD_MAX + 1];
  lks_buffer url;
  lks_buffer body; /* wiped when freed: it may hold a password */
  bool has_body;
  bool has_query;
  const char *user_agent; /* borrowed: the client must live as long */
} lks_request;

void lks_request_init(lks_request *request);
void lks_request_free(lks_request *request);

typedef enum lks_request_status {
  LKS_REQUEST_OK,
  LKS_REQUEST_BAD_METHOD, /* not 1 to 16 upper-case letters */
  LKS_REQUEST_BAD_PATH,   /* see lks_url_path_valid, or over LKS_URL_MAX */
  LKS_REQUEST_BAD_ID,     /* not 1 to 20 decimal digits: anything else is 404 before authentication */
  LKS_REQUEST_TOO_LARGE,  /* body over LKS_BODY_MAX */
  LKS_REQUEST_NO_MEMORY
} lks_request_status;

/* Sets method and URL from an operation. `base_url` in normal form (lks_url_base), `path_prefix` with a leading slash
 * and none at the end, or "". `id` may be NULL where the route has none. */
lks_request_status lks_request_route(lks_request *request, const char *base_url, const char *path_prefix,
                                     const lks_operation *operation, const char *id, size_t id_length);

/* Sets method and URL from what a caller wrote: a path with a leading slash starts at the host, another one at
 * path_prefix. */
lks_request_status lks_request_path(lks_request *request, const char *base_url, const char *path_prefix,
                                    const char *method, const char *path, size_t path_length);

/* Adds one query parameter, percent-encoded, in call order. */
lks_request_status lks_request_query(lks_request *request, const char *name, size_t name_length, const char *value,
                                     size_t value_length);

/* Copies a JSON body. */
lks_request_status lks_request_set_body(lks_request *request, const char *body, size_t length);

typedef struct lks_header {
  const char *name;
  const char *value;
  bool secret;
} lks_header;

/* Room for every header a request can have. */
#define LKS_REQUEST_HEADERS_MAX 4

/* Fills `headers` and returns how many: Authorization from `key` (may be NULL: none), Accept, User-Agent, and
 * Content-Type when there is a body. All values are borrowed from request and key, until either changes. JSON only,
 * never a form: Locker reads an absent boolean of a form as false (spec/vectors/locker-wire.md, section 5, "Update").
 */
size_t lks_request_headers(const lks_request *request, const lks_key *key, lks_header headers[LKS_REQUEST_HEADERS_MAX]);

/* A static sentence for a caller. */
const char *lks_request_status_text(lks_request_status status);

#endif
