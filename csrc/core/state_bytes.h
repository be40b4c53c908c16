/* A state as bytes, for places that carry it between processes and machines: the same on all of them, and never trusted
 * when read. */
#ifndef LKS_STATE_BYTES_H
#define LKS_STATE_BYTES_H

#include "pace_bytes.h"
#include "state.h"

/* Most bytes of a state. */
#define LKS_STATE_BYTES_MAX (144 + LKS_PACE_BYTES_MAX)

/* Appends the state. False: see lks_buffer. */
bool lks_state_bytes_write(const lks_state *state, lks_buffer *out);

/* Replaces the state; no bytes at all stand for one in which nothing happened yet. False, the state staying as it was,
 * when the bytes are none of lks_state_bytes_write's of this version, a field is out of its bounds, or memory is short.
 */
bool lks_state_bytes_read(lks_state *state, const char *bytes, size_t length);

/* How many bytes the state of a key takes that is used to the full by callers with these windows. 0: it has none. */
size_t lks_state_bytes_room(const lks_windows *windows);

#endif
