/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: libchdb.so, loaded at run time and called by its C interface,
 * for which the package ships no header. Every session is a connection of its
 * own to the one engine of this process (opening one costs a third of a
 * millisecond), so statements run in parallel and settings do not leak from
 * one request to the next. A base connection is held from start to end, for
 * the engine would be torn down with its last connection.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chdb_front.h"

static struct {
	void **(*connect)(int, char **);
	void (*close_conn)(void **);
	struct chdb_result *(*query_n)(
	    void *, const char *, size_t, const char *, size_t);
	struct chdb_result *(*stream_query_n)(
	    void *, const char *, size_t, const char *, size_t);
	struct chdb_result *(*stream_fetch_result)(
	    void *, struct chdb_result *);
	void (*stream_cancel_query)(void *, struct chdb_result *);
	void (*destroy_query_result)(struct chdb_result *);
	char *(*result_buffer)(struct chdb_result *);
	size_t (*result_length)(struct chdb_result *);
	uint64_t (*result_rows_read)(struct chdb_result *);
	uint64_t (*result_storage_rows_read)(struct chdb_result *);
	uint64_t (*result_storage_bytes_read)(struct chdb_result *);
	uint64_t (*result_rows_written)(struct chdb_result *);
	const char *(*result_error)(struct chdb_result *);
} lib;

static char *path_arg;
static struct session base;
static char version[64];
static char timezone_name[64];
static bool http_compression;

static int
load(const char *library, char *err, size_t errsize)
{
	void *so = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	if (so == NULL) {
		snprintf(err, errsize, "cannot load the engine: %s", dlerror());
		return -1;
	}
#define SYMBOL(name)                              \
	{                                         \
		(void **)&lib.name, "chdb_" #name \
	}
	const struct {
		void **where;
		const char *name;
	} symbols[] = { SYMBOL(connect), SYMBOL(close_conn), SYMBOL(query_n),
		SYMBOL(stream_query_n), SYMBOL(stream_fetch_result),
		SYMBOL(stream_cancel_query), SYMBOL(destroy_query_result),
		SYMBOL(result_buffer), SYMBOL(result_length),
		SYMBOL(result_rows_read), SYMBOL(result_storage_rows_read),
		SYMBOL(result_storage_bytes_read), SYMBOL(result_rows_written),
		SYMBOL(result_error) };
#undef SYMBOL
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		*symbols[i].where = dlsym(so, symbols[i].name);
		if (*symbols[i].where == NULL) {
			snprintf(err, errsize,
			    "'%s' lacks '%s': another "
			    "release of the engine?",
			    library, symbols[i].name);
			return -1;
		}
	}
	return 0;
}

/* The one value a statement answers with, or "". */
static void
ask(const char *sql, char *value, size_t size)
{
	struct chdb_result *res =
	    session_run(&base, sql, strlen(sql), "TSVRaw");
	value[0] = '\0';
	if (engine_error(res) == NULL && engine_size(res) > 0)
		snprintf(value, size, "%.*s", (int)engine_size(res),
		    engine_data(res));
	value[strcspn(value, "\n")] = '\0';
	engine_free(res);
}

int
engine_open(const char *library, const char *path, char *err, size_t errsize)
{
	char value[16];

	if (load(library, err, errsize) == -1)
		return -1;
	if (asprintf(&path_arg, "--path=%s", path) == -1)
		abort();
	if (session_open(&base) == -1) {
		snprintf(err, errsize,
		    "cannot open the engine on '%s': held "
		    "by another process, or not writable",
		    path);
		return -1;
	}
	ask("SELECT version()", version, sizeof(version));
	ask("SELECT serverTimeZone()", timezone_name, sizeof(timezone_name));
	ask("SELECT getSetting('enable_http_compression')", value,
	    sizeof(value));
	http_compression =
	    strcmp(value, "1") == 0 || strcmp(value, "true") == 0;
	return 0;
}

void
engine_close(void)
{
	session_close(&base);
	free(path_arg);
	path_arg = NULL;
}

const char *
engine_version(void)
{
	return version;
}

const char *
engine_timezone(void)
{
	return timezone_name;
}

bool
engine_http_compression(void)
{
	return http_compression;
}

int
session_open(struct session *ses)
{
	static char name[] = "chdb-front";
	char *argv[] = { name, path_arg, NULL };

	ses->conn = lib.connect(2, argv);
	return ses->conn == NULL || *ses->conn == NULL ? -1 : 0;
}

void
session_close(struct session *ses)
{
	if (ses->conn != NULL)
		lib.close_conn(ses->conn);
	ses->conn = NULL;
}

struct chdb_result *
session_run(
    struct session *ses, const char *sql, size_t len, const char *format)
{
	return lib.query_n(*ses->conn, sql, len, format, strlen(format));
}

struct chdb_result *
session_stream(
    struct session *ses, const char *sql, size_t len, const char *format)
{
	return lib.stream_query_n(*ses->conn, sql, len, format, strlen(format));
}

struct chdb_result *
session_fetch(struct session *ses, struct chdb_result *stream)
{
	return lib.stream_fetch_result(*ses->conn, stream);
}

void
session_cancel(struct session *ses, struct chdb_result *stream)
{
	lib.stream_cancel_query(*ses->conn, stream);
}

const char *
engine_error(struct chdb_result *res)
{
	if (res == NULL)
		return "Code: 1001. DB::Exception: the engine gave no result";
	return lib.result_error(res);
}

const char *
engine_data(struct chdb_result *res)
{
	return lib.result_buffer(res);
}

size_t
engine_size(struct chdb_result *res)
{
	return lib.result_length(res);
}

uint64_t
engine_rows(struct chdb_result *res)
{
	return lib.result_rows_read(res);
}

uint64_t
engine_read_rows(struct chdb_result *res)
{
	return lib.result_storage_rows_read(res);
}

uint64_t
engine_read_bytes(struct chdb_result *res)
{
	return lib.result_storage_bytes_read(res);
}

uint64_t
engine_written_rows(struct chdb_result *res)
{
	return lib.result_rows_written(res);
}

void
engine_free(struct chdb_result *res)
{
	if (res != NULL)
		lib.destroy_query_result(res);
}
