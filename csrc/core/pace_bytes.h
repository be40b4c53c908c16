/* A history (pace.h) as bytes (bytes.h), and back. */
#ifndef LKS_PACE_BYTES_H
#define LKS_PACE_BYTES_H

#include "buffer.h"
#include "pace.h"

/* Appends them. False: see lks_buffer. */
bool lks_pace_write(const lks_pace *pace, lks_buffer *out);

/* Most bytes that lks_pace_write appends. */
#define LKS_PACE_BYTES_MAX ((9 + 2 * LKS_PACE_HISTORY_MAX) * 10)

/* Takes over a written history. False, the present one staying, when the bytes are none or memory is short. */
bool lks_pace_read(lks_pace *pace, const char *bytes, size_t length);

/* How many bytes the history of callers with these windows takes, at full use with a window's requests waiting. */
size_t lks_pace_room(const lks_windows *windows);

#endif
