/* A libcurl without TLS: what it cannot do is said, and plain http to this machine goes on. */
#include <curl/curl.h>

#include "curl/transport.h"
#include "test.h"
#include "transport_support.h"

/* In place of libcurl's own, which has TLS. */
curl_version_info_data *curl_version_info(CURLversion age) {
  static curl_version_info_data plain = {.version_num = LIBCURL_VERSION_NUM};
  (void)age;
  return &plain;
}

static void https_is_refused_with_the_reason(void) {
  lks_transport_options options = default_options();
  options.ca_file = "/nowhere/ca.pem";
  client from = client_new(&options);
  const lks_exchange *exchange = client_ask(&from, "https://127.0.0.1:1", "POST", "{}", LKS_SECOND);
  CHECK_TEXT(lks_kind_name(exchange->kind), lks_kind_name(LKS_KIND_CONFIG));
  CHECK(exchange->permanent);
  CHECK(!exchange->sent);
  CHECK_TEXT(exchange->message, "the libcurl here was built without TLS, so it speaks no https");
  client_free(&from);
}

static void http_is_spoken(void) {
  static const scripted_step steps[] = {ACCEPT, READ, SEND(OK_TEXT(4, "true")), END};
  scripted_server *server = scripted_server_start(steps);
  lks_transport_options options = default_options();
  client from = client_new(&options);
  CHECK_TEXT(ask(&from, server, "POST", "{}")->body, "true");
  client_free(&from);
  stop_and_check(server, 1, 1);
}

int main(void) {
  RUN(https_is_refused_with_the_reason);
  RUN(http_is_spoken);
  return TEST_END();
}
