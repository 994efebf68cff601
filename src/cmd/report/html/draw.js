/* Elements of the page. Strings become text, and nothing here reads markup. */

function make(element, attributes, children) {
	for (const [name, value] of Object.entries(attributes || {})) {
		if (value === true) {
			element.setAttribute(name, "");
		} else if (value !== false && value !== null && value !== undefined) {
			element.setAttribute(name, value);
		}
	}
	element.append(...children.flat().filter((child) => child !== null && child !== undefined));
	return element;
}

function html(name, attributes, ...children) {
	return make(document.createElement(name), attributes, children);
}

function svg(name, attributes, ...children) {
	return make(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function byId(id) {
	return document.getElementById(id);
}

/* A swatch in the colour of a cause's family; the name beside it says the same. */
function swatch(family) {
	return html("span", { class: "swatch " + family, "aria-hidden": "true" });
}

function causeName(id) {
	return html("span", { class: "cause" }, swatch(familyOf(id)), id);
}

/* Roles are told, for on a narrow page a table is laid out as none. */
function row(...cells) {
	return html("tr", { role: "row" }, ...cells);
}

function cell(content, attributes) {
	return html("td", { role: "cell", ...attributes }, content);
}

function head(content, attributes) {
	return html("th", { role: "columnheader", scope: "col", ...attributes }, content);
}

function table(caption, columns, rows) {
	return html("table", { role: "table" },
		caption ? html("caption", {}, caption) : null,
		html("thead", { role: "rowgroup" }, row(...columns)),
		html("tbody", { role: "rowgroup" }, ...rows));
}

/* A part that is made only when it is opened. */
function disclosure(summary, content) {
	const details = html("details", {}, html("summary", {}, summary));
	details.addEventListener("toggle", () => {
		if (details.open && details.childElementCount === 1) {
			details.append(content());
		}
	});
	return details;
}
