"""Checks the notebooks without running them: python lint.py

Every code cell is compiled, with the declarations of the cells above it, against the packages of this checkout; it is
formatted by gofmt, has at most 30 lines of at most 100 columns, and the outputs below it are those of this version of
it, pictures with a caption. The notebook says its title, its claim and which picture stands for it, and no function and
no type is pasted from another notebook.
Each problem is a line: notebook, cell, line, what is wrong and what to do. Cells are counted as a run numbers them.
The exit status is 1 if there is a problem.
"""

import hashlib
import html
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True

import nbformat

from cells import Cell, declared, package_name
from check import GO_SILENT, code_cells, draws, figures, heading, plain, problems
from front import GROUPS

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDER = CHECKOUT / "notebooks"
LONGEST, WIDEST, TAB = 30, 100, 4
_TEXT = ("text/plain", "text/html", "text/markdown", "text/latex", "application/json")
# Folders of machines, as a path begins; not in the middle of an address or a relative path.
_PATH = re.compile(r"(?<![\w.:/~-])/(?:home|Users|root|tmp|var|private|usr|opt|mnt|media|srv|work|workspaces?|data|content)/[^\s\"'<>)]+|\b[A-Za-z]:\\\w[^\s\"'<>]*")


def versions(cells):
    """For each of these code cells, in order, a checksum of what it ran with: its source and the cells above it."""
    seen, found = hashlib.sha256(), []
    for cell in cells:
        seen.update(cell.source.encode() + b"\0")
        found.append(seen.hexdigest())
    return found


def version_of(cell):
    """The checksum that a run left in the cell, None if there is none."""
    return cell.metadata.get("kernelsmith", {}).get("version")


def lint(paths, build=True):
    """Everything wrong with the notebooks at paths, a line each; without build, what shows without compiling."""
    found, parsed = [], []
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        cells = [Cell(number, cell.source) for number, cell in enumerate(code_cells(notebook), 1)]
        parsed.append((path, cells))
        found += _notebook_problems(path, notebook, cells)
    found += _pasted(parsed)
    if build:
        found += _compile(parsed)
    return sorted(set(found), key=_place)


def _place(line):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", line)]


def _say(path, number, line, what, do):
    place = path.name + (f", cell {number}" if number else "") + (f", line {line}" if line else "")
    return f"{place}: {what}; {do}"


def _notebook_problems(path, notebook, cells):
    run_again = f'run it again: make execute SCALE=paper NOTEBOOKS="{path.stem}"'
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        yield _say(path, None, None, f"it is not a valid notebook ({str(error).splitlines()[0]})", "save it from JupyterLab")
    for problem in problems(notebook):
        cell = re.match(r"cell (\d+): (.*)", problem)
        yield _say(path, cell and cell[1], None, cell[2] if cell else problem, run_again)
    yield from _card_problems(path, notebook)
    code = code_cells(notebook)
    stale = [n for n, (raw, version) in enumerate(zip(code, versions(code), strict=True), 1) if raw.outputs and version_of(raw) != version]
    if stale:
        more = f", like those of {len(stale) - 1} cells below," if stale[1:] else ""
        yield _say(path, stale[0], None, f"its outputs{more} are of another version of it or of a cell above", run_again)
    for cell, raw in zip(cells, code, strict=True):
        n = cell.number
        lines = cell.source.count("\n") + 1
        if lines > LONGEST:
            yield _say(path, n, LONGEST + 1, f"the cell has {lines} lines, more than {LONGEST}", "split it, or let the library do more")
        for number, line in enumerate(cell.source.split("\n"), 1):
            columns = len(line.replace("\t", " " * TAB))
            if columns > WIDEST:
                yield _say(path, n, number, f"the line has {columns} columns, more than {WIDEST} (a tab is {TAB})", "break it")
        yield from _import_problems(path, cell, cells)
        yield from _caption_problems(path, cell, raw, run_again)
        yield from _machine_problems(path, cell, raw)
    yield from _link_problems(path, notebook)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(lambda cell: list(_format_problems(path, cell)), cells):
            yield from found


