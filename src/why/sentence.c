/* The evidence in words: one sentence for each cause, with the numbers that decided. */
#include "sentences.h"

#include "../sys/errnames.h"

void say_silence(const struct evidence *e, struct text *text)
{
	if (e->gap_ms > 0) {
		text_format(text, ", after a silence of %t", e->gap_ms);
	}
}

void say_moved(const struct evidence *e, struct text *text)
{
	text_format(text, "%z had been sent and %z received on this connection", e->bytes_out,
		    e->bytes_in);
}

void say_unread(const struct evidence *e, struct text *text)
{
	if (e->inq > 0) {
		text_format(text, "; %z of the peer's can still be read", (uint64_t)e->inq);
	}
}

void say_goodbye(const struct evidence *e, struct text *text)
{
	if (e->goodbye && e->last_turn == DIRECTION_WRITE) {
		text_string(text, "; what was written last has the form of TLS's goodbye "
				  "(close_notify), which needs no answer");
	} else if (e->goodbye && e->last_turn == DIRECTION_READ) {
		text_string(text, "; what came last has the form of TLS's goodbye "
				  "(close_notify), behind which nothing of the peer's is missing");
	}
}

void say_where(const struct evidence *e, struct text *text)
{
	bool ends = e->surface == SURFACE_CLOSE || e->surface == SURFACE_EXIT;
	if (ends && e->unseen) {
		text_string(text, "; no call that the library sees had been told of it");
	} else if (ends) {
		text_format(text, "; the program %s without having been told",
			    e->surface == SURFACE_EXIT ? "ended" : "closed");
	} else if (e->surface == SURFACE_DISCONNECT) {
		text_string(text, "; the program disconnected it (AF_UNSPEC) without having been "
				  "told, and its next call may be");
	}
}

void say_inherited(const struct evidence *e, struct text *text)
{
	if (e->heirloom) {
		text_string(
			text,
			"; the socket came from the parent and was never used here: should "
			"yet another process hold it, nothing is sent before that one closes it");
	} else if (e->lent) {
		text_string(text,
			    "; children were forked while it was open, and none of them has "
			    "it now: should a child of theirs hold it, nothing is sent before "
			    "that one closes it");
	} else if (e->inherited || e->learned) {
		text_string(text, "; an older process may hold the socket too, and then nothing is "
				  "sent before that one closes it");
	}
	if (e->in_call) {
		text_string(text, "; another thread waits in a call on it, and nothing is sent "
				  "before that one has returned");
	}
}

static void say_past(const struct evidence *e, struct text *text)
{
	text_format(text,
		    "%z that this process sent and %s%z that it received went past the library",
		    e->unseen_out, e->unseen_in_least ? "at least " : "", e->unseen_in);
}

static void blind_spot(const struct evidence *e, struct text *text)
{
	say_past(e, text);
	text_format(text,
		    ", of %z and %z in all: stdio on the socket, io_uring or system calls of its "
		    "own%s",
		    e->bytes_out, e->bytes_in,
		    e->learned ? ", unless another process has this socket and moved them" : "");
}

/* What every sentence about a connection ends with whose calls were not all seen. */
static void say_not_whole(const struct evidence *e, struct text *text)
{
	if (e->unseen_out > 0 || e->unseen_in > 0) {
		text_string(text, "; ");
		say_past(e, text);
		text_string(text, ", so that its counts and history are not whole");
	} else if (e->unseen) {
		text_string(text, "; the program uses stdio on this connection, whose calls the "
				  "library does not see");
	}
}

/* Nobody was asked but our own record. */
static void thin(const struct evidence *e, struct text *text)
{
	text_format(text, "%s ended with ", op_name(e->op));
	errno_write(text, e->error);
	text_format(
		text,
		", after calls that sent %z and received %z; the kernel was not asked for more, "
		"for the program has put itself under seccomp and could be killed for it",
		e->bytes_out, e->bytes_in);
}

static say *sentence_of(enum cause cause)
{
	static say *const *const families[] = {
		sentences_connecting, sentences_reset,   sentences_timeout,
		sentences_own,        sentences_warning,
	};
	for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
		if (families[i][cause] != NULL) {
			return families[i][cause];
		}
	}
	return cause == CAUSE_BLIND_SPOT ? blind_spot : NULL;
}

void why_sentence(const struct evidence *evidence, const struct verdict *verdict, struct text *text)
{
	say *const say_it = sentence_of(verdict->cause);
	if (evidence->sandboxed && verdict->sure == SURE_POSSIBLE) {
		thin(evidence, text);
	} else if (say_it != NULL) {
		say_it(evidence, text);
	} else {
		text_string(text, cause_infos[verdict->cause].title);
	}
	if (cause_infos[verdict->cause].kind != CAUSE_NOTICE) {
		say_not_whole(evidence, text);
	}
	text_char(text, '.');
}
