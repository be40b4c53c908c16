#include "core/field.h"
#include "core/utf8.h"

#include <string.h>

#include "guard.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* README, "LOCK.PUB": every name that is accepted, with the one on the wire. */
static const struct {
  const char *name, *wire;
  lks_field_type type;
} link_names[] = {
    {"type", "type", LKS_FIELD_TEXT},
    {"target_url", "targetUrl", LKS_FIELD_TEXT},
    {"targetUrl", "targetUrl", LKS_FIELD_TEXT},
    {"link", "targetUrl", LKS_FIELD_TEXT},
    {"secret_memo", "secretMemo", LKS_FIELD_TEXT},
    {"secretMemo", "secretMemo", LKS_FIELD_TEXT},
    {"password", "password", LKS_FIELD_TEXT},
    {"memo", "memo", LKS_FIELD_TEXT},
    {"custom_slug", "customSlug", LKS_FIELD_TEXT},
    {"customSlug", "customSlug", LKS_FIELD_TEXT},
    {"redirect_limit", "redirectLimit", LKS_FIELD_COUNT},
    {"redirectLimit", "redirectLimit", LKS_FIELD_COUNT},
    {"start_time", "startTime", LKS_FIELD_TIME},
    {"startTime", "startTime", LKS_FIELD_TIME},
    {"expire_time", "expireTime", LKS_FIELD_TIME},
    {"expireTime", "expireTime", LKS_FIELD_TIME},
};

static int find(const lks_schema *schema, const char *name) {
  return lks_schema_find(schema, guard_place(name, strlen(name)), strlen(name));
}

static void test_link_takes_the_names_of_both_spellings(void) {
  const lks_schema *schema = lks_schema_get(LKS_SCHEMA_LINK);
  for (size_t i = 0; i < COUNT(link_names); i++) {
    int index = find(schema, link_names[i].name);
    CHECK(index >= 0);
    if (index < 0) continue;
    CHECK_TEXT(schema->fields[index].wire, link_names[i].wire);
    CHECK_INT(schema->fields[index].type, link_names[i].type);
  }
}

/* README, "Secrets": what of a request no text shows, and what is not even given back. */
static void test_secrets_of_a_link(void) {
  static const struct {
    const char *name;
    lks_secrecy secrecy;
  } rows[] = {{"type", LKS_OPEN},          {"target_url", LKS_PRIVATE},  {"link", LKS_PRIVATE},
              {"secret_memo", LKS_SECRET}, {"password", LKS_SECRET},     {"memo", LKS_OPEN},
              {"custom_slug", LKS_OPEN},   {"redirect_limit", LKS_OPEN}, {"start_time", LKS_OPEN},
              {"expire_time", LKS_OPEN}};
  const lks_schema *schema = lks_schema_get(LKS_SCHEMA_LINK);
  CHECK_INT(schema->count, COUNT(rows));
  for (size_t i = 0; i < COUNT(rows); i++)
    CHECK_INT(schema->fields[find(schema, rows[i].name)].secrecy, rows[i].secrecy);
}

static void test_a_member_is_one_field_on_the_wire(void) {
  const char *wires[LKS_MEMBER_COUNT] = {NULL};
  for (unsigned i = 0; i < LKS_SCHEMA_COUNT; i++) {
    const lks_schema *schema = lks_schema_get((lks_schema_id)i);
    for (size_t j = 0; j < schema->count; j++) {
      const lks_field *field = &schema->fields[j];
      CHECK(field->member < LKS_MEMBER_COUNT);
      if (wires[field->member] == NULL) wires[field->member] = field->wire;
      CHECK_TEXT(wires[field->member], field->wire);
    }
  }
  for (size_t i = 0; i < LKS_MEMBER_COUNT; i++) {
    CHECK(wires[i] != NULL);
    for (size_t j = 0; j < i; j++) CHECK(strcmp(wires[i], wires[j]) != 0);
  }
}

