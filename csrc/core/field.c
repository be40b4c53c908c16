#include "field.h"

#include <stdint.h>
#include <string.h>

#include "ascii.h"
#include "utf8.h"

enum { TRIMMED = LKS_FIELD_TRIMMED, ONE_LINE = LKS_FIELD_ONE_LINE };

static const lks_field link_fields[] = {
    {"type", NULL, "type", LKS_FIELD_TEXT, LKS_MEMBER_TYPE, LKS_OPEN, 1, 0, 0},
    {"target_url", "targetUrl", "targetUrl", LKS_FIELD_TEXT, LKS_MEMBER_TARGET_URL, LKS_PRIVATE, 1, 0, ONE_LINE},
    {"link", NULL, "targetUrl", LKS_FIELD_TEXT, LKS_MEMBER_TARGET_URL, LKS_PRIVATE, 1, 0, ONE_LINE},
    {"secret_memo", "secretMemo", "secretMemo", LKS_FIELD_TEXT, LKS_MEMBER_SECRET_MEMO, LKS_SECRET, 1, 0, 0},
    {"password", NULL, "password", LKS_FIELD_TEXT, LKS_MEMBER_PASSWORD, LKS_SECRET, 1, 0, ONE_LINE},
    {"memo", NULL, "memo", LKS_FIELD_TEXT, LKS_MEMBER_MEMO, LKS_OPEN, 1, 0, 0},
    {"custom_slug", "customSlug", "customSlug", LKS_FIELD_TEXT, LKS_MEMBER_CUSTOM_SLUG, LKS_OPEN, LKS_SLUG_MIN,
     LKS_SLUG_MAX, 0},
    {"redirect_limit", "redirectLimit", "redirectLimit", LKS_FIELD_COUNT, LKS_MEMBER_REDIRECT_LIMIT, LKS_OPEN, 0, 0, 0},
    {"start_time", "startTime", "startTime", LKS_FIELD_TIME, LKS_MEMBER_START_TIME, LKS_OPEN, 0, 0, 0},
    {"expire_time", "expireTime", "expireTime", LKS_FIELD_TIME, LKS_MEMBER_EXPIRE_TIME, LKS_OPEN, 0, 0, 0},
};

static const lks_field address_fields[] = {
    {"address", NULL, "address", LKS_FIELD_TEXT, LKS_MEMBER_ADDRESS, LKS_OPEN, 6, 64, TRIMMED | ONE_LINE},
    {"description", NULL, "description", LKS_FIELD_TEXT, LKS_MEMBER_DESCRIPTION, LKS_OPEN, 0, 64, TRIMMED},
    {"enabled", NULL, "enabled", LKS_FIELD_BOOLEAN, LKS_MEMBER_ENABLED, LKS_OPEN, 0, 0, 0},
    {"block_spam", NULL, "block_spam", LKS_FIELD_BOOLEAN, LKS_MEMBER_BLOCK_SPAM, LKS_OPEN, 0, 0, 0},
};

