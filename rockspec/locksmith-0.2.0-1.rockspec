package = "locksmith"
version = "0.2.0-1"
-- Where the release lies: the maintainer's repository and tag, or an archive and its md5. See CONTRIBUTING.md.
source = {
  url = "git+https://github.com/locksmith-lua/locksmith.git",
  tag = "v0.2.0",
}
description = {
  summary = "Client for the LOCK.PUB link locker and the Locker alias API",
  detailed = [[
    Creates protected links and memos on LOCK.PUB, and manages the mail aliases of a Locker account. Keeps to the
    services' rate limits, repeats only what is safe to repeat, and says of every failure whether the request took
    effect. Runs on Lua 5.1 and later and on LuaJIT, over libcurl or inside nginx with its Lua module.
  ]],
  homepage = "https://github.com/locksmith-lua/locksmith",
  license = "MIT",
}
dependencies = {
  "lua >= 5.1",
  "lua-cjson >= 2.1.0",
  "argparse >= 0.7.0",
}
build = {
  type = "make",
  build_target = "all",
  install_target = "install",
  install = {
    bin = { locksmith = "lua/locksmith/cli/locksmith" },
  },
  variables = {
    ROCK = "yes",
    BUILD = "build/rock",
    CC = "$(CC)",
    CFLAGS = "$(CFLAGS)",
    LIBFLAG = "$(LIBFLAG)",
    LIB_EXTENSION = "$(LIB_EXTENSION)",
    OBJ_EXTENSION = "$(OBJ_EXTENSION)",
    LUA_INCDIR = "$(LUA_INCDIR)",
    LUADIR = "$(LUADIR)",
    LIBDIR = "$(LIBDIR)",
  },
}
