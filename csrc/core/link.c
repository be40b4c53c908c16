#include "link.h"

#include <string.h>

#include "ascii.h"
#include "buffer.h"
#include "hmac.h"
#include "utf8.h"

/* In characters. A shorter password is too likely to be part of an innocent word. */
#define PASSWORD_SEARCHED_FROM 4
/* As seconds, numbers of this size would lie after the year 5138. */
#define MILLISECONDS_FROM 1e11
#define SLUG_LENGTH 26

_Static_assert(SLUG_LENGTH <= LKS_SLUG_MAX && SLUG_LENGTH * 5 <= LKS_SLUG_RANDOM * 8,
               "a slug has its bits and its room");

void lks_link_set_text(lks_link *link, lks_member member, lks_text text) {
  switch (member) {
  case LKS_MEMBER_TYPE: link->type = text; break;
  case LKS_MEMBER_TARGET_URL: link->target_url = text; break;
  case LKS_MEMBER_SECRET_MEMO: link->secret_memo = text; break;
  case LKS_MEMBER_PASSWORD: link->password = text; break;
  case LKS_MEMBER_MEMO: link->memo = text; break;
  case LKS_MEMBER_CUSTOM_SLUG: link->custom_slug = text; break;
  default: break;
  }
}

void lks_link_set_time(lks_link *link, lks_member member, lks_time time) {
  if (member == LKS_MEMBER_START_TIME) {
    link->has_start = true;
    link->start_time = time;
  } else if (member == LKS_MEMBER_EXPIRE_TIME) {
    link->has_expire = true;
    link->expire_time = time;
  }
}

void lks_link_set_count(lks_link *link, lks_member member, double count) {
  if (member != LKS_MEMBER_REDIRECT_LIMIT) return;
  link->has_limit = true;
  link->redirect_limit = count;
}

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

/* The provider says "lowercase", 3 to 30 characters, and no more. Letters, digits, '-' and '_' are what stands in a
 * path as it is and can be read aloud; anything else would be another slug in the URL than in the field. */
static bool is_slug_char(char c) {
  return lks_ascii_is_lower(c) || lks_ascii_is_digit(c) || c == '-' || c == '_';
}

static bool has_slug_chars_only(lks_text slug) {
  for (size_t i = 0; i < slug.length; i++)
    if (!is_slug_char(slug.data[i])) return false;
  return true;
}

bool lks_link_is_slug(lks_text slug) {
  return given(slug) && slug.length >= LKS_SLUG_MIN && slug.length <= LKS_SLUG_MAX && has_slug_chars_only(slug);
}

static const char *check_slug(lks_text slug) {
  if (!given(slug) || has_slug_chars_only(slug)) return NULL;
  return "custom_slug must be lower-case letters, digits, '-' and '_' only";
}

static const char *check_times(const lks_link *link, lks_time now) {
  if (link->has_start && link->has_expire && link->start_time >= link->expire_time)
    return "start_time must lie before expire_time";
  if (link->has_expire && link->expire_time <= now) return "expire_time lies in the past: nobody could open the link";
  return NULL;
}

static const char *check_limit(const lks_link *link) {
  if (!link->has_limit) return NULL;
  double limit = link->redirect_limit;
  if (!(limit >= 1 && limit <= LKS_REDIRECT_LIMIT_MAX)) return "redirect_limit must be a positive whole number";
  if ((double)(long long)limit != limit) return "redirect_limit must be a positive whole number";
  return NULL;
}

static const char *check_memo(const lks_link *link, bool allow_in_memo) {
  if (!allow_in_memo && given(link->password) &&
      lks_utf8_length(link->password.data, link->password.length) >= PASSWORD_SEARCHED_FROM &&
      contains(link->memo, link->password))
    return "memo is public and must not contain the password (where that is meant, pass allow_in_memo = true)";
  if (given(link->secret_memo) && contains(link->memo, link->secret_memo))
    return "memo is public and must not contain the secret memo";
  return NULL;
}

static const char *check_name(const lks_link *link) {
  if (!given(link->name)) return NULL;
  if (given(link->custom_slug))
    return "custom_slug does not go with an idempotent name, which makes the slug: use idempotent = true";
  if (link->name.length < 1 || link->name.length > LKS_LINK_NAME_MAX)
    return "an idempotent name must have 1 to " LKS_LITERAL(LKS_LINK_NAME_MAX) " bytes";
  return NULL;
}

const char *lks_link_check(const lks_link *link, lks_time now, bool allow_in_memo) {
  const char *problem = check_type(link);
  if (problem != NULL) return problem;
  if (!given(link->password)) return "password is required";
  if (!given(link->memo)) return "memo is required";
  if ((problem = check_slug(link->custom_slug)) != NULL) return problem;
  if ((problem = check_limit(link)) != NULL) return problem;
  if ((problem = check_times(link, now)) != NULL) return problem;
  if ((problem = check_memo(link, allow_in_memo)) != NULL) return problem;
  return check_name(link);
}

static bool ends_with(lks_text text, const char *end) {
  size_t length = strlen(end);
  return text.length > length && memcmp(text.data + text.length - length, end, length) == 0;
}

static bool names_instant(lks_text name) {
  return ends_with(name, "_at") || ends_with(name, "_time");
}

bool lks_link_names_time(lks_text name) {
  static const char *const words[] = {"created", "updated", "modified", "deleted", "starts", "expires", "expiry"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (equals(name, words[i])) return true;
  return names_instant(name) || ends_with(name, "_date") || ends_with(name, "_until") || ends_with(name, "_since");
}

bool lks_link_read_time(lks_text name, lks_text value, lks_time *out) {
  if (value.length <= sizeof "YYYY-MM-DD" - 1 && !names_instant(name)) return false;
  return lks_iso8601_parse(value.data, value.length, out);
}

bool lks_link_read_milliseconds(double value, lks_time *out) {
  const int64_t last = LKS_TIME_MAX / (LKS_SECOND / 1000);
  if (!(value >= MILLISECONDS_FROM && value <= (double)last)) return false;
  *out = lks_span_from_milliseconds(value);
  return true;
}

void lks_link_slug(const unsigned char random[LKS_SLUG_RANDOM], char slug[LKS_SLUG_MAX + 1]) {
  static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
  /* Five bits a character. */
  unsigned accumulator = 0, bits = 0;
  size_t taken = 0, length = 0;
  while (length < SLUG_LENGTH) {
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

void lks_link_named_slug(const char *secret, size_t secret_length, const char *name, size_t name_length,
                         char slug[LKS_SLUG_MAX + 1]) {
  static const char purpose[] = "locksmith link slug 1"; /* with its NUL: what the secret is used for besides */
  char message[sizeof purpose + LKS_LINK_NAME_MAX];
  unsigned char digest[LKS_SHA256_SIZE] = {0};
  memcpy(message, purpose, sizeof purpose);
  if (name_length > LKS_LINK_NAME_MAX) name_length = LKS_LINK_NAME_MAX;
  memcpy(message + sizeof purpose, name, name_length);
  _Static_assert(sizeof message <= LKS_HMAC_MESSAGE_MAX, "an hmac takes the longest name");
  (void)lks_hmac_sha256(secret, secret_length, message, sizeof purpose + name_length, digest);
  lks_link_slug(digest, slug);
  lks_wipe(digest, sizeof digest);
}
