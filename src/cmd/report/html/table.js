/* The table of connections: what is chosen, in which order, and the page of it that is drawn. */

const PAGE_ROWS = 50;
const CHOICES_MOST = 60;
const ORDER_SURE = ["possible", "likely", "certain"];

const COLUMNS = [
	{ id: "rank", title: "#", hint: "the worst first", value: (c) => c.rank, number: true },
	{ id: "time", title: "Time", value: (c) => c.us },
	{ id: "cause", title: "Cause", value: (c) => c.cause },
	{ id: "sure", title: "Sure", value: (c) => -ORDER_SURE.indexOf(c.sure) },
	{ id: "call", title: "Call", value: (c) => callName(c.op, c.errno) },
	{ id: "program", title: "Program", value: (c) => program(c) },
	{ id: "peer", title: "Peer", value: (c) => c.peer },
	{ id: "age", title: "Age", value: (c) => -(c.age_ms === undefined ? -1 : c.age_ms), number: true },
];

const connections = report.connections;
connections.forEach((connection, i) => {
	connection.rank = i + 1;
	connection.us = microseconds(connection.ts);
	connection.name = clean(connection.exe);
});

const chosen = { cause: "", peer: "", program: "", text: "", sort: "rank", down: false, page: 0 };
const opened = new Set();

/* Made when first asked for: most reports are read without. */
function haystack(connection) {
	if (connection.words === undefined) {
		const other = connection.other_end || {};
		connection.words = [connection.cause, connection.sure, connection.op, connection.errno,
			connection.doc, program(connection), connection.local, connection.peer, connection.why,
			connection.state, connection.ts, other.exe ? program(other) : "", other.says || "",
			titleOf(connection.cause)].join(" ").toLowerCase();
	}
	return connection.words;
}

function matching() {
	const words = chosen.text.toLowerCase().split(/\s+/).filter(Boolean);
	return connections.filter((connection) =>
		(chosen.cause === "" || connection.cause === chosen.cause) &&
		(chosen.peer === "" || peerOf(connection) === chosen.peer) &&
		(chosen.program === "" || connection.name === chosen.program) &&
		words.every((word) => haystack(connection).includes(word)));
}

function sorted(list) {
	const { value } = COLUMNS.find((column) => column.id === chosen.sort);
	const sign = chosen.down ? -1 : 1;
	return list.sort((a, b) => {
		const one = value(a), other = value(b);
		return one < other ? -sign : one > other ? sign : a.rank - b.rank;
	});
}

/* ---- drawing ---- */

function detailRow(connection) {
	return html("tr", { class: "opened", role: "row", id: "detail-" + connection.rank },
		html("td", { role: "cell", colspan: COLUMNS.length }, detailOf(connection)));
}

function connectionRow(connection) {
	const isOpen = opened.has(connection);
	const button = html("button", { type: "button", class: "open", "aria-expanded": String(isOpen),
		"aria-label": `Connection ${connection.rank}: ${connection.cause}, ${clean(connection.peer)}` },
	String(connection.rank));
	return html("tr", { role: "row", class: "connection", "data-rank": connection.rank },
		cell(button, { class: "number rank" }),
		cell(clock(connection.ts, 3), { class: "time" }),
		cell(causeName(connection.cause), { class: "what" }),
		cell(connection.sure + (connection.other_end && connection.other_end.finding !== "none" ? ", both ends" : ""), { class: "sure" }),
		cell(callName(connection.op, connection.errno), { class: "code" }),
		cell(program(connection), { class: "code who" }),
		cell(clean(connection.peer), { class: "code peer" }),
		cell(connection.age_ms === undefined ? "" : duration(connection.age_ms * 1000), { class: "number age" }));
}

function showRows(found) {
	const from = chosen.page * PAGE_ROWS;
	byId("rows").replaceChildren(...found.slice(from, from + PAGE_ROWS).flatMap((connection) =>
		opened.has(connection) ? [connectionRow(connection), detailRow(connection)] : [connectionRow(connection)]));
}

function showCounts(found) {
	const pages = Math.max(1, Math.ceil(found.length / PAGE_ROWS));
	const from = chosen.page * PAGE_ROWS;
	const to = Math.min(found.length, from + PAGE_ROWS);
	byId("found").textContent = found.length === 0 ? "None matches."
		: found.length === connections.length ? ""
			: `${grouped(found.length)} of ${counted(connections.length, "connection")}`;
	byId("page").textContent = `${grouped(from + 1)} to ${grouped(to)} of ${grouped(found.length)}`;
	byId("pages").hidden = pages === 1;
	byId("previous").disabled = chosen.page === 0;
	byId("next").disabled = chosen.page + 1 >= pages;
}

function showOrder() {
	for (const heading of byId("columns").children) {
		const mine = heading.dataset.column === chosen.sort;
		heading.setAttribute("aria-sort", !mine ? "none" : chosen.down ? "descending" : "ascending");
	}
	byId("sort").value = chosen.sort;
}

function show() {
	const found = sorted(matching());
	chosen.page = Math.min(chosen.page, Math.max(0, Math.ceil(found.length / PAGE_ROWS) - 1));
	showRows(found);
	showCounts(found);
	showOrder();
	byId("clear").disabled = !chosen.cause && !chosen.peer && !chosen.program && !chosen.text;
	byId("table").hidden = connections.length === 0;
}

