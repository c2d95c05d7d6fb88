/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which partition does each row belong to?
 *
 * Each field's transformed column becomes a column of 64-bit codes (words as
 * they are, text by its number in a table of strings), and one more column
 * holds a bit for each field that is NULL. A tuple is a row of these columns;
 * a hash table numbers the distinct ones. Only rows that differ from the row
 * before are looked up: rows in order of time come in whole runs.
 */
#include "worker/iceberg/partition.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/iceberg/intern.h"
#include "worker/iceberg/transform.h"

struct route_field {
	struct partition_field field; /* name is the spec's */
	size_t column;
	struct type source, result;
	struct transformed out;
	struct intern strings;
	struct mem entry_mem; /* codes of a dictionary's entries */
	struct mem code_mem;
	const uint64_t *code; /* of each row; 0 where NULL */
};

struct partitioner {
	struct route_field *fields;
	size_t nfields;
	struct mem null_mem, break_mem;
	uint64_t *nulls; /* bit k of row i: field k is NULL */

	size_t ngroups, cap, max_groups;
	uint64_t *key; /* nfields + 1 words a group, nulls last */
	struct partition_value *tuple; /* nfields a group */
	uint32_t *slot;                /* group + 1, 0 free; a power of two */
	size_t nslots;

	bool refused; /* by partition_spec_check(): */
	struct err err;
};

struct partitioner *
partitioner_new(const struct partition_spec *spec, const struct type *schema)
{
	struct partitioner *p = xcalloc(1, sizeof *p);

	p->max_groups = PARTITION_GROUPS_DEFAULT;
	p->nslots = 256;
	p->slot = xcalloc(p->nslots, sizeof *p->slot);
	if (partition_spec_check(spec, schema, &p->err) == -1) {
		p->refused = true;
		return p;
	}
	p->nfields = spec->nfields;
	p->fields = xcalloc(p->nfields + 1, sizeof *p->fields);
	for (size_t k = 0; k < p->nfields; k++) {
		struct route_field *f = &p->fields[k];

		f->field = spec->fields[k];
		f->field.name = xstrdup(f->field.name);
		partition_result_type(&f->field, schema, &f->result);
		for (size_t c = 0; c < schema->nfields; c++) {
			if (schema->fields[c].id != f->field.source_id)
				continue;
			f->column = c;
			type_copy(&f->source, &schema->fields[c].type);
			break;
		}
	}
	return p;
}

void
partitioner_free(struct partitioner *p)
{
	if (p == NULL)
		return;
	for (size_t k = 0; k < p->nfields; k++) {
		struct route_field *f = &p->fields[k];

		free(f->field.name);
		type_clear(&f->source);
		type_clear(&f->result);
		transformed_clear(&f->out);
		intern_clear(&f->strings);
		mem_clear(&f->entry_mem);
		mem_clear(&f->code_mem);
	}
	for (size_t k = 0; k < p->ngroups * p->nfields; k++)
		free(p->tuple[k].data);
	mem_clear(&p->null_mem);
	mem_clear(&p->break_mem);
	free(p->fields);
	free(p->key);
	free(p->tuple);
	free(p->slot);
	free(p);
}

void
partitioner_set_max_groups(struct partitioner *p, size_t n)
{
	p->max_groups = n != 0 ? n : PARTITION_GROUPS_DEFAULT;
}

size_t
partitioner_ngroups(const struct partitioner *p)
{
	return p->ngroups;
}

const struct partition_value *
partitioner_tuple(const struct partitioner *p, uint32_t group)
{
	return &p->tuple[group * p->nfields];
}

/* ---- columns of codes -------------------------------------------------- */

static int
refuse_bad(const struct route_field *f, size_t n, struct err *err)
{
	const struct transformed *t = &f->out;
	char text[40];

	for (size_t i = 0; i < n; i++) {
		if (t->null != NULL && t->null[i])
			continue;
		if (!t->bad[t->index != NULL ? t->index[i] : i])
			continue;
		transform_format(&f->field, text, sizeof text);
		return err_set(err, ERR_DATA,
		    "a value is out of the range "
		    "that %s can express in partition field '%.200s'; mend "
		    "the row, or partition the target by another column",
		    text, f->field.name);
	}
	return 0;
}

/* Codes of the transformed values, which are the rows or a dictionary. */
static const uint64_t *
value_codes(struct route_field *f)
{
	struct transformed *t = &f->out;
	uint64_t *code;

	if (t->slice == NULL)
		return (const uint64_t *)t->word;
	code = mem_need(&f->entry_mem, t->n * sizeof *code);
	intern_column(&f->strings, t->slice, t->n, code);
	return code;
}

static int
encode_field(
    struct partitioner *p, size_t k, const struct batch *batch, struct err *err)
{
	struct route_field *f = &p->fields[k];
	struct transformed *t = &f->out;
	size_t n = batch->nrows;
	const uint64_t *value;
	uint64_t *code;

	code = mem_need(&f->code_mem, n * sizeof *code);
	f->code = code;
	if (f->field.transform == TRANSFORM_VOID) {
		memset(code, 0, n * sizeof *code);
		for (size_t i = 0; i < n; i++)
			p->nulls[i] |= UINT64_C(1) << k;
		return 0;
	}
	transform_apply(&f->field, &f->source, &batch->cols[f->column], t);
	if (t->bad != NULL && refuse_bad(f, n, err) == -1)
		return -1;
	value = value_codes(f);
	if (t->index == NULL)
		f->code = value;
	else if (t->n == 0) /* an empty dictionary: all rows are NULL */
		memset(code, 0, n * sizeof *code);
	else
		for (size_t i = 0; i < n; i++)
			code[i] = value[t->index[i]];
	if (t->null == NULL)
		return 0;
	for (size_t i = 0; i < n; i++)
		p->nulls[i] |= (uint64_t)(t->null[i] != 0) << k;
	for (size_t i = 0; i < n; i++)
		code[i] = t->null[i] ? 0 : f->code[i];
	f->code = code;
	return 0;
}

