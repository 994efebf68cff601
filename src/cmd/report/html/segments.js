/*
 * Which segments a connection's calls give away. An arrow has two halves, for two things are known
 * apart: that a segment was `sent`, and that it `arrived`. Each is known, inferred, or (of an
 * arrival) lost; `origin: "middle"` is a segment that neither end owns up to. `brief` is how the
 * label begins, for where there is no room for all of it.
 */

const WRITES = new Set(["send", "sendto", "sendmsg", "sendmmsg", "write", "writev", "pwritev2",
	"sendfile", "splice"]);
const READS = new Set(["recv", "recvfrom", "recvmsg", "recvmmsg", "read", "readv", "preadv2"]);
const ACCEPTS = new Set(["accept", "accept4"]);

/* Causes in which a RST arrived at the end that tells of it, and those in which it sent one. */
const RST_ARRIVED = new Set(["refused", "accept-overflow", "accept-aborted", "peer-closed-unread",
	"peer-closed-early", "peer-abort", "forgotten", "injected"]);
const RST_SENT = new Set(["closed-unread", "closed-linger0", "disconnected", "listener-closed",
	"exit-open", "late-data", "killed"]);
/* Nothing came back at all: what was sent in vain. */
const SILENCE = new Map([["no-answer", "SYN"], ["retransmit-limit", "data"], ["user-timeout", "data"],
	["keepalive-limit", "keepalive probes"], ["zero-window-limit", "window probes"]]);

/* The other end did it with a RST, or its kernel answered with one. */
const OWNED = new Set(["act", "rule", "close-rst", "close-fin", "exit"]);

function arrow(from, label, sent, arrived) {
	return { from, label, sent: sent || "known", arrived: arrived || "known" };
}

function opposite(side) {
	return side === "left" ? "right" : "left";
}

/* The client stands left. */
function sideOf(connection) {
	return connection.side === "server" ? "right" : "left";
}

function handshake(client, answered) {
	return [arrow(client, "SYN"), arrow(opposite(client), "SYN, ACK",
		answered ? "known" : "inferred", answered ? "known" : "inferred")];
}

/* How many of the last bytes written nobody acknowledged, for each write. */
function unacknowledged(calls, outq) {
	const left = new Map();
	let rest = outq === undefined ? 0 : outq;
	for (const call of [...calls].reverse()) {
		if (WRITES.has(call.op) && call.result > 0) {
			left.set(call, Math.min(rest, call.result));
			rest -= Math.min(rest, call.result);
		}
	}
	return left;
}

function dataArrow(side, call, open, outq) {
	const label = bytes(call.result);
	if (outq === undefined) {
		return arrow(side, label, "known", "inferred");
	}
	const what = open < call.result ? `${grouped(open)} of them not acknowledged` : "not acknowledged";
	return open > 0
		? { ...arrow(side, `${label}, ${what}`, "known", "inferred"), brief: label }
		: arrow(side, label);
}

/* What an ordinary call gives away. */
function arrowsOf(call, end, open) {
	const { side } = end;
	if (call.op === "connect" && call.result === 0) {
		return handshake(side, true);
	}
	if (call.op === "connect" && call.errno === "EINPROGRESS") {
		return end.connected ? handshake(side, false)
			: [arrow(side, "SYN", "known", end.silent ? "lost" : "inferred")];
	}
	if (ACCEPTS.has(call.op) && call.result >= 0 && !end.otherLogged) {
		return handshake(opposite(side), true);
	}
	if (WRITES.has(call.op) && call.result > 0) {
		return [dataArrow(side, call, open.get(call), end.outq)];
	}
	if (READS.has(call.op) && call.result > 0) {
		return [arrow(opposite(side), bytes(call.result))];
	}
	if (READS.has(call.op) && call.result === 0 && call.errno === "none") {
		return [arrow(opposite(side), "FIN")];
	}
	if (call.op === "shutdown" && call.result === 0) {
		return [{ ...arrow(side, "FIN, if it was the writing side", "inferred", "inferred"), brief: "FIN" }];
	}
	if (call.op === "close" && call.result === 0) {
		return [arrow(side, "FIN", "inferred", "inferred")];
	}
	return [];
}

