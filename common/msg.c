/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames: each message is described once, as a table of its fields in wire
 * order, and one writer and one reader walk that table. So what is written
 * and what is read cannot drift apart.
 *
 * The reader trusts nothing: lengths are checked against what is left before
 * memory is taken, enums against their range, booleans against 0 and 1, and
 * whatever it built of a malformed message it frees again. Layout changes
 * must raise MSG_PROTOCOL.
 */
#include "common/msg.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

enum { MAGIC = 0xca17, STRING_MAX = MSG_MAX };

enum wire {
	W_U64,
	W_I64,
	W_U32,
	W_I32,
	W_UINT,
	W_BOOL,
	W_ENUM,    /* an enum value in [low, high] */
	W_STR,     /* char *, NULL kept */
	W_UUID,    /* char[UUID_TEXT], a UUID or "" */
	W_STRS,    /* char **, its count at `count` */
	W_COLUMNS, /* struct job_column *, its count likewise */
	W_ERROR    /* a whole struct err */
};

struct field {
	enum wire wire;
	uint16_t at;    /* offset in the message's struct */
	uint16_t count; /* offset of the size_t with the count */
	uint8_t low, high;
};

#define F(wire, type, member)                         \
	{                                             \
		wire, offsetof(type, member), 0, 0, 0 \
	}
#define LIST(wire, type, member, n)                                   \
	{                                                             \
		wire, offsetof(type, member), offsetof(type, n), 0, 0 \
	}
#define ENUM(type, member, low, high)                        \
	{                                                    \
		W_ENUM, offsetof(type, member), 0, low, high \
	}
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

_Static_assert(
    sizeof(unsigned) == 4 && sizeof(enum phase) == 4 && sizeof(bool) == 1,
    "the field tables assume these sizes");

static const struct field job_fields[] = {
	ENUM(struct job, kind, JOB_OFFLOAD, JOB_WATERMARK),
	F(W_UUID, struct job, run_id),
	F(W_UINT, struct job, attempt),
	F(W_STR, struct job, name),
	F(W_STR, struct job, state),
	F(W_STR, struct job, hand_position),
	F(W_UINT, struct job, hand_flags),
	F(W_STR, struct job, source_name),
	F(W_STR, struct job, source_kind),
	F(W_STR, struct job, url),
	F(W_STR, struct job, conninfo),
	F(W_STR, struct job, database),
	F(W_STR, struct job, table),
	F(W_STR, struct job, user),
	F(W_STR, struct job, password),
	F(W_STR, struct job, target_kind),
	F(W_STR, struct job, target_url),
	F(W_STR, struct job, target_user),
	F(W_STR, struct job, target_password),
	F(W_STR, struct job, wire),
	F(W_STR, struct job, catalog_name),
	F(W_STR, struct job, catalog_kind),
	F(W_STR, struct job, warehouse),
	F(W_STR, struct job, namespace_),
	F(W_STR, struct job, target_table),
	F(W_STR, struct job, timestamp),
	F(W_STR, struct job, sequence),
	F(W_STR, struct job, timezone),
	LIST(W_STRS, struct job, key, nkey),
	LIST(W_STRS, struct job, partition, npartition),
	LIST(W_STRS, struct job, include, ninclude),
	LIST(W_STRS, struct job, exclude, nexclude),
	LIST(W_COLUMNS, struct job, columns, ncolumns),
	F(W_BOOL, struct job, final),
	F(W_STR, struct job, start),
	F(W_I64, struct job, settle_ms),
	F(W_I64, struct job, step_ms),
	F(W_U64, struct job, step_rows),
	F(W_I64, struct job, lookback_ms),
	F(W_UINT, struct job, slices),
	F(W_STR, struct job, compression),
	F(W_I32, struct job, compression_level),
	F(W_STR, struct job, encoding),
	F(W_U64, struct job, file_size),
	F(W_U64, struct job, row_group_size),
	F(W_U64, struct job, row_group_rows),
	F(W_I64, struct job, expire_ms),
	F(W_U64, struct job, memory),
	F(W_UINT, struct job, threads),
	F(W_UINT, struct job, source_threads),
	F(W_UINT, struct job, timeout_s),
};

static const struct field column_option_fields[] = {
	F(W_STR, struct job_column, name),
	F(W_STR, struct job_column, as),
	F(W_STR, struct job_column, time),
	F(W_STR, struct job_column, utf8),
	F(W_STR, struct job_column, duplicates),
	F(W_STR, struct job_column, digits),
	F(W_STR, struct job_column, metrics),
	F(W_STR, struct job_column, timezone),
};

