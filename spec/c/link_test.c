/* The rules that go across the fields of a link, and generated slugs. */
#include "core/link.h"

#include <math.h>
#include <string.h>

#include "guard.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define TEXT(literal)                                                                                                  \
  { literal, sizeof(literal) - 1 }

static lks_text text(const char *data) {
  return (lks_text){data, data == NULL ? 0 : strlen(data)};
}

static lks_link url_link(void) {
  return (lks_link){.type = TEXT("url"),
                    .target_url = TEXT("https://example.com/private"),
                    .password = TEXT("share-this-separately"),
                    .memo = TEXT("Client contract")};
}

static lks_link memo_link(void) {
  return (lks_link){.type = TEXT("memo"),
                    .secret_memo = TEXT("The encrypted memo body"),
                    .password = TEXT("share-this-separately"),
                    .memo = TEXT("Internal note")};
}

/* A refusal begins with the name of the field; NULL: none. */
static void expect(const lks_link *link, const char *field) {
  const char *problem = lks_link_check(link, 0, false);
  if (field == NULL ? problem == NULL : problem != NULL && strncmp(problem, field, strlen(field)) == 0) return;
  test_case_failed = 1;
  fprintf(stderr, "refused: %s; expected: %s\n", problem ? problem : "(no)", field ? field : "(no)");
}

static void test_members_find_their_place(void) {
  lks_link link = {.has_limit = false};
  static const struct {
    lks_member member;
    const char *value;
  } texts[] = {{LKS_MEMBER_TYPE, "url"},     {LKS_MEMBER_TARGET_URL, "https://example.com"},
               {LKS_MEMBER_PASSWORD, "pw"},  {LKS_MEMBER_SECRET_MEMO, "secret"},
               {LKS_MEMBER_MEMO, "memo"},    {LKS_MEMBER_CUSTOM_SLUG, "slug"},
               {LKS_MEMBER_ADDRESS, "none"}, {LKS_MEMBER_START_TIME, "none"}};
  for (size_t i = 0; i < COUNT(texts); i++) lks_link_set_text(&link, texts[i].member, text(texts[i].value));
  CHECK_TEXT(link.type.data, "url");
  CHECK_TEXT(link.target_url.data, "https://example.com");
  CHECK_TEXT(link.password.data, "pw");
  CHECK_TEXT(link.secret_memo.data, "secret");
  CHECK_TEXT(link.memo.data, "memo");
  CHECK_TEXT(link.custom_slug.data, "slug");
  lks_link_set_time(&link, LKS_MEMBER_MEMO, 9);
  lks_link_set_count(&link, LKS_MEMBER_START_TIME, 9);
  CHECK(!link.has_start && !link.has_expire && !link.has_limit);
  lks_link_set_time(&link, LKS_MEMBER_START_TIME, 1);
  lks_link_set_time(&link, LKS_MEMBER_EXPIRE_TIME, 2);
  lks_link_set_count(&link, LKS_MEMBER_REDIRECT_LIMIT, 3);
  CHECK(link.has_start && link.has_expire && link.has_limit);
  CHECK_INT(link.start_time, 1);
  CHECK_INT(link.expire_time, 2);
  CHECK(link.redirect_limit == 3);
}

static void test_name_makes_the_slug(void) {
  static char name[LKS_LINK_NAME_MAX + 1];
  memset(name, 'x', sizeof name);
  lks_link link = url_link();
  for (size_t length = 0; length <= sizeof name; length++) {
    link.name = (lks_text){name, length};
    expect(&link, length == 0 || length == sizeof name ? "an idempotent name must have 1 to 512 bytes" : NULL);
  }
  link.name.length = 1;
  link.custom_slug = text("slug");
  expect(&link, "custom_slug does not go with an idempotent name");
}

static void test_published_examples_pass(void) {
  lks_link link = url_link();
  link.has_limit = true;
  link.redirect_limit = 3;
  expect(&link, NULL);
  link = memo_link();
  expect(&link, NULL);
}

