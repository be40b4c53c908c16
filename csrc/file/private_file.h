/* Files that nobody else may write to, and the locks by which the processes of this user that use one exclude each
 * other.
 *
 * The lock is advisory (flock): it belongs to the open file, so that two users of a file in one process exclude each
 * other, too, and it ends with its process. */
#ifndef LKS_PRIVATE_FILE_H
#define LKS_PRIVATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* The problem when a lock was not to be had in time. */
#define LKS_PRIVATE_FILE_HELD "another process holds its lock"

/* Opens a file with these flags of open(2); one that is made has mode 0600. What is no regular file, a symbolic link,
 * of another user, writable to others or on a network file system is refused. -1 with `problem`, a static text or
 * strerror's, or with `problem` NULL when the file is not there. */
int lks_private_file_open(const char *path, int flags, struct stat *about, const char **problem);

/* Opens the file for reading and writing, with more flags, and takes its lock; makes it where it is not. The file at
 * `path` is this one when the lock was taken. `patience` in milliseconds, as in lks_private_file_lock. -1 with
 * `problem`. */
int lks_private_file_enter(const char *path, int flags, int patience, struct stat *about, const char **problem);

/* Takes a lock, LOCK_SH or LOCK_EX. NULL once it is held, otherwise the problem. `patience` in milliseconds, negative
 * for as long as is sensible: waits no longer than that, and never longer than a second. */
const char *lks_private_file_lock(int fd, int operation, int patience);

/* Gives the lock back and closes: a forked process may have the file open, which would keep a lock that is only
 * closed. */
void lks_private_file_leave(int fd);

/* Whether all of the bytes could be read; false at the end of the file with errno 0, and with errno for other
 * reasons. */
bool lks_private_file_read(int fd, char *bytes, size_t length, off_t at);

#endif
