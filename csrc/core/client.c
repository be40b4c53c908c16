#include "client.h"

#include <stdlib.h>
#include <string.h>

/* Below this a missed slot is the grain of timers, not lateness. */
#define LATE_MIN (LKS_SECOND / 50)

struct lks_client {
  unsigned references;
  lks_client_options options;
  lks_windows windows;
  lks_buffer base_url;
  lks_buffer path_prefix;
  lks_buffer user_agent;
  lks_budget budget;
  lks_key *key;
  lks_pace *uncounted; /* sends that no state counts, for want of windows; NULL where there are windows */
  char state_name[LKS_STATE_NAME_SIZE];
};

static const char *text_of(const lks_buffer *buffer) {
  return buffer->data == NULL ? "" : buffer->data;
}

/* What is too long for the buffer is the caller's fault, not a lack of memory. */
static lks_url_status storing_failed(const lks_buffer *buffer) {
  return buffer->full ? LKS_URL_BAD_PATH : LKS_URL_NO_MEMORY;
}

static lks_url_status set_prefix(lks_client *client, const char *prefix, size_t length) {
  if (length > 0 && (prefix[0] != '/' || !lks_url_path_valid(prefix, length))) return LKS_URL_BAD_PREFIX;
  while (length > 0 && prefix[length - 1] == '/') length--;
  if (lks_buffer_append(&client->path_prefix, prefix, length)) return LKS_URL_OK;
  return client->path_prefix.full ? LKS_URL_BAD_PREFIX : LKS_URL_NO_MEMORY;
}

static lks_url_status fill(lks_client *client, const lks_client_options *options) {
  const lks_service_info *service = lks_service_get(options->service);
  bool own_url = options->base_url == NULL, own_prefix = options->path_prefix == NULL;
  const char *base_url = own_url ? service->base_url : options->base_url;
  const char *prefix = own_prefix ? service->path_prefix : options->path_prefix;
  lks_url_status status =
      lks_url_base(base_url, own_url ? strlen(base_url) : options->base_url_length, &client->base_url);
  if (status == LKS_URL_NO_MEMORY) return storing_failed(&client->base_url);
  if (status != LKS_URL_OK) return status;
  if (!lks_buffer_append_text(&client->user_agent, options->user_agent)) return storing_failed(&client->user_agent);
  return set_prefix(client, prefix, own_prefix ? strlen(prefix) : options->path_prefix_length);
}

lks_url_status lks_client_new(const lks_client_options *options, lks_client **out) {
  *out = NULL;
  lks_client *client = calloc(1, sizeof *client);
  if (client == NULL) return LKS_URL_NO_MEMORY;
  client->references = 1;
  client->options = *options;
  client->options.base_url = client->options.path_prefix = client->options.user_agent = NULL;
  client->options.windows = NULL;
  client->windows = options->windows == NULL ? lks_service_get(options->service)->windows : *options->windows;
  for (unsigned i = 0; i < client->windows.count; i++) client->windows.window[i].per += options->margin;
  lks_buffer_init(&client->base_url, LKS_URL_MAX);
  lks_buffer_init(&client->path_prefix, LKS_URL_MAX);
  lks_buffer_init(&client->user_agent, LKS_URL_MAX);
  lks_budget_init(&client->budget);
  if (client->windows.count == 0) client->uncounted = lks_pace_new();
  bool whole = client->windows.count > 0 || client->uncounted != NULL;
  lks_url_status status = whole ? fill(client, options) : LKS_URL_NO_MEMORY;
  if (status != LKS_URL_OK) {
    lks_client_release(client);
    return status;
  }
  *out = client;
  return LKS_URL_OK;
}

lks_client *lks_client_retain(lks_client *client) {
  client->references++;
  return client;
}

void lks_client_release(lks_client *client) {
  if (client == NULL || --client->references > 0) return;
  lks_buffer_free(&client->base_url);
  lks_buffer_free(&client->path_prefix);
  lks_buffer_free(&client->user_agent);
  lks_key_free(client->key);
  lks_pace_free(client->uncounted);
  free(client);
}

const char *lks_client_base_url(const lks_client *client) {
  return text_of(&client->base_url);
}

