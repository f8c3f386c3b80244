"""Tests of the notebooks' linter: each of its rules fails where it should. python -m unittest lint_test, in this folder."""

import socket
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import lint

IMPORTS = 'import (\n\t"fmt"\n\n\t"github.com/kernelsmith/kernelsmith/plotting"\n)'
DRAW = '%%\nfigure := plotting.New(plotting.Options{X: "x"})\nplotting.Show(figure, "An empty figure with a labelled axis.")'


def picture(caption="An empty figure with a labelled axis.", **metadata):
    return new_output("display_data", data={"image/png": "iVBORw0KGgo=", "text/plain": caption}, metadata={"alt": caption, **metadata})


def printed(text):
    return new_output("stream", name="stdout", text=text)


def html(text):
    return new_output("display_data", data={"text/html": text})


def executed(*cells):
    """A notebook of cells (source, outputs…), as a run leaves it."""
    notebook = new_notebook()
    for number, (source, *outputs) in enumerate(cells, 1):
        notebook.cells.append(new_code_cell(source, outputs=outputs, execution_count=number))
    for cell, version in zip(notebook.cells, lint.versions(notebook.cells), strict=True):
        cell.metadata["kernelsmith"] = {"version": version}
    return notebook


GOOD = ((IMPORTS,), ("// half is a half.\nconst half = 0.5",), (DRAW, picture()), ("%%\nfmt.Println(half)", printed("0.5\n")))


def found(*notebooks, build=False):
    """What the linter says of the notebooks 01-a, 02-b, …"""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number:02}-{letter}.ipynb" for number, letter in zip(range(1, 99), "abcdefghijklmnopqrstuvwxyz")]
        for path, notebook in zip(paths, notebooks):
            nbformat.write(notebook, path)
        return lint.lint(paths[: len(notebooks)], build)


