#include "core/memory_store.h"

#include "pace_peek.h"
#include "test.h"

#define T0 (INT64_C(1700000000) * LKS_SECOND)
#define NAME_SIZE 40

static const char *numbered(char *name, int number) {
  snprintf(name, NAME_SIZE, "lockpub:%d", number);
  return name;
}

/* The quota's limit serves as a mark by which a state is known again. */
static long long mark_of(lks_memory_store *store, int number) {
  char name[NAME_SIZE];
  lks_state *state = lks_memory_store_get(store, numbered(name, number));
  CHECK(state != NULL);
  return state == NULL ? -1 : state->quota.limit;
}

static void mark(lks_memory_store *store, int number) {
  char name[NAME_SIZE];
  lks_state *state = lks_memory_store_get(store, numbered(name, number));
  CHECK(state != NULL);
  if (state != NULL) state->quota.limit = number;
}

static void new_state_is_empty(void) {
  lks_memory_store *store = lks_memory_store_new();
  lks_state *state = lks_memory_store_get(store, "lockpub:a");
  const lks_windows none = {.count = 0};
  CHECK(!state->quota.known);
  CHECK_INT(lks_quota_left(&state->quota, T0), -1);
  CHECK_INT(pace_peek(state->pace, &none, T0), T0);
  lks_memory_store_free(store);
}

static void same_name_is_the_same_state_and_another_is_not(void) {
  lks_memory_store *store = lks_memory_store_new();
  char name[NAME_SIZE];
  lks_state *a = lks_memory_store_get(store, numbered(name, 1));
  a->quota.limit = 7;
  CHECK(lks_memory_store_get(store, numbered(name, 2)) != a); /* the name was copied */
  CHECK(lks_memory_store_get(store, "") != a);
  CHECK(lks_memory_store_get(store, "lockpub:1") == a);
  CHECK_INT(a->quota.limit, 7);
  lks_memory_store_free(store);
}

static void names_of_equal_hash_are_told_apart(void) {
  lks_memory_store *store = lks_memory_store_new();
  lks_state *a = lks_memory_store_get(store, "costarring");
  CHECK(lks_memory_store_get(store, "liquid") != a); /* a known collision of 32-bit FNV-1a */
  CHECK(lks_memory_store_get(store, "costarring") == a);
  lks_memory_store_free(store);
}

static void stores_are_independent(void) {
  lks_memory_store *one = lks_memory_store_new(), *other = lks_memory_store_new();
  mark(one, 1);
  CHECK_INT(mark_of(other, 1), 0);
  lks_memory_store_free(one);
  CHECK_INT(mark_of(other, 1), 0);
  lks_memory_store_free(other);
}

static void all_names_up_to_the_bound_are_kept(void) {
  lks_memory_store *store = lks_memory_store_new();
  for (int i = 1; i <= LKS_MEMORY_STORE_MAX; i++) mark(store, i);
  for (int i = 1; i <= LKS_MEMORY_STORE_MAX; i++) CHECK_INT(mark_of(store, i), i);
  lks_memory_store_free(store);
}

static void name_used_longest_ago_makes_room(void) {
  lks_memory_store *store = lks_memory_store_new();
  for (int i = 1; i <= LKS_MEMORY_STORE_MAX; i++) mark(store, i);
  CHECK_INT(mark_of(store, 1), 1);
  mark(store, LKS_MEMORY_STORE_MAX + 1);
  CHECK_INT(mark_of(store, 1), 1);
  CHECK_INT(mark_of(store, 3), 3);
  CHECK_INT(mark_of(store, 2), 0); /* gone, and made anew in place of 4 */
  CHECK_INT(mark_of(store, 5), 5);
  CHECK_INT(mark_of(store, 4), 0);
  lks_memory_store_free(store);
}

static void many_names_take_no_more_memory(void) {
  long live = test_alloc_live();
  lks_memory_store *store = lks_memory_store_new();
  for (int i = 0; i < LKS_MEMORY_STORE_MAX; i++) mark(store, i);
  long full = test_alloc_live();
  for (int i = 0; i < 100000; i++) mark(store, i * 7919 % 50021);
  CHECK_INT(test_alloc_live(), full);
  lks_memory_store_free(store);
  CHECK_INT(test_alloc_live(), live);
}

static void every_allocation_may_fail(void) {
  long live = test_alloc_live();
  int failed = 1;
  for (long nth = 1; failed; nth++) {
    test_fail_alloc(nth);
    lks_memory_store *store = lks_memory_store_new();
    failed = test_alloc_failed();
    CHECK((store == NULL) == failed);
    for (int i = 0; store != NULL && i < 3; i++) {
      char name[NAME_SIZE];
      lks_state *state = lks_memory_store_get(store, numbered(name, i));
      CHECK((state == NULL) == (test_alloc_failed() && !failed));
      failed = test_alloc_failed();
      CHECK(lks_memory_store_get(store, name) != NULL);
    }
    test_fail_alloc(0);
    lks_memory_store_free(store);
    CHECK_INT(test_alloc_live(), live);
  }
}

static void failure_in_a_full_store_evicts_nothing(void) {
  lks_memory_store *store = lks_memory_store_new();
  for (int i = 1; i <= LKS_MEMORY_STORE_MAX; i++) mark(store, i);
  for (long nth = 1; nth <= 2; nth++) {
    test_fail_alloc(nth);
    CHECK(lks_memory_store_get(store, "another") == NULL);
  }
  test_fail_alloc(0);
  for (int i = 1; i <= LKS_MEMORY_STORE_MAX; i++) CHECK_INT(mark_of(store, i), i);
  lks_memory_store_free(store);
}

int main(void) {
  RUN(new_state_is_empty);
  RUN(same_name_is_the_same_state_and_another_is_not);
  RUN(names_of_equal_hash_are_told_apart);
  RUN(stores_are_independent);
  RUN(all_names_up_to_the_bound_are_kept);
  RUN(name_used_longest_ago_makes_room);
  RUN(many_names_take_no_more_memory);
  RUN(every_allocation_may_fail);
  RUN(failure_in_a_full_store_evicts_nothing);
  return TEST_END();
}
