#include "url.h"

#include <string.h>

#include "ascii.h"

/* A stretch of a text. */
typedef struct span {
  const char *text;
  size_t length;
} span;

static bool among(char c, const char *set) {
  return c != '\0' && strchr(set, c) != NULL;
}

/* `word` is in lower case. */
static bool equals(span in, const char *word) {
  if (in.length != strlen(word)) return false;
  for (size_t i = 0; i < in.length; i++)
    if (lks_ascii_lower(in.text[i]) != word[i]) return false;
  return true;
}

static bool starts_with(span in, const char *word) {
  size_t length = strlen(word);
  return in.length >= length && equals((span){in.text, length}, word);
}

static span after(span in, size_t count) {
  return (span){in.text + count, in.length - count};
}

/* The length of what comes before the first byte of `set`, or of everything. */
static size_t before(span in, const char *set) {
  size_t length = 0;
  while (length < in.length && !among(in.text[length], set)) length++;
  return length;
}

/* RFC 3986, 2.3 */
static bool is_unreserved(char c) {
  return lks_ascii_is_alphanumeric(c) || among(c, "-._~");
}

/* What may stand in a path segment as it is (3.3). */
static bool is_segment_char(char c) {
  return is_unreserved(c) || among(c, "!$&'()*+,;=:@");
}

/* One number of an IPv4 address. A leading zero means octal to some parsers. */
static bool octet(span in, int *out) {
  int value = 0;
  if (in.length == 0 || in.length > 3 || (in.length > 1 && in.text[0] == '0')) return false;
  for (size_t i = 0; i < in.length; i++) {
    if (!lks_ascii_is_digit(in.text[i])) return false;
    value = value * 10 + (in.text[i] - '0');
  }
  *out = value;
  return value <= 255;
}

static bool ipv4(span host, bool *loopback) {
  int count = 0, value = 0;
  for (span rest = host;; rest = after(rest, 1)) {
    size_t length = before(rest, ".");
    if (count == 4 || !octet((span){rest.text, length}, &value)) return false;
    if (count++ == 0) *loopback = value == 127;
    rest = after(rest, length);
    if (rest.length == 0) return count == 4;
  }
}

/* Groups of one to four hexadecimal digits up to the end or a "::". Returns how many, -1 when it is something else. */
static int ipv6_groups(span *in, unsigned groups[8]) {
  int count = 0;
  if (in->length == 0 || in->text[0] == ':') return 0;
  for (;;) {
    unsigned value = 0;
    size_t digits = 0;
    for (; digits < in->length && lks_ascii_hex(in->text[digits]) >= 0; digits++) {
      if (digits == 4) return -1;
      value = value << 4 | (unsigned)lks_ascii_hex(in->text[digits]);
    }
    if (digits == 0 || count == 8) return -1;
    groups[count++] = value;
    *in = after(*in, digits);
    if (in->length == 0 || starts_with(*in, "::")) return count;
    if (in->text[0] != ':') return -1;
    *in = after(*in, 1);
  }
}

/* The inside of the brackets. Zones and an IPv4 address at the end are not admitted: parsers differ on them. */
static bool ipv6(span host, bool *loopback) {
  unsigned head[8] = {0}, tail[8] = {0}, address[8] = {0};
  int first = ipv6_groups(&host, head), last = 0;
  if (first < 0) return false;
  if (host.length == 0) {
    if (first != 8) return false;
  } else {
    if (!starts_with(host, "::")) return false;
    host = after(host, 2);
    last = ipv6_groups(&host, tail);
    if (last < 0 || host.length > 0 || first + last > 7) return false;
  }
  for (int i = 0; i < first; i++) address[i] = head[i];
  for (int i = 0; i < last; i++) address[8 - last + i] = tail[i];
  *loopback = address[7] == 1;
  for (int i = 0; i < 7; i++)
    if (address[i] != 0) *loopback = false;
  return true;
}

/* Host names as in RFC 1123, 2.1. One whose last label looks like a number is an IPv4 address to some parsers
 * ("127.1", "0x7f000001"), so it has to be one to all of them. */
static bool host_name(span host, bool *loopback) {
  size_t label = 0;
  if (host.length == 0 || host.length > 253) return false;
  for (size_t i = 0; i <= host.length; i++) {
    if (i < host.length && host.text[i] != '.') {
      if (!lks_ascii_is_alphanumeric(host.text[i]) && host.text[i] != '-') return false;
      continue;
    }
    if (i == label || i - label > 63 || host.text[label] == '-' || host.text[i - 1] == '-') return false;
    if (i < host.length) label = i + 1;
  }
  span last = after(host, label);
  size_t digits = 0;
  while (digits < last.length && lks_ascii_is_digit(last.text[digits])) digits++;
  if (digits == last.length) return ipv4(host, loopback);
  if (starts_with(last, "0x")) return false;
  *loopback = label == 0 && equals(last, "localhost");
  return true;
}

static bool port_valid(span port) {
  long value = 0;
  if (port.length == 0 || port.length > 5 || port.text[0] == '0') return false;
  for (size_t i = 0; i < port.length; i++) {
    if (!lks_ascii_is_digit(port.text[i])) return false;
    value = value * 10 + (port.text[i] - '0');
  }
  return value <= 65535;
}

static lks_url_status authority(span in, bool *loopback) {
  span host = in, port = {NULL, 0};
  bool bracketed = in.length > 0 && in.text[0] == '[', valid = false;
  if (before(in, "@") < in.length) return LKS_URL_USER_INFO;
  size_t length = before(in, bracketed ? "]" : ":");
  host.length = length;
  if (bracketed) {
    if (length == in.length) return LKS_URL_BAD_HOST;
    host = after(host, 1);
    length++;
  }
  if (length < in.length) {
    if (in.text[length] != ':') return LKS_URL_BAD_HOST;
    port = after(in, length + 1);
  }
  valid = bracketed ? ipv6(host, loopback) : host_name(host, loopback);
  if (!valid) return LKS_URL_BAD_HOST;
  return port.text == NULL || port_valid(port) ? LKS_URL_OK : LKS_URL_BAD_PORT;
}

