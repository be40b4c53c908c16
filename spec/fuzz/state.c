/* A state out of a store that others can write, for libFuzzer: bytes that are taken for one must serve like one. The
 * first bytes of the input choose what is done with it then, the rest is the state. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/pace_forecast.h"
#include "core/state.h"
#include "core/state_bytes.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define S LKS_SECOND
#define STEPS 8
#define NOW (INT64_C(1700000000) * S)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int condition) {
  if (!condition) abort();
}

/* Clocks as far apart as they are taken from outside. */
static lks_time clock_at(unsigned byte) {
  static const lks_time clocks[] = {NOW,          NOW + S / 2,           NOW + 10 * S,  NOW + 400 * 86400 * S,
                                    LKS_TIME_MAX, LKS_TIME_MAX - 10 * S, -LKS_TIME_MAX, 0};
  return clocks[byte % COUNT(clocks)];
}

static const lks_windows windows[] = {
    {0, {{0, 0}}},
    {2, {{20, 10 * S}, {60, 60 * S}}},
    {1, {{1, 1}}},
    {1, {{3, 2 * LKS_SPAN_MAX}}},
};

static void step(lks_state *state, const lks_pace *other, unsigned what, unsigned when) {
  const lks_windows *window = &windows[when / 8 % COUNT(windows)];
  lks_time now = clock_at(when), slot = 0;
  lks_span span = 0;
  lks_promise promise = 0;
  lks_ticket ticket = {0};
  const lks_wish wish = {.longest = what & 64 ? LKS_SPAN_MAX : 90 * S,
                         .unpaced = what & 32,
                         .quota = what & 128,
                         .estimated = when & 1,
                         .late = when & 2 ? S : 0};
  const lks_settlement settlement = {.pause = (lks_span)(what / 13 % 8) * 30 * S, .uncounted = other, .ahead = S};
  switch (what % 13) {
  case 0: lks_state_take(state, window, &wish, now, &ticket, &span); break;
  case 1: lks_pace_reserve(state->pace, window, now, INT64_MIN, &slot); break;
  case 2:
    if (lks_pace_reserve(state->pace, window, now, LKS_TIME_MAX, &slot))
      demand(slot >= -LKS_TIME_MAX && slot <= LKS_TIME_MAX);
    break;
  case 3: lks_pace_record(state->pace, window, now, clock_at(what / 13)); break;
  case 4: lks_pace_move(state->pace, clock_at(what / 13), now); break;
  case 5: lks_pace_renew(state->pace, window, now, clock_at(what / 13), LKS_TIME_MAX, &slot, &promise); break;
  case 6: lks_pace_pause(state->pace, now, clock_at(what / 13)); break;
  case 7: demand(lks_pace_forecast(state->pace, window, now, what / 13) >= -1); break;
  case 8:
    lks_quota_observe(&state->quota, now, clock_at(what / 13), when, "1000", what & 64 ? "0" : "7",
                      what & 128 ? "1700000100" : NULL);
    demand(lks_quota_left(&state->quota, now) >= -1);
    break;
  case 9:
    if (what & 64) lks_state_take(state, windows, &wish, now, &ticket, &span);
    lks_state_settle(state, &ticket, now, &settlement);
    demand(lks_throttle_is_sound(&state->throttle));
    break;
  case 10:
    if (lks_pace_promise(state->pace, window, now, LKS_TIME_MAX, &slot, &promise))
      demand(promise == 0 || lks_pace_look(state->pace, window, now, &promise, &slot));
    break;
  case 11:
    promise = (lks_promise)(what / 13);
    if (lks_pace_look(state->pace, window, now, &promise, &slot))
      demand(when & 1 ? lks_pace_confirm(state->pace, promise) : lks_pace_withdraw(state->pace, promise));
    break;
  default: demand(lks_state_hold(state, now) >= 0 && lks_state_life(state, now) >= lks_state_hold(state, now)); break;
  }
}

/* Whatever happened to it, what is written of it is a state again. */
static void write_and_read(const lks_state *state) {
  lks_buffer out, again;
  lks_state copy;
  lks_buffer_init(&out, LKS_STATE_BYTES_MAX);
  lks_buffer_init(&again, LKS_STATE_BYTES_MAX);
  demand(lks_state_init(&copy) && lks_state_bytes_write(state, &out));
  demand(lks_state_bytes_read(&copy, out.data, out.length) && lks_state_bytes_write(&copy, &again));
  demand(out.length == again.length && memcmp(out.data, again.data, out.length) == 0);
  lks_state_clear(&copy);
  lks_buffer_free(&out);
  lks_buffer_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2 * STEPS) return 0;
  size_t length = size - 2 * STEPS;
  /* A copy of its own, so that one byte too far is seen. */
  char *bytes = malloc(length > 0 ? length : 1);
  lks_state state, other;
  demand(bytes != NULL && lks_state_init(&state) && lks_state_init(&other));
  if (length > 0) memcpy(bytes, data + 2 * STEPS, length);
  if (lks_state_bytes_read(&state, bytes, length)) {
    lks_state_bytes_read(&other, bytes, length);
    for (size_t i = 0; i < STEPS; i++) {
      step(i % 2 ? &state : &other, (i % 2 ? &other : &state)->pace, data[2 * i], data[2 * i + 1]);
      write_and_read(i % 2 ? &state : &other);
    }
    demand(lks_state_join(&state, &other, size & 1, size & 2, clock_at(data[0]), 7));
    write_and_read(&state);
    demand(lks_state_merge(&state, &other));
    write_and_read(&state);
  }
  free(bytes);
  lks_state_clear(&state);
  lks_state_clear(&other);
  return 0;
}