static void test_other_names_are_refused(void) {
  static const char *const names[] = {"",      "Type",       "types",     "typ",           "targetURL",   "target-url",
                                      "slug",  "expires",    "redirects", "redirect_limi", "expireTimes", "start_time ",
                                      "link ", "secretmemo", "extra"};
  for (size_t i = 0; i < COUNT(names); i++) CHECK_INT(find(lks_schema_get(LKS_SCHEMA_LINK), names[i]), -1);
  CHECK_INT(lks_schema_find(lks_schema_get(LKS_SCHEMA_LINK), "type\0x", 6), -1);
  CHECK_INT(lks_schema_find(lks_schema_get(LKS_SCHEMA_LINK), "typeset", 4),
            find(lks_schema_get(LKS_SCHEMA_LINK), "type"));
  CHECK_INT(find(lks_schema_get(LKS_SCHEMA_ADDRESS), "subdomain"), -1);
  CHECK_INT(find(lks_schema_get(LKS_SCHEMA_ADDRESS), "blockSpam"), -1);
  CHECK_INT(find(lks_schema_get(LKS_SCHEMA_SUBDOMAIN), "address"), -1);
}

/* spec/vectors/locker-wire.md, sections 5 and 6. */
static void test_locker_fields(void) {
  const lks_schema *schema = lks_schema_get(LKS_SCHEMA_ADDRESS);
  CHECK_INT(schema->count, 4);
  CHECK_INT(schema->fields[find(schema, "address")].type, LKS_FIELD_TEXT);
  CHECK_INT(schema->fields[find(schema, "description")].type, LKS_FIELD_TEXT);
  CHECK_INT(schema->fields[find(schema, "enabled")].type, LKS_FIELD_BOOLEAN);
  CHECK_INT(schema->fields[find(schema, "block_spam")].type, LKS_FIELD_BOOLEAN);
  CHECK_INT(lks_schema_get(LKS_SCHEMA_SUBDOMAIN)->count, 1);
  CHECK_INT(find(lks_schema_get(LKS_SCHEMA_SUBDOMAIN), "subdomain"), 0);
}

static lks_text_status check(const lks_schema *schema, const char *name, const char *text, size_t length) {
  const lks_field *field = &schema->fields[find(schema, name)];
  return lks_field_check_text(field, guard_place(text, length), length);
}

/* So many times the same character. */
static lks_text_status check_repeated(const lks_schema *schema, const char *name, const char *character, size_t count) {
  char text[1024];
  size_t size = strlen(character);
  for (size_t i = 0; i < count * size; i++) text[i] = character[i % size];
  return check(schema, name, text, count * size);
}

static void test_lengths_are_counted_in_characters(void) {
  static const char *const characters[] = {"a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x94\x92"};
  for (size_t c = 0; c < COUNT(characters); c++) {
    const lks_schema *link = lks_schema_get(LKS_SCHEMA_LINK), *address = lks_schema_get(LKS_SCHEMA_ADDRESS),
                     *subdomain = lks_schema_get(LKS_SCHEMA_SUBDOMAIN);
    CHECK_INT(check_repeated(link, "custom_slug", characters[c], 0), LKS_TEXT_EMPTY);
    CHECK_INT(check_repeated(link, "custom_slug", characters[c], 2), LKS_TEXT_TOO_SHORT);
    CHECK_INT(check_repeated(link, "custom_slug", characters[c], 3), LKS_TEXT_OK);
    CHECK_INT(check_repeated(link, "custom_slug", characters[c], 30), LKS_TEXT_OK);
    CHECK_INT(check_repeated(link, "custom_slug", characters[c], 31), LKS_TEXT_TOO_LONG);
    CHECK_INT(check_repeated(address, "address", characters[c], 0), LKS_TEXT_EMPTY);
    CHECK_INT(check_repeated(address, "address", characters[c], 5), LKS_TEXT_TOO_SHORT);
    CHECK_INT(check_repeated(address, "address", characters[c], 6), LKS_TEXT_OK);
    CHECK_INT(check_repeated(address, "address", characters[c], 64), LKS_TEXT_OK);
    CHECK_INT(check_repeated(address, "address", characters[c], 65), LKS_TEXT_TOO_LONG);
    CHECK_INT(check_repeated(address, "description", characters[c], 0), LKS_TEXT_OK);
    CHECK_INT(check_repeated(address, "description", characters[c], 64), LKS_TEXT_OK);
    CHECK_INT(check_repeated(address, "description", characters[c], 65), LKS_TEXT_TOO_LONG);
    CHECK_INT(check_repeated(subdomain, "subdomain", characters[c], 2), LKS_TEXT_TOO_SHORT);
    CHECK_INT(check_repeated(subdomain, "subdomain", characters[c], 3), LKS_TEXT_OK);
    CHECK_INT(check_repeated(subdomain, "subdomain", characters[c], 65), LKS_TEXT_TOO_LONG);
  }
}

