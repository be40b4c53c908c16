#include "core/url.h"

#include <string.h>

#include "guard.h"
#include "test.h"

static void expect_base(const char *text, lks_url_status expected, const char *normal) {
  lks_buffer out;
  size_t length = strlen(text);
  lks_buffer_init(&out, 4096);
  lks_url_status status = lks_url_base(guard_place(text, length), length, &out);
  const char *result = out.data != NULL ? out.data : "";
  if (status != expected || strcmp(result, normal) != 0) {
    test_case_failed = 1;
    fprintf(stderr, "\"%s\" gives %d \"%s\", expected %d \"%s\"\n", text, (int)status, result, (int)expected, normal);
  }
  lks_buffer_free(&out);
}

static void refuse(lks_url_status expected, const char *const *texts) {
  for (; *texts != NULL; texts++) expect_base(*texts, expected, "");
}

static void takes_https_anywhere(void) {
  static const struct {
    const char *text, *normal;
  } cases[] = {
      {"https://lock.pub", "https://lock.pub"},
      {"https://lock.pub/", "https://lock.pub"},
      {"HTTPS://Lock.PUB", "https://lock.pub"},
      {"hTTpS://API.Locker.io:443", "https://api.locker.io:443"},
      {"https://lock.pub:1", "https://lock.pub:1"},
      {"https://lock.pub:65535/", "https://lock.pub:65535"},
      {"https://lock.pub/Some/Path/", "https://lock.pub/Some/Path"},
      {"https://lock.pub/a.b/..c/d../...", "https://lock.pub/a.b/..c/d../..."},
      {"https://lock.pub/~x-_!$&'()*+,;=:@", "https://lock.pub/~x-_!$&'()*+,;=:@"},
      {"https://intranet", "https://intranet"},
      {"https://a", "https://a"},
      {"https://xn--bcher-kva.example", "https://xn--bcher-kva.example"},
      {"https://1password.com", "https://1password.com"},
      {"https://192.0.2.1:8443/x", "https://192.0.2.1:8443/x"},
      {"https://[2001:DB8::1]", "https://[2001:db8::1]"},
      {"https://[::]", "https://[::]"},
      {"https://[2001:db8:0:0:0:0:0:1]:8443/x/", "https://[2001:db8:0:0:0:0:0:1]:8443/x"},
      {"https://[1:2:3:4:5:6:7::]", "https://[1:2:3:4:5:6:7::]"},
      {"https://[::2:3:4:5:6:7:8]", "https://[::2:3:4:5:6:7:8]"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) expect_base(cases[i].text, LKS_URL_OK, cases[i].normal);
}

static void takes_plain_http_to_loopback_hosts_only(void) {
  expect_base("http://localhost", LKS_URL_OK, "http://localhost");
  expect_base("HTTP://LocalHost:8787/", LKS_URL_OK, "http://localhost:8787");
  expect_base("http://127.0.0.1", LKS_URL_OK, "http://127.0.0.1");
  expect_base("http://127.255.255.254:80", LKS_URL_OK, "http://127.255.255.254:80");
  expect_base("http://[::1]:80", LKS_URL_OK, "http://[::1]:80");
  expect_base("http://[0:0:0:0:0:0:0:1]", LKS_URL_OK, "http://[0:0:0:0:0:0:0:1]");
  expect_base("http://[0000::0001]", LKS_URL_OK, "http://[0000::0001]");

  static const char *const elsewhere[] = {"http://lock.pub",
                                          "http://127.0.0.1.evil.com",
                                          "http://localhost.evil",
                                          "http://api.localhost",
                                          "http://localhost.evil.com:80",
                                          "http://evillocalhost",
                                          "http://evil-localhost",
                                          "http://local",
                                          "http://localhosts",
                                          "http://126.255.255.255",
                                          "http://128.0.0.1",
                                          "http://0.0.0.0",
                                          "http://10.127.0.1",
                                          "http://192.168.0.1",
                                          "http://169.254.169.254",
                                          "http://[::]",
                                          "http://[::2]",
                                          "http://[1::1]",
                                          "http://[::1:1]",
                                          "http://[1::]",
                                          "http://[::10]",
                                          "http://[::ffff:7f00:1]",
                                          "http://[fe80::1]",
                                          NULL};
  refuse(LKS_URL_NOT_SECURE, elsewhere);
}

static void refuses_other_schemes(void) {
  static const char *const texts[] = {"",
                                      "lock.pub",
                                      "https",
                                      "https:",
                                      "https:/",
                                      "https:/lock.pub",
                                      "https:lock.pub",
                                      "://x",
                                      "//x",
                                      "ftp://x",
                                      "file:///etc",
                                      "httpss://x",
                                      "https ://x",
                                      " https://lock.pub",
                                      "\thttps://x",
                                      "javascript:",
                                      "http:\\\\x",
                                      "https:\\\\x",
                                      "http//x",
                                      "ws://localhost",
                                      "gopher://127.0.0.1",
                                      NULL};
  refuse(LKS_URL_BAD_SCHEME, texts);
  lks_buffer out;
  lks_buffer_init(&out, 10);
  CHECK_INT(lks_url_base(NULL, 0, &out), LKS_URL_BAD_SCHEME);
  lks_buffer_free(&out);
}

static void refuses_user_info(void) {
  static const char *const texts[] = {"https://user@lock.pub",
                                      "https://user:password@lock.pub",
                                      "https://@lock.pub",
                                      "https://lock.pub@evil.com",
                                      "https://lock.pub:443@evil.com",
                                      "https://lock.pub\\@evil.com",
                                      "http://localhost@evil.com",
                                      "http://127.0.0.1:80@evil.com/",
                                      "http://evil.com@localhost",
                                      "https://a@b@c",
                                      "http://[::1]@evil.com",
                                      "https://lock.pub@",
                                      "https://user%40x:p@lock.pub",
                                      NULL};
  refuse(LKS_URL_USER_INFO, texts);
}

static void refuses_hosts_that_parsers_disagree_about(void) {
  static const char *const texts[] = {
      "https://",
      "https:///",
      "https:///path",
      "https://:443",
      "https://?",
      "https://#",
      "https://.",
      "https://..",
      "https://.com",
      "https://lock..pub",
      "https://lock.pub.",
      "http://localhost.",
      "http://127.0.0.1.",
      "https://-lock.pub",
      "https://lock-.pub",
      "https://lock.pub-",
      "https://lo_ck.pub",
      "https://lock pub",
      "https://lock.pub ",
      "https://lock.pub\t",
      "https://lo\tck.pub",
      "https://lock.pub\n",
      "https://lock.pub\r\nHost: evil",
      "https://lock.pub\\evil.com",
      "https://lock.pub\\",
      "https://lock.pub%00",
      "https://lock%2epub",
      "https://%6c%6fcalhost",
      "http://127.0.0.1%00.evil.com",
      "https://l\xc3\xb6\x63k.pub",
      "https://lock\xe3\x80\x82pub",
      "http://\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1",
      "https://lock.pub;evil.com",
      "https://lock.pub,evil.com",
      "https://lock.pub&x",
      "https://lock.pub|x",
      "https://lock.pub\"",
      "https://lock.pub*",
      /* numbers */
      "http://127.1",
      "http://127.0.1",
      "http://127",
      "http://2130706433",
      "http://0x7f.1",
      "http://0x7f000001",
      "http://0X7F000001",
      "http://127.0.0.0x1",
      "http://017700000001",
      "http://0177.0.0.1",
      "http://127.0.0.01",
      "http://127.0.0.001",
      "http://127.0.0.256",
      "http://127.0.0.1.1",
      "http://127.0.0.1000",
      "http://127.0.0.4294967297",
      "http://127.0.0.-1",
      "http://127..0.1",
      "http://127.0.0.a.1",
      "http://127.a.0.1",
      "http://127.0.0x0.1",
      "https://evil.com.1",
      "https://1.2.3",
      "https://999.1.1.1",
      /* IPv6 */
      "http://::1",
      "http://[::1",
      "http://::1]",
      "http://[",
      "http://[]",
      "http://[:]",
      "http://[:1]",
      "http://[1:]",
      "http://[:::]",
      "http://[:::1]",
      "http://[::1::]",
      "http://[1::2::3]",
      "http://[1:2:3:4:5:6:7]",
      "http://[1:2:3:4:5:6:7:8:9]",
      "http://[1:2:3:4:5:6:7:8::]",
      "http://[1:2:3:4::5:6:7:8]",
      "http://[::1:2:3:4:5:6:7:8]",
      "http://[::00001]",
      "http://[::g]",
      "http://[::1%lo]",
      "http://[::1%25lo]",
      "http://[fe80::1%25eth0]",
      "http://[::127.0.0.1]",
      "http://[::ffff:127.0.0.1]",
      "http://[127.0.0.1]",
      "http://[localhost]",
      "http://[v1.x]",
      "http://[::1]evil.com",
      "http://[::1].evil.com",
      "http://[::1]]",
      "http://[[::1]]",
      "http://[ ::1]",
      "http://x[::1]",
      NULL,
  };
  refuse(LKS_URL_BAD_HOST, texts);
}

static void bounds_the_length_of_names(void) {
  char text[400] = "https://";
  memset(text + 8, 'a', 63);
  memcpy(text + 71, ".pub", 5);
  expect_base(text, LKS_URL_OK, text);
  memset(text + 8, 'a', 64);
  memcpy(text + 72, ".pub", 5);
  expect_base(text, LKS_URL_BAD_HOST, "");

  for (size_t i = 0; i < 254; i++) text[8 + i] = i % 2 == 0 ? 'a' : '.';
  text[8 + 253] = '\0';
  expect_base(text, LKS_URL_OK, text);
  memcpy(text + 8 + 253, "a", 2);
  expect_base(text, LKS_URL_BAD_HOST, "");
}

static void refuses_ports_that_are_none(void) {
  static const char *const texts[] = {"https://host:",           "https://host:/",
                                      "https://host:0",          "https://host:65536",
                                      "https://host:99999",      "https://host:100000",
                                      "https://host:00443",      "https://host:080",
                                      "https://host:4294967739", "https://host:18446744073709552059",
                                      "https://host:-1",         "https://host:+1",
                                      "https://host:443x",       "https://host:x",
                                      "https://host: 443",       "https://host:443 ",
                                      "https://host:44\t3",      "https://host:1:2",
                                      "http://[::1]:",           "http://[::1]:0",
                                      "http://[::1]:80:80",      "https://host:443\\x",
                                      "https://host:%34",        NULL};
  refuse(LKS_URL_BAD_PORT, texts);
}

static void refuses_paths_that_could_lead_elsewhere(void) {
  static const char *const texts[] = {
      "https://lock.pub?",          "https://lock.pub?x=1",       "https://lock.pub/?x=1",
      "https://lock.pub#",          "https://lock.pub/x#y",       "https://lock.pub#@evil",
      "https://lock.pub?@evil.com", "https://lock.pub/.",         "https://lock.pub/..",
      "https://lock.pub/./",        "https://lock.pub/../x",      "https://lock.pub/a/..",
      "https://lock.pub/a/./b",     "https://lock.pub/%2e%2e",    "https://lock.pub/%41",
      "https://lock.pub/a b",       "https://lock.pub/a\\b",      "https://lock.pub/a\tb",
      "https://lock.pub/a\nb",      "https://lock.pub/\x7f",      "https://lock.pub/\xc3\xa9",
      "https://lock.pub//",         "https://lock.pub//evil.com", "https://lock.pub/a//b",
      "https://lock.pub/a//",       "https://lock.pub/<",         "https://lock.pub/{id}",
      "https://lock.pub/\"",        "https://lock.pub/ ",         NULL};
  refuse(LKS_URL_BAD_PATH, texts);
}

static void a_nul_is_refused_anywhere(void) {
  static const char text[] = "http://127.0.0.1:80/path";
  for (size_t place = 0; place < sizeof text; place++) {
    char changed[sizeof text];
    lks_buffer out;
    memcpy(changed, text, sizeof text);
    changed[place] = '\0';
    lks_buffer_init(&out, 100);
    CHECK(lks_url_base(guard_place(changed, sizeof text), sizeof text, &out) != LKS_URL_OK);
    lks_buffer_free(&out);
  }
}

/* Whatever is admitted is in normal form and goes to a loopback host or over https. */
static void check_admitted(const char *text, size_t length) {
  lks_buffer out, again;
  lks_buffer_init(&out, 256);
  lks_buffer_init(&again, 256);
  if (lks_url_base(guard_place(text, length), length, &out) == LKS_URL_OK) {
    CHECK(strncmp(out.data, "https://", 8) == 0 || strncmp(out.data, "http://localhost", 16) == 0 ||
          strncmp(out.data, "http://127.", 11) == 0 || strncmp(out.data, "http://[::1]", 12) == 0);
    CHECK(out.data[out.length - 1] != '/');
    CHECK_INT(strlen(out.data), out.length);
    for (size_t i = 0; i < out.length; i++) CHECK(out.data[i] > ' ' && out.data[i] < 0x7f && out.data[i] != '\\');
    CHECK_INT(lks_url_base(out.data, out.length, &again), LKS_URL_OK);
    CHECK_TEXT(again.data, out.data);
  }
  lks_buffer_free(&out);
  lks_buffer_free(&again);
}

static void no_cut_and_no_changed_byte_opens_the_gate(void) {
  static const char *const texts[] = {"http://127.0.0.1:80/ab/c", "http://localhost:8787/x/", "http://[::1]:80/x",
                                      "https://api.locker.io/v3"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    size_t whole = strlen(texts[i]);
    for (size_t length = 0; length <= whole; length++) check_admitted(texts[i], length);
    for (size_t place = 0; place < whole; place++) {
      for (int byte = 0; byte < 256; byte++) {
        char changed[64];
        memcpy(changed, texts[i], whole);
        changed[place] = (char)byte;
        check_admitted(changed, whole);
      }
    }
  }
}

static void appends_only_on_success(void) {
  lks_buffer out;
  lks_buffer_init(&out, 100);
  CHECK(lks_buffer_append_text(&out, "was here "));
  CHECK_INT(lks_url_base("https://lock.pub/..", 19, &out), LKS_URL_BAD_PATH);
  CHECK_TEXT(out.data, "was here ");
  CHECK_INT(lks_url_base("https://lock.pub/", 17, &out), LKS_URL_OK);
  CHECK_TEXT(out.data, "was here https://lock.pub");
  lks_buffer_free(&out);
}

static void reports_lack_of_memory(void) {
  static const char text[] = "https://a-host-name-that-is-longer.than.the.first.allocation.of.a.buffer.example:8443/x";
  long before = test_alloc_live();
  long nth = 1;
  for (; nth < 50; nth++) {
    lks_buffer out;
    lks_buffer_init(&out, 1000);
    test_fail_alloc(nth);
    lks_url_status status = lks_url_base(text, sizeof text - 1, &out);
    int failed = test_alloc_failed();
    test_fail_alloc(0);
    CHECK_INT(status, failed ? LKS_URL_NO_MEMORY : LKS_URL_OK);
    lks_buffer_free(&out);
    CHECK_INT(test_alloc_live(), before);
    if (!failed) break;
  }
  CHECK(nth > 1 && nth < 50);

  lks_buffer small;
  lks_buffer_init(&small, sizeof text - 2);
  CHECK_INT(lks_url_base(text, sizeof text - 1, &small), LKS_URL_NO_MEMORY);
  CHECK(small.failed);
  lks_buffer_free(&small);
}

static void says_what_is_wrong_in_one_line(void) {
  for (unsigned status = LKS_URL_OK; status <= LKS_URL_NO_MEMORY; status++) {
    const char *text = lks_url_status_text((lks_url_status)status);
    CHECK(text != NULL && text[0] != '\0' && strchr(text, '\n') == NULL);
  }
  CHECK(lks_url_status_text((lks_url_status)99) != NULL);
}

static void encodes_all_but_unreserved_bytes(void) {
  static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  for (int byte = 0; byte < 256; byte++) {
    char one = (char)byte, expected[4] = {one, 0};
    lks_buffer out;
    lks_buffer_init(&out, 3);
    if (byte == 0 || strchr(unreserved, byte) == NULL)
      (void)snprintf(expected, sizeof expected, "%%%02X", (unsigned)byte);
    CHECK(lks_url_append_component(&out, guard_place(&one, 1), 1));
    CHECK_TEXT(out.data, expected);
    lks_buffer_free(&out);
  }
}

static void encodes_into_what_room_there_is(void) {
  lks_buffer out;
  lks_buffer_init(&out, 8);
  CHECK(lks_url_append_component(&out, NULL, 0));
  CHECK(lks_url_append_component(&out, "a/b", 3));
  CHECK_TEXT(out.data, "a%2Fb");
  CHECK(!lks_url_append_component(&out, "1 2", 3));
  CHECK(out.full);
  CHECK(!lks_url_append_component(&out, NULL, 0));
  lks_buffer_free(&out);
}

static void expect_path(const char *path, bool valid) {
  size_t length = strlen(path);
  if (lks_url_path_valid(guard_place(path, length), length) == valid) return;
  test_case_failed = 1;
  fprintf(stderr, "path \"%s\" expected to be %s\n", path, valid ? "valid" : "refused");
}

static void takes_plain_and_encoded_paths(void) {
  static const char *const paths[] = {"",
                                      "/",
                                      "links",
                                      "/v3/relay/addresses",
                                      "addresses/12/enabled",
                                      "a/",
                                      "/a/",
                                      "a%20b",
                                      "%41",
                                      "a%3Fb",
                                      "a%23b",
                                      "%C3%A9",
                                      "%25",
                                      "...",
                                      "..a",
                                      "a..",
                                      "a/.b/c.",
                                      "a.b/c..d",
                                      "a/.../b",
                                      "%2e%2e%2e",
                                      "%2ex",
                                      "a:b@c;d=e,f!$&'()*+~",
                                      "x%7e"};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) expect_path(paths[i], true);
  CHECK(lks_url_path_valid(NULL, 0));
}

