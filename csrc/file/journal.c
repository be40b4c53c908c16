#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "monotonic.h"
#include "private_file.h"

/* Flushing early may take one part in so many of the time. */
#define PARTS 100

static bool is_ours(const lks_journal *journal) {
  return journal->fd >= 0 && journal->owner == getpid();
}

static const char *usable(const lks_journal *journal) {
  if (journal->fd < 0) return "it is closed";
  if (journal->owner != getpid()) return "it belongs to the process that opened it, of which this one was forked";
  return journal->broken;
}

static int flush_file(int fd) {
#ifdef __APPLE__
  if (fcntl(fd, F_FULLFSYNC) == 0) return 0; /* fsync stops at the disk's own memory there */
  return fsync(fd);
#else
  return fdatasync(fd);
#endif
}

static const char *flush_now(lks_journal *journal) {
  lks_time began = lks_monotonic();
  int result;
  do {
    result = flush_file(journal->fd);
  } while (result != 0 && errno == EINTR);
  /* What is lost then may not be tried again: the system takes it for written. */
  if (result != 0) return journal->broken = strerror(errno);
  journal->flushed = lks_monotonic();
  journal->takes = journal->flushed - began;
  journal->unflushed = false;
  return NULL;
}

/* Until its folder is flushed, a new file may be gone after a loss of power. Not every file system can do that. */
static const char *flush_folder(const char *path) {
  const char *slash = strrchr(path, '/');
  size_t length = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
  lks_buffer folder;
  lks_buffer_init(&folder, length + 1);
  if (!lks_buffer_append(&folder, length == 0 ? "." : path, length == 0 ? 1 : length)) return LKS_JOURNAL_NO_MEMORY;
  int fd = open(folder.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  lks_buffer_free(&folder);
  if (fd < 0) return NULL;
  (void)fsync(fd);
  close(fd);
  return NULL;
}

const char *lks_journal_open(lks_journal *journal, const char *path) {
  struct stat about;
  const char *problem;
  *journal = (lks_journal){.fd = -1, .owner = getpid()};
  int fd = lks_private_file_enter(path, O_APPEND, 0, &about, &problem);
  if (fd < 0) return strcmp(problem, LKS_PRIVATE_FILE_HELD) == 0 ? "another run is using it" : problem;
  journal->fd = fd;
  journal->size = about.st_size;
  journal->unflushed = true; /* by whom it was written is not known */
  if (about.st_size == 0 && (problem = flush_folder(path)) != NULL) {
    lks_journal_close(journal);
    return problem;
  }
  return NULL;
}

const char *lks_journal_read(const lks_journal *journal, lks_buffer *out) {
  const char *problem = usable(journal);
  if (problem != NULL) return problem;
  size_t size = (size_t)journal->size;
  if ((off_t)size != journal->size) return "it is too large";
  if (!lks_buffer_reserve(out, size)) return out->full ? "it is too large" : LKS_JOURNAL_NO_MEMORY;
  if (size == 0) return NULL;
  if (!lks_private_file_read(journal->fd, out->data, size, 0)) return errno == 0 ? "it was cut" : strerror(errno);
  out->length = size;
  out->data[size] = '\0';
  return NULL;
}

static const char *cut_to(lks_journal *journal, off_t size) {
  int result;
  do {
    result = ftruncate(journal->fd, size);
  } while (result != 0 && errno == EINTR);
  return result == 0 ? NULL : strerror(errno);
}

const char *lks_journal_cut(lks_journal *journal, size_t size) {
  const char *problem = usable(journal);
  if (problem != NULL || (off_t)size >= journal->size) return problem;
  if ((problem = cut_to(journal, (off_t)size)) != NULL) return problem;
  journal->size = (off_t)size;
  journal->unflushed = true;
  return NULL;
}

static const char *write_all(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t put = write(fd, bytes, length);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return strerror(errno);
    bytes += put;
    length -= (size_t)put;
  }
  return NULL;
}

const char *lks_journal_append(lks_journal *journal, const char *lines, size_t length, bool flush) {
  const char *problem = usable(journal);
  if (problem != NULL) return problem;
  if ((problem = write_all(journal->fd, lines, length)) != NULL) {
    const char *left = cut_to(journal, journal->size);
    if (left != NULL) journal->broken = left; /* a line would follow on half of one */
    return problem;
  }
  journal->size += (off_t)length;
  journal->unflushed = true;
  bool due = lks_monotonic() - journal->flushed >= PARTS * journal->takes;
  return flush || due ? flush_now(journal) : NULL;
}

void lks_journal_close(lks_journal *journal) {
  if (is_ours(journal)) {
    if (journal->unflushed && journal->broken == NULL) (void)flush_now(journal);
    lks_private_file_leave(journal->fd);
  } else if (journal->fd >= 0) {
    close(journal->fd); /* the lock is the other process's */
  }
  journal->fd = -1;
}
