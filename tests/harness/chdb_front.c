/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chdb-front: options, HTTP requests, authentication. See chdb_front.h.
 *
 *	chdb-front --library libchdb.so --path DIR [--listen 127.0.0.1]
 *	    [--port 0] [--port-file FILE] [--user NAME]
 *	    [--password-file FILE] [--fault-file FILE]
 *
 * Port 0 takes a free one; the port file appears in one piece when requests
 * are served. SIGTERM and SIGINT end running answers and then the server.
 * Each connection has a thread; each request a session of the engine.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "chdb_front.h"

#define MAX_BODY ((size_t)1 << 30)
#define MEMORY_PER_CONNECTION (1024 * 1024)

static struct {
	const char *library, *path, *listen, *port_file, *password_file;
	const char *user, *fault_file;
	unsigned short port;
	char password[256];
} opt = { .listen = "127.0.0.1", .user = "default" };

/*
 * One request while its body arrives. Binary data of an INSERT that stands in
 * the URL, or in the body's first lines, goes into a file in memory, which the
 * engine reads: in a statement's text it takes an empty line for the data's
 * end.
 */
struct request {
	char *body;
	size_t len, size;
	size_t format; /* sql_insert_format() of the INSERT */
	int data;      /* that file, or -1 */
	bool too_large;
};

/* What the URL asks of the session: a database, and settings, which are set by
 * one statement, as the real one has none to run for them. */
struct setup {
	char *stmts[2];
	size_t n;
	FILE *settings; /* "SET a = '1', b = '2'", or empty */
	char *set;
	size_t len;
	const char *readonly; /* set last, since it forbids what follows */
};

/* URL parameters that are no settings. */
static bool
is_reserved(const char *name)
{
	static const char *const names[] = { "query", "database", "user",
		"password", "query_id", "default_format", "session_id",
		"session_timeout", "session_check", "quota_key", "buffer_size",
		"wait_end_of_query", "compress", "decompress", "stacktrace",
		"role", "client_protocol_version", "close_session",
		"http_native_compression_disable_checksumming_on_decompress" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static void
assign(struct setup *setup, const char *name, const char *value)
{
	char *quoted = sql_quote(value == NULL ? "" : value);

	fprintf(setup->settings, "%s%s = %s",
	    ftell(setup->settings) == 0 ? "SET " : ", ", name, quoted);
	free(quoted);
}

static enum MHD_Result
add_setting(
    void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct setup *setup = cls;

	(void)kind;
	if (is_reserved(name))
		return MHD_YES;
	if (strcmp(name, "readonly") == 0) {
		setup->readonly = value == NULL ? "" : value;
		return MHD_YES;
	}
	/* The name goes into SQL: what is no name becomes an unknown one. */
	char clean[128] = "", *c = clean;
	for (const char *p = name; *p != '\0' && c < clean + 120; p++)
		*c++ = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST"
			      "UVWXYZ0123456789_",
			   *p) != NULL
		    ? *p
		    : '_';
	assign(setup, clean, value);
	return MHD_YES;
}

static char *
use_database(const char *name)
{
	char quoted[512], *q = quoted, *text;

	for (; *name != '\0' && q < quoted + sizeof(quoted) - 3; name++) {
		if (*name == '`' || *name == '\\')
			*q++ = '\\';
		*q++ = *name;
	}
	*q = '\0';
	if (asprintf(&text, "USE `%s`", quoted) == -1)
		abort();
	return text;
}

static void
collect_setup(
    struct MHD_Connection *conn, struct setup *setup, const char *method)
{
	const char *database = request_argument(conn, "database");

	*setup = (struct setup){ .n = 0 };
	setup->settings = open_memstream(&setup->set, &setup->len);
	if (setup->settings == NULL)
		abort();
	if (database == NULL)
		database = request_header(conn, "X-ClickHouse-Database");
	if (database != NULL && database[0] != '\0')
		setup->stmts[setup->n++] = use_database(database);
	MHD_get_connection_values(
	    conn, MHD_GET_ARGUMENT_KIND, add_setting, setup);
	if (strcmp(method, MHD_HTTP_METHOD_GET) == 0 && setup->readonly == NULL)
		setup->readonly = "2";
	if (setup->readonly != NULL)
		assign(setup, "readonly", setup->readonly);
	if (fclose(setup->settings) == EOF)
		abort();
	if (setup->len > 0)
		setup->stmts[setup->n++] = setup->set;
	else
		free(setup->set);
}

static bool
is_on(const char *value)
{
	return value != NULL &&
	    (strcmp(value, "1") == 0 || strcasecmp(value, "true") == 0);
}

/* How the answer is compressed. Of the codings that a client may accept, zstd
 * is the one this front knows. */
static enum coding
coding_of(struct MHD_Connection *conn)
{
	const char *accept = request_header(conn, "Accept-Encoding");
	const char *enable = request_argument(conn, "enable_http_compression");

	if (is_on(request_argument(conn, "compress")))
		return CODING_FRAMES;
	if (accept == NULL || strcasestr(accept, "zstd") == NULL)
		return CODING_NONE;
	return (enable != NULL ? is_on(enable) : engine_http_compression())
	    ? CODING_ZSTD
	    : CODING_NONE;
}

static void
collect_want(struct MHD_Connection *conn, struct want *want, const char *method)
{
	const char *id = request_argument(conn, "query_id");
	const char *format = request_argument(conn, "default_format");
	const char *wait = request_argument(conn, "wait_end_of_query");
	unsigned char r[16];

	if (format == NULL)
		format = request_header(conn, "X-ClickHouse-Format");
	*want = (struct want){ .method = method };
	snprintf(want->format, sizeof(want->format), "%s",
	    format == NULL || format[0] == '\0' ? "TabSeparated" : format);
	want->wait_end = wait != NULL && strcmp(wait, "0") != 0;
	if (id != NULL && id[0] != '\0') {
		snprintf(want->query_id, sizeof(want->query_id), "%s", id);
		return;
	}
	if (getrandom(r, sizeof(r), 0) != sizeof(r))
		abort();
	r[6] = (unsigned char)((r[6] & 0x0f) | 0x40);
	r[8] = (unsigned char)((r[8] & 0x3f) | 0x80);
	snprintf(want->query_id, sizeof(want->query_id),
	    "%02x%02x%02x%02x-"
	    "%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
	    r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10],
	    r[11], r[12], r[13], r[14], r[15]);
}

