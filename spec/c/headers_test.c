#include "core/headers.h"

#include <stdint.h>
#include <string.h>

#include "guard.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Reads lines that end at an unreadable page. */
static lks_policy_headers read_bytes(const char *lines, size_t length) {
  lks_policy_headers headers;
  memset(&headers, 'x', sizeof headers);
  lks_headers_clear(&headers);
  lks_headers_read(&headers, guard_place(lines, length), length);
  return headers;
}

static lks_policy_headers read_lines(const char *lines) {
  return read_bytes(lines, strlen(lines));
}

static void test_values_that_policy_reads_are_found(void) {
  lks_policy_headers headers = read_lines("Content-Type: application/json\r\n"
                                          "Retry-After: 120\r\n"
                                          "X-Api-Quota-Limit: 1000\r\n"
                                          "X-Api-Quota-Remaining: 7\r\n"
                                          "X-Api-Quota-Reset: 2026-01-01T00:00:00Z\r\n"
                                          "\r\n");
  CHECK_TEXT(headers.retry_after, "120");
  CHECK_TEXT(headers.quota_limit, "1000");
  CHECK_TEXT(headers.quota_remaining, "7");
  CHECK_TEXT(headers.quota_reset, "2026-01-01T00:00:00Z");
}

static void test_absent_headers_look_absent(void) {
  lks_policy_headers headers = read_lines("X-Other: 1\nRetry: 2\n");
  CHECK(lks_headers_value(headers.retry_after) == NULL);
  CHECK(lks_headers_value(headers.quota_limit) == NULL);
  CHECK(lks_headers_value(headers.quota_remaining) == NULL);
  CHECK(lks_headers_value(headers.quota_reset) == NULL);
  CHECK_TEXT(lks_headers_value("0"), "0");
  headers = read_bytes(NULL, 0);
  CHECK(lks_headers_value(headers.retry_after) == NULL);
}

static void test_lines_in_every_form(void) {
  static const struct {
    const char *lines, *value; /* of Retry-After; NULL: none */
  } rows[] = {
      {"Retry-After: 5\r\n", "5"},
      {"Retry-After: 5\n", "5"},
      {"Retry-After: 5", "5"},
      {"Retry-After:5\r", "5"},
      {"RETRY-AFTER: 5\r\n", "5"},
      {"retry-after: 5\r\n", "5"},
      {"Retry-After: \t 5 \t \r\n", "5"},
      {"Retry-After: Tue, 14 Nov 2023 22:13:20 GMT\r\n", "Tue, 14 Nov 2023 22:13:20 GMT"},
      {"Retry-After: a:b:c\r\n", "a:b:c"},
      {"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\n", "5"},
      {"Retry-After: 5\r\nRetry-After: 9\r\n", "5"},
      {"Retry-After:\r\nRetry-After: 9\r\n", "9"},
      {"\n\n\nRetry-After: 5\n\n", "5"},
      {"\r\nRetry-After: 5", "5"},
      {"Retry-After:", NULL},
      {"Retry-After: \r\n", NULL},
      {"Retry-After", NULL},
      {"Retry-After\r\n: 5\r\n", NULL},
      {"Retry-After : 5\r\n", NULL},
      {" Retry-After: 5\r\n", NULL},
      {"Retry-After:\r\n 5\r\n", "5"},
      {"Retry-After:\n\t\n 5", "5"},
      {"X-Other: 1\r\n Retry-After: 5\r\n", NULL},
      {"Retry-Afte: 5\r\n", NULL},
      {"Retry-Afterr: 5\r\n", NULL},
      {"X-Retry-After: 5\r\n", NULL},
      {": 5\r\n", NULL},
      {":", NULL},
      {"r", NULL},
      {"x", NULL},
      {"R:", NULL},
      {"\n", NULL},
      {"", NULL},
      {"Retry_After: 5\r\n", NULL},
      /* The bit that tells capitals from small letters is no licence for other bytes. */
      {"RETRY\rAFTER: 5\r\n", NULL},
      {"\xF2"
       "etry-After: 5\r\n",
       NULL},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    lks_policy_headers headers = read_lines(rows[i].lines);
    const char *value = lks_headers_value(headers.retry_after);
    if (rows[i].value != NULL)
      CHECK_TEXT(value, rows[i].value);
    else
      CHECK(value == NULL);
  }
}

