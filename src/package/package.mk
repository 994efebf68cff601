# make install      PREFIX=/usr/local DESTDIR=
# make uninstall    takes away what install put there, also the directories that it had to make
#

DATADIR ?= $(PREFIX)/share

# What is installed: mode, file, place.
INSTALLED := 755:$(BUILD)/resetby:$(BINDIR)/resetby \
             644:$(BUILD)/libresetby.so:$(LIBDIR)/libresetby.so \
             644:include/resetby.h:$(INCDIR)/resetby.h \
             $(foreach page,$(MAN),644:$(BUILD)/man/$(page):$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(page))

# The directories that install had to make, in that order: only these may go again.
MADE = $(DESTDIR)$(DATADIR)/resetby/directories

.PHONY: install uninstall
install: all
	$(say) INST $(DESTDIR)$(PREFIX)
	$(Q)LC_ALL=C; export LC_ALL; umask 022; set -e; \
	made=$$(for file in $(INSTALLED) ::$(DATADIR)/resetby/directories; do \
		install -d -v "$(DESTDIR)$$(dirname "$${file##*:}")"; \
	done | sed -n "s/^install: creating directory '\(.*\)'$$/\1/p"); \
	for file in $(INSTALLED); do \
		mode=$${file%%:*}; from=$${file#*:}; \
		install -m "$$mode" "$${from%%:*}" "$(DESTDIR)$${file##*:}"; \
	done; \
	[ -e "$(MADE)" ] || : >"$(MADE)"; \
	[ -z "$$made" ] || printf '%s\n' "$$made" | \
		while IFS= read -r directory; do printf '%s\n' "$${directory#"$(DESTDIR)"}"; done >>"$(MADE)"

uninstall:
	$(Q)for file in $(INSTALLED); do rm -f "$(DESTDIR)$${file##*:}" || exit; done; \
	made=$$(tac "$(MADE)" 2>/dev/null); rm -f "$(MADE)"; \
	printf '%s\n' "$$made" | while IFS= read -r directory; do \
		[ ! -d "$(DESTDIR)$$directory" ] || [ -z "$$directory" ] || \
			rmdir --ignore-fail-on-non-empty "$(DESTDIR)$$directory"; \
	done
