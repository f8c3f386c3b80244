"""Makes the report, a folder of web pages, from notebooks that have been executed."""

import base64
import hashlib
import html.parser
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat

import compared
import drawings
import excerpts
import front
import gallery
import standing
from check import FILES, heading, picture

_HERE = Path(__file__).resolve().parent
_CHECKOUT = _HERE.parents[1]
# What a figure can be had as.
KINDS = ("svg", "pdf", "png", "csv")
# What plotting.ShowCompared puts beside the table.
COMPARISONS = "application/vnd.kernelsmith.comparisons"
# In the menu in this order, others of docs/ after them.
_GUIDES = ("notation", "conventions", "sharp-bits", "extending")


def publish(executed, target, build, pdf=False):
    """Builds the pages of the executed notebooks (paths) in the folder build, then puts them in place as target.

    With pdf, each notebook's page is also printed to a PDF, by Chromium. What was made from the same stays as it is.
    """
    live = _live(build / "live")
    key = _key([*executed, *live])
    if _made(target) in ((key, True), (key, pdf)):
        return
    work = build / "site"
    source, pages, extra, old = work / "source", work / "pages", work / "extra", work / "old"
    shutil.rmtree(work, ignore_errors=True)
    for folder in (source, extra / "figures", extra / "notebooks"):
        folder.mkdir(parents=True)
    _write_source(executed, live, source, extra, pdf)
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", "-d", work / "doctrees", "-c", _HERE, "-D", f"html_extra_path={extra}"]
    if subprocess.run([*command, source, pages], check=False).returncode != 0:
        raise RuntimeError(f"Sphinx could not build the report from {source}")
    (pages / ".buildinfo").unlink(missing_ok=True)
    excerpts.write(pages)
    requests = outside_requests(pages)
    if requests:
        raise RuntimeError("the report would request from outside:\n" + "\n".join(requests))
    if pdf:
        names = [path.stem for path in executed]
        if subprocess.run([_CHECKOUT / "tools/browser/run", "pdf", pages, *names], check=False).returncode != 0:
            raise RuntimeError("the pages could not be printed to PDF; make report writes them without")
    (pages / ".made-from").write_text(json.dumps([key, pdf]), encoding="utf-8")
    if target.exists():
        os.replace(target, old)
    os.replace(pages, target)
    shutil.rmtree(work)


def _live(folder):
    """Makes the live page, unless its sources are unchanged; returns the page for Sphinx, then what it loads."""
    subprocess.run([_CHECKOUT / "tools/env", "go", "run", "./site/live/build", folder], cwd=_CHECKOUT, check=True)
    return [folder / "live.md", *sorted((folder / "live").iterdir())]


def _write_source(executed, live, source, extra, pdf):
    """Writes what Sphinx makes the pages from."""
    cards, comparisons, standings = [], [], []
    names = [path.stem for path in executed]
    for path in executed:
        cards.append(_page(path, source, extra, comparisons, names, pdf, standings))
    (source / "live.md").write_text(_relink(live[0].read_text(encoding="utf-8"), lambda link: _link(link, live[0], source, names)), encoding="utf-8")
    shutil.copytree(live[0].parent / "live", extra / "live")
    guides = _guides(source, names)
    more = {"": ["live"]}
    if comparisons:
        (source / "published.md").write_text(compared.page(comparisons, standings), encoding="utf-8")
        more["Results"] = ["published"]
    found = gallery.designs(_CHECKOUT / "notebooks/records/paper")
    if found:
        text = gallery.page(found, gallery.along(found, _CHECKOUT), extra, {name.split("-")[0]: name for name in names})
        (source / "gallery.md").write_text(text, encoding="utf-8")
        more["Results"] = [*more.get("Results", []), "gallery"]
    (source / "index.md").write_text(front.page(cards, guides, more, standings), encoding="utf-8")


def _key(executed):
    """A checksum of all that the pages are made from."""
    found = hashlib.sha256()
    made_by = [*sorted(_HERE.glob("static/*")), *sorted(_HERE.glob("*.py")), *sorted(_CHECKOUT.glob("site/gallery/*.go")), *sorted(_CHECKOUT.glob("internal/languages/*.go")), _HERE / "requirements.txt"]
    records = sorted((_CHECKOUT / "notebooks/records/paper").glob("*/*.json"))
    found.update("\n".join(f"{path.parent.name}/{path.name}" for path in records).encode())
    for path in [*executed, *_documents(), *made_by]:
        found.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def _made(target):
    """The key that a report was made with and whether it has PDFs."""
    try:
        key, pdf = json.loads((target / ".made-from").read_text(encoding="utf-8"))
        return key, pdf
    except (OSError, ValueError):
        return None


