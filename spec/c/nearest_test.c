#include "core/nearest.h"

#include "test.h"

static size_t distance(const char *name, const char *known) {
  return lks_nearest_distance(name, strlen(name), known, strlen(known));
}

static void slips_of_the_finger_count_one(void) {
  CHECK_INT(distance("timeout", "timeout"), 0);
  CHECK_INT(distance("timeot", "timeout"), 1);
  CHECK_INT(distance("timeoutt", "timeout"), 1);
  CHECK_INT(distance("tineout", "timeout"), 1);
  CHECK_INT(distance("tiemout", "timeout"), 1);
  CHECK_INT(distance("retries", "max_retries"), 3);
}

static void case_and_underscores_do_not_count(void) {
  CHECK_INT(distance("apiKey", "api_key"), 0);
  CHECK_INT(distance("maxretries", "max_retries"), 0);
  CHECK_INT(distance("", "___"), 0);
}

static void empty_names_are_as_far_as_the_other_is_long(void) {
  CHECK_INT(distance("", "rate"), 4);
  CHECK_INT(distance("rate", ""), 4);
}

static void names_beyond_the_limit_are_near_nothing(void) {
  char longest[LKS_NEAREST_MAX + 1];
  memset(longest, 'a', sizeof longest);
  CHECK_INT(lks_nearest_distance(longest, LKS_NEAREST_MAX, longest, LKS_NEAREST_MAX), 0);
  CHECK_INT(lks_nearest_distance(longest, LKS_NEAREST_MAX, "b", 1), LKS_NEAREST_MAX);
  CHECK(lks_nearest_distance(longest, sizeof longest, longest, sizeof longest) > LKS_NEAREST_MAX);
}

static void short_names_forgive_less(void) {
  CHECK(lks_nearest_is_slip(0, 1));
  CHECK(!lks_nearest_is_slip(1, 2));
  CHECK(lks_nearest_is_slip(1, 3));
  CHECK(lks_nearest_is_slip(2, 6));
  CHECK(!lks_nearest_is_slip(3, 60));
}

int main(void) {
  RUN(slips_of_the_finger_count_one);
  RUN(case_and_underscores_do_not_count);
  RUN(empty_names_are_as_far_as_the_other_is_long);
  RUN(names_beyond_the_limit_are_near_nothing);
  RUN(short_names_forgive_less);
  return TEST_END();
}
