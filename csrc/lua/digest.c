/* Names for what must not be shown itself. */
#include "binding.h"

#include "core/sha256.h"

/* Enough that two never meet. */
#define BYTES 16

/* core.digest(text) -> 32 digits of its SHA-256 */
static int digest(lua_State *L) {
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  unsigned char hash[LKS_SHA256_SIZE];
  char digits[2 * BYTES];
  lks_sha256(text, length, hash);
  for (size_t i = 0; i < BYTES; i++) {
    digits[2 * i] = "0123456789abcdef"[hash[i] >> 4];
    digits[2 * i + 1] = "0123456789abcdef"[hash[i] & 15];
  }
  lua_pushlstring(L, digits, sizeof digits);
  return 1;
}

void lks_lua_open_digest(lua_State *L) {
  lua_pushcfunction(L, digest);
  lua_setfield(L, -2, "digest");
}
