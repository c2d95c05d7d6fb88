/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of runs that died: killed, out of memory, with their host. Data files,
 * manifests and temporary files bear the id of the run that made them; which
 * runs have ended without success, the ledger says.
 *
 * Such a file is removed when all of this holds:
 *
 *   - this run has committed, so that the table's position is another one than
 *     any earlier run began from. A worker that stands still somewhere, and
 *     that the ledger calls dead, is refused by its fence from then on: it
 *     cannot commit the file any more (calve 7, I3);
 *   - the run was one of this table's row in the state database, whose lock is
 *     held;
 *   - the newest version of the table, loaded after that, names it in no
 *     snapshot: a run that died between its commit and the ledger, or never
 *     learned what became of it, may have files that are live.
 *
 * It rests on nobody taking an old version, or a file that no version names,
 * back into the table by hand.
 */
#ifndef CALVE_COLLECT_H
#define CALVE_COLLECT_H

#include "worker/step.h"

/* After a commit, before the watermark moves. Tells what it has removed.
 * What cannot be read or removed stays, with a warning, to a later run;
 * -1 only when the state database fails. */
int collect_dead(struct run *, struct err *) MUST_USE;

#endif
