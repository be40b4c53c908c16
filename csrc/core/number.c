#include "number.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ascii.h"

#define EXPONENT_LIMIT INT64_C(1000000000000000)
/* The shortest text of a double has at most 17 digits; fewer than 14 show as zeros at the end,
 * save in those too small for full precision. */
#define PRECISION_MIN 14
#define PRECISION_MAX 17
/* 0.0001 is written so, 0.00001 with an exponent. */
#define POINT_MIN (-3)
/* Digits before the point. The largest double has 309, half of the smallest one none and 323 zeros after it. */
#define MAGNITUDE_MAX 309
#define MAGNITUDE_MIN (-323)

typedef struct shortest {
  char digits[PRECISION_MAX + 1];
  int count;
  int exponent; /* of the first digit */
} shortest;

/* Takes apart what "%.*e" wrote: the point may be any bytes that are no digits. */
static void take_apart(const char *text, shortest *to) {
  to->count = 0;
  for (; *text != 'e'; text++)
    if (lks_ascii_is_digit(*text) && to->count < PRECISION_MAX) to->digits[to->count++] = *text;
  bool negative = text[1] == '-';
  to->exponent = 0;
  for (text += 2; lks_ascii_is_digit(*text); text++) to->exponent = 10 * to->exponent + (*text - '0');
  if (negative) to->exponent = -to->exponent;
  while (to->count > 1 && to->digits[to->count - 1] == '0') to->count--;
  to->digits[to->count] = '\0';
}

/* The number is positive and finite. */
static void find_shortest(double number, shortest *found) {
  char text[48];
  for (int precision = number < DBL_MIN ? 1 : PRECISION_MIN; precision <= PRECISION_MAX; precision++) {
    snprintf(text, sizeof text, "%.*e", precision - 1, number);
    take_apart(text, found);
    /* Without a point it is read alike in every locale. */
    snprintf(text, sizeof text, "%se%d", found->digits, found->exponent - (found->count - 1));
    if (strtod(text, NULL) == number) return;
  }
}