def _page(path, source, extra, comparisons, names, pdf, standings):
    """Writes the notebook to be published and what its figures offer; returns its card for the front page.

    Published numbers go to comparisons, what the notebook says of how it was run to standings.
    """
    notebook = nbformat.read(path, as_version=4)
    _take_along(notebook, extra / "notebooks" / path.name)
    pages = {*names, *(document.stem for document in _documents())}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _relink(cell.source, lambda link: link[0] if link["image"] else _link(link, path, source, pages))
    says = notebook.metadata.get("kernelsmith", {})
    title, sentence = _heading(notebook, path.stem)
    title, sentence = says.get("title") or title, says.get("claim") or sentence
    rows = _figures(notebook, path.stem, extra)
    comparisons += [(path.stem, title, row) for row in rows]
    standings.append(says)
    picture_of = _thumbnail(notebook, path.stem, source, extra)
    if path.stem == front.CLAIM:
        _claim(notebook, source, extra)
    _begin(notebook, standing.badge([says], page=True), standing.head(says, path.stem, pdf))
    notebook.metadata["myst"] = {"html_meta": front.meta(title, sentence)}
    nbformat.write(notebook, source / path.name)
    return front.Card(path.stem, title, sentence, says.get("group", ""), *picture_of, says.get("number", ""), says.get("of", ""))


def _claim(notebook, source, extra):
    """Writes the figure of the front page, the first of its notebook, and what is said below it."""
    first = next((output for cell in notebook.cells for output in cell.get("outputs", []) if _is_figure(output)), None)
    drawn = extra / "figures" / f"{front.CLAIM}-1.screen.svg"
    if first and drawn.exists():
        shutil.copy(drawn, source / "claim.svg")
        (source / "claim.md").write_text(front.figure(first.data.get("text/plain", "")), encoding="utf-8")


def _take_along(notebook, path):
    """Writes the notebook without its outputs, which weigh megabytes: to be opened in a checkout and run."""
    bare = nbformat.from_dict(notebook)
    bare = nbformat.reads(nbformat.writes(bare), as_version=4)
    for cell in bare.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            cell.metadata.pop("kernelsmith", None)
    nbformat.write(bare, path)


def _figures(notebook, stem, extra):
    """Writes the files of a notebook's figures, and for each the drawing in the colours of a page; returns its published numbers."""
    comparisons, number = [], 0
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            comparisons += json.loads(data.pop(COMPARISONS, "[]"))
            archive, shown = data.pop(FILES, None), picture(data)
            if not archive and not shown:
                continue
            number += 1
            name = f"{stem}-{number}"
            if archive:
                _unpack(base64.b64decode(archive), extra / "figures", name)
            drawn = extra / "figures" / f"{name}.svg"
            if drawn.exists():
                (extra / "figures" / f"{name}.screen.svg").write_text(drawings.screen(drawn.read_text(encoding="utf-8")), encoding="utf-8")
            if shown:
                (extra / "figures" / f"{name}{shown[0]}").write_bytes(shown[1])
            else:
                data["text/html"] = _offered(data["text/html"], number, name, extra)
    return comparisons


def _begin(notebook, badge, head):
    """Puts the badge above a notebook's title and the block that says how it was made below it."""
    cells = notebook.cells
    if cells and cells[0].cell_type == "markdown":
        title, _, rest = cells[0].source.partition("\n")
        cells[0].source = f"{badge}\n{title}\n\n{head}\n{rest}" if title.startswith("# ") else f"{badge}\n{head}\n{cells[0].source}"
    else:
        cells.insert(0, nbformat.v4.new_markdown_cell(f"{badge}\n{head}", id="head"))


def _offered(text, number, name, extra):
    """What a live cell left, with a place to link to and its picture as files like those of other figures."""
    png = re.search(r'src="data:image/png;base64,([^"]+)"', text)
    if png:
        (extra / "figures" / f"{name}.png").write_bytes(base64.b64decode(png[1]))
    links = {kind: f"figures/{name}.{kind}" for kind in KINDS if (extra / "figures" / f"{name}.{kind}").exists()}
    if png and "svg" in links:
        text = text.replace(f"data:image/png;base64,{png[1]}", f"figures/{name}.screen.svg")
    return f'<div id="figure-{number}">{text}</div>{downloads(number, name, links)}'


