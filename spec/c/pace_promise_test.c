/* Slots that are promised to those who wait, some of whom never come. */
#include "core/pace.h"

#include "core/state.h"
#include "pace_peek.h"
#include "random.h"
#include "test.h"

#define S LKS_SECOND
#define MS (S / 1000)
#define T0 (INT64_C(1700000000) * S)

static const lks_windows lockpub = {2, {{20, 10 * S}, {60, 60 * S}}};
static const lks_windows one_in_ten = {1, {{1, 10 * S}}};

typedef struct waiter {
  lks_time slot;
  lks_promise promise;
} waiter;

static waiter wait_for(lks_pace *pace, const lks_windows *windows, lks_time now) {
  waiter one = {0};
  CHECK(lks_pace_promise(pace, windows, now, LKS_TIME_MAX, &one.slot, &one.promise));
  return one;
}

/* Where it stands, -1 when it does not. */
static lks_span look(lks_pace *pace, const lks_windows *windows, lks_time now, const waiter *one) {
  lks_time slot;
  lks_promise name = one->promise;
  return lks_pace_look(pace, windows, now, &name, &slot) ? slot - T0 : -1;
}

/* Looks as often as one has to that waits. */
static void go_on(lks_pace *pace, const lks_windows *windows, lks_time now, lks_time until, waiter *one) {
  for (; now < until; now += LKS_PACE_LOOK) CHECK(lks_pace_look(pace, windows, now, &one->promise, &one->slot));
  CHECK(lks_pace_look(pace, windows, until, &one->promise, &one->slot));
}

static void what_can_go_at_once_is_no_promise(void) {
  lks_pace *pace = lks_pace_new();
  CHECK_INT(wait_for(pace, &one_in_ten, T0).promise, 0);
  CHECK_INT(pace_peek(pace, &one_in_ten, T0 + 5 * S), T0 + 10 * S);
  CHECK_INT(pace_peek(pace, &one_in_ten, T0 + 9 * S), T0 + 10 * S);
  lks_pace_free(pace);
}

static void a_promise_counts_like_a_slot_until_nobody_comes(void) {
  lks_pace *pace = lks_pace_new();
  wait_for(pace, &one_in_ten, T0);
  waiter gone = wait_for(pace, &one_in_ten, T0);
  CHECK_INT(gone.slot, T0 + 10 * S);
  CHECK_INT(pace_peek(pace, &one_in_ten, T0 + 10 * S + LKS_PACE_GRACE - 1), T0 + 20 * S);
  CHECK_INT(pace_peek(pace, &one_in_ten, T0 + 10 * S + LKS_PACE_GRACE), T0 + 10 * S + LKS_PACE_GRACE);
  CHECK_INT(look(pace, &one_in_ten, T0 + 12 * S, &gone), -1);
  CHECK(!lks_pace_confirm(pace, gone.promise) && !lks_pace_withdraw(pace, gone.promise));
  lks_pace_free(pace);
}

static void a_promise_that_is_confirmed_stays(void) {
  lks_pace *pace = lks_pace_new();
  wait_for(pace, &one_in_ten, T0);
  waiter one = wait_for(pace, &one_in_ten, T0);
  CHECK_INT(look(pace, &one_in_ten, T0 + 10 * S, &one), 10 * S);
  CHECK(lks_pace_confirm(pace, one.promise));
  CHECK(!lks_pace_confirm(pace, one.promise));
  CHECK_INT(pace_peek(pace, &one_in_ten, T0 + 15 * S), T0 + 20 * S);
  CHECK(lks_pace_release(pace, one.slot));
  CHECK_INT(pace_peek(pace, &one_in_ten, T0 + 15 * S), T0 + 15 * S);
  lks_pace_free(pace);
}

static void of_two_at_one_instant_each_is_its_holders_own(void) {
  const lks_windows two = {1, {{2, 10 * S}}};
  lks_pace *pace = lks_pace_new();
  for (int i = 0; i < 2; i++) wait_for(pace, &two, T0);
  waiter one = wait_for(pace, &two, T0), other = wait_for(pace, &two, T0);
  CHECK_INT(one.slot, other.slot);
  CHECK(lks_pace_confirm(pace, other.promise));
  CHECK(lks_pace_release(pace, other.slot)); /* it was not sent after all */
  CHECK(!lks_pace_release(pace, one.slot));  /* the other is not to be had under its time */
  CHECK_INT(look(pace, &two, T0 + S, &one), 10 * S);
  CHECK(lks_pace_withdraw(pace, one.promise));
  CHECK_INT(pace_peek(pace, &two, T0 + 10 * S), T0 + 10 * S);
  lks_pace_free(pace);
}

