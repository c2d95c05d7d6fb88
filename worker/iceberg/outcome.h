/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of a link(2) that may have made a version?
 *
 * Between the link and this question any time may have passed, and in it
 * other writers may have committed, compacted, expired, rolled back, tidied
 * versions away, or dropped the table and made it again. So nothing follows
 * from what is not found; each answer but "unclear" needs a witness:
 *
 *   LANDED   a later version lists our snapshot, or holds the property that
 *            only our commit sets to this value (append.witness); or: our
 *            version stands under its number, and so does, byte for byte, the
 *            one before it that we built on.
 *   TAKEN    another's version stands under our number, and the one before
 *            it is still the very one we built on.
 *
 * What the second witness rests on: old versions are removed in their order,
 * so that a number whose predecessor is there has never been free again, and
 * link(2) was the compare-and-swap that it is meant to be. calve removes them
 * so (expire.c). Iceberg's Java library removes those that fell out of the
 * metadata log, several in no order when the log is made shorter; and hands
 * remove anything. Hence the log of a later version may object: one that names
 * our number with another time has seen another's version there.
 *
 * A folder that was removed or moved, and one whose newest version but ours
 * is another table's, is not where we meant to commit: ours is taken back
 * there, and nobody can have been told that it was committed. What is unclear
 * is left to the next run, which asks the table for its position.
 */
#ifndef CALVE_ICEBERG_OUTCOME_H
#define CALVE_ICEBERG_OUTCOME_H

#include "worker/iceberg/table.h"

enum outcome { OUTCOME_UNCLEAR = -1, OUTCOME_TAKEN = 0, OUTCOME_LANDED = 1 };

/* next was built on fresh; linked: link(2) said that it was made. Where it is
 * unclear err says why, else it is left alone. */
enum outcome outcome_of(const struct table *fresh, const struct table *next,
    const struct append *, bool linked, struct err *err);

#endif
