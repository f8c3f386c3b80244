"""What a search shows of a page below its title: the sections with their text, as a script that the search page loads.

A page that was opened as a file may not read others, so Sphinx's own summaries, which fetch the pages, fail there.
"""

import html.parser
import json
import re

_TEXT = {"p", "li", "figcaption", "h1", "h2", "h3", "h4", "td", "dd"}
_SILENT = {"script", "style", "math", "pre", "svg", "summary", "button"}


class _Sections(html.parser.HTMLParser):
    """The sections of a page's article: id, title, text."""

    def __init__(self):
        super().__init__()
        self.found = []
        self._article = self._text = self._silent = 0
        self._heading = ""

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self._article += tag == "article"
        if not self._article:
            return
        if tag == "section" and attributes.get("id"):
            self.found.append([attributes["id"], "", ""])
        self._text += tag in _TEXT
        self._silent += tag in _SILENT
        if tag in ("h1", "h2", "h3", "h4"):
            self._heading = tag

    def handle_endtag(self, tag):
        self._article -= tag == "article"
        if not self._article:
            return
        self._text -= tag in _TEXT and self._text > 0
        self._silent -= tag in _SILENT and self._silent > 0
        if tag == self._heading:
            self._heading = ""
        if tag in _TEXT and self.found and not self._heading:
            self.found[-1][2] += " "

    def handle_data(self, data):
        if self._article and self._text and not self._silent and self.found:
            self.found[-1][1 if self._heading else 2] += data


def sections(page):
    """The sections of a page's HTML."""
    parser = _Sections()
    parser.feed(page)
    tidy = lambda text: re.sub(r"\s+", " ", text).strip(" #¶")
    return [[name, tidy(title), tidy(text)] for name, title, text in parser.found]


def write(pages):
    """Writes the script for the pages in a folder, and has the search page load it."""
    found = {path.stem: sections(path.read_text(encoding="utf-8")) for path in sorted(pages.glob("*.html")) if path.stem not in ("search", "genindex")}
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    (pages / "_static/excerpts.js").write_text(f"globalThis.kernelsmithSections = {text};\n", encoding="utf-8")
    search = pages / "search.html"
    page = search.read_text(encoding="utf-8")
    if "</head>" not in page:
        raise RuntimeError(f"{search} has no head that could load the excerpts")
    search.write_text(page.replace("</head>", '<script src="_static/excerpts.js"></script></head>', 1), encoding="utf-8")
