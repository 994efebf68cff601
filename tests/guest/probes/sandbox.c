/*
 * A program that locks itself in: sandbox PORT prctl|seccomp|strict|counter. Afterwards any system
 * call but those that it makes itself kills it (counter: reading the processor's counter does), and
 * it goes on with quiet connections and orderly ends.
 */
#include "probe.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint16_t port;

/* What is left to it. */
static const int allowed[] = {
	SYS_socket,  SYS_connect, SYS_accept, SYS_accept4,    SYS_sendto, SYS_recvfrom,
	SYS_sendmsg, SYS_recvmsg, SYS_read,   SYS_write,      SYS_close,  SYS_shutdown,
	SYS_poll,    SYS_ppoll,   SYS_exit,   SYS_exit_group,
};

enum { ALLOWED = sizeof allowed / sizeof allowed[0] };

static void lock_in(int by_syscall)
{
	struct sock_filter filter[ALLOWED * 2 + 2];
	struct sock_filter *at = filter;
	*at++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					     offsetof(struct seccomp_data, nr));
	for (int i = 0; i < ALLOWED; i++) {
		*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
						     (unsigned)allowed[i], 0, 1);
		*at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	*at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	struct sock_fprog program = {.len = (unsigned short)(at - filter), .filter = filter};
	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	if (by_syscall) {
		MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0);
	} else {
		MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
	}
}

static void exchange(int fd)
{
	char byte;
	for (int i = 0; i < 3; i++) {
		order(fd, 'e');
		DO(recv(fd, &byte, 1, 0));
		DO(recv(fd, &byte, 1, MSG_DONTWAIT));
		DO(write(fd, "e", 1));
		DO(read(fd, &byte, 1));
	}
}

/* Both ways to the end of a connection, and one that the peer leaves half open. */
static void end(int fd, char how)
{
	char byte;
	if (how == 's') {
		DO(shutdown(fd, SHUT_WR));
	} else {
		order(fd, how);
	}
	DO(recv(fd, &byte, 1, 0));
	if (how == 'f') {
		DO(write(fd, "x", 1));
		DO(send(fd, "x", 1, 0));
	}
	DO(close(fd));
}

static int dial_and_accept(int listener, uint16_t own, int *accepted)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	DO(dial_with(fd, own));
	*accepted = (int)DO(accept(listener, NULL, NULL));
	return fd;
}

static void live_inside(int by_syscall)
{
	struct sockaddr_in name = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof name;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int accepted;
	char byte;
	MUST(bind(listener, (struct sockaddr *)&name, size) == 0 && listen(listener, 5) == 0);
	MUST(getsockname(listener, (struct sockaddr *)&name, &size) == 0);
	int before = dial(port);
	lock_in(by_syscall);
	exchange(before);
	for (const char *how = "scf"; *how != '\0'; how++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		DO(dial_with(fd, port));
		exchange(fd);
		end(fd, *how);
	}
	int fd = dial_and_accept(listener, ntohs(name.sin_port), &accepted);
	DO(send(fd, "x", 1, 0));
	DO(recv(accepted, &byte, 1, 0));
	DO(close(fd));
	DO(recv(accepted, &byte, 1, 0));
	DO(close(accepted));
	DO(close(listener));
	DO(close(-1));
	poll(NULL, 0, 2100); /* long enough for whatever looks around from time to time */
	exchange(before);
	end(before, 'c');
}

/* read, write and exit, and not even the processor's clock. */
static void live_strictly(void)
{
	char byte;
	int fd = dial(port);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	for (int i = 0; i < 3; i++) {
		DO(write(fd, "e", 1));
		DO(read(fd, &byte, 1));
	}
	DO(write(fd, "c", 1));
	DO(read(fd, &byte, 1));
	syscall(SYS_exit, 0);
}

/* Every instruction that reads the processor's counter raises SIGSEGV. */
static void live_without_counter(void)
{
	int fd = dial(port);
	exchange(fd);
	MUST(prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0) == 0);
	exchange(fd);
	live(port);
}

int main(int argc, char **argv)
{
	MUST(argc == 3);
	port = port_of(argv[1]);
	if (strcmp(argv[2], "counter") == 0) {
		live_without_counter();
		return 0;
	}
	if (strcmp(argv[2], "strict") == 0) {
		live_strictly();
	}
	live_inside(strcmp(argv[2], "seccomp") == 0);
	return 0;
}
