# Completion for bash, zsh and fish: scripts with the words of the .def files in them.

SHELLS     := bash zsh fish
COMPLETION := $(SHELLS:%=$(BUILD)/completion/resetby.%)
WORDS      := $(BUILD)/completion/words
all: $(COMPLETION)

$(WORDS): src/completion/words.c src/cmd/explain_pages.c src/why/causes.c src/rule/actions.c src/sys/errnames.c \
          src/sys/pen.c src/sys/text.c $(wildcard src/*/*.h src/*/*.def src/cmd/pages/*.def) $(BUILD)/flags
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(BASE) $(WARN) $(CFLAGS) -o $@ $(filter %.c,$^)

$(COMPLETION): $(BUILD)/completion/resetby.%: src/completion/resetby.%.in $(WORDS)
	$(say) GEN $@
	$(Q)$(WORDS) $* <$< >$@.new && mv $@.new $@
