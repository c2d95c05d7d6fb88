/* SPDX-License-Identifier: Apache-2.0 */
/* Mapping between recorded and local paths, see location.h. */
#include <sys/stat.h>

#include <string.h>
#include <strings.h>

#include "common/xalloc.h"
#include "worker/iceberg/location.h"

const char *
location_local(const char *recorded)
{
	if (*recorded == '/')
		return recorded;
	if (strncasecmp(recorded, "file:", 5) != 0)
		return NULL;
	const char *p = recorded + 5;
	if (strncmp(p, "//", 2) == 0) {
		p += 2;
		if (strncasecmp(p, "localhost/", 10) == 0)
			p += 9;
	}
	return *p == '/' ? p : NULL;
}

int
location_local_of(const char *recorded, const char **local, struct err *err)
{
	*local = location_local(recorded);
	if (*local == NULL)
		return err_set(err, ERR_TABLE,
		    "'%s' is not a path of this "
		    "file system; calve reads local tables only",
		    recorded);
	return 0;
}

char *
location_record(const char *location, const char *folder, const char *local)
{
	size_t n = strlen(folder);

	if (strncmp(local, folder, n) == 0 && local[n] == '/')
		return xasprintf("%s%s", location, local + n);
	return *location == '/' ? xstrdup(local)
				: xasprintf("file://%s", local);
}

bool
location_is(const char *location, const char *folder)
{
	struct stat a, b;
	const char *local = location_local(location);

	if (local == NULL)
		return false;
	if (strcmp(local, folder) == 0)
		return true;
	/* another way to the same place */
	return stat(local, &a) == 0 && stat(folder, &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}
