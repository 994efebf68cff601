#include "netns.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "cmd.h"

/* The kernel's version 3 has 64 capabilities in two halves; both that matter are in the first. */
_Static_assert(CAP_SYS_ADMIN < 32 && CAP_NET_ADMIN < 32, "in the first half of the set");

#define BIT(capability) (UINT32_C(1) << (capability))

static long capabilities_get(struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	return syscall(SYS_capget, &header, data);
}

static bool has_privilege(void)
{
	struct __user_cap_data_struct data[2] = {{0}};
	uint32_t wanted = BIT(CAP_SYS_ADMIN) | BIT(CAP_NET_ADMIN);
	return capabilities_get(data) == 0 && (data[0].effective & wanted) == wanted;
}

/*
 * Only an ambient capability outlives the execution of an ordinary program by an ordinary user,
 * and it does not make the loader distrust the environment as file capabilities do.
 */
static int keep_net_admin(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0}};
	if (capabilities_get(data)) {
		return -errno;
	}
	data[0].inheritable |= BIT(CAP_NET_ADMIN);
	if (syscall(SYS_capset, &header, data) ||
	    prctl(PR_CAP_AMBIENT, (long)PR_CAP_AMBIENT_RAISE, (long)CAP_NET_ADMIN, 0L, 0L)) {
		return -errno;
	}
	return 0;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		return -errno;
	}
	int result = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return result;
}

/* Both IDs stay what they are; nobody else exists inside. */
static int map_ids(uid_t user, gid_t group)
{
	char map[64];
	/* A group map of an unprivileged user must come after this: user_namespaces(7). */
	int result = write_file("/proc/self/setgroups", "deny");
	if (result < 0 && result != -ENOENT) {
		return result;
	}
	snprintf(map, sizeof(map), "%u %u 1", user, user);
	result = write_file("/proc/self/uid_map", map);
	if (result == 0) {
		snprintf(map, sizeof(map), "%u %u 1", group, group);
		result = write_file("/proc/self/gid_map", map);
	}
	return result;
}

static int make_namespaces(void)
{
	uid_t user = geteuid();
	gid_t group = getegid();
	if (has_privilege()) {
		return unshare(CLONE_NEWNET) ? -errno : 0;
	}
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
		return -errno;
	}
	return map_ids(user, group);
}

static int loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		return -errno;
	}
	int result = 0;
	if (ioctl(fd, SIOCGIFFLAGS, &request)) {
		result = -errno;
	} else {
		request.ifr_flags |= IFF_UP;
		if (ioctl(fd, SIOCSIFFLAGS, &request)) {
			result = -errno;
		}
	}
	close(fd);
	return result;
}

static int refuse(const char *what, int error)
{
	cmd_complain("--netns: cannot %s: %s%s", what, strerror(-error),
		     error == -EPERM || error == -EACCES || error == -ENOSPC
			     ? " (user namespaces are not allowed here)"
			     : "");
	return STATUS_REFUSED;
}

int netns_enter(void)
{
	int result = make_namespaces();
	if (result < 0) {
		return refuse("make a network namespace", result);
	}
	result = loopback_up();
	if (result < 0) {
		return refuse("bring its loopback interface up", result);
	}
	result = keep_net_admin();
	if (result < 0) {
		return refuse("keep CAP_NET_ADMIN in it", result);
	}
	return STATUS_OK;
}
