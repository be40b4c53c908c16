#include "private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/vfs.h>
#endif
#if defined(__APPLE__) || defined(__FreeBSD__) || defined(__DragonFly__)
#include <sys/param.h>

#include <sys/mount.h> /* wants the one before */
#define TELLS_LOCAL 1
#endif

#include "monotonic.h"

#define LONGEST_WAIT 1000 /* milliseconds */
#define LONGEST_NAP 2000  /* microseconds */
#define ATTEMPTS 10

/* Locks and writes of several machines do not meet in time there. */
static bool is_remote(int fd) {
#if defined(__linux__)
  static const unsigned long kinds[] = {0x6969UL, 0x517BUL, 0xFF534D42UL, 0xFE534D42UL, 0x00C36400UL};
  struct statfs place;
  if (fstatfs(fd, &place) != 0) return false;
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) { /* NFS, SMB, CIFS, SMB2, Ceph */
    if (((unsigned long)place.f_type & 0xFFFFFFFFUL) == kinds[i]) return true;
  }
  return false;
#elif defined(TELLS_LOCAL)
  struct statfs place;
  return fstatfs(fd, &place) == 0 && (place.f_flags & MNT_LOCAL) == 0;
#else
  (void)fd;
  return false;
#endif
}

/* NULL when the file may be trusted. */
static const char *distrust(int fd, struct stat *about) {
  if (fstat(fd, about) != 0) return strerror(errno);
  if (!S_ISREG(about->st_mode)) return "it is no regular file";
  if (about->st_uid != geteuid()) return "it belongs to another user";
  if ((about->st_mode & (S_IWGRP | S_IWOTH)) != 0) return "others may write to it; its mode should be 0600";
  if (is_remote(fd)) return "it lies on a network file system, where machines do not exclude each other in time";
  return NULL;
}

static const char *why_not_opened(int error) {
  switch (error) {
  case ELOOP:
  case EMLINK: /* FreeBSD */
#ifdef EFTYPE
  case EFTYPE: /* NetBSD */
#endif
    return "it is a symbolic link";
  case EISDIR:
  case ENXIO: return "it is no regular file";
  default: return strerror(error);
  }
}

int lks_private_file_open(const char *path, int flags, struct stat *about, const char **problem) {
  int fd = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, S_IRUSR | S_IWUSR);
  *problem = NULL;
  if (fd < 0) {
    if (errno != ENOENT) *problem = why_not_opened(errno);
    return -1;
  }
  *problem = distrust(fd, about);
  if (*problem == NULL) return fd;
  close(fd);
  return -1;
}

const char *lks_private_file_lock(int fd, int operation, int patience) {
  lks_span limit = (lks_span)1000 * (patience < 0 || patience > LONGEST_WAIT ? LONGEST_WAIT : patience);
  lks_time began = lks_monotonic();
  for (long nap = 50;; nap = nap < LONGEST_NAP ? nap * 2 : nap) {
    if (flock(fd, operation | LOCK_NB) == 0) return NULL;
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return strerror(errno);
    if (lks_monotonic() - began >= limit) return LKS_PRIVATE_FILE_HELD;
    nanosleep(&(struct timespec){.tv_nsec = nap * 1000}, NULL);
  }
}

void lks_private_file_leave(int fd) {
  flock(fd, LOCK_UN);
  close(fd);
}

int lks_private_file_enter(const char *path, int flags, int patience, struct stat *about, const char **problem) {
  for (int i = 0; i < ATTEMPTS; i++) {
    int fd = lks_private_file_open(path, O_RDWR | flags, about, problem);
    if (fd < 0 && *problem == NULL) {
      fd = lks_private_file_open(path, O_RDWR | O_CREAT | O_EXCL | flags, about, problem);
      if (fd < 0 && *problem == NULL) {
        *problem = "its folder does not exist";
        return -1;
      }
      if (fd < 0 && errno == EEXIST) continue;
    }
    if (fd < 0) return -1;
    *problem = lks_private_file_lock(fd, LOCK_EX, patience);
    if (*problem != NULL) {
      close(fd);
      return -1;
    }
    struct stat there;
    if (lstat(path, &there) == 0 && there.st_dev == about->st_dev && there.st_ino == about->st_ino) {
      fstat(fd, about);
      return fd;
    }
    lks_private_file_leave(fd); /* removed or replaced meanwhile */
  }
  *problem = "it is replaced again and again";
  return -1;
}

bool lks_private_file_read(int fd, char *bytes, size_t length, off_t at) {
  while (length > 0) {
    ssize_t got = pread(fd, bytes, length, at);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      if (got == 0) errno = 0;
      return false;
    }
    bytes += got;
    at += got;
    length -= (size_t)got;
  }
  return true;
}
