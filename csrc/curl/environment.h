/* The proxy that the environment names, found as libcurl finds it. */
#ifndef LKS_CURL_ENVIRONMENT_H
#define LKS_CURL_ENVIRONMENT_H

#include <stdbool.h>

/* The value of http_proxy, or https_proxy or HTTPS_PROXY when `secure`, else of all_proxy or ALL_PROXY; NULL when none
 * is set. HTTP_PROXY is not read: a web server sets it from a visitor's "Proxy" header. What no_proxy says is left to
 * libcurl. Borrowed from the environment. */
const char *lks_environment_proxy(bool secure);

#endif
