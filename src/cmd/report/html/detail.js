/* What one connection's row opens: its ladder, the evidence, and what to do. */

function fact(term, value, brief) {
	return value === undefined || value === null || value === "" ? null
		: html("div", { class: brief ? "brief" : null }, html("dt", {}, term), html("dd", {}, value));
}

function number(term, value) {
	return fact(term, value, true);
}

function milliseconds(value) {
	return value === undefined ? undefined : duration(value * 1000);
}

function size(value) {
	return value === undefined ? undefined : bytes(value);
}

function verdictWords(connection) {
	const alone = connection.logged_cause !== connection.cause || connection.logged_sure !== connection.sure;
	return `${connection.cause} (${connection.sure})` +
		(connection.answered_elsewhere ? "; another address answered" : "") + (alone
		? `; its own log alone says ${connection.logged_cause} (${connection.logged_sure})` : "");
}

function facts(connection) {
	const cause = CAUSES.get(connection.cause);
	const other = connection.other_end;
	return html("dl", { class: "facts" },
		fact("Verdict", verdictWords(connection)),
		fact("Evidence", clean(connection.why)),
		fact("Other end", other && other.says ? clean(other.says) + (other.why ? " Its log: " + clean(other.why) : "") : null),
		fact("It could also be", connection.sure === "certain" ? null : connection.else.join(", ")),
		fact("What to do", other && other.finding === "rule" ? "Remove the rule at the other end."
			: cause ? cause.advice : null),
		fact("The program was told", `${connection.op} ${connection.errno}, \u201c${clean(connection.doc)}\u201d`),
		fact("When", connection.ts.replace("T", " ").replace("Z", " UTC")),
		fact("Connection", `number ${connection.conn} of ${program(connection)}, ${connection.side}`),
		number("Age", milliseconds(connection.age_ms)),
		number("Silence before the last write", milliseconds(connection.idle_ms)),
		number("State", clean(connection.state)),
		number("In the receive buffer", size(connection.inq)),
		number("Sent, not acknowledged", size(connection.outq)),
		number("Sent again", connection.retrans === undefined ? null : counted(connection.retrans, "segment")),
		number("Round trip", connection.rtt_us === undefined ? null : duration(connection.rtt_us)),
		number("Request, response so far", connection.req_bytes === undefined ? null
			: bytes(connection.req_bytes) + ", " + bytes(connection.resp_bytes || 0)),
		number("Whole connection", connection.bytes_out === undefined ? null
			: bytes(connection.bytes_out) + " out, " + bytes(connection.bytes_in) + " in"));
}

function notes(connection) {
	const ladder = ladderOf(connection);
	const lines = ["Solid: known from the calls and the kernel. Dashed: inferred. " +
		"Times count from the moment the program was told."];
	if (connection.history.length >= 16) {
		lines.push("Only the last 16 calls are kept.");
	}
	if (!connection.other_end) {
		lines.push("The other end was not logged: run it under resetby, too, to see its calls.");
	} else if (!connection.other_end.history) {
		lines.push("The other end logged no error here, so its single calls are not known.");
	}
	if (!ladder.clocksKnown) {
		lines.push("The two clocks could not be compared: the order between the ends is a guess.");
	}
	return html("p", { class: "note" }, lines.join(" "));
}

function detailOf(connection) {
	const drawing = html("div", { class: "drawing" });
	fill(drawing, (width) => drawLadder(connection, width));
	return html("div", { class: "detail" },
		html("div", { class: "picture" }, drawing, notes(connection),
			disclosure("The same as a list", () => stepList(connection))),
		facts(connection));
}
