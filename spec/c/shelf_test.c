#include "file/shelf.h"

#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "test.h"

static lks_shelf_entry entry_of(const char *name, const char *bytes, size_t length) {
  return (lks_shelf_entry){.name = name,
                           .name_length = strlen(name),
                           .bytes = bytes,
                           .bytes_length = length,
                           .version = 7,
                           .expires = 2000,
                           .boot = 9};
}

static lks_buffer written(const lks_shelf *old, const lks_shelf_entry *entry, uint64_t now) {
  lks_buffer out;
  lks_buffer_init(&out, LKS_SHELF_MAX);
  CHECK(lks_shelf_write(old, entry, now, &out));
  return out;
}

static void what_is_written_is_read(void) {
  lks_shelf_entry first = entry_of("lockpub:1", "a\0b", 3), second = entry_of("lockpub:2", "", 0);
  lks_buffer one = written(NULL, &first, 1000);
  lks_shelf shelf;
  CHECK(lks_shelf_read(one.data, one.length, &shelf));
  CHECK(shelf.number == 1);
  lks_buffer two = written(&shelf, &second, 1000);
  CHECK(lks_shelf_read(two.data, two.length, &shelf));
  CHECK(shelf.number == 2);
  lks_shelf_entry found;
  CHECK(lks_shelf_find(&shelf, "lockpub:1", 9, &found));
  CHECK(found.bytes_length == 3 && memcmp(found.bytes, "a\0b", 3) == 0);
  CHECK(found.version == 7 && found.expires == 2000 && found.boot == 9);
  CHECK(lks_shelf_find(&shelf, "lockpub:2", 9, &found));
  CHECK(found.bytes_length == 0);
  CHECK(!lks_shelf_find(&shelf, "lockpub:", 8, &found));
  CHECK(!lks_shelf_find(&shelf, "lockpub:11", 10, &found));
  lks_buffer_free(&one);
  lks_buffer_free(&two);
}

static void an_entry_takes_the_place_of_its_predecessor(void) {
  lks_shelf_entry first = entry_of("n", "first", 5), second = entry_of("n", "second", 6);
  lks_buffer one = written(NULL, &first, 1000);
  lks_shelf shelf;
  CHECK(lks_shelf_read(one.data, one.length, &shelf));
  lks_buffer two = written(&shelf, &second, 1000);
  CHECK(two.length == one.length + 1);
  lks_buffer_free(&one);
  lks_buffer_free(&two);
}

static void what_has_expired_is_left_out(void) {
  lks_shelf_entry first = entry_of("old", "first", 5), second = entry_of("new", "second", 6);
  lks_buffer one = written(NULL, &first, 1000);
  lks_shelf shelf;
  lks_shelf_entry found;
  CHECK(lks_shelf_read(one.data, one.length, &shelf));
  lks_buffer two = written(&shelf, &second, 1999);
  CHECK(lks_shelf_read(two.data, two.length, &shelf));
  CHECK(lks_shelf_find(&shelf, "old", 3, &found));
  lks_buffer three = written(&shelf, &second, 2000);
  CHECK(lks_shelf_read(three.data, three.length, &shelf));
  CHECK(!lks_shelf_find(&shelf, "old", 3, &found));
  lks_buffer_free(&one);
  lks_buffer_free(&two);
  lks_buffer_free(&three);
}

static void the_bytes_are_the_same_on_every_machine(void) {
  static const unsigned char head[] = {'L', 'K', 'S', 'H', 'E', 'L', 'F', '1'};
  static const unsigned char rest[] = {1, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0, 0, 1, 2, 0, 0, 0, 8, 7, 6,   5,   4,
                                       3, 2, 1, 0, 1, 0, 0, 0, 0,  0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 'n', 'x', 'y'};
  lks_shelf_entry entry = entry_of("n", "xy", 2);
  entry.version = UINT64_C(0x0102030405060708);
  entry.expires = 256;
  lks_buffer out = written(NULL, &entry, 0);
  CHECK(out.length == 16 + sizeof rest);
  CHECK(memcmp(out.data, head, sizeof head) == 0);
  CHECK(memcmp(out.data + 16, rest, sizeof rest) == 0);
  lks_buffer_free(&out);
}

