#include "request_lines.h"

#include <stdlib.h>
#include <string.h>

/* Up to here no libcurl waits for "100 Continue" before it sends the body. */
#define SMALL_BODY 1000

/* What ends the lines: a name without a value keeps libcurl from adding a header of its own, be it a form's type or a
 * wait for "100 Continue". Compression is for lists; the answer to a body is one short object. */
static const char *const endings[][3] = {
    {"Content-Type:", NULL},
    {"Accept-Encoding:", NULL},
    {"Accept-Encoding:", "Expect:", NULL},
};

_Static_assert(sizeof endings / sizeof *endings == LKS_LINES_KINDS &&
                   sizeof *endings / sizeof **endings - 1 <= LKS_LINES_MAX - LKS_REQUEST_HEADERS_MAX,
               "each kind has an ending, and there is room for it");

lks_form lks_form_of(const lks_request *request) {
  if (strcmp(request->method, "HEAD") == 0) return LKS_FORM_HEAD;
  if (request->has_body) return LKS_FORM_BODY;
  bool writes = strcmp(request->method, "POST") == 0 || strcmp(request->method, "PUT") == 0 ||
                strcmp(request->method, "PATCH") == 0;
  return writes ? LKS_FORM_BODY : LKS_FORM_PLAIN;
}

static void wipe(lks_lines *lines) {
  for (size_t i = 0; i < lines->count; i++) {
    lks_wipe(lines->line[i], strlen(lines->line[i]));
    free(lines->line[i]);
  }
  lines->count = 0;
}

void lks_request_lines_wipe(lks_request_lines *kept) {
  for (size_t i = 0; i < sizeof kept->kind / sizeof *kept->kind; i++) wipe(&kept->kind[i]);
}

static bool is_header(const char *line, const lks_header *header) {
  size_t name = strlen(header->name);
  return strncmp(line, header->name, name) == 0 && line[name] == ':' && line[name + 1] == ' ' &&
         strcmp(line + name + 2, header->value) == 0;
}

static bool matches(const lks_lines *lines, const lks_header *headers, size_t count, const char *ending) {
  if (lines->count <= count) return false;
  for (size_t i = 0; i < count; i++)
    if (!is_header(lines->line[i], &headers[i])) return false;
  return strcmp(lines->line[count], ending) == 0;
}

static bool add_line(lks_lines *lines, const char *name, const char *separator, const char *value) {
  size_t lengths[] = {strlen(name), strlen(separator), strlen(value)};
  char *line = malloc(lengths[0] + lengths[1] + lengths[2] + 1);
  if (line == NULL) return false;
  memcpy(line, name, lengths[0]);
  memcpy(line + lengths[0], separator, lengths[1]);
  memcpy(line + lengths[0] + lengths[1], value, lengths[2] + 1);
  lines->line[lines->count++] = line;
  return true;
}

static bool fill(lks_lines *lines, const lks_header *headers, size_t count, const char *const *ending) {
  for (size_t i = 0; i < count; i++)
    if (!add_line(lines, headers[i].name, ": ", headers[i].value)) return false;
  for (; *ending != NULL; ending++)
    if (!add_line(lines, *ending, "", "")) return false;
  return true;
}

const lks_lines *lks_request_lines_get(lks_request_lines *kept, const lks_request *request, const lks_key *key) {
  lks_header headers[LKS_REQUEST_HEADERS_MAX];
  size_t count = lks_request_headers(request, key, headers);
  size_t which = !request->has_body ? 0 : request->body.length <= SMALL_BODY ? 1 : 2;
  lks_lines *lines = &kept->kind[which];
  if (matches(lines, headers, count, endings[which][0])) return lines;
  lks_request_lines_wipe(kept); /* all, so that none keeps a replaced key */
  if (fill(lines, headers, count, endings[which])) return lines;
  wipe(lines);
  return NULL;
}