static void those_behind_move_up_in_their_order(void) {
  lks_pace *pace = lks_pace_new();
  wait_for(pace, &one_in_ten, T0);
  waiter first = wait_for(pace, &one_in_ten, T0), second = wait_for(pace, &one_in_ten, T0);
  waiter third = wait_for(pace, &one_in_ten, T0);
  CHECK(!lks_pace_is_movable(first.promise) && lks_pace_is_movable(second.promise));
  go_on(pace, &one_in_ten, T0, T0 + 5 * S, &second);
  CHECK_INT(look(pace, &one_in_ten, T0 + 5 * S, &third), 30 * S);
  lks_time now = T0 + 10 * S + LKS_PACE_GRACE; /* the first did not come */
  CHECK_INT(look(pace, &one_in_ten, now, &third), 12 * S + 10 * S);
  CHECK_INT(look(pace, &one_in_ten, now, &second), 11 * S + LKS_PACE_LOOK);
  CHECK_INT(pace_peek(pace, &one_in_ten, now), T0 + 32 * S);
  lks_pace_free(pace);
}

static void who_waits_alone_is_not_moved_up(void) {
  lks_pace *pace = lks_pace_new();
  wait_for(pace, &one_in_ten, T0);
  waiter alone = wait_for(pace, &one_in_ten, T0);
  CHECK(lks_pace_release(pace, T0));
  CHECK_INT(look(pace, &one_in_ten, T0 + S, &alone), 10 * S);
  lks_pace_free(pace);
}

static void who_gives_his_slot_back_leaves_it_to_those_behind(void) {
  lks_pace *pace = lks_pace_new();
  wait_for(pace, &one_in_ten, T0);
  waiter leaves = wait_for(pace, &one_in_ten, T0), gone = wait_for(pace, &one_in_ten, T0);
  waiter third = wait_for(pace, &one_in_ten, T0), fourth = wait_for(pace, &one_in_ten, T0);
  CHECK_INT(look(pace, &one_in_ten, T0 + S, &fourth), 40 * S);
  CHECK(lks_pace_withdraw(pace, leaves.promise));
  /* Who is next says nothing, as one does that was ended. */
  CHECK_INT(look(pace, &one_in_ten, T0 + 2 * S, &third), 20 * S);
  CHECK_INT(look(pace, &one_in_ten, T0 + 2 * S, &gone), 10 * S);
  CHECK_INT(look(pace, &one_in_ten, T0 + 2 * S, &fourth), 30 * S);
  CHECK(lks_pace_withdraw(pace, third.promise));
  CHECK_INT(look(pace, &one_in_ten, T0 + 3 * S, &fourth), 20 * S);
  lks_pace_free(pace);
}

/* He has come for his slot, and cannot have it. */
static lks_time come(lks_pace *pace, const lks_windows *windows, lks_time now, waiter *one) {
  lks_time slot = one->slot;
  CHECK(!lks_pace_holds(pace, windows, now, slot, one->promise));
  CHECK(lks_pace_renew(pace, windows, now, slot, LKS_TIME_MAX, &one->slot, &one->promise));
  return one->slot - T0;
}

static void a_pause_keeps_the_order(void) {
  lks_pace *pace = lks_pace_new();
  wait_for(pace, &one_in_ten, T0);
  waiter first = wait_for(pace, &one_in_ten, T0), second = wait_for(pace, &one_in_ten, T0);
  lks_pace_pause(pace, T0, T0 + 60 * S);
  waiter newcomer = wait_for(pace, &one_in_ten, T0);
  CHECK_INT(newcomer.slot, T0 + 60 * S);
  go_on(pace, &one_in_ten, T0, T0 + 2 * S, &second); /* so long a wait calls the roll */
  CHECK_INT(come(pace, &one_in_ten, T0 + 10 * S, &first), 60 * S);
  CHECK_INT(look(pace, &one_in_ten, T0 + 10 * S, &second), 70 * S);
  CHECK_INT(look(pace, &one_in_ten, T0 + 10 * S, &newcomer), 80 * S);
  CHECK_INT(pace_peek(pace, &one_in_ten, T0 + 10 * S), T0 + 90 * S);
  lks_pace_free(pace);
}

