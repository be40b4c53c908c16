#include "link.h"

#include <string.h>

#include "field.h"

/* In characters. A shorter password is too likely to be part of an innocent word. */
#define PASSWORD_SEARCHED_FROM 4

static bool given(lks_text text) {
  return text.data != NULL;
}

static bool equals(lks_text text, const char *word) {
  return text.length == strlen(word) && memcmp(text.data, word, text.length) == 0;
}

static bool contains(lks_text haystack, lks_text needle) {
  if (needle.length == 0 || needle.length > haystack.length) return false;
  for (size_t i = 0; i <= haystack.length - needle.length; i++)
    if (memcmp(haystack.data + i, needle.data, needle.length) == 0) return true;
  return false;
}

static const char *check_type(const lks_link *link) {
  if (!given(link->type)) return "type is required: \"url\" or \"memo\"";
  if (equals(link->type, "url")) {
    if (!given(link->target_url)) return "target_url is required for a link of type \"url\"";
    if (given(link->secret_memo)) return "secret_memo belongs to a link of type \"memo\"";
    return NULL;
  }
  if (equals(link->type, "memo")) {
    if (!given(link->secret_memo)) return "secret_memo is required for a link of type \"memo\"";
    if (given(link->target_url)) return "target_url belongs to a link of type \"url\"";
    return NULL;
  }
  return "type must be \"url\" or \"memo\"";
}

static const char *check_slug(lks_text slug) {
  if (!given(slug)) return NULL;
  for (size_t i = 0; i < slug.length; i++)
    if (slug.data[i] >= 'A' && slug.data[i] <= 'Z') return "custom_slug must be lower-case";
  return NULL;
}

static const char *check_limit(const lks_link *link) {
  if (!link->has_limit) return NULL;
  double limit = link->redirect_limit;
  if (!(limit >= 1 && limit <= LKS_REDIRECT_LIMIT_MAX)) return "redirect_limit must be a positive whole number";
  if ((double)(long long)limit != limit) return "redirect_limit must be a positive whole number";
  return NULL;
}

static const char *check_memo(const lks_link *link) {
  if (given(link->password) && lks_utf8_length(link->password.data, link->password.length) >= PASSWORD_SEARCHED_FROM &&
      contains(link->memo, link->password))
    return "memo is public and must not contain the password";
  if (given(link->secret_memo) && contains(link->memo, link->secret_memo))
    return "memo is public and must not contain the secret memo";
  return NULL;
}

const char *lks_link_check(const lks_link *link) {
  const char *problem = check_type(link);
  if (problem != NULL) return problem;
  if (!given(link->password)) return "password is required";
  if (!given(link->memo)) return "memo is required";
  if ((problem = check_slug(link->custom_slug)) != NULL) return problem;
  if ((problem = check_limit(link)) != NULL) return problem;
  if (link->has_start && link->has_expire && link->start_time >= link->expire_time)
    return "start_time must lie before expire_time";
  return check_memo(link);
}

void lks_link_slug(const unsigned char random[LKS_SLUG_RANDOM], char slug[LKS_SLUG_MAX + 1]) {
  static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
  /* Five bits a character: 26 characters take 130 of the 160 bits. */
  unsigned accumulator = 0, bits = 0;
  size_t taken = 0, length = 0;
  while (length < 26) {
    if (bits < 5) {
      accumulator = (accumulator << 8) | random[taken++];
      bits += 8;
    }
    bits -= 5;
    slug[length++] = alphabet[(accumulator >> bits) & 31u];
    accumulator &= (1u << bits) - 1u;
  }
  /* A slug that begins like a number could be taken for an id. */
  if (slug[0] < 'a') slug[0] = alphabet[(unsigned)slug[0] % 26u];
  slug[length] = '\0';
}
