#include "transport.h"

#include <curl/curl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "header_lists.h"
#include "memory.h"
#include "sigpipe.h"
#include "sockets.h"

#if LIBCURL_VERSION_NUM < 0x073d00
#error "libcurl 7.61 or later is needed"
#endif

/* Hands libcurl the parsed URL: otherwise every send parses the text and puts it together again. */
#define PARSES_URL (LIBCURL_VERSION_NUM >= 0x075000)

typedef enum body_mode { MODE_UNSET, MODE_PLAIN, MODE_HEAD, MODE_BODY } body_mode;

struct lks_transport {
  CURL *easy;  /* NULL in a forked child until its first send */
  pid_t owner; /* the process whose connections these are */
  char *ca_file;
  char *proxy;
  long connect_timeout; /* ms */
  size_t max_response_bytes;
  bool guard_sigpipe;
  bool unzips;
  bool announces; /* libcurl calls on_request */

  /* Options as last told to libcurl, which keeps them from send to send. */
  struct {
    char url[LKS_URL_MAX + 1];
    body_mode mode;
    char method[LKS_METHOD_SIZE];
    const char *body;
    size_t body_length;
    long limit; /* ms */
    bool fresh;
  } told;

  lks_header_lists header_lists;                        /* they hold the key */
  struct curl_slist header_nodes[LKS_HEADER_LINES_MAX]; /* the lines of this request, chained as libcurl reads them */
#if PARSES_URL
  CURLU *url; /* told.url */
#endif
  lks_sockets sockets;

  /* The running exchange. */
  bool repeatable;
  bool announced; /* on_request was called */
  bool resend_refused;
  lks_answer answer;
  char error[CURL_ERROR_SIZE];
};

/* Whether a request was handed to the connection, after which bytes of it may have left: libcurl's own count leaves out
 * those that TLS has written of a block it could not finish. A CONNECT to a proxy is no request. Before 7.80 it shows
 * by the time when the first block had been written. */
static bool has_begun(const lks_transport *transport) {
  if (transport->announces) return transport->announced;
  curl_off_t began = 0;
  return curl_easy_getinfo(transport->easy, CURLINFO_PRETRANSFER_TIME_T, &began) == CURLE_OK && began > 0;
}

/* libcurl repeats a request when a reused connection dies before a byte of the answer. For that it needs a new socket,
 * which it does not get, and from 7.80 on it announces the request again, which is refused as well. */
static bool refuse_resend(lks_transport *transport) {
  if (transport->repeatable || !has_begun(transport)) return false;
  transport->resend_refused = true;
  return true;
}

static curl_socket_t on_open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
  lks_transport *transport = context;
  (void)purpose;
  if (refuse_resend(transport)) return CURL_SOCKET_BAD;
  return lks_sockets_open(&transport->sockets, address->family, address->socktype, address->protocol);
}

static int on_close_socket(void *context, curl_socket_t closed) {
  lks_transport *transport = context;
  return lks_sockets_close(&transport->sockets, closed);
}

#if LIBCURL_VERSION_NUM >= 0x075000
static int on_request(void *context, char *ip, char *local_ip, int port, int local_port) {
  lks_transport *transport = context;
  (void)ip, (void)local_ip, (void)port, (void)local_port;
  if (refuse_resend(transport)) return CURL_PREREQFUNC_ABORT;
  transport->announced = true;
  return CURL_PREREQFUNC_OK;
}
#endif

static size_t on_header(char *line, size_t size, size_t count, void *context) {
  lks_transport *transport = context;
  return lks_answer_line(&transport->answer, line, size * count) ? size * count : 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context) {
  lks_transport *transport = context;
  return lks_answer_body(&transport->answer, bytes, size * count) ? size * count : 0;
}

