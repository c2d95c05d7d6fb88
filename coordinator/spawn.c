/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pipes, fork, limits, exec. Between fork and exec only async-signal-safe
 * calls. What goes wrong there comes back over a third pipe that exec closes:
 * end-of-file on it means that the worker runs.
 */
#include "coordinator/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/msg.h"
#include "common/xalloc.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4U
#endif

enum { FD_SAFE = 10 }; /* above all numbers that the child gives away */

/* What the child tells of its failure; small enough to be written at once. */
struct trouble {
	int sys;
	char what[32]; /* "" exec itself */
};

enum { JOB, REPORT, TROUBLE, NPIPES };

char *
spawn_find_worker(struct err *err)
{
	const char *named = getenv("CALVE_WORKER");
	static const char *const places[] = { "calve-worker",
		"../libexec/calve/calve-worker" };
	char self[PATH_MAX];

	if (named != NULL && *named != '\0') {
		if (access(named, X_OK) == -1) {
			err_sys(err, ERR_CONFIG,
			    "cannot run the worker "
			    "'%s' that CALVE_WORKER names",
			    named);
			return NULL;
		}
		return xstrdup(named);
	}
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n <= 0) {
		err_sys(err, ERR_CONFIG,
		    "cannot tell where calve is; set "
		    "CALVE_WORKER to the worker's path");
		return NULL;
	}
	self[n] = '\0';
	char *slash = strrchr(self, '/');
	if (slash != NULL)
		*slash = '\0';
	for (size_t at = 0; at < sizeof places / sizeof places[0]; at++) {
		char *path = xasprintf("%s/%s", self, places[at]);
		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	err_set(err, ERR_CONFIG,
	    "there is no calve-worker next to calve in "
	    "'%s', nor in '../libexec/calve'; install it, or set "
	    "CALVE_WORKER to its path",
	    self);
	return NULL;
}

/* calve's own limit, not the worker's: workers that end free some. */
static int
fail_prepare(struct err *err)
{
	if (errno == EMFILE)
		return err_set(err, ERR_HANDLES,
		    "cannot prepare a worker: too many files are open in "
		    "calve; lower 'workers', or raise 'ulimit -n' for calve");
	return err_sys(err, ERR_LIMIT, "cannot prepare a worker");
}

/* All ends at FD_SAFE or above, close-on-exec. */
static int
open_pipe(int fds[2], struct err *err)
{
	int raw[2];

	fds[0] = fds[1] = -1;
	if (pipe2(raw, O_CLOEXEC) == -1)
		return fail_prepare(err);
	for (int end = 0; end < 2; end++)
		fds[end] = fcntl(raw[end], F_DUPFD_CLOEXEC, FD_SAFE);
	int sys = errno;
	close(raw[0]);
	close(raw[1]);
	if (fds[0] != -1 && fds[1] != -1)
		return 0;
	errno = sys;
	return fail_prepare(err);
}

static void
close_pipes(int pipes[NPIPES][2])
{
	for (int at = 0; at < NPIPES; at++)
		for (int end = 0; end < 2; end++)
			if (pipes[at][end] != -1) {
				close(pipes[at][end]);
				pipes[at][end] = -1;
			}
}

