"""Configuration of the report: Sphinx with MyST-NB over notebooks that have been executed before."""

import hashlib
import html
import sys
from pathlib import Path, PurePosixPath

import nbformat
from docutils import nodes

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import formulas
import golinks
from cells import declares_only, label
from check import picture
from publish import KINDS, downloads

project = "Kernelsmith"
html_title = "Kernelsmith"
extensions = ["myst_nb", "sphinx_design", "sphinx_copybutton", "sphinx.ext.githubpages"]

# Notebooks arrive executed.
nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js = {}
myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
myst_heading_anchors = 3
# Lines of the kernel's own (%%, %env, !ls) are not Go.
suppress_warnings = ["misc.highlighting_failure"]

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["report.css"]
html_js_files = [("report.js", {"defer": "defer"})]
html_copy_source = False
html_show_sourcelink = False
# A search from a file may not read other files for summaries.
html_show_search_summary = False
html_show_sphinx = False
html_show_copyright = False

html_favicon = "static/favicon.svg"
exclude_patterns = ["claim.md"]
html_math_renderer = "formulas"
# What code has above it (%%, prompts) is a part of it.
copybutton_selector = "div.highlight pre"


def _dress(app, document):
    """Gives a notebook's pictures their captions and downloads, and makes its code foldable."""
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix != ".ipynb":
        return
    figures = Path(app.config.html_extra_path[0]) / "figures"
    known, number = {}, 0
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            found = picture(output.get("data", {}))
            # As publish numbers them: that of a live cell is in its HTML.
            number += bool(found) or 'id="figure-' in output.get("data", {}).get("text/html", "")
            if found:
                # MyST-NB names the file of a picture by its checksum, which alike pictures share: they come in order.
                known.setdefault(hashlib.sha256(found[1]).hexdigest(), []).append((number, output.data.get("text/plain", "")))
    for image in list(document.findall(nodes.image)):
        uri = PurePosixPath(image["uri"])
        if not known.get(uri.stem):
            continue
        number, caption = known[uri.stem].pop(0)
        image.setdefault("alt", caption)
        picked = f"{path.stem}-{number}"
        links = {kind: f"figures/{picked}.{kind}" for kind in KINDS if (figures / f"{picked}.{kind}").exists()}
        if "svg" in links:
            # As an address of the page, which Sphinx leaves as it is: the drawing in the page's colours.
            image["uri"] = f"figures/{picked}.screen.svg"
            image["candidates"] = {"?": image["uri"]}
        link = nodes.reference("", "", refuri=links.get("svg", links.get("png", "")), classes=["full-size"])
        figure = nodes.figure(ids=[f"figure-{number}"])
        image.replace_self(figure)
        link += image
        figure += [link, nodes.caption(caption, caption), nodes.raw("", downloads(number, picked, links), format="html")]
    for code in list(document.findall(nodes.container)):
        if "cell_input" in code["classes"]:
            source = code.astext()
            lines = source.count("\n") + 1
            summary = f"{lines} lines of Go" if lines > 1 else "1 line of Go"
            # What only declares can wait: it starts folded, and says what is in it.
            folded = declares_only(source)
            if folded:
                summary = f"{html.escape(label(source))} · {summary}"
            shown = "" if folded else " open"
            place = code.parent.index(code)
            code.parent.insert(place + 1, nodes.raw("", "</details>", format="html"))
            code.parent.insert(place, nodes.raw("", f'<details class="code"{shown}><summary>{summary}</summary>', format="html"))


def _complete_headings(app, pagename, templatename, context, doctree):
    """Gives the captions of the menu the level that their role demands."""
    tree = context.get("furo_navigation_tree")
    if tree:
        context["furo_navigation_tree"] = tree.replace('role="heading"', 'role="heading" aria-level="2"')


def _number_formulas(app, document):
    """Numbers the displayed formulas of a page, so that a reader can point at one."""
    for number, formula in enumerate(document.findall(nodes.math_block), 1):
        formula["number"] = number
        formula["ids"] = [f"equation-{number}"]


def _fit_to_page(app, pagename, templatename, context, doctree):
    """Leads from the names in a notebook's code to the documentation of their packages; other pages load no style of cells."""
    path = Path(app.env.doc2path(pagename)) if doctree else None
    if not path or path.suffix != ".ipynb":
        # What shows cells is not needed elsewhere, and the front page is light.
        context["css_files"] = [file for file in context["css_files"] if "mystnb" not in str(file.filename)]
    else:
        context["body"] = golinks.linked(context["body"], golinks.imports(nbformat.read(path, as_version=4)))


def setup(app):
    app.add_html_math_renderer("formulas", inline_renderers=(formulas.inline, None), block_renderers=(formulas.displayed, None))
    app.connect("doctree-read", _dress)
    app.connect("doctree-read", _number_formulas)
    app.connect("html-page-context", _fit_to_page)
    # After the theme, which makes the menu in the same event.
    app.connect("html-page-context", _complete_headings, priority=900)
