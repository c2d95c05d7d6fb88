/* SPDX-License-Identifier: Apache-2.0 */
/* One struct scratch per thread, made at first use, freed with the thread. */
#include "worker/parquet/scratch.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/xalloc.h"

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
scratch_free(void *p)
{
	struct scratch *s = p;

	for (unsigned k = 0; k < 2; k++) {
		mem_clear(&s->entries[k].pos);
		mem_clear(&s->entries[k].def);
		mem_clear(&s->entries[k].rep);
		buf_clear(&s->trial[k].body);
		mem_clear(&s->trial[k].packed);
	}
	mem_clear(&s->rows);
	mem_clear(&s->picked);
	mem_clear(&s->values);
	mem_clear(&s->map);
	mem_clear(&s->dictionary);
	buf_clear(&s->header);
	buf_clear(&s->lower);
	buf_clear(&s->upper);
	free(s);
}

static void
make_key(void)
{
	if (pthread_key_create(&key, scratch_free) != 0)
		abort(); /* more than a thousand keys: cannot be */
}

struct scratch *
scratch_own(void)
{
	struct scratch *s;

	pthread_once(&once, make_key);
	if ((s = pthread_getspecific(key)) == NULL) {
		s = xcalloc(1, sizeof(*s));
		pthread_setspecific(key, s);
	}
	return s;
}
