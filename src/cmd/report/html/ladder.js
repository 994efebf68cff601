/* A connection as a ladder: two parties, time going down, calls beside the lines, segments between. */

const ROW = 36;
const ARROW = 24;
const SLANT = 9;
const BREAK = 34;
const HEAD = 58;
const BREAK_FROM_US = 500000;

function relative(us) {
	return us === 0 ? "0" : (us < 0 ? "\u2212" : "+") + duration(us);
}

function short(string, width) {
	const room = Math.max(4, Math.floor(width / 6.9));
	return string.length > room ? string.slice(0, room - 1) + "\u2026" : string;
}

/* Who they are: the one that logged with its program, the other as far as known. */
function parties(connection) {
	const side = sideOf(connection);
	const other = connection.other_end;
	const own = { address: connection.local, who: program(connection) };
	const theirs = { address: connection.peer, who: other ? program(other) : "not logged" };
	return side === "left" ? { left: own, right: theirs } : { left: theirs, right: own };
}

function measure(connection, width) {
	const logged = { left: Boolean(connection.other_end) || sideOf(connection) === "left",
		right: Boolean(connection.other_end) || sideOf(connection) === "right" };
	const gutter = width < 480 ? 118 : Math.min(220, width * 0.26);
	const left = logged.left ? gutter : width < 480 ? 20 : 60;
	const right = width - (logged.right ? gutter : width < 480 ? 20 : 60);
	return { width, left, right, gutter, x: { left, right }, middle: (left + right) / 2 };
}

function half(place, from, to, y1, y2, how, tip) {
	return svg("line", { class: "segment " + how, x1: from, y1, x2: to, y2,
		"marker-end": tip ? "url(#tip)" : null });
}

/* The label stands on the arrow, short enough to stay between the lines. */
function drawArrow(place, arrow, y, family) {
	const from = place.x[arrow.from];
	const to = place.x[opposite(arrow.from)];
	const reset = arrow.label === "RST" || arrow.label === "ICMP" || arrow.arrived === "lost";
	const group = svg("g", { class: reset ? "arrow fatal " + family : "arrow" });
	const middle = place.middle;
	if (arrow.origin === "middle") {
		group.append(svg("circle", { class: "device", cx: middle, cy: y + SLANT / 2 + 1, r: 8 }),
			svg("text", { class: "device", x: middle, y: y + SLANT / 2 + 5, "text-anchor": "middle" }, "?"));
		group.append(half(place, middle + (to > from ? 9 : -9), to, y + SLANT / 2 + 1, y + SLANT, arrow.arrived, true));
	} else {
		group.append(half(place, from, middle, y, y + SLANT / 2, arrow.sent, false));
		if (arrow.arrived === "lost") {
			group.append(svg("path", { class: "lost", d: `M${middle - 5} ${y}l10 10m0 -10l-10 10` }));
		} else {
			group.append(half(place, middle, to, y + SLANT / 2, y + SLANT, arrow.arrived, true));
		}
	}
	const room = Math.abs(to - from) - 16;
	group.append(svg("text", { class: "on", x: middle, y: y - 4, "text-anchor": "middle" },
		short(arrow.brief && arrow.label.length * 6.4 > room ? arrow.brief : arrow.label, room)));
	return group;
}

/* A segment that no call shows has no moment of its own. */
function drawCall(place, event, y, family) {
	if (event.label === "") {
		return "";
	}
	const left = event.side === "left";
	const x = place.x[event.side];
	const at = left ? x - 10 : x + 10;
	const anchor = left ? "end" : "start";
	const room = place.gutter - 14;
	const mark = event.verdict
		? svg("path", { class: "verdict " + family, d: `M${x} ${y - 7}l7 7l-7 7l-7 -7z` })
		: svg("line", { class: "tick", x1: x - 4, x2: x + 4, y1: y, y2: y });
	return svg("g", { class: event.verdict ? "call failed " + family : "call" }, mark,
		svg("text", { x: at, y: y - 1, "text-anchor": anchor }, short(event.label, room)),
		svg("text", { class: "time", x: at, y: y + 13, "text-anchor": anchor }, relative(event.us)),
		event.note ? svg("text", { class: "time", x: at, y: y + 27, "text-anchor": anchor },
			svg("title", {}, event.note), short(event.note, room)) : null);
}

function drawBreak(place, y, us) {
	const zigzag = (x) => `M${x} ${y}l0 6l-6 4l12 6l-12 6l12 6l-6 4l0 2`;
	return svg("g", { class: "break" },
		svg("rect", { x: place.left - 8, y: y + 4, width: place.right - place.left + 16, height: BREAK - 8 }),
		svg("path", { d: zigzag(place.left) + zigzag(place.right) }),
		svg("text", { x: place.middle, y: y + 21, "text-anchor": "middle" }, "no call for " + duration(us)));
}

