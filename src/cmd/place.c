#include "place.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

void place_own(char directory[PATH_MAX])
{
	ssize_t length = readlink("/proc/self/exe", directory, PATH_MAX - 1);
	directory[length > 0 ? length : 0] = '\0';
	/* A chroot may be without /proc. */
	if (length <= 0 && realpath((const char *)getauxval(AT_EXECFN), directory) == NULL) {
		directory[0] = '\0';
	}
	char *slash = strrchr(directory, '/');
	if (slash) {
		*slash = '\0';
	}
}

bool place_is(char path[PATH_MAX], const char *directory, const char *name)
{
	return snprintf(path, PATH_MAX, "%s/%s", directory, name) < PATH_MAX &&
	       access(path, R_OK) == 0;
}
