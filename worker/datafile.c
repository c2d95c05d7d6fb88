/* SPDX-License-Identifier: Apache-2.0 */
/* Frees what a struct datafile owns; filling it is parquet/'s and sink/'s. */
#include "worker/datafile.h"

#include <stdlib.h>

void
datafile_clear(struct datafile *df)
{
	for (size_t k = 0; k < df->nleaves; k++) {
		free(df->leaves[k].lower);
		free(df->leaves[k].upper);
	}
	for (size_t k = 0; k < df->npartition; k++)
		free(df->partition[k].data);
	free(df->leaves);
	free(df->partition);
	free(df->split_offsets);
	free(df->path);
	*df = (struct datafile){ 0 };
}
