/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of calve.yaml: one table a section, each key with its type, where
 * it goes, its default and a line of help. Reading, printing and the manual's
 * check walk these tables; no key is known anywhere else.
 */
#ifndef CALVE_CONFIG_KEYS_H
#define CALVE_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "coordinator/config.h"
#include "coordinator/config_yaml.h"

enum key_type {
	KEY_TEXT,     /* struct text, not empty */
	KEY_SECRET,   /* struct text, never printed or quoted */
	KEY_CONNINFO, /* struct text, printed without its password */
	KEY_CHOICE,   /* struct text, one of `choices` */
	KEY_PLAIN,    /* char *, no ${} looked for; one of `choices`
				 * where there are */
	KEY_TEXTS,    /* struct texts; a single text is a list too */
	KEY_BOOL,     /* bool */
	KEY_COUNT,    /* uint64_t from low to high */
	KEY_SIZE,     /* uint64_t bytes: 64M; "none" is 0 */
	KEY_DURATION, /* uint64_t ms: 5m; "none" is 0 */
	KEY_SECTION,  /* read by its own table of keys */
	KEY_LIMITS,   /* struct limits */
	KEY_COLUMNS   /* columns: { NAME: { ... } } */
};

enum {
	KEY_NEEDED = 1,      /* an error when missing */
	KEY_NOT_DEFAULT = 2, /* a table's own: not in `defaults` */
	KEY_NONE = 4,        /* "none" is allowed */
	KEY_OFFLOAD = 8,     /* only of tables that go to Iceberg */
	KEY_SYNC = 16        /* only of those that go to ClickHouse */
};

struct key {
	const char *name;
	enum key_type type;
	unsigned at; /* offset in the section's struct */
	unsigned flags;
	const char *fallback; /* the default, as one would write it */
	const char *choices;  /* "a|b|c" */
	uint64_t low, high;   /* KEY_COUNT; sizes and durations: low..high
				 * when high is not 0 */
	const char *help;
};

struct section {
	const char *name; /* "sources.NAME" in help and messages */
	const struct key *keys;
	size_t nkeys;
};

extern const struct section section_root, section_source, section_postgres,
    section_catalog, section_limits, section_retry, section_column,
    section_table;

/* What every reader of a section needs for its messages. */
struct key_reader {
	const char *path; /* of the file */
	bool defaults;    /* reading `defaults`: not every key goes */
	struct err *err;
};

/* Puts the section's built-in defaults into base. */
void keys_set_defaults(const struct section *, void *base);
/* The map's values into base, sections skipped. where names the map in
 * messages: "table 'x'". */
int keys_read(struct key_reader *, const struct section *,
    const struct node *map, const char *where, void *base) MUST_USE;
/* Frees what base holds of this section. */
void keys_clear(const struct section *, void *base);
/* One "key: value" line each, indented, first prefixed by lead; without those
 * that have one of the flags. */
void keys_print(const struct section *, const void *base, unsigned without,
    const char *lead, const char *indent, struct buf *);
/* Refuses keys of the map that have one of the flags; why ends the message. */
int keys_refuse(struct key_reader *, const struct section *,
    const struct node *map, unsigned flags, const char *why) MUST_USE;

/* One value that is no list and no map, checked, to its place in base. */
int key_read_scalar(struct key_reader *, const struct key *,
    const struct node *, const char *where, void *base) MUST_USE;

/* "FILE:LINE: ..." as ERR_CONFIG. */
int fail_at(struct key_reader *, unsigned line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* "; did you mean 'x'?" for the nearest of n names, else "". */
const char *nearest(
    const char *word, const char *const *names, size_t n, char out[128]);

/* "1h30m" in milliseconds; units once each, the greatest first. */
bool duration_parse(const char *, uint64_t *ms);

/* A text as YAML: plain where that is safe, else in double quotes. */
void yaml_put_text(struct buf *, const char *);
/* True for "${NAME}" and nothing else. */
bool is_reference(const char *raw);

#endif
