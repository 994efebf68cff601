/* The head of a line is kept for a second by each thread: it must be right all the same. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include <cmocka.h>
#include "log/event.h"
#include "log/log.h"
#include "sys/clock.h"

#define US_PER_S 1000000u

static void render(char *line, size_t size)
{
	struct event event;
	event_begin(&event, EVENT_CALL, line, size);
	event_end(&event);
}

static void start(enum log_format format, const char *exe)
{
	log_start("/dev/null", LOG_CALLS, format, exe);
}

static void expect(char *expected, size_t size, const char *exe)
{
	struct text text = text_in(expected, size);
	text_format(&text, "Z\",\"pid\":%d,\"tid\":%d,\"exe\":\"%s\",\"ev\":\"call\"}\n",
		    (int)syscall(SYS_getpid), (int)syscall(SYS_gettid), exe);
}

static bool is_mine(const char *line)
{
	char expected[128];
	expect(expected, sizeof expected, "nginx");
	return strcmp(line + strlen("{\"ts\":\"2026-01-31T12:01:02.123456"), expected) == 0;
}

static bool render_is_mine(void)
{
	char line[EVENT_SMALL];
	render(line, sizeof line);
	bool first = is_mine(line);
	render(line, sizeof line);
	return first && is_mine(line);
}

static void a_child_of_a_bare_clone_call_writes_its_own_pid(void **state)
{
	(void)state;
	start(LOG_JSON, "nginx");
	assert_true(render_is_mine());
	pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (child == 0) {
		_exit(render_is_mine() ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(render_is_mine());
}

static void *thread_body(void *result)
{
	pid_t child = fork();
	bool right = render_is_mine();
	if (child == 0) {
		_exit(right ? 0 : 1);
	}
	int status = 1;
	waitpid(child, &status, 0);
	*(bool *)result = right && status == 0 && render_is_mine();
	return NULL;
}

static void a_thread_and_its_forked_child_write_their_own_tid(void **state)
{
	(void)state;
	start(LOG_JSON, "nginx");
	for (int i = 0; i < 3; i++) {
		assert_true(render_is_mine());
		pthread_t thread;
		bool right = false;
		assert_int_equal(pthread_create(&thread, NULL, thread_body, &right), 0);
		pthread_join(thread, NULL);
		assert_true(right);
	}
}

static void a_new_format_or_name_shows_in_the_next_line(void **state)
{
	(void)state;
	char line[EVENT_SMALL];
	char expected[128];
	start(LOG_JSON, "one");
	render(line, sizeof line);
	start(LOG_JSON, "two");
	render(line, sizeof line);
	expect(expected, sizeof expected, "two");
	assert_non_null(strstr(line, expected));
	start(LOG_TEXT, "two");
	render(line, sizeof line);
	snprintf(expected, sizeof expected, "resetby[%d] ", getpid());
	assert_memory_equal(line, expected, strlen(expected));
}

static void a_name_that_is_too_long_to_keep_is_written_every_time(void **state)
{
	(void)state;
	char name[191] = "";
	memset(name, 'n', sizeof name - 1);
	char line[EVENT_SMALL];
	char expected[300];
	start(LOG_JSON, name);
	expect(expected, sizeof expected, name);
	for (int i = 0; i < 3; i++) {
		render(line, sizeof line);
		assert_non_null(strstr(line, expected));
		/* There is no room for it here, and that must not stay. */
		render(line, 256);
		assert_non_null(strstr(line, ",\"ev\":\"call\",\"cut\":true}\n"));
		assert_null(strstr(line, "nnn"));
	}
}

/* The time in the line, as text, is between those before and after. */
static bool is_on_time(enum log_format format, uint64_t *last_us)
{
	char line[EVENT_SMALL];
	char before[40];
	char after[40];
	struct text early = text_in(before, sizeof before);
	struct text late = text_in(after, sizeof after);
	uint64_t before_us = clock_wall_us();
	render(line, sizeof line);
	uint64_t after_us = clock_wall_us();
	*last_us = after_us;
	/* The moment is taken from a clock that is fractions of a microsecond beside the wall's. */
	clock_write_rfc3339(&early, before_us - 1);
	clock_write_rfc3339(&late, after_us + 1);
	size_t from = format == LOG_JSON ? 0 : strlen("2026-01-31T");
	const char *at = format == LOG_JSON ? line + strlen("{\"ts\":\"") : strchr(line, ' ') + 1;
	size_t length = format == LOG_JSON ? strlen(before) : strlen("12:01:02.123456");
	if (strcmp(before + from, after + from) > 0) {
		return true; /* midnight */
	}
	return memcmp(at, before + from, length) >= 0 && memcmp(at, after + from, length) <= 0;
}

static void sleep_until_us(uint64_t wall_us)
{
	struct timespec until = {
		.tv_sec = (time_t)(wall_us / US_PER_S),
		.tv_nsec = (long)(wall_us % US_PER_S * 1000),
	};
	clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL);
}