/* One list, whether its members share a line or not: RFC 9110, 5.3. */
static void test_first_readable_member_of_a_list_counts(void) {
  static const struct {
    const char *name;
    const char *members[4]; /* NULL ends them */
    const char *value;
  } rows[] = {
      {"Retry-After", {"5", "5"}, "5"},
      {"Retry-After", {"5", "9"}, "5"},
      {"Retry-After", {"soon", "9"}, "9"},
      {"Retry-After", {"", "9"}, "9"},
      {"Retry-After", {"-1", "1.5", "2"}, "1.5"},
      {"Retry-After", {"Wed, 21 Oct 2015 07:28:00 GMT", "5"}, "Wed, 21 Oct 2015 07:28:00 GMT"},
      {"Retry-After", {"5", "Wed, 21 Oct 2015 07:28:00 GMT"}, "5"},
      {"Retry-After", {"later", "Wed, 21 Oct 2015 07:28:00 GMT"}, "Wed, 21 Oct 2015 07:28:00 GMT"},
      {"Retry-After", {"Wed, 21 Oct", "Sunday, 06-Nov-94 08:49:37 GMT"}, "Sunday, 06-Nov-94 08:49:37 GMT"},
      {"Retry-After", {"Wed, 31 Feb 2015 07:28:00 GMT", "Sun Nov  6 08:49:37 1994"}, "Sun Nov  6 08:49:37 1994"},
      {"X-Api-Quota-Limit", {"1000", "1000"}, "1000"},
      {"X-Api-Quota-Limit", {"none", "1000"}, "1000"},
      {"X-Api-Quota-Remaining", {"7", "8", "9"}, "7"},
      {"X-Api-Quota-Remaining", {"-3", "7.5", "0x8", "9"}, "9"},
      {"X-Api-Quota-Reset", {"never", "2026-01-01T00:00:00Z"}, "2026-01-01T00:00:00Z"},
      {"X-Api-Quota-Reset", {"Wed, 21 Oct 2015 07:28:00 GMT", "1"}, "Wed, 21 Oct 2015 07:28:00 GMT"},
  };
  static const char *const glues[] = {", ", ",", " ,\t", ",,", ",\r\n ", "\r\n\t,", NULL};
  for (size_t i = 0; i < COUNT(rows); i++) {
    for (size_t g = 0; g < COUNT(glues); g++) { /* NULL: lines of their own */
      char text[512];
      size_t used = (size_t)snprintf(text, sizeof text, "%s: ", rows[i].name);
      for (size_t m = 0; m < 4 && rows[i].members[m] != NULL; m++) {
        if (m > 0 && glues[g] != NULL) used += (size_t)snprintf(text + used, sizeof text - used, "%s", glues[g]);
        if (m > 0 && glues[g] == NULL)
          used += (size_t)snprintf(text + used, sizeof text - used, "\r\n%s: ", rows[i].name);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s", rows[i].members[m]);
      }
      lks_policy_headers headers = read_lines(text);
      const char *value = rows[i].name[0] == 'R'                    ? headers.retry_after
                          : strcmp(rows[i].name + 12, "Limit") == 0 ? headers.quota_limit
                          : strcmp(rows[i].name + 12, "Reset") == 0 ? headers.quota_reset
                                                                    : headers.quota_remaining;
      CHECK_TEXT(value, rows[i].value);
    }
  }
}

