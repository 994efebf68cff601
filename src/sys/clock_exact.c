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
#include "word.h"

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

/*
 * Who cannot have it (word.h) asks the kernel. A look that never comes back, by siglongjmp, leaves the
 * version odd: from then on the kernel is asked each time.
 */
static struct {
	word version;
	word counter, ns; /* at the last look */
	word rate;        /* nanoseconds a tick, in units of 2^-RATE_SHIFT; 0: not known */
	word learned_counter, learned_ns, learned; /* when a rate was learned last, and which */
} look;

static atomic_bool enabled;

static inline bool is_counted(uint64_t *now_ns)
{
	uint64_t version = word_get(&look.version);
	uint64_t counter = word_get(&look.counter);
	uint64_t ns = word_get(&look.ns);
	uint64_t rate = word_get(&look.rate);
	unsigned bits = clock_step_bits;
	if (bits == 0 || rate == 0 || version % 2 != 0) {
		return false;
	}
	uint64_t ticks = clock_counter() - counter;
	*now_ns = ns + (ticks * rate >> RATE_SHIFT);
	return ticks >> bits == 0 && word_get(&look.version) == version;
}

static bool agrees(uint64_t rate, uint64_t other)
{
	uint64_t difference = rate > other ? rate - other : other - rate;
	return rate != 0 && difference <= other >> AGREE_SHIFT;
}

static void learn_rate(uint64_t counter, uint64_t now_ns)
{
	uint64_t ticks = counter - word_get(&look.learned_counter);
	uint64_t passed_ns = now_ns - word_get(&look.learned_ns);
	if (passed_ns < LEARN_MIN_NS) {
		return;
	}
	uint64_t rate =
		passed_ns <= LEARN_MAX_NS && ticks > 0 ? (passed_ns << RATE_SHIFT) / ticks : 0;
	word_put(&look.rate,
		 agrees(rate, word_get(&look.learned)) ? rate - (rate >> SLOW_SHIFT) : 0);
	word_put(&look.learned, rate);
	word_put(&look.learned_counter, counter);
	word_put(&look.learned_ns, now_ns);
}

static void remember(uint64_t counter, uint64_t now_ns)
{
	if (!word_begin(&look.version)) {
		return;
	}
	word_put(&look.counter, counter);
	word_put(&look.ns, now_ns);
	learn_rate(counter, now_ns);
	word_end(&look.version);
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
	if (word_get(&look.version) % 2 != 0) {
		word_put(&look.rate, 0);
		word_put(&look.learned, 0);
		word_end(&look.version);
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