static void test_required_texts_of_a_link_are_not_empty_and_have_no_end(void) {
  static const char *const names[] = {"type", "target_url", "link", "secret_memo", "password", "memo"};
  static const char *const blanks[] = {" ", " \t\r\n", "\xC2\xA0", "\xE3\x80\x80 \xE2\x80\x8A"};
  static char text[16000];
  memset(text, 'x', sizeof text);
  for (size_t i = 0; i < COUNT(names); i++) {
    CHECK_INT(check(lks_schema_get(LKS_SCHEMA_LINK), names[i], "", 0), LKS_TEXT_EMPTY);
    CHECK_INT(check(lks_schema_get(LKS_SCHEMA_LINK), names[i], " x ", 3),
              LKS_TEXT_OK); /* LOCK.PUB is not known to trim */
    for (size_t j = 0; j < COUNT(blanks); j++)
      CHECK_INT(check(lks_schema_get(LKS_SCHEMA_LINK), names[i], blanks[j], strlen(blanks[j])), LKS_TEXT_BLANK);
    CHECK_INT(check(lks_schema_get(LKS_SCHEMA_LINK), names[i], "a\0b", 3), LKS_TEXT_NUL);
    CHECK_INT(check(lks_schema_get(LKS_SCHEMA_LINK), names[i], text, sizeof text), LKS_TEXT_OK);
  }
}

static void test_what_locker_trims_is_not_counted(void) {
  const lks_schema *address = lks_schema_get(LKS_SCHEMA_ADDRESS);
  CHECK_INT(check(address, "address", "  abcde  ", 9), LKS_TEXT_TOO_SHORT);
  CHECK_INT(check(address, "address", "\t\n\v\f\r abcdef \r", 14), LKS_TEXT_OK);
  CHECK_INT(check(address, "address", "abc def", 7), LKS_TEXT_OK); /* for the service to judge */
  CHECK_INT(check(address, "address", "\xC2\xA0 abcde\xE3\x80\x80", 11), LKS_TEXT_TOO_SHORT);
  CHECK_INT(check(address, "address", "\x1C\xE1\x9A\x80\xE2\x80\x8A", 7), LKS_TEXT_EMPTY);
  CHECK_INT(check(address, "address", " \t\n\v\f\r ", 7), LKS_TEXT_EMPTY);
  CHECK_INT(check(address, "description", "       ", 7), LKS_TEXT_OK);
  CHECK_INT(check(lks_schema_get(LKS_SCHEMA_SUBDOMAIN), "subdomain", "  ab  ", 6), LKS_TEXT_TOO_SHORT);
  CHECK_INT(check(lks_schema_get(LKS_SCHEMA_LINK), "custom_slug", " a ", 3), LKS_TEXT_OK);
  char text[64 + 20];
  memset(text, ' ', sizeof text);
  memset(text + 10, 'x', 64);
  CHECK_INT(check(address, "description", text, sizeof text), LKS_TEXT_OK);
  memcpy(text + 74, "\xE2\x80\xA8\xC2\x85", 5);
  CHECK_INT(check(address, "description", text, sizeof text), LKS_TEXT_OK);
  text[0] = 'x';
  CHECK_INT(check(address, "description", text, sizeof text), LKS_TEXT_TOO_LONG);
}

