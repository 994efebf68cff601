/* Why a connect, or an accept, failed. */
#include "sentences.h"

#include <errno.h>
#include "../sys/errnames.h"
#include "schedule.h"

static void say_unread_icmp(const struct evidence *e, struct text *text)
{
	text_string(text,
		    e->state == STATE_SYN_SENT
			    ? "; from whom is in the error queue, which is not touched while the "
			      "SYN is still being sent"
			    : "; from whom the kernel has not kept for us (IPv6, or the program "
			      "reads the error queue itself)");
}

static void refused(const struct evidence *e, struct text *text)
{
	text_format(text,
		    "a RST answered the SYN after %t: nothing listens there, or a firewall says so",
		    e->connect_ms);
	if (e->icmp_unread) {
		text_string(text, "; or it was an ICMP answer");
		say_unread_icmp(e, text);
	}
}

static void rejected(const struct evidence *e, struct text *text)
{
	if (!e->connecting) {
		text_string(text,
			    "an ICMP error came for this connection, which lives on: TCP sends "
			    "again until it is answered or its limit is reached");
		return;
	}
	if (!e->icmp) {
		text_format(text, "an ICMP error (%s) answered the SYN after %t",
			    errno_name(e->error), e->connect_ms);
		say_unread_icmp(e, text);
		return;
	}
	text_string(text, "the SYN was answered with ICMP");
	text_string(text, e->icmp_family == AF_INET6 ? "v6" : "");
	text_format(text, " type %d code %d by ", e->icmp_type, e->icmp_code);
	struct addr offender = e->icmp_offender;
	offender.port = 0;
	addr_write_host(text, &offender);
	text_format(text, " after %t", e->connect_ms);
}

/* Host unreachable, or IPv6 address unreachable: what a failed look-up of a neighbour gives. */
static bool is_of_neighbour(const struct evidence *e)
{
	return e->icmp_family == AF_INET6 ? e->icmp_type == 1 && e->icmp_code == 3
					  : e->icmp_type == 3 && e->icmp_code == 1;
}

static const char *why_it_leads_nowhere(const struct evidence *e)
{
	return e->lacks_zone
		       ? "a link-local address is reached only through an interface that is named, "
			 "as in fe80::1%eth0"
	       : e->from_loopback
		       ? "the socket is bound to a loopback address, which leads to this "
			 "host only"
		       : "a blackhole route leads there";
}

static void unreachable(const struct evidence *e, struct text *text)
{
	if (e->error == EINVAL) {
		text_format(text, "nothing was sent: %s", why_it_leads_nowhere(e));
	} else if (e->icmp_local && is_of_neighbour(e)) {
		text_format(text,
			    "our own kernel gave up after %t: the neighbour did not answer, or a "
			    "local firewall rule pretends so",
			    e->connect_ms);
	} else if (e->icmp_local) {
		text_format(
			text,
			"a local firewall rule answered the SYN with ICMP type %d code %d after %t",
			e->icmp_type, e->icmp_code, e->connect_ms);
	} else if (e->icmp_unread) {
		text_format(text,
			    "%s after %t: the neighbour did not answer, or somebody sent ICMP",
			    errno_name(e->error), e->connect_ms);
		say_unread_icmp(e, text);
	} else if (e->error == EPERM || e->error == EACCES) {
		text_string(text,
			    "nothing was sent: a local firewall rule, route or policy forbids it");
	} else if (e->to_many) {
		text_string(text, "nothing was sent: that is a multicast or broadcast address, and "
				  "TCP has one peer");
	} else {
		text_string(text, "nothing was sent: this host has no route there");
	}
}

static void no_answer(const struct evidence *e, struct text *text)
{
	text_format(text, "nobody answered the SYN in %t", e->connect_ms);
	if (e->syn_sent_again > 0) {
		text_format(text, ", nor the %u that %s sent after it", e->syn_sent_again,
			    e->syn_sent_again == 1 ? "was" : "were");
	}
	text_string(text, "; ");
	schedule_write_syn(text, e);
}

static void abandoned(const struct evidence *e, struct text *text)
{
	bool ours = e->error != ECONNRESET || e->shut_read || e->shut_write || e->given_up;
	const char *how = !ours ? "another process that has this socket shut it down"
			  : e->error == EINPROGRESS || e->error == EALREADY ? "SO_SNDTIMEO ran out"
			  : e->given_up ? "the program disconnected the socket (AF_UNSPEC)"
			  : e->surface == SURFACE_EXIT ? "the program ended"
			  : e->surface == SURFACE_CLOSE && e->op != OP_SHUTDOWN
				  ? "the program closed the socket"
				  : "the program shut the socket down";
	text_format(text, "%s after %t in SYN_SENT, with no answer yet", how, e->connect_ms);
	if (e->total_retrans > 0) {
		text_format(text, " to the SYN and its %N", (uint64_t)e->total_retrans,
			    "retransmission");
	}
	if (e->rule != 0) {
		text_format(text, "; rule %u of resetby keeps the answer away", e->rule);
	}
}

static void ports_exhausted(const struct evidence *e, struct text *text)
{
	if (e->port_chosen) {
		text_string(text, "the local port that the program chose is taken towards this "
				  "destination");
	} else {
		text_format(text, "no free port in ip_local_port_range %D to %D", e->port_first,
			    e->port_last);
	}
	if (!e->has_source) {
		text_string(text, ", or no address of this host that leads there");
	}
	if (e->time_wait_count >= 0) {
		text_format(text, ", and %N of this host in TIME_WAIT",
			    (uint64_t)e->time_wait_count, "connection");
	}
}

say *const sentences_connecting[CAUSE_COUNT] = {
	[CAUSE_REFUSED] = refused,         [CAUSE_REJECTED] = rejected,
	[CAUSE_UNREACHABLE] = unreachable, [CAUSE_NO_ANSWER] = no_answer,
	[CAUSE_ABANDONED] = abandoned,     [CAUSE_PORTS_EXHAUSTED] = ports_exhausted,
};