static void the_next_second_shows_in_the_first_line_of_it(void **state)
{
	(void)state;
	for (int format = LOG_TEXT; format <= LOG_JSON; format++) {
		start((enum log_format)format, "nginx");
		uint64_t second_us = (clock_wall_us() / US_PER_S + 1) * US_PER_S;
		sleep_until_us(second_us - 2000);
		uint64_t now_us = 0;
		while (now_us < second_us + 2000) {
			assert_true(is_on_time((enum log_format)format, &now_us));
		}
	}
}

static void a_pause_of_seconds_shows(void **state)
{
	(void)state;
	start(LOG_JSON, "nginx");
	uint64_t now_us;
	assert_true(is_on_time(LOG_JSON, &now_us));
	sleep_until_us(now_us + US_PER_S);
	assert_true(is_on_time(LOG_JSON, &now_us));
}

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* One of the two is the log's name of the program; they differ in every byte and in length. */
#define NAMES_SIZE 4096
static char names[2][NAMES_SIZE] __attribute__((aligned(NAMES_SIZE))) = {
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbb"};
static volatile sig_atomic_t named;

static bool has_name(const char *line, int name)
{
	char expected[128];
	expect(expected, sizeof expected, names[name]);
	return memcmp(line, "{\"ts\":\"20", 9) == 0 &&
	       strcmp(line + strlen("{\"ts\":\"2026-01-31T12:01:02.123456"), expected) == 0;
}

static void change_name(void)
{
	named = !named;
	start(LOG_JSON, names[named]);
}

/* The processor traps after the next instruction: Intel SDM volume 1, 3.4.3.3. */
#define TRAP_FLAG 0x100u

static volatile sig_atomic_t steps_left;
static volatile sig_atomic_t handler_renames;
static volatile sig_atomic_t handler_failed;

static void trap(bool on)
{
	unsigned long long flags = __builtin_ia32_readeflags_u64();
	__builtin_ia32_writeeflags_u64(on ? flags | TRAP_FLAG : flags & ~TRAP_FLAG);
}

/* After each instruction; logs after one of them, and then the rest may run. */
static void step(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	ucontext_t *interrupted = context;
	if (--steps_left > 0) {
		return;
	}
	interrupted->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
	char line[EVENT_SMALL];
	if (handler_renames) {
		change_name();
	}
	render(line, sizeof line);
	handler_failed += !has_name(line, named);
}

/* The name is read, so the head is being written anew: from here on it is worth stepping. */
static void begin_to_step(int signal, siginfo_t *info, void *context)
{
	ucontext_t *interrupted = context;
	if (mprotect(names, sizeof names, PROT_READ) != 0 || info->si_addr < (void *)names ||
	    info->si_addr >= (void *)(names + 2)) {
		sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
		return;
	}
	interrupted->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

/* Returns false when the line was finished before the handler's turn came. */
static bool interrupt_after(int instructions, bool remembered, char *line, size_t size)
{
	steps_left = instructions;
	if (remembered) {
		trap(true);
	} else {
		mprotect(names, sizeof names, PROT_NONE);
	}
	render(line, size);
	trap(false);
	return steps_left <= 0;
}

static void interrupt_everywhere(bool remembered, bool renames)
{
	char line[EVENT_SMALL];
	int instructions = 1;
	for (;; instructions++) {
		handler_renames = renames;
		change_name();
		if (remembered) {
			render(line, sizeof line);
		}
		if (!interrupt_after(instructions, remembered, line, sizeof line)) {
			break;
		}
		assert_true(has_name(line, 0) || has_name(line, 1));
		render(line, sizeof line);
		assert_true(has_name(line, named));
	}
	assert_true(instructions > 200);
	assert_int_equal(handler_failed, 0);
}

static void a_handler_that_logs_at_any_instruction_of_a_render_tears_no_line(void **state)
{
	(void)state;
	struct sigaction trapped = {.sa_sigaction = step, .sa_flags = SA_SIGINFO};
	struct sigaction faulted = {.sa_sigaction = begin_to_step, .sa_flags = SA_SIGINFO};
	assert_int_equal(sigaction(SIGTRAP, &trapped, NULL), 0);
	assert_int_equal(sigaction(SIGSEGV, &faulted, NULL), 0);
	interrupt_everywhere(true, true);
	interrupt_everywhere(false, true);
	interrupt_everywhere(false, false);
	assert_int_equal(mprotect(names, sizeof names, PROT_READ | PROT_WRITE), 0);
}
#else
/* Single steps need this processor, and a sanitizer has too many of them. */
static void a_handler_that_logs_at_any_instruction_of_a_render_tears_no_line(void **state)
{
	(void)state;
	skip();
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_of_a_bare_clone_call_writes_its_own_pid),
		cmocka_unit_test(a_thread_and_its_forked_child_write_their_own_tid),
		cmocka_unit_test(a_new_format_or_name_shows_in_the_next_line),
		cmocka_unit_test(a_name_that_is_too_long_to_keep_is_written_every_time),
		cmocka_unit_test(the_next_second_shows_in_the_first_line_of_it),
		cmocka_unit_test(a_pause_of_seconds_shows),
		cmocka_unit_test(a_handler_that_logs_at_any_instruction_of_a_render_tears_no_line),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
