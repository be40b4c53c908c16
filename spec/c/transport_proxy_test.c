/* Requests through a proxy: which one is used, what it gets to see, and that a tunnel refused is a request not sent. */
#include "curl/transport.h"

#include "test.h"
#include "transport_support.h"

#define CREDENTIALS "jane:hush"
/* Nothing listens there, so only a proxy can answer for it. */
#define UNREACHABLE "127.0.0.1:1"
/* An address for documentation, so that it is nowhere. */
#define DISTANT "http://192.0.2.1"

static void check_private(const lks_exchange *exchange) {
  CHECK(exchange->message[0] != '\0');
  CHECK(strstr(exchange->message, "hush") == NULL);
  CHECK(strstr(exchange->message, "secret") == NULL);
}

static void proxy_url(const scripted_server *server, char *url, size_t size) {
  snprintf(url, size, "http://" CREDENTIALS "@127.0.0.1:%d", scripted_server_port(server));
}

static const char *const variables[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                        "ALL_PROXY",  "HTTP_PROXY",  "no_proxy",    "NO_PROXY"};

/* `name` is the only one of them that is set; NULL: none is. */
static void set_environment(const char *name, const char *value) {
  for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) need(unsetenv(variables[i]) == 0, "unsetenv");
  if (name != NULL) need(setenv(name, value, 1) == 0, "setenv");
}

static void expect_proxied(const char *variable, bool by_option, const char *target) {
  static const scripted_step steps[] = {ACCEPT, READ, SEND(OK_TEXT(4, "true")), END};
  scripted_server *server = scripted_server_start(steps);
  char url[100], line[100];
  proxy_url(server, url, sizeof url);
  set_environment(variable, by_option ? "http://" UNREACHABLE : url);
  lks_transport_options options = default_options();
  options.proxy = by_option ? url : NULL;
  client from = client_new(&options);
  CHECK_TEXT(client_ask(&from, target, "POST", "{}", 5 * LKS_SECOND)->body, "true");
  client_free(&from);
  scripted_report *report = scripted_server_stop(server);
  snprintf(line, sizeof line, "POST %s/thing HTTP/1.1\r\n", target);
  CHECK(strncmp(report->received, line, strlen(line)) == 0);
  CHECK(strstr(report->received, "Proxy-Authorization: Basic ") != NULL);
  free(report);
}

static void the_environment_names_a_proxy(void) {
  expect_proxied("http_proxy", false, DISTANT);
  expect_proxied("all_proxy", false, DISTANT);
  expect_proxied("ALL_PROXY", false, DISTANT);
}

static void the_option_goes_before_the_environment(void) {
  expect_proxied("http_proxy", true, DISTANT);
  expect_proxied("http_proxy", true, "http://" UNREACHABLE);
  expect_proxied("ALL_PROXY", true, "http://localhost:1");
  expect_proxied(NULL, true, "http://[::1]:1");
}

static void an_option_is_not_undone_by_the_environment(void) {
  static const scripted_step steps[] = {ACCEPT, READ, SEND(OK_TEXT(4, "true")), END};
  static const char *const exceptions[] = {"*", "127.0.0.1", "127.0.0.1,192.0.2.1"};
  static const char *const targets[] = {"http://" UNREACHABLE, DISTANT};
  for (size_t i = 0; i < 6; i++) {
    scripted_server *server = scripted_server_start(steps);
    char url[100];
    proxy_url(server, url, sizeof url);
    set_environment("no_proxy", exceptions[i / 2]);
    lks_transport_options options = default_options();
    options.proxy = url;
    client from = client_new(&options);
    CHECK_TEXT(client_ask(&from, targets[i % 2], "POST", "{}", 5 * LKS_SECOND)->body, "true");
    client_free(&from);
    stop_and_check(server, 1, 1);
  }
}

static void an_empty_option_means_no_proxy(void) {
  static const scripted_step steps[] = {ACCEPT, READ, SEND(OK_TEXT(4, "true")), END};
  scripted_server *server = scripted_server_start(steps);
  set_environment("http_proxy", "http://" UNREACHABLE);
  lks_transport_options options = default_options();
  client from = client_new(&options);
  CHECK_TEXT(ask(&from, server, "POST", "{}")->body, "true");
  client_free(&from);
  stop_and_check(server, 1, 1);
}

/* The proxy must not even be connected to: it would see the key. */
static void expect_direct(const char *variable, const char *host, const char *scheme) {
  static const scripted_step nothing[] = {END};
  static const scripted_step steps[] = {ACCEPT, READ, SEND(OK_TEXT(4, "true")), END};
  scripted_server *proxy = scripted_server_start(nothing), *server = scripted_server_start(steps);
  char url[100], base[100];
  bool answers = strcmp(scheme, "http") == 0 && (strcmp(host, "127.0.0.1") == 0 || strcmp(host, "localhost") == 0);
  proxy_url(proxy, url, sizeof url);
  set_environment(variable, url);
  snprintf(base, sizeof base, "%s://%s:%d", scheme, host, answers ? scripted_server_port(server) : 1);
  lks_transport_options options = default_options();
  options.proxy = NULL;
  client from = client_new(&options);
  const lks_exchange *exchange = client_ask(&from, base, "POST", "{}", 5 * LKS_SECOND);
  CHECK_TEXT(lks_kind_name(exchange->kind), lks_kind_name(answers ? LKS_KIND_NONE : LKS_KIND_CONNECT));
  CHECK(answers || !exchange->sent);
  client_free(&from);
  stop_and_check(proxy, 0, 0);
  free(scripted_server_stop(server));
}

