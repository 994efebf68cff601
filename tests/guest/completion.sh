#!/bin/bash
# Completion, as the shells themselves make it.
. "$(dirname "$0")/tap"
guest=$(realpath "$(dirname "$0")")
scripts=$build/completion

# What each shell offers for a line: offers_SHELL WORD... prints whole words, sorted.

# As readline cuts a line: at = and :, but not within quotes.
offers_bash() {
	bash -c '
		. "$1"
		shift
		COMP_WORDS=()
		for word; do
			case $word in
			[\"\x27]*) COMP_WORDS+=("$word") ;;
			"") COMP_WORDS+=("") ;;
			*) while IFS= read -r part; do COMP_WORDS+=("$part"); done \
				< <(grep -oE "[=:]+|[^=:]+" <<<"$word") ;;
			esac
		done
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_resetby
		[ ${#COMPREPLY[@]} -eq 0 ] || printf "%s\n" "${COMPREPLY[@]}"
	' bash "$scripts/resetby.bash" "$@" | LC_ALL=C sort -u
}

offers_fish() {
	# Since fish 4 a ? is a question mark, in patterns, too.
	fish_features=qmark-noglob fish --no-config -c '
		source $argv[1]
		set -l line (string escape -- $argv[2..-2]) $argv[-1]
		complete -C "$line"
	' "$scripts/resetby.fish" "$@" | cut -f1 | LC_ALL=C sort -u
}

shell_there() {
	command -v "$1" >/dev/null || skip "there is no $1 here"
}

# in_bash_and_fish WANTED WORD...: as one line, the last word is being typed
in_bash_and_fish() {
	local wanted=$1
	shift
	expect "$(offers_bash "$@" | tr '\n' ' ')" "$wanted"
	command -v fish >/dev/null || return 0
	expect "$(offers_fish "$@" | tr '\n' ' ')" "$wanted"
}

names() {
	"$resetby" list "$1" | cut -f1
}

subcommands() {
	"$resetby" --help | sed -nE 's/^  resetby ([a-z]+) .*/\1/p' | LC_ALL=C sort -u
}

subcommands_are_offered() {
	expect "$(offers_bash resetby '' | grep -v '^--')" "$(subcommands)"
	in_bash_and_fish "explain " resetby ex
	in_bash_and_fish "--version " resetby --v
}

# In both directions: an option that --help does not know is none, one that is not offered is missed.
options_are_those_of_help() {
	local name
	for name in $(subcommands); do
		"$resetby" "$name" --help | grep -oE '(^|[ |[])--?[A-Za-z]+' | tr -d ' |[' |
			grep -vx -e -h | LC_ALL=C sort -u >told
		offers_bash resetby "$name" - >offered
		grep -qx -e --help told || echo --help >>told
		LC_ALL=C sort -u told | diff - offered
		! command -v fish >/dev/null || offers_fish resetby "$name" - | diff - offered
	done
}

options_offer_their_values() {
	in_bash_and_fish "calls conns off resets " resetby run -L ''
	in_bash_and_fish "conns " resetby run -f json -L co
	in_bash_and_fish "json text " resetby run -f ''
	in_bash_and_fish "html json text " resetby report --format ''
	in_bash_and_fish "json " resetby report --format j
	in_bash_and_fish "" resetby run --seed ''
	touch some.log
	in_bash_and_fish "some.log " resetby run -l so
	in_bash_and_fish "some.log " resetby report --top 3 so
	in_bash_and_fish "some.log " resetby report other.log so
}

every_action_is_offered() {
	offers_bash resetby run -r '' | cut -d= -f1 | LC_ALL=C sort -u |
		diff - <(names actions | LC_ALL=C sort)
	in_bash_and_fish "leak leak= linger0 loss= " resetby run -r l
	in_bash_and_fish "unreachable unreachable=host unreachable=net " resetby check unreac
	in_bash_and_fish "linger0 " resetby run -L calls -r linger0 -r linger0 -r lin
}

every_selector_is_offered() {
	offers_bash resetby run -r "'linger0 " | sed 's/.* //; s/=.*//' | LC_ALL=C sort -u |
		diff - <(sed -n 's/^SELECTOR(\([a-z]*\),.*/\1/p' "$guest/../../src/rule/selectors.def" |
			grep -vx wait | LC_ALL=C sort)
	expect "$(offers_bash resetby run -r "'linger0 to=:443 si" | tr '\n' ,)" \
		"linger0 to=:443 side=client,linger0 to=:443 side=server,"
	expect "$(offers_bash resetby check '"unread=3 w' | tr '\n' ,)" \
		"unread=3 wait=,unread=3 when=close,unread=3 when=read,unread=3 when=write,"
	expect "$(offers_bash resetby check "'linger0; re" | tr '\n' ,)" \
		"linger0; refuse,linger0; reset,linger0; retry,linger0; retry=,"
}

values_behind_an_equals_sign_are_offered() {
	expect "$(offers_bash resetby check drop=s | tr '\n' ' ')" "syn synack "
	expect "$(offers_bash resetby check drop= | tr '\n' ' ')" "ack all fin finack rst syn synack "
	expect "$(offers_bash resetby check errno=EPIPE:ECONNRES)" ECONNRESET
	expect "$(offers_bash resetby report --format=j)" json
}

# What is offered is understood, once the values that no table knows are there.
what_is_offered_is_understood() {
	local action selector
	for action in $(offers_bash resetby check ''); do
		case $action in
		idle-evict= | user-timeout= | leak= | drain= | connect-timeout=) action+=2s ;;
		loss=) action+=3% ;;
		keepalive=) action+=60s/10s/3 ;;
		errno=*) action+=EIO ;;
		*=) action+=3 ;;
		esac
		"$resetby" check "$action" >/dev/null
	done
	for selector in $(offers_bash resetby check "'unread " | sed 's/.* //'); do
		case $selector in
		to= | at=) selector+=10.0.0.0/8:443 ;;
		exe= | starts=) selector+=GET ;;
		prob=) selector+=50% ;;
		conn= | times=) selector+=3 ;;
		after= | wait=) selector+=2s ;;
		when=write | when=close) continue ;;
		esac
		"$resetby" check "unread=3 $selector" >/dev/null
	done
}

