/* The rules of a LOCK.PUB link that go across its fields (spec/vectors/lockpub-api.md, "Request fields" and "Security
 * checklist"). */
#ifndef LKS_LINK_H
#define LKS_LINK_H

#include "field.h"
#include "text.h"
#include "timestamp.h"

/* Each field as given, already of the right type (lks_schema_link); the texts must live as long. */
typedef struct lks_link {
  lks_text type, target_url, secret_memo, password, memo, custom_slug;
  lks_text name; /* the caller's own, which the slug is to be derived from */
  bool has_limit, has_start, has_expire;
  double redirect_limit;
  lks_time start_time, expire_time;
} lks_link;

/* Members that are not of that type, or none of a link, are let pass. */
void lks_link_set_text(lks_link *link, lks_member member, lks_text text);
void lks_link_set_time(lks_link *link, lks_member member, lks_time time);
void lks_link_set_count(lks_link *link, lks_member member, double count);

#define LKS_LINK_NAME_MAX 512
#define LKS_REDIRECT_LIMIT_MAX 9007199254740991.0 /* 2^53 - 1, exact in JSON everywhere */

/* NULL when the link may be sent at `now`. Otherwise a static sentence that names the offending field, first of all
 * unless that is `name`, and holds no value of it. `allow_in_memo`: the caller knows that the memo contains the
 * password. */
const char *lks_link_check(const lks_link *link, lks_time now, bool allow_in_memo);

/* Whether a caller's slug may be sent. */
bool lks_link_is_slug(lks_text slug);

/* Whether a field of an answer, by its name in snake_case, is an instant: expire_time, start_time, created_at,
 * updated_at, and what is named alike (…_at, …_time, …_date, …_until, …_since, or one of a few words). The provider
 * documents no field of an answer but shortUrl. */
bool lks_link_names_time(lks_text name);
/* What the value of such a field says: an ISO 8601 text, which where the name does not end in _at or _time must have a
 * time of day, or else be a date. False, and *out left alone, when it is no instant. */
bool lks_link_read_time(lks_text name, lks_text value, lks_time *out);
/* The same of a number. False for one that is Unix seconds already; from 1e11 on it counts milliseconds, as in
 * lks_reset_parse. */
bool lks_link_read_milliseconds(double value, lks_time *out);

#define LKS_SLUG_RANDOM 20
/* Turns 20 random bytes into a slug of 26 lower-case letters and digits, beginning with a letter, and its NUL. With
 * good bytes it carries over 120 bits, so that nobody can guess it and two never meet. */
void lks_link_slug(const unsigned char random[LKS_SLUG_RANDOM], char slug[LKS_SLUG_MAX + 1]);

/* The slug that belongs to a caller's own name for a link: the same everywhere for the same secret and name, and to be
 * guessed by nobody without the secret. `name` has 1 to LKS_LINK_NAME_MAX bytes; `slug` as from lks_link_slug. */
void lks_link_named_slug(const char *secret, size_t secret_length, const char *name, size_t name_length,
                         char slug[LKS_SLUG_MAX + 1]);

#endif