/* Everything from 5 on closes at exec, the pipe for trouble among it. */
static void
close_at_exec(long nfiles)
{
	if (syscall(SYS_close_range, FD_REPORT + 1, ~0U, CLOSE_RANGE_CLOEXEC) ==
	    0)
		return;
	for (int fd = FD_REPORT + 1; fd < nfiles; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void
reset_signals(void)
{
	static const int changed[] = { SIGPIPE, SIGCHLD, SIGTERM, SIGINT,
		SIGHUP };
	struct sigaction sa = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (size_t at = 0; at < sizeof changed / sizeof changed[0]; at++)
		sigaction(changed[at], &sa, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

struct child_args {
	const char *program;
	const struct limits *limits;
	int (*pipes)[2];
	int devnull;
	pid_t parent;
	long nfiles;
};

/* In the child. Returns only when it failed, with errno. */
static const char *
become_worker(const struct child_args *a)
{
	static char name[] = "calve-worker";
	char *const argv[] = { name, NULL };

	if (dup2(a->devnull, STDIN_FILENO) == -1 ||
	    dup2(STDERR_FILENO, STDOUT_FILENO) == -1 ||
	    dup2(a->pipes[JOB][0], FD_JOB) == -1 ||
	    dup2(a->pipes[REPORT][1], FD_REPORT) == -1)
		return "descriptors";
	close_at_exec(a->nfiles);
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) == -1)
		return "parent's death signal";
	/* It died before it could be watched: nobody wants this worker. */
	if (getppid() != a->parent)
		_exit(1);
	const char *limit = limits_apply(a->limits);
	if (limit != NULL)
		return limit;
	reset_signals();
	execv(a->program, argv);
	return "";
}

static void
run_child(const struct child_args *a)
{
	struct trouble t = { .sys = 0 };
	const char *what = become_worker(a);

	t.sys = errno;
	for (size_t at = 0; at < sizeof t.what - 1 && what[at] != '\0'; at++)
		t.what[at] = what[at];
	if (write(a->pipes[TROUBLE][1], &t, sizeof t) == -1)
		_exit(126);
	_exit(127);
}

/* -1 with err when the child could not become the worker; it is reaped. */
static int
await_exec(int fd, pid_t pid, const char *program, struct err *err)
{
	struct trouble t;
	ssize_t n;

	do {
		n = read(fd, &t, sizeof t);
	} while (n == -1 && errno == EINTR);
	if (n == 0)
		return 0;
	while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
		;
	if (n != (ssize_t)sizeof t)
		return err_set(
		    err, ERR_BUG, "cannot start the worker '%s'", program);
	t.what[sizeof t.what - 1] = '\0';
	errno = t.sys;
	if (t.what[0] == '\0')
		return err_sys(err, ERR_CONFIG,
		    "cannot start the worker "
		    "'%s'",
		    program);
	return err_sys(err, ERR_CONFIG, "cannot set '%s' for a worker", t.what);
}

int
spawn_worker(const char *program, const struct limits *limits,
    struct child *out, struct err *err)
{
	int pipes[NPIPES][2] = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
	int devnull = -1, rv = -1;

	*out = (struct child){ .pid = -1, .job = -1, .report = -1 };
	for (int at = 0; at < NPIPES; at++)
		if (open_pipe(pipes[at], err) == -1)
			goto out;
	int opened = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (opened != -1) {
		devnull = fcntl(opened, F_DUPFD_CLOEXEC, FD_SAFE);
		close(opened);
	}
	if (devnull == -1 || fcntl(pipes[JOB][1], F_SETFL, O_NONBLOCK) == -1 ||
	    fcntl(pipes[REPORT][0], F_SETFL, O_NONBLOCK) == -1) {
		fail_prepare(err);
		goto out;
	}

	struct child_args args = { .program = program,
		.limits = limits,
		.pipes = pipes,
		.devnull = devnull,
		.parent = getpid(),
		.nfiles = sysconf(_SC_OPEN_MAX) };
	pid_t pid = fork();
	if (pid == -1) {
		err_sys(err, ERR_LIMIT, "cannot fork a worker");
		goto out;
	}
	if (pid == 0)
		run_child(&args);
	close(pipes[TROUBLE][1]);
	pipes[TROUBLE][1] = -1;
	if (await_exec(pipes[TROUBLE][0], pid, program, err) == -1)
		goto out;
	*out = (struct child){
		.pid = pid, .job = pipes[JOB][1], .report = pipes[REPORT][0]
	};
	pipes[JOB][1] = pipes[REPORT][0] = -1;
	rv = 0;
out:
	if (devnull != -1)
		close(devnull);
	close_pipes(pipes);
	return rv;
}
