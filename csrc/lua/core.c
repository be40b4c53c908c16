/* The module locksmith.core. */
#include "binding.h"

#include "interrupt.h"

int luaopen_locksmith_core(lua_State *L);

int luaopen_locksmith_core(lua_State *L) {
  lks_interrupt_open(L);
  lua_newtable(L);
  lks_lua_open_attach(L);
  lks_lua_open_key(L);
  lks_lua_open_service(L);
  lks_lua_open_limits(L);
  lks_lua_open_client(L);
  lks_lua_open_call(L);
  lks_lua_open_response(L);
  lks_lua_open_result(L);
  lks_lua_open_secrets(L);
  lks_lua_open_memory(L);
  lks_lua_open_state(L);
  lks_lua_open_field(L);
  lks_lua_open_nearest(L);
  lks_lua_open_file(L);
  lks_lua_open_journal(L);
  lks_lua_open_digest(L);
  lks_lua_open_link(L);
  lks_lua_open_url(L);
  lks_lua_open_utf8(L);
  lks_lua_open_json(L);
  lks_lua_open_headers(L);
  lks_lua_open_quota(L);
  lks_lua_open_time(L);
  lks_lua_open_system(L);
  lks_lua_open_signals(L);
  lks_lua_open_terminal(L);
  lks_lua_open_folder(L);
  lks_lua_open_descriptors(L);
  return 1;
}
