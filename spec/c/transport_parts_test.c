/* The parts of the libcurl driver that do not need libcurl: answers, the engine, sockets, the environment, SIGPIPE. */
#include "curl/answer.h"
#include "curl/engine.h"
#include "curl/environment.h"
#include "curl/sigpipe.h"
#include "curl/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static bool line(lks_answer *answer, const char *text) {
  return lks_answer_line(answer, text, strlen(text));
}

static void an_answer_keeps_the_headers_of_the_last_head(void) {
  lks_answer answer;
  lks_answer_init(&answer, 10);
  CHECK(line(&answer, "X-Before: any head\r\n"));
  CHECK(!answer.seen_head);
  CHECK(line(&answer, "HTTP/1.1 103 Early Hints\r\n") && line(&answer, "Link: a\r\n") && line(&answer, "\r\n"));
  CHECK(line(&answer, "HTTP/1.1 200 OK\r\n") && line(&answer, "A: 1\r\n") && line(&answer, " folded\n"));
  CHECK(line(&answer, "HTTP/2: a header by that name\r\n") && line(&answer, "\r\n") && line(&answer, "Trailer: t\r\n"));
  CHECK(answer.seen_head);
  CHECK_TEXT(answer.headers.data, "A: 1\n folded\nHTTP/2: a header by that name\n");
  lks_answer_clear(&answer);
  CHECK(!answer.seen_head);
  CHECK_INT(answer.headers.length, 0);
  lks_answer_wipe(&answer);
}

static void an_answer_is_bounded(void) {
  lks_answer answer;
  char block[1024];
  int lines = 0;
  memset(block, 'x', sizeof block);
  lks_answer_init(&answer, 10);
  CHECK(lks_answer_body(&answer, "0123456789", 10));
  CHECK(!lks_answer_body(&answer, "0", 1));
  CHECK(answer.body.full);
  CHECK(line(&answer, "HTTP/1.1 200 OK\r\n"));
  while (lines < 1000 && lks_answer_line(&answer, block, sizeof block)) lines++;
  CHECK_INT(lines, 255); /* of 1025 bytes with the line end, in 256 KiB */
  CHECK(lks_answer_is_flooded(&answer));
  lks_answer_clear(&answer);
  CHECK(!lks_answer_is_flooded(&answer));
  CHECK(lks_answer_body(&answer, "0123456789", 10));
  lks_answer_wipe(&answer);
}

static void lines_count_wherever_they_stand(void) {
  lks_answer answer;
  char block[1024];
  memset(block, 'x', sizeof block);
  memcpy(block + sizeof block - 2, "\r\n", 2);
  lks_answer_init(&answer, 10);
  for (int i = 0; i < 64; i++) CHECK(lks_answer_foreign_line(&answer, sizeof block));
  CHECK(!answer.seen_head);
  for (int i = 0; i < 64; i++)
    CHECK(line(&answer, "HTTP/1.1 103 Early Hints\r\n") && lks_answer_line(&answer, block, 900));
  CHECK(line(&answer, "\r\n") && line(&answer, "HTTP/1.1 200 OK\r\n") && line(&answer, "\r\n"));
  CHECK(answer.headers.length == 0 && lks_answer_problem(&answer) == NULL);
  int trailers = 0;
  while (trailers < 1000 && lks_answer_line(&answer, block, sizeof block)) trailers++;
  CHECK(trailers > 100 && trailers < 256 - 64 - 56);
  CHECK(lks_answer_is_flooded(&answer));
  CHECK(!lks_answer_is_starved(&answer));
  lks_answer_clear(&answer);
  CHECK(lks_answer_foreign_line(&answer, sizeof block));
  lks_answer_wipe(&answer);
}

