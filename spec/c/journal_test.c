#include "file/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monotonic.h"
#include "test.h"

static char folder[] = "/tmp/locksmith-journal.XXXXXX", path[sizeof folder + 16], other[sizeof folder + 16];

static const char *append(lks_journal *journal, const char *lines) {
  return lks_journal_append(journal, lines, strlen(lines), true);
}

static const char *content(void) {
  static char bytes[4096];
  FILE *file = fopen(path, "rb");
  size_t length = file == NULL ? 0 : fread(bytes, 1, sizeof bytes - 1, file);
  bytes[length] = '\0';
  if (file != NULL) fclose(file);
  return bytes;
}

static lks_journal begun(void) {
  lks_journal journal;
  unlink(path);
  CHECK(lks_journal_open(&journal, path) == NULL);
  return journal;
}

static void what_was_appended_is_read_by_the_next(void) {
  lks_journal journal = begun();
  CHECK(append(&journal, "one\n") == NULL);
  CHECK(append(&journal, "two\nthree\n") == NULL);
  lks_journal_close(&journal);
  CHECK(lks_journal_open(&journal, path) == NULL);
  lks_buffer text;
  lks_buffer_init(&text, LKS_JOURNAL_MAX);
  CHECK(lks_journal_read(&journal, &text) == NULL);
  CHECK_TEXT(text.data, "one\ntwo\nthree\n");
  CHECK(append(&journal, "four\n") == NULL);
  CHECK_TEXT(content(), "one\ntwo\nthree\nfour\n");
  lks_buffer_free(&text);
  lks_journal_close(&journal);
  lks_journal_close(&journal);
  CHECK_TEXT(append(&journal, "five\n"), "it is closed");
}

static void an_empty_one_reads_as_nothing(void) {
  lks_journal journal = begun();
  lks_buffer text;
  lks_buffer_init(&text, LKS_JOURNAL_MAX);
  CHECK(lks_journal_read(&journal, &text) == NULL);
  CHECK_INT(text.length, 0);
  lks_buffer_free(&text);
  lks_journal_close(&journal);
  struct stat about;
  CHECK(stat(path, &about) == 0);
  CHECK_INT(about.st_mode & 07777, 0600);
}

static void what_comes_after_the_cut_is_gone(void) {
  lks_journal journal = begun();
  append(&journal, "one\ntwo");
  CHECK(lks_journal_cut(&journal, 9) == NULL);
  CHECK_TEXT(content(), "one\ntwo");
  CHECK(lks_journal_cut(&journal, 4) == NULL);
  append(&journal, "2\n");
  CHECK_TEXT(content(), "one\n2\n");
  lks_journal_close(&journal);
}

static void one_at_a_time_may_use_it(void) {
  lks_journal journal = begun(), second;
  CHECK_TEXT(lks_journal_open(&second, path), "another run is using it");
  lks_journal_close(&second);
  CHECK_TEXT(lks_journal_open(&second, path), "another run is using it");
  lks_journal_close(&journal);
  CHECK(lks_journal_open(&second, path) == NULL);
  lks_journal_close(&second);
}

