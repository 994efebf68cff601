#include "clock.h"

#include "sandbox.h"

#define NS_PER_S 1000000000u
#define NS_PER_US 1000u
#define US_PER_S 1000000u
#define S_PER_DAY 86400u

/* Days from 0000-03-01 to 1970-01-01, and in an era of 400 years, in the Gregorian calendar. */
#define DAYS_TO_EPOCH 719468u
#define DAYS_PER_ERA 146097u

/* Nobody may read the counter; set once, before that is so. */
static bool barred;

uint8_t clock_step_bits;
_Atomic uint64_t clock_kept;

uint32_t clock_recent_ms(void)
{
	uint32_t now_ms;
	if (clock_is_known(&now_ms)) {
		return now_ms;
	}
	/* First: an answer that comes late is one of a step that is over. */
	unsigned bits = clock_step_bits;
	uint64_t step = bits != 0 ? (uint32_t)(clock_counter() >> bits) : 0;
	now_ms = (uint32_t)clock_coarse_ms();
	atomic_store_explicit(&clock_kept, step << 32 | now_ms, memory_order_relaxed);
	return now_ms;
}

#if defined(__x86_64__)
/* Readings that tell how long one takes, and what is too long: a few hundred ns. */
#define COUNT_TRIES 3
#define COUNT_MAX_TICKS 1000u

/* At 1 to 5 GHz. Where it is barred from the beginning no program gets here: glibc's loader reads it. */
static uint8_t step_bits(void)
{
	uint64_t least = UINT64_MAX;
	for (int try = 0; try < COUNT_TRIES; try++) {
		uint64_t before = clock_counter();
		uint64_t ticks = clock_counter() - before;
		least = ticks < least ? ticks : least;
	}
	return least <= COUNT_MAX_TICKS ? 21 : 0;
}
#else
/* The processor says how often it counts in a second: CNTFRQ_EL0. */
static uint8_t step_bits(void)
{
	uint64_t per_s;
	__asm__ volatile("mrs %0, cntfrq_el0" : "=r"(per_s));
	uint64_t per_ms = per_s / 1000;
	return per_ms > 1 ? (uint8_t)(63 - __builtin_clzll(per_ms)) : 0;
}
#endif

void clock_use_counter(bool may)
{
	clock_step_bits = may && !barred ? step_bits() : 0;
}

void clock_start(void)
{
	clock_use_counter(true);
}

void clock_bar(void)
{
	barred = true;
	clock_use_counter(false);
}

/*
 * libc's clock_gettime is the vDSO's: no system call, and async-signal-safe by POSIX. seccomp's strict
 * mode forbids the processor's counter (PR_SET_TSC), which the coarse clock does not read.
 */
static struct timespec now(clockid_t exact, clockid_t coarse)
{
	struct timespec time = {0};
	clock_gettime(sandbox_closed || barred ? coarse : exact, &time);
	return time;
}

uint64_t clock_kernels_ns(void)
{
	struct timespec time = now(CLOCK_MONOTONIC, CLOCK_MONOTONIC_COARSE);
	return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

static uint64_t wall_ns(clockid_t exact)
{
	struct timespec time = now(exact, CLOCK_REALTIME_COARSE);
	return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

uint64_t clock_wall_ns(void)
{
	return wall_ns(CLOCK_REALTIME);
}

uint64_t clock_wall_us(void)
{
	return wall_ns(CLOCK_REALTIME) / NS_PER_US;
}

uint64_t clock_wall_coarse_us(void)
{
	return wall_ns(CLOCK_REALTIME_COARSE) / NS_PER_US;
}

/* Years begin in March here, so that the leap day is a year's last: "civil_from_days", Hinnant. */
static void write_date(struct text *text, uint64_t days_since_1970)
{
	uint64_t days = days_since_1970 + DAYS_TO_EPOCH;
	uint64_t era = days / DAYS_PER_ERA;
	uint64_t day_of_era = days % DAYS_PER_ERA;
	uint64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	uint64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint64_t month_from_march = (5 * day_of_year + 2) / 153;
	uint64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
	uint64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
	text_padded(text, era * 400 + year_of_era + (month <= 2), 4);
	text_char(text, '-');
	text_padded(text, month, 2);
	text_char(text, '-');
	text_padded(text, day, 2);
}

void clock_write_time(struct text *text, uint64_t wall_us)
{
	uint64_t second = wall_us / US_PER_S % S_PER_DAY;
	text_padded(text, second / 3600, 2);
	text_char(text, ':');
	text_padded(text, second / 60 % 60, 2);
	text_char(text, ':');
	text_padded(text, second % 60, 2);
	text_char(text, '.');
	text_padded(text, wall_us % US_PER_S, 6);
}

void clock_write_rfc3339(struct text *text, uint64_t wall_us)
{
	write_date(text, wall_us / US_PER_S / S_PER_DAY);
	text_char(text, 'T');
	clock_write_time(text, wall_us);
	text_char(text, 'Z');
}
