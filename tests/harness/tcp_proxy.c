/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp-proxy: a loopback port in front of a server, for tests of what a network
 * does to connections.
 *
 *	tcp-proxy --to PORT --port-file FILE --control FIFO --said FILE
 *
 * The port file appears in one piece when connections are taken. A line
 * "TOKEN COMMAND" written to the fifo is obeyed, then TOKEN stands in the
 * said-file: whoever waits for it knows that the command is in force. "up" is
 * what the client sends, "down" what the server does.
 *
 *	pass            forward again; connections that lost bytes are reset
 *	swallow SIDE    up, down or both: bytes are taken and thrown away, as by
 *	                a peer that is frozen, whose kernel still answers
 *	vanish SIDE     packets from there are dropped unseen, those that ask
 *	                for a new connection too, as when a host is gone: no FIN,
 *	                no RST, no acknowledgement
 *	reset           every connection is ended with RST
 *	close           every connection is ended with FIN
 *	count           the said-file gets "TOKEN N": connections there are
 *
 * vanish needs no privilege: a socket filter that takes no byte of any packet
 * makes the kernel drop it before TCP has seen it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_LINKS = 256, BUFFER = 1 << 16 };
enum { UP, DOWN, SIDES }; /* a side's socket, and the bytes that come from it */

struct link {
	int fd[SIDES]; /* UP: the client's, DOWN: the server's; -1: no link */
	char *held[SIDES];
	size_t from[SIDES], to[SIDES]; /* of held, not yet sent on */
	bool ended[SIDES];             /* end of file was read there */
	bool lost;                     /* bytes were swallowed */
};

static struct {
	unsigned short to;
	const char *port_file, *control, *said;
} opt;

static struct link links[MAX_LINKS];
static int listener, control;
static bool swallows[SIDES], vanished[SIDES];

