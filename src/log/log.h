/* Where lines go, and which are wanted. */
#ifndef RESETBY_LOG_LOG_H
#define RESETBY_LOG_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../sys/hidden.h"
#include "../sys/self.h"

enum log_level { LOG_OFF, LOG_RESETS, LOG_CONNS, LOG_CALLS };
enum log_format { LOG_TEXT, LOG_JSON };

/** The level and the format in force; read very often, so plain data. Written by log_start only. */
extern HIDDEN enum log_level log_level;
extern HIDDEN enum log_format log_lines;

static inline bool log_wants(enum log_level level)
{
	return __builtin_expect(log_level >= level, 0);
}

/** Names of levels and formats as users type them; negative when there is no such name. */
int log_level_read(const char *name);
int log_format_read(const char *name);

/**
 * Say where to log; nothing is opened before the first line.
 *
 * @path
 *         `stderr`, or a path with `%p` pid, `%e` program name, `%%`. It must stay in memory. A
 *         relative path is resolved against the working directory of now.
 * @exe
 *         The program's name; must stay in memory.
 */
void log_start(const char *path, enum log_level level, enum log_format format, const char *exe);

/** The file that such a path names in this process. */
struct text;
void log_path_write(struct text *text, const char *path, const char *exe);

static inline enum log_format log_format(void)
{
	return log_lines;
}

/** The program's name, as given to log_start. */
const char *log_exe(void);

/**
 * A forked child has its own pid, its own waiting lines and, with `%p`, its own file.
 */
void log_after_fork(void);

/**
 * A server begins: its children may give up the rights that it takes to open the log. Not where each
 * process has a file of its own.
 */
void log_prepare_server(void);

/** Open what lines go to: soon nothing can be opened, or looked at, any more (sys/sandbox.h). */
void log_prepare(void);

/** stderr is what descriptor 2 is now: before the log has begun, or put there by the program on purpose. */
void log_stderr_replaced(void);

/**
 * Say something on the program's stderr that belongs to no event (a wrong variable, a log file
 * that cannot be opened): `resetby: TEXT`, one line.
 */
void log_complain(const char *text);

/**
 * Write a line that ends in a newline, whole or not at all. What cannot be written is counted,
 * and the count becomes a `warn` line (cause lines-dropped) as soon as writing works again.
 *
 * @self
 *         Who began the line. Where a signal handler has forked since, it is left to the parent.
 */
void log_write(const struct self *self, const char *line, size_t length);

/**
 * The same for a line of which there are very many: `open`, `close` and `call`. At level `calls` they
 * are written to a log file many at once, before the next line of another kind, and otherwise within
 * PENDING_MS of a call that the process makes or waits in. None is lost when the process is killed
 * (pending.h).
 *
 * At level `conns`, and where that cannot be done, each line is one write(2), and what was found out
 * about the log file (is the descriptor still ours, does the line before it end) is relied on for up
 * to 100 ms.
 *
 * @now_us
 *         Now, by clock_wall_us.
 */
void log_write_soon(const struct self *self, uint64_t now_us, const char *line, size_t length);

/** There is no room to make a line in: it counts as one that cannot be written. */
void log_lose(void);

/** Milliseconds until lines that wait should be written; negative when there are none (pending.h). */
int log_due_ms(uint64_t now_us);

/** Write the lines that wait: the process may sleep for long, and somebody may read the log. */
void log_flush(void);

/** The process may become another program, which knows nothing of lines that wait. */
void log_before_exec(void);

/** The process ends: from here on every line is written at once. */
void log_exiting(void);

/** Lines that were dropped and not yet told. */
uint64_t log_dropped(void);

#endif
