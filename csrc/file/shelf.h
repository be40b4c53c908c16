/* What a state file holds: entries of bytes under names, as a run of bytes with a checksum. No I/O.
 *
 * A state file has room for two shelves, of which the newer valid one counts. A writer that dies in the middle has
 * spoilt the older one only. All numbers are little-endian whatever the machine:
 *
 *   "LKSHELF1"   8 bytes
 *   sum          8, of all that follows
 *   number       8, one more for every shelf written
 *   length       4, of the entries
 *   entries      each: name length 1, bytes length 4, version 8, expires 8, boot 8, name, bytes */
#ifndef LKS_SHELF_H
#define LKS_SHELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"

#define LKS_SHELF_MAGIC "LKSHELF1"
#define LKS_SHELF_HEADER 28
/* Most bytes of a shelf, its header included. */
#define LKS_SHELF_MAX (1024 * 1024)
#define LKS_SHELF_NAME_MAX 255

typedef struct lks_shelf {
  uint64_t number;
  const char *entries; /* borrowed from the bytes that were read */
  size_t length;
} lks_shelf;

typedef struct lks_shelf_entry {
  const char *name; /* borrowed from the shelf, as are the bytes; not terminated */
  size_t name_length;
  const char *bytes;
  size_t bytes_length;
  uint64_t version; /* never 0 */
  uint64_t expires; /* milliseconds of Unix time */
  uint64_t boot;    /* the machine's run during which it was written; 0 where that is not known */
} lks_shelf_entry;

/* How long a shelf of which the first LKS_SHELF_HEADER bytes are given is in all; 0 when these are none. `number` is
 * that of the shelf, if it turns out to be valid. */
size_t lks_shelf_size(const char *header, uint64_t *number);

/* Reads a whole shelf; it borrows the bytes. False when they are not exactly what lks_shelf_write wrote. */
bool lks_shelf_read(const char *bytes, size_t length, lks_shelf *shelf);

/* The entry of a name, whether it has expired or not. False when there is none. */
bool lks_shelf_find(const lks_shelf *shelf, const char *name, size_t length, lks_shelf_entry *entry);

/* Appends to an empty buffer the shelf that comes after `old` (NULL for the first): its entries that have not expired
 * at `now`, with `entry` in the place of the one of that name. False when memory is short or LKS_SHELF_MAX too little,
 * see lks_buffer; the buffer's maximum should be LKS_SHELF_MAX. */
bool lks_shelf_write(const lks_shelf *old, const lks_shelf_entry *entry, uint64_t now, lks_buffer *out);

/* 64 bits that differ for different bytes, but for those made to collide (FNV-1a); `seed` for a longer run, else 0. */
uint64_t lks_shelf_sum(uint64_t seed, const void *bytes, size_t length);

#endif
