/* A TCP server on loopback that does what a script says, byte by byte, and remembers what it was sent.
 *
 * It runs in a thread of the test program and dies with it. No step waits longer than SCRIPTED_PATIENCE_MS: a client
 * that does something else than the script expects makes the server give up, close everything and say so. */
#ifndef SCRIPTED_SERVER_H
#define SCRIPTED_SERVER_H

#include <stddef.h>

#define SCRIPTED_PATIENCE_MS 10000

typedef enum scripted_verb {
  SCRIPTED_END,        /* of the script; open connections stay open until the stop */
  SCRIPTED_ACCEPT,     /* the next connection is the current one from here on; an earlier one stays open */
  SCRIPTED_SWITCH,     /* connection number count, from 1, is the current one from here on */
  SCRIPTED_PAUSE,      /* until scripted_server_resume; a resume that comes first counts */
  SCRIPTED_READ,       /* a whole request: head, and as much body as Content-Length says */
  SCRIPTED_READ_BYTE,  /* the first byte of whatever comes */
  SCRIPTED_SEND,       /* text */
  SCRIPTED_SEND_BYTES, /* text, count bytes of it */
  SCRIPTED_REPEAT,     /* text, count times or until the client is gone */
  SCRIPTED_TRICKLE,    /* text byte by byte, 5 ms apart, until the client is gone */
  SCRIPTED_CLOSE,      /* the current connection, with FIN (with RST when the client sent what was not read) */
  SCRIPTED_RESET,      /* the current connection, with RST */
  SCRIPTED_AWAIT_CLOSE /* until the client has closed the current connection */
} scripted_verb;

typedef struct scripted_step {
  scripted_verb verb;
  const char *text;
  size_t count;
} scripted_step;

typedef struct scripted_server scripted_server;

/* Runs the steps, borrowed until the stop, up to SCRIPTED_END. Ends the program when it cannot. */
scripted_server *scripted_server_start(const scripted_step *steps);
int scripted_server_port(const scripted_server *server);
/* Waits until the first `steps` steps are done or the server gave up. */
void scripted_server_await(scripted_server *server, size_t steps);
/* Ends one pause, and waits until the steps behind it are done, up to the next pause, reading step or the end: what
 * they sent or closed has then reached the client's socket. */
void scripted_server_resume(scripted_server *server);

typedef struct scripted_report {
  size_t connections;   /* accepted by the script */
  size_t stray;         /* connections the script had no step for */
  size_t requests;      /* heads received, on stray connections too */
  size_t gave_up_at;    /* step at which it gave up, from 1; 0: ran to the end */
  char received[65536]; /* everything, NUL-terminated, cut when larger */
  size_t received_length;
} scripted_report;

/* Closes everything and frees the server. The report is the caller's to free with free(). */
scripted_report *scripted_server_stop(scripted_server *server);

#endif