/* ---- choosing ---- */

function select(place, value) {
	if (![...place.options].some((option) => option.value === value)) {
		place.append(html("option", { value }, clean(value)));
	}
	place.value = value;
}

/* From elsewhere in the page: the table alone shows it, so it is brought into sight. */
function choose(what) {
	Object.assign(chosen, { cause: "", peer: "", program: "", text: "", page: 0 }, what);
	select(byId("by-cause"), chosen.cause);
	select(byId("by-peer"), chosen.peer);
	select(byId("by-program"), chosen.program);
	byId("by-text").value = chosen.text;
	show();
	if (what.cause || what.peer) {
		byId("connections").scrollIntoView();
		byId(what.cause ? "by-cause" : "by-peer").focus({ preventScroll: true });
	}
}

/* The most frequent ones; the text finds the others. */
function fillChoices(place, all, values) {
	const counts = new Map();
	for (const value of values) {
		counts.set(value, (counts.get(value) || 0) + 1);
	}
	const most = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, CHOICES_MOST);
	place.append(html("option", { value: "" }, all),
		...most.map(([value, count]) => html("option", { value }, `${clean(value)} (${grouped(count)})`)));
}

function sortBy(id) {
	chosen.down = chosen.sort === id && !chosen.down;
	chosen.sort = id;
	chosen.page = 0;
	show();
}

function turnPage(by) {
	chosen.page += by;
	opened.clear();
	show();
	byId("connections").scrollIntoView();
	const first = byId("rows").querySelector("button");
	if (first) {
		first.focus({ preventScroll: true });
	}
}

/* ---- opening ---- */

function setOpen(line, open) {
	const connection = connections[line.dataset.rank - 1];
	const button = line.querySelector("button");
	if (opened.has(connection) === open) {
		return;
	}
	button.setAttribute("aria-expanded", String(open));
	if (open) {
		opened.add(connection);
		line.after(detailRow(connection));
	} else {
		opened.delete(connection);
		line.nextElementSibling.remove();
	}
}

function onRowsClick(event) {
	const line = event.target.closest("tr.connection");
	if (line && getSelection().isCollapsed) {
		setOpen(line, line.querySelector("button").getAttribute("aria-expanded") !== "true");
	}
}

/* Arrows go from row to row, Escape closes the one that the focus is in. */
function onRowsKey(event) {
	const here = event.target.closest("tr");
	const line = here && here.classList.contains("opened") ? here.previousElementSibling : here;
	if (!line) {
		return;
	}
	const buttons = [...byId("rows").querySelectorAll("button.open")];
	const at = buttons.indexOf(line.querySelector("button.open"));
	if (event.key === "Escape") {
		setOpen(line, false);
		buttons[at].focus();
	} else if (event.target.matches("button.open") && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
		const next = buttons[at + (event.key === "ArrowDown" ? 1 : -1)];
		if (next) {
			next.focus();
		}
		event.preventDefault();
	}
}

function startTable() {
	byId("columns").append(...COLUMNS.map((column) => {
		const button = html("button", { type: "button", title: column.hint }, column.title);
		button.addEventListener("click", () => sortBy(column.id));
		return head(button, { "data-column": column.id, class: column.id + (column.number ? " number" : "") });
	}));
	byId("sort").append(...COLUMNS.map((column) =>
		html("option", { value: column.id }, column.id === "rank" ? "the worst first" : column.title)));
	fillChoices(byId("by-cause"), "any", connections.map((connection) => connection.cause));
	fillChoices(byId("by-peer"), "any", connections.map(peerOf));
	fillChoices(byId("by-program"), "any", connections.map((connection) => connection.exe).map(clean));
	for (const [id, key, event] of [["by-cause", "cause", "change"], ["by-peer", "peer", "change"],
		["by-program", "program", "change"], ["by-text", "text", "input"]]) {
		byId(id).addEventListener(event, () => {
			chosen[key] = byId(id).value;
			chosen.page = 0;
			show();
		});
	}
	byId("sort").addEventListener("change", () => sortBy(byId("sort").value));
	byId("clear").addEventListener("click", () => {
		choose({});
		byId("by-text").focus();
	});
	byId("filters").addEventListener("submit", (event) => event.preventDefault());
	byId("rows").addEventListener("click", onRowsClick);
	byId("rows").addEventListener("keydown", onRowsKey);
	byId("previous").addEventListener("click", () => turnPage(-1));
	byId("next").addEventListener("click", () => turnPage(1));
}

/* `#7`: the address of a connection, to send to a colleague. */
function openByAddress() {
	const connection = connections[Number(location.hash.slice(1)) - 1];
	if (!connection) {
		return;
	}
	choose({});
	chosen.page = Math.floor(sorted(matching()).indexOf(connection) / PAGE_ROWS);
	show();
	const line = byId("rows").querySelector(`tr[data-rank="${connection.rank}"]`);
	setOpen(line, true);
	line.scrollIntoView();
	line.querySelector("button").focus({ preventScroll: true });
}
