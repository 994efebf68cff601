#!/usr/bin/python3
"""checks.py CHECK PAGE PICTURES: one thing that a page of `resetby report --html` does in a browser."""

import sys

from chromium import Page

ROWS = "document.querySelectorAll('#rows tr.connection').length"
CAUSES = "[...document.querySelectorAll('#rows .what')].map(e => e.textContent)"
NODES = "document.querySelectorAll('*').length"


def equal(got, wanted):
    if got != wanted:
        sys.exit(f"got:    {got!r}\nwanted: {wanted!r}")


def holds(what, said):
    if not what:
        sys.exit(f"not so: {said}")


def quiet(page, _=None):
    equal(page.complaints, [])
    equal([url for url in page.requests if not url.startswith(("file:", "data:", "about:"))], [])


def column(page, name):
    return page.of(f"[...document.querySelectorAll('#rows .{name}')].map(e => e.textContent)")


def draws(page, _):
    equal(page.of("document.querySelectorAll('#when svg .bar').length > 3"), True)
    equal(page.of("document.querySelectorAll('#causes li').length"), 4)
    equal(page.of("document.querySelectorAll('#peers li').length"), 3)
    holds(page.of("document.querySelector('h1').textContent").startswith("5 of 8 connections failed"),
          "the headline stands on top")
    equal(page.of(ROWS), 8)
    equal(page.of("document.querySelectorAll('svg.ladder').length"), 0)
    page.click("tr[data-rank='1'] button")
    equal(page.of("document.querySelectorAll('svg.ladder').length"), 1)
    said = page.of("document.querySelector('svg.ladder').textContent")
    for word in ("SYN", "send = 1,019", "recv = 119", "RST", "close", "peer-closed-unread, certain",
                 "curl[200]", "httpd[300]"):
        holds(word in said, f"{word} in {said}")
    # The bytes that the server never acknowledged: their arrival is inferred, the reset is known.
    equal(page.of("document.querySelectorAll('svg.ladder .segment.inferred').length"), 1)
    equal(page.of("document.querySelectorAll('svg.ladder .fatal .segment.known').length"), 2)


LADDERS = {
    "forgotten": ["write = 512; 512 bytes from the client to the server, not acknowledged (whether it arrived is not known)",
                  "read ECONNRESET; RST from the server to the client (who sent it is inferred): forgotten, likely"],
    "no-answer": ["connect EINPROGRESS; SYN from the client, never answered",
                  "SYN from the client, sent again 6 times, never answered: no-answer, certain"],
    "rejected": ["SYN from the client to the server (whether it arrived is not known); ICMP from in between to the client"],
    "peer-closed-early": ["client: no call; FIN from the server to the client (who sent it is inferred)"],
    "retransmit-limit": ["read = 8; 8 bytes from the server to the client",
                         "data from the client, sent again 15 times, never answered"],
    "closed-linger0": ["close; RST from the client to the server"],
}


def ladders(page, _):
    """What each cause's calls give away, in the list that goes with the drawing."""
    for cause, wanted in LADDERS.items():
        page.choose("#by-cause", cause)
        page.of("document.querySelector('#rows button.open').click()")
        page.settle()
        page.of("document.querySelector('.picture details').open = true")
        page.settle()
        said = page.of("document.querySelector('.steps').textContent")
        for step in wanted:
            holds(step in said, f"{step!r} in {said!r}")
        breaks = page.of("[...document.querySelectorAll('.ladder .break')].map(e => e.textContent)")
        if cause == "forgotten":
            equal(breaks, ["no call for 31.8 s", "no call for 1 min 4 s"])
        page.of("document.querySelector('#rows button.open').click()")
    page.choose("#by-cause", "peer-abort")
    page.of("document.querySelector('#rows button.open').click()")
    page.settle()
    # A server stands on the right, and its calls beside it.
    holds(page.of("document.querySelector('.ladder .call text').getAttribute('text-anchor')") == "start",
          "calls of a server on the right")


def sorts(page, _):
    times = column(page, "time")
    page.click("[data-column=time] button")
    equal(column(page, "time"), sorted(times))
    equal(page.of("document.querySelector('[data-column=time]').getAttribute('aria-sort')"), "ascending")
    page.click("[data-column=time] button")
    equal(column(page, "time"), sorted(times, reverse=True))
    page.click("[data-column=cause] button")
    equal(column(page, "what"), sorted(column(page, "what")))


