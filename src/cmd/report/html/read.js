"use strict";

/* What the logs said, and how it is put into words. Everything from them is data, never markup. */

const report = JSON.parse(document.getElementById("report").textContent);

const FAMILIES = [
	["reset", "Reset"],
	["connecting", "While connecting"],
	["timeout", "Time-out"],
	["own", "Own doing: the other side sees the reset"],
	["other", "Other"],
];

const CAUSES = new Map(report.causes.map((cause) => [cause.cause, cause]));

function familyOf(id) {
	const kind = CAUSES.has(id) ? CAUSES.get(id).kind : "other";
	return FAMILIES.some(([name]) => name === kind) ? kind : "other";
}

function titleOf(id) {
	return CAUSES.has(id) ? CAUSES.get(id).title : "";
}

/* Controls, and what turns the direction of text, would show something else than what is there. */
function clean(string) {
	return String(string).replace(
		/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
		(c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
}

/* ---- numbers ---- */

function grouped(number) {
	return number.toLocaleString("en-GB");
}

function counted(number, noun) {
	return grouped(number) + " " + noun + (number === 1 ? "" : "s");
}

function bytes(number) {
	return counted(number, "byte");
}

/* Two units where a person would say two, else three digits. */
function duration(us) {
	const size = Math.abs(us);
	for (const [unit, name, part, partName] of [[86400e6, "d", 3600e6, "h"], [3600e6, "h", 60e6, "min"],
		[60e6, "min", 1e6, "s"]]) {
		const rest = Math.floor((size % unit) / part);
		if (size >= unit) {
			return Math.floor(size / unit) + " " + name + (rest > 0 ? ` ${rest} ${partName}` : "");
		}
	}
	const [unit, name] = [[1e6, "s"], [1e3, "ms"], [1, "µs"]].find(([unit]) => size >= unit) || [1e3, "ms"];
	return Number((size / unit).toPrecision(3)) + " " + name;
}

/* Microseconds since 1970; a number of 2^53 has room for them. */
function microseconds(ts) {
	return ts ? Date.parse(ts.slice(0, 19) + "Z") * 1000 + Number(ts.slice(20, 26)) : 0;
}

const ONE_DAY = (report.totals.first || "").slice(0, 10) === (report.totals.last || "").slice(0, 10);

function clock(ts, digits) {
	return (ONE_DAY ? "" : ts.slice(5, 10) + " ") + ts.slice(11, 20 + digits).replace(/[.Z]$/, "");
}

/* ---- a connection ---- */

function program(of) {
	return clean(of.exe) + "[" + of.pid + "]";
}

function callName(op, errno) {
	return errno && errno !== "none" ? op + " " + errno : op;
}

/* A client's peer has a port that says much; a server's peers have too many. */
function peerOf(connection) {
	return connection.side === "client"
		? connection.peer
		: connection.peer.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
}
