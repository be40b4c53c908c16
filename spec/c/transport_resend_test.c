/* A request whose answer was lost is never sent again behind the caller's back, except a read. */
#include "curl/transport.h"
#include "test.h"
#include "transport_support.h"

#define FIRST ACCEPT, READ, SEND(OK_TEXT(2, "{}"))
#define SECOND ACCEPT, READ, SEND(OK_TEXT(4, "true"))

static const struct {
  const char *method;
  const char *body;
} writes[] = {{"POST", "{\"type\":\"url\"}"}, {"PUT", NULL}, {"PUT", "{}"}, {"DELETE", NULL}, {"PATCH", "{}"}};
#define WRITES (sizeof writes / sizeof writes[0])

/* Asks once, lets the server go on, asks again; the report is of the whole script. */
static scripted_report *ask_twice(const scripted_step *steps, const char *method, const char *body,
                                  lks_exchange *exchange, char *answer, size_t answer_size) {
  scripted_server *server = scripted_server_start(steps);
  lks_transport_options options = default_options();
  client from = client_new(&options);
  CHECK_INT(ask(&from, server, method, body)->kind, LKS_KIND_NONE);
  scripted_server_resume(server);
  *exchange = *ask(&from, server, method, body);
  snprintf(answer, answer_size, "%s", exchange->kind == LKS_KIND_NONE ? exchange->body : exchange->message);
  client_free(&from);
  return scripted_server_stop(server);
}

static void expect_lost(const scripted_step *steps, const char *method, const char *body) {
  lks_exchange exchange;
  char answer[300];
  scripted_report *report = ask_twice(steps, method, body, &exchange, answer, sizeof answer);
  CHECK_INT(exchange.kind, LKS_KIND_NETWORK);
  CHECK(exchange.sent);
  CHECK_INT(exchange.resent, 0);
  CHECK(!exchange.permanent);
  CHECK_INT(exchange.status, 0);
  CHECK_INT(report->connections, 1);
  CHECK_INT(report->stray, 0);
  CHECK_INT(report->gave_up_at, 0);
  free(report);
}

static void expect_answered(const scripted_step *steps, const char *method, const char *body, size_t requests) {
  lks_exchange exchange;
  char answer[300];
  scripted_report *report = ask_twice(steps, method, body, &exchange, answer, sizeof answer);
  CHECK_INT(exchange.kind, LKS_KIND_NONE);
  CHECK_INT(exchange.status, 200);
  CHECK_INT(exchange.resent, requests - 2); /* two were meant */
  CHECK_TEXT(answer, "true");
  CHECK_INT(report->connections, 2);
  CHECK_INT(report->stray, 0);
  CHECK_INT(report->requests, requests);
  CHECK_INT(report->gave_up_at, 0);
  free(report);
}

static void a_write_lost_on_a_kept_connection_is_not_repeated(void) {
  static const scripted_step closed[] = {FIRST, PAUSE, READ, CLOSE, END};
  static const scripted_step reset[] = {FIRST, PAUSE, READ, RESET, END};
  static const scripted_step reset_at_once[] = {FIRST, PAUSE, READ_BYTE, RESET, END};
  for (size_t i = 0; i < WRITES; i++) {
    expect_lost(closed, writes[i].method, writes[i].body);
    expect_lost(reset, writes[i].method, writes[i].body);
    expect_lost(reset_at_once, writes[i].method, writes[i].body);
  }
}

static void a_large_write_cut_on_a_kept_connection_is_not_repeated(void) {
  static const scripted_step reset_at_once[] = {FIRST, PAUSE, READ_BYTE, RESET, END};
  enum { SIZE = 4 * 1024 * 1024 };
  char *body = malloc(SIZE + 1);
  need(body != NULL, "malloc");
  memset(body, 'x', SIZE);
  body[SIZE] = '\0';
  scripted_server *server = scripted_server_start(reset_at_once);
  lks_transport_options options = default_options();
  client from = client_new(&options);
  CHECK_INT(ask(&from, server, "POST", "{}")->kind, LKS_KIND_NONE);
  scripted_server_resume(server);
  const lks_exchange *exchange = ask(&from, server, "POST", body);
  CHECK_INT(exchange->kind, LKS_KIND_NETWORK);
  CHECK(exchange->sent);
  client_free(&from);
  stop_and_check(server, 1, 1);
  free(body);
}

