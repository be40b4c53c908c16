#include "scripted_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 16
#define TRICKLE_MS 5

struct scripted_server {
  const scripted_step *steps;
  int listener;
  int port;
  int stop_pipe[2];
  pthread_t thread;
  int connections[CONNECTIONS_MAX]; /* -1: closed */
  size_t connection_count;
  size_t selected; /* index of the current one */
  scripted_report *report;
  pthread_mutex_t lock; /* guards what follows */
  pthread_cond_t progress;
  size_t done;    /* steps */
  size_t resumed; /* pauses ended */
  bool over;      /* the script ran to its end or was given up */
  bool stopping;
};

static void must(bool held, const char *what) {
  if (held) return;
  perror(what);
  exit(2);
}

static int *current(scripted_server *server) {
  must(server->connection_count > 0, "script: no connection yet");
  return &server->connections[server->selected];
}

/* False: nothing came in time, or the stop did. */
static bool wait_for(scripted_server *server, int fd, short events) {
  struct pollfd fds[2] = {{.fd = fd, .events = events}, {.fd = server->stop_pipe[0], .events = POLLIN}};
  int ready;
  do ready = poll(fds, 2, SCRIPTED_PATIENCE_MS);
  while (ready < 0 && errno == EINTR);
  return ready > 0 && fds[0].revents != 0;
}

static void keep(scripted_report *report, const char *bytes, size_t length) {
  size_t room = sizeof report->received - 1 - report->received_length;
  if (length > room) length = room;
  memcpy(report->received + report->received_length, bytes, length);
  report->received_length += length;
}

static bool accept_next(scripted_server *server) {
  if (!wait_for(server, server->listener, POLLIN)) return false;
  int accepted = accept(server->listener, NULL, NULL);
  must(accepted >= 0 && server->connection_count < CONNECTIONS_MAX, "accept");
  server->selected = server->connection_count++;
  *current(server) = accepted;
  return true;
}

/* Bytes of body that a head announces, in libcurl's spelling. */
static size_t content_length(const char *head) {
  static const char name[] = "\r\nContent-Length: ";
  const char *field = strstr(head, name);
  return field == NULL ? 0 : (size_t)strtoul(field + sizeof name - 1, NULL, 10);
}

static bool read_request(scripted_server *server) {
  char head[16384], bytes[16384];
  size_t length = 0, left;
  do {
    if (length >= sizeof head - 1 || !wait_for(server, *current(server), POLLIN)) return false;
    if (recv(*current(server), head + length, 1, 0) != 1) return false;
    keep(server->report, head + length, 1);
    length++;
  } while (length < 4 || memcmp(head + length - 4, "\r\n\r\n", 4) != 0);
  head[length] = '\0';
  server->report->requests++;
  for (left = content_length(head); left > 0;) {
    if (!wait_for(server, *current(server), POLLIN)) return false;
    ssize_t got = recv(*current(server), bytes, left < sizeof bytes ? left : sizeof bytes, 0);
    if (got <= 0) return false;
    keep(server->report, bytes, (size_t)got);
    left -= (size_t)got;
  }
  return true;
}

/* False when the client is gone. */
static bool send_all(scripted_server *server, const char *bytes, size_t length) {
  while (length > 0) {
    if (!wait_for(server, *current(server), POLLOUT)) return false;
    ssize_t sent = send(*current(server), bytes, length, MSG_DONTWAIT);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) continue;
    if (sent <= 0) return false;
    bytes += sent;
    length -= (size_t)sent;
  }
  return true;
}

/* Whether the client hangs up within `ms`; what it sends until then is kept. */
static bool client_closes(scripted_server *server, int ms) {
  for (;;) {
    struct pollfd fds[2] = {{.fd = *current(server), .events = POLLIN}, {.fd = server->stop_pipe[0], .events = POLLIN}};
    char bytes[4096];
    if (poll(fds, 2, ms) <= 0 || fds[0].revents == 0) return false;
    ssize_t got = recv(*current(server), bytes, sizeof bytes, 0);
    if (got <= 0) return true;
    keep(server->report, bytes, (size_t)got);
  }
}

static bool pause_script(scripted_server *server) {
  size_t pauses = 0;
  pthread_mutex_lock(&server->lock);
  for (size_t i = 0; i <= server->done; i++) pauses += server->steps[i].verb == SCRIPTED_PAUSE;
  while (server->resumed < pauses && !server->stopping) pthread_cond_wait(&server->progress, &server->lock);
  bool resumed = server->resumed >= pauses;
  pthread_mutex_unlock(&server->lock);
  return resumed;
}