static void check_sent(const lks_schema *schema, const char *name, const char *text, const char *expected) {
  const lks_field *field = &schema->fields[find(schema, name)];
  size_t length;
  const char *sent = lks_field_sent_text(field, guard_place(text, strlen(text)), strlen(text), &length);
  CHECK_INT(length, strlen(expected));
  CHECK(length == strlen(expected) && memcmp(sent, expected, length) == 0);
}

static void test_what_locker_trims_is_not_sent(void) {
  const lks_schema *address = lks_schema_get(LKS_SCHEMA_ADDRESS);
  check_sent(address, "description", "\t a b\xC2\xA0\n", "a b");
  check_sent(address, "description", "plain", "plain");
  check_sent(address, "description", " \xE3\x80\x80 ", "");
  check_sent(address, "description", "", "");
  check_sent(lks_schema_get(LKS_SCHEMA_SUBDOMAIN), "subdomain", "shop ", "shop");
  check_sent(lks_schema_get(LKS_SCHEMA_LINK), "memo", " as it is ", " as it is ");
}

static void test_control_characters(void) {
  static const struct {
    lks_schema_id schema;
    const char *name;
    bool refused;
  } rows[] = {
      {LKS_SCHEMA_LINK, "target_url", true},     {LKS_SCHEMA_LINK, "link", true},
      {LKS_SCHEMA_LINK, "password", true},       {LKS_SCHEMA_LINK, "memo", false},
      {LKS_SCHEMA_LINK, "secret_memo", false},   {LKS_SCHEMA_ADDRESS, "address", true},
      {LKS_SCHEMA_SUBDOMAIN, "subdomain", true}, {LKS_SCHEMA_ADDRESS, "description", false},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    const lks_schema *schema = lks_schema_get(rows[i].schema);
    for (char c = 1; c > 0 && c < 0x7F; c++) {
      char text[] = {'a', 'b', 'c', c, 'd', 'e', 'f'};
      bool refused = rows[i].refused && c < ' ';
      CHECK_INT(check(schema, rows[i].name, text, sizeof text), refused ? LKS_TEXT_CONTROL : LKS_TEXT_OK);
    }
    CHECK_INT(check(schema, rows[i].name, "abc\x7Fzzz", 7), rows[i].refused ? LKS_TEXT_CONTROL : LKS_TEXT_OK);
    CHECK_INT(check(schema, rows[i].name, "abc\0zzz", 7), LKS_TEXT_NUL);
    CHECK_INT(check(schema, rows[i].name, "\0zzzzzz", 7), LKS_TEXT_NUL);
    /* Around an address they are trimmed. */
    bool around = rows[i].refused && schema == lks_schema_get(LKS_SCHEMA_LINK);
    CHECK_INT(check(schema, rows[i].name, "\tabcdef\r\n", 9), around ? LKS_TEXT_CONTROL : LKS_TEXT_OK);
  }
}

static void test_blank_is_what_cannot_be_seen(void) {
  static const char *const blanks[] = {" ",
                                       "\t\r\n",
                                       "\xC2\x85",
                                       "\xC2\xA0\xC2\xA0",
                                       "\xE1\x9A\x80",
                                       "\xE2\x80\x80 \xE2\x80\x8A",
                                       "\xE2\x80\x8B",
                                       "\xE2\x80\xA8\xE2\x80\xA9",
                                       "\xE2\x80\xAF\xE2\x81\x9F",
                                       "\xE2\x81\xA0\xEF\xBB\xBF",
                                       "\xE3\x80\x80"};
  static const char *const seen[] = {".", " x ", "\xC2\xA1", "\xE2\x80\x90", "\xE3\x80\x81", "\xE2\x81\xA1"};
  for (size_t i = 0; i < COUNT(blanks); i++)
    CHECK_INT(check(lks_schema_get(LKS_SCHEMA_LINK), "memo", blanks[i], strlen(blanks[i])), LKS_TEXT_BLANK);
  for (size_t i = 0; i < COUNT(seen); i++)
    CHECK_INT(check(lks_schema_get(LKS_SCHEMA_LINK), "memo", seen[i], strlen(seen[i])), LKS_TEXT_OK);
  CHECK_INT(check(lks_schema_get(LKS_SCHEMA_ADDRESS), "description", "\xE3\x80\x80", 3), LKS_TEXT_OK);
}