static void test_required_fields(void) {
  lks_link link = url_link();
  link.type = text(NULL);
  expect(&link, "type");
  link = url_link();
  link.target_url = text(NULL);
  expect(&link, "target_url");
  link = memo_link();
  link.secret_memo = text(NULL);
  expect(&link, "secret_memo");
  for (int memo = 0; memo <= 1; memo++) {
    link = memo ? memo_link() : url_link();
    link.password = text(NULL);
    expect(&link, "password");
    link = memo ? memo_link() : url_link();
    link.memo = text(NULL);
    expect(&link, "memo");
  }
  link = (lks_link){.type = text(NULL)};
  expect(&link, "type");
}

static void test_fields_of_the_other_type(void) {
  lks_link link = url_link();
  link.secret_memo = text("x");
  expect(&link, "secret_memo");
  link = memo_link();
  link.target_url = text("https://example.com");
  expect(&link, "target_url");
}

static void test_type_is_one_of_two_words(void) {
  static const char *const types[] = {"URL", "Memo", "urls", "ur", "file", "image", " url", "memo ", "u"};
  for (size_t i = 0; i < COUNT(types); i++) {
    lks_link link = url_link();
    link.type = text(types[i]);
    expect(&link, "type");
  }
  lks_link link = url_link();
  link.type = (lks_text){"url\0", 4};
  expect(&link, "type");
}

static void test_slug_is_what_a_path_holds_as_it_is(void) {
  static const char *const slugs[] = {"Abc",
                                      "abC",
                                      "ABC",
                                      "my-Slug",
                                      "aZ9",
                                      "caf\xC3\xA9",
                                      "a\xC3\x89"
                                      "c",
                                      "my slug",
                                      "a/b",
                                      "a.b",
                                      "a%62c",
                                      "a\tb",
                                      "\xE2\x80\x8B"
                                      "abc",
                                      "a?b",
                                      "a#b",
                                      "a\\b",
                                      "a+b",
                                      "a:b",
                                      "a~b"};
  static const char *const good[] = {"abc", "my-slug_9", "123", "---", "a_b"};
  for (size_t i = 0; i < COUNT(slugs); i++) {
    lks_link link = url_link();
    link.custom_slug = text(slugs[i]);
    expect(&link, "custom_slug");
  }
  for (size_t i = 0; i < COUNT(good); i++) {
    lks_link link = url_link();
    link.custom_slug = (lks_text){guard_place(good[i], strlen(good[i])), strlen(good[i])};
    expect(&link, NULL);
  }
}

static void test_limit_is_a_positive_whole_number(void) {
  static const double bad[] = {0, -1, 0.5, 1.5, -0.0, 1e-300, 9007199254740992.0, 1e300, 3.0000000001};
  static const double good[] = {1, 2, 3, 1000000, 4294967296.0, 9007199254740991.0};
  lks_link link = url_link();
  link.has_limit = true;
  for (size_t i = 0; i < COUNT(bad); i++) {
    link.redirect_limit = bad[i];
    expect(&link, "redirect_limit");
  }
  link.redirect_limit = (double)NAN;
  expect(&link, "redirect_limit");
  link.redirect_limit = (double)INFINITY;
  expect(&link, "redirect_limit");
  link.redirect_limit = (double)-INFINITY;
  expect(&link, "redirect_limit");
  for (size_t i = 0; i < COUNT(good); i++) {
    link.redirect_limit = good[i];
    expect(&link, NULL);
  }
}

static void test_start_lies_before_expiry(void) {
  lks_link link = url_link();
  link.has_start = true;
  link.start_time = 1000;
  expect(&link, NULL);
  link.expire_time = 0; /* not given */
  expect(&link, NULL);
  link.has_expire = true;
  for (lks_time expire = 998; expire <= 1002; expire++) {
    link.expire_time = expire;
    expect(&link, expire <= 1000 ? "start_time" : NULL);
  }
  link.has_start = false;
  link.expire_time = 1;
  expect(&link, NULL);
}

