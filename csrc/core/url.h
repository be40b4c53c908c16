/* Base URLs and percent-encoding: where a key may be sent to.
 *
 * This is a gate, not a URL parser: it admits only the plain subset
 * scheme "://" host [":" port] [path] on which all URL parsers agree, so that what was checked here is what the driver
 * connects to. libcurl's URL API cannot serve: it needs 7.62, and under nginx libcurl is not loaded. */
#ifndef LKS_URL_H
#define LKS_URL_H

#include "buffer.h"

typedef enum lks_url_status {
  LKS_URL_OK,
  LKS_URL_BAD_SCHEME, /* neither https nor http */
  LKS_URL_NOT_SECURE, /* http to a host that is not loopback */
  LKS_URL_USER_INFO,  /* "user:password@" */
  LKS_URL_BAD_HOST,   /* neither a host name (RFC 1123, 2.1, no final dot) nor four decimal numbers nor [IPv6] */
  LKS_URL_BAD_PORT,   /* not 1 to 65535 */
  LKS_URL_BAD_PATH,   /* a character no path has (RFC 3986, 3.3), '%', '?' or '#', or an empty, "." or ".." segment */
  LKS_URL_BAD_PREFIX, /* of a client: a path prefix without a leading slash, or not as a path is */
  LKS_URL_NO_MEMORY   /* or over the maximum of the buffer */
} lks_url_status;

/* Checks `text` and appends it in normal form (lower-case scheme and host, no trailing slash) to `out`.
 * Loopback hosts are "localhost" (names below it are left to resolvers that may ask DNS), 127.0.0.0/8 in full,
 * and [::1] in any spelling. A last label that looks like a number ("127.1", "0x7f000001") must be the last of four
 * decimal numbers, without leading zeros. Nothing is appended unless the result is LKS_URL_OK, or LKS_URL_NO_MEMORY,
 * which leaves `out` failed. `text` may be NULL when length is 0. */
lks_url_status lks_url_base(const char *text, size_t length, lks_buffer *out);
const char *lks_url_status_text(lks_url_status status);

/* Whether the host of a URL in normal form is a loopback host as above. */
bool lks_url_is_loopback(const char *url);

/* A proxy as a user wrote it, which the driver parses: false when it holds a control character, as it is or
 * percent-encoded. libcurl takes a login that decodes to one for no proxy at all, and others cut it at a NUL. */
bool lks_url_proxy_valid(const char *text, size_t length);

/* Appends with every byte outside the unreserved set of RFC 3986 (2.3) percent-encoded. Upper-case hex. False when the
 * buffer has failed. */
bool lks_url_append_component(lks_buffer *out, const char *bytes, size_t length);

/* A path the caller wrote, with or without a leading slash: false when it holds a character that RFC 3986 (3.3) does
 * not admit in a path (control characters, space, '?', '#', backslash, bytes outside ASCII among them), an incomplete
 * %XX, an encoded control character, slash or backslash, a "." or ".." segment, encoded or not, or an empty segment
 * between two slashes, since any of these could change which resource is meant. The empty path is valid. */
bool lks_url_path_valid(const char *path, size_t length);

#endif
