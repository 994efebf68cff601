#include <linux/random.h>
#include "clock.h"
#include "random.h"
#include "raw.h"

/* 2^64 / golden ratio, and the finaliser: Steele, Lea, Flood, "Fast splittable PRNGs", 2014. */
#define GOLDEN 0x9e3779b97f4a7c15u

static uint64_t finalise(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* One more number goes into a state: its order counts, and no state leads to a fixed point. */
static uint64_t stir(uint64_t state, uint64_t number)
{
	return finalise(finalise(state + GOLDEN) ^ (number + GOLDEN));
}

uint64_t random_seed(void)
{
	uint64_t seed = 0;
	if (raw3(SYS_getrandom, &seed, sizeof seed, GRND_NONBLOCK) == (long)sizeof seed) {
		return seed;
	}
	return stir(stir(clock_wall_us(), clock_exact_ns()), (uint64_t)raw0(SYS_getpid));
}

uint64_t random_at(uint64_t seed, uint64_t stream, uint64_t index)
{
	return stir(stir(seed, stream), index);
}

/* One step fewer than random_at: a child's seed is none of its parent's decisions. */
uint64_t random_derive(uint64_t seed, uint64_t child)
{
	return stir(~seed, child);
}
