/* Many who wait for the slots of one state, as they do through a store: it is written and read at every step. Some die
 * without a word, some give up, some come late, some have a clock of their own, and the service asks for pauses.
 * Random, in virtual time; what is held against it is what really left, and when. */
#include "core/state.h"

#include "core/state_bytes.h"
#include "random.h"
#include "test.h"

#define S LKS_SECOND
#define MS (S / 1000)
#define T0 (INT64_C(1700000000) * S)
#define LATE (50 * MS)
#define CLIENTS 60
#define STEPS 3000
#define ROUNDS 2

enum { DEATHS = 1, GIVING_UP = 2, LATECOMERS = 4, CLOCKS = 8, PAUSES = 16, UNUSED = 32, RELOADS = 64, ALL = 127 };

/* And how many want to send: enough for most of them to wait. */
static const struct {
  lks_windows windows;
  size_t clients;
} services[] = {
    {{2, {{20, 10 * S + LATE}, {60, 60 * S + LATE}}}, 60},
    {{1, {{1, 10 * S + LATE}}}, 6},
    {{1, {{1, S / 2 + LATE}}}, 20},
    {{1, {{5, 3 * S / 5 + LATE}}}, 60},
    {{4, {{5, S + LATE}, {8, 5 * S / 2}, {30, 20 * S}, {100, 90 * S}}}, 30},
};
#define SERVICES (sizeof services / sizeof services[0])

typedef struct client {
  lks_ticket ticket;
  lks_time due;
  lks_time came;  /* when it began to wait; LKS_TIME_MAX: it does not */
  lks_span clock; /* ahead by so much */
  bool tardy;     /* comes late by seconds */
} client;

typedef struct departure {
  lks_time at, came;
} departure;

static const lks_windows *windows;
static unsigned mode;
static client clients[CLIENTS];
static size_t client_count;
static departure sent[STEPS];
static size_t count; /* of departures, in their order */
static lks_state *state;
static lks_buffer store;
static lks_time now, paused;
static lks_time calm; /* since then nothing happened that costs time */
static size_t lost, broken, overtaken, idle;

static bool happens(unsigned what, int permille) {
  return random_below(1000) < permille && (mode & what) != 0;
}

static void disturbed(lks_time until) {
  if (until > calm) calm = until;
}

static void save(void) {
  if (!lks_state_matters(state, store.length > 0, now)) return;
  lks_buffer_clear(&store);
  CHECK(lks_state_bytes_write(state, &store));
}

static void settle(client *one, const lks_settlement *settlement) {
  CHECK(lks_state_bytes_read(state, store.data, store.length));
  lks_state_settle(state, &one->ticket, now + one->clock, settlement);
  save();
}

/* The next one comes in its place, sooner or later. */
static void replace(client *one) {
  *one = (client){.came = LKS_TIME_MAX, .tardy = happens(LATECOMERS, 150)};
  if (mode & CLOCKS) one->clock = random_below(400 * MS) - 200 * MS;
  one->due = now + random_below(happens(ALL, 100) ? 60 * S : 2 * S);
}

static lks_span lateness(const client *one) {
  if (one->tardy && random_below(8) == 0) return random_below(4 * S);
  return random_below(random_below(20) == 0 ? 250 * MS : 20 * MS);
}

/* Whether who was always there in time still has what he was promised. */
static void check_promise(const client *one) {
  lks_pace *copy = lks_pace_new();
  lks_promise promise = one->ticket.promise;
  lks_time slot;
  CHECK(lks_pace_copy(copy, state->pace));
  if (!one->tardy && promise != 0 && !lks_pace_look(copy, windows, now + one->clock, &promise, &slot)) lost++;
  lks_pace_free(copy);
}

static void check_departure(const client *one) {
  lks_span apart = LATE + (mode & CLOCKS ? 400 * MS : 0);
  sent[count++] = (departure){now, one->came};
  for (unsigned w = 0; w < windows->count; w++) {
    unsigned requests = windows->window[w].requests;
    if (count > requests && now - sent[count - 1 - requests].at < windows->window[w].per - apart) broken++;
  }
  broken += now + apart < paused;
  /* A pause may come in the middle of those who go at once. */
  size_t before = 0, most = mode & PAUSES ? windows->window[windows->count - 1].requests : 2;
  for (size_t i = count; i > 0 && !one->tardy; i--)
    before += sent[i - 1].at < now - S && sent[i - 1].came > one->came + 2 * S;
  overtaken += before > most;
}

