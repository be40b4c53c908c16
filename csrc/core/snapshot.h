/* A key's state as bytes, for a store that several processes of one machine share. They are not for other machines
 * (native byte order) and not for disks. */
#ifndef LKS_SNAPSHOT_H
#define LKS_SNAPSHOT_H

#include "memory_store.h"

/* Most bytes of a state. */
#define LKS_SNAPSHOT_MAX (8 * sizeof(lks_time) + LKS_PACE_BYTES_MAX)

/* Appends the state. False: see lks_buffer. */
bool lks_snapshot_write(const lks_state *state, lks_buffer *out);

/* Replaces the state; no bytes at all stand for one in which nothing happened yet. False, the state staying as it was,
 * when the bytes are none of lks_snapshot_write's or memory is short. */
bool lks_snapshot_read(lks_state *state, const char *bytes, size_t length);

/* Whether two written states differ in nothing but what the clock said, and in that by less than a second: the newer
 * need not be kept. */
bool lks_snapshot_same(const char *one, size_t one_length, const char *other, size_t other_length);

/* How long from `now` forgetting the state would make a difference; 0 when it would make none. */
lks_span lks_snapshot_life(const lks_state *state, lks_time now);

#endif