static void loopback_is_not_proxied_by_the_environment(void) {
  static const char *const hosts[] = {"127.0.0.1", "localhost", "127.9.8.7", "[::1]", "[0:0:0:0:0:0:0:1]"};
  for (size_t v = 0; v < 5; v++)
    for (size_t h = 0; h < sizeof hosts / sizeof *hosts; h++) {
      expect_direct(variables[v], hosts[h], "http");
      expect_direct(variables[v], hosts[h], "https");
    }
}

/* One client: what was said for one host must not hold for the next. */
static void expect_own_ways(bool direct_first) {
  static const scripted_step proxy_steps[] = {ACCEPT, READ, SEND(OK_TEXT(5, "proxy")), END};
  static const scripted_step steps[] = {ACCEPT, READ, SEND(OK_TEXT(4, "true")), END};
  scripted_server *proxy = scripted_server_start(proxy_steps), *server = scripted_server_start(steps);
  char url[100];
  proxy_url(proxy, url, sizeof url);
  set_environment("http_proxy", url);
  lks_transport_options options = default_options();
  options.proxy = NULL;
  client from = client_new(&options);
  if (direct_first) CHECK_TEXT(ask(&from, server, "GET", NULL)->body, "true");
  CHECK_TEXT(client_ask(&from, DISTANT, "GET", NULL, 5 * LKS_SECOND)->body, "proxy");
  if (!direct_first) CHECK_TEXT(ask(&from, server, "GET", NULL)->body, "true");
  client_free(&from);
  stop_and_check(proxy, 1, 1);
  stop_and_check(server, 1, 1);
}

static void each_host_goes_its_own_way(void) {
  expect_own_ways(true);
  expect_own_ways(false);
}

static void a_proxy_that_libcurl_would_leave_out_is_refused(void) {
  static const char *const logins[] = {"ja%0ane:hush", "jane:hu%00sh", "jane:hu%1fsh", "%7fjane:hush"};
  static const scripted_step nothing[] = {END};
  for (size_t i = 0; i < sizeof logins / sizeof *logins; i++) {
    scripted_server *proxy = scripted_server_start(nothing);
    char url[100];
    snprintf(url, sizeof url, "http://%s@127.0.0.1:%d", logins[i], scripted_server_port(proxy));
    set_environment("all_proxy", url);
    lks_transport_options options = default_options();
    options.proxy = NULL;
    client from = client_new(&options);
    const lks_exchange *exchange = client_ask(&from, DISTANT, "POST", "{}", LKS_SECOND);
    CHECK_TEXT(lks_kind_name(exchange->kind), lks_kind_name(LKS_KIND_CONFIG));
    CHECK(!exchange->sent);
    CHECK(exchange->permanent);
    check_private(exchange);
    client_free(&from);
    stop_and_check(proxy, 0, 0);
  }
}

/* What becomes of an https request whose proxy does this with the CONNECT. */
static void expect_no_tunnel(const scripted_step *steps, lks_span limit, lks_kind kind, bool permanent) {
  scripted_server *server = scripted_server_start(steps);
  char url[100];
  proxy_url(server, url, sizeof url);
  lks_transport_options options = default_options();
  options.proxy = url;
  client from = client_new(&options);
  const lks_exchange *exchange = client_ask(&from, "https://" UNREACHABLE, "POST", "{\"password\":\"secret\"}", limit);
  CHECK_TEXT(lks_kind_name(exchange->kind), lks_kind_name(kind));
  CHECK(!exchange->sent);
  CHECK_INT(exchange->permanent, permanent);
  CHECK_INT(exchange->status, 0);
  check_private(exchange);
  client_free(&from);
  scripted_report *report = scripted_server_stop(server);
  CHECK(strncmp(report->received, "CONNECT " UNREACHABLE " HTTP/1.1\r\n", 20) == 0);
  CHECK(strstr(report->received, "Authorization: Bearer") == NULL);
  CHECK(strstr(report->received, "secret") == NULL);
  CHECK_INT(report->connections, 1);
  CHECK_INT(report->stray, 0);
  CHECK_INT(report->gave_up_at, 0);
  free(report);
}

