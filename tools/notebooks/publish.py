"""Makes the report, a folder of web pages, from notebooks that have been executed."""

import base64
import hashlib
import html
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

from check import FILES, figures, heading, picture

_HERE = Path(__file__).resolve().parent
_CHECKOUT = _HERE.parents[1]
_INTRODUCTION = (
    "Design a neural network by its kernel: these pages were made by running the project's notebooks. "
    "Each figure stands below the code that computed and drew it, and can be had as SVG, PDF and PNG, with its data as CSV."
)
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
    source.mkdir(parents=True)
    extra.mkdir()
    cards, comparisons, standings = [], [], []
    names = [path.stem for path in executed]
    for path in executed:
        cards.append(_page(path, source, extra, comparisons, names, pdf, standings))
    (source / "live.md").write_text(_relink(live[0].read_text(encoding="utf-8"), lambda link: _link(link, live[0], source, names)), encoding="utf-8")
    shutil.copytree(live[0].parent / "live", extra / "live")
    guides = ["live", *_guides(source, names)]
    if comparisons:
        (source / "published.md").write_text(_published(comparisons, standings), encoding="utf-8")
    (source / "index.md").write_text(_index(executed, cards, guides, comparisons, standings), encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", "-d", work / "doctrees", "-c", _HERE, "-D", f"html_extra_path={extra}"]
    if subprocess.run([*command, source, pages], check=False).returncode != 0:
        raise RuntimeError(f"Sphinx could not build the report from {source}")
    (pages / ".buildinfo").unlink(missing_ok=True)
    requests = outside_requests(pages)
    if requests:
        raise RuntimeError("the report would request from outside:\n" + "\n".join(requests))
    if pdf:
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


def _key(executed):
    """A checksum of all that the pages are made from."""
    found = hashlib.sha256()
    made_by = [*sorted(_HERE.glob("static/*")), *sorted(_HERE.glob("*.py")), _HERE / "requirements.txt"]
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
    """Writes the notebook to be published and what its figures offer; returns its card for the index.

    Published numbers go to comparisons, what the notebook says of how it was run to standings.
    """
    notebook = nbformat.read(path, as_version=4)
    pages = {*names, *(document.stem for document in _documents())}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _relink(cell.source, lambda link: link[0] if link["image"] else _link(link, path, source, pages))
    provenance = notebook.metadata.get("kernelsmith", {})
    title, sentence = _heading(notebook, path.stem)
    title, sentence = provenance.get("title") or title, provenance.get("claim") or sentence
    thumbnail = _thumbnail(notebook, path.stem, source)
    number = 0
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            comparisons += [(path.stem, title, row) for row in json.loads(data.pop(COMPARISONS, "[]"))]
            archive = data.pop(FILES, None)
            if not archive and not picture(data):
                continue
            number += 1
            name = f"{path.stem}-{number}"
            if archive:
                _unpack(base64.b64decode(archive), extra / "figures", name)
            if not picture(data):
                data["text/html"] = _offered(data["text/html"], number, name, extra)
    if pdf and notebook.cells and notebook.cells[0].cell_type == "markdown":
        link = f'<a class="pdf" href="pdf/{path.stem}.pdf">This page as PDF</a>'
        notebook.cells.insert(1, nbformat.v4.new_markdown_cell(f"```{{raw}} html\n{link}\n```", id="pdf"))
    standings.append(provenance)
    badge = _badge([provenance], page=True)
    if badge:
        notebook.cells.insert(0, nbformat.v4.new_markdown_cell(badge, id="badge"))
    if provenance.get("scale"):
        notebook.cells.append(nbformat.v4.new_markdown_cell(_provenance(provenance), id="provenance"))
    notebook.metadata["myst"] = {"html_meta": _meta(title, sentence)}
    nbformat.write(notebook, source / path.name)
    return "\n".join(
        [f":::{{grid-item-card}} {title}", f":link: {path.stem}", ":link-type: doc"]
        + thumbnail
        + ["", sentence, ":::"]
    )


def _meta(title, sentence):
    """What search engines and messengers show of a page."""
    title, sentence = _plain(title), " ".join(_plain(sentence).split())
    return {"description": sentence, "property=og:type": "article", "property=og:title": title, "property=og:description": sentence}


def _badge(standings, page=False):
    """What stands at the top of a page and on each of its screens: that it is of less than the published setting.

    The page is that of one notebook, or one about all. Nothing stands there where all were run at paper scale on the
    data that they name.
    """
    short, says = [], []
    quick = sum(one.get("scale") == "quick" for one in standings)
    if quick:
        short.append("Quick scale")
        who, text = f"{quick} of {len(standings)} notebooks were run with ", "The text speaks"
        if page:
            who, text = "", "Sentences between the figures speak"
        says.append(
            f"<strong>Quick scale:</strong> {who}smaller nets and fewer trials than the committed run. "
            f"{text} of the published setting (paper scale)."
        )
    stand_ins = sorted({text for one in standings for data in one.get("data", []) for text in _stand_ins(data)})
    if stand_ins:
        short.append("Stand-in data")
        says.append(f"<strong>Stand-in data:</strong> {html.escape('; '.join(stand_ins))}.")
    if not short:
        return ""
    lines = "".join(f"<p>{line}</p>" for line in says)
    text = f'<p class="badge">{" · ".join(short)}</p><div class="badge-says" role="note">{lines}</div>'
    return f"```{{raw}} html\n{text}\n```\n"


def _stand_ins(data):
    """For each set whose place a set took, what says so."""
    return [f"{data['name']} in place of {name}" for name in data.get("stands_for", [])]


def _offered(text, number, name, extra):
    """What a live cell left, with a place to link to and its picture as files like those of other figures."""
    png = re.search(r'src="data:image/png;base64,([^"]+)"', text)
    if png:
        (extra / "figures" / f"{name}.png").write_bytes(base64.b64decode(png[1]))
    links = {path.suffix[1:]: f"figures/{path.name}" for path in (extra / "figures").glob(f"{name}.*")}
    return f'<div id="figure-{number}">{text}</div>{downloads(number, name, links)}'


def downloads(number, name, links):
    """The line below a figure: links to its files by their suffix."""
    kinds = [kind for kind in ("svg", "pdf", "png", "csv") if kind in links]
    items = [f'<a href="{links[kind]}" download="{name}.{kind}">{kind.upper()}</a>' for kind in kinds]
    return f'<p class="downloads"><a href="#figure-{number}">Figure {number}</a> · ' + " · ".join(items) + "</p>"


def _unpack(archive, folder, name):
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        for member in files.namelist():
            (folder / (name + Path(member).suffix)).write_bytes(files.read(member))


def _index(executed, cards, guides, comparisons, standings):
    meta = json.dumps({"myst": {"html_meta": _meta("Kernelsmith", _INTRODUCTION)}})
    text = f"---\n{meta}\n---\n\n{_badge(standings)}\n# Kernelsmith\n\n{_INTRODUCTION}\n\n::::{{grid}} 1 1 2 2\n:gutter: 3\n\n" + "\n\n".join(cards) + "\n::::\n"
    pages = [path.stem for path in executed]
    if comparisons:
        pages.append("published")
        text += "\n[Published against ours](published.md) has every published number beside the one found here.\n"
    for caption, names in (("Notebooks", pages), ("Guide", guides)):
        if names:
            text += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(names) + "\n```\n"
    return text


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


def _published(comparisons, standings):
    """The page of all published numbers."""
    agree = sum(row["agrees"] for _, _, row in comparisons)
    head = "".join(f'<th scope="col">{name}</th>' for name in ("quantity", "published", "ours", "difference", "tolerance", "verdict"))
    lines = []
    previous = None
    for stem, title, row in comparisons:
        group = stem, row["source"], row["why"]
        if group != previous:
            link = f'<a href="{stem}.html">{html.escape(_plain(title))}</a>'
            source = "".join(f". {html.escape(says)}" for says in (row["source"], row["why"] and f"Tolerance: {row['why']}") if says)
            lines.append(f'<tr><th colspan="6" scope="colgroup">{link}<span class="source">{source}</span></th></tr>')
            previous = group
        cells = [html.escape(row[name]) for name in ("quantity", "published", "ours", "difference", "tolerance")]
        verdict = "agrees" if row["agrees"] else "differs"
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + f'<td class="{verdict}">{verdict}</td></tr>')
    table = f'<div class="comparisons"><table><thead><tr>{head}</tr></thead><tbody>\n' + "\n".join(lines) + "\n</tbody></table></div>"
    return (
        f"{_badge(standings)}\n# Published against ours\n\n"
        f"Every published number that the notebooks compare with their own: {agree} of {len(comparisons)} agree within the tolerance."
        f"{'' if agree == len(comparisons) else ' The notebooks say where the rest comes from.'}\n\n```{{raw}} html\n{table}\n```\n"
    )


