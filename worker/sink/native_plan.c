/* SPDX-License-Identifier: Apache-2.0 */
/* Which values go into which types, and how: a table of pairs. */
#include "worker/sink/native_put.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

static const __int128 int128_max = (__int128)(~(unsigned __int128)0 >> 1);

/* The type as the block names it: nothing that the server looks up. */
static void
put_sent(struct buf *out, const struct ch_type *t)
{
	static const char *const names[] = { [CH_BOOL] = "Bool",
		[CH_INT8] = "Int8",
		[CH_INT16] = "Int16",
		[CH_INT32] = "Int32",
		[CH_INT64] = "Int64",
		[CH_INT128] = "Int128",
		[CH_INT256] = "Int256",
		[CH_UINT8] = "UInt8",
		[CH_UINT16] = "UInt16",
		[CH_UINT32] = "UInt32",
		[CH_UINT64] = "UInt64",
		[CH_UINT128] = "UInt128",
		[CH_UINT256] = "UInt256",
		[CH_FLOAT32] = "Float32",
		[CH_FLOAT64] = "Float64",
		[CH_STRING] = "String",
		[CH_ENUM8] = "String",
		[CH_ENUM16] = "String",
		[CH_UUID] = "UUID",
		[CH_DATE] = "Date",
		[CH_DATE32] = "Date32",
		[CH_DATETIME] = "DateTime" };

	switch (t->kind) {
	case CH_LOW_CARDINALITY:
		put_sent(out, &t->args[0]);
		break;
	case CH_NULLABLE:
		buf_put_str(out, "Nullable(");
		put_sent(out, &t->args[0]);
		buf_put_str(out, ")");
		break;
	case CH_ARRAY:
		buf_put_str(out, "Array(");
		put_sent(out, &t->args[0]);
		buf_put_str(out, ")");
		break;
	case CH_DECIMAL:
		buf_printf(out, "Decimal(%u, %u)", t->precision, t->scale);
		break;
	case CH_FIXED_STRING:
		buf_printf(out, "FixedString(%u)", t->length);
		break;
	case CH_DATETIME64:
		buf_printf(out, "DateTime64(%u)", t->scale);
		break;
	default:
		buf_put_str(out, names[t->kind]);
		break;
	}
}

static bool
is_integer(enum ch_kind k)
{
	return k >= CH_INT8 && k <= CH_UINT256;
}

static void
set_range(struct native_put *p, const struct ch_type *to)
{
	unsigned bits = 8 * p->dst;

	p->is_unsigned = to->kind >= CH_UINT8 && to->kind <= CH_UINT256;
	if (to->kind == CH_DECIMAL && to->precision <= 38) {
		p->high = ten_to(to->precision) - 1;
		p->low = -p->high;
	} else if (p->is_unsigned) {
		p->low = 0;
		p->high = bits < 128 ? ((__int128)1 << bits) - 1 : int128_max;
	} else {
		p->high =
		    bits < 128 ? ((__int128)1 << (bits - 1)) - 1 : int128_max;
		p->low = -p->high - 1;
	}
	if (to->kind == CH_BOOL) {
		p->low = 0;
		p->high = 1;
	}
}

static bool
plan_number(
    const struct type *from, const struct ch_type *to, struct native_put *p)
{
	unsigned scale = from->kind == TYPE_DECIMAL ? from->scale : 0;

	if (to->kind == CH_DECIMAL) {
		if (to->scale < scale || to->scale - scale > 18)
			return false;
		p->multiply = (int64_t)ten_to(to->scale - scale);
	} else if (scale > 0 ||
	    (!is_integer(to->kind) && to->kind != CH_BOOL)) {
		return false;
	}
	p->form = NATIVE_INT;
	set_range(p, to);
	return true;
}

/* ClickHouse's ranges (documentation, "Date", "Date32", "DateTime64"). */
static bool
plan_time(
    const struct type *from, const struct ch_type *to, struct native_put *p)
{
	if (from->kind == TYPE_DATE) {
		p->form = NATIVE_INT;
		p->low = to->kind == CH_DATE ? 0 : -25567;
		p->high = to->kind == CH_DATE ? 65535 : 120529;
		return to->kind == CH_DATE || to->kind == CH_DATE32;
	}
	p->form = NATIVE_TICKS;
	if (to->kind == CH_DATETIME) {
		p->divide = 1000000;
		p->high = UINT32_MAX;
		return true;
	}
	if (to->kind != CH_DATETIME64)
		return false;
	p->multiply = (int64_t)ten_to(to->scale > 6 ? to->scale - 6u : 0);
	p->divide = (int64_t)ten_to(to->scale < 6 ? 6u - to->scale : 0);
	p->low = (__int128)-2208988800 * ten_to(to->scale);
	p->high = (__int128)10413792000 * ten_to(to->scale) - 1;
	if (p->high > INT64_MAX)
		p->high = INT64_MAX;
	return true;
}

