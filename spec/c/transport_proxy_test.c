/* Requests through a proxy: which one is used, what it gets to see, and that a tunnel refused is a request not sent. */
#include "curl/transport.h"

#include "test.h"
#include "transport_support.h"

#define CREDENTIALS "jane:hush"
/* Nothing listens there, so only a proxy can answer for it. */
#define UNREACHABLE "127.0.0.1:1"

static void check_private(const lks_exchange *exchange) {
  CHECK(exchange->message[0] != '\0');
  CHECK(strstr(exchange->message, "hush") == NULL);
  CHECK(strstr(exchange->message, "secret") == NULL);
}

static void proxy_url(const scripted_server *server, char *url, size_t size) {
  snprintf(url, size, "http://" CREDENTIALS "@127.0.0.1:%d", scripted_server_port(server));
}

static void set_environment(const char *value) {
  need(setenv("http_proxy", value, 1) == 0 && setenv("https_proxy", value, 1) == 0, "setenv");
  (void)unsetenv("no_proxy");
  (void)unsetenv("NO_PROXY");
}

static void expect_proxied(bool by_environment) {
  static const scripted_step steps[] = {ACCEPT, READ, SEND(OK_TEXT(4, "true")), END};
  scripted_server *server = scripted_server_start(steps);
  char url[100];
  proxy_url(server, url, sizeof url);
  set_environment(by_environment ? url : "http://" UNREACHABLE);
  lks_transport_options options = default_options();
  options.proxy = by_environment ? NULL : url;
  client from = client_new(&options);
  CHECK_TEXT(client_ask(&from, "http://" UNREACHABLE, "POST", "{}", 5 * LKS_SECOND)->body, "true");
  client_free(&from);
  scripted_report *report = scripted_server_stop(server);
  CHECK(strncmp(report->received, "POST http://" UNREACHABLE "/thing HTTP/1.1\r\n", 20) == 0);
  CHECK(strstr(report->received, "Proxy-Authorization: Basic ") != NULL);
  free(report);
}

static void the_environment_names_a_proxy(void) {
  expect_proxied(true);
}

static void the_option_goes_before_the_environment(void) {
  expect_proxied(false);
}

static void an_empty_option_means_no_proxy(void) {
  static const scripted_step steps[] = {ACCEPT, READ, SEND(OK_TEXT(4, "true")), END};
  scripted_server *server = scripted_server_start(steps);
  set_environment("http://" UNREACHABLE);
  lks_transport_options options = default_options();
  client from = client_new(&options);
  CHECK_TEXT(ask(&from, server, "POST", "{}")->body, "true");
  client_free(&from);
  stop_and_check(server, 1, 1);
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
  expect_no_tunnel(unauthorized, LKS_SECOND, LKS_KIND_CONNECT, true);
  expect_no_tunnel(forbidden, LKS_SECOND, LKS_KIND_CONNECT, true);
  expect_no_tunnel(unavailable, LKS_SECOND, LKS_KIND_CONNECT, false);
  expect_no_tunnel(closed, LKS_SECOND, LKS_KIND_CONNECT, false);
  expect_no_tunnel(silent, LKS_SECOND / 5, LKS_KIND_TIMEOUT, false);
  expect_no_tunnel(no_tls, LKS_SECOND, LKS_KIND_TLS, false);
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
  RUN(an_empty_option_means_no_proxy);
  RUN(a_request_without_a_tunnel_was_not_sent);
  RUN(credentials_of_an_unusable_proxy_stay_private);
  return TEST_END();
}