/* The options that stay the same. One that libcurl refuses is an error, unless it goes unchecked here. */
static bool configure(lks_transport *transport, CURL *easy) {
  bool ok = true;
#define SET(option, value) (ok = ok && curl_easy_setopt(easy, (option), (value)) == CURLE_OK)
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_ERRORBUFFER, transport->error);
#if LIBCURL_VERSION_NUM >= 0x075500
  SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
  SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
  /* One request at a time gains nothing from HTTP/2, and under it a connection speaks unasked, refuses streams, and
   * libcurl 7.88 sends a refused read up to six times. */
  SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  SET(CURLOPT_FOLLOWLOCATION, 0L);
  SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  SET(CURLOPT_SSL_VERIFYPEER, 1L);
  SET(CURLOPT_SSL_VERIFYHOST, 2L);
  SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  SET(CURLOPT_CONNECTTIMEOUT_MS, transport->connect_timeout);
  SET(CURLOPT_MAXCONNECTS, 1L);
  if (transport->unzips) SET(CURLOPT_ACCEPT_ENCODING, "gzip");
  SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  SET(CURLOPT_HTTPHEADER, transport->header_nodes);
  SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
  SET(CURLOPT_OPENSOCKETDATA, transport);
  SET(CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
  SET(CURLOPT_CLOSESOCKETDATA, transport);
  SET(CURLOPT_HEADERFUNCTION, on_header);
  SET(CURLOPT_HEADERDATA, transport);
  SET(CURLOPT_WRITEFUNCTION, on_body);
  SET(CURLOPT_WRITEDATA, transport);
  if (transport->proxy != NULL) SET(CURLOPT_PROXY, transport->proxy);
  if (transport->ca_file != NULL) {
    SET(CURLOPT_CAINFO, transport->ca_file);
    /* Instead of the system's authorities, not beside them; TLS libraries without such a folder refuse the option. */
    (void)curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, transport->ca_file);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL);
  }
#if LIBCURL_VERSION_NUM >= 0x074000
  (void)curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
  /* A name server that does not answer must not hold the caller past its deadline. */
  (void)curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
#if LIBCURL_VERSION_NUM >= 0x075000
  transport->announces = curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request) == CURLE_OK;
  if (transport->announces) SET(CURLOPT_PREREQDATA, transport);
#endif
#undef SET
  return ok;
}

static void close_easy(lks_transport *transport) {
  lks_sigpipe guard;
  if (transport->guard_sigpipe) lks_sigpipe_block(&guard);
  curl_easy_cleanup(transport->easy);
  if (transport->guard_sigpipe) lks_sigpipe_restore(&guard);
  transport->easy = NULL;
}

static bool open_easy(lks_transport *transport) {
  memset(&transport->told, 0, sizeof transport->told);
  transport->owner = getpid();
  transport->easy = curl_easy_init();
  if (transport->easy == NULL) return false;
  if (configure(transport, transport->easy)) return true;
  close_easy(transport);
  return false;
}

/* In a forked child the handle shares its connections with the parent: closing it there would say goodbye to the
 * server in the parent's name, and its resolver threads do not exist. So it is leaked, and only the child's copies of
 * the sockets are closed, lest they keep connections open that the parent has closed. */
static void abandon_easy(lks_transport *transport) {
  lks_sockets_close_all(&transport->sockets);
  transport->easy = NULL;
}

static long milliseconds(lks_span span) {
  if (span <= 0) return 1;
  lks_span rounded = span / 1000 + (span % 1000 > 0);
  return rounded < INT_MAX ? (long)rounded : (long)INT_MAX;
}

static bool copy_text(const char *text, char **out) {
  if (text == NULL) return true;
  size_t size = strlen(text) + 1;
  *out = malloc(size);
  if (*out == NULL) return false;
  memcpy(*out, text, size);
  return true;
}

/* When something else in the process has started libcurl before, its allocation stays, and what libcurl frees is not
 * overwritten. */
static CURLcode start_libcurl(void) {
#ifdef LKS_CURL_WIPES_MEMORY
  return curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, lks_curl_free, lks_curl_realloc, lks_curl_strdup, calloc);
#else
  return curl_global_init(CURL_GLOBAL_DEFAULT);
#endif
}

lks_transport *lks_transport_new(const lks_transport_options *options) {
  /* Counted by libcurl. Never undone: whether other threads use libcurl cannot be known. Safe to call from several
   * threads at once since libcurl 7.84; with an older one the first transport must be made before threads start. */
  if (start_libcurl() != CURLE_OK) return NULL;
  lks_transport *transport = calloc(1, sizeof *transport);
  if (transport == NULL) return NULL;
  transport->connect_timeout = milliseconds(options->connect_timeout);
  transport->max_response_bytes = options->max_response_bytes;
  const curl_version_info_data *library = curl_version_info(CURLVERSION_NOW);
  transport->guard_sigpipe = library->version_num < 0x075700;
  transport->unzips = (library->features & CURL_VERSION_LIBZ) != 0;
  lks_answer_init(&transport->answer, options->max_response_bytes);
  if (copy_text(options->ca_file, &transport->ca_file) && copy_text(options->proxy, &transport->proxy) &&
      open_easy(transport))
    return transport;
  lks_transport_free(transport);
  return NULL;
}

