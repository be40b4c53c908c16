/* What is left of a key and a body in this process's memory when the transport that sent them is gone. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/buffer.h"
#include "curl/transport.h"
#include "test.h"
#include "transport_support.h"

#define CHUNK 65536

#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)

/* Occurrences in the writable memory of this process. What was read is overwritten at once, lest it is found again. */
static size_t count_in_memory(const char *secret) {
  static char chunk[CHUNK];
  size_t found = 0, size = strlen(secret);
  char line[512];
  FILE *maps = fopen("/proc/self/maps", "r");
  int memory = open("/proc/self/mem", O_RDONLY);
  need(maps != NULL && memory >= 0, "/proc/self");
  while (fgets(line, sizeof line, maps) != NULL) {
    unsigned long first, last;
    char mode[5];
    if (sscanf(line, "%lx-%lx %4s", &first, &last, mode) != 3 || mode[0] != 'r' || mode[1] != 'w') continue;
    for (unsigned long at = first; at < last; at += CHUNK - 64) { /* overlapping, for what lies across */
      ssize_t got = pread(memory, chunk, last - at < CHUNK ? last - at : CHUNK, (off_t)at);
      if (got <= 0) break;
      for (size_t i = 0; i + size <= (size_t)got && i < CHUNK - 64; i++)
        if (chunk[i] == secret[0] && memcmp(chunk + i, secret, size) == 0) found++;
      lks_wipe(chunk, CHUNK);
    }
  }
  fclose(maps);
  close(memory);
  return found;
}

/* A server in a process of its own: it has to see key and body. Returns its process and writes its base URL. */
static pid_t start_server_apart(char *base, size_t size) {
  static const scripted_step steps[] = {ACCEPT, READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue"),
                                        AWAIT_CLOSE, END};
  int ends[2];
  need(pipe(ends) == 0, "pipe");
  pid_t child = fork();
  need(child >= 0, "fork");
  if (child == 0) {
    scripted_server *server = scripted_server_start(steps);
    base_of(server, "http", base, size);
    need(write(ends[1], base, size) == (ssize_t)size, "write");
    scripted_server_await(server, 4);
    free(scripted_server_stop(server));
    _exit(0);
  }
  need(read(ends[0], base, size) == (ssize_t)size, "read");
  close(ends[0]);
  close(ends[1]);
  return child;
}

/* Made while the test runs, so that no constant of the program is one of them. */
static void make_secret(char *out, size_t length, unsigned seed) {
  volatile unsigned state = seed;
  for (size_t i = 0; i < length; i++) {
    state = state * 1103515245u + 12345u;
    out[i] = (char)('a' + (state >> 16) % 26);
  }
  out[length] = '\0';
}

/* What libcurl and this test left below is overwritten, as whatever a program does next overwrites it. */
static void overwrite_stack(void) {
  char below[1 << 16];
  lks_wipe(below, sizeof below);
}

static void nothing_of_key_and_body_is_left(void) {
  char base[64] = "", key[64], body[64], key_part[32], body_part[32];
  pid_t server = start_server_apart(base, sizeof base);
  make_secret(key_part, 16, 1);
  make_secret(body_part, 16, 2);
  snprintf(key, sizeof key, "ll_live_%s", key_part);
  snprintf(body, sizeof body, "{\"password\":\"%s\"}", body_part);

  lks_transport_options options = default_options();
  client from = {.transport = NULL};
  need(lks_transport_new(&options, &from.transport) == LKS_KIND_NONE, "lks_transport_new");
  need(lks_key_new(LKS_LOCKPUB, key, strlen(key), &from.key) == LKS_KEY_OK, "lks_key_new");
  lks_request_init(&from.request);
  need(lks_request_path(&from.request, base, "", "POST", "/", 1) == LKS_REQUEST_OK &&
           lks_request_set_body(&from.request, body, strlen(body)) == LKS_REQUEST_OK,
       "request");
  lks_transport_send(from.transport, &from.request, from.key, LKS_SECOND, false, NULL, &from.exchange);
  CHECK_INT(from.exchange.status, 200);
  lks_wipe(key, sizeof key);
  lks_wipe(body, sizeof body);
  CHECK(count_in_memory(key_part) > 1); /* in the transport, and in key_part: the search finds what is there */
  client_free(&from);
  overwrite_stack();
  CHECK_INT(count_in_memory(key_part), 1);
  CHECK_INT(count_in_memory(body_part), 1);
  waitpid(server, NULL, 0);
}

#else

/* Elsewhere memory cannot be read so, or is kept by the sanitizer after it was freed. */
static void nothing_of_key_and_body_is_left(void) {}

#endif

int main(void) {
  RUN(nothing_of_key_and_body_is_left);
  return TEST_END();
}
