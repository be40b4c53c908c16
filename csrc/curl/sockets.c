#include "sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef __linux__
#include <string.h>
/* Of linux/tcp.h, which is not beside every compiler (Alpine): the option, and where tcpi_bytes_received lies. */
enum { INFO = 11, RECEIVED_AT = 128 };
#endif

/* What making a connection may take at a time. */
#define NEEDED 3

/* Bytes that a socket has received. */
static uint64_t received(int socket) {
#ifdef __linux__
  uint64_t bytes;
  unsigned char info[RECEIVED_AT + sizeof bytes];
  socklen_t length = sizeof info;
  if (getsockopt(socket, IPPROTO_TCP, INFO, info, &length) != 0) return 0;
  if (length < sizeof info) return 0; /* an older kernel tells less */
  memcpy(&bytes, info + RECEIVED_AT, sizeof bytes);
  return bytes;
#else
  (void)socket;
  return 0;
#endif
}

/* Since the count began. */
static uint64_t gain(const lks_socket *socket) {
  uint64_t total = received(socket->descriptor);
  return total > socket->before ? total - socket->before : 0;
}

static int open_socket(int family, int type, int protocol) {
#ifdef SOCK_CLOEXEC
  return socket(family, type | SOCK_CLOEXEC, protocol);
#else
  int opened = socket(family, type, protocol);
  if (opened >= 0) (void)fcntl(opened, F_SETFD, FD_CLOEXEC);
  return opened;
#endif
}

static bool is_shortage(int error) {
  return error == EMFILE || error == ENFILE;
}

int lks_sockets_open(lks_sockets *sockets, int family, int type, int protocol) {
  int opened = open_socket(family, type, protocol);
  if (opened < 0 && is_shortage(errno)) sockets->shortage = errno;
  if (opened >= 0 && sockets->count < LKS_SOCKETS_MAX) sockets->open[sockets->count++] = (lks_socket){opened, 0};
  return opened;
}

int lks_sockets_close(lks_sockets *sockets, int socket) {
  for (size_t i = 0; i < sockets->count; i++) {
    if (sockets->open[i].descriptor != socket) continue;
    sockets->gone += gain(&sockets->open[i]);
    sockets->open[i] = sockets->open[--sockets->count];
    break;
  }
  return close(socket);
}

void lks_sockets_close_all(lks_sockets *sockets) {
  while (sockets->count > 0) (void)close(sockets->open[--sockets->count].descriptor);
}

bool lks_sockets_readable(const lks_sockets *sockets) {
  for (size_t i = 0; i < sockets->count; i++) {
    char byte;
    ssize_t got = recv(sockets->open[i].descriptor, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) return true;
  }
  return false;
}

void lks_sockets_count(lks_sockets *sockets) {
  for (size_t i = 0; i < sockets->count; i++) sockets->open[i].before = received(sockets->open[i].descriptor);
  sockets->gone = 0;
  sockets->shortage = 0;
}

uint64_t lks_sockets_received(const lks_sockets *sockets) {
  uint64_t sum = sockets->gone;
  for (size_t i = 0; i < sockets->count; i++) sum += gain(&sockets->open[i]);
  return sum;
}

int lks_sockets_shortage(const lks_sockets *sockets) {
  int probes[NEEDED], count = 0, shortage = sockets->shortage;
  while (count < NEEDED && (probes[count] = open_socket(AF_INET, SOCK_STREAM, 0)) >= 0) count++;
  if (shortage == 0 && count < NEEDED && is_shortage(errno)) shortage = errno;
  while (count > 0) (void)close(probes[--count]);
  return shortage;
}
