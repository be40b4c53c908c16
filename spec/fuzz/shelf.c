/* The reader of state files, for libFuzzer: entries that are anything, under a checksum that is right. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "file/shelf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int condition) {
  if (!condition) abort();
}

static void put(char *bytes, uint64_t value, int size) {
  for (int i = 0; i < size; i++) bytes[i] = (char)(unsigned char)(value >> 8 * i & 0xff);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  size_t length = LKS_SHELF_HEADER + size;
  char *bytes = malloc(length);
  if (bytes == NULL) return 0;
  memcpy(bytes, LKS_SHELF_MAGIC, 8);
  put(bytes + 16, 7, 8);
  put(bytes + 24, size, 4);
  if (size > 0) memcpy(bytes + LKS_SHELF_HEADER, data, size);
  put(bytes + 8, lks_shelf_sum(0, bytes + 16, length - 16), 8);
  lks_shelf shelf;
  if (lks_shelf_read(bytes, length, &shelf)) {
    lks_shelf_entry entry = {.name = "name", .name_length = 4, .bytes = "bytes", .bytes_length = 5, .version = 1};
    lks_shelf_entry found;
    lks_buffer out;
    lks_buffer_init(&out, LKS_SHELF_MAX);
    demand(lks_shelf_write(&shelf, &entry, 1000, &out));
    demand(lks_shelf_read(out.data, out.length, &shelf) && shelf.number == 8);
    demand(lks_shelf_find(&shelf, "name", 4, &found) && found.bytes_length == 5);
    lks_buffer_free(&out);
  }
  free(bytes);
  return 0;
}