static const struct field hello_fields[] = {
	F(W_U32, struct msg_hello, protocol),
	F(W_U32, struct msg_hello, pid),
	F(W_STR, struct msg_hello, version),
};

static const struct field phase_fields[] = {
	{ W_ENUM, 0, 0, PHASE_START, PHASE_N - 1 },
};

static const struct field progress_fields[] = {
	F(W_U64, struct msg_progress, rows),
	F(W_U64, struct msg_progress, rows_expected),
	F(W_U64, struct msg_progress, bytes_read),
	F(W_U64, struct msg_progress, bytes_written),
	F(W_U32, struct msg_progress, files),
};

static const struct field note_fields[] = {
	F(W_BOOL, struct msg_note, warning),
	F(W_STR, struct msg_note, text),
};

static const struct field tally_fields[] = {
	F(W_STR, struct msg_tally, scope),
	F(W_U64, struct msg_tally, source_rows),
	F(W_U64, struct msg_tally, target_rows),
	F(W_STR, struct msg_tally, source_min),
	F(W_STR, struct msg_tally, source_max),
	F(W_STR, struct msg_tally, target_min),
	F(W_STR, struct msg_tally, target_max),
	F(W_STR, struct msg_tally, source_sum),
	F(W_STR, struct msg_tally, target_sum),
	F(W_BOOL, struct msg_tally, equal),
};

static const struct field column_fields[] = {
	F(W_STR, struct msg_column, name),
	F(W_STR, struct msg_column, source_type),
	F(W_STR, struct msg_column, target_type),
	F(W_STR, struct msg_column, remark),
};

static const struct field result_fields[] = {
	F(W_U64, struct result, rows),
	F(W_U64, struct result, bytes_read),
	F(W_U64, struct result, bytes_written),
	F(W_U32, struct result, files),
	F(W_U32, struct result, steps),
	F(W_I64, struct result, snapshot_id),
	F(W_STR, struct result, window_low),
	F(W_STR, struct result, window_high),
	F(W_STR, struct result, position),
	F(W_BOOL, struct result, adopted),
	F(W_U64, struct result, peak_memory),
	F(W_U64, struct result, different),
};

static const struct field error_fields[] = {
	{ W_ERROR, 0, 0, 0, 0 },
};

/* Indexed by enum msg_type. */
static const struct layout {
	const char *name;
	const struct field *fields;
	size_t nfields;
} layouts[] = {
	[MSG_JOB] = { "JOB", job_fields, COUNT(job_fields) },
	[MSG_HELLO] = { "HELLO", hello_fields, COUNT(hello_fields) },
	[MSG_PHASE] = { "PHASE", phase_fields, COUNT(phase_fields) },
	[MSG_PROGRESS] = { "PROGRESS", progress_fields,
	    COUNT(progress_fields) },
	[MSG_NOTE] = { "NOTE", note_fields, COUNT(note_fields) },
	[MSG_TALLY] = { "TALLY", tally_fields, COUNT(tally_fields) },
	[MSG_COLUMN] = { "COLUMN", column_fields, COUNT(column_fields) },
	[MSG_RESULT] = { "RESULT", result_fields, COUNT(result_fields) },
	[MSG_ERROR] = { "ERROR", error_fields, COUNT(error_fields) },
};

const char *
msg_type_name(enum msg_type type)
{
	if (type < MSG_JOB || (size_t)type >= COUNT(layouts))
		return "unknown";
	return layouts[type].name;
}

/* ---- writing ---- */

static void put_fields(
    struct buf *, const struct field *, size_t, const char *base);

static void
put_list(struct buf *b, const struct field *f, const char *base)
{
	size_t n;
	memcpy(&n, base + f->count, sizeof n);
	if (n > MSG_MAX) {
		b->over = true; /* no such count fits a frame */
		return;
	}
	buf_put_u32(b, (uint32_t)n);
	if (f->wire == W_STRS) {
		char *const *strings;
		memcpy(&strings, base + f->at, sizeof strings);
		for (size_t at = 0; at < n; at++)
			buf_put_lstr(b, strings[at]);
		return;
	}
	const struct job_column *columns;
	memcpy(&columns, base + f->at, sizeof columns);
	for (size_t at = 0; at < n; at++)
		put_fields(b, column_option_fields, COUNT(column_option_fields),
		    (const char *)&columns[at]);
}

static void
put_error(struct buf *b, const char *base)
{
	struct err e;
	memcpy(&e, base, sizeof e);
	e.text[sizeof e.text - 1] = '\0';
	buf_put_u32(b, (uint32_t)e.cls);
	buf_put_u32(b, (uint32_t)e.sys);
	buf_put_lstr(b, e.text);
}

