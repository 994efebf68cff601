#include "lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/** Kernel memory for what was captured and not read yet. */
#define CAPTURE_BUFFER (16 << 20)

/** Answers to answers that capture_settle() waits for: SYN, SYN-ACK, ACK, and one to spare. */
#define SETTLE_ROUNDS 4

static int64_t wall_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void capture_open(struct capture *capture, const char *device)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(device),
	};
	int room = CAPTURE_BUFFER;
	int on = 1;
	*capture = (struct capture){.loopback = strcmp(device, "lo") == 0};
	/* SOCK_DGRAM: packets from the IP header on. Protocol 0 until bound: nothing from elsewhere. */
	capture->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (capture->fd < 0 || address.sll_ifindex == 0) {
		fail_msg("capture on %s: %s", device, strerror(errno));
	}
	if (setsockopt(capture->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) != 0) {
		setsockopt(capture->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	}
	setsockopt(capture->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	if (bind(capture->fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		fail_msg("capture on %s: %s", device, strerror(errno));
	}
	capture->opened_us = wall_us();
}

void capture_close(struct capture *capture)
{
	close(capture->fd);
	free(capture->segments);
	*capture = (struct capture){.fd = -1};
}

/** What follows the IP header. Returns false for protocols that no test asks about. */
static bool parse_payload(const uint8_t *at, size_t captured, size_t length,
			  struct segment *segment)
{
	if (segment->protocol != IPPROTO_TCP) {
		segment->type = captured >= 2 ? at[0] : 0;
		segment->code = captured >= 2 ? at[1] : 0;
		return captured >= 2 &&
		       (segment->protocol == IPPROTO_ICMP || segment->protocol == IPPROTO_ICMPV6);
	}
	struct tcphdr tcp;
	if (captured < sizeof(tcp)) {
		return false;
	}
	memcpy(&tcp, at, sizeof(tcp));
	size_t header = tcp.th_off * 4U;
	if (header > captured || header > length) {
		return false;
	}
	segment->from_port = ntohs(tcp.th_sport);
	segment->to_port = ntohs(tcp.th_dport);
	segment->flags = tcp.th_flags;
	segment->seq = ntohl(tcp.th_seq);
	segment->ack = ntohl(tcp.th_ack);
	segment->window = ntohs(tcp.th_win);
	segment->length = (uint32_t)(length - header);
	size_t keep = captured - header;
	keep = keep < segment->length ? keep : segment->length;
	keep = keep < sizeof(segment->start) - 1 ? keep : sizeof(segment->start) - 1;
	memcpy(segment->start, at + header, keep);
	return true;
}

static bool parse(const uint8_t *packet, size_t captured, struct segment *segment)
{
	size_t header;
	size_t total;
	if (captured >= sizeof(struct iphdr) && packet[0] >> 4 == 4) {
		struct iphdr ip;
		memcpy(&ip, packet, sizeof(ip));
		header = ip.ihl * 4U;
		total = ntohs(ip.tot_len);
		segment->protocol = ip.protocol;
		inet_ntop(AF_INET, &ip.saddr, segment->from, sizeof(segment->from));
		inet_ntop(AF_INET, &ip.daddr, segment->to, sizeof(segment->to));
	} else if (captured >= sizeof(struct ip6_hdr) && packet[0] >> 4 == 6) {
		struct ip6_hdr ip;
		memcpy(&ip, packet, sizeof(ip));
		header = sizeof(ip);
		total = sizeof(ip) + ntohs(ip.ip6_plen);
		segment->protocol = ip.ip6_nxt;
		inet_ntop(AF_INET6, &ip.ip6_src, segment->from, sizeof(segment->from));
		inet_ntop(AF_INET6, &ip.ip6_dst, segment->to, sizeof(segment->to));
	} else {
		return false;
	}
	return header <= captured && header <= total &&
	       parse_payload(packet + header, captured - header, total - header, segment);
}

static int64_t stamp_us(struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			struct timespec stamp;
			memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
			return stamp.tv_sec * 1000000 + stamp.tv_nsec / 1000;
		}
	}
	return wall_us();
}

static struct segment *next_segment(struct capture *capture)
{
	if (capture->count == capture->room) {
		capture->room = capture->room ? capture->room * 2 : 64;
		capture->segments =
			realloc(capture->segments, capture->room * sizeof(struct segment));
	}
	struct segment *segment = &capture->segments[capture->count];
	*segment = (struct segment){0};
	return segment;
}

