/* core.file(path) -> file: the binding of a state file, see file/state_file.h. */
#include "binding.h"

#include <string.h>

#include "file/state_file.h"

#define FILE_TYPE "locksmith.statefile"
#define VERSION_DIGITS 16

static lks_state_file *check_file(lua_State *L) {
  return luaL_checkudata(L, 1, FILE_TYPE);
}

static int file_new(lua_State *L) {
  luaL_checkstring(L, 1);
  lks_state_file *file = lua_newuserdata(L, sizeof *file + lua_rawlen(L, 1) + 1);
  char *path = (char *)(file + 1);
  memcpy(path, lua_tostring(L, 1), lua_rawlen(L, 1) + 1);
  lks_state_file_init(file, path);
  luaL_getmetatable(L, FILE_TYPE);
  lua_setmetatable(L, -2);
  return 1;
}

static int file_collect(lua_State *L) {
  lks_state_file_free(check_file(L));
  return 0;
}

static const char *check_name(lua_State *L, size_t *length) {
  const char *name = luaL_checklstring(L, 2, length);
  luaL_argcheck(L, *length <= LKS_SHELF_NAME_MAX, 2, "name is too long");
  return name;
}

/* Milliseconds from seconds; -1 for nil. */
static int opt_patience(lua_State *L, int index) {
  if (lua_isnoneornil(L, index)) return -1;
  double seconds = (double)luaL_checknumber(L, index);
  return seconds > 3600 ? 3600000 : seconds > 0 ? (int)(seconds * 1000) : 0;
}

static void push_version(lua_State *L, uint64_t version) {
  char digits[VERSION_DIGITS];
  for (int i = 0; i < VERSION_DIGITS; i++) digits[i] = "0123456789abcdef"[version >> 4 * (VERSION_DIGITS - 1 - i) & 15];
  lua_pushlstring(L, digits, sizeof digits);
}

/* False when it is no version that was ever handed out. */
static bool read_version(lua_State *L, int index, uint64_t *version) {
  *version = 0;
  if (lua_isnoneornil(L, index)) return true;
  size_t length;
  const char *digits = lua_type(L, index) == LUA_TSTRING ? lua_tolstring(L, index, &length) : NULL;
  if (digits == NULL || length != VERSION_DIGITS) return false;
  for (size_t i = 0; i < length; i++) {
    const char *digit = digits[i] == '\0' ? NULL : strchr("0123456789abcdef", digits[i]);
    if (digit == NULL) return false;
    *version = *version << 4 | (uint64_t)(digit - "0123456789abcdef");
  }
  return *version != 0;
}

static int push_failure(lua_State *L, const lks_state_file *file, const lks_file_answer *answer) {
  lua_pushnil(L);
  lua_pushfstring(L, "file %s: %s", file->path, answer->problem);
  return 2;
}

/* file:read(name, patience) -> bytes, version, nil [, "lost"] | nil, nil, nil [, "lost"] | nil, message */
static int file_read(lua_State *L) {
  lks_state_file *file = check_file(L);
  size_t length;
  const char *name = check_name(L, &length);
  lks_file_answer answer;
  lks_file_result result = lks_state_file_read(file, name, length, opt_patience(L, 3), &answer);
  if (result == LKS_FILE_FAILED) return push_failure(L, file, &answer);
  if (result == LKS_FILE_KEPT) {
    lua_pushlstring(L, answer.entry.bytes, answer.entry.bytes_length);
    push_version(L, answer.entry.version);
  } else {
    lua_pushnil(L);
    lua_pushnil(L);
  }
  if (!answer.lost) return 2;
  lua_pushnil(L);
  lua_pushliteral(L, "lost");
  return 4;
}

/* file:swap(name, version | nil, bytes, seconds, patience) -> true | false | nil, message */
static int file_swap(lua_State *L) {
  lks_state_file *file = check_file(L);
  size_t length, bytes_length;
  const char *name = check_name(L, &length);
  uint64_t version;
  bool known = read_version(L, 3, &version);
  const char *bytes = luaL_checklstring(L, 4, &bytes_length);
  double seconds = (double)luaL_checknumber(L, 5);
  uint64_t lifetime = seconds > 1e9 ? UINT64_C(1000000000000) : seconds > 0.001 ? (uint64_t)(seconds * 1000) : 1;
  int patience = opt_patience(L, 6);
  lks_file_answer answer;
  lks_file_result result =
      !known ? LKS_FILE_ABSENT
             : lks_state_file_swap(file, name, length, version, bytes, bytes_length, lifetime, patience, &answer);
  if (result == LKS_FILE_FAILED) return push_failure(L, file, &answer);
  lua_pushboolean(L, result == LKS_FILE_KEPT);
  return 1;
}

void lks_lua_open_file(lua_State *L) {
  static const luaL_Reg methods[] = {{"read", file_read}, {"swap", file_swap}, {NULL, NULL}};
  lks_lua_new_type(L, FILE_TYPE, methods, file_collect);
  lua_pushcfunction(L, file_new);
  lua_setfield(L, -2, "file");
}
