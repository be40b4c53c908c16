/* Waiting for an answer: who waits may look up and give up, and what an idle transport holds on to. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "curl/transport.h"
#include "test.h"
#include "transport_support.h"

#define FOUND ACCEPT, READ, SEND(OK_TEXT(4, "true"))

typedef struct watch {
  int calls;
  int last; /* the call that gives up; 0: none does */
} watch;

static volatile sig_atomic_t signalled;

static bool look_up(void *context) {
  watch *here = context;
  return ++here->calls != here->last;
}

static bool until_signalled(void *context) {
  watch *here = context;
  here->calls++;
  return !signalled;
}

static const lks_exchange *ask_watched(client *from, const scripted_server *server, bool (*goes_on)(void *),
                                       watch *here, lks_span limit) {
  char base[64];
  base_of(server, "http", base, sizeof base);
  need(lks_request_path(&from->request, base, "", "POST", "/thing", 6) == LKS_REQUEST_OK, "lks_request_path");
  need(lks_request_set_body(&from->request, "{}", 2) == LKS_REQUEST_OK, "lks_request_set_body");
  lks_pause pause = {.goes_on = goes_on, .context = here};
  lks_transport_send(from->transport, &from->request, from->key, limit, false, &pause, &from->exchange);
  return &from->exchange;
}

static void who_waits_may_give_up(void) {
  static const scripted_step steps[] = {ACCEPT, READ, AWAIT_CLOSE, FOUND, END};
  scripted_server *server = scripted_server_start(steps);
  lks_transport_options options = default_options();
  client from = client_new(&options);
  watch here = {.last = 2};
  const lks_exchange *exchange = ask_watched(&from, server, look_up, &here, 60 * LKS_SECOND);
  CHECK_TEXT(lks_kind_name(exchange->kind), lks_kind_name(LKS_KIND_CLOSED));
  CHECK(exchange->sent);
  CHECK(exchange->message[0] != '\0');
  CHECK_INT(here.calls, 2);
  scripted_server_await(server, 3); /* the connection is closed at once, not when the transport is */
  CHECK_TEXT(ask(&from, server, "POST", "{}")->body, "true");
  client_free(&from);
  stop_and_check(server, 2, 2);
}

static void who_does_not_give_up_gets_the_answer(void) {
  static const scripted_step steps[] = {ACCEPT, READ, TRICKLE(OK_TEXT(4, "true")), END};
  static const scripted_step silent[] = {ACCEPT, READ, AWAIT_CLOSE, END};
  scripted_server *server = scripted_server_start(steps);
  lks_transport_options options = default_options();
  client from = client_new(&options);
  watch here = {.last = 0};
  CHECK_TEXT(ask_watched(&from, server, look_up, &here, 60 * LKS_SECOND)->body, "true");
  stop_and_check(server, 1, 1);
  server = scripted_server_start(silent);
  here.calls = 0;
  CHECK_INT(ask_watched(&from, server, look_up, &here, LKS_SECOND)->kind, LKS_KIND_TIMEOUT);
  CHECK(here.calls > 1);
  client_free(&from);
  stop_and_check(server, 1, 1);
}

static void on_signal(int number) {
  (void)number;
  signalled = 1;
}

static void a_signal_makes_who_waits_look_up(void) {
  static const scripted_step steps[] = {ACCEPT, READ, AWAIT_CLOSE, END};
  struct sigaction action = {.sa_handler = on_signal}, before;
  struct itimerval soon = {.it_value = {.tv_usec = 30000}};
  sigset_t alarms;
  sigemptyset(&alarms);
  sigaddset(&alarms, SIGALRM);
  /* The server's thread must not take it. */
  need(pthread_sigmask(SIG_BLOCK, &alarms, NULL) == 0, "pthread_sigmask");
  scripted_server *server = scripted_server_start(steps);
  lks_transport_options options = default_options();
  client from = client_new(&options);
  need(sigaction(SIGALRM, &action, &before) == 0 && pthread_sigmask(SIG_UNBLOCK, &alarms, NULL) == 0 &&
           setitimer(ITIMER_REAL, &soon, NULL) == 0,
       "a signal");
  watch here = {.last = 0};
  CHECK_INT(ask_watched(&from, server, until_signalled, &here, 60 * LKS_SECOND)->kind, LKS_KIND_CLOSED);
  CHECK(here.calls >= 1);
  CHECK_INT(sigaction(SIGALRM, &before, NULL), 0);
  client_free(&from);
  stop_and_check(server, 1, 1);
}