/** Take in all that was captured until now. */
static void drain(struct capture *capture)
{
	for (;;) {
		uint8_t packet[256];
		char control[128];
		struct sockaddr_ll from;
		struct iovec piece = {.iov_base = packet, .iov_len = sizeof(packet)};
		struct msghdr message = {
			.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &piece,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		ssize_t got = recvmsg(capture->fd, &message, 0);
		if (got < 0) {
			break;
		}
		struct segment *segment = next_segment(capture);
		bool counted = !capture->loopback || from.sll_pkttype == PACKET_OUTGOING;
		if (counted && parse(packet, (size_t)got, segment)) {
			segment->at_ms = (stamp_us(&message) - capture->opened_us) / 1000;
			capture->count++;
		}
	}
	struct tpacket_stats stats = {0};
	socklen_t size = sizeof(stats);
	if (getsockopt(capture->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0 &&
	    stats.tp_drops > 0) {
		fail_msg("the capture lost %u packets", stats.tp_drops);
	}
}

/** A datagram to ourselves over lo, sent and received: what this CPU had queued before is done. */
static void send_marker(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char byte = 0;
	/* A lost marker (a firewall rule of the test) is not waited for long. */
	struct timeval limit = {.tv_usec = 200000};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	bind(fd, (struct sockaddr *)&address, sizeof(address));
	getsockname(fd, (struct sockaddr *)&address, &size);
	if (sendto(fd, &byte, 1, 0, (struct sockaddr *)&address, size) == 1) {
		recv(fd, &byte, 1, 0);
	}
	close(fd);
}

/**
 * lo and veth hand packets over through one first-in first-out queue per CPU, shared by all
 * namespaces: after a marker went through each, all that was sent before has been received, and what
 * that caused to be sent is on its way.
 */
static void settle(void)
{
	cpu_set_t allowed;
	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
		return;
	}
	for (int round = 0; round < SETTLE_ROUNDS; round++) {
		for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
			cpu_set_t one;
			CPU_ZERO(&one);
			CPU_SET(cpu, &one);
			if (CPU_ISSET(cpu, &allowed) &&
			    sched_setaffinity(0, sizeof(one), &one) == 0) {
				send_marker();
			}
		}
	}
	sched_setaffinity(0, sizeof(allowed), &allowed);
}

static bool matches(const struct segment *segment, struct match match)
{
	return segment->protocol == IPPROTO_TCP &&
	       (match.from_port == 0 || segment->from_port == match.from_port) &&
	       (match.to_port == 0 || segment->to_port == match.to_port) &&
	       (segment->flags & match.set) == match.set && (segment->flags & match.clear) == 0 &&
	       (!match.data || segment->length > 0);
}

/** Look among what was taken in already. */
static const struct segment *find(struct capture *capture, struct match match, unsigned index)
{
	for (size_t i = 0; i < capture->count; i++) {
		if (matches(&capture->segments[i], match) && index-- == 0) {
			return &capture->segments[i];
		}
	}
	return NULL;
}

const struct segment *capture_find(struct capture *capture, struct match match, unsigned index)
{
	settle();
	drain(capture);
	return find(capture, match, index);
}

unsigned capture_count(struct capture *capture, struct match match)
{
	unsigned count = 0;
	settle();
	drain(capture);
	for (size_t i = 0; i < capture->count; i++) {
		count += matches(&capture->segments[i], match);
	}
	return count;
}

const struct segment *capture_await(struct capture *capture, struct match match, unsigned index)
{
	int64_t until = lab_now_ms() + LAB_PATIENCE_MS;
	for (;;) {
		drain(capture);
		const struct segment *segment = find(capture, match, index);
		if (segment != NULL) {
			return segment;
		}
		int64_t left = until - lab_now_ms();
		if (left <= 0) {
			capture_dump(capture);
			fail_msg("segment %u never came", index);
		}
		peer_poll(capture->fd, POLLIN, (int)left);
	}
}

bool capture_rst(struct capture *capture, uint16_t from_port)
{
	return capture_count(capture, (struct match){.from_port = from_port, .set = TH_RST}) > 0;
}

bool capture_fin(struct capture *capture, uint16_t from_port)
{
	return capture_count(capture, (struct match){.from_port = from_port, .set = TH_FIN}) > 0;
}

unsigned capture_icmp(struct capture *capture, int protocol, int type, int code)
{
	unsigned count = 0;
	settle();
	drain(capture);
	for (size_t i = 0; i < capture->count; i++) {
		const struct segment *segment = &capture->segments[i];
		count += segment->protocol == protocol && segment->type == type &&
			 segment->code == code;
	}
	return count;
}

static void print_segment(FILE *out, const struct segment *segment)
{
	static const char letters[] = "FSRPAU";
	fprintf(out, "%7lld ms  ", (long long)segment->at_ms);
	if (segment->protocol != IPPROTO_TCP) {
		fprintf(out, "%s > %s icmp %d/%d\n", segment->from, segment->to, segment->type,
			segment->code);
		return;
	}
	fprintf(out, "%s %u > %s %u ", segment->from, segment->from_port, segment->to,
		segment->to_port);
	for (int bit = 0; letters[bit]; bit++) {
		if (segment->flags >> bit & 1) {
			fputc(letters[bit], out);
		}
	}
	fprintf(out, " seq %u ack %u win %u length %u\n", segment->seq, segment->ack,
		segment->window, segment->length);
}

const char *capture_text(struct capture *capture)
{
	static char *text;
	size_t size;
	free(text);
	drain(capture);
	FILE *out = open_memstream(&text, &size);
	for (size_t i = 0; i < capture->count; i++) {
		print_segment(out, &capture->segments[i]);
	}
	fclose(out);
	return text;
}

void capture_dump(struct capture *capture)
{
	const char *text = capture_text(capture);
	for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
		lab_say("# %.*s", (int)strcspn(line, "\n"), line);
	}
}
