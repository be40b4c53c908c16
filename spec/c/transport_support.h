/* What the tests of the libcurl driver share: a transport with its request, and answers to script. */
#ifndef TRANSPORT_SUPPORT_H
#define TRANSPORT_SUPPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/key.h"
#include "core/request.h"
#include "curl/transport.h"
#include "scripted_server.h"
#include "test.h"

/* A libcurl without zlib asks for no gzip, and takes a body that claims to be some as it is. */
static inline bool unzips(void) {
  return strstr(lks_transport_version(), "zlib") != NULL;
}

#define TEST_KEY "ll_secret0key1of2the3tests"
#define TEST_MAXIMUM 4096 /* max_response_bytes */

#define OK_TEXT(length, body) "HTTP/1.1 200 OK\r\nContent-Length: " #length "\r\n\r\n" body
#define ACCEPT                                                                                                         \
  { SCRIPTED_ACCEPT, NULL, 0 }
#define SWITCH(number)                                                                                                 \
  { SCRIPTED_SWITCH, NULL, (number) }
#define PAUSE                                                                                                          \
  { SCRIPTED_PAUSE, NULL, 0 }
#define READ                                                                                                           \
  { SCRIPTED_READ, NULL, 0 }
#define READ_BYTE                                                                                                      \
  { SCRIPTED_READ_BYTE, NULL, 0 }
#define SEND(text)                                                                                                     \
  { SCRIPTED_SEND, (text), 0 }
#define SEND_BYTES(bytes, count)                                                                                       \
  { SCRIPTED_SEND_BYTES, (const char *)(bytes), (count) }
#define REPEAT(text, count)                                                                                            \
  { SCRIPTED_REPEAT, (text), (count) }
#define TRICKLE(text)                                                                                                  \
  { SCRIPTED_TRICKLE, (text), 0 }
#define CLOSE                                                                                                          \
  { SCRIPTED_CLOSE, NULL, 0 }
#define RESET                                                                                                          \
  { SCRIPTED_RESET, NULL, 0 }
#define AWAIT_CLOSE                                                                                                    \
  { SCRIPTED_AWAIT_CLOSE, NULL, 0 }
#define END                                                                                                            \
  { SCRIPTED_END, NULL, 0 }

typedef struct client {
  lks_transport *transport;
  lks_key *key;
  lks_request request;
  lks_exchange exchange;
} client;

static inline void need(int held, const char *what) {
  if (held) return;
  fprintf(stderr, "cannot test: %s\n", what);
  exit(2);
}

static inline lks_engine *test_engine(void) {
  static lks_engine *engine;
  if (engine == NULL) engine = lks_transport_engine();
  need(engine != NULL, "lks_transport_engine");
  return engine;
}

static inline lks_transport_options default_options(void) {
  return (lks_transport_options){
      .engine = test_engine(), .proxy = "", .connect_timeout = 5 * LKS_SECOND, .max_response_bytes = TEST_MAXIMUM};
}

static inline client client_new(const lks_transport_options *options) {
  client made = {.transport = NULL};
  need(lks_transport_new(options, &made.transport) == LKS_KIND_NONE, "lks_transport_new");
  need(lks_key_new(LKS_LOCKPUB, TEST_KEY, strlen(TEST_KEY), &made.key) == LKS_KEY_OK, "lks_key_new");
  lks_request_init(&made.request);
  made.request.user_agent = "locksmith/test";
  return made;
}

static inline void client_free(client *gone) {
  lks_transport_free(gone->transport);
  lks_key_free(gone->key);
  lks_request_free(&gone->request);
}

/* `body` NULL: none. GET and HEAD may be repeated. */
static inline const lks_exchange *client_ask(client *from, const char *base, const char *method, const char *body,
                                             lks_span limit) {
  int repeatable = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
  need(lks_request_path(&from->request, base, "", method, "/thing", 6) == LKS_REQUEST_OK, "lks_request_path");
  from->request.has_body = body != NULL;
  lks_buffer_clear(&from->request.body);
  if (body != NULL)
    need(lks_request_set_body(&from->request, body, strlen(body)) == LKS_REQUEST_OK, "lks_request_set_body");
  lks_transport_send(from->transport, &from->request, from->key, limit, repeatable, NULL, &from->exchange);
  return &from->exchange;
}

static inline void base_of(const scripted_server *server, const char *scheme, char *base, size_t size) {
  snprintf(base, size, "%s://127.0.0.1:%d", scheme, scripted_server_port(server));
}

/* Stops the server and checks that the client did what the script says and no more. */
static inline void stop_and_check(scripted_server *server, size_t connections, size_t requests) {
  scripted_report *report = scripted_server_stop(server);
  CHECK_INT(report->connections, connections);
  CHECK_INT(report->requests, requests);
  CHECK_INT(report->stray, 0);
  CHECK_INT(report->gave_up_at, 0);
  free(report);
}

static inline const lks_exchange *ask(client *from, const scripted_server *server, const char *method,
                                      const char *body) {
  char base[64];
  base_of(server, "http", base, sizeof base);
  return client_ask(from, base, method, body, 5 * LKS_SECOND);
}

#endif