static _Noreturn void
die(const char *what)
{
	fprintf(stderr, "tcp-proxy: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* In one piece: whoever sees the file sees all of it. */
static void
write_file(const char *path, const char *text)
{
	char new[4096];
	FILE *f;

	snprintf(new, sizeof new, "%s.new", path);
	if ((f = fopen(new, "w")) == NULL || fputs(text, f) == EOF ||
	    fclose(f) == EOF || rename(new, path) == -1)
		die(path);
}

/* ---- sockets ---- */

static void
set_deaf(int fd, bool deaf)
{
	struct sock_filter none[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog program = { .len = 1, .filter = none };
	/* Taking a filter away looks at no value, but wants one. */
	int rc = setsockopt(fd, SOL_SOCKET,
	    deaf ? SO_ATTACH_FILTER : SO_DETACH_FILTER, &program,
	    sizeof program);

	if (rc == -1 && errno != ENOENT)
		die("cannot set a filter");
}

static struct sockaddr_in
loopback(unsigned short port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
		.sin_port = htons(port) };
}

static void
start_listening(void)
{
	struct sockaddr_in at = loopback(0);
	socklen_t size = sizeof at;
	char text[16];

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener == -1 ||
	    bind(listener, (struct sockaddr *)&at, sizeof at) == -1 ||
	    listen(listener, 64) == -1 ||
	    getsockname(listener, (struct sockaddr *)&at, &size) == -1 ||
	    fcntl(listener, F_SETFL, O_NONBLOCK) == -1)
		die("cannot listen");
	snprintf(text, sizeof text, "%u\n", ntohs(at.sin_port));
	write_file(opt.port_file, text);
}

static void
drop_link(struct link *l, bool reset)
{
	const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	for (int side = 0; side < SIDES && l->fd[UP] != -1; side++) {
		if (reset)
			setsockopt(l->fd[side], SOL_SOCKET, SO_LINGER, &at_once,
			    sizeof at_once);
		close(l->fd[side]);
		free(l->held[side]);
	}
	*l = (struct link){ .fd = { -1, -1 } };
}

/* Loopback: connect(2) does not wait. */
static int
connect_server(void)
{
	struct sockaddr_in to = loopback(opt.to);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		die("socket");
	if (connect(fd, (struct sockaddr *)&to, sizeof to) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

static void
take_connection(void)
{
	const int on = 1;
	struct link *l = links;
	int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (client == -1)
		return;
	while (l < links + MAX_LINKS && l->fd[UP] != -1)
		l++;
	int server = l < links + MAX_LINKS ? connect_server() : -1;
	if (server == -1) {
		close(client); /* the server is down, and so are we */
		return;
	}
	l->fd[UP] = client;
	l->fd[DOWN] = server;
	for (int side = 0; side < SIDES; side++) {
		l->held[side] = malloc(BUFFER);
		if (l->held[side] == NULL ||
		    fcntl(l->fd[side], F_SETFL, O_NONBLOCK) == -1 ||
		    setsockopt(l->fd[side], IPPROTO_TCP, TCP_NODELAY, &on,
			sizeof on) == -1)
			die("a new connection");
		if (vanished[side])
			set_deaf(l->fd[side], true);
	}
}

/* ---- bytes ---- */

static bool
would_block(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* false: the link is over. */
static bool
read_side(struct link *l, int side)
{
	ssize_t n;

	if (l->to[side] > 0 || l->ended[side])
		return true; /* first what is held */
	n = read(l->fd[side], l->held[side], BUFFER);
	if (n == -1)
		return would_block();
	if (n == 0) {
		l->ended[side] = true;
		return true;
	}
	if (swallows[side])
		l->lost = true;
	else
		l->to[side] = (size_t)n;
	return true;
}

static bool
write_side(struct link *l, int side)
{
	int out = l->fd[!side];

	while (l->from[side] < l->to[side]) {
		ssize_t n = send(out, l->held[side] + l->from[side],
		    l->to[side] - l->from[side], MSG_NOSIGNAL);
		if (n == -1)
			return would_block();
		l->from[side] += (size_t)n;
	}
	l->from[side] = l->to[side] = 0;
	return true;
}

static void
pump(struct link *l, const struct pollfd *fds)
{
	for (int side = 0; side < SIDES; side++)
		if ((fds[side].revents != 0 && !read_side(l, side)) ||
		    (!swallows[side] && !write_side(l, side))) {
			drop_link(l, true);
			return;
		}
	/* Neither libpq nor PostgreSQL closes one half only. */
	for (int side = 0; side < SIDES; side++)
		if (l->ended[side] && l->to[side] == 0) {
			drop_link(l, false);
			return;
		}
}

/* ---- commands ---- */

static bool
names_side(const char *word, int side)
{
	return strcmp(word, "both") == 0 ||
	    strcmp(word, side == UP ? "up" : "down") == 0;
}

static void
set_vanished(int side, bool gone)
{
	vanished[side] = gone;
	if (side == UP)
		set_deaf(listener, gone);
	for (struct link *l = links; l < links + MAX_LINKS; l++)
		if (l->fd[UP] != -1)
			set_deaf(l->fd[side], gone);
}

static unsigned
count_links(void)
{
	unsigned n = 0;

	for (struct link *l = links; l < links + MAX_LINKS; l++)
		n += l->fd[UP] != -1;
	return n;
}

static void
end_links(bool reset, bool only_lost)
{
	for (struct link *l = links; l < links + MAX_LINKS; l++)
		if (l->fd[UP] != -1 && (l->lost || !only_lost))
			drop_link(l, reset);
}

static void
obey(char *line)
{
	char token[64], command[16], side_word[16] = "", said[96];

	if (sscanf(line, "%63s %15s %15s", token, command, side_word) < 2) {
		fprintf(stderr, "tcp-proxy: not a command: '%s'\n", line);
		exit(2);
	}
	snprintf(said, sizeof said, "%s\n", token);
	for (int side = 0; side < SIDES; side++) {
		if (strcmp(command, "pass") == 0) {
			swallows[side] = false;
			set_vanished(side, false);
		} else if (strcmp(command, "swallow") == 0 &&
		    names_side(side_word, side))
			swallows[side] = true;
		else if (strcmp(command, "vanish") == 0 &&
		    names_side(side_word, side))
			set_vanished(side, true);
	}
	if (strcmp(command, "pass") == 0)
		end_links(true, true);
	else if (strcmp(command, "reset") == 0 || strcmp(command, "close") == 0)
		end_links(*command == 'r', false);
	else if (strcmp(command, "count") == 0)
		snprintf(said, sizeof said, "%s %u\n", token, count_links());
	write_file(opt.said, said);
}

/* One writer at a time, lines shorter than PIPE_BUF: they come whole. */
static void
read_commands(void)
{
	char text[4096];
	ssize_t n = read(control, text, sizeof text - 1);

	if (n <= 0)
		return;
	text[n] = '\0';
	for (char *save, *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save))
		obey(line);
}

/* ---- the loop ---- */

/* A side is read when nothing of it is held, written when something is. */
static void
ask(const struct link *l, struct pollfd *fds)
{
	for (int side = 0; side < SIDES; side++) {
		short events = 0;
		if (l->to[side] == 0 && !l->ended[side])
			events |= POLLIN;
		if (l->to[!side] > 0 && !swallows[!side])
			events |= POLLOUT;
		/* poll(2) leaves a negative descriptor alone. */
		fds[side] =
		    (struct pollfd){ .fd = events == 0 ? -1 : l->fd[side],
			    .events = events };
	}
}

static void
turn(void)
{
	struct pollfd fds[2 + SIDES * MAX_LINKS];

	fds[0] = (struct pollfd){ .fd = control, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = listener, .events = POLLIN };
	for (size_t at = 0; at < MAX_LINKS; at++)
		ask(&links[at], &fds[2 + SIDES * at]);
	if (poll(fds, 2 + SIDES * MAX_LINKS, -1) == -1 && errno != EINTR)
		die("poll");
	for (size_t at = 0; at < MAX_LINKS; at++)
		if (links[at].fd[UP] != -1)
			pump(&links[at], &fds[2 + SIDES * at]);
	if (fds[1].revents != 0)
		take_connection();
	if (fds[0].revents != 0)
		read_commands();
}

int
main(int argc, char *argv[])
{
	static const struct option known[] = {
		{ "to", required_argument, NULL, 't' },
		{ "port-file", required_argument, NULL, 'p' },
		{ "control", required_argument, NULL, 'c' },
		{ "said", required_argument, NULL, 's' }, { NULL, 0, NULL, 0 }
	};

	for (int o; (o = getopt_long(argc, argv, "", known, NULL)) != -1;)
		switch (o) {
		case 't':
			opt.to = (unsigned short)strtoul(optarg, NULL, 10);
			break;
		case 'p':
			opt.port_file = optarg;
			break;
		case 'c':
			opt.control = optarg;
			break;
		case 's':
			opt.said = optarg;
			break;
		default:
			return 2;
		}
	if (opt.to == 0 || opt.port_file == NULL || opt.control == NULL ||
	    opt.said == NULL) {
		fprintf(stderr,
		    "usage: tcp-proxy --to PORT --port-file FILE "
		    "--control FIFO --said FILE\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	for (struct link *l = links; l < links + MAX_LINKS; l++)
		*l = (struct link){ .fd = { -1, -1 } };
	/* Also for writing: so it never comes to its end. */
	control = open(opt.control, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (control == -1)
		die(opt.control);
	start_listening();
	for (;;)
		turn();
}