/* marks[i] != 0: row i's tuple is not that of row i - 1. */
static const uint8_t *
mark_breaks(struct partitioner *p, size_t n)
{
	uint8_t *mark = mem_need(&p->break_mem, n);

	mark[0] = 1;
	for (size_t i = 1; i < n; i++)
		mark[i] = p->nulls[i] != p->nulls[i - 1];
	for (size_t k = 0; k < p->nfields; k++) {
		const uint64_t *code = p->fields[k].code;

		for (size_t i = 1; i < n; i++)
			mark[i] |= code[i] != code[i - 1];
	}
	return mark;
}

/* ---- tuples ------------------------------------------------------------ */

static uint8_t *
put_decimal(__int128 v, size_t *len)
{
	uint8_t bytes[16];

	*len = decimal_bytes(v, bytes);
	return xmemdup(bytes, *len);
}

/* Single-value serialization of a code. */
static struct partition_value
value_of_code(const struct route_field *f, uint64_t code, bool null)
{
	struct partition_value v = { .null = null };

	if (null)
		return v;
	if (f->out.slice != NULL) {
		struct slice s = intern_string(&f->strings, code);
		__int128 wide;

		if (f->result.kind == TYPE_DECIMAL) {
			memcpy(&wide, s.p, sizeof wide);
			v.data = put_decimal(wide, &v.len);
		} else {
			v.len = s.len;
			v.data = xmemdup(s.p, s.len + (s.len == 0));
		}
	} else if (f->result.kind == TYPE_DECIMAL) {
		v.data = put_decimal((int64_t)code, &v.len);
	} else { /* a word's low bytes, little-endian */
		v.len = type_width(&f->result);
		v.data = xmemdup(&code, v.len);
	}
	return v;
}

static void
grow_slots(struct partitioner *p, size_t nslots)
{
	size_t width = p->nfields + 1;

	free(p->slot);
	p->slot = xcalloc(nslots, sizeof *p->slot);
	p->nslots = nslots;
	for (size_t g = 0; g < p->ngroups; g++) {
		uint64_t h = 0;
		size_t at;

		for (size_t k = 0; k < width; k++)
			h = hash_mix(h, p->key[g * width + k]);
		at = h & (nslots - 1);
		while (p->slot[at] != 0)
			at = (at + 1) & (nslots - 1);
		p->slot[at] = (uint32_t)g + 1;
	}
}

static int
add_group(
    struct partitioner *p, const uint64_t *key, size_t at, struct err *err)
{
	size_t width = p->nfields + 1, g = p->ngroups;

	if (g >= p->max_groups)
		return err_set(err, ERR_DATA,
		    "the rows of this step fall "
		    "into more than %zu partitions; choose a coarser "
		    "partition (day for hour, bucket or truncate for the "
		    "column itself)",
		    p->max_groups);
	if (g == p->cap) {
		p->cap = p->cap == 0 ? 64 : p->cap * 2;
		p->key = xreallocarray(p->key, p->cap, width * sizeof *p->key);
		p->tuple =
		    xreallocarray(p->tuple, p->cap, width * sizeof *p->tuple);
	}
	memcpy(p->key + g * width, key, width * sizeof *key);
	for (size_t k = 0; k < p->nfields; k++)
		p->tuple[g * p->nfields + k] = value_of_code(
		    &p->fields[k], key[k], key[p->nfields] >> k & 1);
	p->ngroups++;
	p->slot[at] = (uint32_t)g + 1;
	if (p->ngroups * 2 > p->nslots)
		grow_slots(p, p->nslots * 2);
	return 0;
}

/* The group of row i, or -1. */
static inline int64_t
look_up(struct partitioner *p, size_t i, struct err *err)
{
	uint64_t key[PARTITION_FIELDS_MAX + 1], h = 0;
	size_t width = p->nfields + 1, at;

	for (size_t k = 0; k < p->nfields; k++) {
		key[k] = p->fields[k].code[i];
		h = hash_mix(h, key[k]);
	}
	key[p->nfields] = p->nulls[i];
	h = hash_mix(h, key[p->nfields]);
	for (at = h & (p->nslots - 1); p->slot[at] != 0;
	     at = (at + 1) & (p->nslots - 1))
		if (memcmp(p->key + (p->slot[at] - 1) * width, key,
			width * sizeof *key) == 0)
			return p->slot[at] - 1;
	if (add_group(p, key, at, err) == -1)
		return -1;
	return (int64_t)p->ngroups - 1;
}

int
partitioner_route(struct partitioner *p, const struct batch *batch,
    uint32_t *group, struct err *err)
{
	size_t n = batch->nrows;
	const uint8_t *mark;

	if (p->refused) {
		*err = p->err;
		return -1;
	}
	if (n == 0)
		return 0;
	p->nulls = mem_need(&p->null_mem, n * sizeof *p->nulls);
	memset(p->nulls, 0, n * sizeof *p->nulls);
	for (size_t k = 0; k < p->nfields; k++)
		if (encode_field(p, k, batch, err) == -1)
			return -1;
	mark = mark_breaks(p, n);
	for (size_t i = 0; i < n;) {
		const uint8_t *next = memchr(mark + i + 1, 1, n - i - 1);
		size_t end = next != NULL ? (size_t)(next - mark) : n;
		int64_t g = look_up(p, i, err);

		if (g == -1)
			return -1;
		for (; i < end; i++)
			group[i] = (uint32_t)g;
	}
	return 0;
}