/* The memo is public. */
static void test_memo_must_not_give_the_secrets_away(void) {
  static const struct {
    const char *password, *memo;
    bool refused;
  } rows[] = {
      {"hunter22", "the password is hunter22", true},
      {"hunter22", "hunter22", true},
      {"hunter22", "hunter22 it is", true},
      {"hunter22", "xhunter22x", true},
      {"hunter22", "hunter2 2", false},
      {"hunter22", "Hunter22", false},
      {"hunter22", "hunter2", false},
      {"hunter22", "hunthunter22", true},
      {"abcd", "xabcdx", true},
      {"abc", "xabcx", false}, /* too short to be told from a part of a word */
      {"abc", "abc", false},
      {"", "anything", false},
      {"\xC3\xA9\xC3\xA8", "\xC3\xA9\xC3\xA8", false}, /* two characters, though four bytes */
      {"\xC3\xA9\xC3\xA8\xC3\xA0\xC3\xB4", "-\xC3\xA9\xC3\xA8\xC3\xA0\xC3\xB4-", true},
      {"abc\xE2\x82\xAC", "abc\xE2\x82\xAC", true},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    lks_link link = url_link();
    link.password = text(rows[i].password);
    link.memo = (lks_text){guard_place(rows[i].memo, strlen(rows[i].memo)), strlen(rows[i].memo)};
    expect(&link, rows[i].refused ? "memo" : NULL);
  }
  lks_link link = memo_link();
  link.memo = text("note: The encrypted memo body, 2 pages");
  expect(&link, "memo");
  link.memo = text("note: The encrypted memo bod");
  expect(&link, NULL);
  link.secret_memo = text("42");
  link.memo = text("room 421");
  expect(&link, "memo");
}

static void test_no_refusal_shows_a_value(void) {
  lks_link link = memo_link();
  link.memo = link.secret_memo;
  CHECK(strstr(lks_link_check(&link, 0, false), "encrypted") == NULL);
  link = url_link();
  link.memo = link.password;
  CHECK(strstr(lks_link_check(&link, 0, false), "share-this") == NULL);
}

static uint64_t bits_state = 42;

static void random_bytes(unsigned char random[LKS_SLUG_RANDOM]) {
  for (size_t i = 0; i < LKS_SLUG_RANDOM; i++) {
    bits_state = bits_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    random[i] = (unsigned char)(bits_state >> 56);
  }
}

static void test_slug_is_within_the_rules(void) {
  unsigned char random[LKS_SLUG_RANDOM];
  char slug[LKS_SLUG_MAX + 1];
  for (int i = 0; i < 10002; i++) {
    random_bytes(random);
    if (i >= 10000) memset(random, i == 10000 ? 0 : 255, sizeof random);
    memset(slug, 'X', sizeof slug);
    lks_link_slug(random, slug);
    CHECK_INT(strlen(slug), 26);
    CHECK_INT(strspn(slug, "abcdefghijklmnopqrstuvwxyz234567"), 26);
    CHECK(slug[0] >= 'a' && slug[0] <= 'z');
    lks_link link = url_link();
    link.custom_slug = text(slug);
    expect(&link, NULL);
  }
}

/* Each place takes each of its characters about equally often, and places do not follow each other. */
static void test_slug_spreads_evenly(void) {
  enum { ROUNDS = 64000 };
  static unsigned count[26][128], pairs[32][32];
  unsigned char random[LKS_SLUG_RANDOM];
  char slug[LKS_SLUG_MAX + 1];
  for (int i = 0; i < ROUNDS; i++) {
    random_bytes(random);
    lks_link_slug(random, slug);
    for (size_t place = 0; place < 26; place++) count[place][(unsigned char)slug[place]]++;
    for (size_t place = 1; place < 25; place++) {
      unsigned a = (unsigned char)slug[place], b = (unsigned char)slug[place + 1];
      pairs[a >= 'a' ? a - 'a' : a - '2' + 26][b >= 'a' ? b - 'a' : b - '2' + 26]++;
    }
  }
  for (size_t place = 1; place < 26; place++) {
    for (const char *c = "abcdefghijklmnopqrstuvwxyz234567"; *c != '\0'; c++) {
      unsigned seen = count[place][(unsigned char)*c];
      CHECK(seen > 2000 - 250 && seen < 2000 + 250); /* 5.6 standard deviations */
    }
  }
  for (unsigned c = 'a'; c <= 'z'; c++) { /* in the first place six letters stand for a digit each as well */
    unsigned seen = count[0][c], expected = strchr("abcdyz", (int)c) != NULL ? 4000 : 2000;
    CHECK(seen > expected - 350 && seen < expected + 350);
  }
  for (size_t a = 0; a < 32; a++)
    for (size_t b = 0; b < 32; b++) CHECK(pairs[a][b] > 1500 - 250 && pairs[a][b] < 1500 + 250);
}