static void a_read_lost_on_a_kept_connection_is_repeated_once(void) {
  static const scripted_step closed[] = {FIRST, PAUSE, READ, CLOSE, SECOND, END};
  static const scripted_step reset[] = {FIRST, PAUSE, READ, RESET, SECOND, END};
  expect_answered(closed, "GET", NULL, 3);
  expect_answered(reset, "GET", NULL, 3);
}

static void nothing_is_repeated_on_a_new_connection(void) {
  static const scripted_step closed[] = {ACCEPT, READ, CLOSE, END};
  scripted_server *server = scripted_server_start(closed);
  lks_transport_options options = default_options();
  client from = client_new(&options);
  const lks_exchange *exchange = ask(&from, server, "GET", NULL);
  CHECK_INT(exchange->kind, LKS_KIND_NETWORK);
  CHECK(exchange->sent);
  client_free(&from);
  stop_and_check(server, 1, 1);
}

static void a_connection_closed_while_idle_costs_nothing(void) {
  static const scripted_step closed[] = {FIRST, PAUSE, CLOSE, SECOND, END};
  static const scripted_step reset[] = {FIRST, PAUSE, RESET, SECOND, END};
  for (size_t i = 0; i < WRITES; i++) {
    expect_answered(closed, writes[i].method, writes[i].body, 2);
    expect_answered(reset, writes[i].method, writes[i].body, 2);
  }
  expect_answered(closed, "GET", NULL, 2);
  expect_answered(reset, "GET", NULL, 2);
}

static void an_answer_to_nobody_is_not_taken_for_an_answer(void) {
  static const scripted_step steps[] = {
      FIRST, PAUSE,  SEND("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
      CLOSE, SECOND, END};
  static const scripted_step kept_open[] = {FIRST, PAUSE, SEND(OK_TEXT(5, "false")), SECOND, END};
  expect_answered(steps, "POST", "{}", 2);
  expect_answered(steps, "GET", NULL, 2);
  expect_answered(kept_open, "POST", "{}", 2);
}

/* After a lost answer the next request must neither be refused nor find anything left of the one before. */
static void the_next_request_starts_clean(void) {
  static const scripted_step steps[] = {FIRST, PAUSE, READ, CLOSE, SECOND, READ, SEND(OK_TEXT(4, "null")), END};
  scripted_server *server = scripted_server_start(steps);
  lks_transport_options options = default_options();
  client from = client_new(&options);
  CHECK_INT(ask(&from, server, "POST", "{}")->kind, LKS_KIND_NONE);
  scripted_server_resume(server);
  CHECK_INT(ask(&from, server, "DELETE", NULL)->kind, LKS_KIND_NETWORK);
  CHECK_TEXT(ask(&from, server, "POST", "[]")->body, "true");
  CHECK_TEXT(ask(&from, server, "DELETE", NULL)->body, "null");
  client_free(&from);
  stop_and_check(server, 2, 4);
}

int main(void) {
  RUN(a_write_lost_on_a_kept_connection_is_not_repeated);
  RUN(a_large_write_cut_on_a_kept_connection_is_not_repeated);
  RUN(a_read_lost_on_a_kept_connection_is_repeated_once);
  RUN(nothing_is_repeated_on_a_new_connection);
  RUN(a_connection_closed_while_idle_costs_nothing);
  RUN(an_answer_to_nobody_is_not_taken_for_an_answer);
  RUN(the_next_request_starts_clean);
  return TEST_END();
}
