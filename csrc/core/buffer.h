/* A growing byte string born with a maximum, always NUL-terminated once it has memory.
 *
 * Errors are sticky: after the first failed append or reserve every later one fails too, so a run of appends needs one
 * check at the end; what was appended before stays as it was. lks_buffer_init allocates nothing; lks_buffer_free may be
 * called any number of times and leaves an empty buffer with the same maximum, fit for further use. */
#ifndef LKS_BUFFER_H
#define LKS_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct lks_buffer {
  char *data; /* NULL until something is stored or reserved; owned; valid until the next append, reserve or free */
  size_t length;
  size_t capacity; /* bytes of content that fit without growing; one more is allocated for the NUL */
  size_t maximum;  /* most bytes of content */
  bool failed;     /* out of memory or over the maximum */
  bool full;       /* the failure was the maximum */
} lks_buffer;

void lks_buffer_init(lks_buffer *buffer, size_t maximum);
/* `bytes` may be NULL when length is 0 and must not point into the buffer. */
bool lks_buffer_append(lks_buffer *buffer, const char *bytes, size_t length);
bool lks_buffer_append_text(lks_buffer *buffer, const char *text);   /* NUL-terminated; NULL appends nothing */
bool lks_buffer_append_number(lks_buffer *buffer, long long number); /* decimal, locale-free */
void lks_buffer_clear(lks_buffer *buffer);                           /* keeps the memory, forgets content and failure */
void lks_buffer_free(lks_buffer *buffer);
/* As free, but overwrites the content first; growth of a buffer does not wipe, so reserve a secret's size up front. */
void lks_buffer_wipe(lks_buffer *buffer);
/* Makes room for `capacity` bytes of content in all. More than the maximum fails like an append over it. */
bool lks_buffer_reserve(lks_buffer *buffer, size_t capacity);

/* Overwrites memory in a way the compiler may not drop. NULL is allowed when length is 0. */
void lks_wipe(void *memory, size_t length);

#endif