/* Behind the first character every one of the 125 bits makes a different slug. */
static void test_slug_keeps_every_bit(void) {
  unsigned char random[LKS_SLUG_RANDOM] = {0};
  char base[LKS_SLUG_MAX + 1], slug[LKS_SLUG_MAX + 1];
  lks_link_slug(random, base);
  for (unsigned bit = 5; bit < 130; bit++) {
    memset(random, 0, sizeof random);
    random[bit / 8] = (unsigned char)(128u >> bit % 8);
    lks_link_slug(random, slug);
    size_t differing = 0;
    for (size_t place = 0; place < 26; place++) differing += slug[place] != base[place];
    CHECK_INT(differing, 1);
    CHECK(slug[bit / 5] != base[bit / 5]);
  }
}

static void test_names_of_times(void) {
  static const char *const names[] = {"start_time", "expire_time", "created_at", "updated_at",  "last_opened_at",
                                      "created",    "expires",     "expiry",     "expiry_date", "valid_until",
                                      "seen_since", "deleted",     "open_time"};
  static const char *const others[] = {"",     "memo",        "slug",    "time",      "at",
                                       "_at",  "_time",       "format",  "date",      "update",
                                       "flat", "create_at_x", "runtime", "startTime", "untils"};
  for (size_t i = 0; i < COUNT(names); i++) CHECK(lks_link_names_time(text(names[i])));
  for (size_t i = 0; i < COUNT(others); i++) CHECK(!lks_link_names_time(text(others[i])));
}

static void test_values_of_times(void) {
  static const struct {
    const char *name, *value;
    lks_time time; /* -1: none */
  } rows[] = {
      {"expire_time", "2030-01-31T12:00:00Z", INT64_C(1896091200) * LKS_SECOND},
      {"expire_time", "2030-01-31t12:00:00.5+00:00", INT64_C(1896091200) * LKS_SECOND + LKS_SECOND / 2},
      {"expire_time", "2030-01-31T23:59:00-12:00", INT64_C(1896177540) * LKS_SECOND},
      {"expire_time", "2030-01-31", INT64_C(1896048000) * LKS_SECOND},
      {"valid_until", "2030-01-31T12:00Z", INT64_C(1896091200) * LKS_SECOND},
      {"valid_until", "2030-01-31", -1}, /* a date is no instant */
      {"expires", "2030-01-31", -1},
      {"expire_time", "2030-01-31T12:00:00", -1}, /* nobody says where */
      {"expire_time", "never", -1},
      {"expire_time", "", -1},
      {"expire_time", "1969-12-31T23:59:59Z", -1},
      {"expire_time", "2030-02-30T12:00:00Z", -1},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    lks_time time = -1;
    CHECK_INT(lks_link_read_time(text(rows[i].name), text(rows[i].value), &time), rows[i].time >= 0);
    CHECK_INT(time, rows[i].time);
  }
  static const struct {
    double value;
    lks_time time;
  } numbers[] = {
      {0, -1},
      {-1e12, -1},
      {1896091200, -1},
      {99999999999.0, -1},
      {1e11, INT64_C(100000000) * LKS_SECOND},
      {1896091200123.0, INT64_C(1896091200123) * 1000},
      {1e300, -1},
  };
  for (size_t i = 0; i < COUNT(numbers); i++) {
    lks_time time = -1;
    CHECK_INT(lks_link_read_milliseconds(numbers[i].value, &time), numbers[i].time >= 0);
    CHECK_INT(time, numbers[i].time);
  }
  lks_time time = -1;
  CHECK(!lks_link_read_milliseconds((double)NAN, &time) && !lks_link_read_milliseconds((double)INFINITY, &time));
}

