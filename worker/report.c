/* SPDX-License-Identifier: Apache-2.0 */
/* Frames out, the job in. */
#include "worker/report.h"

#include <bsd/unistd.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/fault.h"
#include "common/msg.h"
#include "common/xalloc.h"
#include "version.h"
#include "worker/stop.h"

/* A thread may run out of memory while another one sends. Recursive, since
 * that may be the same. */
static pthread_mutex_t sending = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static uint32_t sequence;
static struct mono last_progress;
/* ERROR frames for "out of memory", one per phase's possible sequence number
 * cannot be kept: the sequence is patched in when it is sent. */
static uint8_t nomem_frame[512];
static size_t nomem_len;

static bool
write_all(const uint8_t *p, size_t n)
{
	ssize_t k;

	while (n > 0) {
		k = write(FD_REPORT, p, n);
		if (k == -1 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

static void
send_msg(const struct msg *m)
{
	struct buf frame;
	struct err err;

	buf_init(&frame, MSG_HEADER + MSG_MAX);
	pthread_mutex_lock(&sending);
	if (msg_put(&frame, sequence, m, &err) == -1 ||
	    !write_all(frame.data, frame.len))
		stop_orphaned();
	else
		sequence++;
	pthread_mutex_unlock(&sending);
	buf_clear(&frame);
}

static void
on_nomem(size_t wanted)
{
	enum { SEQUENCE_AT = 8 };

	(void)wanted;
	/* never let go of: the first to come ends the process */
	pthread_mutex_lock(&sending);
	memcpy(nomem_frame + SEQUENCE_AT, &sequence, sizeof sequence);
	write_all(nomem_frame, nomem_len);
}

static void
prepare_nomem(void)
{
	struct msg m = { .type = MSG_ERROR };
	struct buf frame;
	struct err err;

	err_set(&m.u.error, ERR_NOMEM,
	    "memory limit reached; raise "
	    "limits.memory, or lower row_group_size");
	buf_init(&frame, sizeof nomem_frame);
	if (msg_put(&frame, 0, &m, &err) == 0) {
		memcpy(nomem_frame, frame.data, frame.len);
		nomem_len = frame.len;
	}
	buf_clear(&frame);
	xalloc_set_hook(on_nomem);
}

/* A message owns its strings where it was read; here they are only lent. */
static char *
lend(const char *text)
{
	union {
		const char *in;
		char *out;
	} u = { .in = text };

	return u.out;
}

void
report_init(void)
{
	struct sigaction sa = { .sa_handler = SIG_IGN };
	struct msg m = { .type = MSG_HELLO };

	stop_init();
	sigaction(SIGPIPE, &sa, NULL);
	/* the coordinator decides what a Ctrl-C at the terminal means */
	sigaction(SIGINT, &sa, NULL);
	prepare_nomem();
	m.u.hello = (struct msg_hello){ .protocol = MSG_PROTOCOL,
		.pid = (uint32_t)getpid(),
		.version = lend(CALVE_VERSION) };
	send_msg(&m);
}

int
report_read_job(struct job *job, struct err *err)
{
	uint8_t *data = xmalloc(MSG_HEADER + MSG_MAX);
	size_t n = 0, used;
	struct msg m;
	ssize_t k;
	int got;

	while ((got = msg_get(data, n, 0, &m, &used, err)) == 0) {
		k = read(FD_JOB, data + n, MSG_HEADER + MSG_MAX - n);
		if (k == -1 && errno == EINTR)
			continue;
		if (k == 0 && n == 0) {
			got = err_set(err, ERR_CANCELLED,
			    "the coordinator ended before it gave a job");
			break;
		}
		if (k <= 0) {
			got = err_set(err, ERR_PROTOCOL,
			    "no job on "
			    "descriptor %d; calve-worker is started by calve",
			    FD_JOB);
			break;
		}
		n += (size_t)k;
	}
	explicit_bzero(data, n); /* it holds passwords */
	free(data);
	if (got == -1)
		return -1;
	if (m.type != MSG_JOB) {
		got = err_set(err, ERR_PROTOCOL, "'%s' where a job was due",
		    msg_type_name(m.type));
		msg_clear(&m);
		return got;
	}
	*job = m.u.job;
	stop_watch(FD_JOB);
	return 0;
}

void
report_phase(const struct job *job, enum phase phase)
{
	struct msg m = { .type = MSG_PHASE, .u.phase = phase };

	send_msg(&m);
	setproctitle("%s %s", job->name, phase_name(phase));
	FAULT_POINT(phase_name(phase));
}

void
report_progress(uint64_t rows, uint64_t rows_expected,
    const struct result *so_far, uint64_t bytes_read, uint64_t bytes_written,
    uint32_t files)
{
	struct msg m = { .type = MSG_PROGRESS };

	if (mono_seconds_since(last_progress) < 1)
		return;
	last_progress = mono_now();
	m.u.progress = (struct msg_progress){
		.rows = so_far->rows + rows,
		.rows_expected = rows_expected,
		.bytes_read = bytes_read,
		.bytes_written = so_far->bytes_written + bytes_written,
		.files = so_far->files + files,
	};
	send_msg(&m);
}

void
report_note(bool warning, const char *text)
{
	struct msg m = { .type = MSG_NOTE };

	m.u.note = (struct msg_note){ .warning = warning, .text = lend(text) };
	send_msg(&m);
}

void
report_source_note(void *unused, bool warning, const char *text)
{
	(void)unused;
	report_note(warning, text);
}

void
report_tally(const char *scope, uint64_t source_rows, uint64_t target_rows,
    const char *const minmax[4], const char *const sums[2], bool equal)
{
	struct msg m = { .type = MSG_TALLY };

	m.u.tally = (struct msg_tally){
		.scope = lend(scope),
		.source_rows = source_rows,
		.target_rows = target_rows,
		.source_min = lend(minmax[0]),
		.source_max = lend(minmax[1]),
		.target_min = lend(minmax[2]),
		.target_max = lend(minmax[3]),
		.source_sum = lend(sums != NULL ? sums[0] : NULL),
		.target_sum = lend(sums != NULL ? sums[1] : NULL),
		.equal = equal,
	};
	send_msg(&m);
}

void
report_column(const char *name, const char *source_type,
    const char *target_type, const char *remark)
{
	struct msg m = { .type = MSG_COLUMN };

	m.u.column = (struct msg_column){ .name = lend(name),
		.source_type = lend(source_type),
		.target_type = lend(target_type),
		.remark = lend(remark) };
	send_msg(&m);
}

void
report_result(const struct result *result)
{
	struct msg m = { .type = MSG_RESULT, .u.result = *result };

	send_msg(&m);
}

void
report_error(const struct err *error)
{
	struct msg m = { .type = MSG_ERROR, .u.error = *error };

	send_msg(&m);
}
