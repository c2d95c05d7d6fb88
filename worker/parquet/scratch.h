/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Working memory of one thread, shared by all its writers: with hundreds of
 * partitions open, what is only used during a call must not exist per writer.
 * Nothing in it survives the call that filled it.
 */
#ifndef CALVE_PARQUET_SCRATCH_H
#define CALVE_PARQUET_SCRATCH_H

#include "common/buf.h"
#include "worker/batch.h"

/* Entries of a slice on their way down the type tree. */
struct scratch_entries {
	struct mem pos, def, rep;
};

/* A page in one of the encodings that are tried. */
struct trial {
	struct buf body; /* levels and encoded values */
	struct mem packed;
};

struct scratch {
	struct scratch_entries entries[2]; /* shred: from one to the other */
	struct mem rows;                   /* shred: positions of the values */
	struct mem picked;       /* column: rows of a batch dictionary */
	struct mem values;       /* column: values in PLAIN form */
	struct mem map;          /* column: batch to chunk dictionary */
	struct trial trial[2];   /* pack: the best so far, and another */
	struct mem dictionary;   /* pack: compressed */
	struct buf header;       /* page: thrift */
	struct buf lower, upper; /* statistics being written */
};

struct scratch *scratch_own(void);

#endif
