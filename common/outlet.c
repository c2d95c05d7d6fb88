/* SPDX-License-Identifier: Apache-2.0 */
/* Two queues of bytes, a thread behind each. */
#include "common/outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TELL_MAX = 512, STACK = 128 << 10 };

struct outlet {
	int fd;
	size_t most;
	_Atomic(outlet_tell *) tell;
	atomic_bool failed, never_waits;
	atomic_uint_fast64_t lost; /* lines, not yet told */

	/* Of the thread; before there is one, of nobody. */
	bool threaded;
	pthread_mutex_t lock;
	pthread_cond_t more, moved;
	char *data; /* from head to len: still to be written */
	size_t head, len, cap;
	uint64_t put, gone; /* bytes, since the beginning */
	bool stuck;         /* waiting was in vain, since all was written */
};

static struct outlet outlets[] = {
	{ .fd = STDOUT_FILENO, .most = OUTLET_OUT_MOST },
	{ .fd = STDERR_FILENO, .most = OUTLET_LOG_MOST },
};

static struct outlet *
outlet_of(int fd)
{
	return &outlets[fd == STDERR_FILENO];
}

/* ---- writing ---- */

/* 1: done, 0: it would have to wait, -1. */
static int
write_all(int fd, const char *p, size_t n, bool waits)
{
	while (n > 0) {
		ssize_t k = write(fd, p, n);
		struct pollfd room = { .fd = fd, .events = POLLOUT };
		if (k == -1 && errno == EINTR)
			continue;
		if (k == -1 && errno != EAGAIN)
			return -1;
		if (k == -1 && !waits)
			return 0;
		if (k == -1)
			poll(&room, 1, -1);
		p += k > 0 ? k : 0;
		n -= k > 0 ? (size_t)k : 0;
	}
	return 1;
}

static bool
write_now(struct outlet *o, const char *p, size_t n)
{
	struct pollfd room = { .fd = o->fd, .events = POLLOUT };
	bool waits = !o->never_waits;

	if (!waits && poll(&room, 1, 0) == 0)
		return false;
	int done = write_all(o->fd, p, n, waits);
	if (done == -1)
		o->failed = true;
	return done != 0;
}

/* ---- the queue; under its lock ---- */

static bool
append(struct outlet *o, const char *p, size_t n)
{
	size_t left = o->len - o->head;

	if (left + n > o->most)
		return false;
	if (o->len + n > o->cap) {
		if (left > 0)
			memmove(o->data, o->data + o->head, left);
		o->head = 0;
		o->len = left;
	}
	if (o->len + n > o->cap) {
		size_t cap = 2 * (o->len + n);
		/* Not xrealloc: a log is nothing to die for. */
		char *data = realloc(o->data, cap);
		if (data == NULL)
			return false;
		o->data = data;
		o->cap = cap;
	}
	memcpy(o->data + o->len, p, n);
	o->len += n;
	o->put += n;
	pthread_cond_signal(&o->more);
	return true;
}

static bool
tell_lost(struct outlet *o)
{
	char line[TELL_MAX];
	outlet_tell *tell = o->tell;
	uint64_t lost = o->lost;

	if (lost == 0 || tell == NULL)
		return true;
	size_t n = tell(lost, line, sizeof line);
	if (o->threaded ? !append(o, line, n) : !write_now(o, line, n))
		return false;
	o->lost -= lost;
	return true;
}

/* Up to the end of a line, or as much as one write(2) keeps together. */
static size_t
next_piece(const struct outlet *o, char piece[PIPE_BUF])
{
	size_t n = o->len - o->head;

	if (n > PIPE_BUF)
		n = PIPE_BUF;
	const char *end = memchr(o->data + o->head, '\n', n);
	if (end != NULL)
		n = (size_t)(end + 1 - (o->data + o->head));
	memcpy(piece, o->data + o->head, n);
	return n;
}