const char *lks_client_path_prefix(const lks_client *client) {
  return text_of(&client->path_prefix);
}

const char *lks_client_user_agent(const lks_client *client) {
  return text_of(&client->user_agent);
}

const lks_windows *lks_client_windows(const lks_client *client) {
  return &client->windows;
}

const lks_limits *lks_client_limits(const lks_client *client) {
  return &client->options.limits;
}

static void write_state_name(const lks_client *client, const lks_key *key, char name[LKS_STATE_NAME_SIZE]) {
  name[0] = '\0';
  if (key == NULL) return;
  const char *service = lks_service_get(client->options.service)->name;
  size_t length = strlen(service);
  memcpy(name, service, length);
  name[length] = ':';
  memcpy(name + length + 1, lks_key_fingerprint(key), LKS_FINGERPRINT_SIZE);
}

void lks_client_set_key(lks_client *client, lks_key *key) {
  if (key != NULL) lks_key_retain(key);
  lks_key_free(client->key);
  client->key = key;
  write_state_name(client, key, client->state_name);
}

lks_key *lks_client_key(const lks_client *client) {
  return client->key;
}

const char *lks_client_state_name(const lks_client *client) {
  return client->state_name;
}

lks_call *lks_client_call(lks_client *client, const lks_call_options *options, lks_time now) {
  lks_call_options complete = *options;
  complete.budget = &client->budget;
  complete.late = client->options.margin > LATE_MIN ? client->options.margin : LATE_MIN;
  complete.key_renewable = client->options.key_renewable;
  return lks_call_new(&complete, now);
}

/* True when the call took a key it did not have. */
static bool give_key(lks_client *client, lks_call *call, lks_time now) {
  lks_key *held = lks_call_current_key(call);
  if (client->key == NULL || (held != NULL && lks_key_equal(held, client->key))) return false;
  lks_call_key(call, now, client->key);
  return true;
}

void lks_client_call_state(const lks_client *client, const lks_call *call, char name[LKS_STATE_NAME_SIZE]) {
  const lks_key *key = lks_call_current_key(call);
  write_state_name(client, key != NULL ? key : client->key, name);
}

static lks_state *state_of(const lks_client *client, lks_memory_store *store, const lks_call *call) {
  if (lks_call_current_key(call) == client->key) return lks_memory_store_get(store, client->state_name);
  char name[LKS_STATE_NAME_SIZE];
  lks_client_call_state(client, call, name);
  return lks_memory_store_get(store, name);
}

static const char *reason(lks_kind kind, lks_pacing pacing) {
  if (kind == LKS_KIND_QUOTA_EXCEEDED) return lks_kind_text(kind);
  if (kind == LKS_KIND_NO_MEMORY) return "out of memory";
  return pacing == LKS_PACING_FAIL ? "no slot is free now (pacing is \"fail\")"
                                   : "the next free slot lies beyond the deadline";
}

lks_wish lks_client_wish(const lks_client *client, const lks_call *call, lks_span longest, lks_time now) {
  return (lks_wish){
      .longest = longest,
      .renews = lks_call_holds_slot(call),
      .unpaced = lks_call_pacing(call) == LKS_PACING_OFF,
      .quota = (lks_call_operation(call)->flags & LKS_OPERATION_QUOTA) != 0,
      .late = lks_call_late(call),
      .uncounted = client->uncounted,
      .ahead = now - lks_call_now(call),
  };
}

lks_settlement lks_client_settlement(const lks_client *client, const lks_call *call, unsigned effects, lks_time now) {
  return (lks_settlement){
      .unused = (effects & LKS_EFFECT_RELEASE) != 0,
      .late = (effects & LKS_EFFECT_MOVE) ? lks_call_lateness(call) : 0,
      .pause = (effects & LKS_EFFECT_PAUSE) ? lks_call_pause(call) : 0,
      .uncounted = client->uncounted,
      .ahead = now - lks_call_now(call),
  };
}

void lks_client_settled(lks_client *client, unsigned effects) {
  if (client->uncounted != NULL && (effects & LKS_EFFECT_PAUSE)) lks_pace_empty(client->uncounted);
}

