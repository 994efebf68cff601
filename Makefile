# make            builds build/libresetby.so and build/resetby
# make demo       shows the main job on real programs, in under 15 seconds
# make lab        every item of the notes in README.md made for real, in one table
# make check      installs what the tests need, builds and runs everything
# make check-html the page of a report, in Chromium, which it installs: 300 MB
# make check-vm   100,000 connections, in a machine with a kernel of its own: 20 minutes
# make check-containers   examples/always-on's Dockerfile and pod, run by podman: 5 minutes
# make suites     CPython's and redis' own tests, with and without the preload: 5 minutes
# make soak       random resets for two minutes, and longer runs of `retry` under real clients
# make bench      what a call costs, against bare and against a null interposer
# make bench-instructions   the same in instructions, by valgrind
# make bench-report            how fast resetby report reads logs
# make readme-tables        brings the tables of README.md up to date
# make install uninstall    PREFIX=/usr/local DESTDIR=
# make dist deb   a source tarball, a Debian package
# make asan tsan ubsan msan   the same tests on a sanitizer build
# V=1 shows the commands

PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
LIBDIR  ?= $(PREFIX)/lib
INCDIR  ?= $(PREFIX)/include
MANDIR  ?= $(PREFIX)/share/man

VERSION := 0.1.0

BUILD   ?= build
CC      ?= cc
HOSTCC  ?= $(CC)
CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
# -fexceptions: a cancelled thread unwinds through the hooks. Hooks must not be fortified
# themselves: they define the fortified names.
BASE    := -std=gnu11 -fPIC -fvisibility=hidden -fexceptions -fno-semantic-interposition \
           -fno-plt -U_FORTIFY_SOURCE -fstack-protector-strong -D_GNU_SOURCE \
           -DRESETBY_VERSION='"$(VERSION)"' -Isrc -Iinclude
# Where the compiler can say who calls whom and what it costs of the stack: tests/guest/stack.sh.
CALLGRAPH   := $(shell $(CC) -fcallgraph-info=su -E -x c /dev/null >/dev/null 2>&1 && echo -fcallgraph-info=su)
ALL_CFLAGS  := $(BASE) $(WARN) $(CFLAGS) $(CALLGRAPH) $(SANITIZE)
# Hooks that call one another need no look-up at start; and where another library stands in front of
# us, syscall() goes past it, as it does past libc's functions.
ALL_LDFLAGS := -Wl,-Bsymbolic-functions -Wl,-z,relro,-z,now,-z,noexecstack,-z,defs $(LDFLAGS) $(SANITIZE)

FLOORS  := sys log conn why rule act hook
LIB_SRC := $(foreach floor,$(FLOORS),$(sort $(wildcard src/$(floor)/*.c src/$(floor)/*/*.c)))
CMD_SRC := $(sort $(wildcard src/cmd/*.c src/cmd/*/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)
CMD_OBJ := $(CMD_SRC:%.c=$(BUILD)/%.o)

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '%-6s %s\n'
endif

.PHONY: all
all: $(BUILD)/libresetby.so $(BUILD)/resetby

# Everything is built again when compiler or flags change.
FLAGS := $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)
$(shell mkdir -p $(BUILD) && printf '%s' "$(subst ",\",$(FLAGS))" | cmp -s - $(BUILD)/flags || printf '%s' "$(subst ",\",$(FLAGS))" > $(BUILD)/flags)

# Only two files and the manual know what is installed where: another PREFIX builds nothing else again.
from_bin = $(shell realpath -m -s --relative-to='$(BINDIR)' '$(1)')
PLACES := -DRESETBY_LIBDIR='"$(LIBDIR)"' \
          -DRESETBY_LIB_FROM_BIN='"$(call from_bin,$(LIBDIR))"' \
          -DRESETBY_MANDIR='"$(MANDIR)"' \
          -DRESETBY_MAN_FROM_BIN='"$(call from_bin,$(MANDIR))"'
$(shell printf '%s' "$(BINDIR) $(LIBDIR) $(MANDIR)" | cmp -s - $(BUILD)/places || printf '%s' "$(BINDIR) $(LIBDIR) $(MANDIR)" > $(BUILD)/places)
$(BUILD)/src/cmd/run.o $(BUILD)/src/cmd/help.o: $(BUILD)/places
$(BUILD)/src/cmd/run.o $(BUILD)/src/cmd/help.o: ALL_CFLAGS += $(PLACES)

$(BUILD)/%.o: %.c $(BUILD)/flags
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Link-time optimisation knows nothing of what assembly at the top of a file names.
$(BUILD)/src/hook/process.o $(BUILD)/src/cmd/report/html.o: ALL_CFLAGS += -fno-lto

# What the library exports is what hooks.def and the header say, and nothing else. The script has no
# version name: a versioned symbol would not stand in for recv@GLIBC_2.2.5.
$(BUILD)/exports.map: src/hook/exports.map.in src/hook/hooks.def $(BUILD)/flags
	$(say) GEN $@
	$(Q)$(CC) -E -P -x c $< > $@

$(BUILD)/libresetby.so: $(LIB_OBJ) $(BUILD)/exports.map
	$(say) LD $@
	$(Q)$(CC) $(ALL_CFLAGS) -shared -Wl,-soname,libresetby.so -Wl,--version-script=$(BUILD)/exports.map \
		$(ALL_LDFLAGS) -o $@ $(LIB_OBJ)