void lks_transport_free(lks_transport *transport) {
  if (transport == NULL) return;
  if (transport->easy != NULL && transport->owner != getpid()) abandon_easy(transport);
  if (transport->easy != NULL) close_easy(transport);
  lks_header_lists_wipe(&transport->header_lists);
#if PARSES_URL
  curl_url_cleanup(transport->url);
#endif
  if (transport->proxy != NULL) lks_wipe(transport->proxy, strlen(transport->proxy));
  free(transport->proxy);
  free(transport->ca_file);
  lks_answer_wipe(&transport->answer);
  free(transport);
}

/* Early refusal by Content-Length only. The true check counts decoded bytes, of which compressing can make slightly
 * more; and the length named in an answer to HEAD is never sent. */
static curl_off_t declared_maximum(const lks_transport *transport) {
  size_t slack = transport->max_response_bytes / 8 + 1024;
  if (transport->max_response_bytes > INT64_MAX - slack) return 0;
  return (curl_off_t)(transport->max_response_bytes + slack);
}

static body_mode mode_of(const lks_request *request) {
  if (strcmp(request->method, "HEAD") == 0) return MODE_HEAD;
  if (request->has_body) return MODE_BODY;
  /* Methods that servers expect a Content-Length from, even of 0. */
  bool writes = strcmp(request->method, "POST") == 0 || strcmp(request->method, "PUT") == 0 ||
                strcmp(request->method, "PATCH") == 0;
  return writes ? MODE_BODY : MODE_PLAIN;
}

#if PARSES_URL
static CURLcode parse_url(lks_transport *transport, const char *url) {
  if (transport->url == NULL && (transport->url = curl_url()) == NULL) return CURLE_OUT_OF_MEMORY;
  CURLUcode code = curl_url_set(transport->url, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME | CURLU_DISALLOW_USER);
  if (code == CURLUE_OUT_OF_MEMORY) return CURLE_OUT_OF_MEMORY;
  return code == CURLUE_OK ? CURLE_OK : CURLE_URL_MALFORMAT;
}
#endif

static void chain_headers(lks_transport *transport, const lks_header_list *list) {
  for (size_t i = 0; i < list->count; i++) {
    transport->header_nodes[i].data = list->line[i];
    transport->header_nodes[i].next = i + 1 < list->count ? &transport->header_nodes[i + 1] : NULL;
  }
}

/* Tells libcurl what differs from the send before. */
static CURLcode prepare(lks_transport *transport, const lks_request *request, const lks_key *key, lks_span limit) {
  CURL *easy = transport->easy;
  CURLcode code = CURLE_OK;
#define SET(option, value) (code = code == CURLE_OK ? curl_easy_setopt(easy, (option), (value)) : code)
  body_mode mode = mode_of(request);
  const char *body = request->body.length > 0 ? request->body.data : "";
  const lks_header_list *headers = lks_header_lists_get(&transport->header_lists, request, key);
  if (headers == NULL) return CURLE_OUT_OF_MEMORY;
  chain_headers(transport, headers);

  if (strcmp(request->url.data, transport->told.url) != 0) {
    SET(CURLOPT_URL, request->url.data);
#if PARSES_URL
    if (code == CURLE_OK) code = parse_url(transport, request->url.data);
    SET(CURLOPT_CURLU, transport->url);
#endif
    memcpy(transport->told.url, request->url.data, request->url.length + 1);
  }

  if (mode != transport->told.mode) {
    if (mode == MODE_HEAD) SET(CURLOPT_NOBODY, 1L);
    if (mode == MODE_PLAIN) SET(CURLOPT_HTTPGET, 1L);
    if (mode == MODE_BODY) SET(CURLOPT_POST, 1L);
    SET(CURLOPT_MAXFILESIZE_LARGE, mode == MODE_HEAD ? (curl_off_t)0 : declared_maximum(transport));
    transport->told.mode = mode;
    transport->told.body = NULL;
  }
  if (mode == MODE_BODY && (body != transport->told.body || request->body.length != transport->told.body_length)) {
    SET(CURLOPT_POSTFIELDS, body);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.length);
    transport->told.body = body;
    transport->told.body_length = request->body.length;
  }
  if (strcmp(request->method, transport->told.method) != 0) {
    SET(CURLOPT_CUSTOMREQUEST, request->method);
    memcpy(transport->told.method, request->method, LKS_METHOD_SIZE);
  }
  if (milliseconds(limit) != transport->told.limit) {
    transport->told.limit = milliseconds(limit);
    SET(CURLOPT_TIMEOUT_MS, transport->told.limit);
  }
  /* The kept connection has something to read although nothing was asked: its end, or an answer to nobody, such as the
   * 408 of a server tired of waiting, which libcurl 7.88 would take for the answer to this request. */
  bool fresh = lks_sockets_readable(&transport->sockets);
  if (fresh != transport->told.fresh) SET(CURLOPT_FRESH_CONNECT, (long)fresh);
  transport->told.fresh = fresh;