static void close_current(scripted_server *server, bool reset) {
  struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  if (reset) must(setsockopt(*current(server), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0, "linger");
  close(*current(server));
  *current(server) = -1;
}

static bool run_step(scripted_server *server, const scripted_step *step) {
  char byte;
  switch (step->verb) {
  case SCRIPTED_ACCEPT: return accept_next(server);
  case SCRIPTED_SWITCH: server->selected = step->count - 1; return true;
  case SCRIPTED_PAUSE: return pause_script(server);
  case SCRIPTED_READ: return read_request(server);
  case SCRIPTED_READ_BYTE:
    if (!wait_for(server, *current(server), POLLIN) || recv(*current(server), &byte, 1, 0) != 1) return false;
    keep(server->report, &byte, 1);
    return true;
  case SCRIPTED_SEND: return send_all(server, step->text, strlen(step->text));
  case SCRIPTED_SEND_BYTES: return send_all(server, step->text, step->count);
  case SCRIPTED_REPEAT:
    for (size_t i = 0; i < step->count; i++)
      if (!send_all(server, step->text, strlen(step->text))) break;
    return true;
  case SCRIPTED_TRICKLE:
    for (const char *at = step->text; *at != '\0'; at++)
      if (client_closes(server, TRICKLE_MS) || !send_all(server, at, 1)) break;
    return true;
  case SCRIPTED_CLOSE: close_current(server, false); return true;
  case SCRIPTED_RESET: close_current(server, true); return true;
  case SCRIPTED_AWAIT_CLOSE: return client_closes(server, SCRIPTED_PATIENCE_MS);
  case SCRIPTED_END: break;
  }
  return true;
}

static void announce(scripted_server *server, size_t done, bool over) {
  pthread_mutex_lock(&server->lock);
  server->done = done;
  server->over = over;
  pthread_cond_broadcast(&server->progress);
  pthread_mutex_unlock(&server->lock);
}

/* Connections nobody expected, with what was asked on them. */
static void count_strays(scripted_server *server) {
  int accepted;
  while ((accepted = accept(server->listener, NULL, NULL)) >= 0) {
    char bytes[4096];
    ssize_t got;
    server->report->stray++;
    bool first = true;
    while ((got = recv(accepted, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
      keep(server->report, bytes, (size_t)got);
      server->report->requests += first;
      first = false;
    }
    close(accepted);
  }
}

/* macOS has neither MSG_NOSIGNAL nor SOCK_CLOEXEC, here and below. */
static void bear_broken_pipes(void) {
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  must(pthread_sigmask(SIG_BLOCK, &pipe, NULL) == 0, "pthread_sigmask");
}

static void *run(void *context) {
  scripted_server *server = context;
  bear_broken_pipes();
  size_t at = 0;
  while (server->steps[at].verb != SCRIPTED_END && run_step(server, &server->steps[at])) announce(server, ++at, false);
  if (server->steps[at].verb != SCRIPTED_END) {
    server->report->gave_up_at = at + 1;
    for (size_t i = 0; i < server->connection_count; i++) {
      if (server->connections[i] >= 0) close(server->connections[i]);
      server->connections[i] = -1;
    }
  }
  announce(server, at, true);
  struct pollfd stop = {.fd = server->stop_pipe[0], .events = POLLIN};
  while (poll(&stop, 1, -1) < 0) {
  }
  count_strays(server);
  return NULL;
}

scripted_server *scripted_server_start(const scripted_step *steps) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  scripted_server *server = calloc(1, sizeof *server);
  must(server != NULL, "calloc");
  server->report = calloc(1, sizeof *server->report);
  must(server->report != NULL, "calloc");
  server->steps = steps;
  server->listener = socket(AF_INET, SOCK_STREAM, 0);
  must(server->listener >= 0, "socket");
  must(fcntl(server->listener, F_SETFD, FD_CLOEXEC) == 0 && fcntl(server->listener, F_SETFL, O_NONBLOCK) == 0, "fcntl");
  must(bind(server->listener, (struct sockaddr *)&address, size) == 0, "bind");
  must(listen(server->listener, 16) == 0, "listen");
  must(getsockname(server->listener, (struct sockaddr *)&address, &size) == 0, "getsockname");
  server->port = ntohs(address.sin_port);
  must(pipe(server->stop_pipe) == 0, "pipe");
  must(pthread_mutex_init(&server->lock, NULL) == 0, "mutex");
  must(pthread_cond_init(&server->progress, NULL) == 0, "cond");
  must(pthread_create(&server->thread, NULL, run, server) == 0, "thread");
  return server;
}

int scripted_server_port(const scripted_server *server) {
  return server->port;
}

static void await_steps(scripted_server *server, size_t steps) {
  while (server->done < steps && !server->over) pthread_cond_wait(&server->progress, &server->lock);
}

void scripted_server_await(scripted_server *server, size_t steps) {
  pthread_mutex_lock(&server->lock);
  await_steps(server, steps);
  pthread_mutex_unlock(&server->lock);
}

void scripted_server_resume(scripted_server *server) {
  pthread_mutex_lock(&server->lock);
  size_t at = 0, pauses = ++server->resumed;
  pthread_cond_broadcast(&server->progress);
  while (pauses > 0 && server->steps[at].verb != SCRIPTED_END) pauses -= server->steps[at++].verb == SCRIPTED_PAUSE;
  while (server->steps[at].verb >= SCRIPTED_SEND && server->steps[at].verb <= SCRIPTED_RESET) at++;
  await_steps(server, at);
  pthread_mutex_unlock(&server->lock);
}

scripted_report *scripted_server_stop(scripted_server *server) {
  scripted_report *report = server->report;
  pthread_mutex_lock(&server->lock);
  server->stopping = true;
  pthread_cond_broadcast(&server->progress);
  pthread_mutex_unlock(&server->lock);
  must(write(server->stop_pipe[1], "", 1) == 1, "write");
  pthread_join(server->thread, NULL);
  report->connections = server->connection_count;
  for (size_t i = 0; i < server->connection_count; i++)
    if (server->connections[i] >= 0) close(server->connections[i]);
  close(server->listener);
  close(server->stop_pipe[0]);
  close(server->stop_pipe[1]);
  pthread_cond_destroy(&server->progress);
  pthread_mutex_destroy(&server->lock);
  free(server);
  return report;
}
