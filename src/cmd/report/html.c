/*
 * The report as a page in one file: html/page.html with its style and script, and the document of
 * json.c between them as data. What is data cannot become anything else: script.h escapes it, the
 * script puts it into the page as text only, and the policy names the one style and the one script
 * by their hashes and forbids all else, the network and eval included.
 */
#include <stdio.h>
#include "report.h"

/* A text file that the build has put together, as a string. */
#define EMBED(name, file)                                                                          \
	extern const char name[];                                                                  \
	__asm__(".pushsection .rodata\n"                                                           \
		".hidden " #name "\n"                                                              \
		".globl " #name "\n" #name ":\n"                                                   \
		".incbin \"" file "\"\n"                                                           \
		".byte 0\n"                                                                        \
		".popsection\n")

EMBED(page_html, "page.html");
EMBED(page_css, "page.css");
EMBED(page_css_hash, "page.css.hash");
EMBED(page_js, "page.js");
EMBED(page_js_hash, "page.js.hash");

static void put_policy(void)
{
	fputs("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	      "img-src data:; base-uri 'none'; form-action 'none'; style-src 'sha256-",
	      stdout);
	fputs(page_css_hash, stdout);
	fputs("'; script-src 'sha256-", stdout);
	fputs(page_js_hash, stdout);
	fputs("'\">\n", stdout);
}

void report_html(const struct report *report)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n", stdout);
	put_policy();
	fputs("<style>", stdout);
	fputs(page_css, stdout);
	fputs("</style>\n", stdout);
	fputs(page_html, stdout);
	fputs("<script type=\"application/json\" id=\"report\">", stdout);
	report_json_in_script(report);
	fputs("</script>\n<script>", stdout);
	fputs(page_js, stdout);
	fputs("</script>\n</html>\n", stdout);
}
