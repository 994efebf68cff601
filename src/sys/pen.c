#include "pen.h"

char *pen_large(char *at, uint64_t value)
{
	uint32_t low = (uint32_t)(value % 100000000);
	at = pen_unsigned(at, value / 100000000);
	at = pen_pair(pen_pair(at, low / 1000000), low / 10000 % 100);
	return pen_pair(pen_pair(at, low / 100 % 100), low % 100);
}
