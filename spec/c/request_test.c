#include "core/request.h"

#include <string.h>

#include "call_script.h"
#include "guard.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define BASE "https://api.locker.io"
#define PREFIX "/v3/relay"

static lks_request_status route(lks_request *request, const char *operation, const char *id) {
  size_t length = id == NULL ? 0 : strlen(id);
  return lks_request_route(request, BASE, PREFIX, script_operation(operation),
                           id == NULL ? NULL : guard_place(id, length), length);
}

static lks_request_status path(lks_request *request, const char *method, const char *text, size_t length) {
  return lks_request_path(request, BASE, PREFIX, method, guard_place(text, length), length);
}

static lks_request_status query(lks_request *request, const char *name, const char *value) {
  return lks_request_query(request, name, strlen(name), value, strlen(value));
}

/* spec/vectors/locker-wire.md, sections 5 and 6; lockpub-api.md there, "Endpoint". */
static void test_every_operation_has_its_method_and_url(void) {
  static const struct {
    const char *operation, *id, *method, *url;
  } rows[] = {
      {"lockpub.links.create", NULL, "POST", BASE PREFIX "/links"},
      {"locker.addresses.list", NULL, "GET", BASE PREFIX "/addresses"},
      {"locker.addresses.create", NULL, "POST", BASE PREFIX "/addresses"},
      {"locker.addresses.get", "88", "GET", BASE PREFIX "/addresses/88"},
      {"locker.addresses.update", "88", "PUT", BASE PREFIX "/addresses/88"},
      {"locker.addresses.delete", "88", "DELETE", BASE PREFIX "/addresses/88"},
      {"locker.addresses.toggle_enabled", "88", "PUT", BASE PREFIX "/addresses/88/enabled"},
      {"locker.addresses.toggle_block_spam", "88", "PUT", BASE PREFIX "/addresses/88/block_spam"},
      {"locker.subdomains.list", NULL, "GET", BASE PREFIX "/subdomains"},
      {"locker.subdomains.create", NULL, "POST", BASE PREFIX "/subdomains"},
      {"locker.subdomains.get", "3", "GET", BASE PREFIX "/subdomains/3"},
      {"locker.subdomains.update", "3", "PUT", BASE PREFIX "/subdomains/3"},
      {"locker.subdomains.delete", "3", "DELETE", BASE PREFIX "/subdomains/3"},
      {"locker.subdomains.in_use", NULL, "GET", BASE PREFIX "/subdomains/use_subdomain"},
      {"locker.subdomains.set_in_use", NULL, "PUT", BASE PREFIX "/subdomains/use_subdomain"},
  };
  size_t routed = 0;
  for (size_t i = 0; lks_operation_at(i) != NULL; i++) routed += lks_operation_at(i)->route != NULL;
  CHECK_INT(COUNT(rows), routed);
  for (size_t i = 0; i < COUNT(rows); i++) {
    lks_request request;
    lks_request_init(&request);
    CHECK_INT(route(&request, rows[i].operation, rows[i].id), LKS_REQUEST_OK);
    CHECK_TEXT(request.method, rows[i].method);
    CHECK_TEXT(request.url.data, rows[i].url);
    CHECK(!request.has_body && !request.has_query);
    lks_request_free(&request);
  }
}

static void test_ids_are_decimal_digits(void) {
  static const char *const bad[] = {"",
                                    "-1",
                                    "+1",
                                    "1.0",
                                    "1e3",
                                    " 1",
                                    "1 ",
                                    "0x1",
                                    "a",
                                    "1/enabled",
                                    "..",
                                    "%31",
                                    "1?a",
                                    "1#",
                                    "1\n",
                                    "\xD9\xA1",
                                    "123456789012345678901"};
  static const char *const good[] = {"0", "1", "0001", "18446744073709551616", "99999999999999999999"};
  lks_request request;
  lks_request_init(&request);
  for (size_t i = 0; i < COUNT(bad); i++)
    CHECK_INT(route(&request, "locker.addresses.get", bad[i]), LKS_REQUEST_BAD_ID);
  CHECK_INT(route(&request, "locker.addresses.get", NULL), LKS_REQUEST_BAD_ID);
  for (size_t i = 0; i < COUNT(good); i++) {
    CHECK_INT(route(&request, "locker.addresses.get", good[i]), LKS_REQUEST_OK);
    CHECK_TEXT(request.url.data + strlen(BASE PREFIX "/addresses/"), good[i]);
  }
  lks_request_free(&request);
}

