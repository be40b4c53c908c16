/* What a failed exchange is called: its kind, whether it would fail again, and in words. No libcurl here: transport.c
 * translates libcurl's codes, of which there are too many, into what went wrong. */
#ifndef LKS_CURL_FAILURE_H
#define LKS_CURL_FAILURE_H

#include <stdbool.h>

#include "core/error.h"

typedef enum lks_trouble {
  LKS_TROUBLE_CUT,         /* a connection could not be made, or ended */
  LKS_TROUBLE_LATE,        /* the limit, or connect_timeout before it, was reached */
  LKS_TROUBLE_HANDSHAKE,   /* no TLS connection, perhaps because the network cut it */
  LKS_TROUBLE_CERTIFICATE, /* one that does not verify: stays wrong however often it is tried */
  LKS_TROUBLE_NONSENSE,    /* what came is no answer */
  LKS_TROUBLE_LARGE,       /* what came, or is announced, is more than was allowed */
  LKS_TROUBLE_LONG_LINE,   /* a line is more than libcurl takes in */
  LKS_TROUBLE_MEMORY,      /* libcurl says that memory ran out */
  LKS_TROUBLE_STARVED,     /* and here it did */
  LKS_TROUBLE_UNABLE,      /* libcurl cannot do what it was asked to */
  LKS_TROUBLE_STOPPED,     /* by who waits for it */
  LKS_TROUBLE_RESENT       /* it would have been sent once more, which is not allowed */
} lks_trouble;

typedef struct lks_failure_facts {
  lks_trouble trouble;
  bool sent;            /* some byte of the request may have left */
  bool limit_reached;   /* with LATE: the limit of the whole attempt, not only connect_timeout */
  bool lines_flooded;   /* with LARGE: it was lines, not the body */
  bool unfinished_line; /* with MEMORY: much came that libcurl has not handed on, a line above its own limit */
  long proxy_status;    /* of a proxy's answer to CONNECT; 0 without one */
  int shortage;         /* see lks_sockets_shortage */
  const char *words;    /* libcurl's, printable; may be empty */
  const char *standard; /* libcurl's for any failure of that sort: they quote nothing */
} lks_failure_facts;

/* What libcurl's words for a failure to receive stand for: one code for a connection that ended and for much else. */
lks_trouble lks_failure_receiving(const char *words);

/* Makes words printable, in place. */
const char *lks_failure_printable(char *words);

lks_kind lks_failure_kind(const lks_failure_facts *facts);
/* Whether another try would meet the same. */
bool lks_failure_is_permanent(const lks_failure_facts *facts);
/* Without secrets; static, or one of the texts in `facts`. */
const char *lks_failure_message(const lks_failure_facts *facts);

#endif