static void lengths_may_not_contradict_each_other(void) {
  lks_answer answer;
  lks_answer_init(&answer, 10);
  CHECK(line(&answer, "HTTP/1.1 100 Continue\r\n") && line(&answer, "Content-Length: 0\r\n") && line(&answer, "\r\n"));
  CHECK(line(&answer, "HTTP/1.1 200 OK\r\n") && line(&answer, "Content-Length: 2\r\n"));
  CHECK(line(&answer, "content-length:2 \r\n") && line(&answer, "Content-Lengthy: 3\r\n"));
  CHECK(line(&answer, "Content-Length\r\n") && line(&answer, "X-Content-Length: 3\r\n"));
  CHECK(!line(&answer, "CONTENT-LENGTH: 3\r\n"));
  CHECK(!lks_answer_is_flooded(&answer) && !lks_answer_is_starved(&answer));
  lks_answer_clear(&answer);
  CHECK(line(&answer, "HTTP/1.1 200 OK\r\n") && line(&answer, "Content-Length: 3\r\n"));
  CHECK(!line(&answer, "Content-Length: 33333333333333333333333333333333333333333333333333\r\n"));
  lks_answer_wipe(&answer);
}

static void maxima_do_not_overflow(void) {
  CHECK(lks_answer_wire_maximum(1) > LKS_ANSWER_LINES_MAX);
  CHECK(lks_answer_wire_maximum((size_t)8 << 20) > (uint64_t)6 * ((size_t)8 << 20));
  CHECK(lks_answer_wire_maximum(SIZE_MAX) >= SIZE_MAX);
  CHECK(lks_answer_declared_maximum(1000) > 1000);
  CHECK(lks_answer_declared_maximum(SIZE_MAX) >= 0);
}

static int made, dropped;

static void *make_thing(void) {
  made++;
  return &made;
}

static void drop_thing(void *thing) {
  CHECK(thing == &made);
  dropped++;
}

static void *make_nothing(void) {
  return NULL;
}

static const lks_engine_maker things = {make_thing, drop_thing}, nothings = {make_nothing, drop_thing};

static void an_idle_engine_holds_nothing(void) {
  lks_engine *engine = lks_engine_new(&things);
  made = dropped = 0;
  for (int i = 0; i < 500; i++) {
    CHECK(lks_engine_enter(engine, &things, i * LKS_SECOND) == &made);
    CHECK(lks_engine_enter(engine, &things, i * LKS_SECOND) == &made); /* two at a time share it */
    lks_engine_leave(engine, i * LKS_SECOND);
    CHECK_INT(dropped, i);
    lks_engine_leave(engine, i * LKS_SECOND);
    CHECK_INT(dropped, i + 1);
    CHECK_INT(made, i + 1);
  }
  lks_engine_release(engine);
  CHECK_INT(dropped, 500);
}

static void an_engine_is_kept_while_requests_come_thick_and_fast(void) {
  lks_engine *engine = lks_engine_new(&things);
  lks_time now = LKS_SECOND;
  made = dropped = 0;
  for (int i = 0; i < 1000; i++, now += 2000) {
    CHECK(lks_engine_enter(engine, &things, now) != NULL);
    lks_engine_leave(engine, now + 1000);
  }
  CHECK(made > 10 && made < 200);
  CHECK_INT(dropped, made - 1);
  /* One that comes late is the last for some time. */
  CHECK(lks_engine_enter(engine, &things, now + LKS_SECOND) != NULL);
  lks_engine_leave(engine, now + LKS_SECOND);
  CHECK_INT(dropped, made);
  lks_engine_release(engine);
}

static void many_users_are_idle_in_turns(void) {
  lks_engine *engine = lks_engine_new(&things);
  static const char users[10];
  made = dropped = 0;
  for (int i = 0; i < 1000; i++) {
    CHECK(lks_engine_enter(engine, &users[i / 50 % 10], i * 2000) != NULL);
    lks_engine_leave(engine, i * 2000 + 1000);
  }
  CHECK_INT(made, 1000);
  CHECK_INT(dropped, 1000);
  lks_engine_release(engine);
}