static void test_number_in_groups_of_three_is_no_list(void) {
  static const struct {
    const char *text, *value;
  } rows[] = {
      {"5,000", "5,000"},     {"12,345", "12,345"}, {"1,000,000", "1,000,000"},
      {"999,998", "999,998"}, {"999,999", "999"},   {"7,7", "7"},
      {"7,77", "7"},          {"7,7777", "7"},      {"1000,1000", "1000"},
      {"5, 000", "5"},        {"5,000,", "5"},      {",5,000", "5"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    char line[64];
    (void)snprintf(line, sizeof line, "X-Api-Quota-Remaining: %s\r\n", rows[i].text);
    CHECK_TEXT(read_lines(line).quota_remaining, rows[i].value);
  }
  CHECK_TEXT(read_lines("Retry-After: 5,000").retry_after, "5");
}

static void test_list_of_any_length_is_searched(void) {
  enum { MEMBERS = 50000 };
  static char line[MEMBERS * 2 + 64];
  size_t used = (size_t)snprintf(line, sizeof line, "Retry-After: ");
  for (size_t i = 0; i < MEMBERS; i++, used += 2) memcpy(line + used, "x,", 2);
  (void)snprintf(line + used, sizeof line - used, "5");
  lks_policy_headers headers;
  lks_headers_clear(&headers);
  lks_headers_read(&headers, line, strlen(line));
  CHECK_TEXT(headers.retry_after, "5");
}

static void test_what_cannot_be_read_is_kept_until_something_can(void) {
  lks_policy_headers headers;
  lks_headers_clear(&headers);
  lks_headers_take(&headers, "retry-after", 11, "soon", 4);
  CHECK_TEXT(headers.retry_after, "soon");
  lks_headers_take(&headers, "retry-after", 11, "later", 5);
  CHECK_TEXT(headers.retry_after, "soon");
  lks_headers_take(&headers, "retry-after", 11, "5", 1);
  CHECK_TEXT(headers.retry_after, "5");
  lks_headers_take(&headers, "retry-after", 11, "6", 1);
  CHECK_TEXT(headers.retry_after, "5");
}

static void test_nul_makes_a_value_unreadable_not_shorter(void) {
  static const char inside[] = "Retry-After: 5\0"
                               "0\r\nX-Api-Quota-Limit: 3\r\n";
  static const char in_name[] = "Retry-After\0: 5\r\n";
  lks_policy_headers headers = read_bytes(inside, sizeof inside - 1);
  CHECK(lks_headers_value(headers.retry_after) == NULL);
  CHECK_TEXT(headers.quota_limit, "3");
  headers = read_bytes(in_name, sizeof in_name - 1);
  CHECK(lks_headers_value(headers.retry_after) == NULL);
}

static void test_value_that_is_too_long_is_left_out(void) {
  char line[LKS_HEADER_VALUE_MAX + 64];
  for (size_t length = LKS_HEADER_VALUE_MAX - 2; length <= LKS_HEADER_VALUE_MAX + 2; length++) {
    size_t used = (size_t)snprintf(line, sizeof line, "X-Api-Quota-Reset: ");
    memset(line + used, '9', length);
    memcpy(line + used + length, " \r\n", 4);
    lks_policy_headers headers = read_lines(line);
    CHECK_INT(strlen(headers.quota_reset), length < LKS_HEADER_VALUE_MAX ? length : 0);
  }
}

static void test_headers_may_come_one_by_one(void) {
  lks_policy_headers headers;
  lks_headers_clear(&headers);
  lks_headers_take(&headers, guard_place("", 0), 0, "5", 1);
  lks_headers_take(&headers, "retry-after", 11, NULL, 0);
  lks_headers_take(&headers, "retry-after", 11, guard_place(" 7 ", 3), 3);
  lks_headers_take(&headers, "X-API-QUOTA-REMAINING", 21, guard_place("0", 1), 1);
  lks_headers_take(&headers, guard_place("x", 1), 1, "5", 1);
  CHECK_TEXT(headers.retry_after, "7");
  CHECK_TEXT(headers.quota_remaining, "0");
  CHECK_TEXT(headers.quota_limit, "");
  CHECK_TEXT(headers.quota_reset, "");
}

static void test_what_comes_later_may_stand_first(void) {
  static const struct {
    const char *values[3];
    const char *kept;
  } rows[] = {{{"5", "6", NULL}, "6"},
              {{"5", "x", NULL}, "5"},
              {{"x", "6", NULL}, "6"},
              {{"x", "y", NULL}, "y"},
              {{"5", "x", "7"}, "7"}};
  size_t which = lks_headers_find("Retry-After", 11);
  CHECK(which < LKS_POLICY_HEADERS);
  CHECK_INT(lks_headers_find("retry-afteR", 10), LKS_POLICY_HEADERS);
  CHECK_INT(lks_headers_find(guard_place("", 0), 0), LKS_POLICY_HEADERS);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    lks_policy_headers headers;
    lks_headers_clear(&headers);
    for (size_t j = 0; j < 3 && rows[i].values[j] != NULL; j++)
      lks_headers_add_first(&headers, which, rows[i].values[j], strlen(rows[i].values[j]));
    lks_headers_add_first(&headers, LKS_POLICY_HEADERS, "9", 1);
    lks_headers_add(&headers, LKS_POLICY_HEADERS, "9", 1);
    CHECK_TEXT(headers.retry_after, rows[i].kept);
  }
}