static void refuses_paths_that_could_mean_another_resource(void) {
  static const char *const paths[] = {
      ".",     "..",    "/.",       "/..",   "./a",  "../a",   "a/..", "a/.", "a/../b", "a/./b",  "%2e",  "%2E%2e",
      ".%2e",  "%2e.",  "a/%2e%2E", "%2e/a", "a?b",  "?",      "a#b",  "a b", "a\\b",   "a\tb",   "a\nb", "a\rb",
      "a\x7f", "\x01",  "\xc3\xa9", "%",     "a%",   "%4",     "a%2",  "%zz", "%4g",    "%g4",    "%%41", "a%2fb",
      "a%2Fb", "a%5cb", "%5C",      "%00",   "%0a",  "%0D%0A", "%1f",  "%7F", "//",     "//evil", "a//b", "a//",
      "/a//",  "{id}",  "a<b",      "a>b",   "a\"b", "a^b",    "a`b",  "a|b", "a[0]"};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) expect_path(paths[i], false);
  CHECK(!lks_url_path_valid("a\0b", 3));
}

static void knows_loopback_hosts(void) {
  static const char *const loopback[] = {"http://localhost", "https://localhost:8443/api",
                                         "http://127.0.0.1", "https://127.9.8.7:1/a?b=c",
                                         "http://[::1]",     "https://[0:0::1]:443/"};
  static const char *const others[] = {"https://lock.pub",
                                       "https://localhost.example.com/localhost",
                                       "https://example.com/127.0.0.1",
                                       "https://128.0.0.1",
                                       "https://[::2]:1",
                                       "https://127.0.0.1.example.com",
                                       "https://my-localhost",
                                       "",
                                       "localhost"};
  for (size_t i = 0; i < sizeof loopback / sizeof *loopback; i++) CHECK(lks_url_is_loopback(loopback[i]));
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) CHECK(!lks_url_is_loopback(others[i]));
}