static void an_engine_lives_as_long_as_someone_uses_it(void) {
  lks_engine *engine = lks_engine_new(&things);
  made = dropped = 0;
  CHECK(lks_engine_retain(engine) == engine);
  CHECK(lks_engine_enter(engine, &things, 0) != NULL);
  lks_engine_release(engine);
  CHECK_INT(dropped, 0);
  lks_engine_release(engine);
  CHECK_INT(dropped, 1);
  lks_engine_release(NULL);
  engine = lks_engine_new(&nothings);
  CHECK(lks_engine_enter(engine, &things, 0) == NULL);
  lks_engine_release(engine);
  CHECK_INT(dropped, 1);
}

static void a_forked_child_makes_an_engine_of_its_own(void) {
  lks_engine *engine = lks_engine_new(&things);
  made = dropped = 0;
  CHECK(lks_engine_enter(engine, &things, 0) != NULL);
  pid_t child = fork();
  if (child == 0) {
    bool own = lks_engine_enter(engine, &things, 0) != NULL && made == 2 && dropped == 0;
    lks_engine_leave(engine, 0);
    _exit(own && dropped == 1 ? 0 : 1);
  }
  int status = 1;
  CHECK(child > 0 && waitpid(child, &status, 0) == child);
  CHECK_INT(status, 0);
  lks_engine_leave(engine, 0);
  CHECK_INT(dropped, 1);
  lks_engine_release(engine);
}

static void the_environment_is_read_as_libcurl_reads_it(void) {
  static const char *const names[] = {"http_proxy",  "HTTP_PROXY", "https_proxy",
                                      "HTTPS_PROXY", "all_proxy",  "ALL_PROXY"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) (void)unsetenv(names[i]);
  CHECK(lks_environment_proxy(false) == NULL && lks_environment_proxy(true) == NULL);
  (void)setenv("HTTP_PROXY", "a", 1);
  CHECK(lks_environment_proxy(false) == NULL); /* a visitor's header, to a CGI program */
  (void)setenv("ALL_PROXY", "b", 1);
  CHECK_TEXT(lks_environment_proxy(false), "b");
  (void)setenv("all_proxy", "c", 1);
  CHECK_TEXT(lks_environment_proxy(true), "c");
  (void)setenv("HTTPS_PROXY", "d", 1);
  CHECK_TEXT(lks_environment_proxy(true), "d");
  (void)setenv("https_proxy", "", 1);
  CHECK_TEXT(lks_environment_proxy(true), "d");
  (void)setenv("https_proxy", "e", 1);
  (void)setenv("http_proxy", "f", 1);
  CHECK_TEXT(lks_environment_proxy(true), "e");
  CHECK_TEXT(lks_environment_proxy(false), "f");
}

static void much_memory_is_given_back(void) {
  lks_answer answer;
  char block[1024] = "";
  lks_answer_init(&answer, (size_t)1024 * 1024);
  for (int i = 0; i < 1024; i++) CHECK(lks_answer_body(&answer, block, sizeof block));
  lks_answer_clear(&answer);
  CHECK_INT(answer.body.capacity, 0);
  CHECK(lks_answer_body(&answer, block, sizeof block));
  lks_answer_clear(&answer);
  CHECK(answer.body.capacity >= sizeof block);
  lks_answer_wipe(&answer);
}

static void sockets_are_counted_and_not_inherited(void) {
  lks_sockets sockets = {.count = 0};
  int first = lks_sockets_open(&sockets, AF_INET, SOCK_STREAM, 0);
  int second = lks_sockets_open(&sockets, AF_INET, SOCK_STREAM, 0);
  CHECK(first >= 0 && second >= 0);
  CHECK((fcntl(first, F_GETFD) & FD_CLOEXEC) != 0);
  CHECK_INT(sockets.count, 2);
  CHECK_INT(lks_sockets_close(&sockets, first), 0);
  CHECK_INT(sockets.count, 1);
  CHECK_INT(sockets.open[0].descriptor, second);
  lks_sockets_close_all(&sockets);
  CHECK_INT(sockets.count, 0);
  CHECK_INT(fcntl(second, F_GETFD), -1);
  CHECK_INT(lks_sockets_open(&sockets, -1, SOCK_STREAM, 0), -1);
  CHECK_INT(sockets.count, 0);
}