static void test_utf8(void) {
  static const struct {
    const char *text;
    size_t size;
    long long characters;
  } rows[] = {
      {"", 0, 0},
      {"abc", 3, 3},
      {"\0", 1, 1},
      {"\x7F", 1, 1},
      {"\xC2\x80", 2, 1},
      {"\xDF\xBF", 2, 1},
      {"\xE0\xA0\x80", 3, 1},
      {"\xED\x9F\xBF", 3, 1},
      {"\xEE\x80\x80", 3, 1},
      {"\xEF\xBF\xBF", 3, 1},
      {"\xF0\x90\x80\x80", 4, 1},
      {"\xF4\x8F\xBF\xBF", 4, 1},
      {"a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x94\x92z", 11, 5},
      {"\xEF\xBB\xBF", 3, 1}, /* a byte order mark is a character */
      {"e\xCC\x81", 3, 2},    /* and so is a combining one */
      {"\x80", 1, -1},        /* a continuation first */
      {"\xBF", 1, -1},
      {"\xC0\x80", 2, -1}, /* overlong */
      {"\xC1\xBF", 2, -1},
      {"\xE0\x80\x80", 3, -1},
      {"\xE0\x9F\xBF", 3, -1},
      {"\xF0\x80\x80\x80", 4, -1},
      {"\xF0\x8F\xBF\xBF", 4, -1},
      {"\xED\xA0\x80", 3, -1}, /* surrogates */
      {"\xED\xBF\xBF", 3, -1},
      {"\xED\xA0\xBD\xED\xB4\x92", 6, -1},
      {"\xF4\x90\x80\x80", 4, -1}, /* past U+10FFFF */
      {"\xF5\x80\x80\x80", 4, -1},
      {"\xF8\x88\x80\x80\x80", 5, -1},
      {"\xFE", 1, -1},
      {"\xFF", 1, -1},
      {"\xC3", 1, -1}, /* cut */
      {"\xE2\x82", 2, -1},
      {"\xE2", 1, -1},
      {"\xF0\x9F\x94", 3, -1},
      {"a\xC3", 2, -1},
      {"\xC3\x28", 2, -1}, /* wrong continuation */
      {"\xE2\x28\xA1", 3, -1},
      {"\xE2\x82\x28", 3, -1},
      {"\xF0\x9F\x28\x92", 4, -1},
      {"\xF0\x9F\x94\xC0", 4, -1},
      {"\xC3\xA9\x80", 3, -1},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    CHECK_INT(lks_utf8_length(guard_place(rows[i].text, rows[i].size), rows[i].size), rows[i].characters);
    lks_text_status status = check(lks_schema_get(LKS_SCHEMA_LINK), "memo", rows[i].text, rows[i].size);
    CHECK_INT(status == LKS_TEXT_NOT_UTF8, rows[i].characters < 0);
  }
  CHECK_INT(lks_utf8_length(NULL, 0), 0);
}

int main(void) {
  RUN(test_link_takes_the_names_of_both_spellings);
  RUN(test_secrets_of_a_link);
  RUN(test_a_member_is_one_field_on_the_wire);
  RUN(test_other_names_are_refused);
  RUN(test_locker_fields);
  RUN(test_lengths_are_counted_in_characters);
  RUN(test_required_texts_of_a_link_are_not_empty_and_have_no_end);
  RUN(test_what_locker_trims_is_not_counted);
  RUN(test_what_locker_trims_is_not_sent);
  RUN(test_control_characters);
  RUN(test_blank_is_what_cannot_be_seen);
  RUN(test_utf8);
  return TEST_END();
}
