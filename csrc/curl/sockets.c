#include "sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

int lks_sockets_open(lks_sockets *sockets, int family, int type, int protocol) {
#ifdef SOCK_CLOEXEC
  int opened = socket(family, type | SOCK_CLOEXEC, protocol);
#else
  int opened = socket(family, type, protocol);
  if (opened >= 0) (void)fcntl(opened, F_SETFD, FD_CLOEXEC);
#endif
  if (opened >= 0 && sockets->count < LKS_SOCKETS_MAX) sockets->open[sockets->count++] = opened;
  return opened;
}

int lks_sockets_close(lks_sockets *sockets, int socket) {
  for (size_t i = 0; i < sockets->count; i++) {
    if (sockets->open[i] != socket) continue;
    sockets->open[i] = sockets->open[--sockets->count];
    break;
  }
  return close(socket);
}

void lks_sockets_close_all(lks_sockets *sockets) {
  while (sockets->count > 0) (void)close(sockets->open[--sockets->count]);
}

bool lks_sockets_readable(const lks_sockets *sockets) {
  for (size_t i = 0; i < sockets->count; i++) {
    char byte;
    ssize_t got = recv(sockets->open[i], &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) return true;
  }
  return false;
}