/* Below the call that was told: what it means. */
function drawVerdict(place, connection, y, family) {
	const width = Math.min(place.width, Math.max(place.right - place.left + 40, 330));
	const x = Math.max(0, Math.min(place.width - width, place.middle - width / 2));
	const rule = connection.other_end && connection.other_end.finding === "rule";
	return svg("g", { class: "said " + family },
		svg("rect", { class: "paper", x, y, width, height: 44 }),
		svg("rect", { class: "bar " + family, x, y, width: 3, height: 44 }),
		svg("text", { class: "cause", x: x + 12, y: y + 18 },
			short(`${connection.cause}, ${connection.sure}` + (rule ? ", by a rule" : ""), width - 16)),
		svg("text", { x: x + 12, y: y + 35 }, short(titleOf(connection.cause), width - 16)));
}

function drawParties(place, connection) {
	const both = parties(connection);
	const text = (x, y, anchor, name, string) =>
		svg("text", { class: name, x, y, "text-anchor": anchor }, string);
	/* On a narrow page the two would meet. */
	const drop = (both.left.address.length + both.right.address.length) * 7.4 > place.width - 24 ? 14 : 0;
	const side = connection.side === "unknown" ? ["this end", "the other end"] : ["client", "server"];
	return svg("g", { class: "parties" },
		text(0, 12, "start", "role", side[0] + ", " + clean(both.left.who)),
		text(0, 28, "start", "address", clean(both.left.address)),
		text(place.width, 12 + drop * 2, "end", "role", side[1] + ", " + clean(both.right.who)),
		text(place.width, 28 + drop * 2, "end", "address", clean(both.right.address)));
}

/* Rows first, for the lines of the parties are as long as all of them. */
function layOut(events, top) {
	let y = top;
	let before = null;
	return events.map((event) => {
		const gap = before === null ? 0 : event.us - before;
		const breakAt = gap >= BREAK_FROM_US ? y : null;
		y += breakAt === null ? 0 : BREAK;
		before = event.us;
		const at = y + 20;
		y = at + Math.max(ROW - 20 + (event.note ? 14 : 0), event.arrows.length * ARROW) + (event.verdict ? 60 : 0);
		return { event, y: at, breakAt, gap };
	});
}

function drawLadder(connection, width) {
	const ladder = ladderOf(connection);
	const place = measure(connection, width);
	const family = familyOf(connection.cause);
	const wide = (connection.local.length + connection.peer.length) * 7.4 <= width - 24;
	const top = HEAD - 20 + (wide ? 0 : 28);
	const rows = layOut(ladder.events, top);
	const bottom = Math.max(...rows.map((one) => one.y + Math.max(ROW, one.event.arrows.length * ARROW + 6) +
		(one.event.verdict ? 44 : 0)));
	const drawing = svg("svg", { role: "img", class: "ladder", width, height: bottom,
		viewBox: `0 0 ${width} ${bottom}`, "aria-label": describe(connection, ladder) },
	svg("defs", {}, svg("marker", { id: "tip", viewBox: "0 0 8 8", refX: 8, refY: 4, markerWidth: 8,
		markerHeight: 8, orient: "auto", markerUnits: "userSpaceOnUse" },
	svg("path", { d: "M0 0L8 4L0 8z", fill: "context-stroke" }))),
	drawParties(place, connection),
	svg("path", { class: "life", d: `M${place.left} ${top}V${bottom}M${place.right} ${top}V${bottom}` }));
	for (const { event, y, breakAt, gap } of rows) {
		if (breakAt !== null) {
			drawing.append(drawBreak(place, breakAt, gap));
		}
		event.arrows.forEach((one, i) => drawing.append(drawArrow(place, one, y + i * ARROW, family)));
		drawing.append(drawCall(place, event, y, family));
		if (event.verdict) {
			drawing.append(drawVerdict(place, connection,
				y + Math.max(18, event.arrows.length * ARROW - 4), family));
		}
	}
	return drawing;
}

/* ---- in words ---- */

function describe(connection, ladder) {
	return `Ladder of ${connection.local} and ${connection.peer}: ${counted(ladder.events.length, "step")}, ` +
		`in the end ${callName(connection.op, connection.errno)}: ${connection.cause}, ${connection.sure}. ` +
		"The list below has the same steps.";
}

function describeArrow(arrow, names) {
	const to = opposite(arrow.from);
	const what = arrow.brief || arrow.label;
	const more = arrow.label.slice(what.length);
	if (arrow.origin === "middle") {
		return `${what} from in between to the ${names[to]}`;
	}
	if (arrow.arrived === "lost") {
		return `${what} from the ${names[arrow.from]}${more}, never answered`;
	}
	const doubts = [arrow.sent === "inferred" ? "who sent it is inferred" : null,
		arrow.arrived === "inferred" ? "whether it arrived is not known" : null].filter(Boolean);
	return `${what} from the ${names[arrow.from]} to the ${names[to]}${more}` +
		(doubts.length > 0 ? ` (${doubts.join(", ")})` : "");
}

function stepList(connection) {
	const names = connection.side === "unknown"
		? { left: "end that logged", right: "other end" } : { left: "client", right: "server" };
	return html("ol", { class: "steps" }, ...ladderOf(connection).events.map((event) => html("li", {},
		html("span", { class: "time" }, event.label === "" ? "before" : relative(event.us)), " ",
		`${names[event.side]}: ${event.label || "no call"}${event.note ? ", " + event.note : ""}`,
		event.arrows.map((one) => "; " + describeArrow(one, names)),
		event.verdict ? `: ${connection.cause}, ${connection.sure}` : "")));
}
