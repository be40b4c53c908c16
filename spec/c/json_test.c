#include "core/json.h"

#include <stdlib.h>

#include "guard.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define M "\\u0001"

/* What the guard makes of a text: the text itself where it needs no change, NULL where it is no JSON. */
static const char *guarded_bytes(const char *text, size_t length) {
  static char result[GUARD_MAXIMUM];
  lks_buffer out;
  lks_buffer_init(&out, sizeof result - 1);
  lks_json_status status = lks_json_guard(guard_place(text, length), length, &out);
  CHECK(status != LKS_JSON_NO_MEMORY);
  CHECK((status == LKS_JSON_REWRITTEN) == (out.length > 0) || status == LKS_JSON_MALFORMED);
  memcpy(result,
         status == LKS_JSON_AS_IS ? text
         : out.data               ? out.data
                                  : "",
         status == LKS_JSON_AS_IS ? length : out.length);
  result[status == LKS_JSON_AS_IS ? length : out.length] = '\0';
  lks_buffer_free(&out);
  return status == LKS_JSON_MALFORMED ? NULL : result;
}

static const char *guarded(const char *text) {
  return guarded_bytes(text, strlen(text));
}

static bool is_as_is(const char *text) {
  lks_buffer out;
  lks_buffer_init(&out, 0);
  return lks_json_guard(text, strlen(text), &out) == LKS_JSON_AS_IS;
}

static void test_what_needs_no_change_is_not_copied(void) {
  static const char *const rows[] = {
      "{}",
      " [ ] ",
      "null",
      "\"\"",
      "0",
      "-7",
      "123456789012345",
      "{\"a\":[true,false,null,{\"b\":\"c\"}],\"d\":{}}",
      "\t\r\n {\"a\" : 1 , \"b\" : [ 1 , 2 ] } \n",
      "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u0020\\uFFFF\\u00e9\"",
      "\"\\ud83d\\ude00\\uD83D\\uDE00\"",
      "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x94\x92\"",
      "\"raw \t\n\x1f\x7f controls\"",
      "{\"\\u0001\":\"a" M "\"}",
      "{\"a\":1,\"a\":2}",
      "\"9007199254740993 1.5 \\\"1e400\"",
  };
  for (size_t i = 0; i < COUNT(rows); i++) CHECK(is_as_is(rows[i]));
}

static void test_what_is_no_json_is_refused(void) {
  static const char *const rows[] = {
      "",
      " ",
      "\xEF\xBB\xBF",
      "{",
      "}",
      "[",
      "]",
      "[1,]",
      "[,1]",
      "[1 2]",
      "[1,,2]",
      "{\"a\"}",
      "{\"a\":}",
      "{\"a\":1,}",
      "{,}",
      "{\"a\" 1}",
      "{a:1}",
      "{1:1}",
      "{\"a\":1 \"b\":2}",
      "{\"a\":1]",
      "[1}",
      "[1] x",
      "{} {}",
      "[]]",
      "1 2",
      "nul",
      "nulll",
      "True",
      "NaN",
      "nan",
      "-NaN",
      "Infinity",
      "-Infinity",
      "inf",
      "undefined",
      "01",
      "-01",
      "00",
      "+1",
      ".5",
      "-.5",
      "1.",
      "1.e5",
      "1e",
      "1e+",
      "0x10",
      "0X1F",
      "1_000",
      "1,5",
      "-",
      "--1",
      "1e400",
      "-1e400",
      "[1e309]",
      "{\"a\":1.8e308}",
      "/**/1",
      "1//x",
      "[1/*x*/]",
      "#\n1",
      "'a'",
      "{'a':1}",
      "\"",
      "\"a",
      "\"\\\"",
      "\"\\",
      "\"\\x41\"",
      "\"\\'\"",
      "\"\\u12\"",
      "\"\\u12g4\"",
      "\"\\U0041\"",
      "\"\\u\"",
      "\"\\ud83d\\u12\"",
      "\"\\ud83d\\x\"",
      "a",
      "<html>",
      "\xEF\xBB",
      "\xEF\xBB\xBF\xEF\xBB\xBF{}",
      "\xC2\xA0{}",
      "\f1",
      "\v1",
      "(1)",
      "[1];",
      "cb({})",
      "\x01",
      "\xFF\xFE{",
      "{\"a\":1}}",
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    const char *result = guarded(rows[i]);
    CHECK(result == NULL);
    if (result != NULL) fprintf(stderr, "  was taken for JSON: %s\n", rows[i]);
  }
}

