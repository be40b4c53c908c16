/* core.private_folder(path) -> true | nil, message: makes a folder that is nobody else's, and those above it. */
#include "binding.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static bool make(const char *path) {
  return mkdir(path, S_IRWXU) == 0 || errno == EEXIST;
}

static int private_folder(lua_State *L) {
  size_t length;
  const char *given = luaL_checklstring(L, 1, &length);
  char *path = lua_newuserdata(L, length + 1);
  memcpy(path, given, length + 1);
  struct stat about;
  bool there = stat(path, &about) == 0;
  for (char *at = strchr(path + (length > 0), '/'); !there && at != NULL; at = strchr(at + 1, '/')) {
    *at = '\0';
    (void)make(path); /* what cannot be made shows in the end */
    *at = '/';
  }
  if (!there && make(path)) there = stat(path, &about) == 0;
  if (there && S_ISDIR(about.st_mode)) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  lua_pushfstring(L, "%s: %s", path, strerror(there ? ENOTDIR : errno));
  return 2;
}

void lks_lua_open_folder(lua_State *L) {
  lua_pushcfunction(L, private_folder);
  lua_setfield(L, -2, "private_folder");
}