static void test_is_slug(void) {
  static const char *const good[] = {"abc", "a-b_c9", "---", "123456789012345678901234567890"};
  static const char *const bad[] = {"", "ab", "abC", "a/b", "abc ", "caf\xC3\xA9", "1234567890123456789012345678901"};
  for (size_t i = 0; i < COUNT(good); i++)
    CHECK(lks_link_is_slug((lks_text){guard_place(good[i], strlen(good[i])), strlen(good[i])}));
  for (size_t i = 0; i < COUNT(bad); i++)
    CHECK(!lks_link_is_slug((lks_text){guard_place(bad[i], strlen(bad[i])), strlen(bad[i])}));
  CHECK(!lks_link_is_slug((lks_text){"ab\0c", 4}));
  CHECK(!lks_link_is_slug((lks_text){NULL, 0}));
}

static void test_expiry_lies_ahead(void) {
  lks_link link = url_link();
  link.has_expire = true;
  link.expire_time = 1000;
  CHECK(lks_link_check(&link, 999, false) == NULL);
  CHECK(strncmp(lks_link_check(&link, 1000, false), "expire_time", 11) == 0);
  CHECK(strncmp(lks_link_check(&link, LKS_TIME_MAX, false), "expire_time", 11) == 0);
  link.has_start = true;
  link.start_time = 0; /* has begun: the link simply opens */
  CHECK(lks_link_check(&link, 999, false) == NULL);
}

static void test_password_in_the_memo_may_be_meant(void) {
  lks_link link = url_link();
  link.password = text("2026");
  link.memo = text("Invoice 2026-11");
  CHECK(strstr(lks_link_check(&link, 0, false), "allow_in_memo") != NULL);
  CHECK(lks_link_check(&link, 0, true) == NULL);
  link.type = text("memo");
  link.target_url = (lks_text){NULL, 0};
  link.secret_memo = text("Invoice 2026");
  CHECK(strstr(lks_link_check(&link, 0, true), "secret memo") != NULL);
}

static void test_named_slugs_depend_on_secret_and_name_alone(void) {
  char slug[LKS_SLUG_MAX + 1], other[LKS_SLUG_MAX + 1], longest[LKS_LINK_NAME_MAX];
  lks_link_named_slug("ll_live_key", 11, "invoice-4711", 12, slug);
  CHECK_TEXT(slug, "xdihwxzqwlzvthnkeuhgfdl6mz");
  lks_link_named_slug("ll_live_key", 11, "invoice-4712", 12, other);
  CHECK(strcmp(slug, other) != 0);
  lks_link_named_slug("ll_live_kez", 11, "invoice-4711", 12, other);
  CHECK(strcmp(slug, other) != 0);
  memset(longest, 'n', sizeof longest);
  lks_link_named_slug("k", 1, longest, sizeof longest, slug);
  lks_link_named_slug("k", 1, longest, sizeof longest - 1, other);
  CHECK(strcmp(slug, other) != 0);
}

int main(void) {
  RUN(test_members_find_their_place);
  RUN(test_name_makes_the_slug);
  RUN(test_published_examples_pass);
  RUN(test_required_fields);
  RUN(test_fields_of_the_other_type);
  RUN(test_type_is_one_of_two_words);
  RUN(test_slug_is_what_a_path_holds_as_it_is);
  RUN(test_limit_is_a_positive_whole_number);
  RUN(test_start_lies_before_expiry);
  RUN(test_memo_must_not_give_the_secrets_away);
  RUN(test_no_refusal_shows_a_value);
  RUN(test_names_of_times);
  RUN(test_values_of_times);
  RUN(test_is_slug);
  RUN(test_expiry_lies_ahead);
  RUN(test_password_in_the_memo_may_be_meant);
  RUN(test_named_slugs_depend_on_secret_and_name_alone);
  RUN(test_slug_is_within_the_rules);
  RUN(test_slug_spreads_evenly);
  RUN(test_slug_keeps_every_bit);
  return TEST_END();
}
