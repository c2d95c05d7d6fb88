/* SPDX-License-Identifier: Apache-2.0 */
/* Type texts: whatever is accepted can be mapped or refused, and is equal to
 * itself. */
#include <stdlib.h>
#include <string.h>

#include "worker/typemap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct typemap_options none = { NULL, 0, NULL };
	struct ch_type type, again;
	struct typemap_column c = { .name = "c", .text = "?", .type = &type };
	struct field field;
	struct mapping map;
	struct err err = { 0 };

	if (ch_type_parse((const char *)data, size, &type, &err) == 0) {
		if (ch_type_parse((const char *)data, size, &again, &err) !=
			0 ||
		    !ch_type_equal(&type, &again))
			abort();
		ch_type_clear(&again);
		if (typemap_resolve(&c, &none, &field, &map, &err) == 0) {
			field_clear(&field);
			mapping_clear(&map);
		}
	}
	ch_type_clear(&type);
	return 0;
}