#undef SET
  return code;
}

/* What stays wrong however often it is tried. A handshake that fails otherwise may have been cut by the network. */
static bool failed_verification(CURLcode code) {
#if LIBCURL_VERSION_NUM < 0x073e00
  if (code == CURLE_SSL_CACERT) return true;
#endif
  return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_CIPHER;
}

/* A connect cut short by connect_timeout is one that failed; cut short by the limit, it is a timeout. */
static lks_kind kind_of_timeout(const lks_transport *transport, bool sent) {
  curl_off_t total = 0;
  if (sent || transport->connect_timeout >= transport->told.limit) return LKS_KIND_TIMEOUT;
  (void)curl_easy_getinfo(transport->easy, CURLINFO_TOTAL_TIME_T, &total);
  return total / 1000 >= transport->told.limit ? LKS_KIND_TIMEOUT : LKS_KIND_CONNECT;
}

static lks_kind kind_of_failure(const lks_transport *transport, CURLcode code, bool sent) {
  if (transport->resend_refused) return LKS_KIND_NETWORK;
  if (failed_verification(code)) return LKS_KIND_TLS;
  switch (code) {
  case CURLE_SSL_CONNECT_ERROR: return LKS_KIND_TLS;
  case CURLE_OPERATION_TIMEDOUT: return kind_of_timeout(transport, sent);
  case CURLE_FILESIZE_EXCEEDED: return LKS_KIND_TOO_LARGE;
  case CURLE_WRITE_ERROR:
    if (transport->answer.headers.full || transport->answer.body.full) return LKS_KIND_TOO_LARGE;
    return transport->answer.headers.failed || transport->answer.body.failed ? LKS_KIND_NO_MEMORY
                                                                             : LKS_KIND_BAD_RESPONSE;
  /* What libcurl also says of a header line above its own limit. */
  case CURLE_OUT_OF_MEMORY: return sent ? LKS_KIND_TOO_LARGE : LKS_KIND_NO_MEMORY;
  case CURLE_BAD_CONTENT_ENCODING:
  case CURLE_WEIRD_SERVER_REPLY: return sent ? LKS_KIND_BAD_RESPONSE : LKS_KIND_CONNECT;
  case CURLE_UNSUPPORTED_PROTOCOL: return sent ? LKS_KIND_BAD_RESPONSE : LKS_KIND_CONFIG;
  case CURLE_BAD_FUNCTION_ARGUMENT:
  case CURLE_FAILED_INIT:
  case CURLE_NOT_BUILT_IN:
  case CURLE_UNKNOWN_OPTION:
  case CURLE_URL_MALFORMAT: return LKS_KIND_CONFIG;
  default: break;
  }
#if LIBCURL_VERSION_NUM >= 0x080600
  if (code == CURLE_TOO_LARGE) return LKS_KIND_TOO_LARGE;
#endif
  /* Cut while still talking to a proxy, or to nobody. */
  return sent ? LKS_KIND_NETWORK : LKS_KIND_CONNECT;
}

/* A proxy that refuses the tunnel, other than for being busy. */
static bool refused_by_proxy(const lks_transport *transport) {
  long status = 0;
  (void)curl_easy_getinfo(transport->easy, CURLINFO_HTTP_CONNECTCODE, &status);
  return status >= 400 && status < 500 && status != 408 && status != 429;
}

static const char *message_of(lks_transport *transport, CURLcode code, lks_kind kind) {
  if (transport->resend_refused) return "the connection ended before an answer, and the request may not be sent twice";
  if (transport->answer.headers.full) return "the headers of the answer are larger than 256 KiB";
  if (kind == LKS_KIND_TOO_LARGE && code != CURLE_OUT_OF_MEMORY) return "the answer is larger than max_response_bytes";
  if (kind == LKS_KIND_TOO_LARGE) return "a header of the answer is too large, or memory ran out";
  /* libcurl quotes a proxy it cannot use, credentials included. */
  if (transport->error[0] == '\0' || code == CURLE_COULDNT_RESOLVE_PROXY || strchr(transport->error, '@') != NULL)
    return curl_easy_strerror(code);
  for (char *at = transport->error; *at != '\0'; at++)
    if (*at < ' ' || *at > '~') *at = ' ';
  return transport->error;
}

