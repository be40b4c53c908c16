/* Takes out of what came of a call what no text may show. */
#include "binding.h"

/* JSON is decoded to 100 levels at most; this only guards the C stack. */
#define DEPTH_MAX 200

static bool shows(const lks_call_box *box, const char *text, size_t length) {
  return lks_secrets_shown(&box->secrets, lks_call_current_key(box->call), text, length);
}

/* Replaces the text on top of the stack where it shows something. */
static void redact_text(lua_State *L, lks_call_box *box) {
  size_t length;
  const char *text = lua_tolstring(L, -1, &length);
  lks_buffer_clear(&box->room);
  switch (lks_secrets_redact(&box->secrets, lks_call_current_key(box->call), text, length, &box->room)) {
  case LKS_REDACTION_NONE: return;
  case LKS_REDACTION_NO_MEMORY: lks_lua_no_memory(L); return;
  case LKS_REDACTION_DONE: break;
  }
  lua_pop(L, 1);
  lua_pushlstring(L, box->room.data, box->room.length);
}

/* Replaces the value on top of the stack: a table by a copy. */
static void redact_value(lua_State *L, lks_call_box *box, int depth) {
  if (lua_type(L, -1) == LUA_TSTRING) redact_text(L, box);
  if (!lua_istable(L, -1)) return;
  if (depth >= DEPTH_MAX) {
    lua_pop(L, 1);
    lua_pushliteral(L, "[too deep]");
    return;
  }
  lks_lua_check_stack(L, 6);
  int table = lua_gettop(L);
  lua_newtable(L);
  lua_pushnil(L);
  while (lua_next(L, table)) { /* copy, name, value */
    lua_pushvalue(L, -2);
    redact_value(L, box, depth + 1);
    lua_pushvalue(L, -2);
    redact_value(L, box, depth + 1);
    lua_rawset(L, table + 1);
    lua_settop(L, table + 2);
  }
  lua_replace(L, table);
}

/* call:redact(value) -> the value without secrets, a copy where it is a table */
static int call_redact(lua_State *L) {
  lks_call_box *box = lks_lua_check_call(L);
  lua_settop(L, 2);
  redact_value(L, box, 0);
  return 1;
}

/* Whether a name or a value in the table on top of the stack shows something. */
static bool is_shown(lua_State *L, const lks_call_box *box) {
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    for (int index = -2; index <= -1; index++) {
      size_t length;
      if (lua_type(L, index) != LUA_TSTRING) continue;
      const char *text = lua_tolstring(L, index, &length);
      if (!shows(box, text, length)) continue;
      lua_pop(L, 2);
      return true;
    }
    lua_pop(L, 1);
  }
  return false;
}

/* call:headers(headers | nil) -> those of an answer, as raw lines or as a table, as a table by lower-case names without
 * secrets; nil for nil. Every answer has some, and next to none shows anything: raw lines are looked at as one text. */
static int call_headers(lua_State *L) {
  lks_call_box *box = lks_lua_check_call(L);
  lua_settop(L, 2);
  if (lua_type(L, 2) == LUA_TSTRING) {
    size_t length;
    const char *lines = lua_tolstring(L, 2, &length);
    bool as_sent = lks_lua_push_headers(L, lines, length);
    if (as_sent && !shows(box, lines, length)) return 1;
  }
  if (lua_istable(L, -1) && is_shown(L, box)) redact_value(L, box, 0);
  return 1;
}

void lks_lua_open_secrets(lua_State *L) {
  static const luaL_Reg methods[] = {{"redact", call_redact}, {"headers", call_headers}, {NULL, NULL}};
  lks_lua_add_methods(L, LKS_CALL_TYPE, methods);
}
