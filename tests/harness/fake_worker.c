/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker that does what the name of its table says, word by word; for the
 * tests of the coordinator. Words:
 *
 *   hello        phase:N      progress:N   note:TEXT    tally
 *   result:ROWS  error:CLASS (its number)  job (a frame of the wrong kind)
 *   garbage      half (a frame cut short)  protocol (HELLO of another one)
 *   flood:N      N PROGRESS frames         close (its end of the pipe)
 *   exit:N       kill:N (a signal to itself)
 *   hang         until killed              stubborn (TERM is ignored)
 *   polite       until TERM, then ERROR of class cancelled, exit 1
 *   late         until TERM, then RESULT, exit 0
 *   deaf         TERM is ignored from here on
 *   orphan:FILE  until the coordinator is gone, then makes FILE
 *   once:FILE    makes FILE; the words up to the next "then" only if it was
 *                not there
 *   fds          ends with 77 when a descriptor is open that should not be
 */
#include <bsd/stdlib.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/msg.h"
#include "common/xalloc.h"

static uint32_t sequence;
static volatile sig_atomic_t termed;

static void
on_term(int sig)
{
	(void)sig;
	termed = 1;
}

static void
write_all(const void *p, size_t n)
{
	const char *at = p;

	while (n > 0) {
		ssize_t k = write(FD_REPORT, at, n);
		if (k <= 0)
			_exit(90);
		at += k;
		n -= (size_t)k;
	}
}

static void
send_msg(struct msg *m, size_t cut)
{
	struct buf b;
	struct err err = { 0 };

	buf_init(&b, 0);
	if (msg_put(&b, sequence++, m, &err) == -1)
		_exit(91);
	write_all(b.data, b.len - cut);
	buf_clear(&b);
}

static void
read_job(struct msg *job)
{
	static uint8_t data[MSG_HEADER + MSG_MAX];
	struct err err = { 0 };
	size_t n = 0, used;

	for (;;) {
		int got = msg_get(data, n, 0, job, &used, &err);
		if (got == 1)
			return;
		ssize_t k = read(FD_JOB, data + n, sizeof data - n);
		if (got == -1 || k <= 0)
			_exit(92);
		n += (size_t)k;
	}
}

static void
wait_for_term(void)
{
	sigset_t block, before;

	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigprocmask(SIG_BLOCK, &block, &before);
	while (!termed)
		sigsuspend(&before);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static void
send_error(int cls)
{
	struct msg m = { .type = MSG_ERROR };

	err_set(&m.u.error, (enum err_class)cls, "told so");
	send_msg(&m, 0);
}

static void
send_result(uint64_t rows)
{
	struct msg m = { .type = MSG_RESULT, .u.result = { .rows = rows } };

	send_msg(&m, 0);
}

static void
check_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

	while ((e = readdir(d)) != NULL) {
		int fd = atoi(e->d_name);
		if (e->d_name[0] != '.' && fd > FD_REPORT && fd != dirfd(d))
			_exit(77);
	}
	closedir(d);
	for (int fd = 0; fd <= FD_REPORT; fd++)
		if (fcntl(fd, F_GETFD) == -1)
			_exit(78);
}

static void
end_with(const char *word, long n)
{
	if (strcmp(word, "exit") == 0)
		_exit((int)n);
	if (strcmp(word, "kill") == 0) {
		signal((int)n, SIG_DFL);
		kill(getpid(), (int)n);
	} else if (strcmp(word, "hang") == 0) {
		for (;;)
			pause();
	} else if (strcmp(word, "stubborn") == 0) {
		signal(SIGTERM, SIG_IGN);
		for (;;)
			pause();
	} else if (strcmp(word, "polite") == 0) {
		wait_for_term();
		send_error(ERR_CANCELLED);
		_exit(1);
	} else if (strcmp(word, "late") == 0) {
		wait_for_term();
		send_result(1);
		_exit(0);
	}
}

static void
frame(const char *word, const char *text, long n)
{
	struct msg m = { 0 };
	static char version[] = "fake";

	if (strcmp(word, "hello") == 0 || strcmp(word, "protocol") == 0) {
		m.type = MSG_HELLO;
		m.u.hello = (struct msg_hello){ .protocol = MSG_PROTOCOL +
			    (*word == 'p'),
			.pid = (uint32_t)getpid(),
			.version = version };
	} else if (strcmp(word, "phase") == 0) {
		m.type = MSG_PHASE;
		m.u.phase = (enum phase)n;
	} else if (strcmp(word, "progress") == 0) {
		m.type = MSG_PROGRESS;
		m.u.progress.rows = (uint64_t)n;
	} else if (strcmp(word, "note") == 0) {
		m.type = MSG_NOTE;
		m.u.note.text = xstrdup(text);
	} else if (strcmp(word, "tally") == 0) {
		m.type = MSG_TALLY;
		m.u.tally.equal = true;
	} else if (strcmp(word, "half") == 0) {
		m.type = MSG_PROGRESS;
		send_msg(&m, 5);
		return;
	} else {
		return;
	}
	send_msg(&m, 0);
	if (m.type == MSG_NOTE)
		free(m.u.note.text);
}

static void
do_word(const char *word, const char *text, const struct msg *job)
{
	long n = text != NULL ? strtol(text, NULL, 10) : 0;
	char c;

	frame(word, text, n);
	end_with(word, n);
	if (strcmp(word, "result") == 0)
		send_result((uint64_t)n);
	else if (strcmp(word, "error") == 0)
		send_error((int)n);
	else if (strcmp(word, "garbage") == 0)
		write_all("Segmentation fault\n", 19);
	else if (strcmp(word, "close") == 0)
		close(FD_REPORT);
	else if (strcmp(word, "deaf") == 0)
		signal(SIGTERM, SIG_IGN);
	else if (strcmp(word, "fds") == 0)
		check_fds();
	for (; strcmp(word, "flood") == 0 && n > 0; n--)
		frame("progress", NULL, n);
	if (strcmp(word, "job") == 0) {
		struct msg copy = *job;
		send_msg(&copy, 0);
	}
	if (strcmp(word, "orphan") == 0) {
		while (read(FD_JOB, &c, 1) == -1)
			;
		close(open(text, O_CREAT | O_WRONLY, 0600));
		_exit(1);
	}
}

int
main(void)
{
	struct sigaction sa = { .sa_handler = on_term };
	struct msg job;
	bool skipping = false;

	signal(SIGPIPE, SIG_IGN);
	read_job(&job);
	char *script = xstrdup(job.u.job.name), *rest = script, *word;
	if (strstr(script, "polite") != NULL || strstr(script, "late") != NULL)
		sigaction(SIGTERM, &sa, NULL);
	while ((word = strsep(&rest, " ")) != NULL) {
		char *text = strchr(word, ':');
		if (text != NULL)
			*text++ = '\0';
		if (strcmp(word, "once") == 0) {
			int fd = open(text, O_CREAT | O_EXCL | O_WRONLY, 0600);
			skipping = fd == -1;
			if (fd != -1)
				close(fd);
		} else if (strcmp(word, "then") == 0) {
			skipping = false;
		} else if (!skipping) {
			do_word(word, text, &job);
		}
	}
	free(script);
	msg_clear(&job);
	return 0;
}
