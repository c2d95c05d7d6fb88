/* SPDX-License-Identifier: Apache-2.0 */
/* What `calve run` and `calve offload` share: a whole run of a config. */
#ifndef CALVE_OFFLOAD_ALL_H
#define CALVE_OFFLOAD_ALL_H

#include <stdbool.h>
#include <stddef.h>

#include "coordinator/config.h"

/* Signals are set up. Logs, reports, and returns the exit status. */
int offload_all(const struct config *, const char *const *patterns,
    size_t npatterns, bool json, bool hup_is_reload, bool *stopped);

#endif
