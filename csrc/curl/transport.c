#include "transport.h"

#include <curl/curl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include "core/url.h"
#include "environment.h"
#include "monotonic.h"
#include "request_lines.h"
#include "sigpipe.h"
#include "wiping.h"

#if LIBCURL_VERSION_NUM < 0x073d00
#error "libcurl 7.61 or later is needed"
#endif

/* Hands libcurl the parsed URL: otherwise every send parses the text and puts it together again. */
#define PARSES_URL (LIBCURL_VERSION_NUM >= 0x075000)

/* No wait is longer: a signal that came before it began shows at its end. */
#define LOOK_UP (LKS_SECOND / 4)

struct lks_transport {
  lks_engine *engine;
  CURL *easy;         /* NULL in a forked child until its first send */
  CURLSH *share;      /* the connections, which outlive the engine's multi handle */
  pid_t owner;        /* the process whose connections these are */
  lks_buffer ca_file; /* empty: the system's */
  lks_buffer proxy;
  bool has_proxy; /* which may be empty; else the environment's */
  lks_span connect_timeout;
  size_t max_response_bytes;
  bool guard_sigpipe;
  bool unzips;
  bool encrypts;
  bool announces; /* libcurl calls on_request */

  /* Options as last told to libcurl, which keeps them from send to send. */
  struct {
    char url[LKS_URL_MAX + 1];
    lks_form form;
    char method[LKS_METHOD_MAX + 1];
    const char *body;
    size_t body_length;
    long limit; /* ms */
    bool fresh;
  } told;

  lks_request_lines lines;                     /* they hold the key */
  struct curl_slist line_nodes[LKS_LINES_MAX]; /* those of this request, chained as libcurl reads them */
#if PARSES_URL
  CURLU *url; /* told.url */
#endif

  lks_flight flight;
  bool done;
  CURLcode code; /* once done */
  char error[CURL_ERROR_SIZE];
};

static void *make_multi(void) {
  CURLM *multi = curl_multi_init();
  if (multi != NULL) (void)curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 1L);
  return multi;
}

static void drop_multi(void *multi) {
  (void)curl_multi_cleanup(multi);
}

lks_engine *lks_transport_engine(void) {
  static const lks_engine_maker maker = {make_multi, drop_multi};
  return lks_engine_new(&maker);
}

/* Before 7.80 libcurl does not announce a request: that it was handed to the connection shows by the time when the
 * first block had been written. Its own count leaves out what TLS has written of a block it could not finish. A CONNECT
 * to a proxy is no request. */
static void note_begin(lks_transport *transport) {
  curl_off_t began = 0;
  if (transport->announces || transport->flight.begun > 0) return;
  if (curl_easy_getinfo(transport->easy, CURLINFO_PRETRANSFER_TIME_T, &began) == CURLE_OK && began > 0)
    transport->flight.begun = 1;
}

static int on_progress(void *context, curl_off_t down, curl_off_t downloaded, curl_off_t up, curl_off_t uploaded) {
  lks_transport *transport = context;
  (void)down, (void)downloaded, (void)up, (void)uploaded;
  return lks_flight_is_overdue(&transport->flight);
}

/* libcurl repeats a request when a reused connection dies before a byte of the answer. For that it needs a new socket,
 * which it does not get, and from 7.80 on it announces the request again, which is refused as well. */
static curl_socket_t on_open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
  lks_transport *transport = context;
  (void)purpose;
  note_begin(transport);
  if (!lks_flight_may_connect(&transport->flight)) return CURL_SOCKET_BAD;
  return lks_sockets_open(&transport->flight.sockets, address->family, address->socktype, address->protocol);
}

static int on_close_socket(void *context, curl_socket_t closed) {
  lks_transport *transport = context;
  return lks_sockets_close(&transport->flight.sockets, closed);
}

#if LIBCURL_VERSION_NUM >= 0x075000
static int on_request(void *context, char *ip, char *local_ip, int port, int local_port) {
  lks_transport *transport = context;
  (void)ip, (void)local_ip, (void)port, (void)local_port;
  return lks_flight_may_send(&transport->flight) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}
#endif

static size_t on_header(char *line, size_t size, size_t count, void *context) {
  lks_transport *transport = context;
  note_begin(transport);
  return lks_flight_line(&transport->flight, line, size * count) ? size * count : 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context) {
  lks_transport *transport = context;
  return lks_answer_body(&transport->flight.answer, bytes, size * count) ? size * count : 0;
}

