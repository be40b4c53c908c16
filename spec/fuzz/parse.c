/* Every parser of bytes that come from outside, for libFuzzer. Parsers return what is in bounds or refuse; the
 * sanitizers see the rest. The first byte chooses the parser. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/field.h"
#include "core/headers.h"
#include "core/json.h"
#include "core/key.h"
#include "core/link.h"
#include "core/number.h"
#include "core/quota.h"
#include "core/request.h"
#include "core/retry_after.h"
#include "core/url.h"
#include "core/utf8.h"

#define NOW (INT64_C(1700000000) * LKS_SECOND)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int condition) {
  if (!condition) abort();
}

static void parse_times(const char *text, size_t length) {
  lks_time time = NOW;
  lks_span span = 0;
  if (lks_iso8601_parse(text, length, &time)) {
    char out[LKS_ISO8601_SIZE];
    lks_time again = -1;
    size_t written = lks_iso8601_format(time, out);
    demand(written > 0 && out[written] == '\0' && lks_iso8601_parse(out, written, &again) && again == time);
  }
  if (lks_httpdate_parse(text, length, NOW, &time)) demand(time >= 0 && time <= LKS_TIME_MAX);
  if (lks_retry_after_parse(text, length, NOW, &span)) demand(span >= 0 && span <= LKS_SPAN_MAX);
  if (lks_reset_parse(text, length, NOW, &time)) demand(time >= 0 && time <= LKS_TIME_MAX);
}

static void parse_quota(const char *text, size_t length) {
  char *copy = malloc(length + 1);
  if (copy == NULL) return;
  memcpy(copy, text, length);
  copy[length] = '\0';
  lks_quota quota = {0};
  if (lks_quota_observe(&quota, NOW, NOW, 0, copy, copy, copy)) demand(quota.remaining >= 0 && quota.reset > NOW);
  lks_refusal refusal = {copy, copy, false};
  for (int status = 400; status <= 429; status += 22) lks_error_classify(LKS_LOCKPUB, status, &refusal);
  free(copy);
}

static void parse_url(const char *text, size_t length) {
  lks_buffer once, twice;
  lks_buffer_init(&once, LKS_URL_MAX);
  lks_buffer_init(&twice, LKS_URL_MAX);
  if (lks_url_base(text, length, &once) == LKS_URL_OK) {
    demand(lks_url_base(once.data, once.length, &twice) == LKS_URL_OK);
    demand(once.length == twice.length && memcmp(once.data, twice.data, once.length) == 0);
  }
  lks_buffer_free(&once);
  lks_buffer_free(&twice);
  lks_request request;
  lks_request_init(&request);
  lks_request_path(&request, "https://lock.pub", "/api/v1", "GET", text, length);
  lks_request_query(&request, text, length / 2, text + length / 2, length - length / 2);
  lks_request_free(&request);
}

static void parse_key(const char *text, size_t length) {
  for (unsigned service = 0; service < LKS_SERVICE_COUNT; service++) {
    lks_key *key = NULL;
    demand((lks_key_new((lks_service)service, text, length, &key) == LKS_KEY_OK) == (key != NULL));
    if (key != NULL) demand(strlen(lks_key_authorization(key)) == length + 7);
    lks_key_free(key);
  }
}

static void parse_headers(const char *text, size_t length) {
  lks_policy_headers headers;
  lks_headers_clear(&headers);
  lks_headers_read(&headers, text, length);
  demand(strlen(headers.retry_after) < LKS_HEADER_VALUE_MAX && strlen(headers.quota_reset) < LKS_HEADER_VALUE_MAX);
}

static void parse_header_lines(const char *text, size_t length) {
  const char *next = text, *end = text + length;
  lks_header_line header;
  char *room = malloc(length + 1);
  if (room == NULL) return;
  while (lks_headers_next(&next, end, &header)) {
    demand(header.name >= text && header.name_length > 0 && header.value >= header.name + header.name_length);
    demand(header.value + header.value_length <= next && next <= end);
    size_t unfolded = lks_headers_unfold(header.value, header.value_length, room);
    demand(unfolded <= header.value_length && memchr(room, '\n', unfolded) == NULL);
  }
  free(room);
}

/* What strtod makes of a number must not change when it is written anew. */
static void parse_decimal(const char *text, size_t length) {
  lks_decimal decimal;
  size_t size = lks_decimal_read(text, length, &decimal);
  if (size == 0 || lks_decimal_judge(&decimal) == LKS_DECIMAL_INTEGER) return;
  char *copy = malloc(size + 1);
  if (copy == NULL) return;
  memcpy(copy, text, size);
  copy[size] = '\0';
  double number = strtod(copy, NULL);
  free(copy);
  bool finite = number - number == 0;
  /* Close to the bound a number may count as too large that is not. */
  if (lks_decimal_judge(&decimal) == LKS_DECIMAL_TOO_LARGE) {
    demand(!finite || number > 1.79e308 || number < -1.79e308);
    return;
  }
  demand(finite);
  lks_buffer out;
  char written[LKS_NUMBER_SIZE];
  lks_buffer_init(&out, size + 64);
  demand(lks_decimal_write(&decimal, &out) && memchr(out.data, '.', out.length) == NULL);
  demand(strtod(out.data, NULL) == number);
  demand(lks_number_write(number, LKS_EXACT_MAX, written) < sizeof written && strtod(written, NULL) == number);
  lks_buffer_free(&out);
}

