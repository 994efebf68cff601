# make lab    every item of the notes in README.md made for real (examples/rst-*.sh, hs-*.sh, fin-*.sh),
#             in one table; what each of them shows is in $(BUILD)/lab

.PHONY: lab
lab: all
	$(Q)RESETBY_BUILD=$(BUILD) examples/lib/run-all $(BUILD)/lab