#define SET(option, value) (code = code == CURLE_OK ? curl_easy_setopt(easy, (option), (value)) : code)

static CURLcode configure_tls(const lks_transport *transport, CURL *easy) {
  CURLcode code = CURLE_OK;
  SET(CURLOPT_SSL_VERIFYPEER, 1L);
  SET(CURLOPT_SSL_VERIFYHOST, 2L);
  SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  /* When memory runs out while a session is kept, libcurl 7.88 frees the host's name twice. */
  SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
  if (transport->ca_file.length > 0) {
    SET(CURLOPT_CAINFO, transport->ca_file.data);
    /* Instead of the system's authorities, not beside them; TLS libraries without such a folder refuse the option. */
    (void)curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, transport->ca_file.data);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL);
  }
  return code;
}

/* The options that stay the same. One that libcurl refuses is an error, unless it goes unchecked here; without TLS it
 * refuses all that concern it. */
static CURLcode configure(lks_transport *transport, CURL *easy) {
  CURLcode code = transport->encrypts ? configure_tls(transport, easy) : CURLE_OK;
  SET(CURLOPT_PRIVATE, transport);
  SET(CURLOPT_SHARE, transport->share);
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_ERRORBUFFER, transport->error);
#if LIBCURL_VERSION_NUM >= 0x075500
  SET(CURLOPT_PROTOCOLS_STR, transport->encrypts ? "http,https" : "http");