static void
put_field(struct buf *b, const struct field *f, const char *base)
{
	uint64_t wide;
	uint32_t narrow;
	uint8_t flag;
	const char *text;

	switch (f->wire) {
	case W_U64:
	case W_I64:
		memcpy(&wide, base + f->at, sizeof wide);
		buf_put_u64(b, wide);
		break;
	case W_U32:
	case W_I32:
	case W_UINT:
	case W_ENUM:
		memcpy(&narrow, base + f->at, sizeof narrow);
		buf_put_u32(b, narrow);
		break;
	case W_BOOL:
		memcpy(&flag, base + f->at, sizeof flag);
		buf_put_u8(b, flag != 0);
		break;
	case W_STR:
		memcpy(&text, base + f->at, sizeof text);
		buf_put_lstr(b, text);
		break;
	case W_UUID:
		buf_put_lstr(b, base + f->at);
		break;
	case W_STRS:
	case W_COLUMNS:
		put_list(b, f, base);
		break;
	case W_ERROR:
		put_error(b, base);
		break;
	}
}

static void
put_fields(
    struct buf *b, const struct field *fields, size_t n, const char *base)
{
	for (size_t at = 0; at < n; at++)
		put_field(b, &fields[at], base);
}

int
msg_put(struct buf *b, uint32_t sequence, const struct msg *m, struct err *err)
{
	if (m->type < MSG_JOB || (size_t)m->type >= COUNT(layouts))
		return err_set(
		    err, ERR_PROTOCOL, "no message of type %d", (int)m->type);

	const struct layout *l = &layouts[m->type];
	struct buf payload;
	buf_init(&payload, MSG_MAX);
	put_fields(&payload, l->fields, l->nfields, (const char *)&m->u);
	if (payload.over) {
		/* A job may hold secrets, whatever its size. */
		if (payload.data != NULL)
			explicit_bzero(payload.data, payload.len);
		buf_clear(&payload);
		return err_set(err, ERR_PROTOCOL,
		    "%s message is longer than %d bytes", l->name, MSG_MAX);
	}

	buf_put_u16(b, MAGIC);
	buf_put_u16(b, (uint16_t)m->type);
	buf_put_u32(b, (uint32_t)payload.len);
	buf_put_u32(b, sequence);
	buf_put(b, payload.data, payload.len);
	if (payload.data != NULL)
		explicit_bzero(payload.data, payload.len);
	buf_clear(&payload);
	if (b->over)
		return err_set(err, ERR_PROTOCOL,
		    "%s message does not fit its buffer", l->name);
	return 0;
}

/* ---- reading ---- */

static void get_fields(
    struct cursor *, const struct field *, size_t, char *base);

/* The count is stored as items come, so that a clear frees what is there. */
static void
get_list(struct cursor *c, const struct field *f, char *base)
{
	uint32_t n = cursor_u32(c);
	/* The least an item takes: a length a string. */
	size_t least = f->wire == W_STRS ? 4 : 4 * COUNT(column_option_fields);

	if (c->bad || n > cursor_left(c) / least) {
		c->bad = true;
		return;
	}
	if (n == 0)
		return;
	size_t done = 0;
	if (f->wire == W_STRS) {
		char **strings = xcalloc(n, sizeof *strings);
		memcpy(base + f->at, &strings, sizeof strings);
		while (done < n && !c->bad)
			strings[done++] = cursor_lstr(c, STRING_MAX);
	} else {
		struct job_column *columns = xcalloc(n, sizeof *columns);
		memcpy(base + f->at, &columns, sizeof columns);
		while (done < n && !c->bad)
			get_fields(c, column_option_fields,
			    COUNT(column_option_fields),
			    (char *)&columns[done++]);
	}
	memcpy(base + f->count, &done, sizeof done);
}

static void
get_uuid(struct cursor *c, char *to)
{
	char *text = cursor_lstr(c, UUID_TEXT - 1);
	uint8_t bytes[16];

	if (text == NULL || (*text != '\0' && !uuid_parse(text, bytes)))
		c->bad = true;
	else
		memcpy(to, text, strlen(text) + 1);
	free(text);
}

static void
get_error(struct cursor *c, char *base)
{
	struct err e = { 0 };
	uint32_t cls = cursor_u32(c);
	int sys = (int)cursor_u32(c);
	char *text = cursor_lstr(c, ERR_TEXT_MAX - 1);

	if (text == NULL || cls == ERR_NONE || cls >= ERR_NCLASSES) {
		c->bad = true;
	} else {
		err_set(&e, (enum err_class)cls, "%s", text);
		e.sys = sys;
		memcpy(base, &e, sizeof e);
	}
	free(text);
}

