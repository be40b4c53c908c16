#include "guard.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char *guard_end(void) {
  static char *end;
  if (end != NULL) return end;
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t readable = (GUARD_MAXIMUM + page - 1) / page * page;
  /* MAP_ANONYMOUS is not in POSIX. */
  int zero = open("/dev/zero", O_RDWR);
  void *start = zero < 0 ? MAP_FAILED : mmap(NULL, readable + page, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0);
  if (start == MAP_FAILED || mprotect((char *)start + readable, page, PROT_NONE) != 0) {
    fprintf(stderr, "no guard page\n");
    exit(2);
  }
  (void)close(zero);
  end = (char *)start + readable;
  return end;
}

char *guard_place(const void *bytes, size_t length) {
  if (length > GUARD_MAXIMUM) {
    fprintf(stderr, "too long for the guard page\n");
    exit(2);
  }
  char *place = guard_end() - length;
  if (bytes != NULL && length > 0) memcpy(place, bytes, length);
  return place;
}