def _card_problems(path, notebook):
    """What the report shows of a notebook on its first page."""
    says = notebook.metadata.get("kernelsmith", {})
    title, claim, chosen = (says.get(name) for name in ("title", "claim", "picture"))
    first = (heading(notebook) or ("missing",))[0]
    missing = [name for name, value in (("title", title), ("claim", claim), ("picture", chosen)) if not value]
    if missing:
        do = 'write them under "kernelsmith" into its metadata (in JupyterLab: Property Inspector, Advanced Tools, Notebook Metadata)'
        yield _say(path, None, None, f"it does not say its {', '.join(missing)}", do)
    if title and first != title:
        yield _say(path, None, None, f"its title is {title!r}, its first heading {first!r}", "make them the same")
    if claim and not re.fullmatch(r"(?:(?![.!?]\s)[^\n])+\.", str(claim)):
        yield _say(path, None, None, f"its claim is not one sentence: {str(claim)[:60]!r}", "say on one line what it finds, with a full stop at the end")
    shown = len(figures(notebook))
    if chosen and (type(chosen) is not int or not 1 <= chosen <= shown):
        yield _say(path, None, None, f"its picture is {chosen!r}, and it has figures 1 to {shown}", "give the number of one of them")
    group, panel, number = says.get("group"), says.get("panel", 1), says.get("number")
    if group and group not in GROUPS:
        yield _say(path, None, None, f"its group is {group!r}", f"write {' or '.join(GROUPS)}, or leave it out")
    if type(panel) is not int or panel < 1:
        yield _say(path, None, None, f"its panel is {panel!r}", "give the number of a panel of its picture, counted in lines from 1")
    if number and (number not in str(claim) or not says.get("of")):
        yield _say(path, None, None, f"its number {number!r} is not in its claim, or it does not say of what it is", 'take it from the claim, and say under "of" what it is')


def _pasted(parsed):
    """Functions and types that a notebook has from another."""
    first = {}
    for path, cells in parsed:
        for cell in cells:
            for kind, name, line, code in declared(cell.declarations):
                if kind not in ("func", "type") or name in ("main", "init"):
                    continue
                there, where = first.setdefault((kind, name, code), (path, cell.number))
                if there != path:
                    what = f"{kind} {name} is pasted: {there.name}, cell {where}, has the same"
                    yield _say(path, cell.number, line, what, "let the library have it, and both notebooks call it")


def _import_problems(path, cell, cells):
    """Standard library first, then the others, each group by path: as goimports writes it, which the kernel has run."""
    if cell.imports and cell.number != 1:
        yield _say(path, cell.number, cell.imports[0][0], "imports outside the first cell", "move them to the first cell, where readers look")
    groups = {}
    for line, name, imported, group in cell.imports:
        other = "." in imported.split("/")[0]
        groups.setdefault(group, []).append((line, imported, other))
        if not any(_uses(each.declarations + "\n" + each.body, package_name(name, imported)) for each in cells):
            yield _say(path, cell.number, line, f'"{imported}" is imported and not used', "remove the import")
    met_others = False
    for number, specs in enumerate(groups.values()):
        if [s[1] for s in specs] != sorted(s[1] for s in specs):
            line = next(b[0] for a, b in zip(specs, specs[1:]) if a[1] > b[1])
            yield _say(path, cell.number, line, "imports are not sorted", "sort them by path")
        kinds = {other for *_, other in specs}
        if len(kinds) == 2 or number > 1 or (met_others and False in kinds) or (number == 1 and not met_others and kinds == {False}):
            yield _say(path, cell.number, specs[0][0], "imports are not grouped", "write the standard library's first, an empty line, then all others")
        met_others = met_others or True in kinds


def _uses(code, name):
    return name in "_." or re.search(rf"(?<![\w.]){re.escape(name)}\s*\.", GO_SILENT.sub(" ", code)) is not None


def _caption_problems(path, cell, raw, run_again):
    if draws(cell.source):
        empty = re.search(r'\bShow(?:SVG)?\([^\n]*,\s*(?:""|``)\s*\)', cell.source)
        if empty:
            line = cell.source.count("\n", 0, empty.start()) + 1
            yield _say(path, cell.number, line, "a picture without a caption", "say in the second argument of Show what is to be seen")
    for output in raw.outputs:
        data, kinds = output.get("data", {}), [k for k in output.get("data", {}) if k.startswith("image/")]
        if kinds:
            caption = "".join(data.get("text/plain", "")).strip()
            if len(caption.split()) < 3:
                yield _say(path, cell.number, None, f"a picture whose caption is {caption!r}", "say in the second argument of Show what is to be seen, and " + run_again)
            if len(str(output.metadata.get("alt", "")).split()) < 3:
                yield _say(path, cell.number, None, "a picture without text for those who do not see it (alt)", "draw it with plotting.Show, and " + run_again)
        elif re.search(r"<(?:svg|img)\b", "".join(data.get("text/html", ""))):
            yield _say(path, cell.number, None, "a picture in HTML, without caption and alt text", "draw it with plotting.Show, and " + run_again)