/* Whether somebody waits though he might have gone long ago. */
static void check_use(void) {
  lks_time possible = calm, first = LKS_TIME_MAX;
  for (size_t i = 0; i < client_count; i++)
    if (clients[i].came < first && !clients[i].tardy) first = clients[i].came;
  if (first > possible) possible = first;
  for (unsigned w = 0; w < windows->count; w++) {
    const lks_window *window = &windows->window[w];
    if (count >= window->requests && sent[count - window->requests].at + window->per > possible)
      possible = sent[count - window->requests].at + window->per;
  }
  /* A forgotten slot, the roll, and those who look once a second: grace, call, and a look before, between and after. */
  lks_span most = 400 * MS;
  if (mode & CLOCKS) most += 400 * MS;
  if (mode & (GIVING_UP | UNUSED)) most += 2 * LKS_PACE_LOOK + S / 2;
  if (mode & (DEATHS | LATECOMERS | RELOADS)) most += LKS_PACE_GRACE + LKS_PACE_ROLL_CALL + 3 * LKS_PACE_LOOK;
  if (now - possible <= most) return;
  idle++;
  calm = now;
}

static void act(client *one) {
  bool waits = one->came != LKS_TIME_MAX;
  const lks_settlement unused = {.unused = true};
  if (waits && happens(DEATHS | GIVING_UP, 10)) {
    if (!(mode & DEATHS) || happens(GIVING_UP, 500)) settle(one, &unused);
    disturbed(now);
    replace(one);
    return;
  }
  const lks_wish wish = {.longest = 3600 * S, .renews = waits, .late = LATE};
  lks_span span;
  CHECK(lks_state_bytes_read(state, store.data, store.length));
  check_promise(one);
  CHECK_INT(lks_state_take(state, windows, &wish, now + one->clock, &one->ticket, &span), LKS_KIND_NONE);
  save();
  if (!waits) one->came = now;
  if (span > 0) {
    lks_span look = lks_state_look(&one->ticket), late = lateness(one);
    one->due = now + (look < span ? look : span) + late;
    if (late > 250 * MS) disturbed(one->due);
    return;
  }
  if (happens(UNUSED, 50)) {
    settle(one, &unused);
    disturbed(now);
  } else {
    check_departure(one);
  }
  if (happens(PAUSES, 5)) {
    const lks_settlement pause = {.pause = random_below(20 * S) + 1};
    settle(one, &pause);
    if (now + pause.pause > paused) paused = now + pause.pause;
    disturbed(paused);
  }
  replace(one);
}

static void end_all(void) {
  for (size_t i = 0; i < client_count; i++) replace(&clients[i]);
  disturbed(now);
}

static void run(void) {
  now = calm = paused = T0;
  count = lost = broken = overtaken = idle = 0;
  state = lks_state_new();
  lks_buffer_init(&store, LKS_STATE_BYTES_MAX);
  for (size_t i = 0; i < client_count; i++) replace(&clients[i]);
  size_t longest = 0;
  for (size_t steps = 0; steps < STEPS;) {
    client *next = &clients[0];
    for (size_t i = 1; i < client_count; i++)
      if (clients[i].due < next->due) next = &clients[i];
    bool soon = next->due <= now + 200 * MS;
    if (!soon || next->due > now) now = soon ? next->due : now + 200 * MS;
    if (soon) act(next), steps++;
    if (soon && steps % 1000 == 0 && (mode & RELOADS)) end_all();
    check_use();
    if (store.length > longest) longest = store.length;
  }
  CHECK_INT(broken, 0);
  CHECK_INT(lost, 0);
  CHECK_INT(overtaken, 0);
  CHECK_INT(idle, 0);
  CHECK(longest <= lks_state_bytes_room(windows) + 4 * client_count * 10);
  lks_state_free(state);
  lks_buffer_free(&store);
}

static void run_all(unsigned what) {
  mode = what;
  for (size_t set = 0; set < SERVICES; set++)
    for (unsigned round = 0; round < ROUNDS && !test_case_failed; round++) {
      random_state = what * 1000 + set * 10 + round;
      windows = &services[set].windows;
      client_count = services[set].clients;
      run();
      if (test_case_failed) fprintf(stderr, "mode %u, windows %u, round %u\n", what, (unsigned)set, round);
    }
}

static void who_is_there_in_time_goes_in_his_turn(void) {
  run_all(0);
}

static void those_who_die_are_not_waited_for(void) {
  run_all(DEATHS);
  run_all(RELOADS);
}

static void slots_that_are_given_back_are_used(void) {
  run_all(GIVING_UP);
  run_all(UNUSED);
}

static void latecomers_cost_nobody_his_turn(void) {
  run_all(LATECOMERS);
}

static void clocks_may_differ(void) {
  run_all(CLOCKS);
  run_all(CLOCKS | LATECOMERS);
}

static void pauses_keep_the_order(void) {
  run_all(PAUSES);
}

static void all_of_it_may_happen_at_once(void) {
  run_all(ALL);
  run_all(ALL - CLOCKS);
}

int main(void) {
  RUN(who_is_there_in_time_goes_in_his_turn);
  RUN(those_who_die_are_not_waited_for);
  RUN(slots_that_are_given_back_are_used);
  RUN(latecomers_cost_nobody_his_turn);
  RUN(clocks_may_differ);
  RUN(pauses_keep_the_order);
  RUN(all_of_it_may_happen_at_once);
  return TEST_END();
}
