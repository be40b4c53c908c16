#include "binding.h"

/* The text of a copy on the stack, which a number turns into; NULL when it is neither, or empty. */
static const char *text_at(lua_State *L, int index) {
  int type = lua_type(L, index);
  const char *text = type == LUA_TSTRING || type == LUA_TNUMBER ? lua_tostring(L, index) : NULL;
  return text != NULL && text[0] != '\0' ? text : NULL;
}

/* Pushes table[name] and returns its text, NULL when it has none. */
static const char *push_text(lua_State *L, int table, const char *name) {
  lua_pushstring(L, name);
  lua_rawget(L, table);
  return text_at(L, lua_gettop(L));
}

static const char *first_text(lua_State *L, int table, const char *const *names) {
  for (; *names != NULL; names++) {
    const char *text = push_text(L, table, *names);
    if (text != NULL) return text;
  }
  return NULL;
}

void lks_lua_read_refusal(lua_State *L, int body, lks_refusal *refusal) {
  static const char *const codes[] = {"code", "error_code", "errorCode", "type", NULL};
  static const char *const messages[] = {"message", "detail", "error_description", "msg", "reason", "title", NULL};
  lks_lua_check_stack(L, 40);
  if (lua_type(L, body) == LUA_TSTRING) refusal->message = text_at(L, body);
  if (!lua_istable(L, body)) return;
  refusal->code = first_text(L, body, codes);
  refusal->message = first_text(L, body, messages);
  const char *error = push_text(L, body, "error");
  int inner = lua_gettop(L);
  if (error != NULL) {
    if (refusal->message == NULL)
      refusal->message = error;
    else if (refusal->code == NULL)
      refusal->code = error;
    return;
  }
  if (!lua_istable(L, inner)) {
    lua_pushliteral(L, "errors");
    lua_rawget(L, body);
    if (!lua_istable(L, -1)) return;
    lua_rawgeti(L, -1, 1);
    inner = lua_gettop(L);
    if (refusal->message == NULL) refusal->message = text_at(L, inner);
    if (!lua_istable(L, inner)) return;
  }
  if (refusal->code == NULL) refusal->code = first_text(L, inner, codes);
  if (refusal->message == NULL) refusal->message = first_text(L, inner, messages);
}