static void who_leaves_late_costs_nobody_his_turn(void) {
  const lks_windows one_a_second = {1, {{1, S}}};
  lks_pace *pace = lks_pace_new();
  wait_for(pace, &one_a_second, T0);
  waiter late = wait_for(pace, &one_a_second, T0), next = wait_for(pace, &one_a_second, T0), last = next;
  for (int i = 0; i < 10; i++) last = wait_for(pace, &one_a_second, T0);
  for (lks_time now = T0; now < T0 + 2 * S; now += LKS_PACE_LOOK) {
    CHECK(lks_pace_look(pace, &one_a_second, now, &next.promise, &next.slot));
    CHECK(lks_pace_look(pace, &one_a_second, now, &last.promise, &last.slot));
  }
  lks_time slot = late.slot;
  CHECK(lks_pace_renew(pace, &one_a_second, slot + 300 * MS, slot, LKS_TIME_MAX, &late.slot, &late.promise));
  CHECK_INT(late.slot, T0 + S + 300 * MS);
  CHECK_INT(late.promise, 0);
  CHECK_INT(look(pace, &one_a_second, T0 + 2 * S, &next), 2 * S + 300 * MS);
  CHECK_INT(look(pace, &one_a_second, T0 + 2 * S, &last), 12 * S + 300 * MS);
  lks_pace_free(pace);
}

static void who_has_lost_his_place_goes_behind_all(void) {
  lks_pace *pace = lks_pace_new();
  lks_time slot;
  lks_promise promise = 0;
  wait_for(pace, &one_in_ten, T0);
  for (int i = 0; i < 3; i++) wait_for(pace, &one_in_ten, T0);
  CHECK(lks_pace_renew(pace, &one_in_ten, T0 + S, INT64_MIN, LKS_TIME_MAX, &slot, &promise));
  CHECK_INT(slot, T0 + 40 * S);
  CHECK(lks_pace_is_movable(promise));
  lks_pace_free(pace);
}

static void a_clock_set_back_takes_promises_along(void) {
  lks_pace *pace = lks_pace_new();
  wait_for(pace, &one_in_ten, T0);
  waiter one = wait_for(pace, &one_in_ten, T0);
  lks_time now = T0 - 3600 * S;
  CHECK_INT(look(pace, &one_in_ten, now, &one), now + 10 * S - T0);
  CHECK(lks_pace_withdraw(pace, one.promise));
  lks_pace_free(pace);
}

/* A hundred visitors come and leave at once; twenty were sent, and who comes then asks as often as he has to. */
static void who_stays_when_a_hundred_leave_does_not_wait_for_them(void) {
  lks_state *state = lks_state_new();
  const lks_wish wish = {.longest = 300 * S}, again = {.longest = 300 * S, .renews = true, .late = 50 * MS};
  lks_ticket ticket = {0};
  lks_span span = 0, sent = 0;
  for (int i = 0; i < 120; i++) {
    ticket = (lks_ticket){0};
    CHECK_INT(lks_state_take(state, &lockpub, &wish, T0, &ticket, &span), LKS_KIND_NONE);
    if (span == 0) sent++;
  }
  CHECK_INT(sent, 20);
  lks_time now = T0 + 100 * MS;
  ticket = (lks_ticket){0};
  CHECK_INT(lks_state_take(state, &lockpub, &wish, now, &ticket, &span), LKS_KIND_NONE);
  CHECK(span > 110 * S);
  int looks = 0;
  while (span > 0 && looks < 1000) {
    lks_span step = lks_state_look(&ticket) < span ? lks_state_look(&ticket) : span;
    now += step + 3 * MS;
    CHECK_INT(lks_state_take(state, &lockpub, &again, now, &ticket, &span), LKS_KIND_NONE);
    looks++;
  }
  CHECK(now - T0 < 16 * S);
  CHECK(looks < 20);
  lks_state_free(state);
}

