#include "retry.h"

static bool is_refused(const lks_attempt *attempt) {
  return attempt->status == 429 || (attempt->status == 503 && attempt->wait_told);
}

/* 302 and 303 are also what an operation that was carried out is answered with (RFC 9110, 15.4.3 and 15.4.4). */
static bool says_not_done(const lks_attempt *attempt) {
  int status = attempt->status;
  if (status >= 400 && status <= 499) return true;
  return status == 301 || status == 307 || status == 308 || is_refused(attempt);
}

static bool is_transient(const lks_attempt *attempt) {
  if (attempt->permanent) return false;
  switch (attempt->kind) {
  case LKS_KIND_CONNECT:
  case LKS_KIND_TLS:
  case LKS_KIND_NETWORK:
  case LKS_KIND_TIMEOUT:
  case LKS_KIND_RATE_LIMITED: return true;
  case LKS_KIND_SERVER_ERROR: return attempt->status >= 502 && attempt->status <= 504;
  default: return false; /* a 429 that means the monthly quota is none */
  }
}

lks_outcome lks_attempt_outcome(const lks_attempt *attempt) {
  if (attempt->kind == LKS_KIND_NONE) return LKS_APPLIED;
  if (!attempt->sent) return LKS_NOT_SENT;
  return says_not_done(attempt) ? LKS_REJECTED : LKS_UNKNOWN;
}

bool lks_retry_legal(lks_retry_class retry, const lks_attempt *attempt) {
  switch (retry) {
  case LKS_RETRY_SAFE:
    return is_transient(attempt) || (attempt->kind == LKS_KIND_SERVER_ERROR && attempt->status == 500);
  case LKS_RETRY_CONVERGING:
  case LKS_RETRY_KEYED: return is_transient(attempt);
  case LKS_RETRY_TOGGLE:
  case LKS_RETRY_CREATE: return is_transient(attempt) && (!attempt->sent || is_refused(attempt));
  case LKS_RETRY_NEVER: break;
  }
  return false;
}

lks_span lks_retry_backoff(unsigned retries_before, double chance) {
  lks_span ceiling = LKS_RETRY_BASE;
  while (retries_before-- > 0 && ceiling < LKS_RETRY_CAP) ceiling *= 2;
  if (ceiling > LKS_RETRY_CAP) ceiling = LKS_RETRY_CAP;
  if (!(chance > 0)) return 0;
  if (chance >= 1) return ceiling - 1;
  /* A product of whole numbers, rounded to nearest: one of doubles would depend on how wide their registers are. */
  static const int64_t one = INT64_C(1) << 32;
  lks_span wait = (ceiling * (lks_span)(chance * (double)one) + one / 2) / one;
  return wait < ceiling ? wait : ceiling - 1;
}
