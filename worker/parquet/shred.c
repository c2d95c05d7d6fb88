/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Levels, a whole slice one step of the type tree at a time.
 *
 * An entry is a future pair of levels: it starts as a row, and a list turns
 * it into one entry per element. It is alive while its definition level is
 * what a value that is not NULL has at this step; a NULL or an empty list
 * stops it there. pos is where an entry that is alive stands in the vec.
 *
 * Columns that are not nested, nearly all, take the short way.
 */
#include "worker/parquet/shred.h"

#include <string.h>

#include "worker/parquet/levels.h"
#include "worker/parquet/scratch.h"

static int
null_error(const struct leaf *leaf, const struct step *step, struct err *err)
{
	return err_set(err, ERR_DATA,
	    "NULL in required field '%s' of column "
	    "'%s'; run again after the target's column was made optional, or "
	    "repair the source",
	    step->field->name, leaf->title);
}

static bool
any_null(const uint8_t *null, size_t n)
{
	uint8_t any = 0;

	for (size_t k = 0; k < n; k++)
		any |= null[k];
	return any != 0;
}

/* Keeps the positions whose entry reached the leaf's own level. */
static void
keep_values(struct scratch *own, struct slice *s, const uint8_t *def,
    uint8_t max_def, const uint32_t *pos)
{
	uint32_t *rows =
	    mem_need(&own->rows, (s->nentries + 1) * sizeof(*rows));
	size_t n = 0;

	for (size_t k = 0; k < s->nentries; k++) {
		rows[n] = pos[k];
		n += def[k] == max_def;
	}
	s->nvalues = n;
	s->rows = rows;
	/* positions rise, so equal distance means no gap */
	if (n > 0 && rows[n - 1] - rows[0] == n - 1) {
		s->first = rows[0];
		s->rows = NULL;
	}
}

static int
shred_flat(const struct leaf *leaf, const struct vec *v, size_t first, size_t n,
    struct slice *s, struct err *err)
{
	struct scratch *own = scratch_own();
	const uint8_t *null = v->null != NULL ? v->null + first : NULL;

	*s = (struct slice){ .nrows = n,
		.nentries = n,
		.vec = v,
		.nvalues = n,
		.first = first };
	if (!leaf->steps[0].optional)
		return null != NULL && any_null(null, n)
		    ? null_error(leaf, &leaf->steps[0], err)
		    : 0;

	uint8_t *def = mem_need(&own->entries[0].def, n);

	s->def = def;
	if (null == NULL) {
		memset(def, 1, n);
		return 0;
	}
	for (size_t k = 0; k < n; k++)
		def[k] = null[k] == 0;

	uint32_t *rows = mem_need(&own->rows, (n + 1) * sizeof(*rows));
	size_t kept = 0;

	for (size_t k = 0; k < n; k++) {
		rows[kept] = (uint32_t)(first + k);
		kept += def[k];
	}
	s->nvalues = kept;
	if (kept < n)
		s->rows = rows;
	return 0;
}

/* A step's NULLs: entries alive at level above either rise or stop. */
static int
apply_nulls(const struct leaf *leaf, const struct step *step,
    const struct vec *v, const uint32_t *pos, uint8_t *def, size_t n,
    uint8_t above, struct err *err)
{
	for (size_t k = 0; k < n; k++) {
		if (def[k] != above)
			continue;
		if (v->null == NULL || v->null[pos[k]] == 0)
			def[k] += step->optional;
		else if (!step->optional)
			return null_error(leaf, step, err);
	}
	return 0;
}

/* Turns each entry alive at a list into one per element. */
static size_t
expand(const struct step *step, const struct vec *v,
    const struct scratch_entries *from, struct scratch_entries *to, size_t n)
{
	const uint32_t *pos = from->pos.p;
	const uint8_t *def = from->def.p, *rep = from->rep.p;
	size_t total = n, out = 0;

	for (size_t k = 0; k < n; k++)
		if (def[k] == step->def)
			total += v->offset[pos[k] + 1] - v->offset[pos[k]];

	uint32_t *to_pos = mem_need(&to->pos, total * sizeof(*to_pos));
	uint8_t *to_def = mem_need(&to->def, total);
	uint8_t *to_rep = mem_need(&to->rep, total);

	for (size_t k = 0; k < n; k++) {
		uint32_t begin = 0, end = 0;

		if (def[k] == step->def) {
			begin = v->offset[pos[k]];
			end = v->offset[pos[k] + 1];
		}
		to_pos[out] = begin;
		to_rep[out] = rep[k];
		to_def[out++] = (uint8_t)(def[k] + (end > begin));
		for (uint32_t e = begin + 1; e < end; e++) {
			to_pos[out] = e;
			to_rep[out] = step->rep;
			to_def[out++] = (uint8_t)(step->def + 1);
		}
	}
	return out;
}

