/* A life with everything in it, watched by the process itself. */
#include "probe.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

extern char **environ;

static void say_environment(void)
{
	for (char **at = environ; *at != NULL; at++) {
		if (strncmp(*at, "LD_PRELOAD=", 11) != 0) {
			say("%.200s\n", *at);
		}
	}
}

int main(int argc, char **argv)
{
	int at_start = errno;
	MUST(argc == 2);
	say("errno %d, dlerror %s, timer slack %d, rand %d, drand48 %f\n", at_start,
	    dlerror() == NULL ? "none" : "left", prctl(PR_GET_TIMERSLACK), rand(), drand48());
	struct rlimit limit = {0};
	getrlimit(RLIMIT_NOFILE, &limit);
	say("limit %lu, working directory %s\n", (unsigned long)limit.rlim_cur,
	    getcwd((char[4096]){""}, 4096));
	say_environment();
	/* A stream without a descriptor. */
	char room[8];
	DO(fclose(fmemopen(room, sizeof room, "w")));
	live(port_of(argv[1]));
	/* A second time, as a program that blocks and ignores. */
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signal(SIGPIPE, SIG_IGN);
	live(port_of(argv[1]));
	return 0;
}
