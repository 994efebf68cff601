#include "pen.h"

const char pen_pairs[201] = "00010203040506070809"
			    "10111213141516171819"
			    "20212223242526272829"
			    "30313233343536373839"
			    "40414243444546474849"
			    "50515253545556575859"
			    "60616263646566676869"
			    "70717273747576777879"
			    "80818283848586878889"
			    "90919293949596979899";

char *pen_large(char *at, uint64_t value)
{
	uint32_t low = (uint32_t)(value % 100000000);
	at = pen_unsigned(at, value / 100000000);
	at = pen_pair(pen_pair(at, low / 1000000), low / 10000 % 100);
	return pen_pair(pen_pair(at, low / 100 % 100), low % 100);
}
