/* The overview: errors over time, causes, peers. */

const PEERS_FIRST = 10;
const PEERS_MOST = 200;
const BINS_LEAST = 24;

/* Bins with nothing in them are not in the document. */
function binsOf(timeline) {
	const width = timeline.width_ms * 1000;
	const first = microseconds(timeline.bins[0].ts);
	const last = microseconds(timeline.bins[timeline.bins.length - 1].ts);
	const used = Math.round((last - first) / width) + 1;
	const before = Math.floor(Math.max(0, BINS_LEAST - used) / 2);
	const bins = [];
	for (let i = 0; i < Math.max(used, BINS_LEAST); i++) {
		bins.push({ us: first + (i - before) * width, count: 0, causes: {} });
	}
	for (const bin of timeline.bins) {
		const at = Math.round((microseconds(bin.ts) - first) / width) + before;
		bins[at] = { us: microseconds(bin.ts), count: bin.count, causes: bin.causes };
	}
	return bins;
}

/* Causes of one family beside each other, so that its colour is one piece. */
function stacked(causes) {
	return FAMILIES.flatMap(([family]) => Object.entries(causes)
		.filter(([id]) => familyOf(id) === family)
		.map(([id, count]) => ({ id, family, count })));
}

function listed(causes) {
	return stacked(causes).map((part) => part.id + " " + grouped(part.count)).join(", ");
}

function stamp(us) {
	return new Date(us / 1000).toISOString();
}

/* 1, 2, 5, 10 ...: the next above. */
function round(number) {
	const power = 10 ** Math.floor(Math.log10(number));
	return [1, 2, 5, 10].find((step) => step * power >= number) * power;
}

function drawBar(bin, x, width, scale, bottom) {
	const bar = svg("g", {}, svg("title", {},
		clock(stamp(bin.us), 0) + ": " + counted(bin.count, "error") + ": " + listed(bin.causes)));
	let y = bottom;
	for (const part of stacked(bin.causes)) {
		const height = part.count * scale;
		y -= height;
		bar.append(svg("rect", {
			class: "bar " + part.family, x: x + 1, width: Math.max(1, width - 2),
			y: y, height: Math.max(1, height - (height > 3 ? 1 : 0)),
		}));
	}
	return bar;
}

function drawTimeline(width) {
	const bins = binsOf(report.timeline);
	const most = Math.max(...bins.map((bin) => bin.count));
	const top = round(most);
	const left = 16 + 8 * grouped(top).length;
	const height = 168;
	const bottom = height - 24;
	const scale = (bottom - 10) / top;
	const step = (width - left) / bins.length;
	const drawing = svg("svg", { role: "img", width, height, viewBox: `0 0 ${width} ${height}`,
		"aria-label": describeTimeline(bins, most) });
	for (const value of top > 1 ? [top, top / 2] : [top]) {
		const y = bottom - value * scale;
		drawing.append(svg("line", { class: "grid", x1: left, x2: width, y1: y, y2: y }),
			svg("text", { x: left - 8, y: y + 4, "text-anchor": "end" }, grouped(value)));
	}
	bins.forEach((bin, i) => {
		if (bin.count > 0) {
			drawing.append(drawBar(bin, left + i * step, step, scale, bottom));
		}
	});
	drawing.append(svg("line", { class: "axis", x1: left, x2: width, y1: bottom + 0.5, y2: bottom + 0.5 }));
	const labels = width > 640 ? 4 : 2;
	for (let i = 0; i <= labels; i++) {
		const at = Math.min(bins.length - 1, Math.round((bins.length * i) / labels));
		const end = i === labels;
		drawing.append(svg("text", {
			x: end ? width : left + at * step, y: height - 6,
			"text-anchor": end ? "end" : i === 0 ? "start" : "middle",
		}, clock(stamp(end ? bins[at].us + report.timeline.width_ms * 1000 : bins[at].us), 0)));
	}
	return drawing;
}

function describeTimeline(bins, most) {
	const worst = bins.find((bin) => bin.count === most);
	return "Errors over time, a bar for each " + duration(report.timeline.width_ms * 1000) +
		". The highest: " + counted(most, "error") + " from " + clock(stamp(worst.us), 0) + " on.";
}

function timelineTable() {
	return table(null, [head("From"), head("Errors", { class: "number" }), head("Causes")],
		report.timeline.bins.map((bin) => row(cell(clock(bin.ts, 0)),
			cell(grouped(bin.count), { class: "number" }), cell(listed(bin.causes)))));
}

