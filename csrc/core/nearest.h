/* "Did you mean": how far a mistyped name is from a known one. */
#ifndef LKS_NEAREST_H
#define LKS_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

/* Longer names are near nothing. */
#define LKS_NEAREST_MAX 64

/* Letters to insert, leave out, replace, or exchange with their neighbour (optimal string alignment), until `name`
 * reads `known`; letter case and underscores do not count. LKS_NEAREST_MAX + 1 when either is longer than
 * LKS_NEAREST_MAX. */
size_t lks_nearest_distance(const char *name, size_t length, const char *known, size_t known_length);

/* Whether so small a distance is a slip of the finger: at most one in three letters, two at the most. */
bool lks_nearest_is_slip(size_t distance, size_t length);

#endif
