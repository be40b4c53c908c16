#include "request.h"

#include <string.h>

#include "ascii.h"
#include "url.h"

#define ID_DIGITS_MAX 20

void lks_request_init(lks_request *request) {
  memset(request, 0, sizeof *request);
  lks_buffer_init(&request->url, LKS_URL_MAX);
  lks_buffer_init(&request->body, LKS_BODY_MAX);
}

void lks_request_free(lks_request *request) {
  lks_buffer_free(&request->url);
  lks_buffer_wipe(&request->body);
}

static lks_request_status url_status(const lks_request *request) {
  if (!request->url.failed) return LKS_REQUEST_OK;
  return request->url.full ? LKS_REQUEST_BAD_PATH : LKS_REQUEST_NO_MEMORY;
}

static bool set_method(lks_request *request, const char *method) {
  size_t length = strlen(method);
  if (length == 0 || length > LKS_METHOD_MAX) return false;
  for (size_t i = 0; i < length; i++)
    if (!lks_ascii_is_upper(method[i])) return false;
  memcpy(request->method, method, length + 1);
  return true;
}

static bool id_valid(const char *id, size_t length) {
  if (id == NULL || length == 0 || length > ID_DIGITS_MAX) return false;
  for (size_t i = 0; i < length; i++)
    if (!lks_ascii_is_digit(id[i])) return false;
  return true;
}

static void begin_url(lks_request *request, const char *base_url, const char *path_prefix) {
  lks_buffer_clear(&request->url);
  request->has_query = false;
  lks_buffer_append_text(&request->url, base_url);
  lks_buffer_append_text(&request->url, path_prefix);
}

lks_request_status lks_request_route(lks_request *request, const char *base_url, const char *path_prefix,
                                     const lks_operation *operation, const char *id, size_t id_length) {
  static const char placeholder[] = "{id}";
  if (!set_method(request, operation->method)) return LKS_REQUEST_BAD_METHOD;
  begin_url(request, base_url, path_prefix);
  lks_buffer_append(&request->url, "/", 1);
  const char *gap = (operation->flags & LKS_OPERATION_HAS_ID) ? strstr(operation->route, placeholder) : NULL;
  if (gap == NULL) {
    lks_buffer_append_text(&request->url, operation->route);
    return url_status(request);
  }
  if (!id_valid(id, id_length)) return LKS_REQUEST_BAD_ID;
  lks_buffer_append(&request->url, operation->route, (size_t)(gap - operation->route));
  lks_buffer_append(&request->url, id, id_length);
  lks_buffer_append_text(&request->url, gap + sizeof placeholder - 1);
  return url_status(request);
}

lks_request_status lks_request_path(lks_request *request, const char *base_url, const char *path_prefix,
                                    const char *method, const char *path, size_t path_length) {
  if (!set_method(request, method)) return LKS_REQUEST_BAD_METHOD;
  if (!lks_url_path_valid(path, path_length)) return LKS_REQUEST_BAD_PATH;
  bool absolute = path_length > 0 && path[0] == '/';
  begin_url(request, base_url, absolute ? "" : path_prefix);
  if (!absolute) lks_buffer_append(&request->url, "/", 1);
  lks_buffer_append(&request->url, path, path_length);
  return url_status(request);
}

lks_request_status lks_request_query(lks_request *request, const char *name, size_t name_length, const char *value,
                                     size_t value_length) {
  lks_buffer_append(&request->url, request->has_query ? "&" : "?", 1);
  request->has_query = true;
  lks_url_append_component(&request->url, name, name_length);
  lks_buffer_append(&request->url, "=", 1);
  lks_url_append_component(&request->url, value, value_length);
  return url_status(request);
}

lks_request_status lks_request_set_body(lks_request *request, const char *body, size_t length) {
  lks_buffer_wipe(&request->body);
  request->has_body = true;
  if (length > 0 && lks_buffer_reserve(&request->body, length)) lks_buffer_append(&request->body, body, length);
  if (!request->body.failed) return LKS_REQUEST_OK;
  return request->body.full ? LKS_REQUEST_TOO_LARGE : LKS_REQUEST_NO_MEMORY;
}

size_t lks_request_headers(const lks_request *request, const lks_key *key,
                           lks_header headers[LKS_REQUEST_HEADERS_MAX]) {
  size_t count = 0;
  if (key != NULL) headers[count++] = (lks_header){"Authorization", lks_key_authorization(key), true};
  headers[count++] = (lks_header){"Accept", "application/json", false};
  if (request->user_agent != NULL) headers[count++] = (lks_header){"User-Agent", request->user_agent, false};
  if (request->has_body) headers[count++] = (lks_header){"Content-Type", "application/json", false};
  return count;
}

const char *lks_request_status_text(lks_request_status status) {
  switch (status) {
  case LKS_REQUEST_OK: return "ok";
  case LKS_REQUEST_BAD_METHOD: return "method must be 1 to " LKS_LITERAL(LKS_METHOD_MAX) " upper-case letters";
  case LKS_REQUEST_BAD_PATH: return "path holds a character or segment that could change its meaning, or is too long";
  case LKS_REQUEST_BAD_ID: return "id must be a positive whole number of at most " LKS_LITERAL(ID_DIGITS_MAX) " digits";
  case LKS_REQUEST_TOO_LARGE: return "body is too large";
  case LKS_REQUEST_NO_MEMORY: return "out of memory";
  }
  return "unknown";
}
