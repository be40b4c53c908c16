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

typedef struct lks_field {
  const char *name;  /* as the Lua API spells it */
  const char *alias; /* another accepted spelling, or NULL */
  const char *wire;  /* as the service spells it */
  lks_field_type type;
  /* Of a text, in characters after trimming what the service trims; 0 for no bound. */
  size_t minimum, maximum;
  unsigned flags;
} lks_field;

typedef struct lks_schema {
  const char *name;
  const lks_field *fields;
  size_t count;
} lks_schema;

/* spec/vectors/lockpub-api.md, "Request fields"; locker-wire.md there, sections 5 and 6. Static data. */
const lks_schema *lks_schema_link(void);
const lks_schema *lks_schema_address(void);
const lks_schema *lks_schema_subdomain(void);

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

#endif