static void a_request_without_a_tunnel_was_not_sent(void) {
  static const scripted_step unauthorized[] = {
      ACCEPT, READ, SEND("HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"), END};
  static const scripted_step forbidden[] = {ACCEPT, READ, SEND("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"), END};
  static const scripted_step unavailable[] = {ACCEPT, READ, SEND("HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n"), END};
  static const scripted_step closed[] = {ACCEPT, READ, CLOSE, END};
  static const scripted_step silent[] = {ACCEPT, READ, AWAIT_CLOSE, END};
  static const scripted_step no_tls[] = {
      ACCEPT, READ, SEND("HTTP/1.1 200 OK\r\n\r\n"), READ_BYTE, SEND("HTTP/1.1 400 Bad Request\r\n\r\n"), CLOSE, END};
  expect_no_tunnel(unauthorized, 10 * LKS_SECOND, LKS_KIND_CONNECT, true);
  expect_no_tunnel(forbidden, 10 * LKS_SECOND, LKS_KIND_CONNECT, true);
  expect_no_tunnel(unavailable, 10 * LKS_SECOND, LKS_KIND_CONNECT, false);
  expect_no_tunnel(closed, 10 * LKS_SECOND, LKS_KIND_CONNECT, false);
  expect_no_tunnel(silent, LKS_SECOND / 5, LKS_KIND_TIMEOUT, false);
  expect_no_tunnel(no_tls, 10 * LKS_SECOND, LKS_KIND_TLS, false);
}

/* An https request whose proxy, which was given no login, says this to the CONNECT and goes on with that for ever. */
static void expect_end(const char *answer, const char *more, bool trickles) {
  static char drip[20000];
  memset(drip, 'x', sizeof drip - 1);
  const scripted_step flooding[] = {ACCEPT, READ, SEND(answer), REPEAT(more, 100000000), END};
  const scripted_step trickling[] = {ACCEPT, READ, SEND(answer), TRICKLE(drip), END};
  scripted_server *server = scripted_server_start(trickles ? trickling : flooding);
  char url[100];
  base_of(server, "http", url, sizeof url);
  lks_transport_options options = default_options();
  options.proxy = url;
  client from = client_new(&options);
  const lks_exchange *exchange = client_ask(&from, "https://" UNREACHABLE, "POST", "{\"password\":\"secret\"}",
                                            trickles ? LKS_SECOND / 5 : 20 * LKS_SECOND);
  CHECK_TEXT(lks_kind_name(exchange->kind), lks_kind_name(trickles ? LKS_KIND_TIMEOUT : LKS_KIND_TOO_LARGE));
  CHECK(!exchange->sent);
  CHECK_INT(exchange->status, 0);
  check_private(exchange);
  client_free(&from);
  stop_and_check(server, 1, 1);
}

#define UNAUTHORIZED "HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic\r\n"

static void a_proxy_that_never_comes_to_an_end_is_left(void) {
  static const char filler[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  static const char header[] = "X-Filler: 0123456789abcdef\r\n";
  expect_end("HTTP/1.1 200 OK\r\n", header, false);
  expect_end(UNAUTHORIZED "Content-Length: 1000000000000\r\n\r\n", filler, false);
  expect_end(UNAUTHORIZED "Content-Length: 1000000000000\r\n\r\n", NULL, true);
  expect_end(UNAUTHORIZED "Transfer-Encoding: chunked\r\n\r\n10;", filler, false);
  expect_end(UNAUTHORIZED "Transfer-Encoding: chunked\r\n\r\n10;", NULL, true);
  expect_end("HTTP/1.1 200 OK\r\nX-Long: ", filler, false);
  expect_end("HTTP/1.1 200 OK\r\nX-Long: ", NULL, true);
}

static void credentials_of_an_unusable_proxy_stay_private(void) {
  static const char *const proxies[] = {
      "nosuch://" CREDENTIALS "@127.0.0.1:1", "http://" CREDENTIALS "@127.0.0.1:no",          "http://" CREDENTIALS "@",
      "http://" CREDENTIALS "@127.0.0.1:1",   "http://jane:hu#sh" CREDENTIALS "@127.0.0.1:1", CREDENTIALS "@[::x]:1"};
  for (size_t i = 0; i < sizeof proxies / sizeof proxies[0]; i++) {
    lks_transport_options options = default_options();
    options.proxy = proxies[i];
    client from = client_new(&options);
    const lks_exchange *exchange = client_ask(&from, "http://" UNREACHABLE, "POST", "{}", 2 * LKS_SECOND);
    CHECK(exchange->kind == LKS_KIND_CONNECT || exchange->kind == LKS_KIND_CONFIG);
    CHECK(!exchange->sent);
    check_private(exchange);
    client_free(&from);
  }
}

int main(void) {
  RUN(the_environment_names_a_proxy);
  RUN(the_option_goes_before_the_environment);
  RUN(an_option_is_not_undone_by_the_environment);
  RUN(an_empty_option_means_no_proxy);
  RUN(loopback_is_not_proxied_by_the_environment);
  RUN(each_host_goes_its_own_way);
  RUN(a_proxy_that_libcurl_would_leave_out_is_refused);
  RUN(a_request_without_a_tunnel_was_not_sent);
  RUN(a_proxy_that_never_comes_to_an_end_is_left);
  RUN(credentials_of_an_unusable_proxy_stay_private);
  return TEST_END();
}
