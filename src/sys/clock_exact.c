/*
 * The exact clock, by the processor's counter: the kernel's is looked at once a step, and what has
 * passed since is counted. That costs half as much, which matters where each call is timed.
 *
 * Only where the kernel's own clock is that counter: it has found then that all processors count
 * alike. (One that changes its mind later makes an error of a step at most, until the next look.)
 */
#include "clock.h"

#include <string.h>
#include "proc.h"

#define CLOCKSOURCE "/sys/devices/system/clocksource/clocksource0/current_clocksource"
#define CLOCKSOURCE_SIZE 32

#if defined(__x86_64__)
#define COUNTERS_NAME "tsc\n"
#else
#define COUNTERS_NAME "arch_sys_counter\n"
#endif

/* A look that took more than this part of a step, 0.2 to 1 us, was interrupted. */
#define LOOK_MAX_SHIFT 11
/* Where none of so many is quick, the clock is a system call. */
#define LOOK_TRIES 3

/* How long it takes to learn how fast the counter is; a pause of more is no time to learn from. */
#define LEARN_MIN_NS UINT64_C(16000000)
#define LEARN_MAX_NS UINT64_C(1000000000)

/*
 * Learned twice, with no more than this part of difference: the counter goes on while the system is
 * suspended, the clock does not, and a virtual machine may go on with another counter.
 */
#define AGREE_SHIFT 6

/* Counted rather slowly, by 122 ppm, more than a look can be wrong: time does not go back at one. */
#define SLOW_SHIFT 13

#define RATE_SHIFT 32

typedef _Atomic uint64_t word;

/*
 * All threads share it, and signal handlers too. Who looks makes the version odd meanwhile; who finds
 * it odd, or changed after reading, asks the kernel. (A look that never comes back, by siglongjmp,
 * leaves it odd: from then on the kernel is asked each time.) Each word is read with acquire and written with
 * release, which orders them between the two looks at the version, and costs nothing on x86.
 */
static struct {
	word version;
	word counter, ns; /* at the last look */
	word rate;        /* nanoseconds a tick, in units of 2^-RATE_SHIFT; 0: not known */
	word learned_counter, learned_ns, learned; /* when a rate was learned last, and which */
} look;

static atomic_bool enabled;

static inline uint64_t get(const word *from)
{
	return atomic_load_explicit(from, memory_order_acquire);
}

static inline void put(word *to, uint64_t value)
{
	atomic_store_explicit(to, value, memory_order_release);
}

static inline bool is_counted(uint64_t *now_ns)
{
	uint64_t version = get(&look.version);
	uint64_t counter = get(&look.counter);
	uint64_t ns = get(&look.ns);
	uint64_t rate = get(&look.rate);
	unsigned bits = clock_step_bits;
	if (bits == 0 || rate == 0 || version % 2 != 0) {
		return false;
	}
	uint64_t ticks = clock_counter() - counter;
	*now_ns = ns + (ticks * rate >> RATE_SHIFT);
	return ticks >> bits == 0 && get(&look.version) == version;
}

static bool agrees(uint64_t rate, uint64_t other)
{
	uint64_t difference = rate > other ? rate - other : other - rate;
	return rate != 0 && difference <= other >> AGREE_SHIFT;
}

static void learn_rate(uint64_t counter, uint64_t now_ns)
{
	uint64_t ticks = counter - get(&look.learned_counter);
	uint64_t passed_ns = now_ns - get(&look.learned_ns);
	if (passed_ns < LEARN_MIN_NS) {
		return;
	}
	uint64_t rate =
		passed_ns <= LEARN_MAX_NS && ticks > 0 ? (passed_ns << RATE_SHIFT) / ticks : 0;
	put(&look.rate, agrees(rate, get(&look.learned)) ? rate - (rate >> SLOW_SHIFT) : 0);
	put(&look.learned, rate);
	put(&look.learned_counter, counter);
	put(&look.learned_ns, now_ns);
}

static void remember(uint64_t counter, uint64_t now_ns)
{
	uint64_t version = get(&look.version);
	if (version % 2 != 0 ||
	    !atomic_compare_exchange_strong(&look.version, &version, version + 1)) {
		return;
	}
	put(&look.counter, counter);
	put(&look.ns, now_ns);
	learn_rate(counter, now_ns);
	put(&look.version, version + 2);
}

/* Was it quick enough to be remembered? */
static bool look_at_both(unsigned bits, uint64_t *now_ns)
{
	uint64_t before = clock_counter();
	*now_ns = clock_kernels_ns();
	uint64_t after = clock_counter();
	bool quick = (after - before) >> (bits - LOOK_MAX_SHIFT) == 0;
	/* Where the counter has been forbidden meanwhile, the clock is a coarse one. */
	if (quick && clock_step_bits == bits) {
		remember(after, *now_ns);
	}
	return quick;
}

static __attribute__((noinline)) uint64_t look_again(void)
{
	unsigned bits = clock_step_bits;
	uint64_t now_ns;
	if (bits == 0) {
		return clock_kernels_ns();
	}
	look_at_both(bits, &now_ns);
	return now_ns;
}

uint64_t clock_exact_ns(void)
{
	uint64_t now_ns;
	if (!atomic_load_explicit(&enabled, memory_order_relaxed)) {
		return clock_kernels_ns();
	}
	return is_counted(&now_ns) ? now_ns : look_again();
}

void clock_exact_after_fork(void)
{
	/* Of a thread that is not here any more. */
	if (get(&look.version) % 2 != 0) {
		put(&look.rate, 0);
		put(&look.learned, 0);
		put(&look.version, get(&look.version) + 1);
	}
}

static bool kernel_counts(void)
{
	char name[CLOCKSOURCE_SIZE];
	return proc_read(CLOCKSOURCE, name, sizeof name) > 0 && strcmp(name, COUNTERS_NAME) == 0;
}

void clock_exact_start(void)
{
	unsigned bits = clock_step_bits;
	bool quick = false;
	for (int try = 0; try < LOOK_TRIES && !quick && bits > LOOK_MAX_SHIFT; try++) {
		uint64_t now_ns;
		quick = look_at_both(bits, &now_ns);
	}
	atomic_store(&enabled, quick && kernel_counts());
}
