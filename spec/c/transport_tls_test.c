/* TLS: who is trusted, and that nothing is sent before trust. Certificates are made on the spot with the openssl
 * program; without it the cases that need one are skipped, and say so. */
#include "curl/transport.h"

#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"
#include "transport_support.h"

#define SHORT (LKS_SECOND / 5)

static void check_failure(const lks_exchange *exchange, lks_kind kind, bool permanent) {
  CHECK_TEXT(lks_kind_name(exchange->kind), lks_kind_name(kind));
  CHECK(!exchange->sent);
  CHECK_INT(exchange->permanent, permanent);
  CHECK_INT(exchange->status, 0);
  CHECK(exchange->message[0] != '\0');
  CHECK(strstr(exchange->message, "secret") == NULL);
}

/* An https request to a server that does this. */
static void expect_no_handshake(const scripted_step *steps, const lks_transport_options *options, lks_span limit,
                                lks_kind kind) {
  scripted_server *server = scripted_server_start(steps);
  client from = client_new(options);
  char base[64];
  base_of(server, "https", base, sizeof base);
  check_failure(client_ask(&from, base, "POST", "{}", limit), kind, false);
  client_free(&from);
  scripted_report *report = scripted_server_stop(server);
  CHECK(strstr(report->received, "thing") == NULL);
  CHECK_INT(report->stray, 0);
  free(report);
}

static void a_cut_handshake_may_be_tried_again(void) {
  static const scripted_step closed[] = {ACCEPT, READ_BYTE, CLOSE, END};
  static const scripted_step reset[] = {ACCEPT, READ_BYTE, RESET, END};
  static const scripted_step plain[] = {ACCEPT, READ_BYTE, SEND("HTTP/1.1 400 Bad Request\r\n\r\n"), AWAIT_CLOSE, END};
  lks_transport_options options = default_options();
  expect_no_handshake(closed, &options, 10 * LKS_SECOND, LKS_KIND_TLS);
  expect_no_handshake(reset, &options, 10 * LKS_SECOND, LKS_KIND_TLS);
  expect_no_handshake(plain, &options, 10 * LKS_SECOND, LKS_KIND_TLS);
}

static void a_silent_handshake_was_not_sent(void) {
  static const scripted_step silent[] = {ACCEPT, AWAIT_CLOSE, END};
  lks_transport_options options = default_options();
  expect_no_handshake(silent, &options, SHORT, LKS_KIND_TIMEOUT);
  options.connect_timeout = SHORT;
  expect_no_handshake(silent, &options, 20 * LKS_SECOND, LKS_KIND_CONNECT);
}

static struct {
  char folder[64];
  char certificate[96]; /* for localhost only, signed by itself */
  int input;            /* the server ends when this closes, so also when the test dies */
  int port;
  pid_t shell;
} tls;

static bool start_tls_server(void) {
  char command[1000], line[200];
  int input[2], output[2];
  snprintf(tls.folder, sizeof tls.folder, "/tmp/locksmith-tls-XXXXXX");
  need(mkdtemp(tls.folder) != NULL, "mkdtemp");
  snprintf(tls.certificate, sizeof tls.certificate, "%s/certificate.pem", tls.folder);
  snprintf(command, sizeof command,
           "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -days 2"
           " -out certificate.pem -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>log &&"
           " { openssl s_server -accept 127.0.0.1:0 -cert certificate.pem -key key.pem -www 2>&1 & server=$!;"
           " cat >log; kill $server; }; rm -rf %s",
           tls.folder, tls.folder);
  need(pipe(input) == 0 && pipe(output) == 0, "pipe");
  tls.shell = fork();
  need(tls.shell >= 0, "fork");
  if (tls.shell == 0) {
    (void)dup2(input[0], STDIN_FILENO);
    (void)dup2(output[1], STDOUT_FILENO);
    for (int i = 0; i < 2; i++) (void)close(input[i]), (void)close(output[i]);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
  }
  (void)close(input[0]);
  (void)close(output[1]);
  tls.input = input[1];
  FILE *said = fdopen(output[0], "r");
  need(said != NULL, "fdopen");
  while (tls.port == 0 && fgets(line, sizeof line, said) != NULL)
    if (strncmp(line, "ACCEPT ", 7) == 0) tls.port = atoi(strrchr(line, ':') + 1);
  /* `said` stays open: the server must not find its output closed. */
  return tls.port != 0;
}

