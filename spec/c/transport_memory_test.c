/* Memory that runs out, at every single point: nothing leaks, nothing is freed twice, no other cause is named for it,
 * and what was sent is told. libcurl's allocations fail, too, where it makes them through this code. */
#include <stdbool.h>

#include "curl/transport.h"
#include "test.h"
#include "transport_support.h"

#define ANSWER                                                                                                         \
  "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nX-One: 1\r\nTransfer-Encoding: chunked\r\n\r\n"           \
  "4\r\ntrue\r\n0\r\nX-Trailer: t\r\n\r\n"

static bool may_follow(const lks_exchange *exchange) {
  switch (exchange->kind) {
  case LKS_KIND_NONE: return exchange->sent;
  case LKS_KIND_NO_MEMORY: return !exchange->sent;
  case LKS_KIND_TOO_LARGE: return exchange->sent;
  default: return false;
  }
}

/* Sends once with the nth allocation failing. Whether there was such an allocation. */
static bool send_with_failure(long nth, lks_transport_options *options, const char *base, client *from) {
  options->engine = lks_transport_engine();
  need(options->engine != NULL, "lks_transport_engine");
  *from = (client){.transport = NULL};
  need(lks_key_new(LKS_LOCKPUB, TEST_KEY, strlen(TEST_KEY), &from->key) == LKS_KEY_OK, "lks_key_new");
  lks_request_init(&from->request);
  need(lks_request_path(&from->request, base, "", "POST", "/thing", 6) == LKS_REQUEST_OK &&
           lks_request_set_body(&from->request, "{}", 2) == LKS_REQUEST_OK,
       "request");
  test_fail_alloc(nth);
  lks_kind made = lks_transport_new(options, &from->transport);
  CHECK_INT(made, from->transport == NULL ? LKS_KIND_NO_MEMORY : LKS_KIND_NONE);
  if (from->transport != NULL)
    lks_transport_send(from->transport, &from->request, from->key, 10 * LKS_SECOND, false, NULL, &from->exchange);
  bool failed = test_alloc_failed();
  test_fail_alloc(0);
  lks_engine_release(options->engine);
  return failed;
}

static void check_exchange(const client *from, bool failed, size_t requests, long nth) {
  const lks_exchange *exchange = &from->exchange;
  if (from->transport == NULL) {
    CHECK(failed);
    CHECK_INT(requests, 0);
    return;
  }
  if (!may_follow(exchange) || (requests > 0 && !exchange->sent)) {
    test_case_failed = 1;
    fprintf(stderr, "allocation %ld: %s, %s, %zu requests: %s\n", nth, lks_kind_name(exchange->kind),
            exchange->sent ? "sent" : "not sent", requests, exchange->message);
  }
  if (!failed) CHECK_INT(exchange->kind, LKS_KIND_NONE);
}

/* `through`: the server is a proxy on the way to `target`, which nobody may reach in another way. */
static void sweep(bool through) {
  static const scripted_step steps[] = {ACCEPT, READ, SEND(ANSWER), AWAIT_CLOSE, END};
  static const scripted_step nothing[] = {END};
  lks_transport_options options = default_options();
  bool failed = true;
  long live = test_alloc_live();
  for (long nth = 1; failed; nth++) {
    scripted_server *server = scripted_server_start(steps), *target = scripted_server_start(nothing);
    char base[64], proxy[100];
    client from;
    base_of(through ? target : server, "http", base, sizeof base);
    snprintf(proxy, sizeof proxy, "http://ja%%20ne:hush@127.0.0.1:%d", scripted_server_port(server));
    if (through) options.proxy = proxy;
    failed = send_with_failure(nth, &options, base, &from);
    scripted_report *report = scripted_server_stop(server);
    check_exchange(&from, failed, report->requests, nth);
    client_free(&from);
    free(report);
    stop_and_check(target, 0, 0);
  }
  CHECK_INT(test_alloc_live(), live);
}

static void a_request_tells_what_was_sent(void) {
  sweep(false);
}

static void a_proxy_is_not_left_out(void) {
  sweep(true);
}

int main(void) {
  RUN(a_request_tells_what_was_sent);
  RUN(a_proxy_is_not_left_out);
  return TEST_END();
}