#else
  SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
  /* One request at a time gains nothing from HTTP/2, and under it a connection speaks unasked, refuses streams, and
   * libcurl 7.88 sends a refused read up to six times. */
  SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  SET(CURLOPT_FOLLOWLOCATION, 0L);
  SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  SET(CURLOPT_CONNECTTIMEOUT_MS, (long)lks_span_to_milliseconds(transport->connect_timeout));
  if (transport->unzips) SET(CURLOPT_ACCEPT_ENCODING, "gzip");
  SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 0L); /* they count, too */
  SET(CURLOPT_HTTPHEADER, transport->line_nodes);
  SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
  SET(CURLOPT_OPENSOCKETDATA, transport);
  SET(CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
  SET(CURLOPT_CLOSESOCKETDATA, transport);
  SET(CURLOPT_HEADERFUNCTION, on_header);
  SET(CURLOPT_HEADERDATA, transport);
  SET(CURLOPT_WRITEFUNCTION, on_body);
  SET(CURLOPT_WRITEDATA, transport);
  SET(CURLOPT_XFERINFOFUNCTION, on_progress);
  SET(CURLOPT_XFERINFODATA, transport);
  SET(CURLOPT_NOPROGRESS, 0L);
  if (transport->has_proxy) {
    SET(CURLOPT_PROXY, transport->proxy.length > 0 ? transport->proxy.data : "");
    SET(CURLOPT_NOPROXY, ""); /* the environment has no say in it */
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
  return code;
}

static void close_easy(lks_transport *transport) {
  lks_sigpipe guard;
  if (transport->guard_sigpipe) lks_sigpipe_block(&guard);
  curl_easy_cleanup(transport->easy);
  (void)curl_share_cleanup(transport->share);
  if (transport->guard_sigpipe) lks_sigpipe_restore(&guard);
  transport->easy = NULL;
  transport->share = NULL;
}

/* NONE, NO_MEMORY or CONFIG. */
static lks_kind open_easy(lks_transport *transport) {
  CURLcode code = CURLE_OUT_OF_MEMORY;
  memset(&transport->told, 0, sizeof transport->told);
  transport->owner = getpid();
  transport->easy = curl_easy_init();
  transport->share = curl_share_init();
  if (transport->easy != NULL && transport->share != NULL &&
      curl_share_setopt(transport->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT) == CURLSHE_OK &&
      curl_share_setopt(transport->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) == CURLSHE_OK)
    code = configure(transport, transport->easy);
  if (code == CURLE_OK) return LKS_KIND_NONE;
  close_easy(transport);
  return code == CURLE_OUT_OF_MEMORY ? LKS_KIND_NO_MEMORY : LKS_KIND_CONFIG;
}

/* In a forked child the handle shares its connections with the parent: closing it there would say goodbye to the
 * server in the parent's name, and its resolver threads do not exist. So it is leaked, and only the child's copies of
 * the sockets are closed, lest they keep connections open that the parent has closed. */
static void abandon_easy(lks_transport *transport) {
  lks_sockets_close_all(&transport->flight.sockets);
  transport->easy = NULL;
  transport->share = NULL;
}

lks_kind lks_transport_new(const lks_transport_options *options, lks_transport **out) {
  *out = NULL;
  /* Counted by libcurl. Never undone: whether other threads use libcurl cannot be known. Safe to call from several
   * threads at once since libcurl 7.84; with an older one the first transport must be made before threads start. */
  CURLcode started = LKS_CURL_START(CURL_GLOBAL_DEFAULT);
  if (started != CURLE_OK) return started == CURLE_OUT_OF_MEMORY ? LKS_KIND_NO_MEMORY : LKS_KIND_CONFIG;
  lks_transport *transport = calloc(1, sizeof *transport);
  if (transport == NULL) return LKS_KIND_NO_MEMORY;
  transport->engine = lks_engine_retain(options->engine);
  transport->connect_timeout = options->connect_timeout;
  transport->max_response_bytes = options->max_response_bytes;
  const curl_version_info_data *library = curl_version_info(CURLVERSION_NOW);
  transport->guard_sigpipe = library->version_num < 0x075700;
  transport->unzips = (library->features & CURL_VERSION_LIBZ) != 0;
  transport->encrypts = (library->features & CURL_VERSION_SSL) != 0;
  lks_answer_init(&transport->flight.answer, options->max_response_bytes);
  lks_buffer_init(&transport->ca_file, SIZE_MAX / 4);
  lks_buffer_init(&transport->proxy, SIZE_MAX / 4);
  transport->has_proxy = options->proxy != NULL;
  lks_kind kind = LKS_KIND_NO_MEMORY;
  if (lks_buffer_append_text(&transport->ca_file, options->ca_file) &&
      lks_buffer_append_text(&transport->proxy, options->proxy))
    kind = open_easy(transport);
  if (kind == LKS_KIND_NONE)
    *out = transport;
  else
    lks_transport_free(transport);
  return kind;
}

void lks_transport_free(lks_transport *transport) {
  if (transport == NULL) return;
  if (transport->easy != NULL && transport->owner != getpid()) abandon_easy(transport);
  if (transport->easy != NULL) close_easy(transport);
  lks_engine_release(transport->engine);
  lks_request_lines_wipe(&transport->lines);
#if PARSES_URL
  curl_url_cleanup(transport->url);
#endif
  lks_buffer_wipe(&transport->proxy);
  lks_buffer_free(&transport->ca_file);
  lks_answer_wipe(&transport->flight.answer);
  free(transport);
}

static void chain_lines(lks_transport *transport, const lks_lines *lines) {
  for (size_t i = 0; i < lines->count; i++) {
    transport->line_nodes[i].data = lines->line[i];
    transport->line_nodes[i].next = i + 1 < lines->count ? &transport->line_nodes[i + 1] : NULL;
  }
}

static bool is_https(const char *url) {
  return lks_url_read(url).scheme.length == strlen("https");
}

/* Where the request goes, and by which way. A proxy that libcurl would silently leave out is refused. */
static CURLcode tell_url(lks_transport *transport, const lks_request *request) {
  const char *url = request->url.data;
  CURLcode code = curl_easy_setopt(transport->easy, CURLOPT_URL, url);
#if PARSES_URL
  if (transport->url == NULL && (transport->url = curl_url()) == NULL) return CURLE_OUT_OF_MEMORY;
  CURLUcode parsed = curl_url_set(transport->url, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME | CURLU_DISALLOW_USER);
  if (parsed == CURLUE_OUT_OF_MEMORY) return CURLE_OUT_OF_MEMORY;
  if (parsed != CURLUE_OK) return CURLE_URL_MALFORMAT;
  if (code == CURLE_OK) code = curl_easy_setopt(transport->easy, CURLOPT_CURLU, transport->url);
#endif
  if (!transport->has_proxy) {
    bool direct = lks_url_is_loopback(url);
    const char *proxy = direct ? NULL : lks_environment_proxy(is_https(url));
    lks_proxy parts;
    if (proxy != NULL && !lks_url_read_proxy((lks_text){proxy, strlen(proxy)}, &parts))
      return CURLE_COULDNT_RESOLVE_PROXY;
    if (code == CURLE_OK) code = curl_easy_setopt(transport->easy, CURLOPT_PROXY, direct ? "" : NULL);
  }
  memcpy(transport->told.url, url, request->url.length + 1);
  return code;
}

/* Tells libcurl what differs from the send before. */
static CURLcode prepare(lks_transport *transport, const lks_request *request, const lks_key *key, lks_span limit) {
  CURL *easy = transport->easy;
  CURLcode code = CURLE_OK;
  lks_form form = lks_form_of(request);
  const char *body = request->body.length > 0 ? request->body.data : "";
  const lks_lines *lines = lks_request_lines_get(&transport->lines, request, key);
  if (lines == NULL) return CURLE_OUT_OF_MEMORY;
  chain_lines(transport, lines);

  if (strcmp(request->url.data, transport->told.url) != 0) code = tell_url(transport, request);
  if (form != transport->told.form) {
    if (form == LKS_FORM_HEAD) SET(CURLOPT_NOBODY, 1L);
    if (form == LKS_FORM_PLAIN) SET(CURLOPT_HTTPGET, 1L);
    if (form == LKS_FORM_BODY) SET(CURLOPT_POST, 1L);
    SET(CURLOPT_MAXFILESIZE_LARGE,
        form == LKS_FORM_HEAD ? (curl_off_t)0 : (curl_off_t)lks_answer_declared_maximum(transport->max_response_bytes));
    transport->told.form = form;
    transport->told.body = NULL;
  }
  if (form == LKS_FORM_BODY && (body != transport->told.body || request->body.length != transport->told.body_length)) {
    SET(CURLOPT_POSTFIELDS, body);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.length);
    transport->told.body = body;
    transport->told.body_length = request->body.length;
  }
  if (strcmp(request->method, transport->told.method) != 0) {
    SET(CURLOPT_CUSTOMREQUEST, request->method);
    memcpy(transport->told.method, request->method, sizeof request->method);
  }
  if (lks_span_to_milliseconds(limit) != transport->told.limit) {
    transport->told.limit = lks_span_to_milliseconds(limit);
    SET(CURLOPT_TIMEOUT_MS, transport->told.limit);
  }
  /* The kept connection has something to read although nothing was asked: its end, or an answer to nobody, such as the
   * 408 of a server tired of waiting, which libcurl 7.88 would take for the answer to this request. */
  bool fresh = lks_sockets_readable(&transport->flight.sockets);
  if (fresh != transport->told.fresh) SET(CURLOPT_FRESH_CONNECT, (long)fresh);
  transport->told.fresh = fresh;
  return code;
}

