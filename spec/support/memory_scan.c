/* For spec/secrets_spec.lua: finds a secret in this process's memory without holding a copy of it. Secrets come as
 * hexadecimal digits of their bytes XOR 0x5A, so that neither arguments nor environment show them.
 *
 *   scan.wipe()        from now on what Lua frees is overwritten, so that only the copies of others are found
 *   scan.reveal(hex)   the secret as a Lua string
 *   scan.count(hex)    in how many places of the writable memory it stands */
#include <lauxlib.h>
#include <lua.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MASK 0x5Au
#define SECRET_MAX 1024

static lua_Alloc original;
static void *original_data;

static void wipe(void *block, size_t size) {
  volatile unsigned char *byte = block;
  while (size-- > 0) *byte++ = 0;
}

static void *wiping(void *data, void *block, size_t before, size_t after) {
  (void)data;
  if (block == NULL) return original(original_data, NULL, before, after);
  if (after == 0) {
    wipe(block, before);
    return original(original_data, block, before, 0);
  }
  if (after <= before) {
    wipe((char *)block + after, before - after);
    return original(original_data, block, before, after);
  }
  void *larger = original(original_data, NULL, 0, after);
  if (larger == NULL) return NULL;
  memcpy(larger, block, before);
  wipe(block, before);
  original(original_data, block, before, 0);
  return larger;
}

static int scan_wipe(lua_State *L) {
  original = lua_getallocf(L, &original_data);
  lua_setallocf(L, wiping, NULL);
  return 0;
}

static unsigned digit(char c) {
  return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* Masked bytes of a hexadecimal argument. */
static size_t masked(lua_State *L, unsigned char *out) {
  size_t length;
  const char *hex = luaL_checklstring(L, 1, &length);
  luaL_argcheck(L, length > 0 && length % 2 == 0 && length / 2 <= SECRET_MAX, 1, "hexadecimal digits expected");
  for (size_t i = 0; i < length / 2; i++) out[i] = (unsigned char)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
  return length / 2;
}

static int scan_reveal(lua_State *L) {
  unsigned char text[SECRET_MAX];
  size_t length = masked(L, text);
  for (size_t i = 0; i < length; i++) text[i] ^= MASK;
  lua_pushlstring(L, (const char *)text, length);
  wipe(text, sizeof text);
  return 1;
}

static lua_Integer count_in(const unsigned char *at, size_t size, const unsigned char *secret, size_t length) {
  lua_Integer found = 0;
  if (size < length) return 0;
  for (const unsigned char *end = at + size - length; at <= end; at++) {
    at = memchr(at, (int)(secret[0] ^ MASK), (size_t)(end - at) + 1);
    if (at == NULL) break;
    size_t same = 1;
    while (same < length && (unsigned)at[same] == (secret[same] ^ MASK)) same++;
    found += same == length;
  }
  return found;
}

static int scan_count(lua_State *L) {
  unsigned char secret[SECRET_MAX];
  size_t length = masked(L, secret);
  lua_Integer found = 0;
  char line[512];
  FILE *maps = fopen("/proc/self/maps", "r");
  if (maps == NULL) return luaL_error(L, "/proc/self/maps cannot be read");
  while (fgets(line, sizeof line, maps) != NULL) {
    unsigned long from, to;
    char mode[5];
    if (sscanf(line, "%lx-%lx %4s", &from, &to, mode) != 3 || strncmp(mode, "rw", 2) != 0) continue;
    found += count_in((const unsigned char *)(uintptr_t)from, to - from, secret, length);
  }
  fclose(maps);
  lua_pushinteger(L, found);
  return 1;
}

int luaopen_memory_scan(lua_State *L) {
  lua_newtable(L);
  lua_pushcfunction(L, scan_wipe);
  lua_setfield(L, -2, "wipe");
  lua_pushcfunction(L, scan_reveal);
  lua_setfield(L, -2, "reveal");
  lua_pushcfunction(L, scan_count);
  lua_setfield(L, -2, "count");
  return 1;
}
