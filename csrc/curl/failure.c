#include "failure.h"

#include <errno.h>
#include <string.h>

/* "Malformed encoding found in chunked-encoding", of late also "chunk hex-length longer than 16" and "invalid chunk
 * size: 'ffffffffffffffff'"; "Too large response headers: 307203 > 307200", "CONNECT response too large". A trailer's
 * line that is too long is memory that ran out. */
lks_trouble lks_failure_receiving(const char *words) {
  if (strstr(words, "oo large") != NULL || strstr(words, "emory in chunked") != NULL) return LKS_TROUBLE_LONG_LINE;
  bool malformed = strstr(words, "hunked-") != NULL || strstr(words, "hunk hex-") != NULL ||
                   strstr(words, "nvalid chunk size") != NULL;
  return malformed ? LKS_TROUBLE_NONSENSE : LKS_TROUBLE_CUT;
}

const char *lks_failure_printable(char *words) {
  for (char *at = words; *at != '\0'; at++)
    if (*at < ' ' || *at > '~') *at = ' ';
  return words;
}

/* Missing descriptors show in many ways: no socket, no name, no certificates. */
static bool lacks_descriptors(const lks_failure_facts *facts) {
  return facts->shortage != 0 && !facts->sent;
}

lks_kind lks_failure_kind(const lks_failure_facts *facts) {
  if (lacks_descriptors(facts)) return LKS_KIND_CONNECT;
  switch (facts->trouble) {
  case LKS_TROUBLE_LATE: return facts->sent || facts->limit_reached ? LKS_KIND_TIMEOUT : LKS_KIND_CONNECT;
  case LKS_TROUBLE_HANDSHAKE:
  case LKS_TROUBLE_CERTIFICATE: return LKS_KIND_TLS;
  case LKS_TROUBLE_NONSENSE: return facts->sent ? LKS_KIND_BAD_RESPONSE : LKS_KIND_CONNECT;
  case LKS_TROUBLE_LARGE:
  case LKS_TROUBLE_LONG_LINE: return LKS_KIND_TOO_LARGE;
  /* Once it was sent, the caller has to learn what may have come of it, which a bare memory error cannot tell. */
  case LKS_TROUBLE_MEMORY:
  case LKS_TROUBLE_STARVED: return facts->sent ? LKS_KIND_TOO_LARGE : LKS_KIND_NO_MEMORY;
  /* Nothing that was asked of libcurl comes that late: it is what the answer asks. */
  case LKS_TROUBLE_UNABLE: return facts->sent ? LKS_KIND_BAD_RESPONSE : LKS_KIND_CONFIG;
  case LKS_TROUBLE_STOPPED: return LKS_KIND_CLOSED;
  case LKS_TROUBLE_RESENT: return LKS_KIND_NETWORK;
  case LKS_TROUBLE_CUT: break;
  }
  return facts->sent ? LKS_KIND_NETWORK : LKS_KIND_CONNECT;
}

/* Other than for being busy. */
static bool refused_by_proxy(long status) {
  return status >= 400 && status < 500 && status != 408 && status != 429;
}

bool lks_failure_is_permanent(const lks_failure_facts *facts) {
  if (lacks_descriptors(facts)) return false;
  lks_kind kind = lks_failure_kind(facts);
  return facts->trouble == LKS_TROUBLE_CERTIFICATE || kind == LKS_KIND_CONFIG ||
         (kind == LKS_KIND_CONNECT && refused_by_proxy(facts->proxy_status));
}

/* libcurl quotes a proxy it cannot use, credentials included. */
static bool is_presentable(const char *words) {
  return *words != '\0' && strchr(words, '@') == NULL;
}

const char *lks_failure_message(const lks_failure_facts *facts) {
  if (lacks_descriptors(facts))
    return facts->shortage == ENFILE ? "too many open files in this system" : "too many open files in this process";
  switch (facts->trouble) {
  case LKS_TROUBLE_RESENT: return "the connection ended before an answer, and the request may not be sent twice";
  case LKS_TROUBLE_STOPPED: return "the request was given up";
  case LKS_TROUBLE_LONG_LINE: return "a header of the answer is too large";
  case LKS_TROUBLE_MEMORY:
    return facts->unfinished_line ? "a header of the answer is too large" : "there was not enough memory";
  case LKS_TROUBLE_STARVED: return "there was not enough memory";
  case LKS_TROUBLE_LARGE:
    return facts->lines_flooded ? "the headers of the answer are larger than 256 KiB"
                                : "the answer is larger than max_response_bytes";
  default: return is_presentable(facts->words) ? facts->words : facts->standard;
  }
}