static void expect_proxy(const char *text, size_t length, bool valid) {
  lks_proxy proxy;
  if (lks_url_read_proxy((lks_text){guard_place(text, length), length}, &proxy) == valid) return;
  test_case_failed = 1;
  fprintf(stderr, "proxy \"%s\"\n", text);
}

static void refuses_proxies_with_control_characters(void) {
  static const char *const valid[] = {"",
                                      "proxy:3128",
                                      "http://user:pass@proxy:3128/",
                                      "http://a%20b:c%25@proxy",
                                      "http://u:caf%C3%A9@[::1]:3128",
                                      "socks5h://u:p@proxy",
                                      "http://%",
                                      "%2",
                                      "%zz%0"};
  static const char *const invalid[] = {
      "http://u%0ax:p@proxy", "http://u:p%0D@proxy", "u%00:p@proxy", "http://u%1f@p", "http://u:%7F@proxy",
      "http://u\tx:p@proxy",  "proxy:3128\n",        "\x7f",         "%0a",           "http://%01.example"};
  for (size_t i = 0; i < sizeof valid / sizeof *valid; i++) expect_proxy(valid[i], strlen(valid[i]), true);
  for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) expect_proxy(invalid[i], strlen(invalid[i]), false);
  expect_proxy("proxy\0:3128", 11, false);
}

