#include "retry.h"

static bool is_refused(const lks_attempt *attempt) {
  return attempt->status == 429 || (attempt->status == 503 && attempt->wait_told);
}

static bool is_transient(const lks_attempt *attempt) {
  if (attempt->permanent) return false;
  switch (attempt->kind) {
  case LKS_KIND_CONNECT:
  case LKS_KIND_TLS:
  case LKS_KIND_NETWORK:
  case LKS_KIND_TIMEOUT: return true;
  default: break;
  }
  switch (attempt->status) {
  case 408:
  case 429:
  case 502:
  case 503:
  case 504: return true;
  default: return false;
  }
}

lks_outcome lks_attempt_outcome(const lks_attempt *attempt) {
  if (attempt->kind == LKS_KIND_NONE) return LKS_APPLIED;
  if (!attempt->sent) return LKS_NOT_SENT;
  if (attempt->status >= 300 && attempt->status < 500) return LKS_REJECTED;
  if (is_refused(attempt)) return LKS_REJECTED;
  return LKS_UNKNOWN;
}

bool lks_retry_legal(lks_retry_class retry, const lks_attempt *attempt) {
  if (attempt->kind == LKS_KIND_TOO_LARGE || attempt->kind == LKS_KIND_BAD_RESPONSE) return false;
  switch (retry) {
  case LKS_RETRY_SAFE: return is_transient(attempt) || attempt->status == 500;
  case LKS_RETRY_CONVERGING:
  case LKS_RETRY_KEYED: return is_transient(attempt);
  case LKS_RETRY_TOGGLE:
  case LKS_RETRY_CREATE:
    if (attempt->sent) return is_refused(attempt);
    return is_transient(attempt);
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
  return (lks_span)((double)ceiling * chance);
}
