/* Failing and counting allocations. Link fail_alloc.c with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free. */
#ifndef LKS_FAIL_ALLOC_H
#define LKS_FAIL_ALLOC_H

/* Makes the n-th allocation from now (1 is the next one) return NULL, once. 0 lets all succeed. */
void test_fail_alloc(long nth);
/* Whether the armed failure happened. */
int test_alloc_failed(void);
/* Blocks allocated and not freed since the program began, for leak checks. */
long test_alloc_live(void);
/* Calls `seen` with every block just before it is freed, to look at what is left in it; NULL stops that. */
void test_watch_free(void (*seen)(const void *block));

#endif
