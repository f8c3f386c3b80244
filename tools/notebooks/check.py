"""What must be true of a notebook that has been executed."""

import base64
import re

# Comments and literals of Go, in which no call counts.
GO_SILENT = re.compile(
    r"""//[^\n]* | /\*.*?\*/ | `[^`]*` | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])+'""", re.DOTALL | re.VERBOSE
)
# Where the part of a cell begins that runs: the kernel's %% or %main, or the main function.
RUNS = re.compile(r"^(?:%%|%main\b).*$|^func\s+main\s*\(\s*\)", re.MULTILINE)
_SHOW = re.compile(r"(?<!func )\b(?:Show|live\.Run|designer\.Run)\(")
# What plotting.Show puts beside what is seen: the figure as files.
FILES = "application/vnd.kernelsmith.figure+zip"
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


def code_cells(notebook):
    """The cells that a run executes, in order: cell n has execution count n."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def plain(text):
    """The text without the escape sequences that colour it in a terminal."""
    return _ANSI.sub("", text)


def draws(source):
    """How many pictures a cell must at least show: the calls of Show, live.Run and designer.Run in the part of it that runs."""
    go = GO_SILENT.sub(" ", source)
    start = RUNS.search(go)
    return len(_SHOW.findall(go, start.end())) if start else 0


def heading(notebook):
    """A notebook's first heading and the text below it, or None."""
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    found = re.search(r"^# +(.+?) *$", text, re.MULTILINE)
    return (found[1], text[found.end() :]) if found else None


def figures(notebook):
    """The outputs that are figures of a page, in order: that of figure n is at n - 1."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output for output in outputs if FILES in output.get("data", {}) or picture(output.get("data", {}))]


def picture(data):
    """The kind and the bytes of the picture in an output's data, or None."""
    if "image/png" in data:
        return ".png", base64.b64decode(data["image/png"])
    if "image/svg+xml" in data:
        return ".svg", data["image/svg+xml"].encode()
    return None


def pictures(cell):
    """How many pictures a cell shows."""
    return sum(
        1
        for output in cell.outputs
        if any(kind.startswith("image/") for kind in output.get("data", {}))
        or re.search(r"<(svg|img)\b", output.get("data", {}).get("text/html", ""))
    )


def problems(notebook):
    """Everything wrong with an executed notebook, a line each."""
    cells = code_cells(notebook)
    found = [] if cells else ["there is no code cell in it"]
    for number, cell in enumerate(cells, 1):
        found += [f"cell {number}: {problem}" for problem in _cell_problems(cell, number)]
    return found


def _cell_problems(cell, number):
    if cell.execution_count is None:
        yield "it was not executed"
        return
    if cell.execution_count != number:
        yield f"it was executed out of order, as number {cell.execution_count}"
    if any(output.output_type == "error" for output in cell.outputs):
        yield "it ended with an error"
    wanted, shown = draws(cell.source), pictures(cell)
    if shown < wanted:
        yield f"it draws {wanted} picture(s) and shows {shown}"
    yield from _debris(cell.outputs)


def _debris(outputs):
    """Traces of progress: what a page should show of a long run is its last line."""
    labels = set()
    for output in outputs:
        if output.output_type == "stream":
            if "\r" in output.text or _ANSI.search(output.text):
                yield f"its {output.name} holds terminal control characters (a progress bar?)"
        # plotting.Progress writes "label: 3 of 40 · …", and each run has a label of its own.
        line = re.fullmatch(r"<pre[^>]*>([^:<]+): [^<]*</pre>", output.get("data", {}).get("text/html", "").strip())
        if line and line[1] in labels:
            yield f"it leaves several lines of progress of {line[1]} instead of one"
        if line:
            labels.add(line[1])