/* Of many who wait, those who are gone are told by one of them. */
static void who_does_not_answer_the_roll_is_waited_for_no_longer(void) {
  const lks_windows slow = {1, {{1, 4 * S}}};
  lks_pace *pace = lks_pace_new();
  wait_for(pace, &slow, T0);
  waiter first = wait_for(pace, &slow, T0), gone[2], stays;
  for (int i = 0; i < 2; i++) gone[i] = wait_for(pace, &slow, T0);
  lks_time now = T0 + 4 * S + LKS_PACE_GRACE;
  for (int i = 0; i < 2; i++) go_on(pace, &slow, T0, now - LKS_PACE_LOOK, &gone[i]);
  stays = wait_for(pace, &slow, now - S / 2);
  CHECK_INT(stays.slot, T0 + 16 * S);
  lks_promise before = stays.promise;
  CHECK_INT(look(pace, &slow, now, &first), -1); /* now the roll is called, if it was not before */
  go_on(pace, &slow, now, now + LKS_PACE_ROLL_CALL, &stays);
  CHECK(stays.promise != before && lks_pace_is_movable(stays.promise));
  for (int i = 0; i < 2; i++) CHECK_INT(look(pace, &slow, now + LKS_PACE_ROLL_CALL, &gone[i]), -1);
  CHECK_INT(stays.slot, now + LKS_PACE_ROLL_CALL + LKS_PACE_LOOK);
  lks_pace_free(pace);
}

/* Nothing was forgotten yet: the first slot comes in a minute. */
static void the_roll_is_called_before_somebody_waits_long(void) {
  const lks_windows slow = {1, {{1, 60 * S}}};
  lks_pace *pace = lks_pace_new();
  lks_time slot, now = T0 + LKS_PACE_ROLL_EVERY;
  wait_for(pace, &slow, T0);
  waiter gone[5], stays;
  for (int i = 0; i < 5; i++) gone[i] = wait_for(pace, &slow, T0);
  stays = wait_for(pace, &slow, T0);
  for (int i = 1; i < 5; i++) go_on(pace, &slow, T0, T0 + 3 * S, &gone[i]);
  go_on(pace, &slow, T0, now, &stays);
  CHECK_INT(stays.slot, T0 + 360 * S);
  lks_promise before = stays.promise;
  CHECK(!lks_pace_reserve(pace, &slow, now, now + 10 * S, &slot));
  CHECK_INT(slot, T0 + 420 * S);
  go_on(pace, &slow, now, now + LKS_PACE_ROLL_CALL, &stays);
  CHECK(stays.promise != before);
  now += LKS_PACE_ROLL_CALL;
  CHECK_INT(look(pace, &slow, now, &gone[0]), 60 * S); /* who waited alone, and need not look */
  for (int i = 1; i < 5; i++) CHECK_INT(look(pace, &slow, now, &gone[i]), -1);
  before = stays.promise;
  CHECK(!lks_pace_reserve(pace, &slow, now, now + 10 * S, &slot)); /* not so soon again */
  CHECK(lks_pace_look(pace, &slow, now, &stays.promise, &slot));
  CHECK(stays.promise == before);
  CHECK_INT(slot, T0 + 120 * S); /* behind the first */
  lks_pace_free(pace);
}

/* No window reaches a slot any more half a second after it, and who comes then still holds it. */
static void short_windows_forget_no_sooner(void) {
  const lks_windows short_one = {1, {{1, S / 2}}};
  lks_pace *pace = lks_pace_new();
  wait_for(pace, &short_one, T0);
  waiter late = wait_for(pace, &short_one, T0), stays = late;
  for (int i = 0; i < 40; i++) stays = wait_for(pace, &short_one, T0);
  CHECK_INT(stays.slot, T0 + 41 * S / 2);
  lks_time now = late.slot + LKS_PACE_GRACE - 1;
  for (lks_time asked = T0; asked <= now; asked += LKS_PACE_LOOK)
    CHECK(lks_pace_look(pace, &short_one, asked, &stays.promise, &stays.slot));
  CHECK_INT(look(pace, &short_one, now, &late), S / 2);
  now++; /* the first is forgotten, and those who do not answer go with it */
  for (; now < stays.slot - LKS_PACE_LOOK; now += LKS_PACE_LOOK)
    CHECK(lks_pace_look(pace, &short_one, now, &stays.promise, &stays.slot));
  CHECK(stays.slot < T0 + 10 * S);
  lks_pace_free(pace);
}

