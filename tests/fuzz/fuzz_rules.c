/* Rules: any text is read or refused with a place in it; what is printed reads as the same. */
#include "fuzz.h"

#include "rule/rule.h"

static void print_and_read_again(const struct rule *rule)
{
	char first[RULE_TEXT_SIZE], second[RULE_TEXT_SIZE];
	struct text text = text_in(first, sizeof first);
	rule_write(&text, rule);
	expect(!text.cut);
	struct rule_source source = {"printed", first, text.length};
	struct rules *set;
	struct rule_error error;
	expect(rules_read(&source, 1, NULL, &set, &error) == 0);
	expect(set != NULL && set->count == 1);
	text = text_in(second, sizeof second);
	rule_write(&text, &set->rules[0]);
	expect(strcmp(first, second) == 0);
	rules_free(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *copy = fuzz_bytes(bytes, size);
	struct rule_source source = {"fuzz", copy, size};
	struct rules *set = NULL;
	struct rule_error error;
	if (rules_read(&source, 1, "program", &set, &error) == 0) {
		for (uint32_t i = 0; set != NULL && i < set->count; i++) {
			print_and_read_again(&set->rules[i]);
		}
		rules_free(set);
	} else {
		char line[sizeof error.message + 200];
		struct text text = text_in(line, sizeof line);
		rule_error_write(&text, &error);
		expect(error.line >= 1 && error.column >= 1 && error.column <= size + 1);
		expect(strchr(line, '\n') == NULL);
	}
	free(copy);
	return 0;
}
