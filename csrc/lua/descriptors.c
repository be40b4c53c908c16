/* core.hold_descriptors(): makes sure that 0, 1 and 2 are taken, by what can be neither read nor written where they
 * were closed. Otherwise a file that is opened would become standard output, and results end up in it. */
#include "binding.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int hold_descriptors(lua_State *L) {
  (void)L;
  for (int number = 0; number <= 2; number++) {
    if (fcntl(number, F_GETFD) != -1 || errno != EBADF) continue;
    int taken = open("/dev/null", number == 0 ? O_WRONLY : O_RDONLY); /* the lowest that is free */
    if (taken >= 0 && taken != number) close(taken);
  }
  return 0;
}

void lks_lua_open_descriptors(lua_State *L) {
  lua_pushcfunction(L, hold_descriptors);
  lua_setfield(L, -2, "hold_descriptors");
}
