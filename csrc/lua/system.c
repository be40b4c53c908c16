/* What a driver needs from the machine it runs on and the core must not know: clock, sleep, chance, process. */
#include "binding.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>
#if defined(__has_include)
#if __has_include(<sys/random.h>)
#include <sys/random.h>
#define HAS_SYS_RANDOM 1
#endif
#endif

#include "core/link.h"
#include "interrupt.h"
#include "monotonic.h"

/* No wait is longer: a signal that came before it began shows at its end. */
#define LOOK_UP (LKS_SECOND / 4)

/* core.now() -> Unix seconds with a fraction */
static int system_now(lua_State *L) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return luaL_error(L, "the system clock cannot be read");
  lua_pushnumber(L, (lua_Number)now.tv_sec + (lua_Number)now.tv_nsec * 1e-9);
  return 1;
}

/* core.sleep(seconds): blocks; a signal does not shorten it, unless it makes the host raise an error */
static int system_sleep(lua_State *L) {
  lks_span left = lks_lua_check_time(L, 1);
  if (left <= 0) return 0;
  lks_interrupt in = lks_interrupt_begin(L, lua_upvalueindex(1));
  lks_time end = lks_monotonic() + left;
  for (; left > 0; left = end - lks_monotonic()) {
    if (left > LOOK_UP) left = LOOK_UP;
    struct timespec span = {.tv_sec = (time_t)(left / LKS_SECOND), .tv_nsec = (long)(left % LKS_SECOND) * 1000};
    (void)nanosleep(&span, NULL);
    if (!lks_interrupt_pass(&in)) return lua_error(L);
  }
  return 0;
}

/* Without a descriptor and without memory, of which there may be none left. */
static bool fill_at_once(void *bytes, size_t length) {
#if defined(HAS_SYS_RANDOM) && defined(__APPLE__)
  return getentropy(bytes, length) == 0;
#elif defined(HAS_SYS_RANDOM) && (defined(__linux__) || defined(__FreeBSD__))
  return getrandom(bytes, length, 0) == (ssize_t)length;
#else
  (void)bytes, (void)length;
  return false;
#endif
}

static bool fill_random(void *bytes, size_t length) {
  if (fill_at_once(bytes, length)) return true;
  FILE *source = fopen("/dev/urandom", "rb");
  if (source == NULL) return false;
  setvbuf(source, NULL, _IONBF, 0); /* no copy of what others will not see */
  size_t read = fread(bytes, 1, length, source);
  fclose(source);
  return read == length;
}

/* core.slug() -> an unguessable slug | nil, message */
static int system_slug(lua_State *L) {
  unsigned char random[LKS_SLUG_RANDOM];
  char slug[LKS_SLUG_MAX + 1];
  if (!fill_random(random, sizeof random)) {
    lua_pushnil(L);
    lua_pushliteral(L, "no source of random bytes: /dev/urandom cannot be read");
    return 2;
  }
  lks_link_slug(random, slug);
  lua_pushstring(L, slug);
  return 1;
}

double lks_lua_random(void) {
  unsigned char bytes[4] = {0};
  if (!fill_random(bytes, sizeof bytes)) bytes[3] = 128; /* half the longest wait, where chance cannot be had */
  return (bytes[0] + bytes[1] * 256.0 + bytes[2] * 65536.0 + bytes[3] * 16777216.0) / 4294967296.0;
}

/* core.random() -> number in [0, 1), for jitter */
static int system_random(lua_State *L) {
  lua_pushnumber(L, (lua_Number)lks_lua_random());
  return 1;
}

/* core.process() -> id of this process */
static int system_process(lua_State *L) {
  lks_lua_push_whole(L, (long long)getpid());
  return 1;
}

void lks_lua_open_system(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"now", system_now}, {"slug", system_slug}, {"random", system_random}, {"process", system_process}, {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
  lks_interrupt_push_step(L);
  lua_pushcclosure(L, system_sleep, 1);
  lua_setfield(L, -2, "sleep");
}