/* Two ends that read and write the same bytes: an arrow is drawn for the writing. */
function withoutDoubles(events) {
	const written = events.some((event) => event.side === "left" && event.writes) &&
		events.some((event) => event.side === "right" && event.writes);
	for (const event of events) {
		const other = events.filter((one) => one.side !== event.side);
		const told = other.some((one) => one.writes && one.us <= event.us + 1000);
		if (event.reads && (told || written)) {
			event.arrows = [];
		}
	}
}

function labelOf(call) {
	return callName(call.op, call.errno) + (call.errno === "none" && !ACCEPTS.has(call.op) &&
		call.op !== "close" ? " = " + grouped(call.result) : "");
}

/* The calls of one end; `base` is when its line was written, on the clock of the page. */
function callsOf(end, history, base) {
	const open = unacknowledged(history, end.outq);
	return history.map((call) => ({
		us: base - call.ms * 1000,
		side: end.side,
		label: labelOf(call),
		arrows: arrowsOf(call, end, open),
		writes: WRITES.has(call.op) && call.result > 0,
		reads: READS.has(call.op) && call.result > 0,
		begins: call.op === "connect" || ACCEPTS.has(call.op),
		closes: call.op === "close",
		writing: WRITES.has(call.op),
	}));
}

/* A RST that arrived, and where it came from, as far as that is known. */
function resetArrow(connection, side) {
	const finding = connection.other_end ? connection.other_end.finding : "none";
	const rst = arrow(opposite(side), "RST", OWNED.has(finding) ? "known" : "inferred");
	return finding === "both" || finding === "unaware" ? { ...rst, origin: "middle" } : rst;
}

/* What the failing call met. */
function failureArrows(connection, side) {
	const { cause, retrans } = connection;
	const again = retrans > 0 ? `, sent again ${counted(retrans, "time")}` : "";
	const begun = connection.history.some((call) => call.op === "connect" && call.errno === "EINPROGRESS");
	const first = familyOf(cause) === "connecting" && !begun ? [arrow(side, "SYN")] : [];
	if (SILENCE.has(cause)) {
		const what = SILENCE.get(cause);
		return [{ ...arrow(side, what + again, "known", "lost"), brief: what }];
	}
	if (cause === "rejected") {
		return [...first.map((one) => ({ ...one, arrived: "inferred" })),
			{ ...arrow(opposite(side), "ICMP"), origin: "middle" }];
	}
	if (cause === "abandoned") {
		return [arrow(side, "SYN", "known", "inferred")];
	}
	if (RST_SENT.has(cause)) {
		return [arrow(side, "RST", "known", connection.other_end ? "known" : "inferred")];
	}
	return RST_ARRIVED.has(cause) ? [...first, resetArrow(connection, side)] : [];
}

/* When, on our clock and with the failure as 0, the other end did something. */
function ourTime(connection, ts) {
	const ahead = connection.other_end.ahead_us || 0;
	return microseconds(ts) - ahead - microseconds(connection.ts);
}

/* What ended the other end, where no call of its history says it. */
function otherClose(connection, side, calls) {
	const other = connection.other_end;
	if (!other.closed || calls.some((event) => event.closes)) {
		return [];
	}
	const words = { fin: "close", rst: "close", exit: "the process ended" };
	const segments = { fin: "FIN", rst: "RST", exit: "FIN" };
	if (!words[other.ended]) {
		return [{ us: ourTime(connection, other.closed), side, label: "close", arrows: [] }];
	}
	return [{
		us: ourTime(connection, other.closed), side, label: words[other.ended],
		arrows: [arrow(side, segments[other.ended], other.ended === "exit" ? "inferred" : "known")],
	}];
}