def downloads(number, name, links):
    """The line below a figure: links to its files by their suffix."""
    items = [f'<a href="{links[kind]}" download="{name}.{kind}">{kind.upper()}</a>' for kind in KINDS if kind in links]
    return f'<p class="downloads"><a href="#figure-{number}">Figure {number}</a> · ' + " · ".join(items) + "</p>"


def _unpack(archive, folder, name):
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        for member in files.namelist():
            (folder / (name + Path(member).suffix)).write_bytes(files.read(member))


def _documents():
    """The documents that belong to the report, in the order of the menu."""
    docs = sorted(
        _CHECKOUT.glob("docs/*.md"),
        key=lambda path: (_GUIDES.index(path.stem) if path.stem in _GUIDES else len(_GUIDES), path.stem),
    )
    changes = _CHECKOUT / "CHANGELOG.md"
    return docs + ([changes] if changes.exists() else [])


def _guides(source, notebooks):
    """Copies the documents, their links set to what is published; returns their names."""
    documents = _documents()
    pages = {*notebooks, *(path.stem for path in documents)}
    for path in documents:
        text = _relink(path.read_text(encoding="utf-8"), lambda link: _link(link, path, source, pages))
        (source / path.name).write_text(text, encoding="utf-8")
    return [path.stem for path in documents]


# A fence of code, a span of code, or a link.
_LINK = re.compile(
    r"""^[ \t]*(?P<fence>`{3,}|~{3,})[^\n]*\n.*?(?:^[ \t]*(?P=fence)[`~]*[ \t]*$|\Z)
    | (?<!`)(?P<ticks>`+)(?!`)(?:(?!\n[ \t]*\n).)+?(?<!`)(?P=ticks)(?!`)
    | (?P<image>!?)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<address>[^()\s]+)\)""",
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)


def _relink(text, replace):
    """Markdown with each link replaced; what looks like one in code is none."""
    return _LINK.sub(lambda found: replace(found) if found["address"] else found[0], text)


def _link(link, document, source, pages):
    """A link of a document as it is in the report: to a file that is not published it is its text alone."""
    image, text, address = link.group("image", "text", "address")
    if re.match(r"[a-z]+:|#", address):
        return link[0]
    name, _, anchor = address.partition("#")
    file = Path(name)
    if not re.search(r"\.\w+$", name):
        return link[0]  # no file: a formula, say
    if image:
        shutil.copy(document.parent / name, source / file.name)
        return f"![{text}]({file.name})"
    if file.suffix in (".md", ".ipynb") and file.stem in pages:
        return f"[{text}]({file.name}{'#' + anchor if anchor else ''})"
    return text


def _heading(notebook, stem):
    """The title of a notebook and the first sentence below it."""
    found = heading(notebook)
    if not found:
        return stem, ""
    title, text = found
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", text)]
    first = next((part for part in paragraphs if part and not re.match(r"[#:`|<!>$*\-]", part)), "")
    sentence = re.match(r".+?[.!?](?=\s+[A-Z`$\[]|$)", first, re.DOTALL)
    return title, sentence[0] if sentence else first


def _thumbnail(notebook, stem, source, extra):
    """The file of the picture that stands for the notebook, and its alternative text: the panel that it names, or all of
    a picture that was not drawn by package plotting."""
    says = notebook.metadata.get("kernelsmith", {})
    chosen, panel = (value if type(value) is int and value >= 1 else 1 for value in (says.get("picture"), says.get("panel")))
    shown = [output for cell in notebook.cells for output in cell.get("outputs", []) if _is_figure(output)]
    if chosen > len(shown):
        return "", ""
    output = shown[chosen - 1]
    found, drawn = picture(output.data), extra / "figures" / f"{stem}-{chosen}.svg"
    if drawn.exists():
        suffix, content = ".svg", drawings.thumbnail(drawn.read_text(encoding="utf-8"), panel).encode()
    elif found:
        suffix, content = found
    else:
        return "", ""
    (source / "thumbnails").mkdir(exist_ok=True)
    (source / "thumbnails" / (stem + suffix)).write_bytes(content)
    return f"thumbnails/{stem}{suffix}", " ".join(output.data.get("text/plain", stem).split())


def _is_figure(output):
    data = output.get("data", {})
    return bool(picture(data)) or 'id="figure-' in data.get("text/html", "")


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
