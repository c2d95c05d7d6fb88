/* SPDX-License-Identifier: Apache-2.0 */
/* A tree of columns to pick, walked once a batch. */
#include "worker/project.h"

#include <stdlib.h>

#include "common/xalloc.h"

/* One node of the table's type tree. */
struct pick {
	const struct type *type;
	int from;           /* child of the incoming node, -1: all NULL */
	struct vec nulls;   /* behind from == -1 */
	struct pick *child; /* only where the incoming node differs in
				 * shape; else NULL and the vec is taken whole */
	struct vec *view;   /* child's vecs */
	size_t nchild;
};

struct projection {
	struct pick root;
	struct batch out;
};

static int
plan(struct pick *p, const struct type *table, const struct type *incoming,
    struct err *err)
{
	p->type = table;
	if (!type_is_nested(table)) {
		if (table->kind != incoming->kind ||
		    type_width(table) != type_width(incoming))
			return err_set(err, ERR_BUG,
			    "source delivers a column "
			    "in another width than the table's schema");
		return 0;
	}
	p->nchild = table->nfields;
	p->child = xcalloc(p->nchild, sizeof *p->child);
	p->view = xcalloc(p->nchild, sizeof *p->view);
	for (size_t k = 0; k < p->nchild; k++) {
		const struct field *f = &table->fields[k];

		p->child[k].from = table->kind == TYPE_STRUCT
		    ? type_find_name(incoming, f->name)
		    : (int)k;
		p->child[k].type = &f->type;
		if (p->child[k].from != -1 &&
		    plan(&p->child[k], &f->type,
			&incoming->fields[p->child[k].from].type, err) == -1)
			return -1;
	}
	return 0;
}

static void
pick_clear(struct pick *p)
{
	for (size_t k = 0; k < p->nchild; k++)
		pick_clear(&p->child[k]);
	free(p->child);
	free(p->view);
	if (p->nulls.n > 0)
		vec_clear(&p->nulls);
}

struct projection *
projection_new(
    const struct type *table, const struct type *incoming, struct err *err)
{
	struct projection *p = xcalloc(1, sizeof *p);

	if (plan(&p->root, table, incoming, err) == -1) {
		projection_free(p);
		return NULL;
	}
	return p;
}

void
projection_free(struct projection *p)
{
	if (p == NULL)
		return;
	pick_clear(&p->root);
	free(p);
}

/* The children of one node: in has its incoming children, each of n values
 * where an all-NULL column must be made up. */
static void
look(struct pick *p, const struct vec *in, size_t n)
{
	for (size_t k = 0; k < p->nchild; k++) {
		struct pick *c = &p->child[k];

		if (c->from == -1) {
			if (c->nulls.n == 0)
				vec_init(&c->nulls, c->type);
			vec_set_all_null(&c->nulls, c->type, n);
			p->view[k] = c->nulls;
			continue;
		}
		p->view[k] = in[c->from];
		if (c->nchild > 0) {
			look(c, in[c->from].child,
			    in[c->from].layout == VEC_LIST
				? in[c->from].offset[in[c->from].n]
				: in[c->from].n);
			p->view[k].child = c->view;
			p->view[k].nchild = c->nchild;
		}
	}
}

const struct batch *
projection_view(struct projection *p, const struct batch *in)
{
	look(&p->root, in->cols, in->nrows);
	p->out = (struct batch){ .nrows = in->nrows,
		.ncols = p->root.nchild,
		.cols = p->root.view };
	return &p->out;
}
