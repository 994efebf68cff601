# make install      PREFIX=/usr/local DESTDIR=
# make uninstall    takes away what install put there, also the directories that it had to make
# make dist         build/resetby-VERSION.tar.gz; the same source gives the same bytes
# make deb          build/resetby_VERSION_ARCH.deb, for a Debian with the glibc that it was built with;
#                   DEB_MAINTAINER='NAME <ADDRESS>' is whom it names
#
# Times in dist and deb are SOURCE_DATE_EPOCH: the last commit's, when it is not set.

DATADIR ?= $(PREFIX)/share
DOCDIR  ?= $(DATADIR)/doc/resetby
BASHDIR ?= $(DATADIR)/bash-completion/completions
ZSHDIR  ?= $(DATADIR)/zsh/site-functions
FISHDIR ?= $(DATADIR)/fish/vendor_completions.d

# Where README.md finds them by its links.
DOCS := README.md examples/recipes.md $(sort $(wildcard examples/always-on/*))

# What is installed: mode, file, place. In quotes, for a place may have blanks.
INSTALLED := '755:$(BUILD)/resetby:$(BINDIR)/resetby' \
             '644:$(BUILD)/libresetby.so:$(LIBDIR)/libresetby.so' \
             '644:include/resetby.h:$(INCDIR)/resetby.h' \
             '644:$(BUILD)/completion/resetby.bash:$(BASHDIR)/resetby' \
             '644:$(BUILD)/completion/resetby.zsh:$(ZSHDIR)/_resetby' \
             '644:$(BUILD)/completion/resetby.fish:$(FISHDIR)/resetby.fish' \
             $(foreach page,$(MAN) $(MAN_SO),'644:$(BUILD)/man/$(page):$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(page)') \
             $(foreach doc,$(DOCS),'644:$(doc):$(DOCDIR)/$(doc)')

# The directories that install had to make, in that order: only these may go again.
MADE = $(DESTDIR)$(DATADIR)/resetby/directories

# A directory that is there keeps its mode, which install -d would change.
.PHONY: install uninstall
install: all
	$(say) INST '$(DESTDIR)$(PREFIX)'
	$(Q)LC_ALL=C; export LC_ALL; umask 022; set -e; \
	made=$$(for file in $(INSTALLED) '::$(DATADIR)/resetby/directories'; do \
		directory="$(DESTDIR)$$(dirname "$${file##*:}")"; \
		[ -d "$$directory" ] || install -d -v "$$directory"; \
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

# Of this source: a tarball may have been unpacked in a checkout of something else.
IN_GIT = [ -e .git ]

# Asked once: as it is exported, each command would ask again.
ifeq ($(origin SOURCE_DATE_EPOCH),undefined)
SOURCE_DATE_EPOCH := $(shell $(IN_GIT) && git log -1 --format=%ct 2>/dev/null || date -r Makefile +%s)
endif
export SOURCE_DATE_EPOCH

# The files of the source: as git knows them, or all there are where the source came as a tarball.
SOURCE = { $(IN_GIT) && git ls-files -z 2>/dev/null || find . -name .git -prune -o -path ./$(BUILD) -prune -o -type f -printf '%P\0'; }
DIST   := resetby-$(VERSION)

.PHONY: dist
dist:
	$(say) DIST $(BUILD)/$(DIST).tar.gz
	$(Q)! $(IN_GIT) || git diff --quiet HEAD 2>/dev/null || \
		echo "dist: with changes that are not committed" >&2
	$(Q)$(SOURCE) | LC_ALL=C sort -z | tar --create --no-recursion --null --files-from=- \
		--transform='s,^,$(DIST)/,' --format=ustar --owner=root:0 --group=root:0 \
		--mode=u+rw,go+r,go-w,a+X,a-s --mtime=@$(SOURCE_DATE_EPOCH) >$(BUILD)/$(DIST).tar
	$(Q)gzip -9 -n -f $(BUILD)/$(DIST).tar

DEB_MAINTAINER ?= resetby maintainers <maintainers@resetby.example>
# Of the compiler, so that a cross compiler makes a package for its own target.
MULTIARCH      ?= $(shell $(CC) -print-multiarch 2>/dev/null || $(CC) -dumpmachine | sed s/-pc-/-/)
DEB_ARCH       := $(patsubst x86_64-%,amd64,$(patsubst aarch64-%,arm64,$(MULTIARCH)))
DEB_TREE       := $(BUILD)/deb/tree
DEB_DOC        := $(DEB_TREE)/usr/share/doc/resetby
DEB            := $(BUILD)/resetby_$(VERSION)_$(DEB_ARCH).deb
STRIP          ?= strip
# Built apart: the command knows where its library is installed.
DEB_MAKE       = $(SUBMAKE) BUILD=$(BUILD)/deb PREFIX=/usr LIBDIR=/usr/lib/$(MULTIARCH) \
                 ZSHDIR=/usr/share/zsh/vendor-completions DESTDIR=$(DEB_TREE)

.PHONY: deb
deb:
	$(Q)rm -rf $(DEB_TREE)
	$(Q)$(DEB_MAKE) install
	$(say) DEB $(DEB)
	$(Q)rm -r $(DEB_TREE)/usr/share/resetby
	$(Q)$(STRIP) --strip-unneeded --remove-section=.comment --remove-section=.note \
		$(DEB_TREE)/usr/bin/resetby $(DEB_TREE)/usr/lib/$(MULTIARCH)/libresetby.so
	$(Q)install -d $(DEB_TREE)/DEBIAN $(DEB_TREE)/usr/share/lintian/overrides
	$(Q)install -m 644 src/package/lintian-overrides $(DEB_TREE)/usr/share/lintian/overrides/resetby
	$(Q)install -m 644 src/package/copyright $(DEB_DOC)/copyright
	$(Q)$(DEB_FILL) src/package/changelog.in | gzip -9 -n >$(DEB_DOC)/changelog.gz
	$(Q)gzip -9 -n $(DEB_TREE)/usr/share/man/man*/*
	$(Q)echo 'activate-noawait ldconfig' >$(DEB_TREE)/DEBIAN/triggers
	$(Q)cd $(DEB_TREE) && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum >DEBIAN/md5sums
	$(Q)$(DEB_FILL) -e "s|@SIZE@|$$(du -k -s $(DEB_TREE)/usr | cut -f1)|" \
		-e "s|@GLIBC@|$$($(GLIBC_WANTED))|" src/package/control.in >$(DEB_TREE)/DEBIAN/control
	$(Q)chmod 644 $(DEB_DOC)/changelog.gz $(DEB_TREE)/DEBIAN/*
	$(Q)dpkg-deb --root-owner-group -Zxz --build $(DEB_TREE) $(DEB) >/dev/null

DEB_FILL = sed -e 's|@VERSION@|$(VERSION)|' -e 's|@ARCH@|$(DEB_ARCH)|' \
           -e 's|@MAINTAINER@|$(DEB_MAINTAINER)|' \
           -e "s|@DATE@|$$(LC_ALL=C date -u -R -d @$(SOURCE_DATE_EPOCH))|"

# The newest version of a symbol of glibc that is asked for.
GLIBC_WANTED = readelf -V $(DEB_TREE)/usr/bin/resetby $(DEB_TREE)/usr/lib/$(MULTIARCH)/libresetby.so | \
               grep -oE 'GLIBC_[0-9.]+' | sed 's/GLIBC_//' | sort -V | tail -n 1
