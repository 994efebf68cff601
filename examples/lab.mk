# make lab    every case of the catalogue of resets, lost handshakes and teardowns, made for real on its own (examples/rst-*.sh,
#             hs-*.sh, fin-*.sh), in one table; what each of them shows is in $(BUILD)/lab

.PHONY: lab
lab: all
	$(Q)RESETBY_BUILD=$(BUILD) examples/lib/run-all $(BUILD)/lab
