/* What stands around it, and the beginning. */

function showHead() {
	const { totals } = report;
	byId("headline").textContent = clean(report.headline);
	byId("advice").textContent = clean(report.advice);
	byId("note").textContent = clean(report.note);
	const parts = [
		counted(totals.connections, "connection"),
		grouped(totals.failed) + " failed",
		counted(totals.errors, "error"),
		counted(totals.warnings, "warning"),
		totals.processes === 1 ? "1 process" : grouped(totals.processes) + " processes",
		totals.both_ends > 0 ? "both ends logged of " + grouped(totals.both_ends) : null,
		counted(totals.logs, "log"),
	].filter(Boolean);
	const span = totals.first === null ? ""
		: `${totals.first.slice(0, 19).replace("T", " ")} to ${(totals.last || "").slice(ONE_DAY ? 11 : 0, 19).replace("T", " ")} UTC`;
	byId("totals").append(...parts.map((part) => html("span", {}, part)),
		span ? html("span", {}, span) : "");
	document.title = "resetby: " + clean(report.headline).split(/[.:] /)[0];
}

function showNote() {
	const left = report.connections_not_listed;
	byId("connections-note").textContent = connections.length === 0
		? "No connection met an error."
		: "Each end that met an error has a row, the worst first; open one for its ladder." +
			(left > 0 ? ` ${grouped(left)} more ${left === 1 ? "is" : "are"} only counted.` : "");
}

function section(title, ...content) {
	return html("section", {}, html("h2", {}, title), ...content);
}

function ruleWords(rule) {
	return [
		rule.retried + rule.refused + rule.renewed > 0
			? `retried ${grouped(rule.retried)}, refused ${grouped(rule.refused)}, renewed ${grouped(rule.renewed)}` : null,
		rule.idle > 0 ? "it cannot act here" : null,
		clean(rule.by),
	].filter(Boolean).join("; ");
}

function showRules() {
	if (report.rules.length > 0) {
		byId("more").append(section("What rules did", table(null,
			[head("Rule"), head("Fired", { class: "number" }), head("How")],
			report.rules.map((rule) => row(cell(clean(rule.rule), { class: "code" }),
				cell(grouped(Math.max(rule.count, rule.fired)), { class: "number" }), cell(ruleWords(rule)))))));
	}
}

function warningTable(warnings) {
	return table(null, [head("Warning"), head("Times", { class: "number" }), head("Program"), head("The first")],
		warnings.map((warning) => row(cell(clean(warning.cause), { class: "code" }),
			cell(grouped(warning.count), { class: "number" }), cell(clean(warning.exe), { class: "code" }),
			cell(clean(warning.why)))));
}

function showWarnings() {
	const blind = report.warnings.filter((warning) => warning.blind);
	const living = report.warnings.filter((warning) => !warning.blind);
	if (living.length > 0) {
		byId("more").append(section("Connections that live, not well", warningTable(living)));
	}
	if (blind.length > 0) {
		byId("more").append(section("What the library could not see or do", warningTable(blind)));
	}
}

function showClocks() {
	if (report.clocks.length > 0) {
		byId("more").append(section("Clocks", html("ul", {}, ...report.clocks.map((clock) => html("li", {},
			`${clock.server} is ${duration(clock.ahead_us)} ${clock.ahead_us < 0 ? "behind" : "ahead of"} ` +
			`${clock.client}, give or take ${duration(clock.spread_us)}, by ${counted(clock.handshakes, "handshake")}.`)))));
	}
}

function showLogs() {
	byId("more").append(section("Logs", table(null,
		[head("Log"), head("Lines", { class: "number" }), head("Skipped")],
		report.logs.map((log) => row(cell(clean(log.name), { class: "code" }),
			cell(grouped(log.lines), { class: "number" }),
			cell(Object.entries(log.skipped).filter(([, count]) => count > 0)
				.map(([why, count]) => `${grouped(count)} ${why}`).join(", ") || "none"))))));
	if (!report.totals.complete) {
		byId("more").append(html("p", { class: "note" },
			"There were more connections than are kept at once: not every pair of ends was looked for."));
	}
}

showHead();
showTimeline();
showCauses();
showPeers();
showNote();
startTable();
show();
showRules();
showWarnings();
showClocks();
showLogs();
byId("footer").append("Made by resetby report. Times are UTC. The page holds all of its data and asks nobody for more.");
openByAddress();
addEventListener("hashchange", openByAddress);
