/* The few words the C tests are written in. A test program runs its cases and ends with "N passed, N failed". */
#ifndef LKS_TEST_H
#define LKS_TEST_H

#include <stdio.h>
#include <string.h>

#include "fail_alloc.h"

static int test_passed, test_failed, test_case_failed;

#define CHECK(condition)                                                                                               \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      test_case_failed = 1;                                                                                            \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                                  \
    }                                                                                                                  \
  } while (0)

#define CHECK_INT(actual, expected)                                                                                    \
  do {                                                                                                                 \
    long long actual_ = (long long)(actual), expected_ = (long long)(expected);                                        \
    if (actual_ != expected_) {                                                                                        \
      test_case_failed = 1;                                                                                            \
      fprintf(stderr, "%s:%d: %s is %lld, expected %lld\n", __FILE__, __LINE__, #actual, actual_, expected_);          \
    }                                                                                                                  \
  } while (0)

#define CHECK_TEXT(actual, expected)                                                                                   \
  do {                                                                                                                 \
    const char *actual_ = (actual), *expected_ = (expected);                                                           \
    if (actual_ == NULL || strcmp(actual_, expected_) != 0) {                                                          \
      test_case_failed = 1;                                                                                            \
      fprintf(stderr, "%s:%d: %s is \"%s\", expected \"%s\"\n", __FILE__, __LINE__, #actual,                           \
              actual_ ? actual_ : "(null)", expected_);                                                                \
    }                                                                                                                  \
  } while (0)

#define RUN(test)                                                                                                      \
  do {                                                                                                                 \
    test_case_failed = 0;                                                                                              \
    test();                                                                                                            \
    if (test_case_failed) {                                                                                            \
      test_failed++;                                                                                                   \
      fprintf(stderr, "failed: %s\n", #test);                                                                          \
    } else                                                                                                             \
      test_passed++;                                                                                                   \
  } while (0)

#define TEST_END() (printf("%d passed, %d failed\n", test_passed, test_failed), test_failed != 0)

#endif
