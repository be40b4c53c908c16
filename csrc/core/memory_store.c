#include "memory_store.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 512 /* a power of two; two names each when the store is full */

typedef struct entry {
  lks_state state;
  struct entry *next;          /* in its bucket */
  struct entry *newer, *older; /* by last use */
  uint32_t hash;
  char name[];
} entry;

struct lks_memory_store {
  entry *bucket[BUCKETS];
  entry *newest, *oldest;
  size_t count;
};

lks_memory_store *lks_memory_store_new(void) {
  return calloc(1, sizeof(lks_memory_store));
}

static void entry_free(entry *gone) {
  if (gone == NULL) return;
  lks_state_clear(&gone->state);
  free(gone);
}

void lks_memory_store_free(lks_memory_store *store) {
  if (store == NULL) return;
  while (store->newest != NULL) {
    entry *gone = store->newest;
    store->newest = gone->older;
    entry_free(gone);
  }
  free(store);
}

/* FNV-1a. Names end in a cryptographic fingerprint, so nobody can choose them to collide. */
static uint32_t hash_of(const char *name) {
  uint32_t hash = 2166136261U;
  for (; *name != '\0'; name++) hash = (hash ^ (unsigned char)*name) * 16777619U;
  return hash;
}

static void unlink_use(lks_memory_store *store, entry *used) {
  *(used->newer != NULL ? &used->newer->older : &store->newest) = used->older;
  *(used->older != NULL ? &used->older->newer : &store->oldest) = used->newer;
}

static void link_newest(lks_memory_store *store, entry *used) {
  used->newer = NULL;
  used->older = store->newest;
  *(store->newest != NULL ? &store->newest->newer : &store->oldest) = used;
  store->newest = used;
}

static void evict_oldest(lks_memory_store *store) {
  entry *gone = store->oldest;
  entry **link = &store->bucket[gone->hash % BUCKETS];
  while (*link != gone) link = &(*link)->next;
  *link = gone->next;
  unlink_use(store, gone);
  store->count--;
  entry_free(gone);
}

static entry *entry_new(const char *name, uint32_t hash) {
  size_t size = strlen(name) + 1;
  entry *made = malloc(sizeof *made + size);
  if (made == NULL) return NULL;
  *made = (entry){.hash = hash};
  memcpy(made->name, name, size);
  if (lks_state_init(&made->state)) return made;
  entry_free(made);
  return NULL;
}

lks_state *lks_memory_store_get(lks_memory_store *store, const char *name) {
  uint32_t hash = hash_of(name);
  entry **bucket = &store->bucket[hash % BUCKETS];
  entry *found = *bucket;
  while (found != NULL && (found->hash != hash || strcmp(found->name, name) != 0)) found = found->next;
  if (found != NULL) {
    unlink_use(store, found);
  } else {
    found = entry_new(name, hash);
    if (found == NULL) return NULL;
    if (store->count == LKS_MEMORY_STORE_MAX) evict_oldest(store);
    found->next = *bucket;
    *bucket = found;
    store->count++;
  }
  link_newest(store, found);
  return &found->state;
}
