/* URLs: where a key may be sent to, what they are made of, and what of them may be shown. Nobody else reads one.
 *
 * lks_url_base is a gate, not a URL parser: it admits only the plain subset
 * scheme "://" host [":" port] [path] on which all URL parsers agree, so that what was checked here is what a transport
 * connects to. libcurl's URL API cannot serve: it needs 7.62, and under nginx libcurl is not loaded. */
#ifndef LKS_URL_H
#define LKS_URL_H

#include "buffer.h"
#include "text.h"

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

typedef struct lks_url_parts {
  lks_text scheme;    /* "https" or "http" */
  lks_text authority; /* host and port as the Host header has them */
  lks_text place;     /* of it, without the port */
  lks_text host;      /* of that, without the brackets of an IPv6 address */
  unsigned port;      /* the scheme's where none is given */
  lks_text path;      /* with the query; "" or beginning with a slash */
} lks_url_parts;

/* The parts, borrowed from it, of a URL that begins with a base in normal form. */
lks_url_parts lks_url_read(const char *url);

/* Whether the host of a URL in normal form is a loopback host as above. */
bool lks_url_is_loopback(const char *url);

/* What may be shown of a URL, or of a reference to one, that somebody wrote: two stretches of it with its login between
 * them, without its query and its fragment. */
void lks_url_shown(lks_text url, lks_text shown[2]);

typedef struct lks_proxy {
  lks_text scheme; /* "" where none was written */
  lks_text login;  /* "user:password" as it was written, percent-encoded; its data is NULL when there is none */
  lks_text place;  /* host and port; its data is NULL when the text is not of the form [scheme://][login@]place[/] */
} lks_proxy;

/* Reads a proxy as a user wrote it: borrowed from the text. False when it holds a control character, as it is or
 * percent-encoded. libcurl takes a login that decodes to one for no proxy at all, and others cut it at a NUL. */
bool lks_url_read_proxy(lks_text text, lks_proxy *proxy);

/* Writes the text with what is percent-encoded decoded, at most as many bytes as it has. Returns how many. */
size_t lks_url_decode(lks_text text, char *out);

/* Appends with every byte outside the unreserved set of RFC 3986 (2.3) percent-encoded. Upper-case hex. False when the
 * buffer has failed. */
bool lks_url_append_component(lks_buffer *out, const char *bytes, size_t length);

/* A path the caller wrote, with or without a leading slash: false when it holds a character that RFC 3986 (3.3) does
 * not admit in a path (control characters, space, '?', '#', backslash, bytes outside ASCII among them), an incomplete
 * %XX, an encoded control character, slash or backslash, a "." or ".." segment, encoded or not, or an empty segment
 * between two slashes, since any of these could change which resource is meant. The empty path is valid. */
bool lks_url_path_valid(const char *path, size_t length);

#endif