/* Drivers send the INSERT as the first lines of the body. */
static void
split_body(struct request *req)
{
	enum { LINES = 8 };
	char *end = req->body;
	size_t head = 0, rest;

	for (int k = 0; k < LINES && req->format == 0; k++) {
		end = head < req->len
		    ? memchr(req->body + head, '\n', req->len - head)
		    : NULL;
		if (end == NULL)
			return;
		req->format =
		    sql_insert_format(req->body, (size_t)(end - req->body));
		head = (size_t)(end - req->body) + 1;
	}
	if (req->format == 0)
		return;
	*end = '\0';
	rest = req->len - head;
	req->data = memfd_create("insert", MFD_CLOEXEC);
	if (req->data == -1 ||
	    write(req->data, req->body + head, rest) != (ssize_t)rest)
		abort();
}

/* The INSERT, reading the file of the request's data. */
static char *
insert_statement(
    struct MHD_Connection *conn, const struct request *req, size_t *len)
{
	const char *query = request_argument(conn, "query");
	char *text;

	if (query == NULL)
		query = req->body;
	if (asprintf(&text,
		"%.*s FROM INFILE '/proc/self/fd/%d' COMPRESSION 'none' %s",
		(int)req->format, query, req->data, query + req->format) == -1)
		abort();
	*len = strlen(text);
	return text;
}

/* The statement: ?query= and then the body, as the real one joins them. */
static char *
join_statement(
    struct MHD_Connection *conn, const struct request *req, size_t *len)
{
	const char *query = request_argument(conn, "query");
	size_t qlen = query == NULL ? 0 : strlen(query);
	char *text = malloc(qlen + req->len + 2);

	if (text == NULL)
		abort();
	memcpy(text, query == NULL ? "" : query, qlen);
	if (qlen > 0 && req->len > 0)
		text[qlen++] = '\n';
	if (req->len > 0)
		memcpy(text + qlen, req->body, req->len);
	*len = qlen + req->len;
	text[*len] = '\0';
	return text;
}

