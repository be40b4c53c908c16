#include "core/snake.h"

#include <string.h>

#include "guard.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void test_names(void) {
  static const struct {
    const char *name, *snake; /* NULL: as it is */
  } rows[] = {{"", NULL},
              {"id", NULL},
              {"short_url", NULL},
              {"shortUrl", "short_url"},
              {"targetURL", "target_url"},
              {"URLTarget", "url_target"},
              {"ID", "id"},
              {"Type", "type"},
              {"v2Id", "v2_id"},
              {"aB", "a_b"},
              {"ABc", "a_bc"},
              {"\xC3\x84rger", NULL},
              {"a-B", "a-b"}};
  for (size_t i = 0; i < COUNT(rows); i++) {
    size_t length = strlen(rows[i].name);
    char out[LKS_SNAKE_SIZE + 1];
    size_t written = lks_snake(guard_place(rows[i].name, length), length, out);
    out[written] = '\0';
    CHECK_TEXT(out, rows[i].snake == NULL ? "" : rows[i].snake);
  }
}

static void test_long_names_stay(void) {
  char name[LKS_SNAKE_NAME_MAX + 1], out[LKS_SNAKE_SIZE];
  for (size_t i = 0; i < sizeof name; i++) name[i] = i % 2 ? 'A' : 'a';
  CHECK_INT(lks_snake(name, LKS_SNAKE_NAME_MAX, out), LKS_SNAKE_NAME_MAX + LKS_SNAKE_NAME_MAX / 2);
  CHECK_INT(lks_snake(name, sizeof name, out), 0);
}

int main(void) {
  RUN(test_names);
  RUN(test_long_names_stay);
  return TEST_END();
}
