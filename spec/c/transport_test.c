/* What the libcurl driver sends, and how it hands over an answer. */
#include "curl/transport.h"

#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"
#include "transport_support.h"

static void one_connection_serves_many_requests(void) {
  static const scripted_step steps[] = {ACCEPT,
                                        READ,
                                        SEND(OK_TEXT(2, "{}")),
                                        READ,
                                        SEND(OK_TEXT(3, "[1]")),
                                        READ,
                                        SEND("HTTP/1.1 204 No Content\r\n\r\n"),
                                        READ,
                                        SEND(OK_TEXT(9, "")),
                                        READ,
                                        SEND(OK_TEXT(4, "true")),
                                        END};
  scripted_server *server = scripted_server_start(steps);
  lks_transport_options options = default_options();
  client from = client_new(&options);
  CHECK_TEXT(ask(&from, server, "POST", "{}")->body, "{}");
  CHECK_TEXT(ask(&from, server, "GET", NULL)->body, "[1]");
  CHECK_INT(ask(&from, server, "DELETE", NULL)->status, 204);
  CHECK_INT(ask(&from, server, "HEAD", NULL)->body_length, 0);
  CHECK_TEXT(ask(&from, server, "PUT", NULL)->body, "true");
  CHECK_INT(from.exchange.kind, LKS_KIND_NONE);
  CHECK(from.exchange.sent);
  client_free(&from);
  stop_and_check(server, 1, 5);
}

/* The head and body of the only request on a connection. */
static void expect_request(const char *method, const char *body, const char *expected) {
  static const scripted_step steps[] = {ACCEPT, READ, SEND(OK_TEXT(4, "true")), READ, SEND(OK_TEXT(4, "null")), END};
  scripted_server *server = scripted_server_start(steps);
  lks_transport_options options = default_options();
  client from = client_new(&options);
  /* Something else first, of which nothing may be left over. */
  CHECK_TEXT(ask(&from, server, body == NULL ? "POST" : "GET", body == NULL ? "{\"a\":1}" : NULL)->body, "true");
  CHECK_TEXT(ask(&from, server, method, body)->body, "null");
  client_free(&from);
  scripted_report *report = scripted_server_stop(server);
  const char *second = strstr(report->received + 1, method);
  CHECK(second != NULL);
  if (second != NULL) {
    char text[2048], *at = text;
    /* Without the lines that differ from run to run. */
    for (const char *line = second; *line != '\0';) {
      const char *end = strstr(line, "\r\n");
      size_t length = end == NULL ? strlen(line) : (size_t)(end - line) + 2;
      if (strncmp(line, "Host:", 5) != 0 && strncmp(line, "Accept-Encoding:", 16) != 0) {
        memcpy(at, line, length);
        at += length;
      }
      line += length;
    }
    *at = '\0';
    CHECK_TEXT(text, expected);
  }
  free(report);
}

#define COMMON "Authorization: Bearer " TEST_KEY "\r\nAccept: application/json\r\nUser-Agent: locksmith/test\r\n"
#define JSON "Content-Type: application/json\r\n"

static void requests_carry_what_the_core_says_and_nothing_else(void) {
  expect_request("GET", NULL, "GET /thing HTTP/1.1\r\n" COMMON "\r\n");
  expect_request("DELETE", NULL, "DELETE /thing HTTP/1.1\r\n" COMMON "\r\n");
  expect_request("PUT", NULL, "PUT /thing HTTP/1.1\r\n" COMMON "Content-Length: 0\r\n\r\n");
  expect_request("POST", "[1]", "POST /thing HTTP/1.1\r\n" COMMON JSON "Content-Length: 3\r\n\r\n[1]");
  expect_request("PATCH", "{}", "PATCH /thing HTTP/1.1\r\n" COMMON JSON "Content-Length: 2\r\n\r\n{}");
  expect_request("DELETE", "{}", "DELETE /thing HTTP/1.1\r\n" COMMON JSON "Content-Length: 2\r\n\r\n{}");
  expect_request("POST", "", "POST /thing HTTP/1.1\r\n" COMMON JSON "Content-Length: 0\r\n\r\n");
}