static const lks_field subdomain_fields[] = {
    {"subdomain", NULL, "subdomain", LKS_FIELD_TEXT, LKS_MEMBER_SUBDOMAIN, LKS_OPEN, 3, 64, TRIMMED | ONE_LINE},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const lks_schema schemas[] = {
    [LKS_SCHEMA_LINK] = {"link", link_fields, COUNT(link_fields)},
    [LKS_SCHEMA_ADDRESS] = {"address", address_fields, COUNT(address_fields)},
    [LKS_SCHEMA_SUBDOMAIN] = {"subdomain", subdomain_fields, COUNT(subdomain_fields)},
};

_Static_assert(COUNT(schemas) == LKS_SCHEMA_COUNT, "each schema has its fields");

const lks_schema *lks_schema_get(lks_schema_id id) {
  return &schemas[id];
}

bool lks_schema_named(const char *name, lks_schema_id *out) {
  for (unsigned i = 0; i < LKS_SCHEMA_COUNT; i++) {
    if (strcmp(schemas[i].name, name) == 0) {
      *out = (lks_schema_id)i;
      return true;
    }
  }
  return false;
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

/* The code point of the valid character at `text`. */
static unsigned long code_of(const char *text, size_t size) {
  static const unsigned char leads[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
  unsigned long code = (unsigned char)text[0] & leads[size];
  for (size_t i = 1; i < size; i++) code = code << 6 | ((unsigned char)text[i] & 0x3Fu);
  return code;
}

/* What Python's str.strip takes off, and so Locker. */
static bool is_space(unsigned long code) {
  return code == ' ' || (code >= '\t' && code <= '\r') || (code >= 0x1C && code <= 0x1F) || code == 0x85 ||
         code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 ||
         code == 0x202F || code == 0x205F || code == 0x3000;
}

static bool has_no_width(unsigned long code) {
  return (code >= 0x200B && code <= 0x200F) || code == 0x2060 || code == 0xFEFF;
}

/* Eight bytes, each with that value. */
#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Whether it is all printable ASCII, with no blank at its ends. Most are, and need no closer look. */
static bool is_plain(const char *text, size_t length) {
  if (length == 0 || text[0] == ' ' || text[length - 1] == ' ') return false;
  while (length > 0) {
    uint64_t bytes = EACH((unsigned char)'a');
    size_t size = length < sizeof bytes ? length : sizeof bytes;
    memcpy(&bytes, text, size);
    /* The upper bit of a byte is set by one below the blank, DEL, and one above: the first by a borrow. */
    if (((bytes | (bytes - EACH(0x20)) | (bytes + EACH(1))) & EACH(0x80)) != 0) return false;
    text += size;
    length -= size;
  }
  return true;
}

/* What a text is made of, apart from the white space around it. */
typedef struct text_content {
  size_t characters; /* from the first that is no space to the last */
  size_t begin, end; /* of these, as offsets */
  bool visible, has_nul, has_control;
} text_content;

/* False when the text is not valid UTF-8. */
static bool read_content(const char *text, size_t length, text_content *content) {
  size_t size, bad, spaces = 0;
  bool control_within = false;
  *content = (text_content){0};
  for (size_t i = 0; i < length; i += size) {
    unsigned long code = (unsigned char)text[i];
    size = 1;
    if (code > ' ' && code < 0x7F && spaces == 0) { /* as most are, which needs no closer look */
      if (content->characters++ == 0) content->begin = i;
      content->end = i + 1;
      content->visible = true;
      continue;
    }
    if ((size = lks_utf8_character(text + i, length - i, &bad)) == 0) return false;
    code = code_of(text + i, size);
    if (code == 0) content->has_nul = true;
    if (is_space(code)) {
      spaces++;
      control_within = control_within || lks_ascii_is_control(code);
      continue;
    }
    if (content->characters > 0) {
      content->characters += spaces;
      content->has_control = content->has_control || control_within;
    }
    spaces = 0;
    control_within = false;
    if (content->characters++ == 0) content->begin = i;
    content->end = i + size;
    if (!has_no_width(code)) content->visible = true;
    if (lks_ascii_is_control(code)) content->has_control = true;
  }
  return true;
}

static bool has_control(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (lks_ascii_is_control((unsigned char)text[i])) return true;
  return false;
}

lks_text_status lks_field_check_text(const lks_field *field, const char *text, size_t length) {
  text_content content = {.characters = length, .end = length, .visible = true};
  bool plain = is_plain(text, length);
  if (!plain && !read_content(text, length, &content)) return LKS_TEXT_NOT_UTF8;
  bool trimmed = (field->flags & LKS_FIELD_TRIMMED) != 0, one_line = (field->flags & LKS_FIELD_ONE_LINE) != 0;
  size_t characters = plain || trimmed ? content.characters : (size_t)lks_utf8_length(text, length);
  if (content.has_nul) return LKS_TEXT_NUL;
  if (field->minimum > 0 && characters == 0) return LKS_TEXT_EMPTY;
  if (field->minimum > 0 && !content.visible) return LKS_TEXT_BLANK;
  if (one_line && !plain && (trimmed ? content.has_control : has_control(text, length))) return LKS_TEXT_CONTROL;
  if (field->minimum > 0 && characters < field->minimum) return LKS_TEXT_TOO_SHORT;
  if (field->maximum > 0 && characters > field->maximum) return LKS_TEXT_TOO_LONG;
  return LKS_TEXT_OK;
}

const char *lks_field_sent_text(const lks_field *field, const char *text, size_t length, size_t *sent_length) {
  text_content content;
  *sent_length = length;
  if ((field->flags & LKS_FIELD_TRIMMED) == 0 || is_plain(text, length) || !read_content(text, length, &content))
    return text;
  *sent_length = content.end - content.begin;
  return text + content.begin;
}
