"""Makes the report, a folder of web pages, from notebooks that have been executed."""

import base64
import html.parser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat

_HERE = Path(__file__).resolve().parent
_INTRODUCTION = (
    "Design a neural network by its kernel: these pages were made by running the project's notebooks. "
    "Each figure stands below the code that computed and drew it."
)


def publish(executed, target, build):
    """Builds the pages of the executed notebooks (paths) in the folder build, then puts them in place as target."""
    work = build / "site"
    source, pages, old = work / "source", work / "pages", work / "old"
    shutil.rmtree(work, ignore_errors=True)
    source.mkdir(parents=True)
    cards = [_page(path, source) for path in executed]
    (source / "index.md").write_text(_index(executed, cards), encoding="utf-8")
    sphinx = [sys.executable, "-m", "sphinx", "-q", "-b", "html", "-d", work / "doctrees", "-c", _HERE]
    if subprocess.run([*sphinx, source, pages], check=False).returncode != 0:
        raise RuntimeError(f"Sphinx could not build the report from {source}")
    requests = outside_requests(pages)
    if requests:
        raise RuntimeError("the report would request from outside:\n" + "\n".join(requests))
    if target.exists():
        os.replace(target, old)
    os.replace(pages, target)
    shutil.rmtree(work)


def _page(path, source):
    """Writes the notebook to be published; returns its card for the index."""
    notebook = nbformat.read(path, as_version=4)
    provenance = notebook.metadata.get("kernelsmith")
    if provenance:
        line = ":::{div} provenance\n" + _provenance(provenance) + "\n:::"
        notebook.cells.append(nbformat.v4.new_markdown_cell(line, id="provenance"))
    nbformat.write(notebook, source / path.name)
    title, sentence = _heading(notebook, path.stem)
    return "\n".join(
        [f":::{{grid-item-card}} {title}", f":link: {path.stem}", ":link-type: doc"]
        + _thumbnail(notebook, path.stem, source)
        + ["", sentence, ":::"]
    )


def _index(executed, cards):
    names = "\n".join(path.stem for path in executed)
    return (
        f"# Kernelsmith\n\n{_INTRODUCTION}\n\n::::{{grid}} 1 1 2 2\n:gutter: 3\n\n"
        + "\n\n".join(cards)
        + f"\n::::\n\n```{{toctree}}\n:hidden:\n\n{names}\n```\n"
    )


def _heading(notebook, stem):
    """The title of a notebook and the first paragraph below it."""
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    title = re.search(r"^# +(.+?) *$", text, re.MULTILINE)
    if not title:
        return stem, ""
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", text[title.end() :])]
    first = next((part for part in paragraphs if part and not re.match(r"[#:`|<!>$*\-]", part)), "")
    return title.group(1), first


def _thumbnail(notebook, stem, source):
    """The notebook's first picture as the image of its card."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            for kind, suffix in (("image/png", ".png"), ("image/svg+xml", ".svg")):
                picture = output.get("data", {}).get(kind)
                if picture is None:
                    continue
                folder = source / "thumbnails"
                folder.mkdir(exist_ok=True)
                content = base64.b64decode(picture) if suffix == ".png" else picture.encode()
                (folder / (stem + suffix)).write_bytes(content)
                return [f":img-top: thumbnails/{stem}{suffix}", f":img-alt: {stem}"]
    return []


def _provenance(provenance):
    if provenance.get("failed"):
        return f"**This run failed: {provenance['failed']}.**"
    text = f"Executed at {provenance['scale']} scale on {provenance['date']} in {provenance['duration']}"
    if provenance.get("commit"):
        text += f", from commit {provenance['commit']}"
    return f"{text}, with {provenance['go']}."


class _Requests(html.parser.HTMLParser):
    """Collects the addresses that a browser loads with a page; links to follow are not among them."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        loads = [attributes.get("src"), attributes.get("srcset"), attributes.get("poster")]
        if tag == "link" and attributes.get("rel") not in ("author", "canonical", "next", "prev", "search"):
            loads.append(attributes.get("href"))
        if tag == "object":
            loads.append(attributes.get("data"))
        loads += re.findall(r"url\(\s*['\"]?([^'\")]+)", attributes.get("style") or "")
        self.found += [address for address in loads if address and _outside(address)]


def _outside(address):
    return re.match(r"\s*(?:https?:)?//", address) is not None


def outside_requests(pages):
    """The addresses outside that the pages in a folder, or their style sheets, would load: a line each."""
    found = []
    for path in sorted(pages.rglob("*.html")):
        parser = _Requests()
        parser.feed(path.read_text(encoding="utf-8"))
        found += [f"{path.relative_to(pages)}: {address}" for address in parser.found]
    for path in sorted(pages.rglob("*.css")):
        style = path.read_text(encoding="utf-8")
        addresses = re.findall(r"""(?:url\(|@import)\s*['"]?([^'")\s;]+)""", style)
        found += [f"{path.relative_to(pages)}: {address}" for address in addresses if _outside(address)]
    return found