static void report_failure(lks_transport *transport, CURLcode code, lks_exchange *exchange) {
  long status = 0;
  exchange->sent = has_begun(transport);
  exchange->kind = kind_of_failure(transport, code, exchange->sent);
  exchange->permanent = failed_verification(code) || exchange->kind == LKS_KIND_CONFIG ||
                        (exchange->kind == LKS_KIND_CONNECT && refused_by_proxy(transport));
  exchange->message = message_of(transport, code, exchange->kind);
  (void)curl_easy_getinfo(transport->easy, CURLINFO_RESPONSE_CODE, &status);
  exchange->status = transport->answer.seen_head && status >= 200 ? (int)status : 0;
}

static void report_answer(const lks_transport *transport, lks_exchange *exchange) {
  long status = 0;
  (void)curl_easy_getinfo(transport->easy, CURLINFO_RESPONSE_CODE, &status);
  exchange->status = (int)status;
  exchange->sent = true;
  if (!transport->answer.seen_head) { /* before 7.64 libcurl takes any bytes for an HTTP/0.9 answer */
    exchange->kind = LKS_KIND_BAD_RESPONSE;
    exchange->status = 0;
    exchange->message = "the answer is not HTTP";
    return;
  }
  if (transport->answer.in_head) { /* libcurl takes the end of the connection for the end of the headers */
    exchange->kind = LKS_KIND_NETWORK;
    exchange->message = "the connection ended within the headers of the answer";
    return;
  }
  if (transport->answer.headers.length > 0) exchange->headers = transport->answer.headers.data;
  if (transport->answer.body.length > 0) exchange->body = transport->answer.body.data;
  exchange->headers_length = transport->answer.headers.length;
  exchange->body_length = transport->answer.body.length;
}

static void refuse(lks_exchange *exchange, lks_kind kind, const char *message) {
  exchange->kind = kind;
  exchange->permanent = kind == LKS_KIND_CONFIG;
  exchange->message = message;
}

/* libcurl assembles requests in arrays on the stack, too. */
static void scrub_stack(void) {
  char below[16384];
  lks_wipe(below, sizeof below);
}

void lks_transport_send(lks_transport *transport, const lks_request *request, const lks_key *key, lks_span limit,
                        bool repeatable, lks_exchange *exchange) {
  *exchange = (lks_exchange){.headers = "", .body = "", .message = ""};
  if (limit <= 0) {
    refuse(exchange, LKS_KIND_TIMEOUT, "no time was left to send the request");
    return;
  }
  if (request->has_body && mode_of(request) == MODE_HEAD) {
    refuse(exchange, LKS_KIND_CONFIG, "libcurl cannot send a body with HEAD");
    return;
  }
  if (transport->easy != NULL && transport->owner != getpid()) abandon_easy(transport);
  if (transport->easy == NULL && !open_easy(transport)) {
    refuse(exchange, LKS_KIND_NO_MEMORY, "out of memory");
    return;
  }

  transport->repeatable = repeatable;
  transport->announced = transport->resend_refused = false;
  lks_answer_clear(&transport->answer);

  CURLcode code = prepare(transport, request, key, limit);
  if (code != CURLE_OK) {
    /* Which options were taken is unclear now. */
    close_easy(transport);
    refuse(exchange, code == CURLE_OUT_OF_MEMORY ? LKS_KIND_NO_MEMORY : LKS_KIND_CONFIG, curl_easy_strerror(code));
    return;
  }

  lks_sigpipe guard;
  if (transport->guard_sigpipe) lks_sigpipe_block(&guard);
  code = curl_easy_perform(transport->easy);
  void (*volatile scrub)(void) = scrub_stack; /* inlined, its array would not lie where libcurl's were */
  scrub();
  if (transport->guard_sigpipe) lks_sigpipe_restore(&guard);

  curl_off_t connected = 0;
  (void)curl_easy_getinfo(transport->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
  exchange->connected = connected;
  if (code == CURLE_OK)
    report_answer(transport, exchange);
  else
    report_failure(transport, code, exchange);
}

const char *lks_transport_version(void) {
  return curl_version();
}
