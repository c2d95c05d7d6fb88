/* SPDX-License-Identifier: Apache-2.0 */
/* One thread accepts one connection and does what the script says. */
#include "tests/unit/answer_fixture.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/clickhouse/answer.h"
#include "worker/source/native.h"

struct script server;
struct wire *wire;
const char *coding;
struct err err;

/* ---- the server ----------------------------------------------------------- */

static void
read_request(int fd)
{
	size_t n = 0, want = SIZE_MAX;
	ssize_t got;

	while (n < sizeof(server.request) - 1 && n < want &&
	    (got = read(
		 fd, server.request + n, sizeof(server.request) - 1 - n)) > 0) {
		char *body, *length;

		n += (size_t)got;
		server.request[n] = '\0';
		body = strstr(server.request, "\r\n\r\n");
		length = strcasestr(server.request, "content-length:");
		if (body != NULL && server.early)
			want = n;
		if (body != NULL &&
		    memcmp(server.request + n - 5, "0\r\n\r\n", 5) == 0)
			want = n; /* the end of a body in chunks */
		if (body != NULL && length != NULL)
			want = (size_t)(body + 4 - server.request) +
			    strtoul(length + 15, NULL, 10);
	}
}

static void
send_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		p += sent;
		n -= (size_t)sent;
	}
}

static void *
serve(void *arg)
{
	struct linger now = { .l_onoff = 1 };
	char byte;
	int fd = accept(server.listener, NULL, NULL);

	(void)arg;
	if (fd == -1)
		return NULL;
	read_request(fd);
	send_all(fd, server.answer.data, server.answer.len);
	for (uint64_t i = 0; i < server.repeat; i++)
		send_all(
		    fd, server.answer.data + server.answer.len - 65536, 65536);
	if (server.ending == END_STALL)
		while (read(fd, &byte, 1) > 0)
			continue; /* until the client goes away */
	if (server.ending == END_RESET)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
	return NULL;
}

static void
listen_(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);

	server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(
	    bind(server.listener, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(server.listener, 4), 0);
	ck_assert_int_eq(
	    getsockname(server.listener, (struct sockaddr *)&a, &len), 0);
	server.port = ntohs(a.sin_port);
}

void
answer_setup(void)
{
	memset(&server, 0, sizeof(server));
	buf_init(&server.answer, 0);
	listen_();
}

void
answer_connect(void)
{
	char url[64];
	struct http_options o = { .url = url,
		.user = "us er",
		.password = "s3cret",
		.timeout_s = 1,
		.first_byte_s = 1 };

	snprintf(url, sizeof(url), "http://127.0.0.1:%u", server.port);
	ck_assert_ptr_nonnull(wire = wire_new(coding, &o, &err));
}

void
answer_start(void)
{
	ck_assert_int_eq(pthread_create(&server.thread, NULL, serve, NULL), 0);
	answer_connect();
}

void
answer_teardown(void)
{
	wire_free(wire);
	wire = NULL;
	coding = NULL;
	shutdown(server.listener, SHUT_RDWR);
	close(server.listener);
	if (server.thread != 0)
		pthread_join(server.thread, NULL);
	buf_clear(&server.answer);
}

void
answer_wait(void)
{
	pthread_join(server.thread, NULL);
	server.thread = 0;
}

/* ---- answers -------------------------------------------------------------- */

void
put_block(struct buf *b, unsigned rows)
{
	buf_put(b, "\1", 1);
	buf_put_varint(b, rows);
	buf_put(b, "\1c\5UInt8", 8);
	for (unsigned i = 0; i < rows; i++)
		buf_put_u8(b, (uint8_t)i);
}

void
put_answer(const char *head, const struct buf *body, size_t cut)
{
	buf_put_str(&server.answer, head);
	buf_printf(&server.answer, "Content-Length: %zu\r\n\r\n", body->len);
	buf_put(&server.answer, body->data, body->len - cut);
}

void
put_chunk(const void *p, size_t n)
{
	buf_printf(&server.answer, "%zx\r\n", n);
	buf_put(&server.answer, p, n);
	buf_put_str(&server.answer, "\r\n");
}

long
rows_of(void)
{
	static const struct ch_type u8 = { .kind = CH_UINT8 };
	struct typemap_options none = { NULL, 0, NULL };
	struct typemap_column tc = {
		.name = "c", .text = "UInt8", .type = &u8
	};
	struct field field;
	struct mapping map;
	struct native_column column = {
		.name = "c", .type = &u8, .map = &map, .target = &field.type
	};
	struct native *native;
	struct stream in;
	const struct batch *batch;
	long rows = 0;
	int rc;

	err_clear(&err);
	if (clickhouse_begin(wire, "us er", "a=b", "SELECT 1", true, &err) ==
	    -1)
		return -1;
	ck_assert_int_eq(typemap_resolve(&tc, &none, &field, &map, &err), 0);
	native = native_new(&column, 1);
	stream_init(&in, wire_read, wire, 64 << 20);
	while ((rc = native_next(native, &in, &batch, &err)) == 1)
		rows += (long)batch->nrows;
	if (rc == 0)
		rc = clickhouse_complete(wire, "us er", &err);
	else
		rc = clickhouse_explain(wire, "us er", &err);
	stream_clear(&in);
	native_free(native);
	mapping_clear(&map);
	field_clear(&field);
	return rc == 0 ? rows : -1;
}

void
fails(enum err_class cls, const char *says)
{
	answer_start();
	ck_assert_int_eq(rows_of(), -1);
	ck_assert_msg(
	    err.cls == cls, "%s: %s", err_class_name(err.cls), err.text);
	ck_assert_msg(strstr(err.text, says) != NULL, "%s", err.text);
	ck_assert_ptr_null(strstr(err.text, "s3cret"));
}