# The floors below the hooks, for the command and for unit tests.
$(BUILD)/floors.a: $(filter-out $(BUILD)/src/hook/%,$(LIB_OBJ))
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# What reads logs, for unit tests.
$(BUILD)/report.a: $(filter $(BUILD)/src/cmd/report/%,$(CMD_OBJ))
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# The page of `resetby report --html`: its parts put together, and for its policy, which lets nothing
# else run, their hashes. The assembler takes them in (.incbin), whence the path.
PAGE_SRC := src/cmd/report/html
PAGE     := $(BUILD)/$(PAGE_SRC)/page
PAGE_JS  := $(addprefix $(PAGE_SRC)/,read.js draw.js chart.js segments.js ladder.js detail.js table.js page.js)
$(BUILD)/src/cmd/report/html.o: $(PAGE).html $(PAGE).css $(PAGE).css.hash $(PAGE).js $(PAGE).js.hash
$(BUILD)/src/cmd/report/html.o: ALL_CFLAGS += -Wa,-I$(BUILD)/$(PAGE_SRC)

$(PAGE).js: $(PAGE_JS)
$(PAGE).css $(PAGE).html: $(PAGE).%: $(PAGE_SRC)/page.%
$(PAGE).js $(PAGE).css $(PAGE).html:
	$(say) GEN $@
	@mkdir -p $(@D)
	$(Q)cat $^ > $@

$(PAGE).%.hash: $(PAGE).%
	$(Q)sha256sum < $< | cut -c 1-64 | tr a-f A-F | basenc --base16 -d -i | base64 | tr -d '\n' > $@

$(BUILD)/resetby: $(CMD_OBJ) $(BUILD)/floors.a
	$(say) LD $@
	$(Q)$(CC) $(ALL_CFLAGS) -pie $(ALL_LDFLAGS) -o $@ $(CMD_OBJ) $(BUILD)/floors.a

# The manual. Its tables, and those of README.md, come from the .def files.
MAN      := resetby.1 libresetby.7 resetby.h.3
MAN_PAGE := $(MAN:%=$(BUILD)/man/%)
# The functions have pages, too: each sends man to that of their header.
MAN_SO   := $(shell sed -n 's/^\.Nm \(resetby_[a-z_]*\).*/\1.3/p' src/man/resetby.h.3.in)
MAN_LINK := $(MAN_SO:%=$(BUILD)/man/%)
TABLES   := $(BUILD)/man/tables
all: $(MAN_PAGE) $(MAN_LINK)

$(TABLES): src/man/tables.c src/why/causes.c src/rule/actions.c src/sys/text.c src/sys/pen.c $(wildcard src/*/*.h src/*/*.def) $(BUILD)/flags
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(BASE) $(WARN) $(CFLAGS) -o $@ $(filter %.c,$^)

# The system calls of the library itself; what syscall.c names are the program's.
$(BUILD)/man/syscalls: $(filter-out src/hook/syscall.c,$(LIB_SRC)) $(wildcard src/*/*.h)
	@mkdir -p $(@D)
	$(Q)grep -hv '^ *[/ ]\*' $^ | grep -oE '\bSYS_[a-z0-9_]+' | LC_ALL=C sort -u | \
		sed 's/SYS_//; $$!s/$$/,/; $$s/$$/./' > $@

$(MAN_PAGE): $(BUILD)/man/%: src/man/%.in $(TABLES) $(BUILD)/places $(BUILD)/man/syscalls
	$(say) MAN $@
	$(Q)sed -e 's|@LIBDIR@|$(LIBDIR)|' -e '/@SYSCALLS@/ { r $(BUILD)/man/syscalls' -e 'd; }' $< | \
		$(TABLES) mdoc > $@.new && mv $@.new $@

$(MAN_LINK): src/man/resetby.h.3.in
	@mkdir -p $(@D)
	$(Q)echo '.so man3/resetby.h.3' > $@

.PHONY: readme-tables
readme-tables: $(TABLES)
	$(Q)$(TABLES) markdown < README.md > $(BUILD)/man/README.md
	$(Q)cmp -s $(BUILD)/man/README.md README.md || cp $(BUILD)/man/README.md README.md

include src/completion/completion.mk
include tests/tests.mk
include examples/lab.mk

.PHONY: demo
demo: all $(BUILD)/examples/demo
	$(Q)RESETBY_BUILD=$(BUILD) examples/demo.sh

$(BUILD)/examples/%: examples/%.c $(BUILD)/flags
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) $(CFLAGS) -MMD -MP -o $@ $<

include src/package/package.mk

.PHONY: format lint
format:
	$(Q)git ls-files 'src/*.[ch]' 'include/*.h' 'tests/*.[ch]' 'examples/*.[ch]' | xargs clang-format -i

lint:
	$(RUN_TESTS) tests/unit/style.sh
	$(Q)clang-tidy --quiet $(LIB_SRC) $(CMD_SRC) src/man/tables.c src/completion/words.c -- $(BASE) $(PLACES) 2>/dev/null

.PHONY: clean
clean:
	$(Q)rm -rf $(BUILD)

-include $(LIB_OBJ:.o=.d) $(CMD_OBJ:.o=.d) $(wildcard $(BUILD)/tests/*/*.d)