static size_t write_whole(uint64_t number, char *out) {
  char digits[3 * sizeof number];
  size_t count = 0;
  do {
    digits[count++] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  for (size_t i = 0; i < count; i++) out[i] = digits[count - 1 - i];
  return count;
}

static size_t write_shortest(const shortest *number, char *out) {
  size_t used = 0;
  int point = number->exponent + 1;
  bool scientific = point < POINT_MIN || point >= number->count;
  if (scientific) point = 1;
  if (point <= 0) {
    out[used++] = '0';
    out[used++] = '.';
    for (int i = point; i < 0; i++) out[used++] = '0';
  }
  for (int i = 0; i < number->count; i++) {
    if (i > 0 && i == point) out[used++] = '.';
    out[used++] = number->digits[i];
  }
  if (!scientific) return used;
  out[used++] = 'e';
  out[used++] = number->exponent < 0 ? '-' : '+';
  unsigned magnitude = (unsigned)(number->exponent < 0 ? -number->exponent : number->exponent);
  if (magnitude < 10) out[used++] = '0';
  return used + write_whole(magnitude, out + used);
}

size_t lks_number_write(double number, double whole_max, char out[LKS_NUMBER_SIZE]) {
  size_t used = 0;
  if (number < 0) {
    out[used++] = '-';
    number = -number;
  }
  if (!(number <= DBL_MAX)) return 0; /* NaN too */
  if (number < LKS_EXACT_MAX && (double)(uint64_t)number == number) {
    used += write_whole((uint64_t)number, out + used);
  } else if (number >= LKS_EXACT_MAX && number <= whole_max) {
    return used + (size_t)snprintf(out + used, LKS_NUMBER_SIZE - used, "%.0f", number);
  } else {
    shortest found;
    find_shortest(number, &found);
    used += write_shortest(&found, out + used);
  }
  out[used] = '\0';
  return used;
}

size_t lks_integer_write(int64_t number, char out[LKS_NUMBER_SIZE]) {
  size_t used = 0;
  if (number < 0) out[used++] = '-';
  /* Negating INT64_MIN as unsigned is defined, as signed it is not. */
  used += write_whole(number < 0 ? UINT64_C(0) - (uint64_t)number : (uint64_t)number, out + used);
  out[used] = '\0';
  return used;
}

bool lks_integer_read(const char *text, size_t length, int64_t *number) {
  bool negative = length > 0 && *text == '-';
  if (negative) text++, length--;
  if (length == 0) return false;
  /* Reckoned below zero, where there is room for one more. */
  int64_t value = 0;
  for (size_t i = 0; i < length; i++) {
    if (!lks_ascii_is_digit(text[i])) return false;
    int digit = text[i] - '0';
    if (value < (INT64_MIN + digit) / 10) return false;
    value = 10 * value - digit;
  }
  if (!negative && value == INT64_MIN) return false;
  *number = negative ? value : -value;
  return true;
}

static size_t count_digits(const char *text, const char *end) {
  size_t count = 0;
  while (text + count < end && lks_ascii_is_digit(text[count])) count++;
  return count;
}

/* The exponent at text, which is past the "e"; NULL when it is none, else its end. */
static const char *read_exponent(const char *text, const char *end, long long *exponent) {
  bool negative = text < end && *text == '-';
  if (text < end && (*text == '-' || *text == '+')) text++;
  size_t count = count_digits(text, end);
  if (count == 0) return NULL;
  *exponent = 0;
  for (size_t i = 0; i < count; i++)
    if (*exponent < EXPONENT_LIMIT) *exponent = 10 * *exponent + (text[i] - '0');
  if (negative) *exponent = -*exponent;
  return text + count;
}

size_t lks_decimal_read(const char *text, size_t length, lks_decimal *decimal) {
  const char *c = text, *end = text + length;
  *decimal = (lks_decimal){.negative = length > 0 && *c == '-', .whole = true};
  if (decimal->negative) c++;
  decimal->digits = c;
  decimal->digit_count = count_digits(c, end);
  if (decimal->digit_count == 0) return 0;
  if (*c == '0') decimal->digit_count = 1;
  c += decimal->digit_count;
  if (c < end && *c == '.') {
    decimal->whole = false;
    decimal->fraction = ++c;
    decimal->fraction_count = count_digits(c, end);
    if (decimal->fraction_count == 0) return 0;
    c += decimal->fraction_count;
  }
  if (c < end && (*c == 'e' || *c == 'E')) {
    decimal->whole = false;
    c = read_exponent(c + 1, end, &decimal->exponent);
    if (c == NULL) return 0;
  }
  return (size_t)(c - text);
}

/* A decimal as its digits from the first to the last that is not 0, times ten to the power of `scale`. */
typedef struct normal {
  const lks_decimal *decimal;
  size_t first, count; /* as if the fraction followed the digits at once */
  long long scale;
} normal;

static char digit_at(const lks_decimal *decimal, size_t index) {
  return index < decimal->digit_count ? decimal->digits[index] : decimal->fraction[index - decimal->digit_count];
}

static normal normalize(const lks_decimal *decimal) {
  size_t first = 0, last = decimal->digit_count + decimal->fraction_count;
  while (first < last && digit_at(decimal, first) == '0') first++;
  while (last > first && digit_at(decimal, last - 1) == '0') last--;
  return (normal){decimal, first, last - first, decimal->exponent + (long long)decimal->digit_count - (long long)last};
}

static long long magnitude(const normal *number) {
  return (long long)number->count + number->scale;
}

/* Whether it rounds to infinity. What agrees with the bound in all these digits counts as too large. */
static bool is_too_large(const normal *number) {
  static const char bound[] = "179769313486231580793728971405"; /* 2^1024 - 2^970 is this times 10^279, and more */
  if (magnitude(number) != MAGNITUDE_MAX) return magnitude(number) > MAGNITUDE_MAX;
  for (size_t i = 0; i < sizeof bound - 1; i++) {
    char digit = i < number->count ? digit_at(number->decimal, number->first + i) : '0';
    if (digit != bound[i]) return digit > bound[i];
  }
  return true;
}

static void append_digits(lks_buffer *out, const normal *number) {
  const lks_decimal *decimal = number->decimal;
  size_t first = number->first, last = first + number->count, split = decimal->digit_count;
  if (first < split) {
    size_t end = last < split ? last : split;
    lks_buffer_append(out, decimal->digits + first, end - first);
    first = end;
  }
  if (first < last) lks_buffer_append(out, decimal->fraction + (first - split), last - first);
}

lks_decimal_form lks_decimal_judge(const lks_decimal *decimal) {
  if (decimal->whole) {
    if (decimal->digit_count > LKS_EXACT_DIGITS) return LKS_DECIMAL_INTEGER;
    return decimal->negative && *decimal->digits == '0' ? LKS_DECIMAL_DOUBLE : LKS_DECIMAL_AS_IS;
  }
  normal number = normalize(decimal);
  return number.count > 0 && is_too_large(&number) ? LKS_DECIMAL_TOO_LARGE : LKS_DECIMAL_DOUBLE;
}

bool lks_decimal_write(const lks_decimal *decimal, lks_buffer *out) {
  normal number = normalize(decimal);
  if (number.count == 0 || magnitude(&number) < MAGNITUDE_MIN) return lks_buffer_append(out, "0", 1);
  if (decimal->negative) lks_buffer_append(out, "-", 1);
  if (decimal->whole) return lks_buffer_append(out, decimal->digits, decimal->digit_count);
  append_digits(out, &number);
  if (number.scale >= 0 && magnitude(&number) <= LKS_EXACT_DIGITS)
    return lks_buffer_append(out, "00000000000000", (size_t)number.scale);
  lks_buffer_append(out, "e", 1);
  return lks_buffer_append_number(out, number.scale);
}