def filters(page, _):
    page.choose("#by-cause", "refused")
    equal(page.of(CAUSES), ["refused"])
    equal(page.of("document.querySelector('#found').textContent"), "1 of 8 connections")
    page.click("#clear")
    equal(page.of(ROWS), 8)
    page.choose("#by-program", "httpd")
    equal(set(column(page, "who")), {"httpd[300]"})
    page.click("#clear")
    page.choose("#by-peer", "10.0.0.2:8080")
    equal(set(column(page, "peer")), {"10.0.0.2:8080"})
    page.click("#clear")
    page.of("document.querySelector('#by-text').focus()")
    page.type("httpd 40003")
    equal([rank.strip() for rank in column(page, "rank")], ["2", "8"])
    page.type(" and what is nowhere")
    equal(page.of(ROWS), 0)
    equal(page.of("document.querySelector('#found').textContent"), "None matches.")
    page.click("#clear")
    page.click("#peers li:nth-child(3) button")
    equal(page.of(CAUSES), ["refused"])
    page.click("#causes li button")
    equal(set(page.of(CAUSES)), {"peer-abort"})


FOCUS = "document.activeElement.closest('tr')?.dataset.rank"


def keyboard(page, _):
    page.of("document.querySelector('#clear').focus()")
    page.of("document.querySelector('#by-text').focus()")
    for _ in range(9):
        page.key("Tab")
    equal(page.of(FOCUS), "1")
    holds(page.of("getComputedStyle(document.activeElement).outlineStyle") == "solid", "the focus is seen")
    page.key("ArrowDown")
    page.key("ArrowDown")
    page.key("ArrowUp")
    equal(page.of(FOCUS), "2")
    page.key("Enter")
    equal(page.of("document.querySelectorAll('#detail-2 svg.ladder').length"), 1)
    equal(page.of("document.activeElement.getAttribute('aria-expanded')"), "true")
    page.key("Tab")
    equal(page.of("document.activeElement.tagName"), "SUMMARY")
    page.key("Enter")
    holds(page.of("document.querySelectorAll('#detail-2 .steps li').length") >= 5, "the ladder as a list")
    page.key("Escape")
    equal(page.of("document.querySelectorAll('svg.ladder').length"), 0)
    equal(page.of(FOCUS), "2")


def names_everything(page, _):
    """What a screen reader is given: every control and picture has a name, every table its heads."""
    page.click("tr[data-rank='1'] button")
    page.click("tr[data-rank='3'] button")
    for width in (1280, 390):
        page.size(width, 900)
        page.settle()
        nodes = page.call("Accessibility.getFullAXTree")["nodes"]
        nodes = [node for node in nodes if not node.get("ignored")]
        roles = {}
        for node in nodes:
            role = node["role"]["value"]
            name = node.get("name", {}).get("value", "").strip()
            roles.setdefault(role, []).append(name)
            if role in ("button", "combobox", "searchbox", "textbox", "image", "link", "heading"):
                holds(name, f"a {role} has a name")
        holds(any("Ladder of" in name and "ECONNRESET" in name for name in roles["image"]), "the ladder in words")
        holds(len(roles.get("columnheader", [])) >= 8, f"column heads at {width}")
        holds(len(roles.get("row", [])) >= 9, f"rows at {width}")
        holds("table" in roles and "search" in roles and "main" in roles, "landmarks")


def address_opens(page, _):
    page.open(sys.argv[2], "#3")
    equal(page.of(FOCUS), "3")
    equal(page.of("document.querySelectorAll('#detail-3 svg.ladder').length"), 1)


