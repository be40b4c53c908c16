/* A file that only grows, a line at a time, and whose lines are on the disk when that is asked for.
 *
 * One user at a time: it is locked (private_file.h) from opening to closing. A line is one write, so that a process
 * which is killed leaves whole lines; where the machine loses its power, or the disk is full, the last one may be there
 * in part, and is for the reader to cut off.
 *
 * Flushing takes a disk milliseconds, during which the process stands still. What need not be on the disk at once is
 * therefore flushed with the next that must, or as soon as that would take a small part of the time only. */
#ifndef LKS_JOURNAL_H
#define LKS_JOURNAL_H

#include <sys/types.h>

#include "core/buffer.h"
#include "core/timestamp.h"

#define LKS_JOURNAL_MAX ((size_t)1024 * 1024 * 1024)
#define LKS_JOURNAL_NO_MEMORY "not enough memory"

typedef struct lks_journal {
  int fd;             /* -1: closed */
  pid_t owner;        /* a forked process has no part in it */
  off_t size;         /* of the whole lines */
  bool unflushed;     /* not all of them are on the disk for certain */
  lks_time flushed;   /* when that was so last, by the monotonic clock */
  lks_span takes;     /* what flushing took then */
  const char *broken; /* why nothing can be relied on any more */
} lks_journal;

/* Opens and locks the file at `path`, or makes it. All below return NULL, or the problem: a static text or strerror's.
 * `journal` needs no initialisation; after a problem it is closed. */
const char *lks_journal_open(lks_journal *journal, const char *path);

/* Appends all that is in the file to an empty buffer, whose maximum should be LKS_JOURNAL_MAX. */
const char *lks_journal_read(const lks_journal *journal, lks_buffer *out);

/* Cuts off what comes after so many bytes. */
const char *lks_journal_cut(lks_journal *journal, size_t size);

/* Appends whole lines. `flush`: they are on the disk when this returns. What could not be written in full is not there
 * at all. Once the disk has failed to flush, every later call is told so, too. */
const char *lks_journal_append(lks_journal *journal, const char *lines, size_t length, bool flush);

/* Flushes and gives the lock back. May be called any number of times. */
void lks_journal_close(lks_journal *journal);

#endif
