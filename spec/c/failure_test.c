/* What a failure is called: by what went wrong, and by whether the request had left. */
#include "curl/failure.h"

#include <errno.h>

#include "test.h"

static const lks_failure_facts nothing = {.words = "", .standard = "standard words"};

static void expect(lks_trouble trouble, bool sent, lks_kind kind) {
  lks_failure_facts facts = nothing;
  facts.trouble = trouble;
  facts.sent = sent;
  if (lks_failure_kind(&facts) == kind) return;
  test_case_failed = 1;
  fprintf(stderr, "trouble %d, %s: %s, expected %s\n", (int)trouble, sent ? "sent" : "not sent",
          lks_kind_name(lks_failure_kind(&facts)), lks_kind_name(kind));
}

static void a_kind_goes_by_what_had_left(void) {
  expect(LKS_TROUBLE_CUT, false, LKS_KIND_CONNECT);
  expect(LKS_TROUBLE_CUT, true, LKS_KIND_NETWORK);
  expect(LKS_TROUBLE_LATE, false, LKS_KIND_CONNECT);
  expect(LKS_TROUBLE_LATE, true, LKS_KIND_TIMEOUT);
  expect(LKS_TROUBLE_HANDSHAKE, false, LKS_KIND_TLS);
  expect(LKS_TROUBLE_CERTIFICATE, false, LKS_KIND_TLS);
  expect(LKS_TROUBLE_NONSENSE, false, LKS_KIND_CONNECT);
  expect(LKS_TROUBLE_NONSENSE, true, LKS_KIND_BAD_RESPONSE);
  expect(LKS_TROUBLE_LARGE, false, LKS_KIND_TOO_LARGE);
  expect(LKS_TROUBLE_LARGE, true, LKS_KIND_TOO_LARGE);
  expect(LKS_TROUBLE_LONG_LINE, true, LKS_KIND_TOO_LARGE);
  expect(LKS_TROUBLE_STOPPED, true, LKS_KIND_CLOSED);
  expect(LKS_TROUBLE_RESENT, true, LKS_KIND_NETWORK);
}

static void configuration_is_to_blame_only_before_anything_left(void) {
  expect(LKS_TROUBLE_UNABLE, false, LKS_KIND_CONFIG);
  expect(LKS_TROUBLE_UNABLE, true, LKS_KIND_BAD_RESPONSE);
}

static void memory_that_ran_out_never_hides_what_was_sent(void) {
  expect(LKS_TROUBLE_MEMORY, false, LKS_KIND_NO_MEMORY);
  expect(LKS_TROUBLE_MEMORY, true, LKS_KIND_TOO_LARGE);
  expect(LKS_TROUBLE_STARVED, false, LKS_KIND_NO_MEMORY);
  expect(LKS_TROUBLE_STARVED, true, LKS_KIND_TOO_LARGE);
}

static void a_limit_that_was_reached_is_a_timeout(void) {
  lks_failure_facts facts = nothing;
  facts.trouble = LKS_TROUBLE_LATE;
  facts.limit_reached = true;
  CHECK_INT(lks_failure_kind(&facts), LKS_KIND_TIMEOUT);
}

static void what_would_fail_again_is_permanent(void) {
  lks_failure_facts facts = nothing;
  for (int trouble = LKS_TROUBLE_CUT; trouble <= LKS_TROUBLE_RESENT; trouble++) {
    facts.trouble = (lks_trouble)trouble;
    CHECK_INT(lks_failure_is_permanent(&facts), trouble == LKS_TROUBLE_CERTIFICATE || trouble == LKS_TROUBLE_UNABLE);
  }
  facts.trouble = LKS_TROUBLE_CUT;
  for (long status = 400; status < 600; status++) {
    facts.proxy_status = status;
    CHECK_INT(lks_failure_is_permanent(&facts), status < 500 && status != 408 && status != 429);
  }
  facts.proxy_status = 407;
  facts.sent = true;
  CHECK(!lks_failure_is_permanent(&facts));
}

/* A certificate file that could not be opened is no bad one. */
static void missing_descriptors_are_named_wherever_they_show(void) {
  lks_failure_facts facts = nothing;
  facts.shortage = EMFILE;
  for (int trouble = LKS_TROUBLE_CUT; trouble <= LKS_TROUBLE_RESENT; trouble++) {
    facts.trouble = (lks_trouble)trouble;
    CHECK_INT(lks_failure_kind(&facts), LKS_KIND_CONNECT);
    CHECK(!lks_failure_is_permanent(&facts));
    CHECK_TEXT(lks_failure_message(&facts), "too many open files in this process");
  }
  facts.shortage = ENFILE;
  CHECK_TEXT(lks_failure_message(&facts), "too many open files in this system");
  facts.trouble = LKS_TROUBLE_CUT;
  facts.sent = true;
  CHECK_INT(lks_failure_kind(&facts), LKS_KIND_NETWORK);
}

static void words_are_shown_unless_they_could_hold_a_login(void) {
  lks_failure_facts facts = nothing;
  CHECK_TEXT(lks_failure_message(&facts), "standard words");
  facts.words = "Connection refused";
  CHECK_TEXT(lks_failure_message(&facts), "Connection refused");
  facts.words = "Could not use http://user:hush@proxy";
  CHECK_TEXT(lks_failure_message(&facts), "standard words");
}

static void failures_to_receive_are_told_apart_by_their_words(void) {
  CHECK_INT(lks_failure_receiving("Recv failure: Connection reset by peer"), LKS_TROUBLE_CUT);
  CHECK_INT(lks_failure_receiving("Proxy CONNECT aborted"), LKS_TROUBLE_CUT);
  CHECK_INT(lks_failure_receiving(""), LKS_TROUBLE_CUT);
  CHECK_INT(lks_failure_receiving("Illegal or missing hexadecimal sequence in chunked-encoding"), LKS_TROUBLE_NONSENSE);
  CHECK_INT(lks_failure_receiving("Problem 3 in the Chunked-Encoded data"), LKS_TROUBLE_NONSENSE);
  CHECK_INT(lks_failure_receiving("chunk hex-length char not a hex digit: 0x7a"), LKS_TROUBLE_NONSENSE);
  CHECK_INT(lks_failure_receiving("invalid chunk size: '11111111111111111'"), LKS_TROUBLE_NONSENSE);
  CHECK_INT(lks_failure_receiving("Out of memory in chunked-encoding"), LKS_TROUBLE_LONG_LINE);
  CHECK_INT(lks_failure_receiving("CONNECT response too large"), LKS_TROUBLE_LONG_LINE);
  CHECK_INT(lks_failure_receiving("Too large response headers: 307203 > 307200"), LKS_TROUBLE_LONG_LINE);
}

int main(void) {
  RUN(a_kind_goes_by_what_had_left);
  RUN(configuration_is_to_blame_only_before_anything_left);
  RUN(memory_that_ran_out_never_hides_what_was_sent);
  RUN(a_limit_that_was_reached_is_a_timeout);
  RUN(what_would_fail_again_is_permanent);
  RUN(missing_descriptors_are_named_wherever_they_show);
  RUN(words_are_shown_unless_they_could_hold_a_login);
  RUN(failures_to_receive_are_told_apart_by_their_words);
  return TEST_END();
}
