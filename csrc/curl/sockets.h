/* The sockets libcurl holds open, so that a kept connection can be looked at, and closed in a forked child, without
 * going through libcurl, and so that everything that comes in is counted, whatever libcurl makes of it. */
#ifndef LKS_CURL_SOCKETS_H
#define LKS_CURL_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kept connection and the candidates of one connect, which libcurl races against each other. Beyond that sockets
 * work as well, only unwatched. */
#define LKS_SOCKETS_MAX 16

typedef struct lks_socket {
  int descriptor;
  uint64_t before; /* bytes it had received when the count began */
} lks_socket;

/* Zero-initialised: none. */
typedef struct lks_sockets {
  lks_socket open[LKS_SOCKETS_MAX];
  size_t count;
  uint64_t gone; /* bytes received, since the count began, by sockets closed since */
  int shortage;  /* EMFILE or ENFILE when one could not be opened for that reason since the count began, else 0 */
} lks_sockets;

/* socket(2), not inherited by programs the host starts. -1 as socket(2). */
int lks_sockets_open(lks_sockets *sockets, int family, int type, int protocol);
/* close(2). */
int lks_sockets_close(lks_sockets *sockets, int socket);
/* Closes this process's copies of all of them. */
void lks_sockets_close_all(lks_sockets *sockets);
/* Whether one has bytes, an end or an error to read. Does not block and takes nothing away. */
bool lks_sockets_readable(const lks_sockets *sockets);

/* Begins to count what comes in. */
void lks_sockets_count(lks_sockets *sockets);
/* Bytes received over the network since then, of which some may not have been read yet; 0 where the system does not
 * tell. */
uint64_t lks_sockets_received(const lks_sockets *sockets);

/* Why no descriptors are left: EMFILE (this process has too many open) or ENFILE (all processes together have); 0 when
 * there are some, and none was missing since the count began. Names, certificates and sockets all need one. */
int lks_sockets_shortage(const lks_sockets *sockets);

#endif