/* Whoever tells whom: the name that answered the roll is the one that its holder knows. */
static void of_two_histories_the_later_name_is_kept(void) {
  lks_pace *told = lks_pace_new(), *known = lks_pace_new();
  wait_for(told, &one_in_ten, T0);
  waiter stays = wait_for(told, &one_in_ten, T0);
  stays = wait_for(told, &one_in_ten, T0);
  CHECK(lks_pace_copy(known, told));
  CHECK_INT(pace_peek(told, &one_in_ten, T0 + S), T0 + 30 * S); /* the roll is called */
  lks_promise before = stays.promise;
  CHECK(lks_pace_look(told, &one_in_ten, T0 + S, &stays.promise, &stays.slot));
  CHECK(stays.promise != before);
  for (int i = 0; i < 2; i++) {
    lks_pace *one = lks_pace_new();
    CHECK(lks_pace_copy(one, i == 0 ? told : known) && lks_pace_merge(one, i == 0 ? known : told));
    CHECK_INT(look(one, &one_in_ten, T0 + 2 * S, &stays), 20 * S);
    lks_pace_free(one);
  }
  lks_pace_free(told);
  lks_pace_free(known);
}

#define VISITORS 100
#define SENDS 2000

/* Waiters of whom some never come back, and the others late by up to 200 ms; what is sent holds the windows. */
static void windows_hold_whoever_leaves(void) {
  lks_state *state = lks_state_new();
  lks_ticket tickets[VISITORS] = {0};
  lks_time due[VISITORS], sent[SENDS];
  const lks_wish fresh = {.longest = 600 * S}, again = {.longest = 600 * S, .renews = true, .late = 50 * MS};
  size_t count = 0;
  lks_time now = T0;
  random_state = 11;
  for (size_t i = 0; i < VISITORS; i++) due[i] = now + random_below(S);
  while (count < SENDS) {
    size_t next = 0;
    for (size_t i = 1; i < VISITORS; i++)
      if (due[i] < due[next]) next = i;
    if (due[next] > now) now = due[next];
    lks_ticket *ticket = &tickets[next];
    lks_span span;
    if (ticket->held && random_below(300) == 0) *ticket = (lks_ticket){0}; /* another visitor, without a word */
    lks_kind kind = lks_state_take(state, &lockpub, ticket->held ? &again : &fresh, now, ticket, &span);
    CHECK_INT(kind, LKS_KIND_NONE);
    if (kind != LKS_KIND_NONE) break;
    if (span > 0) {
      lks_span step = lks_state_look(ticket) < span ? lks_state_look(ticket) : span;
      due[next] = now + step + random_below(200 * MS);
      continue;
    }
    /* One that is a little late is confirmed after one that comes behind it. */
    size_t place = count++;
    for (; place > 0 && sent[place - 1] > ticket->slot; place--) sent[place] = sent[place - 1];
    sent[place] = ticket->slot;
    *ticket = (lks_ticket){0};
    due[next] = now + random_below(100 * MS);
  }
  for (unsigned w = 0; w < lockpub.count; w++)
    for (size_t i = lockpub.window[w].requests; i < count; i++) {
      lks_span apart = sent[i] - sent[i - lockpub.window[w].requests];
      CHECK(apart >= lockpub.window[w].per);
    }
  CHECK_INT(count, SENDS);
  CHECK((double)(sent[SENDS - 1] - T0) < 1.15 * (SENDS / 60) * 60.0 * (double)S);
  lks_state_free(state);
}

int main(void) {
  RUN(what_can_go_at_once_is_no_promise);
  RUN(a_promise_counts_like_a_slot_until_nobody_comes);
  RUN(a_promise_that_is_confirmed_stays);
  RUN(of_two_at_one_instant_each_is_its_holders_own);
  RUN(those_behind_move_up_in_their_order);
  RUN(who_waits_alone_is_not_moved_up);
  RUN(who_gives_his_slot_back_leaves_it_to_those_behind);
  RUN(a_pause_keeps_the_order);
  RUN(who_leaves_late_costs_nobody_his_turn);
  RUN(who_has_lost_his_place_goes_behind_all);
  RUN(a_clock_set_back_takes_promises_along);
  RUN(who_stays_when_a_hundred_leave_does_not_wait_for_them);
  RUN(who_does_not_answer_the_roll_is_waited_for_no_longer);
  RUN(the_roll_is_called_before_somebody_waits_long);
  RUN(short_windows_forget_no_sooner);
  RUN(of_two_histories_the_later_name_is_kept);
  RUN(windows_hold_whoever_leaves);
  return TEST_END();
}