static void gzip_is_asked_for_and_undone(void) {
  static const unsigned char packed[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\x4a\xce\xcf\x2d\x28\x4a"
                                        "\x2d\x2e\x4e\x4d\x51\xb2\x2a\x29\x2a\x4d\xad\x05\x00\xf1\xea\x39\x95\x13"
                                        "\x00\x00\x00";
  static const scripted_step steps[] = {ACCEPT, READ,
                                        SEND("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 39\r\n\r\n"),
                                        SEND_BYTES(packed, sizeof packed - 1), END};
  scripted_server *server = scripted_server_start(steps);
  lks_transport_options options = default_options();
  client from = client_new(&options);
  CHECK_TEXT(ask(&from, server, "GET", NULL)->body, "{\"compressed\":true}");
  client_free(&from);
  scripted_report *report = scripted_server_stop(server);
  CHECK(strstr(report->received, "gzip") != NULL);
  free(report);
}

static void the_answer_to_a_body_is_asked_for_as_it_is(void) {
  static const scripted_step steps[] = {ACCEPT, READ, SEND(OK_TEXT(2, "{}")), END};
  scripted_server *server = scripted_server_start(steps);
  lks_transport_options options = default_options();
  client from = client_new(&options);
  CHECK_INT(ask(&from, server, "POST", "{}")->kind, LKS_KIND_NONE);
  client_free(&from);
  scripted_report *report = scripted_server_stop(server);
  CHECK(strstr(report->received, "Accept-Encoding") == NULL);
  free(report);
}

static void each_request_goes_to_its_own_url(void) {
  static const scripted_step steps[] = {
      ACCEPT, READ, SEND(OK_TEXT(1, "1")), READ, SEND(OK_TEXT(1, "2")), READ, SEND(OK_TEXT(1, "3")), END};
  static const scripted_step other[] = {ACCEPT, READ, SEND(OK_TEXT(1, "4")), END};
  scripted_server *server = scripted_server_start(steps), *elsewhere = scripted_server_start(other);
  lks_transport_options options = default_options();
  client from = client_new(&options);
  static const char *const paths[] = {"/a", "/b?c=d&e=", "/a"};
  for (size_t i = 0; i < 3; i++) {
    char base[64];
    base_of(server, "http", base, sizeof base - 16);
    strcat(base, paths[i]);
    CHECK_INT(client_ask(&from, base, "GET", NULL, 5 * LKS_SECOND)->status, 200);
  }
  CHECK_TEXT(ask(&from, elsewhere, "GET", NULL)->body, "4");
  client_free(&from);
  scripted_report *report = scripted_server_stop(server);
  CHECK_INT(report->requests, 3);
  const char *first = strstr(report->received, "GET /a/thing "),
             *second = strstr(report->received, "GET /b?c=d&e=/thing ");
  CHECK(first != NULL && second > first && strstr(second, "GET /a/thing ") != NULL);
  free(report);
  stop_and_check(elsewhere, 1, 1);
}

static void a_large_body_is_sent_without_waiting_for_100_continue(void) {
  static const scripted_step steps[] = {ACCEPT, READ, SEND(OK_TEXT(2, "{}")), END};
  enum { SIZE = 3 * 1024 * 1024 };
  char *body = malloc(SIZE + 1);
  need(body != NULL, "malloc");
  memset(body, 'x', SIZE);
  body[SIZE] = '\0';
  scripted_server *server = scripted_server_start(steps);
  lks_transport_options options = default_options();
  client from = client_new(&options);
  CHECK_INT(ask(&from, server, "POST", body)->kind, LKS_KIND_NONE);
  client_free(&from);
  free(body);
  scripted_report *report = scripted_server_stop(server);
  CHECK(strstr(report->received, "Content-Length: 3145728\r\n") != NULL);
  CHECK(strstr(report->received, "Expect") == NULL);
  free(report);
}

static void headers_are_those_of_the_final_answer(void) {
  static const scripted_step steps[] = {
      ACCEPT,
      READ,
      SEND("HTTP/1.1 100 Continue\r\nX-Early: a\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: b\r\n\r\n"),
      SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Other: one\r\nX-Empty:\r\n\r\n"),
      SEND("2\r\n{}\r\n0\r\nX-Trailer: c\r\n\r\n"),
      READ,
      SEND("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
      END};
  scripted_server *server = scripted_server_start(steps);
  lks_transport_options options = default_options();
  client from = client_new(&options);
  const lks_exchange *exchange = ask(&from, server, "GET", NULL);
  CHECK_INT(exchange->status, 200);
  CHECK_TEXT(exchange->headers, "Transfer-Encoding: chunked\nX-Other: one\nX-Empty:\n");
  CHECK_INT(exchange->headers_length, strlen(exchange->headers));
  CHECK_TEXT(exchange->body, "{}");
  CHECK_TEXT(ask(&from, server, "GET", NULL)->headers, "Content-Length: 0\n");
  CHECK_INT(exchange->body_length, 0);
  CHECK_TEXT(exchange->body, "");
  client_free(&from);
  stop_and_check(server, 1, 2);
}

static void a_redirect_is_an_answer(void) {
  static const scripted_step other[] = {END};
  scripted_server *elsewhere = scripted_server_start(other);
  char redirect[200];
  snprintf(redirect, sizeof redirect,
           "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n",
           scripted_server_port(elsewhere));
  const scripted_step steps[] = {ACCEPT, READ, SEND(redirect), END};
  scripted_server *server = scripted_server_start(steps);
  lks_transport_options options = default_options();
  client from = client_new(&options);
  const lks_exchange *exchange = ask(&from, server, "GET", NULL);
  CHECK_INT(exchange->kind, LKS_KIND_NONE);
  CHECK_INT(exchange->status, 302);
  CHECK(strstr(exchange->headers, "Location: http://127.0.0.1") != NULL);
  client_free(&from);
  stop_and_check(server, 1, 1);
  stop_and_check(elsewhere, 0, 0);
}

static void a_new_key_replaces_the_old_one(void) {
  static const scripted_step steps[] = {
      ACCEPT, READ, SEND(OK_TEXT(0, "")), READ, SEND(OK_TEXT(0, "")), READ, SEND(OK_TEXT(0, "")), END};
  scripted_server *server = scripted_server_start(steps);
  lks_transport_options options = default_options();
  client from = client_new(&options);
  ask(&from, server, "GET", NULL);
  lks_key_free(from.key);
  need(lks_key_new(LKS_LOCKPUB, "ll_rotated", 10, &from.key) == LKS_KEY_OK, "lks_key_new");
  ask(&from, server, "GET", NULL);
  lks_key *key = from.key;
  from.key = NULL;
  ask(&from, server, "GET", NULL);
  from.key = key;
  client_free(&from);
  scripted_report *report = scripted_server_stop(server);
  const char *second = strstr(report->received + 1, "GET"), *third = second == NULL ? NULL : strstr(second + 1, "GET");
  CHECK(strstr(report->received, TEST_KEY) != NULL && strstr(report->received, TEST_KEY) < second);
  CHECK(third != NULL && strstr(second, "Authorization: Bearer ll_rotated\r\n") < third);
  CHECK(third != NULL && strstr(third, "Authorization") == NULL);
  CHECK_INT(report->requests, 3);
  free(report);
}

typedef struct forked {
  pid_t pid;
  int said; /* 'y' when the child got answer "2", else 'n' */
  int hold; /* the child stays until this closes */
} forked;

/* Forks a child that asks when told to, and frees the transport. */
static forked start_child(client *from, const scripted_server *server, bool asks) {
  int said[2], hold[2];
  need(pipe(said) == 0 && pipe(hold) == 0, "pipe");
  forked child = {.pid = fork(), .said = said[0], .hold = hold[1]};
  need(child.pid >= 0, "fork");
  if (child.pid == 0) {
    char end;
    bool answered = asks && strcmp(ask(from, server, "POST", "{}")->body, "2") == 0;
    lks_transport_free(from->transport);
    (void)close(hold[1]);
    if (write(said[1], answered ? "y" : "n", 1) == 1)
      while (read(hold[0], &end, 1) > 0) {
      }
    _exit(0);
  }
  (void)close(said[1]);
  (void)close(hold[0]);
  return child;
}

static char result_of_child(const forked *child) {
  char result = '\0';
  need(read(child->said, &result, 1) == 1, "read");
  return result;
}

static void end_child(const forked *child) {
  (void)close(child->said);
  (void)close(child->hold);
  waitpid(child->pid, NULL, 0);
}

static void a_forked_child_connects_anew(void) {
  static const scripted_step steps[] = {
      ACCEPT,    READ, SEND(OK_TEXT(1, "1")), ACCEPT, READ, SEND(OK_TEXT(1, "2")), AWAIT_CLOSE,
      SWITCH(1), READ, SEND(OK_TEXT(1, "3")), END};
  scripted_server *server = scripted_server_start(steps);
  lks_transport_options options = default_options();
  client from = client_new(&options);
  CHECK_TEXT(ask(&from, server, "POST", "{}")->body, "1");
  forked child = start_child(&from, server, true);
  CHECK_INT(result_of_child(&child), 'y');
  CHECK_TEXT(ask(&from, server, "POST", "{}")->body, "3");
  end_child(&child);
  client_free(&from);
  stop_and_check(server, 2, 3);
}

static void a_child_that_only_closes_has_no_part_in_the_connection(void) {
  static const scripted_step steps[] = {ACCEPT,      READ, SEND(OK_TEXT(1, "1")), READ, SEND(OK_TEXT(1, "2")),
                                        AWAIT_CLOSE, END};
  scripted_server *server = scripted_server_start(steps);
  lks_transport_options options = default_options();
  client from = client_new(&options);
  CHECK_TEXT(ask(&from, server, "POST", "{}")->body, "1");
  forked child = start_child(&from, server, false);
  CHECK_INT(result_of_child(&child), 'n');
  CHECK_TEXT(ask(&from, server, "POST", "{}")->body, "2");
  client_free(&from);
  /* The server sees the end although the child is still there. */
  scripted_server_await(server, 6);
  end_child(&child);
  stop_and_check(server, 1, 2);
}

/* libcurl's too, where it allocates through this code: what it makes of that is its own affair, but nothing leaks. */
static void every_allocation_may_fail(void) {
  static const scripted_step steps[] = {ACCEPT, READ, SEND(OK_TEXT(4, "true")), AWAIT_CLOSE, END};
  lks_transport_options options = default_options();
  options.ca_file = "/nowhere";
  long live = test_alloc_live();
  int failed = 1;
  for (long nth = 1; failed; nth++) {
    scripted_server *server = scripted_server_start(steps);
    client from = {.transport = NULL};
    need(lks_key_new(LKS_LOCKPUB, TEST_KEY, strlen(TEST_KEY), &from.key) == LKS_KEY_OK, "lks_key_new");
    lks_request_init(&from.request);
    char base[64];
    base_of(server, "http", base, sizeof base);
    need(lks_request_path(&from.request, base, "", "POST", "/", 1) == LKS_REQUEST_OK &&
             lks_request_set_body(&from.request, "{}", 2) == LKS_REQUEST_OK,
         "request");
    test_fail_alloc(nth);
    lks_kind made = lks_transport_new(&options, &from.transport);
    CHECK(made == LKS_KIND_NONE || made == LKS_KIND_NO_MEMORY);
    if (from.transport != NULL)
      lks_transport_send(from.transport, &from.request, from.key, LKS_SECOND, false, NULL, &from.exchange);
    failed = test_alloc_failed();
    test_fail_alloc(0);
    if (failed && from.transport != NULL) CHECK(from.exchange.message != NULL);
    if (!failed) CHECK_INT(from.exchange.kind, LKS_KIND_NONE);
    client_free(&from);
    free(scripted_server_stop(server));
  }
  CHECK_INT(test_alloc_live(), live);
}

int main(void) {
  RUN(one_connection_serves_many_requests);
  RUN(requests_carry_what_the_core_says_and_nothing_else);
  if (unzips())
    RUN(gzip_is_asked_for_and_undone);
  else
    printf("skipped: a libcurl without zlib asks for no gzip\n");
  RUN(the_answer_to_a_body_is_asked_for_as_it_is);
  RUN(each_request_goes_to_its_own_url);
  RUN(a_large_body_is_sent_without_waiting_for_100_continue);
  RUN(headers_are_those_of_the_final_answer);
  RUN(a_redirect_is_an_answer);
  RUN(a_new_key_replaces_the_old_one);
  RUN(a_forked_child_connects_anew);
  RUN(a_child_that_only_closes_has_no_part_in_the_connection);
  RUN(every_allocation_may_fail);
  return TEST_END();
}