static void test_path_starts_at_the_host_or_at_the_prefix(void) {
  static const struct {
    const char *path, *url;
  } rows[] = {
      {"addresses", BASE PREFIX "/addresses"},
      {"addresses/1/enabled", BASE PREFIX "/addresses/1/enabled"},
      {"/v3/relay/addresses", BASE "/v3/relay/addresses"},
      {"/", BASE "/"},
      {"", BASE PREFIX "/"},
      {"a/", BASE PREFIX "/a/"},
      {"a%20b", BASE PREFIX "/a%20b"},
      {"a.b~c_d-e", BASE PREFIX "/a.b~c_d-e"},
      {"@evil.example", BASE PREFIX "/@evil.example"},
      {"/@evil.example", BASE "/@evil.example"},
  };
  lks_request request;
  lks_request_init(&request);
  for (size_t i = 0; i < COUNT(rows); i++) {
    CHECK_INT(path(&request, "GET", rows[i].path, strlen(rows[i].path)), LKS_REQUEST_OK);
    CHECK_TEXT(request.url.data, rows[i].url);
  }
  CHECK_INT(lks_request_path(&request, BASE, "", "GET", "links", 5), LKS_REQUEST_OK);
  CHECK_TEXT(request.url.data, BASE "/links");
  lks_request_free(&request);
}

static void test_path_cannot_lead_elsewhere(void) {
  static const struct {
    const char *path;
    size_t length;
  } rows[] = {
      {"//evil.example", 14},
      {"a//b", 4},
      {"../a", 4},
      {"a/..", 4},
      {"a/./b", 5},
      {".", 1},
      {"a/%2e%2E/b", 10},
      {"a?x=1", 5},
      {"a#b", 3},
      {"a b", 3},
      {"a\\b", 3},
      {"a%2Fb", 5},
      {"a%5cb", 5},
      {"a%00", 4},
      {"a%0D%0A", 7},
      {"a\r\nHost: x", 10},
      {"a\0b", 3},
      {"a%2", 3},
      {"a%zz", 4},
      {"caf\xC3\xA9", 5},
      {"a\x7F", 2},
      {"http://evil/", 12},
  };
  lks_request request;
  lks_request_init(&request);
  for (size_t i = 0; i < COUNT(rows); i++)
    CHECK_INT(path(&request, "GET", rows[i].path, rows[i].length), LKS_REQUEST_BAD_PATH);
  lks_request_free(&request);
}

static void test_methods_are_upper_case_words(void) {
  static const char *const good[] = {"GET",  "POST",    "PUT", "DELETE",          "PATCH",
                                     "HEAD", "OPTIONS", "AZ",  "ABCDEFGHIJKLMNOP"};
  static const char *const bad[] = {"",    "get",     "Get", "GET ", "GE T", "GET\r\n", "ABCDEFGHIJKLMNOPQ",
                                    "G3T", "\xC3\x89"};
  lks_request request;
  lks_request_init(&request);
  for (size_t i = 0; i < COUNT(good); i++) {
    CHECK_INT(path(&request, good[i], "a", 1), LKS_REQUEST_OK);
    CHECK_TEXT(request.method, good[i]);
  }
  for (size_t i = 0; i < COUNT(bad); i++) CHECK_INT(path(&request, bad[i], "a", 1), LKS_REQUEST_BAD_METHOD);
  lks_request_free(&request);
}

