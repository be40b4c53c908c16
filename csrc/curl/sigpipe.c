#include "sigpipe.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>

#ifdef __APPLE__

/* libcurl sets SO_NOSIGPIPE on every socket there, and sigtimedwait does not exist. */
void lks_sigpipe_block(lks_sigpipe *guard) {
  guard->blocked = false;
}

void lks_sigpipe_restore(lks_sigpipe *guard) {
  (void)guard;
}

#else

static sigset_t only_sigpipe(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  return set;
}

static bool is_pending(void) {
  sigset_t pending;
  sigemptyset(&pending);
  return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

void lks_sigpipe_block(lks_sigpipe *guard) {
  sigset_t pipe = only_sigpipe();
  guard->blocked = !is_pending() && pthread_sigmask(SIG_BLOCK, &pipe, &guard->before) == 0;
}

void lks_sigpipe_restore(lks_sigpipe *guard) {
  if (!guard->blocked) return;
  if (is_pending()) {
    sigset_t pipe = only_sigpipe();
#ifdef __OpenBSD__ /* has no sigtimedwait; as one is pending, this returns at once */
    int taken;
    (void)sigwait(&pipe, &taken);
#else
    struct timespec at_once = {0};
    while (sigtimedwait(&pipe, NULL, &at_once) == -1 && errno == EINTR) {
    }
#endif
  }
  pthread_sigmask(SIG_SETMASK, &guard->before, NULL);
  guard->blocked = false;
}

#endif
