#include "kept.h"

#include <errno.h>
#include "../log/event.h"
#include "../log/log.h"
#include "../sys/clock.h"
#include "../sys/own.h"
#include "../sys/raw.h"
#include "chores.h"

#define KEPT_MAX (OWN_KEPT_LAST - OWN_KEPT_FIRST + 1)

/* Bytes to throw away in one go; a flood must not hold the program. */
#define DRAIN_STEP ((size_t)1 << 16)
#define DRAIN_STEPS 16

enum { FREE, TAKEN, IN_USE };

static struct kept {
	_Atomic int state;
	uint64_t limit_ms;
	uint32_t since_ms;
	bool drains;
	struct drained drained;
	/* for the line that tells the end of a drain; rules are never unmapped */
	const struct rule *rule;
	struct conn conn;
	int fd;
} kept[KEPT_MAX];

static _Atomic int used;

/* MSG_TRUNC throws the bytes of a TCP socket away without copying them (tcp(7)). */
void drain_arrived(int fd, struct drained *drained)
{
	for (int step = 0; step < DRAIN_STEPS; step++) {
		long got = raw6(SYS_recvfrom, fd, NULL, DRAIN_STEP, MSG_TRUNC | MSG_DONTWAIT, NULL,
				NULL);
		if (got > 0) {
			drained->bytes += (uint64_t)got;
			continue;
		}
		if (got == -EINTR) {
			continue;
		}
		drained->finished = got != -EAGAIN;
		return;
	}
}

int kept_add(const struct rule *rule, const struct call *call, uint64_t limit_ms, bool drains)
{
	for (int i = 0; i < KEPT_MAX; i++) {
		int state = FREE;
		if (!atomic_compare_exchange_strong(&kept[i].state, &state, TAKEN)) {
			continue;
		}
		long copy = raw_fcntl(call->fd, F_DUPFD_CLOEXEC, 3);
		int high =
			copy < 0 ? (int)copy : own_adopt((enum own)(OWN_KEPT_FIRST + i), (int)copy);
		if (high < 0) {
			atomic_store(&kept[i].state, FREE);
			return high;
		}
		/* The copy must not ask under a number that is the program's again. */
		conn_learn_local(call->conn, call->fd);
		kept[i].limit_ms = limit_ms;
		kept[i].since_ms = (uint32_t)clock_coarse_ms();
		kept[i].drains = drains;
		kept[i].drained = (struct drained){0};
		kept[i].rule = rule;
		kept[i].conn = *call->conn;
		kept[i].fd = call->fd;
		atomic_fetch_add(&used, 1);
		if (limit_ms != KEPT_FOREVER) {
			chores_begin();
		}
		atomic_store(&kept[i].state, IN_USE);
		return 0;
	}
	return -ENFILE;
}

bool kept_any(void)
{
	return atomic_load_explicit(&used, memory_order_relaxed) > 0;
}

static void tell_drained(struct kept *entry, uint32_t now_ms)
{
	struct call call = {.conn = &entry->conn, .op = OP_CLOSE, .fd = entry->fd};
	char room[160];
	struct text by = text_in(room, sizeof room);
	text_format(&by, "%z drained in %t after the program's close, ", entry->drained.bytes,
		    (int64_t)(now_ms - entry->since_ms));
	text_string(&by,
		    entry->drained.finished ? "then the peer was done" : "then the time was up");
	act_tell(entry->rule, &call, room);
}

static void end(int i, uint32_t now_ms)
{
	if (kept[i].drains) {
		tell_drained(&kept[i], now_ms);
	}
	own_drop((enum own)(OWN_KEPT_FIRST + i));
	atomic_fetch_sub(&used, 1);
	chores_end();
	atomic_store(&kept[i].state, FREE);
}

/* The limit has passed. */
static bool is_due(const struct kept *entry, uint32_t now_ms)
{
	return now_ms - entry->since_ms >= entry->limit_ms;
}

static void tend(int i, uint32_t now_ms)
{
	int state = IN_USE;
	if (!atomic_compare_exchange_strong(&kept[i].state, &state, TAKEN)) {
		return;
	}
	if (kept[i].limit_ms == KEPT_FOREVER) {
		atomic_store(&kept[i].state, IN_USE);
		return;
	}
	int fd = own_fd((enum own)(OWN_KEPT_FIRST + i));
	if (fd >= 0 && kept[i].drains) {
		drain_arrived(fd, &kept[i].drained);
	}
	if (fd < 0 || kept[i].drained.finished || is_due(&kept[i], now_ms)) {
		end(i, now_ms);
	} else {
		atomic_store(&kept[i].state, IN_USE);
	}
}

void kept_tend(uint32_t now_ms)
{
	for (int i = 0; i < KEPT_MAX && kept_any(); i++) {
		tend(i, now_ms);
	}
}

void kept_after_fork(void)
{
	int left = 0;
	for (int i = 0; i < KEPT_MAX; i++) {
		int state = atomic_load(&kept[i].state);
		if (state == IN_USE && !kept[i].drains) {
			left++;
		} else if (state != FREE) {
			if (kept[i].limit_ms != KEPT_FOREVER) {
				chores_end();
			}
			own_drop((enum own)(OWN_KEPT_FIRST + i));
			atomic_store(&kept[i].state, FREE);
		}
	}
	atomic_store(&used, left);
}

void kept_finish(void)
{
	for (int i = 0; i < KEPT_MAX && kept_any(); i++) {
		while (atomic_load(&kept[i].state) == IN_USE && kept[i].drains) {
			struct pollfd ready = {
				.fd = own_fd((enum own)(OWN_KEPT_FIRST + i)),
				.events = POLLIN,
			};
			uint32_t waited = (uint32_t)clock_coarse_ms() - kept[i].since_ms;
			long left = (long)kept[i].limit_ms - (long)waited;
			raw_poll(&ready, 1, left > 0 ? left : 0);
			tend(i, (uint32_t)clock_coarse_ms());
		}
	}
}
