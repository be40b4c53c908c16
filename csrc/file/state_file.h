/* One file of a machine in which its processes keep bytes under names.
 *
 * Every step opens and closes the file, so that nothing is shared with a forked process. Writers hold its lock
 * (private_file.h). They write in place, into the older of two shelves (shelf.h), in one piece: whatever instruction a
 * writer dies at, the newer shelf is whole. Readers take no lock while they find a whole shelf.
 *
 * In place rather than by rename: no second file, no permission to write in the folder once the file is there, no
 * waiter with a lock on a file that was replaced meanwhile, no new blocks of the disk per step.
 *
 * Nothing is forced to the disk. A machine that loses its power may lose what was written in its last half minute or
 * so, or the file; what is found after another boot than it was written in is marked as lost for that reason. */
#ifndef LKS_STATE_FILE_H
#define LKS_STATE_FILE_H

#include "shelf.h"

typedef struct lks_state_file {
  const char *path; /* borrowed: it must live as long */
  uint64_t boot;    /* of this run of the machine, see lks_shelf_entry */
  lks_buffer held;  /* what was read */
  lks_buffer next;  /* what is written */
} lks_state_file;

typedef enum lks_file_result {
  LKS_FILE_KEPT,   /* read: `entry`; swap: done */
  LKS_FILE_ABSENT, /* read: nothing is kept; swap: somebody was first, nothing was changed */
  LKS_FILE_FAILED  /* `problem` */
} lks_file_result;

typedef struct lks_file_answer {
  lks_shelf_entry entry; /* borrowed from the file's memory until its next step */
  bool lost;             /* there was or may have been something newer */
  const char *problem;   /* a static text or strerror's */
} lks_file_answer;

/* `path` must outlive the file. No I/O. */
void lks_state_file_init(lks_state_file *file, const char *path);
/* May be called any number of times. */
void lks_state_file_free(lks_state_file *file);

/* Reads what is kept under a name of at most LKS_SHELF_NAME_MAX bytes. `patience` in milliseconds, negative for as long
 * as is sensible: waits for a lock no longer than that, and never longer than a second. */
lks_file_result lks_state_file_read(lks_state_file *file, const char *name, size_t length, int patience,
                                    lks_file_answer *answer);

/* Replaces what is kept when it still is `version` (0: when nothing is kept). `lifetime` in milliseconds. */
lks_file_result lks_state_file_swap(lks_state_file *file, const char *name, size_t length, uint64_t version,
                                    const char *bytes, size_t bytes_length, uint64_t lifetime, int patience,
                                    lks_file_answer *answer);

#endif