static void expect_text(lks_text text, const char *expected) {
  if (expected == NULL
          ? text.data == NULL
          : text.length == strlen(expected) && text.data != NULL && memcmp(text.data, expected, text.length) == 0)
    return;
  test_case_failed = 1;
  fprintf(stderr, "\"%.*s\" is not %s\n", (int)text.length, text.data ? text.data : "",
          expected ? expected : "nothing");
}

static void reads_the_parts_of_a_proxy(void) {
  static const struct {
    const char *text, *scheme, *login, *place;
  } rows[] = {{"", "", NULL, NULL},
              {"proxy", "", NULL, "proxy"},
              {"proxy:3128/", "", NULL, "proxy:3128"},
              {"HTTP://proxy:3128", "HTTP", NULL, "proxy:3128"},
              {"http://me:p%40ss@proxy/", "http", "me:p%40ss", "proxy"},
              {"http://me:p@ss@[::1]:1", "http", "me:p@ss", "[::1]:1"},
              {"me:pa/ss@proxy", "", "me:pa/ss", "proxy"},
              {"http://@proxy", "http", "", "proxy"},
              {"socks5h://proxy", "socks5h", NULL, "proxy"},
              {"http://proxy/path", "http", NULL, NULL},
              {"http://me@", "http", "me", NULL},
              {"http:///", "http", NULL, NULL},
              {"1http://proxy", "", NULL, NULL},
              {"://proxy", "", NULL, NULL}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    size_t length = strlen(rows[i].text);
    lks_proxy proxy;
    CHECK(lks_url_read_proxy((lks_text){guard_place(rows[i].text, length), length}, &proxy));
    CHECK_INT(proxy.scheme.length, strlen(rows[i].scheme));
    CHECK(memcmp(rows[i].text, rows[i].scheme, proxy.scheme.length) == 0);
    expect_text(proxy.login, rows[i].login);
    expect_text(proxy.place, rows[i].place);
  }
}

