/* The other end of every probe. It is never preloaded, and does what it is told (see order). */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void serve(int fd)
{
	struct linger abort = {.l_onoff = 1};
	char what;
	while (read(fd, &what, 1) == 1) {
		switch (what) {
		case 'e':
			if (write(fd, "e", 1) != 1) {
				return;
			}
			break;
		case 'u':
			if (send(fd, "u", 1, MSG_OOB) != 1) {
				return;
			}
			break;
		case 'f':
			shutdown(fd, SHUT_WR);
			break;
		case 'r':
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
			return;
		case 'c':
			return;
		default:
			break;
		}
	}
}

int main(void)
{
	struct sockaddr_in name = {.sin_family = AF_INET};
	socklen_t size = sizeof name;
	name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&name, size) != 0 || listen(listener, 1000) != 0 ||
	    getsockname(listener, (struct sockaddr *)&name, &size) != 0) {
		perror("peer");
		return 1;
	}
	signal(SIGCHLD, SIG_IGN);
	printf("%d\n", ntohs(name.sin_port));
	fflush(stdout);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		pid_t child = fork();
		if (child == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(listener);
			serve(fd);
			_exit(0);
		}
		close(fd);
	}
}
