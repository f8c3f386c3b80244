"""Configuration of the report: Sphinx with MyST-NB over notebooks that have been executed before."""

import base64
import hashlib
import importlib.util
from pathlib import Path, PurePosixPath

import nbformat
from docutils import nodes

project = "Kernelsmith"
html_title = "Kernelsmith"
extensions = ["myst_nb", "sphinx_design", "sphinx.ext.mathjax"]

# Notebooks arrive executed.
nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js = {}
myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
# Lines of the kernel's own (%%, %env, !ls) are not Go.
suppress_warnings = ["misc.highlighting_failure"]

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["report.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_show_copyright = False

# Pages request nothing from outside: MathJax comes along, as the one file that needs no fonts and no further parts.
_mathjax = Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent / "static/mathjax"
mathjax_path = "tex-svg-full.js"
mathjax3_config = {"options": {"enableMenu": False}}
html_static_path.append(str(_mathjax / mathjax_path))


def _describe_pictures(app, document):
    """Sets the captions of a notebook's pictures below them, and as text for readers who do not see them.

    MyST-NB names the file of a picture by its checksum.
    """
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix != ".ipynb":
        return
    captions = {}
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data and "text/plain" in data:
                name = hashlib.sha256(base64.b64decode(data["image/png"])).hexdigest()
                captions[name] = data["text/plain"]
    for number, image in enumerate(list(document.findall(nodes.image)), 1):
        caption = captions.get(PurePosixPath(image["uri"]).stem)
        if caption:
            image.setdefault("alt", caption)
            figure = nodes.figure(ids=[f"figure-{number}"])
            image.replace_self(figure)
            figure += [image, nodes.caption(caption, caption)]


def setup(app):
    # Titles with formulas stand in the menu of every page, so every page needs MathJax.
    app.set_html_assets_policy("always")
    app.connect("doctree-read", _describe_pictures)