static void decodes(void) {
  static const char *const rows[][2] = {{"", ""},        {"me:p%40ss", "me:p@ss"}, {"%41%6a%6A", "Ajj"},
                                        {"a+b", "a+b"},  {"%zz%4", "%zz%4"},       {"%%41", "%A"},
                                        {"100%", "100%"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char out[32];
    size_t length = strlen(rows[i][0]);
    out[lks_url_decode((lks_text){guard_place(rows[i][0], length), length}, out)] = '\0';
    CHECK_TEXT(out, rows[i][1]);
  }
}

static void reads_the_parts_of_a_url(void) {
  static const struct {
    const char *url, *scheme, *authority, *place, *host, *path;
    unsigned port;
  } rows[] = {
      {"https://lock.pub/api/v1/links?a=b:c", "https", "lock.pub", "lock.pub", "lock.pub", "/api/v1/links?a=b:c", 443},
      {"http://127.0.0.1:8787", "http", "127.0.0.1:8787", "127.0.0.1", "127.0.0.1", "", 8787},
      {"http://localhost/", "http", "localhost", "localhost", "localhost", "/", 80},
      {"https://[::1]:65535/a]b", "https", "[::1]:65535", "[::1]", "::1", "/a]b", 65535},
      {"https://[::1]", "https", "[::1]", "[::1]", "::1", "", 443}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    lks_url_parts parts = lks_url_read(rows[i].url);
    expect_text(parts.scheme, rows[i].scheme);
    expect_text(parts.authority, rows[i].authority);
    expect_text(parts.place, rows[i].place);
    expect_text(parts.host, rows[i].host);
    expect_text(parts.path, rows[i].path);
    CHECK_INT(parts.port, rows[i].port);
  }
}

static void shows_neither_login_nor_query(void) {
  static const char *const rows[][2] = {
      {"https://user:secret@login.example.com/portal?token=secret#x", "https://login.example.com/portal"},
      {"https://user:se@cret@host", "https://host"},
      {"//user@host/a@b", "//host/a@b"},
      {"https://host/a@b#c", "https://host/a@b"},
      {"https://host?a=b@c", "https://host"},
      {"/v4/relay/addresses", "/v4/relay/addresses"},
      {"a/b@c", "a/b@c"},
      {"?a", ""},
      {"", ""},
      {"https://", "https://"},
      {"https://@", "https://"},
      {"mailto:me@host", "mailto:me@host"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char out[100];
    size_t length = strlen(rows[i][0]);
    lks_text shown[2];
    lks_url_shown((lks_text){guard_place(rows[i][0], length), length}, shown);
    snprintf(out, sizeof out, "%.*s%.*s", (int)shown[0].length, shown[0].data, (int)shown[1].length, shown[1].data);
    CHECK_TEXT(out, rows[i][1]);
  }
}

int main(void) {
  RUN(takes_https_anywhere);
  RUN(takes_plain_http_to_loopback_hosts_only);
  RUN(refuses_other_schemes);
  RUN(refuses_user_info);
  RUN(refuses_hosts_that_parsers_disagree_about);
  RUN(bounds_the_length_of_names);
  RUN(refuses_ports_that_are_none);
  RUN(refuses_paths_that_could_lead_elsewhere);
  RUN(a_nul_is_refused_anywhere);
  RUN(no_cut_and_no_changed_byte_opens_the_gate);
  RUN(appends_only_on_success);
  RUN(reports_lack_of_memory);
  RUN(says_what_is_wrong_in_one_line);
  RUN(encodes_all_but_unreserved_bytes);
  RUN(encodes_into_what_room_there_is);
  RUN(takes_plain_and_encoded_paths);
  RUN(refuses_paths_that_could_mean_another_resource);
  RUN(knows_loopback_hosts);
  RUN(refuses_proxies_with_control_characters);
  RUN(reads_the_parts_of_a_proxy);
  RUN(decodes);
  RUN(reads_the_parts_of_a_url);
  RUN(shows_neither_login_nor_query);
  return TEST_END();
}