/* What a forked process makes of the journal, as the bits of its exit status. */
static int in_child(lks_journal *journal) {
  pid_t child = fork();
  if (child == 0) {
    int told = append(journal, "mine\n") != NULL;
    lks_journal_close(journal);
    lks_journal second;
    _exit(told | (lks_journal_open(&second, path) != NULL) << 1);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  return WEXITSTATUS(status);
}

static void a_forked_process_neither_writes_nor_takes_the_lock(void) {
  lks_journal journal = begun();
  append(&journal, "one\n");
  CHECK_INT(in_child(&journal), 3);
  CHECK(append(&journal, "two\n") == NULL);
  CHECK_TEXT(content(), "one\ntwo\n");
  lks_journal_close(&journal);
}

static void a_forked_process_does_not_keep_the_lock(void) {
  int ends[2];
  lks_journal journal = begun();
  CHECK(pipe(ends) == 0);
  pid_t child = fork();
  if (child == 0) {
    char byte;
    close(ends[1]);
    _exit(read(ends[0], &byte, 1) != 0);
  }
  close(ends[0]);
  lks_journal_close(&journal);
  CHECK(lks_journal_open(&journal, path) == NULL);
  close(ends[1]);
  CHECK(waitpid(child, NULL, 0) == child);
  lks_journal_close(&journal);
}

static void what_is_not_written_in_full_is_not_there(void) {
  lks_journal journal = begun();
  append(&journal, "one\n");
  struct rlimit before, limit;
  CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
  limit = before;
  limit.rlim_cur = 10;
  signal(SIGXFSZ, SIG_IGN);
  CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  CHECK_TEXT(append(&journal, "two, and more\n"), strerror(EFBIG));
  CHECK_TEXT(content(), "one\n");
  CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
  CHECK(append(&journal, "two\n") == NULL);
  CHECK_TEXT(content(), "one\ntwo\n");
  lks_journal_close(&journal);
}

static void a_disk_that_failed_is_not_trusted_again(void) {
  int ends[2];
  lks_journal journal = begun();
  int file = journal.fd;
  CHECK(pipe(ends) == 0);
  journal.fd = ends[1]; /* takes bytes, but cannot be flushed */
  CHECK_TEXT(append(&journal, "one\n"), strerror(EINVAL));
  journal.fd = file;
  CHECK_TEXT(append(&journal, "two\n"), strerror(EINVAL));
  lks_journal_close(&journal);
  close(ends[0]);
  close(ends[1]);
}

static void half_a_line_that_cannot_be_cut_off_ends_it(void) {
  lks_journal journal = begun();
  int file = journal.fd;
  journal.fd = open(path, O_RDONLY);
  CHECK_TEXT(append(&journal, "one\n"), strerror(EBADF));
  close(journal.fd);
  journal.fd = file;
  CHECK(append(&journal, "two\n") != NULL);
  lks_journal_close(&journal);
}

static void flushing_waits_where_it_may(void) {
  lks_journal journal = begun();
  CHECK(append(&journal, "one\n") == NULL);
  CHECK(!journal.unflushed);
  journal.flushed = lks_monotonic();
  journal.takes = 1000 * LKS_SECOND;
  CHECK(lks_journal_append(&journal, "two\n", 4, false) == NULL);
  CHECK(journal.unflushed);
  CHECK_TEXT(content(), "one\ntwo\n");
  journal.flushed = lks_monotonic() - LKS_SECOND;
  journal.takes = LKS_SECOND / 100;
  CHECK(lks_journal_append(&journal, "three\n", 6, false) == NULL);
  CHECK(!journal.unflushed);
  lks_journal_close(&journal);
}

static void what_others_could_change_is_refused(void) {
  lks_journal journal = begun();
  lks_journal_close(&journal);
  CHECK(rename(path, other) == 0 && symlink(other, path) == 0);
  CHECK_TEXT(lks_journal_open(&journal, path), "it is a symbolic link");
  CHECK(unlink(path) == 0 && rename(other, path) == 0 && chmod(path, 0620) == 0);
  CHECK_TEXT(lks_journal_open(&journal, path), "others may write to it; its mode should be 0600");
  CHECK_TEXT(lks_journal_open(&journal, folder), "it is no regular file");
  char deeper[sizeof path + 4];
  snprintf(deeper, sizeof deeper, "%s/a", path);
  CHECK_TEXT(lks_journal_open(&journal, deeper), strerror(ENOTDIR));
  snprintf(deeper, sizeof deeper, "%s/no/a", folder);
  CHECK_TEXT(lks_journal_open(&journal, deeper), "its folder does not exist");
}

static void a_failed_allocation_is_told(void) {
  unlink(path);
  lks_journal journal;
  long live = test_alloc_live();
  test_fail_alloc(1);
  CHECK_TEXT(lks_journal_open(&journal, path), LKS_JOURNAL_NO_MEMORY);
  test_fail_alloc(0);
  CHECK(lks_journal_open(&journal, path) == NULL);
  append(&journal, "one\n");
  lks_buffer text;
  lks_buffer_init(&text, LKS_JOURNAL_MAX);
  test_fail_alloc(1);
  CHECK_TEXT(lks_journal_read(&journal, &text), LKS_JOURNAL_NO_MEMORY);
  test_fail_alloc(0);
  lks_buffer_free(&text);
  lks_buffer_init(&text, 3);
  CHECK_TEXT(lks_journal_read(&journal, &text), "it is too large");
  lks_buffer_free(&text);
  lks_journal_close(&journal);
  CHECK_INT(test_alloc_live(), live);
}

int main(void) {
  if (mkdtemp(folder) == NULL) return 1;
  snprintf(path, sizeof path, "%s/journal", folder);
  snprintf(other, sizeof other, "%s/other", folder);
  RUN(what_was_appended_is_read_by_the_next);
  RUN(an_empty_one_reads_as_nothing);
  RUN(what_comes_after_the_cut_is_gone);
  RUN(one_at_a_time_may_use_it);
  RUN(a_forked_process_neither_writes_nor_takes_the_lock);
  RUN(a_forked_process_does_not_keep_the_lock);
  RUN(what_is_not_written_in_full_is_not_there);
  RUN(a_disk_that_failed_is_not_trusted_again);
  RUN(half_a_line_that_cannot_be_cut_off_ends_it);
  RUN(flushing_waits_where_it_may);
  RUN(what_others_could_change_is_refused);
  RUN(a_failed_allocation_is_told);
  unlink(path);
  rmdir(folder);
  return TEST_END();
}