static int open_descriptors(void) {
  int count = 0;
  for (int fd = 0; fd < 1024; fd++) count += fcntl(fd, F_GETFD) != -1;
  return count;
}

/* Each server beside its listener and its stop pipe has one end of a connection. */
static void an_idle_transport_holds_its_connection_and_nothing_else(void) {
  enum { CLIENTS = 10 };
  static const scripted_step steps[] = {FOUND, READ, SEND(OK_TEXT(4, "true")), READ, SEND(OK_TEXT(4, "true")), END};
  scripted_server *servers[CLIENTS];
  client from[CLIENTS];
  for (int i = 0; i < CLIENTS; i++) servers[i] = scripted_server_start(steps);
  lks_transport_options options = default_options();
  options.engine = lks_transport_engine();
  int before = open_descriptors();
  for (int i = 0; i < CLIENTS; i++) {
    from[i] = client_new(&options);
    CHECK_INT(open_descriptors(), before + 2 * i);
    for (int calls = 0; calls < 3; calls++) CHECK_TEXT(ask(&from[i], servers[i], "POST", "{}")->body, "true");
    CHECK_INT(open_descriptors(), before + 2 * (i + 1));
  }
  for (int i = 0; i < CLIENTS; i++) client_free(&from[i]);
  lks_engine_release(options.engine);
  CHECK_INT(open_descriptors(), before + CLIENTS);
  for (int i = 0; i < CLIENTS; i++) stop_and_check(servers[i], 1, 3);
}

static void missing_descriptors_are_named_and_nothing_is_sent(void) {
  static const scripted_step steps[] = {FOUND, END};
  scripted_server *server = scripted_server_start(steps);
  lks_transport_options options = default_options();
  client from = client_new(&options);
  struct rlimit before, none;
  need(getrlimit(RLIMIT_NOFILE, &before) == 0, "getrlimit");
  none = before;
  int next = dup(0);
  close(next);
  for (int left = 0; left < 3; left++) {
    none.rlim_cur = (rlim_t)(next + left);
    need(setrlimit(RLIMIT_NOFILE, &none) == 0, "setrlimit");
    const lks_exchange *exchange =
        client_ask(&from, left == 2 ? "https://localhost:1" : "http://localhost:1", "POST", "{}", 5 * LKS_SECOND);
    need(setrlimit(RLIMIT_NOFILE, &before) == 0, "setrlimit");
    CHECK_TEXT(lks_kind_name(exchange->kind), lks_kind_name(LKS_KIND_CONNECT));
    CHECK(!exchange->sent);
    CHECK(!exchange->permanent);
    CHECK(exchange->short_of_files);
    CHECK_TEXT(exchange->message, "too many open files in this process");
  }
  const lks_exchange *exchange = ask(&from, server, "POST", "{}");
  CHECK_TEXT(exchange->body, "true");
  CHECK(!exchange->short_of_files);
  client_free(&from);
  stop_and_check(server, 1, 1);
}

int main(void) {
  RUN(who_waits_may_give_up);
  RUN(who_does_not_give_up_gets_the_answer);
  RUN(a_signal_makes_who_waits_look_up);
  RUN(an_idle_transport_holds_its_connection_and_nothing_else);
  RUN(missing_descriptors_are_named_and_nothing_is_sent);
  return TEST_END();
}
