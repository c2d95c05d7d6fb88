/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/origin_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/xalloc.h"

enum { TEXT_MAX = 1 << 20 };

static bool
is_plain(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || (c != '\0' && strchr("-._:/", c) != NULL);
}

static void
put_word(struct buf *b, const char *key, const char *value)
{
	if (value == NULL)
		return;
	buf_printf(b, "%s%s=", b->len > 0 ? " " : "", key);
	for (; *value != '\0'; value++)
		if (is_plain((unsigned char)*value))
			buf_put_u8(b, (uint8_t)*value);
		else
			buf_printf(b, "%%%02X", (unsigned char)*value);
}

static void
put_number(struct buf *b, const char *key, int64_t n)
{
	buf_printf(b, "%s%s=%" PRId64, b->len > 0 ? " " : "", key, n);
}

static void
put_columns(struct buf *b, const struct origin *o)
{
	put_word(b, "by", o->timestamp);
	put_word(b, "then", o->sequence);
	if (o->timestamp != NULL)
		put_word(b, "final", o->final ? "true" : "false");
}

static char *
take(struct buf *b)
{
	char *text = xstrdup(buf_cstr(b));

	buf_clear(b);
	return text;
}

char *
record_text(const struct record *r)
{
	char timestamp[POSITION_TEXT], sequence[POSITION_TEXT];
	struct buf b;

	position_format_timestamp(&r->position, timestamp);
	position_format_sequence(&r->position, sequence);
	buf_init(&b, TEXT_MAX);
	/* these four, as they are: earlier versions read them */
	buf_printf(&b, "timestamp=%s sequence=%s", timestamp, sequence);
	put_number(&b, "snapshot", r->snapshot);
	put_number(&b, "parent", r->parent);
	put_number(&b, "number", r->number);
	put_word(&b, "source", r->origin.source);
	put_word(&b, "uuid", r->origin.identity);
	put_word(&b, "table", r->origin.table);
	put_columns(&b, &r->origin);
	return take(&b);
}

char *
origin_columns_text(const struct origin *o)
{
	struct buf b;

	buf_init(&b, TEXT_MAX);
	put_columns(&b, o);
	return take(&b);
}

void
origin_words_clear(struct origin_words *w)
{
	free(w->memory);
	w->memory = NULL;
}

static int
digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0'
	    : c >= 'A' && c <= 'F'  ? c - 'A' + 10
				    : -1;
}

/* In place: it only gets shorter. */
static void
decode(char *text)
{
	char *to = text;

	for (; *text != '\0'; text++)
		if (*text == '%' && digit(text[1]) >= 0 &&
		    digit(text[2]) >= 0) {
			*to++ = (char)(digit(text[1]) * 16 + digit(text[2]));
			text += 2;
		} else {
			*to++ = *text;
		}
	*to = '\0';
}

static bool
read_number(const char *text, int64_t *out)
{
	char *end;

	*out = strtoll(text, &end, 10);
	return end != text && *end == '\0';
}

struct words {
	const char *timestamp, *sequence, *snapshot, *parent;
	struct record *r;
};

static void
take_word(struct words *w, const char *key, char *value)
{
	struct origin *o = &w->r->origin;
	const struct {
		const char *key;
		const char **to;
	} texts[] = { { "timestamp", &w->timestamp },
		{ "sequence", &w->sequence }, { "snapshot", &w->snapshot },
		{ "parent", &w->parent }, { "source", &o->source },
		{ "uuid", &o->identity }, { "table", &o->table },
		{ "by", &o->timestamp }, { "then", &o->sequence } };

	decode(value);
	for (size_t k = 0; k < sizeof(texts) / sizeof(*texts); k++)
		if (strcmp(texts[k].key, key) == 0)
			*texts[k].to = value;
	if (strcmp(key, "number") == 0 && !read_number(value, &w->r->number))
		w->r->number = 0;
	if (strcmp(key, "final") == 0)
		o->final = strcmp(value, "true") == 0;
}

static void
read_words(const char *text, struct words *w, struct origin_words *keep)
{
	char *word, *equals, *at = NULL;

	keep->memory = xstrdup(text);
	for (word = strtok_r(keep->memory, " ", &at); word != NULL;
	     word = strtok_r(NULL, " ", &at)) {
		if ((equals = strchr(word, '=')) == NULL)
			continue;
		*equals = '\0';
		take_word(w, word, equals + 1);
	}
}

int
record_parse(const char *text, struct record *out, struct origin_words *keep,
    struct err *err)
{
	struct words w = { .r = out };

	*out = (struct record){ .snapshot = 0 };
	read_words(text, &w, keep);
	if (w.timestamp != NULL && w.snapshot != NULL && w.parent != NULL &&
	    read_number(w.snapshot, &out->snapshot) &&
	    read_number(w.parent, &out->parent) &&
	    position_parse(&out->position, w.timestamp, w.sequence, err) == 0)
		return 0;
	origin_words_clear(keep);
	*out = (struct record){ .snapshot = 0 };
	return err_set(err, ERR_TABLE,
	    "property with calve's position is damaged: '%.120s'; if the "
	    "table's snapshots are whole, remove the property",
	    text);
}

void
origin_columns_parse(
    const char *text, struct origin *out, struct origin_words *keep)
{
	struct record r = { .origin = *out };
	struct words w = { .r = &r };

	read_words(text, &w, keep);
	out->timestamp = r.origin.timestamp;
	out->sequence = r.origin.sequence;
	out->final = r.origin.final;
}
