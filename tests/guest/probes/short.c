/* A program that may not have one page more than it has: short PORT. */
#include "probe.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char text[128] = "";
	MUST(argc == 2);
	int fd = open("/proc/self/statm", O_RDONLY);
	MUST(read(fd, text, sizeof text - 1) > 0);
	close(fd);
	/* The first number counts all pages. */
	rlim_t size = strtoul(text, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE);
	MUST(setrlimit(RLIMIT_AS, &(struct rlimit){size, size}) == 0);
	MUST(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	live(port_of(argv[1]));
	return 0;
}