#undef SET

static lks_trouble trouble_of(const lks_transport *transport, CURLcode code) {
  switch (code) {
#if LIBCURL_VERSION_NUM < 0x073e00
  case CURLE_SSL_CACERT:
#endif
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_CIPHER: return LKS_TROUBLE_CERTIFICATE;
  case CURLE_SSL_CONNECT_ERROR: return LKS_TROUBLE_HANDSHAKE;
  case CURLE_OPERATION_TIMEDOUT: return LKS_TROUBLE_LATE;
#if LIBCURL_VERSION_NUM >= 0x080600
  case CURLE_TOO_LARGE:
#endif
  case CURLE_FILESIZE_EXCEEDED: return LKS_TROUBLE_LARGE;
  case CURLE_OUT_OF_MEMORY: return LKS_TROUBLE_MEMORY;
  case CURLE_WRITE_ERROR:
  case CURLE_BAD_CONTENT_ENCODING:
  case CURLE_WEIRD_SERVER_REPLY: return LKS_TROUBLE_NONSENSE;
  case CURLE_RECV_ERROR: return lks_failure_receiving(transport->error);
  case CURLE_UNSUPPORTED_PROTOCOL:
  case CURLE_BAD_FUNCTION_ARGUMENT:
  case CURLE_FAILED_INIT:
  case CURLE_NOT_BUILT_IN:
  case CURLE_UNKNOWN_OPTION:
  case CURLE_URL_MALFORMAT: return LKS_TROUBLE_UNABLE;
  default: return LKS_TROUBLE_CUT;
  }
}

