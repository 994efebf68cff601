/* A program that leaves the world: jail PORT chroot|pivot DIRECTORY, where nothing is. */
#include "probe.h"

#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint16_t port;

static void meet_errors(void)
{
	char byte;
	int fd = dial(port);
	order(fd, 'e');
	DO(recv(fd, &byte, 1, 0));
	order(fd, 'r');
	DO(recv(fd, &byte, 1, 0));
	DO(close(fd));
	fd = socket(AF_INET, SOCK_STREAM, 0);
	DO(dial_with(fd, 1));
	DO(close(fd));
}

static void pivot(const char *directory)
{
	MUST(unshare(CLONE_NEWNS) == 0);
	MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	MUST(mount("none", directory, "tmpfs", 0, NULL) == 0);
	MUST(chdir(directory) == 0);
	MUST(syscall(SYS_pivot_root, ".", ".") == 0);
	MUST(umount2(".", MNT_DETACH) == 0);
}

int main(int argc, char **argv)
{
	MUST(argc == 4);
	port = port_of(argv[1]);
	meet_errors();
	if (strcmp(argv[2], "pivot") == 0) {
		pivot(argv[3]);
	} else {
		MUST(chroot(argv[3]) == 0);
	}
	MUST(chdir("/") == 0);
	DO(access("/proc", F_OK));
	meet_errors();
	DO(close_range(3, ~0U, 0));
	meet_errors();
	return 0;
}