/* The byte a path has at its beginning, decoded, and how many characters spell it; 0 when it must not be there. */
static size_t path_byte(span in, bool encoding, unsigned char *out) {
  *out = (unsigned char)in.text[0];
  if (is_segment_char(in.text[0]) || in.text[0] == '/') return 1;
  if (!encoding || in.text[0] != '%' || in.length < 3) return 0;
  int high = lks_ascii_hex(in.text[1]), low = lks_ascii_hex(in.text[2]);
  if (high < 0 || low < 0) return 0;
  *out = (unsigned char)(high * 16 + low);
  /* Encoded, these are undone by one proxy or another, and would then end a segment, the path or the line. */
  return lks_ascii_is_control(*out) || *out == '/' || *out == '\\' ? 0 : 3;
}

/* Whether no segment is "." or "..", and none but the first and the last is empty: "//" is merged by some proxies, and
 * at the front may be read as a host. */
static bool segments_valid(span path, bool encoding) {
  size_t length = 0, dots = 0; /* of the segment so far, decoded */
  for (size_t at = 0; at < path.length;) {
    unsigned char byte = 0;
    size_t used = path_byte(after(path, at), encoding, &byte);
    if (used == 0) return false;
    if (byte != '/') {
      length++;
      if (byte == '.') dots++;
    } else {
      if (at > 0 && length == 0) return false;
      if (length > 0 && length <= 2 && dots == length) return false;
      length = dots = 0;
    }
    at += used;
  }
  return !(length > 0 && length <= 2 && dots == length);
}

static bool append_lower(lks_buffer *out, span in) {
  for (size_t i = 0; i < in.length; i++) {
    char c = lks_ascii_lower(in.text[i]);
    if (!lks_buffer_append(out, &c, 1)) return false;
  }
  return !out->failed;
}

lks_url_status lks_url_base(const char *text, size_t length, lks_buffer *out) {
  span in = {text, length};
  bool secure = starts_with(in, "https://"), loopback = false;
  if (!secure && !starts_with(in, "http://")) return LKS_URL_BAD_SCHEME;
  size_t scheme = secure ? strlen("https://") : strlen("http://");
  size_t site = scheme + before(after(in, scheme), "/?#");
  lks_url_status status = authority((span){in.text + scheme, site - scheme}, &loopback);
  if (status != LKS_URL_OK) return status;
  if (!secure && !loopback) return LKS_URL_NOT_SECURE;

  span path = after(in, site);
  if (!segments_valid(path, false)) return LKS_URL_BAD_PATH;
  if (path.length > 0 && path.text[path.length - 1] == '/') path.length--;
  append_lower(out, (span){in.text, site});
  return lks_buffer_append(out, path.text, path.length) ? LKS_URL_OK : LKS_URL_NO_MEMORY;
}

bool lks_url_is_loopback(const char *url) {
  span in = {url, strlen(url)};
  bool loopback = false;
  size_t scheme = before(in, ":");
  in = after(in, scheme);
  if (!starts_with(in, "://")) return false;
  in = after(in, strlen("://"));
  return authority((span){in.text, before(in, "/?#")}, &loopback) == LKS_URL_OK && loopback;
}

bool lks_url_proxy_valid(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (lks_ascii_is_control((unsigned char)text[i])) return false;
    if (text[i] != '%' || length - i < 3) continue;
    int high = lks_ascii_hex(text[i + 1]), low = lks_ascii_hex(text[i + 2]);
    if (high >= 0 && low >= 0 && lks_ascii_is_control((unsigned char)(high * 16 + low))) return false;
  }
  return true;
}

const char *lks_url_status_text(lks_url_status status) {
  switch (status) {
  case LKS_URL_OK: return "the URL can be used";
  case LKS_URL_BAD_SCHEME: return "the URL does not begin with https:// (or http:// for a loopback host)";
  case LKS_URL_NOT_SECURE: return "plain http is refused except to a loopback host (localhost, 127.0.0.1, [::1])";
  case LKS_URL_USER_INFO: return "the URL must not contain a user name or password";
  case LKS_URL_BAD_HOST: return "the URL has no valid host";
  case LKS_URL_BAD_PORT: return "the port of the URL is not a number from 1 to 65535";
  case LKS_URL_BAD_PATH:
    return "the path of the URL must be plain: no query, fragment, '%', empty, '.' or '..' segment";
  case LKS_URL_BAD_PREFIX:
    return "path_prefix must be \"\" or begin with a slash, as /v3/relay does, and be plain: no space, query, "
           "fragment, "
           "empty, '.' or '..' segment";
  case LKS_URL_NO_MEMORY: return "out of memory, or the URL is too long";
  }
  return "the URL cannot be used";
}

bool lks_url_append_component(lks_buffer *out, const char *bytes, size_t length) {
  static const char hex[] = "0123456789ABCDEF";
  for (size_t i = 0; i < length; i++) {
    unsigned char byte = (unsigned char)bytes[i];
    char encoded[] = {'%', hex[byte >> 4], hex[byte & 15]};
    bool plain = is_unreserved(bytes[i]);
    if (!lks_buffer_append(out, plain ? &bytes[i] : encoded, plain ? 1 : sizeof encoded)) return false;
  }
  return !out->failed;
}

bool lks_url_path_valid(const char *path, size_t length) {
  return segments_valid((span){path, length}, true);
}
