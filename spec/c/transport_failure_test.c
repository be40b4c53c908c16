/* Each way an exchange can fail: its kind, and whether the service may have seen the request. */
#include "curl/transport.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"
#include "transport_support.h"

#define SHORT (LKS_SECOND / 5)

static void check_failure(const lks_exchange *exchange, lks_kind kind, bool sent, int status) {
  CHECK_TEXT(lks_kind_name(exchange->kind), lks_kind_name(kind));
  CHECK_INT(exchange->sent, sent);
  CHECK_INT(exchange->status, status);
  CHECK(exchange->message[0] != '\0');
  CHECK(strstr(exchange->message, "callback") == NULL); /* which is nobody's business */
  CHECK(strstr(exchange->message, "secret") == NULL);
  CHECK_INT(exchange->body_length, 0);
  CHECK_INT(exchange->headers_length, 0);
}

/* The only request of a script fails like this. */
static void expect(const scripted_step *steps, lks_span limit, lks_kind kind, int status) {
  scripted_server *server = scripted_server_start(steps);
  lks_transport_options options = default_options();
  client from = client_new(&options);
  char base[64];
  base_of(server, "http", base, sizeof base);
  check_failure(client_ask(&from, base, "POST", "{\"password\":\"secret\"}", limit), kind, true, status);
  CHECK(!from.exchange.permanent);
  client_free(&from);
  stop_and_check(server, 1, 1);
}

/* A port of this machine; with `listening` nobody ever accepts there. */
static int open_port(int *listening) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int opened = socket(AF_INET, SOCK_STREAM, 0);
  need(opened >= 0 && bind(opened, (struct sockaddr *)&address, size) == 0, "bind");
  need(getsockname(opened, (struct sockaddr *)&address, &size) == 0, "getsockname");
  if (listening == NULL)
    close(opened);
  else
    need(listen(*listening = opened, 0) == 0, "listen");
  return ntohs(address.sin_port);
}

static void a_refused_connection_was_not_sent(void) {
  lks_transport_options options = default_options();
  client from = client_new(&options);
  char base[64];
  snprintf(base, sizeof base, "http://127.0.0.1:%d", open_port(NULL));
  check_failure(client_ask(&from, base, "POST", "{}", LKS_SECOND), LKS_KIND_CONNECT, false, 0);
  CHECK(!from.exchange.permanent);
  client_free(&from);
}

static void a_name_without_address_was_not_sent(void) {
  lks_transport_options options = default_options();
  client from = client_new(&options);
  /* Too long a label for any name server to be asked. */
  const lks_exchange *exchange =
      client_ask(&from, "http://a123456789b123456789c123456789d123456789e123456789f123456789g123456789.invalid", "POST",
                 "{}", 5 * LKS_SECOND);
  check_failure(exchange, LKS_KIND_CONNECT, false, 0);
  client_free(&from);
}

/* Fills the queue of a server that does not accept, until a connection is neither made nor refused. */
static size_t fill_queue(int port, int *waiting, size_t maximum) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
  for (size_t i = 0; i < maximum; i++) {
    waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)connect(waiting[i], (struct sockaddr *)&address, sizeof address);
    struct pollfd connected = {.fd = waiting[i], .events = POLLOUT};
    if (poll(&connected, 1, 50) == 0) return i + 1;
  }
  return maximum;
}

static void a_connection_that_is_never_made_was_not_sent(void) {
  int listening, waiting[64];
  int port = open_port(&listening);
  size_t count = fill_queue(port, waiting, 64);
  char base[64];
  snprintf(base, sizeof base, "http://127.0.0.1:%d", port);

  lks_transport_options options = default_options();
  options.connect_timeout = SHORT;
  client from = client_new(&options);
  check_failure(client_ask(&from, base, "POST", "{}", 20 * LKS_SECOND), LKS_KIND_CONNECT, false, 0);
  client_free(&from);

  options.connect_timeout = 20 * LKS_SECOND;
  from = client_new(&options);
  check_failure(client_ask(&from, base, "POST", "{}", SHORT), LKS_KIND_TIMEOUT, false, 0);
  client_free(&from);

  while (count > 0) close(waiting[--count]);
  close(listening);
}

static void without_time_nothing_is_sent(void) {
  static const scripted_step steps[] = {END};
  scripted_server *server = scripted_server_start(steps);
  lks_transport_options options = default_options();
  client from = client_new(&options);
  char base[64];
  base_of(server, "http", base, sizeof base);
  check_failure(client_ask(&from, base, "POST", "{}", 0), LKS_KIND_TIMEOUT, false, 0);
  check_failure(client_ask(&from, base, "POST", "{}", -LKS_SECOND), LKS_KIND_TIMEOUT, false, 0);
  client_free(&from);
  stop_and_check(server, 0, 0);
}

