/* What a command asks of the terminal. */
#include "binding.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* core.is_terminal(descriptor) -> boolean */
static int terminal_is(lua_State *L) {
  lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)));
  return 1;
}

/* core.terminal_width(descriptor) -> columns; nil when it does not tell */
static int terminal_width(lua_State *L) {
  struct winsize size;
  if (ioctl((int)luaL_checkinteger(L, 1), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 0;
  lua_pushinteger(L, size.ws_col);
  return 1;
}

#define SECRET_MAX 4096

/* Which of these signals came while the terminal did not echo. */
static const int numbers[] = {SIGALRM, SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU};
#define NUMBERS (sizeof numbers / sizeof *numbers)
static volatile sig_atomic_t came[NUMBERS];

static void note(int number) {
  for (size_t i = 0; i < NUMBERS; i++)
    if (numbers[i] == number) came[i] = 1;
}

static bool any_came(void) {
  for (size_t i = 0; i < NUMBERS; i++)
    if (came[i]) return true;
  return false;
}

static bool write_all(int terminal, const char *text, size_t length) {
  while (length > 0) {
    ssize_t written = write(terminal, text, length);
    if (written < 0) return false;
    text += written;
    length -= (size_t)written;
  }
  return true;
}

/* The length of the line; -1 with errno when there is none, EINTR for a signal. What is too long for `line` is E2BIG.
 */
static ssize_t read_line(int terminal, char *line) {
  size_t length = 0;
  for (;;) {
    char byte;
    if (any_came()) {
      errno = EINTR;
      return -1;
    }
    ssize_t got = read(terminal, &byte, 1);
    if (got < 0) return -1;
    if (got == 0 || byte == '\n' || byte == '\r') break;
    if (length < SECRET_MAX) line[length] = byte;
    length++;
  }
  if (length <= SECRET_MAX) return (ssize_t)length;
  errno = E2BIG;
  return -1;
}

/* Asks once. What the signals that came meanwhile do, they do after the terminal is as it was; then `again` is true for
 * those that a process outlives: those that stop it. */
static ssize_t ask(int terminal, const char *prompt, size_t prompt_length, char *line, bool *again) {
  struct sigaction action, before[NUMBERS];
  memset(&action, 0, sizeof action);
  action.sa_handler = note;
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < NUMBERS; i++) {
    came[i] = 0;
    sigaction(numbers[i], &action, &before[i]);
  }
  struct termios echoing, silent;
  ssize_t length = -1;
  int problem = 0;
  if (tcgetattr(terminal, &echoing) == 0) {
    silent = echoing;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    int changed, tries = 0;
    while ((changed = tcsetattr(terminal, TCSAFLUSH, &silent)) != 0 && errno == EINTR && !any_came()) continue;
    if (changed == 0 && write_all(terminal, prompt, prompt_length)) length = read_line(terminal, line);
    problem = errno;
    while (tcsetattr(terminal, TCSAFLUSH, &echoing) != 0 && errno == EINTR && ++tries < 8) continue;
    (void)write_all(terminal, "\n", 1);
  } else {
    problem = errno;
  }
  for (size_t i = 0; i < NUMBERS; i++) sigaction(numbers[i], &before[i], NULL);
  *again = false;
  for (size_t i = 0; i < NUMBERS; i++) {
    if (!came[i]) continue;
    kill(getpid(), numbers[i]);
    if (numbers[i] == SIGTSTP || numbers[i] == SIGTTIN || numbers[i] == SIGTTOU) *again = true;
  }
  errno = problem;
  return length;
}

static void wipe(char *bytes, size_t length) {
  for (volatile char *at = bytes; length > 0; length--) *at++ = 0;
}

/* core.read_secret(prompt) -> the line typed at the terminal, without echo | nil, message. A signal that came meanwhile
 * does what it does once the terminal echoes again. */
static int terminal_read_secret(lua_State *L) {
  size_t prompt_length;
  const char *prompt = luaL_checklstring(L, 1, &prompt_length);
  int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (terminal < 0) {
    lua_pushnil(L);
    lua_pushliteral(L, "there is no terminal to ask at");
    return 2;
  }
  char line[SECRET_MAX];
  bool again = false;
  ssize_t length;
  do length = ask(terminal, prompt, prompt_length, line, &again);
  while (length < 0 && again);
  int problem = errno;
  close(terminal);
  if (length < 0) {
    wipe(line, sizeof line);
    lua_pushnil(L);
    lua_pushstring(L, problem == E2BIG ? "the line is too long" : strerror(problem));
    return 2;
  }
  lua_pushlstring(L, line, (size_t)length);
  wipe(line, sizeof line);
  return 1;
}

void lks_lua_open_terminal(lua_State *L) {
  static const luaL_Reg functions[] = {{"is_terminal", terminal_is},
                                       {"terminal_width", terminal_width},
                                       {"read_secret", terminal_read_secret},
                                       {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
}
