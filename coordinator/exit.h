/* SPDX-License-Identifier: Apache-2.0 */
/* The exit statuses of calve(1). */
#ifndef CALVE_EXIT_H
#define CALVE_EXIT_H

enum {
	EXIT_DONE = 0,        /* every table done */
	EXIT_SOME_FAILED = 1, /* some table failed, or differs */
	EXIT_USAGE = 2,       /* wrong usage or configuration */
	EXIT_STATE = 3,       /* state database out of reach or unusable */
	EXIT_BUSY = 4         /* nothing ran: other runs hold the locks */
};

#endif
