/* The parts of the libcurl driver that do not need libcurl: answers, sockets, SIGPIPE. */
#include "curl/answer.h"
#include "curl/sigpipe.h"
#include "curl/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
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
  CHECK(answer.headers.full);
  lks_answer_clear(&answer);
  CHECK(lks_answer_body(&answer, "0123456789", 10));
  lks_answer_wipe(&answer);
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
  CHECK_INT(sockets.open[0], second);
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
  lks_sockets sockets = {.open = {pair[0]}, .count = 1};
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
  RUN(much_memory_is_given_back);
  RUN(sockets_are_counted_and_not_inherited);
  RUN(sockets_above_the_maximum_go_unwatched);
  RUN(a_quiet_socket_is_not_readable);
#ifndef __APPLE__
  RUN(a_write_to_nobody_raises_no_signal);
  RUN(a_pending_signal_of_somebody_else_stays);
#endif
  return TEST_END();
}