static void sockets_above_the_maximum_go_unwatched(void) {
  lks_sockets sockets = {.count = 0};
  int opened[LKS_SOCKETS_MAX + 1];
  for (int i = 0; i <= LKS_SOCKETS_MAX; i++) opened[i] = lks_sockets_open(&sockets, AF_INET, SOCK_STREAM, 0);
  CHECK_INT(sockets.count, LKS_SOCKETS_MAX);
  for (int i = LKS_SOCKETS_MAX; i >= 0; i--) CHECK_INT(lks_sockets_close(&sockets, opened[i]), 0);
  CHECK_INT(sockets.count, 0);
}

static void a_quiet_socket_is_not_readable(void) {
  int pair[2];
  char byte;
  CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  lks_sockets sockets = {.open = {{pair[0], 0}}, .count = 1};
  CHECK(!lks_sockets_readable(&sockets));
  CHECK_INT(write(pair[1], "x", 1), 1);
  CHECK(lks_sockets_readable(&sockets));
  CHECK_INT(read(pair[0], &byte, 1), 1); /* it was still there */
  CHECK(!lks_sockets_readable(&sockets));
  (void)close(pair[1]);
  CHECK(lks_sockets_readable(&sockets));
  (void)close(pair[0]);
  CHECK(lks_sockets_readable(&sockets)); /* as an error is */
}

#ifdef __linux__
/* Connects one of `sockets` to the socket returned, the other end. */
static int connect_one(lks_sockets *sockets, int *own) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 1) == 0);
  CHECK_INT(getsockname(listener, (struct sockaddr *)&address, &size), 0);
  *own = lks_sockets_open(sockets, AF_INET, SOCK_STREAM, 0);
  CHECK_INT(connect(*own, (struct sockaddr *)&address, size), 0);
  int other = accept(listener, NULL, NULL);
  (void)close(listener);
  return other;
}

/* Waits until they have come. */
static void send_bytes(int from, int to, size_t count) {
  char bytes[1000] = "";
  CHECK_INT(write(from, bytes, count), count);
  struct pollfd readable = {.fd = to, .events = POLLIN};
  CHECK_INT(poll(&readable, 1, 10000), 1);
}

static void what_sockets_receive_is_counted(void) {
  lks_sockets sockets = {.count = 0};
  int one, two;
  int first = connect_one(&sockets, &one), second = connect_one(&sockets, &two);
  CHECK_INT(lks_sockets_received(&sockets), 0);
  send_bytes(first, one, 100);
  CHECK_INT(lks_sockets_received(&sockets), 100);
  lks_sockets_count(&sockets);
  CHECK_INT(lks_sockets_received(&sockets), 0);
  send_bytes(second, two, 30);
  CHECK_INT(lks_sockets_received(&sockets), 30);
  CHECK_INT(lks_sockets_close(&sockets, two), 0);
  CHECK_INT(lks_sockets_received(&sockets), 30); /* it came all the same */
  lks_sockets_count(&sockets);
  CHECK_INT(lks_sockets_received(&sockets), 0);
  CHECK_INT(lks_sockets_close(&sockets, one), 0);
  (void)close(first);
  (void)close(second);
}
#endif

