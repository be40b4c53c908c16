/* The sockets libcurl holds open, so that a kept connection can be looked at, and closed in a forked child, without
 * going through libcurl. */
#ifndef LKS_CURL_SOCKETS_H
#define LKS_CURL_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>

/* The kept connection and the candidates of one connect, which libcurl races against each other. Beyond that sockets
 * work as well, only unwatched. */
#define LKS_SOCKETS_MAX 16

/* Zero-initialised: none. */
typedef struct lks_sockets {
  int open[LKS_SOCKETS_MAX];
  size_t count;
} lks_sockets;

/* socket(2), not inherited by programs the host starts. -1 as socket(2). */
int lks_sockets_open(lks_sockets *sockets, int family, int type, int protocol);
/* close(2). */
int lks_sockets_close(lks_sockets *sockets, int socket);
/* Closes this process's copies of all of them. */
void lks_sockets_close_all(lks_sockets *sockets);
/* Whether one has bytes, an end or an error to read. Does not block and takes nothing away. */
bool lks_sockets_readable(const lks_sockets *sockets);

#endif