static void
get_field(struct cursor *c, const struct field *f, char *base)
{
	uint64_t wide;
	uint32_t narrow;
	uint8_t flag;
	char *text;

	switch (f->wire) {
	case W_U64:
	case W_I64:
		wide = cursor_u64(c);
		memcpy(base + f->at, &wide, sizeof wide);
		break;
	case W_ENUM:
		narrow = cursor_u32(c);
		if (narrow < f->low || narrow > f->high) {
			c->bad = true;
			narrow = f->low;
		}
		memcpy(base + f->at, &narrow, sizeof narrow);
		break;
	case W_U32:
	case W_I32:
	case W_UINT:
		narrow = cursor_u32(c);
		memcpy(base + f->at, &narrow, sizeof narrow);
		break;
	case W_BOOL:
		flag = cursor_u8(c);
		if (flag > 1) {
			c->bad = true;
			flag = 0;
		}
		memcpy(base + f->at, &flag, sizeof flag);
		break;
	case W_STR:
		text = cursor_lstr(c, STRING_MAX);
		memcpy(base + f->at, &text, sizeof text);
		break;
	case W_UUID:
		get_uuid(c, base + f->at);
		break;
	case W_STRS:
	case W_COLUMNS:
		get_list(c, f, base);
		break;
	case W_ERROR:
		get_error(c, base);
		break;
	}
}

static void
get_fields(struct cursor *c, const struct field *fields, size_t n, char *base)
{
	for (size_t at = 0; at < n && !c->bad; at++)
		get_field(c, &fields[at], base);
}

int
msg_get(const void *data, size_t n, uint32_t sequence, struct msg *out,
    size_t *used, struct err *err)
{
	/* Whatever is there of the header is checked at once: garbage on the
	 * pipe is told as such and not waited for. */
	if (n < MSG_HEADER) {
		const uint8_t magic[2] = { MAGIC & 0xff, MAGIC >> 8 };
		if (n > 0 && memcmp(data, magic, n < 2 ? n : 2) != 0)
			return err_set(err, ERR_PROTOCOL,
			    "what came over the pipe is not a frame");
		return 0;
	}
	struct cursor c = cursor_of(data, n);
	unsigned magic = cursor_u16(&c);
	unsigned type = cursor_u16(&c);
	uint32_t length = cursor_u32(&c);
	uint32_t number = cursor_u32(&c);

	if (magic != MAGIC)
		return err_set(err, ERR_PROTOCOL,
		    "what came over the pipe is not a frame");
	if (type < MSG_JOB || type >= COUNT(layouts))
		return err_set(err, ERR_PROTOCOL,
		    "unknown frame type %u; are both programs of one version?",
		    type);
	const struct layout *l = &layouts[type];
	if (length > MSG_MAX)
		return err_set(err, ERR_PROTOCOL,
		    "%s frame of %lu bytes is over the maximum of %d", l->name,
		    (unsigned long)length, MSG_MAX);
	if (number != sequence)
		return err_set(err, ERR_PROTOCOL,
		    "%s frame has number %lu, expected %lu", l->name,
		    (unsigned long)number, (unsigned long)sequence);
	if (cursor_left(&c) < length)
		return 0;

	c = cursor_of(c.p, length);
	memset(out, 0, sizeof *out);
	out->type = (enum msg_type)type;
	get_fields(&c, l->fields, l->nfields, (char *)&out->u);
	if (c.bad || cursor_left(&c) != 0) {
		msg_clear(out);
		return err_set(err, ERR_PROTOCOL,
		    "%s frame is malformed; are both programs of one "
		    "version?",
		    l->name);
	}
	*used = MSG_HEADER + (size_t)length;
	return 1;
}

void
msg_clear(struct msg *m)
{
	switch (m->type) {
	case MSG_JOB:
		job_clear(&m->u.job);
		break;
	case MSG_HELLO:
		free(m->u.hello.version);
		break;
	case MSG_NOTE:
		free(m->u.note.text);
		break;
	case MSG_TALLY:
		free(m->u.tally.scope);
		free(m->u.tally.source_min);
		free(m->u.tally.source_max);
		free(m->u.tally.target_min);
		free(m->u.tally.target_max);
		free(m->u.tally.source_sum);
		free(m->u.tally.target_sum);
		break;
	case MSG_COLUMN:
		free(m->u.column.name);
		free(m->u.column.source_type);
		free(m->u.column.target_type);
		free(m->u.column.remark);
		break;
	case MSG_RESULT:
		result_clear(&m->u.result);
		break;
	case MSG_PHASE:
	case MSG_PROGRESS:
	case MSG_ERROR:
		break;
	}
	memset(m, 0, sizeof *m);
}
