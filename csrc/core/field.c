#include "field.h"

#include <string.h>

#include "utf8.h"

static const lks_field link_fields[] = {
    {"type", NULL, "type", LKS_FIELD_TEXT, 1, 0, false},
    {"target_url", "targetUrl", "targetUrl", LKS_FIELD_TEXT, 1, 0, false},
    {"link", NULL, "targetUrl", LKS_FIELD_TEXT, 1, 0, false},
    {"secret_memo", "secretMemo", "secretMemo", LKS_FIELD_TEXT, 1, 0, false},
    {"password", NULL, "password", LKS_FIELD_TEXT, 1, 0, false},
    {"memo", NULL, "memo", LKS_FIELD_TEXT, 1, 0, false},
    {"custom_slug", "customSlug", "customSlug", LKS_FIELD_TEXT, 3, 30, false},
    {"redirect_limit", "redirectLimit", "redirectLimit", LKS_FIELD_COUNT, 0, 0, false},
    {"start_time", "startTime", "startTime", LKS_FIELD_TIME, 0, 0, false},
    {"expire_time", "expireTime", "expireTime", LKS_FIELD_TIME, 0, 0, false},
};

static const lks_field address_fields[] = {
    {"address", NULL, "address", LKS_FIELD_TEXT, 6, 64, true},
    {"description", NULL, "description", LKS_FIELD_TEXT, 0, 64, true},
    {"enabled", NULL, "enabled", LKS_FIELD_BOOLEAN, 0, 0, false},
    {"block_spam", NULL, "block_spam", LKS_FIELD_BOOLEAN, 0, 0, false},
};

static const lks_field subdomain_fields[] = {
    {"subdomain", NULL, "subdomain", LKS_FIELD_TEXT, 3, 64, true},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const lks_schema link_schema = {"link", link_fields, COUNT(link_fields)};
static const lks_schema address_schema = {"address", address_fields, COUNT(address_fields)};
static const lks_schema subdomain_schema = {"subdomain", subdomain_fields, COUNT(subdomain_fields)};

const lks_schema *lks_schema_link(void) {
  return &link_schema;
}

const lks_schema *lks_schema_address(void) {
  return &address_schema;
}

const lks_schema *lks_schema_subdomain(void) {
  return &subdomain_schema;
}

static bool is_name(const char *candidate, const char *name, size_t length) {
  return candidate != NULL && length > 0 && candidate[0] == name[0] && strncmp(candidate, name, length) == 0 &&
         strlen(candidate) == length;
}

int lks_schema_find(const lks_schema *schema, const char *name, size_t length) {
  for (size_t i = 0; i < schema->count; i++)
    if (is_name(schema->fields[i].name, name, length) || is_name(schema->fields[i].alias, name, length)) return (int)i;
  return -1;
}

static bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/* White space of ASCII, and of Unicode what is in the Latin and CJK repertoires: U+0085, U+00A0, U+2000 to U+200A,
 * U+2028, U+2029, U+202F, U+205F, U+3000. `text` is valid UTF-8. */
static bool is_blank(const char *text, size_t length) {
  static const char *const spaces[] = {"\xC2\x85",     "\xC2\xA0",     "\xE2\x80\xA8", "\xE2\x80\xA9",
                                       "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"};
  for (size_t i = 0; i < length;) {
    size_t used = is_space(text[i]) ? 1 : 0;
    for (size_t j = 0; used == 0 && j < sizeof spaces / sizeof *spaces; j++) {
      size_t size = strlen(spaces[j]);
      if (size <= length - i && memcmp(text + i, spaces[j], size) == 0) used = size;
    }
    if (used == 0 && length - i >= 3 && memcmp(text + i, "\xE2\x80", 2) == 0 && (unsigned char)text[i + 2] <= 0x8A)
      used = 3;
    if (used == 0) return false;
    i += used;
  }
  return true;
}

lks_text_status lks_field_check_text(const lks_field *field, const char *text, size_t length) {
  if (field->trimmed) {
    while (length > 0 && is_space(text[length - 1])) length--;
    while (length > 0 && is_space(*text)) text++, length--;
  }
  long long characters = lks_utf8_length(text, length);
  if (characters < 0) return LKS_TEXT_NOT_UTF8;
  if (length > 0 && memchr(text, '\0', length) != NULL) return LKS_TEXT_NUL;
  if (field->minimum > 0 && characters == 0) return LKS_TEXT_EMPTY;
  if (field->minimum > 0 && is_blank(text, length)) return LKS_TEXT_BLANK;
  if (field->minimum > 0 && (unsigned long long)characters < field->minimum) return LKS_TEXT_TOO_SHORT;
  if (field->maximum > 0 && (unsigned long long)characters > field->maximum) return LKS_TEXT_TOO_LONG;
  return LKS_TEXT_OK;
}
