#include "state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#ifdef __APPLE__
#include <sys/sysctl.h>
#endif

#include "private_file.h"

#define ATTEMPTS 10
#define SUFFIX ".damaged"

void lks_state_file_init(lks_state_file *file, const char *path) {
  *file = (lks_state_file){.path = path};
  lks_buffer_init(&file->held, LKS_SHELF_MAX);
  lks_buffer_init(&file->next, LKS_SHELF_MAX);
}

void lks_state_file_free(lks_state_file *file) {
  lks_buffer_free(&file->held);
  lks_buffer_free(&file->next);
}

static lks_file_result fail(lks_file_answer *answer, const char *problem) {
  answer->problem = problem;
  return LKS_FILE_FAILED;
}

static uint64_t milliseconds(void) {
  struct timespec now = {0};
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec < 0 ? 0 : (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Tells one run of the machine from another; 0 where nothing does. */
static uint64_t this_boot(void) {
  char id[64] = {0};
  size_t length = 0;
#ifdef __APPLE__
  length = sizeof id;
  if (sysctlbyname("kern.bootsessionuuid", id, &length, NULL, 0) != 0) length = 0;
#else
  int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  if (fd >= 0) {
    ssize_t got = read(fd, id, sizeof id);
    length = got > 0 ? (size_t)got : 0;
    close(fd);
  }
#endif
  if (length == 0) return 0;
  uint64_t sum = lks_shelf_sum(0, id, length);
  return sum == 0 ? 1 : sum;
}

static off_t place_of(int shelf) {
  return (off_t)shelf * LKS_SHELF_MAX;
}

static bool write_all(int fd, const char *bytes, size_t length, off_t at) {
  while (length > 0) {
    ssize_t put = pwrite(fd, bytes, length, at);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    bytes += put;
    at += put;
    length -= (size_t)put;
  }
  return true;
}

enum { NO_SHELF = -1, UNREADABLE = -2 };

/* Reads the newest whole shelf. Which it is, or NO_SHELF, or UNREADABLE with `problem`. */
static int load(lks_state_file *file, int fd, lks_shelf *shelf, const char **problem) {
  size_t sizes[2] = {0, 0};
  uint64_t numbers[2] = {0, 0};
  for (int i = 0; i < 2; i++) {
    char header[LKS_SHELF_HEADER];
    if (lks_private_file_read(fd, header, sizeof header, place_of(i))) {
      sizes[i] = lks_shelf_size(header, &numbers[i]);
    } else if (errno != 0) {
      *problem = strerror(errno);
      return UNREADABLE;
    }
  }
  int newer = sizes[1] > 0 && (sizes[0] == 0 || numbers[1] > numbers[0]) ? 1 : 0;
  for (int turn = 0; turn < 2; turn++) {
    int i = turn == 0 ? newer : 1 - newer;
    if (sizes[i] == 0) continue;
    lks_buffer_clear(&file->held);
    if (!lks_buffer_reserve(&file->held, sizes[i])) {
      *problem = "not enough memory";
      return UNREADABLE;
    }
    if (lks_private_file_read(fd, file->held.data, sizes[i], place_of(i)) &&
        lks_shelf_read(file->held.data, sizes[i], shelf))
      return i;
  }
  return NO_SHELF;
}

/* NULL when the folder of the file is there: then only the file is not. */
static const char *missing_folder(lks_state_file *file) {
  const char *slash = strrchr(file->path, '/');
  if (slash == NULL || slash == file->path) return NULL;
  lks_buffer_clear(&file->next);
  if (!lks_buffer_append(&file->next, file->path, (size_t)(slash - file->path))) return "not enough memory";
  struct stat about;
  if (stat(file->next.data, &about) == 0) return NULL;
  return errno == ENOENT ? "its folder does not exist" : strerror(errno);
}

static bool find(const lks_state_file *file, const lks_shelf *shelf, const char *name, size_t length,
                 lks_file_answer *answer) {
  if (!lks_shelf_find(shelf, name, length, &answer->entry)) return false;
  if (answer->entry.expires <= milliseconds()) return false;
  answer->lost = answer->entry.boot != file->boot && answer->entry.boot != 0 && file->boot != 0;
  return true;
}

lks_file_result lks_state_file_read(lks_state_file *file, const char *name, size_t length, int patience,
                                    lks_file_answer *answer) {
  struct stat about;
  const char *problem;
  *answer = (lks_file_answer){.problem = NULL};
  if (file->boot == 0) file->boot = this_boot();
  int fd = lks_private_file_open(file->path, O_RDONLY, &about, &problem);
  if (fd < 0) {
    if (problem == NULL) problem = missing_folder(file);
    return problem == NULL ? LKS_FILE_ABSENT : fail(answer, problem);
  }
  lks_shelf shelf;
  int found = load(file, fd, &shelf, &problem);
  if (found == NO_SHELF) { /* unless writers passed by twice */
    problem = lks_private_file_lock(fd, LOCK_SH, patience);
    found = problem == NULL ? load(file, fd, &shelf, &problem) : UNREADABLE;
  }
  lks_private_file_leave(fd);
  if (found == UNREADABLE) return fail(answer, problem);
  if (found == NO_SHELF) {
    answer->lost = true;
    return LKS_FILE_ABSENT;
  }
  return find(file, &shelf, name, length, answer) ? LKS_FILE_KEPT : LKS_FILE_ABSENT;
}

/* Whether a file without a whole shelf may be written over: one of ours, or one that lost its power before its content
 * came to the disk. */
static bool is_ours(int fd, const struct stat *about) {
  static const char zeros[sizeof LKS_SHELF_MAGIC - 1];
  char start[sizeof zeros];
  if (about->st_size == 0) return true;
  return lks_private_file_read(fd, start, sizeof start, 0) &&
         (memcmp(start, LKS_SHELF_MAGIC, sizeof start) == 0 || memcmp(start, zeros, sizeof start) == 0);
}

static bool put_aside(lks_state_file *file) {
  lks_buffer_clear(&file->next);
  return lks_buffer_append_text(&file->next, file->path) && lks_buffer_append_text(&file->next, SUFFIX) &&
         rename(file->path, file->next.data) == 0;
}

/* Never met again, whichever process asks and whatever copy of the file is put back. */
static uint64_t new_version(uint64_t number, const char *bytes, size_t length) {
  struct timespec now = {0};
  clock_gettime(CLOCK_REALTIME, &now);
  uint64_t salt[] = {number, (uint64_t)now.tv_sec, (uint64_t)now.tv_nsec, (uint64_t)getpid()};
  uint64_t version = lks_shelf_sum(lks_shelf_sum(0, salt, sizeof salt), bytes, length);
  return version == 0 ? 1 : version;
}

static lks_file_result replace(lks_state_file *file, int fd, int found, const lks_shelf *shelf,
                               const lks_shelf_entry *entry, lks_file_answer *answer) {
  lks_buffer_clear(&file->next);
  if (!lks_shelf_write(found < 0 ? NULL : shelf, entry, milliseconds(), &file->next))
    return fail(answer, file->next.full ? "it is full" : "not enough memory");
  if (!write_all(fd, file->next.data, file->next.length, place_of(found == 0 ? 1 : 0)))
    return fail(answer, strerror(errno));
  return LKS_FILE_KEPT;
}

lks_file_result lks_state_file_swap(lks_state_file *file, const char *name, size_t length, uint64_t version,
                                    const char *bytes, size_t bytes_length, uint64_t lifetime, int patience,
                                    lks_file_answer *answer) {
  struct stat about;
  lks_shelf shelf;
  const char *problem;
  *answer = (lks_file_answer){.problem = NULL};
  if (file->boot == 0) file->boot = this_boot();
  for (int i = 0; i < ATTEMPTS; i++) {
    int fd = lks_private_file_enter(file->path, 0, patience, &about, &problem);
    if (fd < 0) return fail(answer, problem);
    int found = load(file, fd, &shelf, &problem);
    if (found == NO_SHELF && !is_ours(fd, &about)) {
      bool done = put_aside(file);
      int error = errno;
      lks_private_file_leave(fd);
      if (!done) return fail(answer, strerror(error));
      continue;
    }
    lks_file_result result = LKS_FILE_ABSENT;
    uint64_t kept = found >= 0 && find(file, &shelf, name, length, answer) ? answer->entry.version : 0;
    if (found == UNREADABLE) {
      result = fail(answer, problem);
    } else if (kept == version) {
      uint64_t now = milliseconds();
      const lks_shelf_entry entry = {.name = name,
                                     .name_length = length,
                                     .bytes = bytes,
                                     .bytes_length = bytes_length,
                                     .version = new_version(found >= 0 ? shelf.number : 0, bytes, bytes_length),
                                     .expires = now + lifetime,
                                     .boot = file->boot};
      result = replace(file, fd, found, &shelf, &entry, answer);
    }
    lks_private_file_leave(fd);
    return result;
  }
  return fail(answer, "it is damaged again and again");
}
