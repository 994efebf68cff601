/* The kernel's own limits, read and not assumed. */
#ifndef RESETBY_SYS_PROC_H
#define RESETBY_SYS_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Read a small file whole.
 *
 * @return
 *         Bytes read, the text NUL-terminated; or a negative errno.
 */
long proc_read(const char *path, char *buffer, size_t size);

/**
 * Is this thread of the process over? Also when the kernel still knows it: for a moment after
 * pthread_join has returned, and of a first thread that left the others until the last one ends.
 */
bool proc_thread_is_over(int tid);

/**
 * Would this thread of the process go on if it had a processor, and nobody had stopped it? false also
 * when that cannot be seen.
 */
bool proc_thread_is_awake(int tid);

/** Is this process about to end, and has its children yet, though perhaps not its descriptors? */
bool proc_is_ending(uint64_t pid);

/** The parent of a process; 0 when that cannot be seen. */
uint64_t proc_parent(uint64_t pid);

/**
 * Numbers of a sysctl such as `net/ipv4/tcp_syn_retries` or `net/ipv4/ip_local_port_range`.
 *
 * @return
 *         How many numbers were there (at most `count`), or a negative errno.
 */
int proc_sysctl(const char *name, int64_t *values, int count);

/**
 * A TCP counter of the thread's network namespace, such as `ListenOverflows`: what `nstat` shows as
 * TcpExtListenOverflows. Some 70 us.
 *
 * @return
 *         Its value, or a negative errno.
 */
int64_t proc_tcp_counter(const char *name);

#endif