static enum MHD_Result
run_statement(struct MHD_Connection *conn, const struct want *want,
    const char *text, size_t len)
{
	struct setup setup;
	struct session session;
	struct fault fault;
	struct sql sql;
	enum MHD_Result ret;

	sql_scan(&sql, text, len);
	if (sql.kind == SQL_EMPTY)
		return reply_exception(conn, want, FRONT_SYNTAX_ERROR,
		    "SYNTAX_ERROR",
		    "Syntax error: failed at position 1 (end "
		    "of query): . Empty query");
	if (sql.multi)
		return reply_exception(conn, want, FRONT_SYNTAX_ERROR,
		    "SYNTAX_ERROR",
		    "Syntax error (Multi-statements are not "
		    "allowed): failed at position 1");
	fault_find(&fault, opt.fault_file, text, len, sql.kind);
	if (fault.kind == FAULT_HTTP) {
		fault_struck(&fault);
		return reply_text(conn, (unsigned)fault.arg,
		    "fault: told to "
		    "refuse this request\n");
	}
	if (fault.kind == FAULT_CLAIM) {
		fault_struck(&fault);
		return reply_claim(conn, want, fault.arg);
	}
	collect_setup(conn, &setup, want->method);
	if (session_open(&session) == -1)
		ret = reply_exception(conn, want, FRONT_UNKNOWN,
		    "STD_EXCEPTION", "the engine opened no session");
	else
		ret = reply_run(conn, want, &session, setup.stmts, setup.n,
		    text, sql.len, &sql, &fault);
	for (size_t i = 0; i < setup.n; i++)
		free(setup.stmts[i]);
	return ret;
}

static enum MHD_Result
serve(struct MHD_Connection *conn, const char *url, const char *method,
    struct request *req)
{
	struct want want;
	enum MHD_Result ret;
	size_t len;

	if (strcmp(url, "/ping") == 0)
		return reply_text(conn, MHD_HTTP_OK, "Ok.\n");
	if (strcmp(url, "/") != 0)
		return reply_text(conn, MHD_HTTP_NOT_FOUND,
		    "There is no "
		    "handle for this path.\n");
	if (strcmp(method, "GET") == 0 &&
	    request_argument(conn, "query") == NULL)
		return reply_text(conn, MHD_HTTP_OK, "Ok.\n");
	collect_want(conn, &want, method);
	if (!auth_check(conn, &want, opt.user, opt.password, &ret))
		return ret;
	want.coding = coding_of(conn);
	if (req->too_large || is_on(request_argument(conn, "decompress")))
		return reply_exception(conn, &want, FRONT_NOT_IMPLEMENTED,
		    "NOT_IMPLEMENTED",
		    req->too_large ? "chdb-front takes at "
				     "most 1 GiB a request"
				   : "chdb-front takes no "
				     "compressed data");
	if (req->data == -1 && request_argument(conn, "query") == NULL)
		split_body(req);
	char *text = req->data != -1 ? insert_statement(conn, req, &len)
				     : join_statement(conn, req, &len);
	ret = run_statement(conn, &want, text, len);
	free(text);
	return ret;
}

static void
append_body(struct request *req, const char *data, size_t n)
{
	if (n > MAX_BODY - req->len) {
		req->too_large = true;
		return;
	}
	if (req->data != -1) {
		if (write(req->data, data, n) != (ssize_t)n)
			abort();
		req->len += n;
		return;
	}
	if (req->len + n > req->size) {
		req->size =
		    req->size * 2 > req->len + n ? req->size * 2 : req->len + n;
		req->body = realloc(req->body, req->size);
		if (req->body == NULL)
			abort();
	}
	memcpy(req->body + req->len, data, n);
	req->len += n;
}

static struct request *
new_request(struct MHD_Connection *conn)
{
	struct request *req = calloc(1, sizeof(*req));
	const char *query = request_argument(conn, "query");

	if (req == NULL)
		return NULL;
	req->data = -1;
	if (query != NULL)
		req->format = sql_insert_format(query, strlen(query));
	if (req->format > 0 &&
	    (req->data = memfd_create("insert", MFD_CLOEXEC)) == -1)
		abort();
	return req;
}

static enum MHD_Result
on_request(void *cls, struct MHD_Connection *conn, const char *url,
    const char *method, const char *http_version, const char *data,
    size_t *ndata, void **state)
{
	struct request *req = *state;

	(void)cls;
	(void)http_version;
	if (req == NULL) {
		*state = new_request(conn);
		return *state == NULL ? MHD_NO : MHD_YES;
	}
	if (*ndata > 0) {
		append_body(req, data, *ndata);
		*ndata = 0;
		return MHD_YES;
	}
	return serve(conn, url, method, req);
}

static void
on_completed(void *cls, struct MHD_Connection *conn, void **state,
    enum MHD_RequestTerminationCode why)
{
	struct request *req = *state;

	(void)cls;
	(void)conn;
	(void)why;
	if (req != NULL) {
		if (req->data != -1)
			close(req->data);
		free(req->body);
		free(req);
		*state = NULL;
	}
}