static void missing_descriptors_are_noticed(void) {
  lks_sockets sockets = {.count = 0};
  struct rlimit before, none = {0};
  CHECK_INT(lks_sockets_shortage(&sockets), 0);
  CHECK_INT(getrlimit(RLIMIT_NOFILE, &before), 0);
  int next = dup(0);
  (void)close(next);
  none.rlim_max = before.rlim_max;
  none.rlim_cur = (rlim_t)next + 1; /* one is left, and a connection takes more */
  CHECK_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
  CHECK_INT(lks_sockets_shortage(&sockets), EMFILE);
  int only = lks_sockets_open(&sockets, AF_INET, SOCK_STREAM, 0);
  CHECK(only >= 0);
  CHECK_INT(lks_sockets_open(&sockets, AF_INET, SOCK_STREAM, 0), -1);
  CHECK_INT(setrlimit(RLIMIT_NOFILE, &before), 0);
  CHECK_INT(lks_sockets_shortage(&sockets), EMFILE); /* there was none when it was needed */
  lks_sockets_count(&sockets);
  CHECK_INT(lks_sockets_shortage(&sockets), 0);
  CHECK_INT(lks_sockets_close(&sockets, only), 0);
}

static bool sigpipe_blocked(void) {
  sigset_t mask;
  sigemptyset(&mask);
  (void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
  return sigismember(&mask, SIGPIPE) == 1;
}

/* A SIGPIPE that came through would end the test. */
static void a_write_to_nobody_raises_no_signal(void) {
  int ends[2];
  lks_sigpipe guard;
  CHECK_INT(pipe(ends), 0);
  (void)close(ends[0]);
  lks_sigpipe_block(&guard);
  CHECK(sigpipe_blocked());
  CHECK_INT(write(ends[1], "x", 1), -1);
  CHECK_INT(errno, EPIPE);
  lks_sigpipe_restore(&guard);
  CHECK(!sigpipe_blocked());
  (void)close(ends[1]);
}

static void a_pending_signal_of_somebody_else_stays(void) {
  sigset_t pipe_only, pending;
  lks_sigpipe guard;
  int caught = 0;
  sigemptyset(&pipe_only);
  sigaddset(&pipe_only, SIGPIPE);
  CHECK_INT(pthread_sigmask(SIG_BLOCK, &pipe_only, NULL), 0);
  CHECK_INT(raise(SIGPIPE), 0);
  lks_sigpipe_block(&guard);
  lks_sigpipe_restore(&guard);
  sigemptyset(&pending);
  CHECK_INT(sigpending(&pending), 0);
  CHECK_INT(sigismember(&pending, SIGPIPE), 1);
  CHECK(sigpipe_blocked());
  CHECK_INT(sigwait(&pipe_only, &caught), 0);
  CHECK_INT(pthread_sigmask(SIG_UNBLOCK, &pipe_only, NULL), 0);
}

int main(void) {
  RUN(an_answer_keeps_the_headers_of_the_last_head);
  RUN(an_answer_is_bounded);
  RUN(lines_count_wherever_they_stand);
  RUN(lengths_may_not_contradict_each_other);
  RUN(maxima_do_not_overflow);
  RUN(an_idle_engine_holds_nothing);
  RUN(an_engine_is_kept_while_requests_come_thick_and_fast);
  RUN(many_users_are_idle_in_turns);
  RUN(an_engine_lives_as_long_as_someone_uses_it);
  RUN(a_forked_child_makes_an_engine_of_its_own);
  RUN(the_environment_is_read_as_libcurl_reads_it);
  RUN(much_memory_is_given_back);
  RUN(sockets_are_counted_and_not_inherited);
  RUN(sockets_above_the_maximum_go_unwatched);
  RUN(a_quiet_socket_is_not_readable);
#ifdef __linux__
  RUN(what_sockets_receive_is_counted);
#endif
  RUN(missing_descriptors_are_noticed);
#ifndef __APPLE__
  RUN(a_write_to_nobody_raises_no_signal);
  RUN(a_pending_signal_of_somebody_else_stays);
#endif
  return TEST_END();
}
