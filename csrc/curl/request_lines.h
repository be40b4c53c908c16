/* The form of a request, and its header lines, kept from send to send. */
#ifndef LKS_CURL_REQUEST_LINES_H
#define LKS_CURL_REQUEST_LINES_H

#include "core/key.h"
#include "core/request.h"

/* What libcurl has to be told of a request beside its method. */
typedef enum lks_form {
  LKS_FORM_UNSET,
  LKS_FORM_PLAIN, /* no body, and nothing said of one */
  LKS_FORM_HEAD,  /* no body, and an answer without one */
  LKS_FORM_BODY   /* a body, perhaps empty: of some methods servers expect a Content-Length, even of 0 */
} lks_form;

lks_form lks_form_of(const lks_request *request);

#define LKS_LINES_KINDS 3
#define LKS_LINES_MAX (LKS_REQUEST_HEADERS_MAX + 2)

typedef struct lks_lines {
  size_t count;
  char *line[LKS_LINES_MAX]; /* "Name: value", or "Name:" for a header that is not to be sent; owned */
} lks_lines;

/* Requests without a body, with a small and with a large one differ in the lines that keep libcurl from adding headers
 * of its own. Zero-initialised: none yet. */
typedef struct lks_request_lines {
  lks_lines kind[LKS_LINES_KINDS];
} lks_request_lines;

/* The lines for this request, made anew only when the key or the user agent changed. `key` may be NULL. Borrowed until
 * the next call. NULL: out of memory. */
const lks_lines *lks_request_lines_get(lks_request_lines *kept, const lks_request *request, const lks_key *key);
/* Frees all of them, the key overwritten. */
void lks_request_lines_wipe(lks_request_lines *kept);

#endif
