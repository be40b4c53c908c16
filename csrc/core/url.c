#include "url.h"

#include <string.h>

#include "ascii.h"

static bool among(char c, const char *set) {
  return c != '\0' && strchr(set, c) != NULL;
}

/* `word` is in lower case. */
static bool equals(lks_text in, const char *word) {
  if (in.length != strlen(word)) return false;
  for (size_t i = 0; i < in.length; i++)
    if (lks_ascii_lower(in.data[i]) != word[i]) return false;
  return true;
}

static bool starts_with(lks_text in, const char *word) {
  size_t length = strlen(word);
  return in.length >= length && equals((lks_text){in.data, length}, word);
}

static lks_text after(lks_text in, size_t count) {
  return (lks_text){in.data + count, in.length - count};
}

/* The length of what comes before the first byte of `set`, or of everything. */
static size_t before(lks_text in, const char *set) {
  size_t length = 0;
  while (length < in.length && !among(in.data[length], set)) length++;
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
static bool octet(lks_text in, int *out) {
  int value = 0;
  if (in.length == 0 || in.length > 3 || (in.length > 1 && in.data[0] == '0')) return false;
  for (size_t i = 0; i < in.length; i++) {
    if (!lks_ascii_is_digit(in.data[i])) return false;
    value = value * 10 + (in.data[i] - '0');
  }
  *out = value;
  return value <= 255;
}

static bool ipv4(lks_text host, bool *loopback) {
  int count = 0, value = 0;
  for (lks_text rest = host;; rest = after(rest, 1)) {
    size_t length = before(rest, ".");
    if (count == 4 || !octet((lks_text){rest.data, length}, &value)) return false;
    if (count++ == 0) *loopback = value == 127;
    rest = after(rest, length);
    if (rest.length == 0) return count == 4;
  }
}

/* Groups of one to four hexadecimal digits up to the end or a "::". Returns how many, -1 when it is something else. */
static int ipv6_groups(lks_text *in, unsigned groups[8]) {
  int count = 0;
  if (in->length == 0 || in->data[0] == ':') return 0;
  for (;;) {
    unsigned value = 0;
    size_t digits = 0;
    for (; digits < in->length && lks_ascii_hex(in->data[digits]) >= 0; digits++) {
      if (digits == 4) return -1;
      value = value << 4 | (unsigned)lks_ascii_hex(in->data[digits]);
    }
    if (digits == 0 || count == 8) return -1;
    groups[count++] = value;
    *in = after(*in, digits);
    if (in->length == 0 || starts_with(*in, "::")) return count;
    if (in->data[0] != ':') return -1;
    *in = after(*in, 1);
  }
}

/* The inside of the brackets. Zones and an IPv4 address at the end are not admitted: parsers differ on them. */
static bool ipv6(lks_text host, bool *loopback) {
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
static bool host_name(lks_text host, bool *loopback) {
  size_t label = 0;
  if (host.length == 0 || host.length > 253) return false;
  for (size_t i = 0; i <= host.length; i++) {
    if (i < host.length && host.data[i] != '.') {
      if (!lks_ascii_is_alphanumeric(host.data[i]) && host.data[i] != '-') return false;
      continue;
    }
    if (i == label || i - label > 63 || host.data[label] == '-' || host.data[i - 1] == '-') return false;
    if (i < host.length) label = i + 1;
  }
  lks_text last = after(host, label);
  size_t digits = 0;
  while (digits < last.length && lks_ascii_is_digit(last.data[digits])) digits++;
  if (digits == last.length) return ipv4(host, loopback);
  if (starts_with(last, "0x")) return false;
  *loopback = label == 0 && equals(last, "localhost");
  return true;
}

static bool port_valid(lks_text port) {
  long value = 0;
  if (port.length == 0 || port.length > 5 || port.data[0] == '0') return false;
  for (size_t i = 0; i < port.length; i++) {
    if (!lks_ascii_is_digit(port.data[i])) return false;
    value = value * 10 + (port.data[i] - '0');
  }
  return value <= 65535;
}

static lks_url_status authority(lks_text in, bool *loopback) {
  lks_text host = in, port = {NULL, 0};
  bool bracketed = in.length > 0 && in.data[0] == '[', valid = false;
  if (before(in, "@") < in.length) return LKS_URL_USER_INFO;
  size_t length = before(in, bracketed ? "]" : ":");
  host.length = length;
  if (bracketed) {
    if (length == in.length) return LKS_URL_BAD_HOST;
    host = after(host, 1);
    length++;
  }
  if (length < in.length) {
    if (in.data[length] != ':') return LKS_URL_BAD_HOST;
    port = after(in, length + 1);
  }
  valid = bracketed ? ipv6(host, loopback) : host_name(host, loopback);
  if (!valid) return LKS_URL_BAD_HOST;
  return port.data == NULL || port_valid(port) ? LKS_URL_OK : LKS_URL_BAD_PORT;
}

/* The byte a path has at its beginning, decoded, and how many characters spell it; 0 when it must not be there. */
static size_t path_byte(lks_text in, bool encoding, unsigned char *out) {
  *out = (unsigned char)in.data[0];
  if (is_segment_char(in.data[0]) || in.data[0] == '/') return 1;
  if (!encoding || in.data[0] != '%' || in.length < 3) return 0;
  int high = lks_ascii_hex(in.data[1]), low = lks_ascii_hex(in.data[2]);
  if (high < 0 || low < 0) return 0;
  *out = (unsigned char)(high * 16 + low);
  /* Encoded, these are undone by one proxy or another, and would then end a segment, the path or the line. */
  return lks_ascii_is_control(*out) || *out == '/' || *out == '\\' ? 0 : 3;
}

/* Whether no segment is "." or "..", and none but the first and the last is empty: "//" is merged by some proxies, and
 * at the front may be read as a host. */
static bool segments_valid(lks_text path, bool encoding) {
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

static bool append_lower(lks_buffer *out, lks_text in) {
  for (size_t i = 0; i < in.length; i++) {
    char c = lks_ascii_lower(in.data[i]);
    if (!lks_buffer_append(out, &c, 1)) return false;
  }
  return !out->failed;
}

lks_url_status lks_url_base(const char *text, size_t length, lks_buffer *out) {
  lks_text in = {text, length};
  bool secure = starts_with(in, "https://"), loopback = false;
  if (!secure && !starts_with(in, "http://")) return LKS_URL_BAD_SCHEME;
  size_t scheme = secure ? strlen("https://") : strlen("http://");
  size_t site = scheme + before(after(in, scheme), "/?#");
  lks_url_status status = authority((lks_text){in.data + scheme, site - scheme}, &loopback);
  if (status != LKS_URL_OK) return status;
  if (!secure && !loopback) return LKS_URL_NOT_SECURE;

  lks_text path = after(in, site);
  if (!segments_valid(path, false)) return LKS_URL_BAD_PATH;
  if (path.length > 0 && path.data[path.length - 1] == '/') path.length--;
  append_lower(out, (lks_text){in.data, site});
  return lks_buffer_append(out, path.data, path.length) ? LKS_URL_OK : LKS_URL_NO_MEMORY;
}

lks_url_parts lks_url_read(const char *url) {
  const lks_text whole = {url, strlen(url)};
  lks_url_parts parts = {.scheme = {url, before(whole, ":")}};
  lks_text rest = after(whole, parts.scheme.length + strlen("://"));
  parts.authority = (lks_text){rest.data, before(rest, "/")};
  parts.path = after(rest, parts.authority.length);
  parts.place = parts.authority;
  size_t bracket = before(parts.authority, "]");
  size_t colon = bracket < parts.authority.length ? bracket + 1 : before(parts.authority, ":");
  parts.place.length = colon;
  parts.host = bracket < parts.authority.length ? (lks_text){rest.data + 1, bracket - 1} : parts.place;
  parts.port = colon < parts.authority.length ? 0 : equals(parts.scheme, "https") ? 443 : 80;
  for (size_t i = colon + 1; i < parts.authority.length; i++)
    parts.port = parts.port * 10 + (unsigned)(rest.data[i] - '0');
  return parts;
}

bool lks_url_is_loopback(const char *url) {
  const lks_text whole = {url, strlen(url)};
  bool loopback = false;
  if (!starts_with(whole, "https://") && !starts_with(whole, "http://")) return false;
  return authority(lks_url_read(url).authority, &loopback) == LKS_URL_OK && loopback;
}

void lks_url_shown(lks_text url, lks_text shown[2]) {
  const lks_text rest = {url.data, before(url, "?#")};
  size_t slashes = before(rest, "/");
  shown[0] = rest;
  shown[1] = (lks_text){rest.data + rest.length, 0};
  if (slashes + 2 > rest.length || rest.data[slashes + 1] != '/') return;
  size_t start = slashes + 2, end = start + before(after(rest, start), "/"), login = end;
  while (login > start && rest.data[login - 1] != '@') login--;
  shown[0].length = start;
  shown[1] = after(rest, login > start ? login : start);
}

/* How long the scheme at the beginning is (RFC 3986, 3.1), 0 when "://" does not follow one. */
static size_t scheme_length(lks_text in) {
  size_t length = 0;
  while (length < in.length && (lks_ascii_is_alphanumeric(in.data[length]) || among(in.data[length], "+.-"))) length++;
  return length > 0 && lks_ascii_is_letter(in.data[0]) && starts_with(after(in, length), "://") ? length : 0;
}

/* How many characters spell the byte at the beginning, which may be percent-encoded. */
static size_t decode_byte(lks_text in, unsigned char *out) {
  *out = (unsigned char)in.data[0];
  if (in.data[0] != '%' || in.length < 3) return 1;
  int high = lks_ascii_hex(in.data[1]), low = lks_ascii_hex(in.data[2]);
  if (high < 0 || low < 0) return 1;
  *out = (unsigned char)(high * 16 + low);
  return 3;
}

bool lks_url_read_proxy(lks_text text, lks_proxy *proxy) {
  unsigned char byte = 0;
  for (size_t i = 0; i < text.length;) {
    i += decode_byte(after(text, i), &byte);
    if (lks_ascii_is_control(byte)) return false;
  }
  size_t scheme = scheme_length(text), at;
  *proxy = (lks_proxy){.scheme = {text.data, scheme}};
  lks_text rest = scheme == 0 ? text : after(text, scheme + strlen("://"));
  for (at = rest.length; at > 0 && rest.data[at - 1] != '@';) at--;
  if (at > 0) proxy->login = (lks_text){rest.data, at - 1};
  rest = after(rest, at);
  if (rest.length > 0 && rest.data[rest.length - 1] == '/') rest.length--;
  if (rest.length > 0 && before(rest, "/") == rest.length) proxy->place = rest;
  return true;
}

size_t lks_url_decode(lks_text text, char *out) {
  size_t written = 0;
  unsigned char byte = 0;
  for (size_t i = 0; i < text.length; out[written++] = (char)byte) i += decode_byte(after(text, i), &byte);
  return written;
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
  return segments_valid((lks_text){path, length}, true);
}