class Rules(unittest.TestCase):
    def expect(self, lines, *wanted):
        """Each line has the words of one of wanted, in order."""
        self.assertEqual(len(lines), len(wanted), "\n".join(lines))
        for line, words in zip(lines, wanted):
            for word in words:
                self.assertIn(word, line)

    def bad(self, source, *outputs):
        """The problems of the good notebook with one more cell."""
        return found(executed(*GOOD, (source, *outputs)))

    def test_accepts_what_is_as_it_should_be(self):
        shell = executed(*GOOD, ("%env A=1\n!true\nvar a = half\n\n%%\nfmt.Println(a)", printed("see records/paper/a.json and https://example.com/home/b\n")))
        text = new_notebook(cells=[new_markdown_cell("[site](https://a.example) [part](#b)"), *executed(*GOOD).cells])
        self.expect(found(executed(*GOOD), shell, text, build=True))

    def test_cells_compile(self):
        lines = found(
            executed((IMPORTS,), (DRAW, picture()), ("// f fails.\nfunc f() {\n\tfmt.Println(nothing)\n}\n\n%%\nf()",)),
            executed((IMPORTS,), (DRAW, picture()), ("%%\nfmt.Println(later)",), ("const later = 1",)),
            executed((IMPORTS,), (DRAW, picture()), ("%%\nfmt.Println(plotting.Nothing)",)),
            executed((IMPORTS,), (DRAW, picture()), ("const a = 1",), ("const a = 2\n\n%%\nfmt.Println(a)",)),
            executed((IMPORTS,), (DRAW, picture()), ('%%\nfmt.Printf("%d\\n", "text")',)),
            executed((IMPORTS,), (DRAW, picture()), ("%%\nfmt.Println(1",)),
            executed((IMPORTS,), (DRAW, picture()), ("%%\nfmt.Println(math.Pi)",)),
            executed((IMPORTS,), (DRAW, picture()), ("%%\na := 1\nfmt.Println()",)),
            build=True,
        )
        self.expect(
            lines,
            ("01-a.ipynb, cell 3, line 3: undefined: nothing", "make the cell compile"),
            ("02-b.ipynb, cell 3, line 2: undefined: later",),
            ("03-c.ipynb, cell 3, line 2: undefined: plotting.Nothing",),
            ("04-d.ipynb, cell 4, line 1: a redeclared",),
            ("05-e.ipynb, cell 3, line 2: fmt.Printf format %d has arg",),
            ("06-f.ipynb, cell 3, line 2:",),
            ("07-g.ipynb, cell 3, line 2: undefined: math",),
            ("08-h.ipynb, cell 3, line 2: declared and not used: a",),
        )

    def test_imports(self):
        for text, line, says in (
            ('import (\n\t"fmt"\n\n\t"github.com/kernelsmith/kernelsmith/plotting"\n\t"gonum.org/v1/gonum/floats"\n)', 5, "imported and not used"),
            ('import (\n\t"os"\n\t"fmt"\n\n\t"github.com/kernelsmith/kernelsmith/plotting"\n)', 3, "not sorted"),
            ('import (\n\t"fmt"\n\t"github.com/kernelsmith/kernelsmith/plotting"\n)', 2, "not grouped"),
            ('import (\n\t"github.com/kernelsmith/kernelsmith/plotting"\n\n\t"fmt"\n)', 4, "not grouped"),
        ):
            uses = "%%\nfmt.Println(os.Args)" if '"os"' in text else "%%\nfmt.Println()"
            lines = [problem for problem in found(executed((text,), (DRAW, picture()), (uses,))) if "gofmt" not in problem]
            self.expect(lines, (f"cell 1, line {line}:", says))
        self.expect(self.bad('import "os"\n\n%%\nfmt.Println(os.Args)'), ("cell 5, line 1: imports outside the first cell",))

    def test_format(self):
        self.expect(self.bad("%%\nfmt.Println(  1)"), ("cell 5, line 2: not formatted", "write 'fmt.Println(1)'"))
        self.expect(self.bad("var a  = 1\n\n%%\nfmt.Println(a)"), ("cell 5, line 1: not formatted", "write 'var a = 1'"))
        self.expect(self.bad("%%\nfmt.Println(`\n  kept as it is  \n`)"))

    def test_length(self):
        self.expect(self.bad("%%" + "\nfmt.Println()" * 24))
        self.expect(self.bad("%%" + "\nfmt.Println()" * 30), ("cell 5, line 31: the cell has 31 lines",))

    def test_outputs_of_another_version(self):
        for number, change in ((4, "%%\nfmt.Println(2 * half)"), (2, "// half is half.\nconst half = 0.5")):
            notebook = executed(*GOOD)
            notebook.cells[number - 1].source = change
            first = {4: "cell 4: its outputs are of", 2: "cell 3: its outputs, like those of 1 cells below, are of"}[number]
            self.expect(found(notebook), (first, 'NOTEBOOKS="01-a"'))
        notebook = executed(*GOOD)
        del notebook.cells[3].metadata["kernelsmith"]
        self.expect(found(notebook), ("cell 4: its outputs are of",))

    def test_pictures(self):
        self.expect(self.bad(DRAW), ("cell 5: it draws 1 picture(s) and shows 0", "make execute"))
        no_alt = picture()
        del no_alt.metadata["alt"]
        self.expect(self.bad(DRAW, no_alt), ("cell 5: a picture without text", "plotting.Show"))
        self.expect(self.bad(DRAW, picture("Figure", alt="An empty figure.")), ("cell 5: a picture whose caption is 'Figure'",))
        self.expect(self.bad("%%\nfmt.Println()", html('<img src="data:image/png;base64,aa">')), ("cell 5: a picture in HTML",))
        self.expect(
            self.bad('%%\nfigure := plotting.New(plotting.Options{X: "x"})\nplotting.Show(figure, "")', picture()),
            ("cell 5, line 3: a picture without a caption",),
        )

    def test_machines(self):
        for text in ("/home/anna/a.json", "(/tmp/x1/main.go:3)", "at C:\\Users\\anna", str(lint.CHECKOUT), "/Users/anna/b"):
            self.expect(self.bad("%%\nfmt.Println()", printed(text)), ("cell 5: its output names a path",))
            self.expect(self.bad("%%\nfmt.Println()", html(f"<p>{text}</p>")), ("cell 5: its output names a path",))
        real, socket.gethostname = socket.gethostname, lambda: "anvil.example.com"
        try:
            self.expect(self.bad("%%\nfmt.Println()", printed("on anvil, in 3 s")), ("cell 5: its output names a machine, anvil",))
        finally:
            socket.gethostname = real

    def test_errors_and_runs(self):
        error = new_output("error", ename="ERROR", evalue="exit status 2", traceback=[])
        self.expect(self.bad("%%\nfmt.Println()", error), ("cell 5: it ended with an error", "make execute"))
        notebook = executed(*GOOD)
        notebook.cells[3].update(execution_count=None, outputs=[])
        self.expect(found(notebook), ("cell 4: it was not executed",))

    def test_links(self):
        notebook = executed(*GOOD)
        notebook.cells.append(new_markdown_cell("first\n\n[there](01-a.ipynb), [not there](09-z.ipynb#part)"))
        self.expect(found(notebook), ("01-a.ipynb, text in place 5, line 3: a link to 09-z.ipynb",))


if __name__ == "__main__":
    unittest.main()