def _machine_problems(path, cell, raw):
    host = socket.gethostname().split(".")[0]
    for output in raw.outputs:
        texts = [output.text] if output.output_type == "stream" else []
        texts += ["".join(v) if not isinstance(v, dict) else json.dumps(v) for k, v in output.get("data", {}).items() if k in _TEXT]
        for text in texts:
            text = html.unescape(plain(text))
            place = _PATH.search(text)
            if place or str(CHECKOUT) in text:
                yield _say(path, cell.number, None, f"its output names a path of one machine, {place[0] if place else CHECKOUT}", "print the name of the file alone")
            if len(host) > 3 and host != "localhost" and re.search(rf"(?<![\w-]){re.escape(host)}(?![\w-])", text):
                yield _say(path, cell.number, None, f"its output names a machine, {host}", "leave that out")


def _link_problems(path, notebook):
    """Links to files that are not there; the cell is counted among all cells, as text cells have no number."""
    for place, cell in enumerate(notebook.cells, 1):
        if cell.cell_type != "markdown":
            continue
        for link in re.finditer(r"\]\(([^()\s]+)\)", cell.source):
            target = link[1].split("#")[0]
            if target and not re.match(r"[a-z]+:", target) and not (path.parent / target).exists():
                line = cell.source.count("\n", 0, link.start()) + 1
                yield f"{path.name}, text in place {place}, line {line}: a link to {target}, which is not there; name a file by its path from this folder"


def _format_problems(path, cell):
    """What gofmt would change, which also reads declarations or statements alone."""
    for part, first in ((cell.head, 1), (cell.body, cell.body_line)):
        if not part.strip():
            continue
        result = subprocess.run(["gofmt"], input=part, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            continue  # it does not parse, which the compiler says better
        have, want = part.rstrip("\n").split("\n"), result.stdout.rstrip("\n").split("\n")
        if have == want:
            continue
        at = next((i for i, (a, b) in enumerate(zip(have, want)) if a != b), min(len(have), len(want)))
        should = f"write {want[at]!r}" if at < len(want) else "remove it"
        yield _say(path, cell.number, first + at, "not formatted as gofmt does", should)


def _compile(parsed):
    """What go vet says of the cells: each is a program of its declarations, those of the cells above, and what runs in it."""
    go = _go("env", "GOVERSION").removeprefix("go").split("-")[0].split(" ")[0]
    with tempfile.TemporaryDirectory(prefix="kernelsmith-lint-") as folder:
        work = Path(folder)
        (work / "go.mod").write_text(f"module notebooks\n\ngo {go}\n", encoding="utf-8")
        (work / "go.work").write_text(f"go {go}\n\nuse (\n\t.\n\t{json.dumps(str(CHECKOUT))}\n)\n", encoding="utf-8")
        for number, (_, cells) in enumerate(parsed):
            for cell in cells:
                program = work / f"n{number}" / f"c{cell.number}"
                program.mkdir(parents=True)
                (program / "main.go").write_text(_program(number, cells[: cell.number]), encoding="utf-8")
        # Modules come from the set-up's download, as for the kernel.
        variables = {**os.environ, "GOWORK": str(work / "go.work"), "GOPROXY": "off"}
        result = subprocess.run(["go", "vet", "./..."], cwd=work, env=variables, capture_output=True, text=True, check=False)
    found, others = [], []
    for line in result.stderr.splitlines():
        at = re.match(r"(?:vet: )?(?:\S*/)?n(\d+)-cell-(\d+):(\d+)(?::\d+)?: (.*)", line)
        if at:
            found.append(_say(parsed[int(at[1])][0], at[2], at[3], at[4], "make the cell compile after those above it"))
        elif line.strip() and not re.match(r"#|\s|(?:vet: )?too many errors", line):
            others.append(line)
    if result.returncode != 0 and not found:
        raise SystemExit("The notebooks' cells could not be compiled:\n" + "\n".join(others or [result.stderr]))
    return found


def _go(*arguments):
    return subprocess.run(["go", *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout.strip()


def _program(notebook, cells):
    """The Go program of the last cell, with lines that are counted as in the notebook."""
    last = cells[-1]
    code = "".join(f"//line n{notebook}-cell-{cell.number}:1\n{cell.declarations}\n" for cell in cells)
    code += f"func main() {{\n//line n{notebook}-cell-{last.number}:{last.body_line}\n{last.body}\n}}\n"
    # The kernel leaves out what the program does not use.
    imports = "".join(
        f"//line n{notebook}-cell-{cell.number}:{line}\nimport {name} {json.dumps(imported)}\n"
        for cell in cells
        for line, name, imported, _ in cell.imports
        if _uses(code, package_name(name, imported))
    )
    return "package main\n\n" + imports + code


def main():
    found = lint(sorted(FOLDER.glob("[0-9]*.ipynb")))
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