def hostile(page, _):
    holds(page.of(ROWS) > 0, "the lines were read")
    for rank in page.of("[...document.querySelectorAll('tr.connection')].map(e => e.dataset.rank)"):
        page.of(f"document.querySelector('tr[data-rank=\"{rank}\"] button').click()")
    page.of("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    page.settle()
    equal(page.of("typeof window.pwned"), "undefined")
    equal(page.of("document.querySelectorAll('script').length"), 2)
    equal(page.of("document.querySelectorAll('img, iframe, object, embed, base, form:not(#filters), [onerror], "
                  "[onload], #injected').length"), 0)
    holds(page.of("document.body.innerText.includes('</script><script>window.pwned=1</script>')"),
          "what the log held is shown as it is")
    holds(not page.of("/[\\u202e\\u2028]/.test(document.body.innerText)"), "nothing turns the text round")
    # Were something to get in all the same, the policy would stop it.
    page.complaints.clear()
    page.of("(() => { const s = document.createElement('script'); s.textContent = 'window.pwned = 2';"
            "document.body.append(s); const i = new Image(); i.src = 'http://127.0.0.1:9/x'; })()")
    page.of("fetch('http://127.0.0.1:9/x').catch(() => 0)")
    page.settle()
    equal(page.of("typeof window.pwned"), "undefined")
    holds(len(page.complaints) >= 3, f"the policy refuses a script, an image, a request: {page.complaints}")
    equal([url for url in page.requests if not url.startswith(("file:", "data:", "about:"))], [])
    page.complaints.clear()


def thousands(page, _):
    nodes = page.of(NODES)
    holds(nodes < 2500, f"{nodes} nodes")
    equal(page.of(ROWS), 50)
    holds("of 3,000" in page.of("document.querySelector('#page').textContent"), "3,000 connections")
    for _ in range(5):
        page.click("#next")
    equal(page.of("document.querySelector('#page').textContent"), "251 to 300 of 3,000")
    page.click("[data-column=peer] button")
    page.click("[data-column=peer] button")
    for rank in column(page, "rank")[:50]:
        page.of(f"document.querySelector('tr[data-rank=\"{rank.strip()}\"] button').click()")
    page.settle()
    equal(page.of("document.querySelectorAll('svg.ladder').length"), 50)
    page.click("#next")
    after = page.of(NODES)
    holds(after < nodes + 100, f"{nodes} nodes before, {after} after")
    milliseconds = page.of(
        "(() => { const t = performance.now(); const e = document.querySelector('#by-text');"
        "for (const word of ['1', '10.', 'recv', 'x', '']) { e.value = word;"
        "e.dispatchEvent(new Event('input')); } document.body.offsetHeight;"
        "return (performance.now() - t) / 5; })()")
    print(f"{nodes} nodes; a letter typed: {milliseconds:.1f} ms")


def pictures(page, place):
    for name, width, dark in (("light", 1280, False), ("dark", 1280, True),
                              ("light-narrow", 390, False), ("dark-narrow", 390, True)):
        page.size(width, 900)
        page.media(dark)
        page.open(sys.argv[2], "#1")
        colour = page.of("getComputedStyle(document.documentElement).backgroundColor")
        level = sum(int(part) for part in colour[4:-1].split(",")) / 3
        holds(level < 60 if dark else level > 240, f"{name}: the paper is {colour}")
        holds(page.of("document.documentElement.scrollWidth") <= width, f"{name}: nothing stands out")
        contrast(page, name)
        page.picture(f"{place}/{name}.png")
    page.size(1280, 900)
    page.media(False, True)
    page.settle()
    holds(page.of("getComputedStyle(document.querySelector('#filters')).display") == "none",
          "controls are not printed")
    page.printed(f"{place}/printed.pdf")
    page.media()


# WCAG 2.1: relative luminance, and 4.5 to 1 for text.
CONTRAST = """(() => {
	const parse = (c) => c.match(/[\\d.]+/g).map(Number);
	const light = (c) => { const [r, g, b] = parse(c).map((v) => { v /= 255;
		return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
		return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	const paper = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
		if (parse(c)[3] !== 0) { return c; } } return 'rgb(255,255,255)'; };
	const bad = [];
	for (const e of document.querySelectorAll('body *')) {
		const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
		if (!own || !e.checkVisibility() || e.disabled || e.closest('script, title, desc, option')) continue;
		const style = getComputedStyle(e);
		const ink = e.namespaceURI.endsWith('svg') ? style.fill : style.color;
		const [a, b] = [light(ink), light(paper(e))].sort((x, y) => y - x);
		if ((a + 0.05) / (b + 0.05) < 4.5) bad.push(e.textContent.slice(0, 30) + ' ' + ink + ' on ' + paper(e));
	}
	return bad;
})()"""


def contrast(page, name):
    equal((name, page.of(CONTRAST)), (name, []))


def main():
    name, path, place = sys.argv[1:4]
    with Page() as page:
        page.open(path)
        quiet(page)
        globals()[name](page, place)
        quiet(page)


main()