/* The events of the end that was logged elsewhere. */
function otherEvents(connection, side) {
	const other = connection.other_end;
	const end = { side, otherLogged: true, outq: undefined, connected: true };
	let events = [];
	if (other.history) {
		events = callsOf(end, other.history, ourTime(connection, other.ts));
		const last = events[events.length - 1];
		last.failed = other.errno !== "none";
		if (RST_SENT.has(other.cause)) {
			last.arrows = [arrow(side, "RST")];
			last.note = other.cause;
		} else if (other.finding === "both") {
			last.arrows = [{ ...arrow(opposite(side), "RST"), origin: "middle" }];
		}
	}
	if (other.rule && other.finding === "rule" && connection.other_end.before_us !== undefined) {
		events.push({ us: -other.before_us, side, label: "rule", note: clean(other.rule), arrows: [] });
	}
	if (!events.some((event) => event.begins) && other.opened) {
		events.push({ us: ourTime(connection, other.opened), side, begins: true, arrows: [],
			label: side === "right" ? "accept" : "connect" });
	}
	return [...events, ...otherClose(connection, side, events)];
}

function ownEvents(connection, side) {
	const end = { side, otherLogged: Boolean(connection.other_end), outq: connection.outq,
		connected: familyOf(connection.cause) !== "connecting", silent: SILENCE.has(connection.cause) };
	const events = callsOf(end, connection.history, 0);
	const last = events[events.length - 1];
	const told = last && last.us === 0 && last.label.startsWith(connection.op);
	const verdict = told ? events.pop()
		: { us: 0, side, label: callName(connection.op, connection.errno), arrows: [] };
	verdict.arrows = failureArrows(connection, side);
	verdict.verdict = true;
	if (!events.some((event) => event.begins) && connection.opened) {
		events.push({ us: microseconds(connection.opened) - microseconds(connection.ts), side,
			label: side === "left" ? "connected" : "accepted", begins: true,
			arrows: end.otherLogged && side === "right" ? [] : handshake("left", true) });
	}
	/* It wrote after the FIN: that this had arrived is certain, when is not. */
	if (connection.cause === "peer-closed-early" &&
		!events.some((event) => event.arrows.some((one) => one.label === "FIN"))) {
		const at = events.findLast((event) => event.writing);
		events.push({ us: at ? at.us - 1 : -1, side, label: "", arrows: [arrow(opposite(side), "FIN", "inferred")] });
	}
	events.push(verdict);
	if (connection.closed && connection.op !== "close") {
		const us = microseconds(connection.closed) - microseconds(connection.ts);
		if (us >= 0) {
			events.push({ us, side, label: connection.ended === "exit" ? "the process ended" : "close", arrows: [], after: true });
		}
	}
	return events;
}

/* The RST of a culprit is drawn where it was sent, and not a second time where it was noticed. */
function dropNoticed(events) {
	const sent = events.some((event) => !event.verdict && event.us <= 1000 &&
		event.arrows.some((one) => one.label === "RST" && one.sent === "known" && !one.origin));
	for (const event of events) {
		if (event.verdict && sent) {
			event.arrows = event.arrows.filter((one) => one.label !== "RST" || one.from === event.side);
		}
	}
}

/* A failure comes before what followed from it; calls of one moment keep their order. */
function ladderOf(connection) {
	const side = sideOf(connection);
	const other = connection.other_end;
	const own = ownEvents(connection, side);
	const events = other ? [...own, ...otherEvents(connection, opposite(side))] : own;
	events.forEach((event, i) => { event.order = i; });
	events.sort((a, b) => a.us - b.us || (a.after ? 1 : 0) - (b.after ? 1 : 0) || a.order - b.order);
	if (other) {
		withoutDoubles(events);
	}
	dropNoticed(events);
	return { side, events, clocksKnown: !other || other.ahead_us !== undefined };
}