def _plain(title):
    return re.sub(r"[$`*]", "", title)


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


def _thumbnail(notebook, stem, source):
    """The picture that stands for the notebook, or else its first, as the image of its card."""
    shown = figures(notebook)
    chosen = notebook.metadata.get("kernelsmith", {}).get("picture")
    if type(chosen) is not int or chosen < 1:
        chosen = 1
    for output in shown[chosen - 1 : chosen] + shown:
        found = picture(output.data)
        if not found:
            continue
        folder = source / "thumbnails"
        folder.mkdir(exist_ok=True)
        (folder / (stem + found[0])).write_bytes(found[1])
        alt = " ".join(output.data.get("text/plain", stem).split())
        return [f":img-top: thumbnails/{stem}{found[0]}", f":img-alt: {alt}"]
    return []


# What stands in the block below each page, in this order.
_FACTS = {
    "scale": "Scale",
    "seeds": "Seeds",
    "commit": "Commit",
    "date": "Executed",
    "duration": "Duration",
    "go": "Go",
    "cpu": "CPU",
    "blas": "BLAS",
}


def _provenance(provenance):
    """The block that says how a page was made."""
    if provenance.get("failed"):
        return f":::{{div}} provenance\n**This run failed: {provenance['failed']}.**\n:::"
    facts = [(label, html.escape(provenance[name])) for name, label in _FACTS.items() if provenance.get(name)]
    data = provenance.get("data", [])
    named = {one["name"]: html.escape("; ".join(_stand_ins(one)) or one["name"]) for one in data}
    sets = [f"{named[one['name']]} ({html.escape(one['licence'])})" for one in data]
    if len(sets) > 4:
        licences = sorted({one["licence"] for one in data})
        sets = [f"{len(sets)} sets ({html.escape('; '.join(licences))}): " + ", ".join(named.values())]
    if sets:
        facts.append(("Data", "; ".join(sets)))
    rows = "".join(f"<dt>{label}</dt><dd>{value}</dd>" for label, value in facts)
    return f'```{{raw}} html\n<section class="provenance" aria-label="How this page was made"><dl>{rows}</dl></section>\n```'


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