static void stop_tls_server(void) {
  (void)close(tls.input);
  waitpid(tls.shell, NULL, 0);
}

static const lks_exchange *ask_tls(client *from, const char *host) {
  char base[64];
  snprintf(base, sizeof base, "https://%s:%d", host, tls.port);
  return client_ask(from, base, "GET", NULL, 10 * LKS_SECOND);
}

static void expect_untrusted(const char *ca_file, const char *host) {
  lks_transport_options options = default_options();
  options.ca_file = ca_file;
  client from = client_new(&options);
  check_failure(ask_tls(&from, host), LKS_KIND_TLS, true);
  client_free(&from);
}

static void a_certificate_nobody_vouches_for_is_refused(void) {
  expect_untrusted(NULL, "localhost");
}

static void a_certificate_for_another_host_is_refused(void) {
  expect_untrusted(tls.certificate, "127.0.0.1");
}

static void an_unreadable_ca_file_is_refused(void) {
  expect_untrusted("/nowhere/ca.pem", "localhost");
}

static void a_certificate_in_ca_file_is_trusted(void) {
  lks_transport_options options = default_options();
  options.ca_file = tls.certificate;
  options.max_response_bytes = 1000000;
  client from = client_new(&options);
  const lks_exchange *exchange = ask_tls(&from, "localhost");
  CHECK_INT(exchange->kind, LKS_KIND_NONE);
  CHECK_TEXT(exchange->message, "");
  CHECK_INT(exchange->status, 200);
  CHECK(exchange->connected > 0);
  client_free(&from);
}

/* The second send meets what the first one left. The server closes each connection. */
static void memory_that_runs_out_is_no_bad_certificate(void) {
  bool failed = true;
  for (long nth = 1; failed; nth++) {
    lks_transport_options options = default_options();
    options.ca_file = tls.certificate;
    options.max_response_bytes = 1000000;
    client from = client_new(&options);
    const lks_exchange *exchange = &from.exchange;
    char base[64];
    snprintf(base, sizeof base, "https://localhost:%d", tls.port);
    need(lks_request_path(&from.request, base, "", "GET", "/thing", 6) == LKS_REQUEST_OK, "lks_request_path");
    test_fail_alloc(nth);
    lks_transport_send(from.transport, &from.request, from.key, 10 * LKS_SECOND, true, NULL, &from.exchange);
    failed = test_alloc_failed();
    test_fail_alloc(0);
    bool fits =
        exchange->kind == LKS_KIND_NONE || exchange->kind == (exchange->sent ? LKS_KIND_TOO_LARGE : LKS_KIND_NO_MEMORY);
    if (!fits) {
      test_case_failed = 1;
      fprintf(stderr, "allocation %ld: %s: %s\n", nth, lks_kind_name(exchange->kind), exchange->message);
    }
    for (int again = 0; again < 2; again++)
      if (ask_tls(&from, "localhost")->kind != LKS_KIND_NONE) {
        test_case_failed = 1;
        fprintf(stderr, "after allocation %ld: %s: %s\n", nth, lks_kind_name(exchange->kind), exchange->message);
      }
    client_free(&from);
  }
}

int main(void) {
  RUN(a_cut_handshake_may_be_tried_again);
  RUN(a_silent_handshake_was_not_sent);
  if (start_tls_server()) {
    RUN(a_certificate_nobody_vouches_for_is_refused);
    RUN(a_certificate_for_another_host_is_refused);
    RUN(an_unreadable_ca_file_is_refused);
    RUN(a_certificate_in_ca_file_is_trusted);
    RUN(memory_that_runs_out_is_no_bad_certificate);
  } else {
    printf("skipped: 5 cases that need the openssl program\n");
  }
  stop_tls_server();
  return TEST_END();
}