static void what_was_cut_or_changed_is_no_shelf(void) {
  lks_shelf_entry entry = entry_of("lockpub:1", "some bytes", 10);
  lks_buffer out = written(NULL, &entry, 0);
  lks_shelf shelf;
  uint64_t number;
  for (size_t length = 0; length < out.length; length++) {
    CHECK(!lks_shelf_read(guard_place(out.data, length), length, &shelf));
  }
  for (size_t at = 0; at < out.length; at++) {
    for (int bit = 0; bit < 8; bit++) {
      out.data[at] = (char)(out.data[at] ^ 1 << bit);
      CHECK(!lks_shelf_read(out.data, out.length, &shelf));
      out.data[at] = (char)(out.data[at] ^ 1 << bit);
    }
  }
  CHECK(lks_shelf_read(out.data, out.length, &shelf));
  CHECK(lks_shelf_size(out.data, &number) == out.length && number == 1);
  memset(out.data + 24, 0xff, 4);
  CHECK(lks_shelf_size(out.data, &number) == 0);
  lks_buffer_free(&out);
}

/* Entries whose lengths lie, under a sum that is right. */
static void lengths_that_lie_are_found_out(void) {
  lks_shelf_entry entry = entry_of("n", "some bytes", 10);
  lks_buffer out = written(NULL, &entry, 0);
  for (int at = LKS_SHELF_HEADER; at < LKS_SHELF_HEADER + 5; at++) {
    for (int value = 0; value < 256; value++) {
      char own = out.data[at];
      if ((unsigned char)own == value) continue;
      out.data[at] = (char)value;
      uint64_t sum = lks_shelf_sum(0, out.data + 16, out.length - 16);
      for (int i = 0; i < 8; i++) out.data[8 + i] = (char)(unsigned char)(sum >> 8 * i & 0xff);
      lks_shelf shelf;
      CHECK(!lks_shelf_read(out.data, out.length, &shelf));
      out.data[at] = own;
    }
  }
  lks_buffer_free(&out);
}

static void it_is_full_at_its_maximum(void) {
  char *bytes = calloc(1, LKS_SHELF_MAX);
  CHECK(bytes != NULL);
  lks_shelf_entry entry = entry_of("n", bytes, LKS_SHELF_MAX - LKS_SHELF_HEADER - 29 - 1);
  lks_buffer out = written(NULL, &entry, 0);
  CHECK(out.length == LKS_SHELF_MAX);
  lks_buffer_clear(&out);
  entry.bytes_length++;
  CHECK(!lks_shelf_write(NULL, &entry, 0, &out));
  CHECK(out.full);
  lks_buffer_free(&out);
  free(bytes);
}

static void short_memory_is_said(void) {
  lks_shelf_entry entry = entry_of("n", "some bytes", 10);
  for (int nth = 1; nth <= 2; nth++) {
    lks_buffer out;
    lks_buffer_init(&out, LKS_SHELF_MAX);
    test_fail_alloc(nth);
    bool done = lks_shelf_write(NULL, &entry, 0, &out);
    CHECK(!test_alloc_failed() || !done);
    CHECK(!out.full);
    test_fail_alloc(0);
    lks_buffer_free(&out);
  }
}

int main(void) {
  RUN(what_is_written_is_read);
  RUN(an_entry_takes_the_place_of_its_predecessor);
  RUN(what_has_expired_is_left_out);
  RUN(the_bytes_are_the_same_on_every_machine);
  RUN(what_was_cut_or_changed_is_no_shelf);
  RUN(lengths_that_lie_are_found_out);
  RUN(it_is_full_at_its_maximum);
  RUN(short_memory_is_said);
  return TEST_END();
}