static void test_nul_ends_nothing(void) {
  static const char *const rows[] = {"[]\0junk",
                                     "[]\0",
                                     "\0[]",
                                     "[1\0]",
                                     "1\0",
                                     "\"a\0b\"",
                                     "{\"a\0\":1}",
                                     "[1,\0 2]",
                                     "tr\0ue",
                                     "\"\\\0\"",
                                     "{\0\"a\0\"\0:\0001\0}\0",
                                     "\0\0\0[\0\0\0]"};
  static const size_t lengths[] = {7, 3, 3, 4, 2, 5, 8, 7, 5, 4, 14, 8};
  for (size_t i = 0; i < COUNT(rows); i++) CHECK(guarded_bytes(rows[i], lengths[i]) == NULL);
}

static void test_bad_characters_become_replacement_characters(void) {
  static const struct {
    const char *text, *result;
  } rows[] = {
      {"\xEF\xBB\xBF{}", "{}"},
      {"\xEF\xBB\xBF 1", " 1"},
      {"\"\xEF\xBB\xBF\"", "\"\xEF\xBB\xBF\""},
      {"\"\\ud83d\"", "\"\\ufffd\""},
      {"\"\\uD83D\"", "\"\\ufffd\""},
      {"\"\\udbff\"", "\"\\ufffd\""},
      {"\"\\ude00\"", "\"\\ufffd\""},
      {"\"\\udc00\"", "\"\\ufffd\""},
      {"\"\\udfff\"", "\"\\ufffd\""},
      {"\"\\ud7ff\\ue000\"", "\"\\ud7ff\\ue000\""},
      {"\"\\ude00\\ud83d\"", "\"\\ufffd\\ufffd\""}, /* reversed */
      {"\"\\ud83d\\ud83d\\ude00\"", "\"\\ufffd\\ud83d\\ude00\""},
      {"\"\\ud83d\\ude00\\ude00\"", "\"\\ud83d\\ude00\\ufffd\""},
      {"\"\\ud83d\\n\"", "\"\\ufffd\\n\""},
      {"\"\\ud83d\\\\ude00\"", "\"\\ufffd\\\\ude00\""},
      {"\"\\ud83d\\\"\"", "\"\\ufffd\\\"\""},
      {"\"\\ud83d\\u0041\"", "\"\\ufffd\\u0041\""},
      {"\"a\\ud83dz\"", "\"a\\ufffdz\""},
      {"\"\\ud83d \\ude00\"", "\"\\ufffd \\ufffd\""},
      {"{\"\\ud83d\":1,\"b\":\"\\ude00\"}", "{\"\\ufffd\":1,\"b\":\"\\ufffd\"}"},
      {"[\"\\ud83d\",1.5,\"\\ude00\"]", "[\"\\ufffd\",15e-1,\"\\ufffd\"]"},
      {"\"a\xFFz\"", "\"a\\ufffdz\""},
      {"\"\xC3\"", "\"\\ufffd\""},
      {"\"\xE2\x82\"", "\"\\ufffd\""},
      {"\"\xE2\x82z\xF0\x9F\x94\"", "\"\\ufffdz\\ufffd\""},
      {"\"\xC0\x80\"", "\"\\ufffd\\ufffd\""},
      {"\"\xED\xA0\xBD\xED\xB8\x80\"", "\"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\""},
      {"{\"\x80\":\"\xF5\"}", "{\"\\ufffd\":\"\\ufffd\"}"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) CHECK_TEXT(guarded(rows[i].text), rows[i].result);
}

static void test_numbers_and_strings_are_marked_so_that_each_stays_what_it_is(void) {
  static const struct {
    const char *text, *result;
  } rows[] = {
      {"9007199254740993", "\"" M "9007199254740993\""},
      {"-9007199254740993", "\"" M "-9007199254740993\""},
      {"1000000000000000", "\"" M "1000000000000000\""},
      {"[123456789012345678901234567890,1]", "[\"" M "123456789012345678901234567890\",1]"},
      {"\"" M "#5\"", "\"" M M "#5\""},
      {"\"" M "9007199254740993\"", "\"" M M "9007199254740993\""},
      {"\"" M "\"", "\"" M M "\""},
      {"\"" M M "\"", "\"" M M M "\""},
      {"\"\x01 raw\"", "\"" M "\x01 raw\""},
      {"\"a" M "\"", "\"a" M "\""},
      {"{\"" M "1\":\"" M "2\"}", "{\"" M "1\":\"" M M "2\"}"},
      {"[\"" M "a\",{\"" M "\":[\"" M "b\"]}]", "[\"" M M "a\",{\"" M "\":[\"" M M "b\"]}]"},
      {"0.5", "5e-1"},
      {"-0", "0"},
      {"{\"time\":1795189533.0,\"half\":0.5}", "{\"time\":1795189533,\"half\":5e-1}"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) CHECK_TEXT(guarded(rows[i].text), rows[i].result);
}

static void test_depth_is_bounded(void) {
  char text[4 * LKS_JSON_DEPTH_MAX + 8];
  for (size_t depth = LKS_JSON_DEPTH_MAX - 1; depth <= LKS_JSON_DEPTH_MAX + 1; depth++) {
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    CHECK((guarded_bytes(text, 2 * depth) != NULL) == (depth <= LKS_JSON_DEPTH_MAX));
    CHECK(guarded_bytes(text, 2 * depth - 1) == NULL);
    CHECK(guarded_bytes(text, depth) == NULL);
  }
}

static void test_marks_come_out_of_what_was_written(void) {
  static const struct {
    const char *text, *result;
  } rows[] = {
      {"{}", "{}"},
      {"[\"" M "0.5\"]", "[0.5]"},
      {"{\"a\":\"" M "-1e+300\",\"b\":\"" M "1\"}", "{\"a\":-1e+300,\"b\":1}"},
      {"[\"" M M "0.5\"]", "[\"" M "0.5\"]"},
      {"[\"" M M M "\"]", "[\"" M M "\"]"},
      {"{\"" M M "5\":\"" M "5\"}", "{\"" M "5\":5}"},
      {"[\"a" M "\",\"\\\"" M "5\",\"\\\\\",\"" M "2\"]", "[\"a" M "\",\"\\\"" M "5\",\"\\\\\",2]"},
      {"[\"\\u0002\",\"\\\\u0001\"]", "[\"\\u0002\",\"\\\\u0001\"]"},
      {"\"" M "7\"", "7"},
      {"\"", "\""},
      {"\"\\", "\"\\"},
      {"\"" M, ""},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    lks_buffer out;
    size_t length = strlen(rows[i].text);
    lks_buffer_init(&out, 100);
    bool changed = lks_json_unmark(guard_place(rows[i].text, length), length, &out) == LKS_JSON_REWRITTEN;
    CHECK(changed == (strcmp(rows[i].text, rows[i].result) != 0));
    if (changed && out.length > 0) CHECK_TEXT(out.data, rows[i].result);
    lks_buffer_free(&out);
  }
}

static void test_failing_allocations_are_told_from_malformed_texts(void) {
  static const char text[] = "[1.5,\"\\ud83d\",\"\xFF\",9007199254740993,\"" M "\"]";
  lks_buffer out;
  lks_buffer_init(&out, 4096);
  for (long nth = 1;; nth++) {
    test_fail_alloc(nth);
    lks_json_status status = lks_json_guard(text, strlen(text), &out);
    bool failed = test_alloc_failed();
    test_fail_alloc(0);
    lks_buffer_free(&out);
    CHECK_INT(status, failed ? LKS_JSON_NO_MEMORY : LKS_JSON_REWRITTEN);
    if (!failed) break;
  }
  test_fail_alloc(1);
  CHECK_INT(lks_json_unmark("\"" M "5\"", 9, &out), LKS_JSON_NO_MEMORY);
  test_fail_alloc(0);
  lks_buffer_free(&out);
  CHECK_INT(test_alloc_live(), 0);
}

/* A text cut at every place is no JSON, and nothing is read past its end. */
static void test_cut_texts(void) {
  static const char text[] =
      "{\"a\\ud83d\\ude00\":[1.5e-3,-0,9007199254740993,true,null],\"\xE2\x82\xAC\":\"" M "\xF0\x9F\"}";
  CHECK(guarded(text) != NULL);
  for (size_t length = 0; length < sizeof text - 1; length++) CHECK(guarded_bytes(text, length) == NULL);
}

int main(void) {
  RUN(test_what_needs_no_change_is_not_copied);
  RUN(test_what_is_no_json_is_refused);
  RUN(test_nul_ends_nothing);
  RUN(test_bad_characters_become_replacement_characters);
  RUN(test_numbers_and_strings_are_marked_so_that_each_stays_what_it_is);
  RUN(test_depth_is_bounded);
  RUN(test_marks_come_out_of_what_was_written);
  RUN(test_failing_allocations_are_told_from_malformed_texts);
  RUN(test_cut_texts);
  return TEST_END();
}
