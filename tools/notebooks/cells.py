"""What is in a code cell of Go: imports, declarations, and what runs."""

import re

from check import GO_SILENT, RUNS

_IMPORT = re.compile(r"^import\s*(?:\((.*?)^\)|([^\n(]+)$)", re.DOTALL | re.MULTILINE)
_SPEC = re.compile(r"^\s*(?:([\w.]+)\s+)?\"([^\"]+)\"")
# The first line of a declaration as gofmt writes it, and a line in the parentheses of several.
_DECLARES = re.compile(r"func (?:\((?:\w+ )?\*?(?P<of>\w+)[^)]*\) )?(?P<func>\w+)|(?P<kind>type|var|const) (?:\(|(?P<names>\w+(?:, \w+)*))")
_MEMBER = re.compile(r"\t(\w+(?:, \w+)*)")
# A label is about a line of the page.
_LABEL = 100


class Cell:
    """The parts of a code cell: declarations, imports among them, and what runs."""

    def __init__(self, number, source):
        self.number, self.source = number, source
        lines = source.split("\n")
        start = next((i for i, line in enumerate(lines) if re.match(r"(?:%%|%main\b)", line)), len(lines))
        # Lines for the kernel or the shell are no Go; an empty line keeps the count.
        lines = ["" if line.startswith(("%", "!")) else line for line in lines]
        head, self.body, self.body_line = lines[:start], "\n".join(lines[start + 1 :]), start + 2
        self.imports = []  # (line, name or "", path, group)
        text = "\n".join(head)
        for block in _IMPORT.finditer(text):
            self._read_imports(text, block)
        self.declarations = _IMPORT.sub(lambda block: "\n" * block[0].count("\n"), text)
        self.head = text

    def _read_imports(self, text, block):
        inside = 1 if block[1] is not None else 2
        first, group = text.count("\n", 0, block.start(inside)) + 1, 0
        for offset, line in enumerate(block[inside].split("\n")):
            spec = _SPEC.match(line)
            if spec:
                self.imports.append((first + offset, spec[1] or "", spec[2], (block.start(), group)))
            elif not line.strip():
                group += 1


def package_name(name, imported):
    """What the code calls an imported package."""
    if name:
        return name
    parts = [part for part in imported.split("/") if not re.fullmatch(r"v\d+", part)]
    return parts[-1].split(".")[0]


def declares_only(source):
    """Whether nothing of a cell runs: all of it is imports and declarations."""
    go = GO_SILENT.sub(" ", source)
    return bool(source.strip()) and not RUNS.search(go) and not re.search(r"^[%!]", go, re.MULTILINE)


def declared(code):
    """What Go code declares: for each thing its kind, its name (of a method T.name), its line, and its code without comments."""
    # Text in comments and literals is no code; lines stay where they are.
    plain = GO_SILENT.sub(lambda silent: re.sub(r"[^\n]", " ", silent[0]), code).split("\n")
    bare = GO_SILENT.sub(lambda silent: re.sub(r"[^\n]", " ", silent[0]) if silent[0].startswith("/") else silent[0], code).split("\n")
    found = []
    for first, line in enumerate(plain):
        start = _DECLARES.match(line)
        if not start:
            continue
        end = _end(plain, first)
        if start["func"]:
            parts = [("func", f"{start['of']}.{start['func']}" if start["of"] else start["func"], first, end)]
        elif start["names"]:
            parts = [(start["kind"], name, first, end) for name in start["names"].split(", ")]
        else:
            members = [(at, _MEMBER.match(plain[at])) for at in range(first + 1, end)]
            members = [(at, member[1]) for at, member in members if member]
            ends = [at for at, _ in members[1:]] + [end - 1]
            parts = [(start["kind"], name, at, to) for (at, names), to in zip(members, ends) for name in names.split(", ")]
        found += [(kind, name, at + 1, " ".join(" ".join(bare[at:to]).split())) for kind, name, at, to in parts]
    return found


def _end(plain, first):
    """The line after the declaration that begins in line first: gofmt closes at the margin what it opened there."""
    for at in range(first + 1, len(plain)):
        line = plain[at].rstrip()
        if not line or line[0].isspace():
            continue
        if line[0] not in ")}":
            return at
        if not line.endswith(("{", "(")):
            return at + 1
    return len(plain)


def label(source):
    """What is in a cell of declarations, in a line: the sentence that its code begins with, or else the names."""
    cell = Cell(0, source)
    parts = []
    if cell.imports:
        parts.append("Imports: " + ", ".join(package_name(name, path) for _, name, path, _ in cell.imports))
    comment = re.match(r"(?:[ \t]*//[^\n]*\n?)+", cell.declarations.lstrip())
    names = [name for _, name, _, _ in declared(cell.declarations)]
    if comment:
        text = " ".join(line.strip().lstrip("/").strip() for line in comment[0].splitlines())
        sentence = re.match(r".+?[.!?](?=\s|$)", text)
        parts.append((sentence[0] if sentence else text).rstrip("."))
    elif names:
        parts.append("Declares " + ", ".join(names))
    return _shortened("; ".join(parts) or "Nothing but comments")


def _shortened(text):
    if len(text) <= _LABEL:
        return text
    cut = max(text.rfind(mark, 0, _LABEL) for mark in ("; ", ": ", ", ", " "))
    return text[:cut].rstrip(" ,;:") + " …"
