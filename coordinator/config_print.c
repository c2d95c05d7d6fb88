/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration written back as YAML: what holds, with every default
 * filled in. What came from the environment is printed as the reference that
 * was written, a literal secret as "***".
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/pg.h"
#include "coordinator/config_keys.h"
#include "coordinator/utf8.h"

/*
 * What a reader takes for a line break, or refuses, though it is UTF-8: C1
 * controls with U+0085 among them, U+2028, U+2029, U+FEFF, U+FFFE, U+FFFF.
 * Returns how many bytes it put, escaped; 0: none of these.
 */
static size_t
put_special(struct buf *b, const char *s)
{
	static const struct {
		const char *bytes, *escape;
	} three[] = { { "\xe2\x80\xa8", "\\L" }, { "\xe2\x80\xa9", "\\P" },
		{ "\xef\xbb\xbf", "\\uFEFF" }, { "\xef\xbf\xbe", "\\uFFFE" },
		{ "\xef\xbf\xbf", "\\uFFFF" } };

	if ((unsigned char)s[0] == 0xc2 && (unsigned char)s[1] >= 0x80 &&
	    (unsigned char)s[1] <= 0x9f) {
		buf_printf(b, "\\x%02x", (unsigned char)s[1]);
		return 2;
	}
	for (size_t at = 0; at < 5; at++)
		if (strncmp(s, three[at].bytes, 3) == 0) {
			buf_put_str(b, three[at].escape);
			return 3;
		}
	return 0;
}

void
yaml_put_text(struct buf *b, const char *s)
{
	static const char safe[] =
	    "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-:()";
	size_t n = strlen(s);

	/* ':' is safe but before a space or at the end, '-' not in front. */
	if (n > 0 && strspn(s, safe) == n && s[0] != '-' && s[0] != ':' &&
	    s[n - 1] != ':' && strcasecmp(s, "null") != 0) {
		buf_put_str(b, s);
		return;
	}
	buf_put_u8(b, '"');
	for (; *s != '\0'; s++) {
		size_t special = put_special(b, s);
		if (special > 0) {
			s += special - 1;
			continue;
		}
		if (*s == '"' || *s == '\\')
			buf_put_u8(b, '\\');
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			buf_printf(b, "\\x%02x", (unsigned char)*s);
		else
			buf_put_u8(b, (uint8_t)*s);
	}
	buf_put_u8(b, '"');
}

/* "${" in a value that no variable had part in was written "$${". */
static void
put_value(struct buf *b, const char *value)
{
	struct buf escaped;
	const char *ref;

	buf_init(&escaped, 0);
	while ((ref = strstr(value, "${")) != NULL) {
		buf_put(&escaped, value, (size_t)(ref - value));
		buf_put_str(&escaped, "$${");
		value = ref + 2;
	}
	buf_put_str(&escaped, value);
	yaml_put_text(b, buf_cstr(&escaped));
	buf_clear(&escaped);
}

static void
put_text(struct buf *b, const struct text *t, bool secret)
{
	if (secret && (t->raw == NULL || !is_reference(t->raw)))
		buf_put_str(b, "\"***\"");
	else if (t->raw != NULL)
		yaml_put_text(b, t->raw);
	else
		put_value(b, t->value);
}

/* Of "...:${PASSWORD}@..." nothing is secret, of a literal all is. */
static void
put_conninfo(struct buf *b, const struct text *t)
{
	const char *written = t->raw != NULL ? t->raw : t->value;
	char *masked;

	if (t->raw != NULL && is_reference(t->raw)) {
		yaml_put_text(b, t->raw);
		return;
	}
	masked = pg_mask_conninfo(written, t->raw != NULL);
	utf8_mend(masked); /* %-escapes stand for any byte */
	if (t->raw != NULL)
		yaml_put_text(b, masked);
	else
		put_value(b, masked);
	free(masked);
}

static void
put_texts(struct buf *b, const struct texts *t)
{
	buf_put_str(b, "[");
	for (size_t at = 0; at < t->n; at++) {
		buf_put_str(b, at > 0 ? ", " : "");
		/* ',' and brackets end a plain word inside [ ]: quotes. */
		put_value(b, t->items[at]);
	}
	buf_put_str(b, "]");
}

static void
put_number(struct buf *b, const struct key *k, uint64_t n)
{
	char text[LIMITS_TEXT];

	if (n == 0 && k->flags & KEY_NONE) {
		buf_put_str(b, "none");
	} else if (k->type == KEY_COUNT) {
		buf_printf(b, "%" PRIu64, n);
	} else {
		if (k->type == KEY_SIZE)
			size_format(n, text);
		else
			duration_format(n, text);
		buf_put_str(b, text);
	}
}

static void
put_columns(struct buf *b, const struct config_table *t, const char *indent)
{
	struct buf deeper;

	buf_init(&deeper, 0);
	buf_printf(&deeper, "%s    ", indent);
	for (size_t at = 0; at < t->ncolumns; at++) {
		struct buf options;
		buf_init(&options, 0);
		keys_print(&section_column, &t->columns[at], 0,
		    buf_cstr(&deeper), buf_cstr(&deeper), &options);
		buf_printf(b, "\n%s  ", indent);
		yaml_put_text(b, t->columns[at].name);
		if (options.len > 0)
			/* Without the last line break: the caller's. */
			buf_printf(b, ":\n%.*s", (int)options.len - 1,
			    (const char *)options.data);
		else
			buf_put_str(b, ": {}");
		buf_clear(&options);
	}
	buf_clear(&deeper);
}