static void what_libcurl_cannot_do_is_a_matter_of_configuration(void) {
  lks_transport_options options = default_options();
  client from = client_new(&options);
  check_failure(client_ask(&from, "ftp://127.0.0.1:1", "POST", "{}", LKS_SECOND), LKS_KIND_CONFIG, false, 0);
  CHECK(from.exchange.permanent);
  check_failure(client_ask(&from, "http://127.0.0.1:1", "HEAD", "{}", LKS_SECOND), LKS_KIND_CONFIG, false, 0);
  CHECK(from.exchange.permanent);
  client_free(&from);
}

static void a_silent_server_is_a_timeout(void) {
  static const scripted_step silent[] = {ACCEPT, READ, AWAIT_CLOSE, END};
  static const scripted_step head_only[] = {ACCEPT, READ, SEND("HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n{"),
                                            AWAIT_CLOSE, END};
  static const scripted_step interim[] = {ACCEPT, READ, SEND("HTTP/1.1 103 Early Hints\r\n\r\n"), AWAIT_CLOSE, END};
  expect(silent, SHORT, LKS_KIND_TIMEOUT, 0);
  expect(head_only, SHORT, LKS_KIND_TIMEOUT, 201);
  expect(interim, SHORT, LKS_KIND_TIMEOUT, 0);
}

static void a_trickle_is_a_timeout(void) {
  static char filler[4000];
  memset(filler, 'x', sizeof filler - 1);
  static const scripted_step head[] = {ACCEPT, READ, SEND("HTTP/1.1 200 OK\r\nX: "), TRICKLE(filler), AWAIT_CLOSE, END};
  static const scripted_step body[] = {ACCEPT, READ, SEND("HTTP/1.1 200 OK\r\n\r\n"), TRICKLE(filler), END};
  expect(head, SHORT, LKS_KIND_TIMEOUT, 200);
  expect(body, SHORT, LKS_KIND_TIMEOUT, 200);
}

static void a_cut_connection_is_a_network_failure(void) {
  static const scripted_step no_answer[] = {ACCEPT, READ, CLOSE, END};
  static const scripted_step reset[] = {ACCEPT, READ, RESET, END};
  static const scripted_step in_body[] = {ACCEPT, READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"a\":"),
                                          CLOSE, END};
  static const scripted_step in_chunk[] = {
      ACCEPT, READ, SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a"), CLOSE, END};
  static const scripted_step before_last_chunk[] = {
      ACCEPT, READ, SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"), RESET, END};
  expect(no_answer, LKS_SECOND, LKS_KIND_NETWORK, 0);
  expect(reset, LKS_SECOND, LKS_KIND_NETWORK, 0);
  expect(in_body, LKS_SECOND, LKS_KIND_NETWORK, 200);
  expect(in_chunk, LKS_SECOND, LKS_KIND_NETWORK, 200);
  expect(before_last_chunk, LKS_SECOND, LKS_KIND_NETWORK, 200);
}

static void what_is_not_http_is_a_bad_response(void) {
  static const scripted_step garbage[] = {ACCEPT, READ, SEND("SSH-2.0-OpenSSH_9.2\r\n"), CLOSE, END};
  static const scripted_step bad_gzip[] = {
      ACCEPT, READ, SEND("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 14\r\n\r\nthis is no zip"),
      CLOSE, END};
  expect(garbage, LKS_SECOND, LKS_KIND_BAD_RESPONSE, 0);
  if (unzips()) expect(bad_gzip, LKS_SECOND, LKS_KIND_BAD_RESPONSE, 200);
}

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

/* The request was sent, and nothing that comes afterwards is a matter of configuration. */
static void a_malformed_frame_is_a_bad_response(void) {
  static const char *const answers[] = {
      CHUNKED "zz\r\n{}\r\n0\r\n\r\n",
      CHUNKED "\r\n",
      CHUNKED "2\r\n{}xx",
      CHUNKED "11111111111111111\r\n{}",
      CHUNKED "-2\r\n{}\r\n0\r\n\r\n",
      CHUNKED "2\r\n{}\r\n0\r\nno colon in this trailer\r\n\r\n",
      "HTTP/1.1 200 OK\r\nno colon in this header\r\n\r\n",
      "HTTP/9.9 200 OK\r\nContent-Length: 2\r\n\r\n{}",
  };
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
    const scripted_step steps[] = {ACCEPT, READ, SEND(answers[i]), AWAIT_CLOSE, END};
    scripted_server *server = scripted_server_start(steps);
    lks_transport_options options = default_options();
    client from = client_new(&options);
    const lks_exchange *exchange = ask(&from, server, "POST", "{\"password\":\"secret\"}");
    CHECK_TEXT(lks_kind_name(exchange->kind), lks_kind_name(LKS_KIND_BAD_RESPONSE));
    CHECK(exchange->sent);
    CHECK(!exchange->permanent);
    CHECK(exchange->message[0] != '\0');
    client_free(&from);
    stop_and_check(server, 1, 1);
  }
}

