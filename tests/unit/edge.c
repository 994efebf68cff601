#include "edge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

const char *at_edge(const void *bytes, size_t size)
{
	static char *edge;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	if (edge == NULL) {
		edge = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0);
		assert_ptr_not_equal(edge, MAP_FAILED);
		assert_int_equal(mprotect(edge + page, page, PROT_NONE), 0);
	}
	assert_true(size <= page);
	return memcpy(edge + page - size, bytes, size);
}

const char *letters_at_edge(const char *string)
{
	return at_edge(string, strlen(string));
}