static int
write_port(unsigned port)
{
	char *temp;

	if (opt.port_file == NULL) {
		printf("%u\n", port);
		return fflush(stdout);
	}
	if (asprintf(&temp, "%s.%ld", opt.port_file, (long)getpid()) == -1)
		return -1;
	FILE *f = fopen(temp, "we");
	int ret = f == NULL ? -1 : fprintf(f, "%u\n", port);
	if (f != NULL && fclose(f) == EOF)
		ret = -1;
	if (ret < 0 || rename(temp, opt.port_file) == -1)
		ret = -1;
	free(temp);
	return ret < 0 ? -1 : 0;
}

static int
read_password(void)
{
	if (opt.password_file == NULL)
		return 0;
	FILE *f = fopen(opt.password_file, "re");
	if (f == NULL)
		return -1;
	if (fgets(opt.password, sizeof(opt.password), f) == NULL)
		opt.password[0] = '\0';
	opt.password[strcspn(opt.password, "\n")] = '\0';
	fclose(f);
	return 0;
}

static void
parse_options(int argc, char **argv)
{
	static const struct option options[] = { { "library", required_argument,
						     NULL, 'l' },
		{ "path", required_argument, NULL, 'd' },
		{ "listen", required_argument, NULL, 'a' },
		{ "port", required_argument, NULL, 'p' },
		{ "port-file", required_argument, NULL, 'P' },
		{ "user", required_argument, NULL, 'u' },
		{ "password-file", required_argument, NULL, 'w' },
		{ "fault-file", required_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'l':
			opt.library = optarg;
			break;
		case 'd':
			opt.path = optarg;
			break;
		case 'a':
			opt.listen = optarg;
			break;
		case 'p':
			opt.port = (unsigned short)atoi(optarg);
			break;
		case 'P':
			opt.port_file = optarg;
			break;
		case 'u':
			opt.user = optarg;
			break;
		case 'w':
			opt.password_file = optarg;
			break;
		case 'f':
			opt.fault_file = optarg;
			break;
		default:
			exit(2);
		}
	}
	if (opt.library == NULL || opt.path == NULL || optind != argc) {
		fprintf(stderr,
		    "usage: chdb-front --library libchdb.so "
		    "--path dir [--listen address] [--port n] "
		    "[--port-file file] [--user name] [--password-file file] "
		    "[--fault-file file]\n");
		exit(2);
	}
}

/*
 * The engine reads files (icebergLocal, file) below the current folder only,
 * and the tables to be read back may lie anywhere: go to the root.
 */
static int
enter_root(void)
{
	const char **paths[] = { &opt.library, &opt.path, &opt.port_file,
		&opt.password_file, &opt.fault_file };
	char *cwd = getcwd(NULL, 0);

	if (cwd == NULL)
		return -1;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char *absolute;
		if (*paths[i] == NULL || **paths[i] == '/')
			continue;
		if (asprintf(&absolute, "%s/%s", cwd, *paths[i]) == -1)
			abort();
		*paths[i] = absolute;
	}
	free(cwd);
	return chdir("/");
}

static struct MHD_Daemon *
start_server(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_port = htons(opt.port) };

	if (inet_pton(AF_INET, opt.listen, &addr.sin_addr) != 1)
		return NULL;
	return MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION |
		MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL,
	    opt.port, NULL, NULL, on_request, NULL, MHD_OPTION_SOCK_ADDR, &addr,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_PER_CONNECTION,
	    MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
}

int
main(int argc, char **argv)
{
	char err[512];
	sigset_t stop;
	int sig;

	parse_options(argc, argv);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigprocmask(SIG_BLOCK, &stop, NULL); /* threads inherit it */
	signal(SIGPIPE, SIG_IGN);
	if (enter_root() == -1) {
		perror("chdb-front: cannot change to the root folder");
		return 1;
	}
	if (read_password() == -1) {
		fprintf(stderr, "chdb-front: cannot read '%s'\n",
		    opt.password_file);
		return 1;
	}
	if (engine_open(opt.library, opt.path, err, sizeof(err)) == -1) {
		fprintf(stderr, "chdb-front: %s\n", err);
		return 1;
	}
	struct MHD_Daemon *daemon = start_server();
	if (daemon == NULL) {
		fprintf(stderr, "chdb-front: cannot listen on '%s' port %u\n",
		    opt.listen, opt.port);
		return 1;
	}
	const union MHD_DaemonInfo *info =
	    MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
	if (info == NULL || write_port(info->port) == -1) {
		fprintf(stderr, "chdb-front: cannot write the port file\n");
		return 1;
	}
	sigwait(&stop, &sig);
	atomic_store(&front_stopping, true);
	MHD_stop_daemon(daemon);
	engine_close();
	return 0;
}