static void a_large_body_is_refused_while_it_comes(void) {
  static const char zeros[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x31\x01\x00\x00\x00\xc2\xa0\xf5\x4f\x6d"
                              "\x0d\x0f\xa0\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x78\x30"
                              "\x02\x53\x2f\x97\x20\x4e\x00\x00";
  static const scripted_step declared[] = {ACCEPT, READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"),
                                           AWAIT_CLOSE, END};
  static const scripted_step endless[] = {ACCEPT, READ, SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
                                          REPEAT("10\r\n0123456789abcdef\r\n", 10000000), END};
  static const scripted_step bomb[] = {ACCEPT,
                                       READ,
                                       SEND("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 54\r\n\r\n"),
                                       SEND_BYTES(zeros, sizeof zeros - 1),
                                       AWAIT_CLOSE,
                                       END};
  static const scripted_step one_over[] = {
      ACCEPT,      READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 4097\r\n\r\n"), REPEAT("x", TEST_MAXIMUM + 1),
      AWAIT_CLOSE, END};
  expect(declared, LKS_SECOND, LKS_KIND_TOO_LARGE, 200);
  expect(endless, 10 * LKS_SECOND, LKS_KIND_TOO_LARGE, 200);
  if (unzips()) expect(bomb, LKS_SECOND, LKS_KIND_TOO_LARGE, 200);
  expect(one_over, LKS_SECOND, LKS_KIND_TOO_LARGE, 200);
}

static void a_body_of_the_maximum_is_taken(void) {
  static const scripted_step steps[] = {ACCEPT,
                                        READ,
                                        SEND("HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\n"),
                                        REPEAT("x", TEST_MAXIMUM),
                                        READ,
                                        SEND("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"),
                                        END};
  scripted_server *server = scripted_server_start(steps);
  lks_transport_options options = default_options();
  client from = client_new(&options);
  CHECK_INT(ask(&from, server, "GET", NULL)->body_length, TEST_MAXIMUM);
  /* Nothing of that length will come. */
  CHECK_INT(ask(&from, server, "HEAD", NULL)->kind, LKS_KIND_NONE);
  client_free(&from);
  stop_and_check(server, 1, 2);
}

static void large_headers_are_refused_while_they_come(void) {
  static char line[150000];
  memset(line, 'x', sizeof line - 3);
  line[0] = 'X';
  line[1] = ':';
  memcpy(line + sizeof line - 3, "\r\n", 3);
  static const scripted_step many[] = {ACCEPT, READ, SEND("HTTP/1.1 200 OK\r\n"),
                                       REPEAT("X-Filler: 0123456789abcdef0123456789abcdef\r\n", 10000000), END};
  static const scripted_step long_ones[] = {ACCEPT, READ, SEND("HTTP/1.1 200 OK\r\n"), REPEAT(line, 1000), END};
  expect(many, 10 * LKS_SECOND, LKS_KIND_TOO_LARGE, 200);
  expect(long_ones, 10 * LKS_SECOND, LKS_KIND_TOO_LARGE, 200);
}

/* However little of it is a head or a body. */
static void everything_received_counts(void) {
  static char line[6000];
  memset(line, 'x', sizeof line - 1);
  static const scripted_step trailers[] = {ACCEPT, READ, SEND(CHUNKED "2\r\n{}\r\n0\r\n"),
                                           REPEAT("X-Trailer: 0123456789abcdef\r\n", 100000000), END};
  static const scripted_step long_trailer[] = {ACCEPT, READ, SEND(CHUNKED "0\r\nX-Trailer: "), REPEAT(line, 1000), END};
  static const scripted_step extension[] = {ACCEPT, READ, SEND(CHUNKED "2;"), REPEAT(line, 100000), END};
  static const scripted_step extensions[] = {ACCEPT, READ, SEND(CHUNKED),
                                             REPEAT("1;x=0123456789abcdef0123456789abcdef\r\nx\r\n", 100000000), END};
  static const scripted_step interim[] = {ACCEPT, READ, REPEAT("HTTP/1.1 100 Continue\r\n\r\n", 100000000), END};
  static const scripted_step hints[] = {
      ACCEPT, READ, REPEAT("HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n", 100000000), END};
  static const scripted_step folded[] = {ACCEPT, READ, SEND("HTTP/1.1 200 OK\r\nX: y\r\n"),
                                         REPEAT(" folded 0123456789abcdef\r\n", 100000000), END};
  /* With a colon: newer libcurl takes each line of a trailer for a header, which has one. */
  static const scripted_step folded_trailer[] = {ACCEPT, READ, SEND(CHUNKED "0\r\nX: y\r\n"),
                                                 REPEAT("\tfolded: 0123456789abcdef\r\n", 100000000), END};
  expect(trailers, 20 * LKS_SECOND, LKS_KIND_TOO_LARGE, 200);
  expect(long_trailer, 20 * LKS_SECOND, LKS_KIND_TOO_LARGE, 200);
  expect(extension, 20 * LKS_SECOND, LKS_KIND_TOO_LARGE, 200);
  expect(extensions, 20 * LKS_SECOND, LKS_KIND_TOO_LARGE, 200);
  expect(interim, 20 * LKS_SECOND, LKS_KIND_TOO_LARGE, 0);
  expect(hints, 20 * LKS_SECOND, LKS_KIND_TOO_LARGE, 0);
  expect(folded, 20 * LKS_SECOND, LKS_KIND_TOO_LARGE, 200);
  expect(folded_trailer, 20 * LKS_SECOND, LKS_KIND_TOO_LARGE, 200);
}

/* Many small answers on one connection are not one large one. */
static void the_count_begins_anew_with_each_request(void) {
  enum { REQUESTS = 40 };
  static const scripted_step answer[] = {READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 4096\r\nX: "),
                                         REPEAT("0123456789abcdef", 1000), SEND("\r\n\r\n"), REPEAT("x", TEST_MAXIMUM)};
  static scripted_step steps[REQUESTS * 5 + 2] = {ACCEPT};
  for (size_t i = 0; i < REQUESTS; i++) memcpy(&steps[1 + 5 * i], answer, sizeof answer);
  steps[REQUESTS * 5 + 1] = (scripted_step)END;
  scripted_server *server = scripted_server_start(steps);
  lks_transport_options options = default_options();
  client from = client_new(&options);
  for (size_t i = 0; i < REQUESTS; i++) CHECK_INT(ask(&from, server, "GET", NULL)->body_length, TEST_MAXIMUM);
  client_free(&from);
  stop_and_check(server, 1, REQUESTS);
}

static void a_failure_leaves_nothing_behind(void) {
  static const scripted_step steps[] = {ACCEPT,
                                        READ,
                                        SEND("HTTP/1.1 500 Oops\r\nX-Old: 1\r\nContent-Length: 9\r\n\r\nab"),
                                        CLOSE,
                                        ACCEPT,
                                        READ,
                                        SEND("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
                                        END};
  scripted_server *server = scripted_server_start(steps);
  lks_transport_options options = default_options();
  client from = client_new(&options);
  check_failure(ask(&from, server, "GET", NULL), LKS_KIND_NETWORK, true, 500);
  const lks_exchange *exchange = ask(&from, server, "GET", NULL);
  CHECK_INT(exchange->kind, LKS_KIND_NONE);
  CHECK_TEXT(exchange->headers, "Content-Length: 2\n");
  CHECK_TEXT(exchange->body, "{}");
  CHECK_TEXT(exchange->message, "");
  client_free(&from);
  stop_and_check(server, 2, 2);
}

int main(void) {
  RUN(a_refused_connection_was_not_sent);
  RUN(a_name_without_address_was_not_sent);
  RUN(a_connection_that_is_never_made_was_not_sent);
  RUN(without_time_nothing_is_sent);
  RUN(what_libcurl_cannot_do_is_a_matter_of_configuration);
  RUN(a_silent_server_is_a_timeout);
  RUN(a_trickle_is_a_timeout);
  RUN(a_cut_connection_is_a_network_failure);
  RUN(what_is_not_http_is_a_bad_response);
  RUN(a_malformed_frame_is_a_bad_response);
  RUN(a_large_body_is_refused_while_it_comes);
  RUN(a_body_of_the_maximum_is_taken);
  RUN(large_headers_are_refused_while_they_come);
  RUN(everything_received_counts);
  RUN(the_count_begins_anew_with_each_request);
  RUN(a_failure_leaves_nothing_behind);
  return TEST_END();
}