causes_and_errnos_are_offered_to_explain() {
	local name
	offers_bash resetby explain '' >offered
	LC_ALL=C sort -u <(names causes) <(grep '^E' offered) | diff - offered
	[ "$(grep -c '^E' offered)" -ge 8 ]
	for name in $(cat offered); do
		"$resetby" explain "$name" >/dev/null
	done
	in_bash_and_fish "peer-abort " resetby explain peer-a
	in_bash_and_fish "ECONNABORTED ECONNREFUSED ECONNRESET " resetby explain ECONN
	in_bash_and_fish "" resetby explain refused r
}

what_list_and_help_take_is_offered() {
	local name
	in_bash_and_fish "actions causes hooks " resetby list ''
	for name in $(offers_bash resetby help ''); do
		expect "$(PATH=/nonexistent "$resetby" help "$name" 2>&1 | grep -c "no topic")" 0
	done
	in_bash_and_fish "rules run " resetby help ru
}

programs_and_their_arguments_are_completed() {
	expect "$(offers_bash resetby run -L calls sha256su)" sha256sum
	expect "$(offers_bash resetby run -- sha256su)" sha256sum
	expect "$(offers_bash resetby run -L calls sha256sum --)" ""
	touch a-file
	expect "$(offers_bash resetby run -L calls cat a-fi)" a-file
	shell_there fish
	expect "$(offers_fish resetby run -L calls sha256su | head -n 1)" sha256sum
	expect "$(offers_fish resetby run -L calls cat a-fi)" a-file
}

fish_completes_rules() {
	shell_there fish
	expect "$(offers_fish resetby check drop=s | tr '\n' ' ')" "drop=syn drop=synack "
	expect "$(offers_fish resetby check "'linger0 si" | tr '\n' ,)" \
		"linger0 side=client,linger0 side=server,"
	expect "$(offers_fish resetby check "'unread wa")" "unread wait="
	expect "$(offers_fish resetby check "'linger0 wa" | grep -c wait)" 0
	expect "$(offers_fish resetby check "'linger0; refu")" "linger0; refuse"
	expect "$(offers_fish resetby check errno=EPIPE:ECONNRES)" errno=EPIPE:ECONNRESET
	expect "$(offers_fish resetby report --format=j)" --format=json
}

# typed SHELL LINE WANTED: with a tab where the line has @
typed() {
	local line=${2//@/$'\t'}
	expect "$("$guest/completion/typed.py" "$1" "$script" "$line" | tr '\n' ' ')" "$3"
}

on_a_terminal() {
	typed "$1" 'resetby expl@ peer-abo@' "explain peer-abort "
	typed "$1" 'resetby run --se@ 3' "run --seed 3 "
	typed "$1" 'resetby run -L ca@ sha256su@' "run -L calls sha256sum "
	typed "$1" 'resetby check ling@' "check linger0 "
	typed "$1" 'resetby check drop=fina@' "check drop=finack "
	typed "$1" "resetby check 'linger0 side=cl@ ti@3'" "check linger0 side=client times=3 "
	touch some.log
	typed "$1" 'resetby report so@' "report some.log "
	typed "$1" 'resetby run -R so@ true' "run -R some.log true "
	typed "$1" 'resetby report --format=js@ some.log' "report --format=json some.log "
	typed "$1" 'resetby help rul@' "help rules "
	typed "$1" 'resetby list ac@' "list actions "
}

bash_completes_on_a_terminal() {
	script=$scripts/resetby.bash
	on_a_terminal bash
}

zsh_completes_on_a_terminal() {
	shell_there zsh
	mkdir functions
	script=$PWD/functions/_resetby
	cp "$scripts/resetby.zsh" "$script"
	on_a_terminal zsh
	typed zsh 'resetby expl@ECONNREF@' "explain ECONNREFUSED "
	typed zsh 'resetby check errno=EPIPE:ECONNRES@' "check errno=EPIPE:ECONNRESET "
	typed zsh 'resetby check refu@ ; resetby check refu@' "check refuse "
}

points \
	subcommands_are_offered \
	options_are_those_of_help \
	options_offer_their_values \
	every_action_is_offered \
	every_selector_is_offered \
	values_behind_an_equals_sign_are_offered \
	what_is_offered_is_understood \
	causes_and_errnos_are_offered_to_explain \
	what_list_and_help_take_is_offered \
	programs_and_their_arguments_are_completed \
	fish_completes_rules \
	bash_completes_on_a_terminal \
	zsh_completes_on_a_terminal
