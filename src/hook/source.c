#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include "../sys/memory.h"
#include "../sys/raw.h"

/* At a time, out of a pipe. */
#define ROOM 512

static size_t most(size_t size, int64_t held)
{
	return held <= 0 ? 0 : (uint64_t)held < size ? (size_t)held : size;
}

static bool is_readable(int in)
{
	long flags = raw_fcntl(in, F_GETFL, 0);
	return flags >= 0 && (flags & O_PATH) == 0 && (flags & O_ACCMODE) != O_WRONLY;
}

size_t source_holds(int in, mode_t kind, const off_t *offset, size_t size)
{
	struct statx status = {0};
	int queued = 0;
	if (raw_fstat(in, &status) < 0 || (status.stx_mode & S_IFMT) != kind || !is_readable(in)) {
		return 0;
	}
	if (kind == S_IFIFO) {
		return raw_ioctl(in, FIONREAD, &queued) < 0 ? 0 : most(size, queued);
	}
	if (offset != NULL && !memory_readable(offset, sizeof *offset)) {
		return 0;
	}
	int64_t at = offset != NULL ? *offset : raw3(SYS_lseek, in, 0, SEEK_CUR);
	return at < 0 ? 0 : most(size, (int64_t)status.stx_size - at);
}

static void drain(int pipe, size_t size)
{
	char room[ROOM];
	while (size > 0) {
		long got = raw_read(pipe, room, size < sizeof room ? size : sizeof room);
		if (got <= 0 && got != -EINTR) {
			break;
		}
		size -= got > 0 ? (size_t)got : 0;
	}
}

void source_take(int in, off_t *offset, size_t size)
{
	if (offset != NULL) {
		off_t after = *offset + (off_t)size;
		memory_write(offset, &after, sizeof after);
	} else if (raw3(SYS_lseek, in, (long)size, SEEK_CUR) == -ESPIPE) {
		drain(in, size);
	}
}