static void report(lks_transport *transport, CURLcode code, lks_exchange *exchange) {
  curl_off_t connected = 0;
  long status = 0;
  (void)curl_easy_getinfo(transport->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
  (void)curl_easy_getinfo(transport->easy, CURLINFO_RESPONSE_CODE, &status);
  note_begin(transport);
  exchange->connected = connected;
  exchange->resent = transport->flight.begun > 1 ? transport->flight.begun - 1 : 0;
  if (code == CURLE_OK) {
    lks_flight_answered(&transport->flight, status, exchange);
    return;
  }
  lks_failure_facts facts = {
      .trouble = trouble_of(transport, code),
      /* There it quotes a proxy that it cannot use. */
      .words = code == CURLE_COULDNT_RESOLVE_PROXY ? "" : lks_failure_printable(transport->error),
      .standard = curl_easy_strerror(code),
  };
  (void)curl_easy_getinfo(transport->easy, CURLINFO_HTTP_CONNECTCODE, &facts.proxy_status);
  lks_flight_failed(&transport->flight, status, &facts, exchange);
}

static bool refuse(lks_exchange *exchange, lks_kind kind, const char *message) {
  exchange->kind = kind;
  exchange->permanent = kind == LKS_KIND_CONFIG;
  exchange->message = message;
  return false;
}

/* Without descriptors newer libcurl makes no multi handle, and does not say why. */
static bool refused_for_files(const lks_transport *transport, lks_exchange *exchange) {
  lks_failure_facts facts = {.trouble = LKS_TROUBLE_MEMORY, .words = "", .standard = ""};
  facts.shortage = lks_sockets_shortage(&transport->flight.sockets);
  if (facts.shortage == 0) return false;
  exchange->short_of_files = true;
  (void)refuse(exchange, lks_failure_kind(&facts), lks_failure_message(&facts));
  return true;
}

/* Another transport's exchange may be driven by a pause in this one's, and end there. */
static void note_ends(CURLM *multi) {
  CURLMsg *message;
  int left;
  while ((message = curl_multi_info_read(multi, &left)) != NULL) {
    lks_transport *transport = NULL;
    if (message->msg != CURLMSG_DONE) continue;
    (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transport);
    transport->code = message->data.result;
    transport->done = true;
  }
}

void lks_transport_advance(lks_transport *transport) {
  CURLM *multi = lks_engine_running(transport->engine);
  int running = 0;
  if (multi == NULL) return;
  lks_sigpipe guard;
  if (transport->guard_sigpipe) lks_sigpipe_block(&guard);
  CURLMcode code = curl_multi_perform(multi, &running);
  if (code == CURLM_OK) note_ends(multi);
  lks_engine_note_failure(transport->engine, code == CURLM_OK ? 0 : (int)code);
  if (transport->guard_sigpipe) lks_sigpipe_restore(&guard);
}

bool lks_transport_wait(lks_engine *engine, lks_span most) {
  CURLM *multi = lks_engine_running(engine);
  int ready = 0, milliseconds = lks_span_to_milliseconds(most < LOOK_UP ? most : LOOK_UP);
  if (multi == NULL) {
    (void)poll(NULL, 0, milliseconds);
    return false;
  }
#if LIBCURL_VERSION_NUM >= 0x074200
  (void)curl_multi_poll(multi, NULL, 0, milliseconds, &ready);
#else
  (void)curl_multi_wait(multi, NULL, 0, milliseconds, &ready);
  if (ready == 0) (void)poll(NULL, 0, 2); /* without a socket that returned at once */
#endif
  return ready > 0;
}

size_t lks_transport_descriptors(lks_engine *engine, lks_descriptor *out, size_t maximum, bool *complete) {
  CURLM *multi = lks_engine_running(engine);
  fd_set read, write, failed;
  int highest = -1;
  size_t count = 0;
  FD_ZERO(&read);
  FD_ZERO(&write);
  FD_ZERO(&failed);
  *complete = multi != NULL && curl_multi_fdset(multi, &read, &write, &failed, &highest) == CURLM_OK && highest >= 0;
  for (unsigned i = 0; *complete && i <= (unsigned)highest; i++) { /* musl's FD_ISSET wants no sign */
    bool reads = FD_ISSET(i, &read) != 0, writes = FD_ISSET(i, &write) != 0;
    if (!reads && !writes) continue;
    if (count == maximum) *complete = false;
    if (count < maximum) out[count++] = (lks_descriptor){.descriptor = (int)i, .reads = reads, .writes = writes};
  }
  return count;
}

lks_span lks_transport_next(const lks_engine *engine) {
  CURLM *multi = lks_engine_running(engine);
  long milliseconds = -1;
  if (multi == NULL || curl_multi_timeout(multi, &milliseconds) != CURLM_OK || milliseconds < 0) return -1;
  return milliseconds * (LKS_SECOND / 1000);
}

bool lks_transport_begin(lks_transport *transport, const lks_request *request, const lks_key *key, lks_span limit,
                         bool repeatable, lks_exchange *exchange) {
  *exchange = (lks_exchange){.headers = "", .body = "", .message = ""};
  if (limit <= 0) return refuse(exchange, LKS_KIND_TIMEOUT, "no time was left to send the request");
  if (request->has_body && lks_form_of(request) == LKS_FORM_HEAD)
    return refuse(exchange, LKS_KIND_CONFIG, "libcurl cannot send a body with HEAD");
  if (!transport->encrypts && is_https(request->url.data))
    return refuse(exchange, LKS_KIND_CONFIG, "the libcurl here was built without TLS, so it speaks no https");
  if (transport->easy != NULL && transport->owner != getpid()) abandon_easy(transport);
  lks_kind opened = transport->easy == NULL ? open_easy(transport) : LKS_KIND_NONE;
  if (opened != LKS_KIND_NONE) return refuse(exchange, opened, "libcurl cannot be used");

  transport->done = false;
  lks_flight_begin(&transport->flight, limit, repeatable);
  CURLcode code = prepare(transport, request, key, limit);
  CURLM *multi = NULL;
  if (code == CURLE_OK) multi = lks_engine_enter(transport->engine, transport, lks_monotonic());
  if (multi != NULL && curl_multi_add_handle(multi, transport->easy) != CURLM_OK) {
    lks_engine_leave(transport->engine, lks_monotonic());
    multi = NULL;
  }
  if (multi != NULL) return true;
  /* Which options were taken is unclear now. */
  close_easy(transport);
  if (code == CURLE_OK) code = CURLE_OUT_OF_MEMORY;
  if (code == CURLE_OUT_OF_MEMORY && refused_for_files(transport, exchange)) return false;
  return refuse(exchange, code == CURLE_OUT_OF_MEMORY ? LKS_KIND_NO_MEMORY : LKS_KIND_CONFIG, curl_easy_strerror(code));
}

bool lks_transport_has_ended(lks_transport *transport) {
  if (transport->easy == NULL || transport->owner != getpid()) return true;
  return lks_flight_must_end(&transport->flight, transport->done) || transport->done ||
         lks_engine_failure(transport->engine) != 0;
}

/* What libcurl made of it, or what it has to be taken for. */
static CURLcode code_of(const lks_transport *transport) {
  if (transport->flight.stop != LKS_STOP_NONE) return CURLE_ABORTED_BY_CALLBACK;
  if (transport->done) return transport->code;
  int failure = lks_engine_failure(transport->engine);
  if (failure == 0) return CURLE_ABORTED_BY_CALLBACK;
  return failure == CURLM_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY : CURLE_FAILED_INIT;
}

void lks_transport_end(lks_transport *transport, lks_exchange *exchange) {
  *exchange = (lks_exchange){.headers = "", .body = "", .message = ""};
  if (transport->easy == NULL || transport->owner != getpid()) {
    exchange->kind = LKS_KIND_NETWORK;
    exchange->sent = true;
    exchange->message = "the request belongs to the process that this one was forked from";
    return;
  }
  CURLM *multi = lks_engine_running(transport->engine);
  if (!transport->done && transport->flight.stop == LKS_STOP_NONE && lks_engine_failure(transport->engine) == 0)
    transport->flight.stop = LKS_STOP_GIVEN_UP;
  lks_sigpipe guard;
  if (transport->guard_sigpipe) lks_sigpipe_block(&guard);
  (void)curl_multi_remove_handle(multi, transport->easy);
  lks_engine_leave(transport->engine, lks_monotonic());
  lks_scrub_stack();
  if (transport->guard_sigpipe) lks_sigpipe_restore(&guard);
  report(transport, code_of(transport), exchange);
  /* libcurl may have kept what is half made. */
  if (lks_flight_ran_short(&transport->flight)) close_easy(transport);
}

void lks_transport_send(lks_transport *transport, const lks_request *request, const lks_key *key, lks_span limit,
                        bool repeatable, const lks_pause *pause, lks_exchange *exchange) {
  if (!lks_transport_begin(transport, request, key, limit, repeatable, exchange)) return;
  for (;;) {
    lks_transport_advance(transport);
    if (lks_transport_has_ended(transport)) break;
    if (!lks_transport_wait(transport->engine, transport->flight.end - lks_monotonic()) && pause != NULL &&
        !pause->goes_on(pause->context))
      transport->flight.stop = LKS_STOP_GIVEN_UP;
  }
  lks_transport_end(transport, exchange);
}

const char *lks_transport_version(void) {
  return curl_version();
}