/* Keeps count of what a state without windows does not: what is sent, and what of it did not pass. */
static void note(lks_client *client, const lks_call *call, const lks_action *action, lks_ticket *ticket) {
  static const lks_windows memory = {.count = 1, .window = {{LKS_WINDOW_REQUESTS_MAX, LKS_THROTTLE_MEMORY}}};
  if (client->uncounted == NULL || ticket->counted) return;
  lks_time began = lks_call_attempt_began(call);
  if (action->kind == LKS_ACTION_SEND)
    ticket->noted = lks_pace_record(client->uncounted, &memory, began, began);
  else if (ticket->noted && (action->effects & (LKS_EFFECT_PAUSE | LKS_EFFECT_RELEASE)))
    ticket->noted = lks_pace_release(client->uncounted, began);
}

void lks_client_paced(lks_client *client, lks_call *call, lks_time now, const lks_ticket *ticket, lks_kind kind,
                      lks_span span) {
  if (client->uncounted != NULL && ticket->bound) lks_pace_empty(client->uncounted);
  if (kind == LKS_KIND_NONE) {
    lks_call_grant(call, now, span);
    lks_call_look(call, lks_state_look(ticket));
    if (ticket->promise != 0) lks_call_promised(call);
  } else {
    lks_call_refuse(call, now, kind, kind == LKS_KIND_NO_MEMORY ? -1 : span, reason(kind, lks_call_pacing(call)));
  }
}

static void pace(lks_client *client, lks_state *state, lks_call *call, lks_time now, lks_span longest,
                 lks_ticket *ticket) {
  const lks_wish wish = lks_client_wish(client, call, longest, now);
  lks_span span;
  lks_kind kind = lks_state_take(state, &client->windows, &wish, now, ticket, &span);
  lks_client_paced(client, call, now, ticket, kind, span);
}

lks_action lks_client_next(lks_client *client, lks_memory_store *store, lks_call *call, lks_ticket *ticket,
                           lks_time now) {
  unsigned unsettled = 0;
  for (;;) {
    lks_action action = lks_call_next(call, now);
    note(client, call, &action, ticket);
    bool paced = action.kind == LKS_ACTION_PACE && store != NULL;
    if (store != NULL && (paced || action.effects != 0)) {
      lks_state *state = state_of(client, store, call);
      if (state != NULL) {
        const lks_settlement settlement = lks_client_settlement(client, call, action.effects, now);
        lks_state_settle(state, ticket, now, &settlement);
        lks_client_settled(client, action.effects);
        if (paced) pace(client, state, call, now, action.span, ticket);
      } else if (paced) {
        lks_call_refuse(call, now, LKS_KIND_NO_MEMORY, -1, "out of memory");
      }
      action.effects = 0;
    }
    unsettled |= action.effects;
    if (paced) continue;
    if (action.kind == LKS_ACTION_KEY && give_key(client, call, now)) continue;
    action.effects = unsettled;
    return action;
  }
}

void lks_client_response(lks_client *client, lks_memory_store *store, lks_call *call, lks_time now, double chance,
                         const lks_received *received, lks_quota *quota) {
  const lks_policy_headers *headers = received->headers;
  lks_response response = {
      .status = received->status,
      .body = received->body,
      .retry_after = lks_headers_value(headers->retry_after),
      .connected = received->connected,
      .refusal = received->refusal,
      .quota_reset = -1,
  };
  *quota = (lks_quota){0};
  if (headers->quota_remaining[0] != '\0' && lks_service_get(client->options.service)->has_quota) {
    lks_state *state = store == NULL ? NULL : state_of(client, store, call);
    const char *limit = lks_headers_value(headers->quota_limit), *reset = lks_headers_value(headers->quota_reset);
    if (state == NULL) {
      lks_quota_observe(quota, now, now, 0, limit, headers->quota_remaining, reset);
    } else {
      lks_state_observe(state, now, lks_call_attempt_began(call), limit, headers->quota_remaining, reset);
      *quota = state->quota;
    }
    if (quota->known && quota->remaining == 0) {
      response.refusal.quota_used_up = true;
      response.quota_reset = quota->reset > now ? quota->reset - now : 0;
    }
  }
  lks_call_response(call, now, chance, &response);
}