static void test_query_is_encoded_in_the_order_given(void) {
  lks_request request;
  lks_request_init(&request);
  route(&request, "locker.addresses.list", NULL);
  CHECK_INT(query(&request, "paging", "1"), LKS_REQUEST_OK);
  CHECK_INT(query(&request, "page", "2"), LKS_REQUEST_OK);
  CHECK_TEXT(request.url.data, BASE PREFIX "/addresses?paging=1&page=2");
  route(&request, "locker.addresses.list", NULL);
  CHECK_TEXT(request.url.data, BASE PREFIX "/addresses");
  CHECK_INT(query(&request, "a&b=c", "d e+f/?#%&="), LKS_REQUEST_OK);
  CHECK_TEXT(request.url.data, BASE PREFIX "/addresses?a%26b%3Dc=d%20e%2Bf%2F%3F%23%25%26%3D");
  CHECK_INT(query(&request, "", ""), LKS_REQUEST_OK);
  CHECK_INT(query(&request, "k", "\r\n\xC3\xA9"), LKS_REQUEST_OK);
  CHECK(strstr(request.url.data, "&=&k=%0D%0A%C3%A9") != NULL);
  CHECK_INT(lks_request_query(&request, "n", 1, "\0", 1), LKS_REQUEST_OK);
  CHECK(strstr(request.url.data, "&n=%00") != NULL);
  lks_request_free(&request);
}

static void test_url_has_an_end(void) {
  static char text[LKS_URL_MAX + 1];
  memset(text, 'a', sizeof text);
  lks_request request;
  lks_request_init(&request);
  size_t room = LKS_URL_MAX - strlen(BASE PREFIX "/");
  CHECK_INT(path(&request, "GET", text, room), LKS_REQUEST_OK);
  CHECK_INT(request.url.length, LKS_URL_MAX);
  CHECK_INT(path(&request, "GET", text, room + 1), LKS_REQUEST_BAD_PATH);
  CHECK_INT(path(&request, "GET", "a", 1), LKS_REQUEST_OK);
  CHECK_INT(lks_request_query(&request, "q", 1, text, sizeof text), LKS_REQUEST_BAD_PATH);
  CHECK_INT(query(&request, "b", "1"), LKS_REQUEST_BAD_PATH);
  CHECK_INT(path(&request, "GET", "a", 1), LKS_REQUEST_OK);
  lks_request_free(&request);
}

static void test_body_is_copied(void) {
  lks_request request;
  lks_request_init(&request);
  char body[] = "{\"a\":1}";
  CHECK_INT(lks_request_set_body(&request, guard_place(body, 7), 7), LKS_REQUEST_OK);
  CHECK_TEXT(request.body.data, "{\"a\":1}");
  CHECK(request.has_body);
  CHECK_INT(lks_request_set_body(&request, "{}", 2), LKS_REQUEST_OK);
  CHECK_TEXT(request.body.data, "{}");
  CHECK_INT(lks_request_set_body(&request, "a\0b", 3), LKS_REQUEST_OK);
  CHECK_INT(request.body.length, 3);
  CHECK_INT(lks_request_set_body(&request, "", 0), LKS_REQUEST_OK);
  CHECK(request.has_body);
  CHECK_INT(request.body.length, 0);
  CHECK_INT(lks_request_set_body(&request, "x", (size_t)LKS_BODY_MAX + 1), LKS_REQUEST_TOO_LARGE);
  CHECK_INT(lks_request_set_body(&request, "x", 1), LKS_REQUEST_OK);
  lks_request_free(&request);
}

#define SECRET "share-this-separately"
static int secrets_freed;

static void look_for_secret(const void *block) {
  /* Blocks of the body are at least as long as what was stored in them. */
  if (block != NULL && memcmp(block, SECRET, 8) == 0) secrets_freed++;
}