/* A drawing that fills the width of its place and is made anew when that changes. */
function fill(place, draw) {
	let width = 0;
	new ResizeObserver(() => {
		const now = Math.floor(place.clientWidth);
		if (now > 0 && now !== width) {
			width = now;
			place.replaceChildren(draw(now));
		}
	}).observe(place);
}

function showTimeline() {
	const place = byId("when");
	if (report.timeline.bins.length === 0) {
		place.append("Not one error.");
		byId("families").hidden = true;
		return;
	}
	const drawing = html("div", { class: "drawing" });
	place.append(drawing,
		html("p", { class: "note" }, "Errors, UTC; a bar is " + duration(report.timeline.width_ms * 1000) + "."),
		disclosure("The same as a table", timelineTable));
	fill(drawing, drawTimeline);
	const used = new Set(report.causes.filter((cause) => cause.count > 0)
		.map((cause) => familyOf(cause.cause)));
	byId("families").append(...FAMILIES.filter(([family]) => used.has(family))
		.map(([family, title]) => html("li", {}, swatch(family), title)));
}

/* ---- bars in the text ---- */

function bars(causes, most, label) {
	const drawing = svg("svg", { class: "bars", role: "img", "aria-label": label, viewBox: "0 0 100 8",
		preserveAspectRatio: "none" });
	let x = 0;
	for (const part of stacked(causes)) {
		const width = (part.count / most) * 100;
		drawing.append(svg("rect", { class: "bar " + part.family, x, y: 0, width, height: 8 }));
		x += width;
	}
	return drawing;
}

function certainty(cause) {
	return ["certain", "likely", "possible"].filter((sure) => cause[sure] > 0)
		.map((sure) => grouped(cause[sure]) + " " + sure).join(", ");
}

function causeItem(cause, most) {
	const button = html("button", { type: "button", class: "link" }, causeName(cause.cause));
	button.addEventListener("click", () => choose({ cause: cause.cause }));
	return html("li", {},
		html("div", { class: "line" }, button, html("span", { class: "count" }, grouped(cause.count))),
		bars({ [cause.cause]: cause.count }, most, counted(cause.count, "error")),
		html("p", {}, cause.title),
		html("p", { class: "note" }, [certainty(cause),
			cause.joined > 0 ? grouped(cause.joined) + " by the log of the other end" : null,
			cause.by_rule > 0 ? grouped(cause.by_rule) + " made by a rule" : null,
		].filter(Boolean).join("; ")));
}

function showCauses() {
	const causes = report.causes.filter((cause) => cause.count > 0);
	const most = Math.max(1, ...causes.map((cause) => cause.count));
	byId("causes").append(causes.length > 0
		? html("ul", { class: "ranking" }, ...causes.map((cause) => causeItem(cause, most)))
		: "No error.");
}

function peerItem(peer, most) {
	const button = html("button", { type: "button", class: "link address" }, clean(peer.peer));
	button.addEventListener("click", () => choose({ peer: peer.peer }));
	return html("li", {},
		html("div", { class: "line" }, button, html("span", { class: "count" }, grouped(peer.errors))),
		bars(peer.causes, most, counted(peer.errors, "error")),
		html("p", { class: "note" }, "in " + counted(peer.connections, "connection") + ": " +
			listed(peer.causes) + (peer.warnings > 0 ? "; " + counted(peer.warnings, "warning") : "")));
}

function showPeers() {
	const peers = report.peers.filter((peer) => peer.errors > 0);
	const most = Math.max(1, ...peers.map((peer) => peer.errors));
	const list = html("ul", { class: "ranking" },
		...peers.slice(0, PEERS_FIRST).map((peer) => peerItem(peer, most)));
	byId("peers").append(peers.length > 0 ? list : "No peer with errors.");
	if (peers.length > PEERS_FIRST) {
		const shown = Math.min(peers.length, PEERS_MOST);
		byId("peers").append(disclosure(
			`${grouped(shown - PEERS_FIRST)} more` + (peers.length > shown ? ` of ${grouped(peers.length - PEERS_FIRST)}` : ""),
			() => html("ul", { class: "ranking" },
				...peers.slice(PEERS_FIRST, shown).map((peer) => peerItem(peer, most)))));
	}
	const more = report.peers_not_listed;
	if (more.peers > 0) {
		byId("peers").append(html("p", { class: "note" },
			`${counted(more.peers, "peer")} with ${counted(more.errors, "error")} are not listed.`));
	}
}
