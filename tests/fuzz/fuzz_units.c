/* Numbers with units: within their bounds, or refused. */
#include "fuzz.h"

#include "sys/text.h"
#include "sys/units.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *copy = fuzz_bytes(bytes, size);
	uint64_t number = 0, again = 0;
	uint32_t millionths = 0;
	char room[40];
	if (units_number(copy, size, &number) == 0) {
		struct text text = text_in(room, sizeof room);
		text_unsigned(&text, number);
		expect(units_number(room, text.length, &again) == 0 && again == number);
	}
	units_duration(copy, size, &number);
	units_size(copy, size, &number);
	if (units_percent(copy, size, &millionths) == 0) {
		expect(millionths <= PROBABILITY_ONE);
	}
	free(copy);
	return 0;
}