static void test_body_is_wiped_when_freed_or_replaced(void) {
  lks_request request;
  lks_request_init(&request);
  CHECK_INT(lks_request_set_body(&request, SECRET, strlen(SECRET)), LKS_REQUEST_OK);
  test_watch_free(look_for_secret);
  static char longer[5000];
  memset(longer, 'x', sizeof longer);
  CHECK_INT(lks_request_set_body(&request, longer, sizeof longer), LKS_REQUEST_OK);
  test_watch_free(NULL);
  lks_request_free(&request);
  lks_request_set_body(&request, SECRET, strlen(SECRET));
  test_watch_free(look_for_secret);
  lks_request_free(&request);
  test_watch_free(NULL);
  CHECK_INT(secrets_freed, 0);
}

static void test_headers(void) {
  lks_request request;
  lks_header headers[LKS_REQUEST_HEADERS_MAX];
  lks_key *key = NULL;
  CHECK_INT(lks_key_new(LKS_LOCKPUB, "ll_live_x", 9, &key), LKS_KEY_OK);
  lks_request_init(&request);
  CHECK_INT(lks_request_headers(&request, NULL, headers), 1);
  CHECK_TEXT(headers[0].name, "Accept");
  CHECK_TEXT(headers[0].value, "application/json");
  request.user_agent = "locksmith/1.0";
  lks_request_set_body(&request, "{}", 2);
  CHECK_INT(lks_request_headers(&request, key, headers), 4);
  CHECK_TEXT(headers[0].name, "Authorization");
  CHECK_TEXT(headers[0].value, "Bearer ll_live_x");
  CHECK_TEXT(headers[1].name, "Accept");
  CHECK_TEXT(headers[2].name, "User-Agent");
  CHECK_TEXT(headers[2].value, "locksmith/1.0");
  CHECK_TEXT(headers[3].name, "Content-Type");
  CHECK_TEXT(headers[3].value, "application/json");
  for (size_t i = 0; i < 4; i++) CHECK_INT(headers[i].secret, i == 0);
  lks_request_free(&request);
  lks_key_free(key);
}

static void test_every_allocation_may_fail(void) {
  long live = test_alloc_live();
  bool failed = true;
  for (long nth = 1; failed; nth++) {
    char value[300];
    memset(value, ' ', sizeof value);
    lks_request request;
    lks_request_init(&request);
    test_fail_alloc(nth);
    lks_request_status status = route(&request, "locker.addresses.update", "88");
    if (status == LKS_REQUEST_OK) status = lks_request_query(&request, "q", 1, value, sizeof value);
    if (status == LKS_REQUEST_OK) status = lks_request_set_body(&request, "{}", 2);
    failed = test_alloc_failed();
    test_fail_alloc(0);
    CHECK_INT(status, failed ? LKS_REQUEST_NO_MEMORY : LKS_REQUEST_OK);
    lks_request_free(&request);
    lks_request_free(&request);
    CHECK_INT(test_alloc_live(), live);
    CHECK(nth < 100);
  }
}

static void test_every_status_has_words(void) {
  for (int status = LKS_REQUEST_OK; status <= LKS_REQUEST_NO_MEMORY; status++) {
    const char *words = lks_request_status_text((lks_request_status)status);
    CHECK(words != NULL && words[0] != '\0' && strcmp(words, "unknown") != 0);
  }
}

int main(void) {
  RUN(test_every_operation_has_its_method_and_url);
  RUN(test_ids_are_decimal_digits);
  RUN(test_path_starts_at_the_host_or_at_the_prefix);
  RUN(test_path_cannot_lead_elsewhere);
  RUN(test_methods_are_upper_case_words);
  RUN(test_query_is_encoded_in_the_order_given);
  RUN(test_url_has_an_end);
  RUN(test_body_is_copied);
  RUN(test_body_is_wiped_when_freed_or_replaced);
  RUN(test_headers);
  RUN(test_every_allocation_may_fail);
  RUN(test_every_status_has_words);
  return TEST_END();
}