static void *
write_on(void *arg)
{
	struct outlet *o = arg;
	char piece[PIPE_BUF];

	pthread_mutex_lock(&o->lock);
	for (;;) {
		while (o->put == o->gone)
			pthread_cond_wait(&o->more, &o->lock);
		size_t n = next_piece(o, piece);
		pthread_mutex_unlock(&o->lock);
		int done = write_all(o->fd, piece, n, true);
		pthread_mutex_lock(&o->lock);
		if (done == -1)
			o->failed = true;
		o->head += n;
		o->gone += n;
		if (o->put == o->gone) {
			o->stuck = false;
			(void)tell_lost(o);
		}
		pthread_cond_broadcast(&o->moved);
	}
	return NULL;
}

/* False at the deadline. */
static bool
wait_moved(struct outlet *o, const struct timespec *until)
{
	return until == NULL
	    ? pthread_cond_wait(&o->moved, &o->lock) == 0
	    : pthread_cond_timedwait(&o->moved, &o->lock, until) == 0;
}

static struct timespec
in_ms(int ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000L;
	if (t.tv_nsec >= 1000000000L) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000L;
	}
	return t;
}

/* ---- starting ---- */

/* Signals are the event loop's, but for those of a terminal that stop all of
 * the process. */
static bool
start_thread(struct outlet *o)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t blocked, before;

	sigfillset(&blocked);
	sigdelset(&blocked, SIGTTOU);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	int rc = pthread_create(&thread, &attr, write_on, o);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return rc == 0;
}

void
outlet_start(void)
{
	for (size_t at = 0; at < 2; at++) {
		struct outlet *o = &outlets[at];
		pthread_condattr_t monotonic;
		if (o->threaded)
			continue;
		pthread_condattr_init(&monotonic);
		pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
		pthread_mutex_init(&o->lock, NULL);
		pthread_cond_init(&o->more, NULL);
		pthread_cond_init(&o->moved, &monotonic);
		pthread_condattr_destroy(&monotonic);
		o->threaded = true;
		if (!start_thread(o)) {
			o->threaded = false;
			outlet_never_wait(o->fd);
		}
	}
}

void
outlet_never_wait(int fd)
{
	char path[32];
	struct stat st;

	outlet_of(fd)->never_waits = true;
	if (fstat(fd, &st) == -1 ||
	    (!S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode)))
		return;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	int own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (own == -1)
		return;
	dup2(own, fd);
	close(own);
}

/* ---- putting ---- */

static bool
put_queued(struct outlet *o, const char *p, size_t n)
{
	struct timespec until = in_ms(OUTLET_PATIENCE_MS);

	pthread_mutex_lock(&o->lock);
	bool taken = tell_lost(o) && append(o, p, n);
	uint64_t end = o->put;
	while (taken && !o->stuck && o->gone < end)
		if (!wait_moved(o, &until))
			o->stuck = o->gone < end;
	pthread_mutex_unlock(&o->lock);
	return taken;
}

bool
outlet_put(int fd, const char *bytes, size_t n)
{
	struct outlet *o = outlet_of(fd);

	return o->threaded ? put_queued(o, bytes, n)
			   : tell_lost(o) && write_now(o, bytes, n);
}

bool
outlet_line(int fd, const char *line, size_t n)
{
	if (outlet_put(fd, line, n))
		return true;
	outlet_of(fd)->lost++;
	return false;
}

bool
outlet_is_behind(int fd)
{
	struct outlet *o = outlet_of(fd);

	if (!o->threaded)
		return false;
	pthread_mutex_lock(&o->lock);
	bool behind = o->put != o->gone;
	pthread_mutex_unlock(&o->lock);
	return behind;
}

bool
outlet_has_failed(int fd)
{
	return outlet_of(fd)->failed;
}

void
outlet_tell_with(int fd, outlet_tell *tell)
{
	outlet_of(fd)->tell = tell;
}

bool
outlet_flush(int fd, int ms)
{
	struct outlet *o = outlet_of(fd);
	struct timespec until = in_ms(ms > 0 ? ms : 0);
	bool moves = true;

	if (!o->threaded)
		return true;
	pthread_mutex_lock(&o->lock);
	while (o->put != o->gone && moves) {
		uint64_t gone = o->gone;
		while (o->gone == gone && moves)
			moves = wait_moved(o, ms < 0 ? NULL : &until) ||
			    o->gone != gone;
		until = in_ms(ms > 0 ? ms : 0);
	}
	bool all = o->put == o->gone;
	pthread_mutex_unlock(&o->lock);
	return all;
}