/* What the guard let through is JSON to it, and to be decoded as it stands save for the marks. */
static void parse_json(const char *text, size_t length) {
  lks_buffer once, twice;
  lks_buffer_init(&once, 8 * length + 64);
  lks_buffer_init(&twice, 8 * (8 * length + 64));
  lks_json_status status = lks_json_guard(text, length, &once);
  demand(status != LKS_JSON_NO_MEMORY);
  if (status == LKS_JSON_REWRITTEN) {
    demand(lks_utf8_length(once.data, once.length) >= 0 && memchr(once.data, '\0', once.length) == NULL);
    demand(lks_json_guard(once.data, once.length, &twice) != LKS_JSON_MALFORMED);
    lks_buffer_clear(&twice);
  }
  lks_json_unmark(text, length, &twice);
  demand(twice.length <= length);
  lks_buffer_free(&once);
  lks_buffer_free(&twice);
}

static void parse_fields(const char *text, size_t length) {
  long long characters = lks_utf8_length(text, length);
  demand(characters <= (long long)length);
  for (unsigned s = 0; s < LKS_SCHEMA_COUNT; s++) {
    const lks_schema *schema = lks_schema_get((lks_schema_id)s);
    lks_schema_find(schema, text, length);
    for (size_t f = 0; f < schema->count; f++) lks_field_check_text(&schema->fields[f], text, length);
  }
  if (characters < 0) return;
  lks_text whole = {text, length}, half = {text, length / 2}, type = {"memo", 4};
  lks_link link = {.type = type, .secret_memo = half, .password = half, .memo = whole, .custom_slug = whole};
  lks_time time = 0;
  if (lks_link_names_time(half) && lks_link_read_time(half, whole, &time)) demand(time >= 0 && time < LKS_ISO8601_END);
  lks_link_is_slug(whole);
  lks_link_check(&link, 0, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static void (*const parsers[])(const char *text, size_t length) = {
      parse_times,  parse_quota,        parse_url,     parse_key,  parse_headers,
      parse_fields, parse_header_lines, parse_decimal, parse_json,
  };
  if (size < 2) return 0;
  /* A copy of its own, so that one byte too far is seen. */
  char *text = malloc(size - 1);
  if (text == NULL) return 0;
  memcpy(text, data + 1, size - 1);
  parsers[data[0] % (sizeof parsers / sizeof *parsers)](text, size - 1);
  free(text);
  return 0;
}