/* All headers of the lines as "name|value;", unfolded. */
static const char *spelled(const char *lines, size_t length) {
  static char out[1024];
  size_t used = 0;
  const char *next = length > 0 ? guard_place(lines, length) : NULL, *end = next + length;
  lks_header_line header;
  while (lks_headers_next(&next, end, &header)) {
    used += (size_t)snprintf(out + used, sizeof out - used, "%.*s|", (int)header.name_length, header.name);
    used += lks_headers_unfold(header.value, header.value_length, out + used);
    out[used++] = ';';
  }
  out[used] = '\0';
  return out;
}

static void test_lines_are_taken_apart_whatever_they_are(void) {
  static const struct {
    const char *lines, *headers;
  } rows[] = {
      {"", ""},
      {"\r\n\r\n", ""},
      {"HTTP/1.1 200 OK\r\nA: 1\r\nB:2\n", "A|1;B|2;"},
      {"A: 1", "A|1;"},
      {"A:", "A|;"},
      {"A: \r\n B\r\n", "A|B;"},
      {"A: 1\r\n 2\n\t 3 \r\nB: 4", "A|1 2 3;B|4;"},
      {"A: 1 \r\n \r\n  2", "A|1 2;"},
      {"A: 1\n ", "A|1;"},
      {" A: 1\r\nB: 2", "B|2;"},
      {": 1\nB: 2\n:", "B|2;"},
      {"A\n : 1\nB: 2", "B|2;"},
      {"A : 1", "A |1;"},
      {"a:b:c", "a|b:c;"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) CHECK_TEXT(spelled(rows[i].lines, strlen(rows[i].lines)), rows[i].headers);
  CHECK_TEXT(spelled(NULL, 0), "");
}

/* Every line cut at every place, and bytes of every value: nothing is read past the end. */
static void test_hostile_bytes_are_survived(void) {
  static const char lines[] =
      "Retry-After: 5\r\nX-Api-Quota-Limit: 1\r\nX-Api-Quota-Remaining: 2\nX-Api-Quota-Reset: 3";
  for (size_t length = 0; length < sizeof lines; length++) {
    for (size_t from = 0; from <= length; from++) read_bytes(lines + from, length - from);
  }
  uint64_t state = 1;
  for (int i = 0; i < 20000; i++) {
    char bytes[64];
    size_t length = (size_t)(state >> 33) % sizeof bytes;
    for (size_t j = 0; j < length; j++) {
      state = state * UINT64_C(6364136223846793005) + 1;
      static const char likely[] = "rRxX-: \t\r\n\0eE,59";
      bytes[j] = (state >> 40) % 4 ? likely[(state >> 33) % sizeof likely] : (char)(state >> 50);
    }
    state = state * UINT64_C(6364136223846793005) + 1;
    lks_policy_headers headers = read_bytes(bytes, length);
    CHECK(memchr(headers.retry_after, '\0', sizeof headers.retry_after) != NULL);
  }
}

int main(void) {
  RUN(test_values_that_policy_reads_are_found);
  RUN(test_absent_headers_look_absent);
  RUN(test_lines_in_every_form);
  RUN(test_first_readable_member_of_a_list_counts);
  RUN(test_number_in_groups_of_three_is_no_list);
  RUN(test_list_of_any_length_is_searched);
  RUN(test_what_cannot_be_read_is_kept_until_something_can);
  RUN(test_nul_makes_a_value_unreadable_not_shorter);
  RUN(test_value_that_is_too_long_is_left_out);
  RUN(test_headers_may_come_one_by_one);
  RUN(test_what_comes_later_may_stand_first);
  RUN(test_lines_are_taken_apart_whatever_they_are);
  RUN(test_hostile_bytes_are_survived);
  return TEST_END();
}
