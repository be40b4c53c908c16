/* The header lines of requests, kept from send to send. */
#ifndef LKS_CURL_HEADER_LISTS_H
#define LKS_CURL_HEADER_LISTS_H

#include "core/key.h"
#include "core/request.h"

#define LKS_HEADER_LINES_MAX (LKS_REQUEST_HEADERS_MAX + 2)

typedef struct lks_header_list {
  size_t count;
  char *line[LKS_HEADER_LINES_MAX]; /* "Name: value", or "Name:" for a header that is not to be sent; owned */
} lks_header_list;

/* Requests without a body, with a small and with a large one differ in the lines that keep libcurl from adding headers
 * of its own. Zero-initialised: none yet. */
typedef struct lks_header_lists {
  lks_header_list list[3];
} lks_header_lists;

/* The list for this request, made anew only when the key or the user agent changed. `key` may be NULL. Borrowed until
 * the next call. NULL: out of memory. */
const lks_header_list *lks_header_lists_get(lks_header_lists *lists, const lks_request *request, const lks_key *key);
/* Frees all of them, the key overwritten. */
void lks_header_lists_wipe(lks_header_lists *lists);

#endif
