/* The fields a caller may set, as data: one table per resource, checked the same way. */
#ifndef LKS_FIELD_H
#define LKS_FIELD_H

#include <stdbool.h>
#include <stddef.h>

typedef enum lks_field_type { LKS_FIELD_TEXT, LKS_FIELD_BOOLEAN, LKS_FIELD_COUNT, LKS_FIELD_TIME } lks_field_type;

enum {
  LKS_FIELD_TRIMMED = 1, /* by the service: what stands around it is not looked at */
  LKS_FIELD_ONE_LINE = 2 /* of a text that is typed or part of an address: it holds no control characters */
};

/* Bounds of a slug, in characters. */
#define LKS_SLUG_MIN 3
#define LKS_SLUG_MAX 30

/* What a field says, whatever it is called. */
typedef enum lks_member {
  LKS_MEMBER_TYPE,
  LKS_MEMBER_TARGET_URL,
  LKS_MEMBER_SECRET_MEMO,
  LKS_MEMBER_PASSWORD,
  LKS_MEMBER_MEMO,
  LKS_MEMBER_CUSTOM_SLUG,
  LKS_MEMBER_REDIRECT_LIMIT,
  LKS_MEMBER_START_TIME,
  LKS_MEMBER_EXPIRE_TIME,
  LKS_MEMBER_ADDRESS,
  LKS_MEMBER_DESCRIPTION,
  LKS_MEMBER_ENABLED,
  LKS_MEMBER_BLOCK_SPAM,
  LKS_MEMBER_SUBDOMAIN,
  LKS_MEMBER_COUNT
} lks_member;

typedef enum lks_secrecy {
  LKS_OPEN,
  LKS_PRIVATE, /* no text shows it, neither errors nor events; the caller gets it back as a value */
  LKS_SECRET   /* nothing that the library gives back holds it */
} lks_secrecy;

/* Static, as all that it points to, and schemas likewise. */
typedef struct lks_field {
  const char *name;  /* as the Lua API spells it */
  const char *alias; /* another accepted spelling, or NULL */
  const char *wire;  /* as the service spells it */
  lks_field_type type;
  lks_member member; /* of several rows with the same one only one may be given */
  lks_secrecy secrecy;
  /* Of a text, in characters after trimming what the service trims; 0 for no bound. */
  size_t minimum, maximum;
  unsigned flags;
} lks_field;

typedef struct lks_schema {
  const char *name;
  const lks_field *fields;
  size_t count;
} lks_schema;

typedef enum lks_schema_id {
  LKS_SCHEMA_LINK,
  LKS_SCHEMA_ADDRESS,
  LKS_SCHEMA_SUBDOMAIN,
  LKS_SCHEMA_COUNT
} lks_schema_id;

/* spec/vectors/lockpub-api.md, "Request fields"; locker-wire.md there, sections 5 and 6. Static data; `id` is a valid
 * one. */
const lks_schema *lks_schema_get(lks_schema_id id);
/* False, and *out left alone, when no schema has that name. */
bool lks_schema_named(const char *name, lks_schema_id *out);

/* Index of the field with that name or alias, -1 when there is none. */
int lks_schema_find(const lks_schema *schema, const char *name, size_t length);

typedef enum lks_text_status {
  LKS_TEXT_OK,
  LKS_TEXT_NOT_UTF8,
  LKS_TEXT_NUL,   /* which the services refuse, or take for the end */
  LKS_TEXT_EMPTY, /* nothing, or nothing but what is trimmed, where a minimum holds */
  LKS_TEXT_BLANK, /* nothing that can be seen, where a minimum holds */
  LKS_TEXT_CONTROL,
  LKS_TEXT_TOO_SHORT,
  LKS_TEXT_TOO_LONG
} lks_text_status;

lks_text_status lks_field_check_text(const lks_field *field, const char *text, size_t length);

/* A text that passed the check as it is sent: without what the service would trim, so that it can be compared with what
 * the service has. Points into `text`. */
const char *lks_field_sent_text(const lks_field *field, const char *text, size_t length, size_t *sent_length);

#endif
