#include "header_lists.h"

#include <stdlib.h>
#include <string.h>

/* Up to here no libcurl waits for "100 Continue" before it sends the body. */
#define SMALL_BODY 1000

/* What ends a list: a name without a value keeps libcurl from adding a header of its own, be it a form's type or a wait
 * for "100 Continue". Compression is for lists; the answer to a body is one short object. */
static const char *const endings[][3] = {
    {"Content-Type:", NULL},
    {"Accept-Encoding:", NULL},
    {"Accept-Encoding:", "Expect:", NULL},
};

static void wipe(lks_header_list *list) {
  for (size_t i = 0; i < list->count; i++) {
    lks_wipe(list->line[i], strlen(list->line[i]));
    free(list->line[i]);
  }
  list->count = 0;
}

void lks_header_lists_wipe(lks_header_lists *lists) {
  for (size_t i = 0; i < sizeof lists->list / sizeof *lists->list; i++) wipe(&lists->list[i]);
}

static bool is_header(const char *line, const lks_header *header) {
  size_t name = strlen(header->name);
  return strncmp(line, header->name, name) == 0 && line[name] == ':' && line[name + 1] == ' ' &&
         strcmp(line + name + 2, header->value) == 0;
}

static bool matches(const lks_header_list *list, const lks_header *headers, size_t count, const char *ending) {
  if (list->count <= count) return false;
  for (size_t i = 0; i < count; i++)
    if (!is_header(list->line[i], &headers[i])) return false;
  return strcmp(list->line[count], ending) == 0;
}

static bool add_line(lks_header_list *list, const char *name, const char *separator, const char *value) {
  size_t lengths[] = {strlen(name), strlen(separator), strlen(value)};
  char *line = malloc(lengths[0] + lengths[1] + lengths[2] + 1);
  if (line == NULL) return false;
  memcpy(line, name, lengths[0]);
  memcpy(line + lengths[0], separator, lengths[1]);
  memcpy(line + lengths[0] + lengths[1], value, lengths[2] + 1);
  list->line[list->count++] = line;
  return true;
}

static bool fill(lks_header_list *list, const lks_header *headers, size_t count, const char *const *ending) {
  for (size_t i = 0; i < count; i++)
    if (!add_line(list, headers[i].name, ": ", headers[i].value)) return false;
  for (; *ending != NULL; ending++)
    if (!add_line(list, *ending, "", "")) return false;
  return true;
}

const lks_header_list *lks_header_lists_get(lks_header_lists *lists, const lks_request *request, const lks_key *key) {
  lks_header headers[LKS_REQUEST_HEADERS_MAX];
  size_t count = lks_request_headers(request, key, headers);
  size_t which = !request->has_body ? 0 : request->body.length <= SMALL_BODY ? 1 : 2;
  lks_header_list *list = &lists->list[which];
  if (matches(list, headers, count, endings[which][0])) return list;
  lks_header_lists_wipe(lists); /* all, so that none keeps a replaced key */
  if (fill(list, headers, count, endings[which])) return list;
  wipe(list);
  return NULL;
}
