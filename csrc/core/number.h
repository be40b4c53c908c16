/* Numbers as text and back, whatever the locale says about decimal points. */
#ifndef LKS_NUMBER_H
#define LKS_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

#define LKS_NUMBER_SIZE 32

/* Every whole number up to here is exact in a double. */
#define LKS_EXACT_MAX 9007199254740992.0

/* Writes the shortest text that reads back as the same number, as JSON spells it, and its NUL. Whole numbers up to
 * `whole_max`, at most 1e21, have neither point nor exponent, zero has no sign. Returns its length, 0 when the number
 * is not finite. */
size_t lks_number_write(double number, double whole_max, char out[LKS_NUMBER_SIZE]);

/* Writes decimal digits, after a minus sign where there is one, and their NUL. Returns their length. */
size_t lks_integer_write(int64_t number, char out[LKS_NUMBER_SIZE]);

/* Reads decimal digits with an optional minus sign, nothing else. False when they are no number or fit no int64_t. */
bool lks_integer_read(const char *text, size_t length, int64_t *number);

/* A number in JSON's grammar (RFC 8259, section 6), its parts borrowed from the text, which must live as long. */
typedef struct lks_decimal {
  bool negative;
  bool whole;         /* it has neither fraction nor exponent */
  const char *digits; /* before the point; no leading zero but a single one */
  size_t digit_count;
  const char *fraction; /* after the point */
  size_t fraction_count;
  long long exponent; /* clipped far beyond what matters */
} lks_decimal;

/* Length of the number that the text begins with, 0 when it begins with none. */
size_t lks_decimal_read(const char *text, size_t length, lks_decimal *decimal);

/* Every whole number of so many digits is exact in a double. */
#define LKS_EXACT_DIGITS 15

typedef enum lks_decimal_form {
  LKS_DECIMAL_AS_IS,    /* strtod reads it right in every locale */
  LKS_DECIMAL_DOUBLE,   /* so it does when it is written anew */
  LKS_DECIMAL_INTEGER,  /* of more than LKS_EXACT_DIGITS digits: a double may not hold it */
  LKS_DECIMAL_TOO_LARGE /* no double comes near it */
} lks_decimal_form;

lks_decimal_form lks_decimal_judge(const lks_decimal *decimal);

/* Appends the number without a decimal point: an integer as its digits, another one with an exponent where it needs
 * one. Not for what is too large. False: see lks_buffer. */
bool lks_decimal_write(const lks_decimal *decimal, lks_buffer *out);

#endif