static int
shred_nested(const struct leaf *leaf, const struct batch *b, size_t first,
    size_t n, struct slice *s, struct err *err)
{
	struct scratch *own = scratch_own();
	struct scratch_entries *now = &own->entries[0];
	struct scratch_entries *next = &own->entries[1];
	const struct vec *v = NULL;
	uint32_t *pos = mem_need(&now->pos, n * sizeof(*pos));
	uint8_t above = 0;

	*s = (struct slice){ .nrows = n };
	memset(mem_need(&now->def, n), 0, n);
	memset(mem_need(&now->rep, n), 0, n);
	for (size_t k = 0; k < n; k++)
		pos[k] = (uint32_t)(first + k);
	for (size_t k = 0; k < leaf->nsteps; k++) {
		const struct step *step = &leaf->steps[k];

		v = k == 0 ? &b->cols[step->child] : &v->child[step->child];
		if (apply_nulls(leaf, step, v, now->pos.p, now->def.p, n, above,
			err) == -1)
			return -1;
		above = step->def;
		if (step->repeated) {
			struct scratch_entries *was = now;

			n = expand(step, v, now, next, n);
			now = next;
			next = was;
			above++;
		}
	}
	s->vec = v;
	s->nentries = n;
	keep_values(own, s, now->def.p, leaf->max_def, now->pos.p);
	s->def = leaf->max_def > 0 ? now->def.p : NULL;
	s->rep = leaf->max_rep > 0 ? now->rep.p : NULL;
	return 0;
}

int
shred(const struct leaf *leaf, const struct batch *b, size_t first, size_t n,
    struct slice *s, struct err *err)
{
	if (leaf->nsteps == 1)
		return shred_flat(
		    leaf, &b->cols[leaf->steps[0].child], first, n, s, err);
	return shred_nested(leaf, b, first, n, s, err);
}

static uint64_t
value_bytes(
    const struct leaf *leaf, const struct vec *v, size_t begin, size_t end)
{
	uint64_t total = 0;

	if (leaf->width > 0)
		return (uint64_t)(end - begin) * leaf->width;
	if (v->layout == VEC_BYTES)
		return v->offset[end] - v->offset[begin] +
		    (uint64_t)(end - begin) * sizeof(uint32_t);
	for (size_t k = begin; k < end && v->dict->n > 0; k++)
		total += v->dict->offset[v->index[k] + 1] -
		    v->dict->offset[v->index[k]];
	return total + (uint64_t)(end - begin) * sizeof(uint32_t);
}

uint64_t
shred_cost(
    const struct leaf *leaf, const struct batch *b, size_t first, size_t n)
{
	const struct vec *v = NULL;
	size_t begin = first, end = first + n;
	uint64_t entries = 0,
		 bits = bit_width(leaf->max_def) + bit_width(leaf->max_rep);

	for (size_t k = 0; k < leaf->nsteps; k++) {
		const struct step *step = &leaf->steps[k];

		v = k == 0 ? &b->cols[step->child] : &v->child[step->child];
		if (step->repeated) {
			entries += end - begin; /* may be NULL or empty */
			begin = v->offset[begin];
			end = v->offset[end];
		}
	}
	entries += end - begin;
	return value_bytes(leaf, v, begin, end) + (entries * bits + 7) / 8;
}

/* A dictionary may be empty only where nothing points into it. */
static bool
leaf_fits(const struct leaf *leaf, const struct vec *v)
{
	const struct vec *values = v->layout == VEC_DICT ? v->dict : v;
	uint32_t width = type_width(&leaf->field->type);

	if (values == NULL)
		return false;
	return width > 0 ? values->layout == VEC_FIXED && values->width == width
			 : values->layout == VEC_BYTES;
}

int
shred_check(const struct leaf *leaf, const struct batch *b, struct err *err)
{
	const struct vec *v = NULL;
	bool fits = true;

	for (size_t k = 0; k < leaf->nsteps && fits; k++) {
		const struct step *step = &leaf->steps[k];
		const struct type *t = &step->field->type;

		if (step->child >= (k == 0 ? b->ncols : v->nchild)) {
			fits = false;
			break;
		}
		v = k == 0 ? &b->cols[step->child] : &v->child[step->child];
		if (type_is_nested(t))
			fits = v->layout ==
				(step->repeated ? VEC_LIST : VEC_STRUCT) &&
			    v->nchild == t->nfields;
		else
			fits = leaf_fits(leaf, v);
	}
	return fits ? 0
		    : err_set(err, ERR_BUG,
			  "column '%s': the batch does "
			  "not have the shape of the schema",
			  leaf->title);
}