static int
by_text(const void *a, const void *b)
{
	const struct ch_label *const *x = a, *const *y = b;
	size_t n = (*x)->len < (*y)->len ? (*x)->len : (*y)->len;
	int order = memcmp((*x)->text, (*y)->text, n);

	return order != 0 ? order
			  : ((*x)->len > (*y)->len) - ((*x)->len < (*y)->len);
}

static void
sort_labels(const struct ch_type *to, struct native_put *p)
{
	p->labels = xcalloc(to->nlabels + 1, sizeof(*p->labels));
	p->nlabels = to->nlabels;
	for (size_t k = 0; k < to->nlabels; k++)
		p->labels[k] = &to->labels[k];
	qsort(p->labels, p->nlabels, sizeof(*p->labels), by_text);
}

bool
native_is_label(const struct native_put *p, const uint8_t *text, size_t len)
{
	struct ch_label wanted = { .text = (char *)(uintptr_t)text,
		.len = len };
	const struct ch_label *key = &wanted;

	return bsearch(&key, p->labels, p->nlabels, sizeof(*p->labels),
		   by_text) != NULL;
}

static bool
is_text(enum ch_kind k)
{
	return k == CH_STRING || k == CH_ENUM8 || k == CH_ENUM16;
}

static bool
plan_leaf(
    const struct type *from, const struct ch_type *to, struct native_put *p)
{
	switch (from->kind) {
	case TYPE_BOOLEAN:
	case TYPE_INT:
	case TYPE_LONG:
	case TYPE_TIME:
	case TYPE_DECIMAL:
		return plan_number(from, to, p);
	case TYPE_DATE:
	case TYPE_TIMESTAMP:
	case TYPE_TIMESTAMPTZ:
		return plan_time(from, to, p);
	case TYPE_FLOAT:
		p->form = to->kind == CH_FLOAT64 ? NATIVE_FLOAT : NATIVE_COPY;
		return to->kind == CH_FLOAT32 || to->kind == CH_FLOAT64;
	case TYPE_DOUBLE:
		p->form = NATIVE_COPY;
		return to->kind == CH_FLOAT64;
	case TYPE_UUID:
		p->form = NATIVE_UUID;
		return to->kind == CH_UUID;
	case TYPE_STRING:
		if (is_text(to->kind)) {
			p->form = NATIVE_STRING;
			if (to->kind != CH_STRING)
				sort_labels(to, p);
			return true;
		}
		p->form = NATIVE_FIXED_STRING;
		return to->kind == CH_FIXED_STRING;
	case TYPE_BINARY:
		p->form =
		    to->kind == CH_STRING ? NATIVE_STRING : NATIVE_FIXED_STRING;
		p->whole = true;
		return to->kind == CH_STRING || to->kind == CH_FIXED_STRING;
	case TYPE_FIXED:
		p->form = NATIVE_COPY;
		return to->kind == CH_FIXED_STRING &&
		    to->length == from->length;
	default:
		return false;
	}
}

static int
plan(const struct type *from, const struct ch_type *to, struct native_put *p)
{
	const struct ch_type *bare = ch_type_bare(to, &p->nullable);
	struct buf sent;

	p->multiply = p->divide = 1;
	p->src = type_width(from);
	p->dst = ch_type_width(bare);
	if (from->kind == TYPE_LIST) {
		if (to->kind != CH_ARRAY)
			return -1;
		p->form = NATIVE_ARRAY;
		p->child = xcalloc(1, sizeof(*p->child));
		p->child->column = p->column;
		p->child->text = p->text;
		if (plan(&from->fields[0].type, &to->args[0], p->child) == -1)
			return -1;
	} else if (!plan_leaf(from, bare, p)) {
		return -1;
	}
	buf_init(&sent, 0);
	put_sent(&sent, to);
	p->sent = xstrdup(buf_cstr(&sent));
	buf_clear(&sent);
	/* what cannot fail needs no look */
	if (p->form == NATIVE_INT && p->src == p->dst && !p->is_unsigned &&
	    p->multiply == 1 && from->kind != TYPE_DECIMAL &&
	    from->kind != TYPE_DATE && is_integer(bare->kind))
		p->form = NATIVE_COPY;
	return 0;
}

int
native_plan(const struct field *from, const struct ch_type *to,
    const char *text, struct native_put *p, struct err *err)
{
	struct buf have;

	*p = (struct native_put){ .column = from->name, .text = text };
	if (plan(&from->type, to, p) == 0)
		return 0;
	native_put_clear(p);
	buf_init(&have, 0);
	type_format(&from->type, &have);
	err_set(err, ERR_TYPE,
	    "column '%s': %s values do not go into the target's %s; ALTER the "
	    "target's column, or set as: string for it and make it a String",
	    from->name, buf_cstr(&have), text);
	buf_clear(&have);
	return -1;
}

void
native_put_clear(struct native_put *p)
{
	if (p->child != NULL)
		native_put_clear(p->child);
	free(p->child);
	free(p->labels);
	free(p->sent);
	buf_clear(&p->nulls);
	buf_clear(&p->values);
	*p = (struct native_put){ 0 };
}