/* Whether there is a value at all; what is absent is not printed. */
static bool
is_given(const struct key *k, const char *from)
{
	const char *value;
	struct texts list;

	switch (k->type) {
	case KEY_TEXT:
	case KEY_SECRET:
	case KEY_CONNINFO:
	case KEY_CHOICE:
	case KEY_PLAIN:
		memcpy(&value, from, sizeof value);
		return value != NULL;
	case KEY_TEXTS:
		memcpy(&list, from, sizeof list);
		return list.n > 0;
	case KEY_SECTION:
		return false;
	default:
		return true;
	}
}

static void
put_key(
    struct buf *b, const struct key *k, const void *base, const char *indent)
{
	const char *from = (const char *)base + k->at;
	uint64_t n;
	char *plain;

	buf_printf(b, "%s: ", k->name);
	switch (k->type) {
	case KEY_CONNINFO:
		put_conninfo(b, (const struct text *)(const void *)from);
		break;
	case KEY_TEXT:
	case KEY_CHOICE:
	case KEY_SECRET:
		put_text(b, (const struct text *)(const void *)from,
		    k->type == KEY_SECRET);
		break;
	case KEY_PLAIN:
		memcpy(&plain, from, sizeof plain);
		put_value(b, plain);
		break;
	case KEY_TEXTS:
		put_texts(b, (const struct texts *)(const void *)from);
		break;
	case KEY_BOOL:
		buf_put_str(b, *(const bool *)from ? "true" : "false");
		break;
	case KEY_LIMITS:
		b->len--; /* the space */
		buf_put_str(b, "\n");
		struct buf deeper;
		buf_init(&deeper, 0);
		buf_printf(&deeper, "%s  ", indent);
		keys_print(&section_limits, from, 0, buf_cstr(&deeper),
		    buf_cstr(&deeper), b);
		buf_clear(&deeper);
		return;
	case KEY_COLUMNS:
		b->len--;
		put_columns(b, base, indent);
		break;
	default:
		memcpy(&n, from, sizeof n);
		put_number(b, k, n);
		break;
	}
	buf_put_str(b, "\n");
}

void
keys_print(const struct section *s, const void *base, unsigned without,
    const char *lead, const char *indent, struct buf *b)
{
	for (size_t at = 0; at < s->nkeys; at++) {
		const struct key *k = &s->keys[at];
		const struct config_table *t = base;
		if ((k->flags & without) != 0 ||
		    !is_given(k, (const char *)base + k->at) ||
		    (k->type == KEY_COLUMNS && t->ncolumns == 0))
			continue;
		buf_put_str(b, lead);
		put_key(b, k, base, indent);
		lead = indent;
	}
}

/* The root's own values; sections stand where a reader expects them. */
static void
put_root(struct buf *b, const struct config *c, const char *name)
{
	for (size_t at = 0; at < section_root.nkeys; at++) {
		const struct key *k = &section_root.keys[at];
		if (strcmp(k->name, name) == 0 &&
		    is_given(k, (const char *)c + k->at))
			put_key(b, k, c, "");
	}
}

void
config_print(const struct config *c, FILE *out)
{
	struct buf b;

	buf_init(&b, 0);
	put_root(&b, c, "state");
	buf_put_str(&b, "sources:\n");
	for (size_t at = 0; at < c->nsources; at++) {
		buf_put_str(&b, "  ");
		yaml_put_text(&b, c->sources[at].name);
		buf_put_str(&b, ":\n");
		keys_print(c->sources[at].postgres ? &section_postgres
						   : &section_source,
		    &c->sources[at], 0, "    ", "    ", &b);
	}
	if (c->ncatalogs > 0)
		buf_put_str(&b, "catalogs:\n");
	for (size_t at = 0; at < c->ncatalogs; at++) {
		buf_put_str(&b, "  ");
		yaml_put_text(&b, c->catalogs[at].name);
		buf_put_str(&b, ":\n");
		keys_print(
		    &section_catalog, &c->catalogs[at], 0, "    ", "    ", &b);
	}
	put_root(&b, c, "workers");
	put_root(&b, c, "limits");
	buf_put_str(&b, "retry:\n");
	keys_print(&section_retry, c, 0, "  ", "  ", &b);
	put_root(&b, c, "grace");
	put_root(&b, c, "layers");
	buf_put_str(&b, c->ntables > 0 ? "tables:\n" : "tables: []\n");
	for (size_t at = 0; at < c->ntables; at++)
		keys_print(&section_table, &c->tables[at],
		    c->tables[at].sync ? KEY_OFFLOAD : KEY_SYNC, "  - ", "    ",
		    &b);
	fwrite(b.data, 1, b.len, out);
	buf_clear(&b);
}
