#include "evidence.h"

/* The first attempt of unknown outcome; `count` when there is none. */
static size_t first_doubt(const lks_attempt *attempts, size_t count) {
  size_t i = 0;
  while (i < count && lks_attempt_outcome(&attempts[i]) != LKS_UNKNOWN) i++;
  return i;
}

static lks_evidence removal(const lks_attempt *attempts, size_t count) {
  size_t earlier = count - 1, doubt = first_doubt(attempts, earlier);
  if (doubt == earlier) return LKS_EVIDENCE_NONE;
  for (size_t i = 0; i < doubt; i++)
    if (attempts[i].status == attempts[earlier].status) return LKS_EVIDENCE_NONE;
  return LKS_EVIDENCE_APPLIED;
}

static lks_evidence duplicate(lks_slug slug, const lks_attempt *attempts, size_t count) {
  if (slug == LKS_SLUG_OURS) return LKS_EVIDENCE_APPLIED;
  if (first_doubt(attempts, count - 1) == count - 1) return LKS_EVIDENCE_NONE;
  return slug == LKS_SLUG_FRESH ? LKS_EVIDENCE_APPLIED : LKS_EVIDENCE_EITHER;
}

lks_evidence lks_evidence_weigh(const lks_operation *operation, lks_retry_class retry, lks_slug slug,
                                const lks_attempt *attempts, size_t count, lks_refusal refusal, bool page) {
  if (page) return LKS_EVIDENCE_NONE;
  refusal.quota_used_up = false;
  lks_kind kind = lks_error_classify(operation->service, attempts[count - 1].status, &refusal);
  if ((operation->flags & LKS_OPERATION_REMOVES) && kind == LKS_KIND_NOT_FOUND) return removal(attempts, count);
  if (retry == LKS_RETRY_KEYED && kind == LKS_KIND_CONFLICT) return duplicate(slug, attempts, count);
  return LKS_EVIDENCE_NONE;
}
