#include "engine.h"

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

/* This many requests in a row, each so soon after the one before, are thick and fast. */
#define STREAK 100
#define SOON (LKS_SECOND / 4)

struct lks_engine {
  const lks_engine_maker *maker;
  void *made;  /* NULL: nothing there */
  pid_t owner; /* the process it belongs to */
  size_t references;
  size_t running;
  const void *user; /* of the streak, by its address alone */
  size_t streak;
  lks_time rested; /* since when nothing runs */
  int failure;
};

lks_engine *lks_engine_new(const lks_engine_maker *maker) {
  lks_engine *engine = calloc(1, sizeof *engine);
  if (engine == NULL) return NULL;
  engine->maker = maker;
  engine->references = 1;
  return engine;
}

lks_engine *lks_engine_retain(lks_engine *engine) {
  engine->references++;
  return engine;
}

static void drop(lks_engine *engine) {
  if (engine->made != NULL && engine->owner == getpid()) engine->maker->drop(engine->made);
  engine->made = NULL;
}

void lks_engine_release(lks_engine *engine) {
  if (engine == NULL || --engine->references > 0) return;
  drop(engine);
  free(engine);
}

void *lks_engine_enter(lks_engine *engine, const void *user, lks_time now) {
  if (engine->owner != getpid()) {
    engine->made = NULL;
    engine->running = 0;
    engine->owner = getpid();
  }
  if (engine->made == NULL) {
    engine->made = engine->maker->make();
    engine->failure = 0;
  }
  if (engine->made == NULL) return NULL;
  bool goes_on = user == engine->user && now - engine->rested <= SOON;
  if (engine->running++ == 0) engine->streak = goes_on ? engine->streak + 1 : 0;
  engine->user = user;
  return engine->made;
}

void lks_engine_leave(lks_engine *engine, lks_time now) {
  if (--engine->running > 0) return;
  engine->rested = now;
  if (engine->streak < STREAK || engine->failure != 0) drop(engine);
}

void *lks_engine_running(const lks_engine *engine) {
  return engine->running > 0 && engine->owner == getpid() ? engine->made : NULL;
}

void lks_engine_note_failure(lks_engine *engine, int failure) {
  engine->failure = failure;
}

int lks_engine_failure(const lks_engine *engine) {
  return engine->failure;
}
