"""Tests of the notebooks' linter: each of its rules fails where it should. python -m unittest lint_test, in this folder."""

import socket
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import cells
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
    """A notebook of cells (source, outputs…) and, last, its title, as a run leaves it."""
    notebook = new_notebook(metadata={"kernelsmith": {"title": "An example", "claim": "A line is drawn.", "picture": 1}})
    for number, (source, *outputs) in enumerate(cells, 1):
        notebook.cells.append(new_code_cell(source, outputs=outputs, execution_count=number))
    for cell, version in zip(notebook.cells, lint.versions(notebook.cells), strict=True):
        cell.metadata["kernelsmith"] = {"version": version}
    notebook.cells.append(new_markdown_cell("# An example"))
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
        text = executed(*GOOD)
        text.cells.insert(0, new_markdown_cell("[site](https://a.example) [part](#b)"))
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
        self.expect(self.bad("%%" + "\nfmt.Println()" * 29))
        self.expect(self.bad("%%" + "\nfmt.Println()" * 30), ("cell 5, line 31: the cell has 31 lines",))

    def test_width(self):
        for lead, columns in (("var a = 1 // ", 100), ("func f() {\n\t// ", 97)):
            end = "\n}" if lead.startswith("func") else ""
            line = lead.rsplit("\n")[-1]
            fits = lead + "é" * (columns - len(line)) + end
            self.expect(self.bad(fits))
            at = 2 if end else 1
            self.expect(self.bad(fits.replace("é", "éé", 1)), (f"cell 5, line {at}: the line has 101 columns, more than 100",))

    def test_card(self):
        def changed(**says):
            notebook = executed(*GOOD)
            notebook.metadata["kernelsmith"].update(says)
            return found(notebook)

        plain = executed(*GOOD)
        del plain.metadata["kernelsmith"]
        self.expect(found(plain), ("01-a.ipynb: it does not say its title, claim, picture", "Notebook Metadata"))
        self.expect(changed(claim=""), ("it does not say its claim",))
        self.expect(changed(title="Example"), ("its title is 'Example', its first heading 'An example'",))
        self.expect(changed(claim="It is 1.7 times, or 3 % off, as e.g.it was."))
        for claim in ("a line", "One. Two.", "One\ntwo.", "Is it? It is."):
            self.expect(changed(claim=claim), ("its claim is not one sentence",))
        for picture in (2, -1, "1", 1.0, True):
            self.expect(changed(picture=picture), (f"its picture is {picture!r}, and it has figures 1 to 1",))
        self.expect(changed(group="paper", panel=2, number="A line", of="what is drawn"))
        self.expect(changed(group="papers"), ("its group is 'papers'", "paper or beyond"))
        self.expect(changed(panel=0), ("its panel is 0",))
        self.expect(changed(number="7", of="lines"), ("its number '7' is not in its claim",))
        self.expect(changed(number="A line"), ("does not say of what it is",))
        untitled = executed(*GOOD)
        untitled.cells.pop()
        self.expect(found(untitled), ("its title is 'An example', its first heading 'missing'",))

    def test_pasted_helpers(self):
        helper = "// {0}.\nfunc half(x float64) float64 {{\n\treturn x {1} // {0}\n}}\n\n// box is a box.\ntype box struct{{ {2} int }}"
        first = executed(*GOOD, (helper.format("half of x", "/ 2", "a"),))
        twice = executed(*GOOD, (helper.format("the half", "/ 2", "a"),))
        other = executed(*GOOD, (helper.format("half of x", "* 0.5", "b"),))
        self.expect(found(first, other))
        self.expect(
            found(first, twice),
            ("02-b.ipynb, cell 5, line 2: func half is pasted: 01-a.ipynb, cell 5, has the same", "let the library have it"),
            ("02-b.ipynb, cell 5, line 7: type box is pasted",),
        )

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
        self.expect(found(notebook), ("01-a.ipynb, text in place 6, line 3: a link to 09-z.ipynb",))


class Declared(unittest.TestCase):
    CODE = """import "fmt"

// a and b are two.
const a, b = 1, 2

var (
	// c is three.
	c = 3
	d = map[string]int{
		"e": 4,
	}
	f, g int
)

type (
	h struct {
		i int
	}
	j = h
)

func (x *h) k(
	y int,
) (z int) {
	return len(`
func no() {}
}
`)
}

func l[T any](t T) { fmt.Println(t) }
type m int"""

    def test_finds_what_go_code_declares(self):
        found = cells.declared(self.CODE)
        self.assertEqual(
            [(kind, name, line) for kind, name, line, _ in found],
            [("const", "a", 4), ("const", "b", 4), ("var", "c", 8), ("var", "d", 9), ("var", "f", 12), ("var", "g", 12)]
            + [("type", "h", 16), ("type", "j", 19), ("func", "h.k", 22), ("func", "l", 31), ("type", "m", 32)],
        )
        code = {name: text for _, name, _, text in found}
        self.assertEqual(code["h"], "h struct { i int }")
        self.assertEqual(code["l"], "func l[T any](t T) { fmt.Println(t) }")
        self.assertTrue(code["h.k"].startswith("func (x *h) k( y int,") and code["h.k"].endswith("`) }"), code["h.k"])
        self.assertEqual(code["m"], "type m int")

    def test_tells_cells_that_only_declare(self):
        for source, want in {
            "import (\n\t\"fmt\"\n)": True,
            "var a = 1": True,
            "// %% is said\nvar a = `\n%%\n`": True,
            "var a = 1\n\n%%\nf()": False,
            "%main\nf()": False,
            "func main() { f() }": False,
            "%env A=1\nvar a = 1": False,
            "!ls": False,
            "": False,
        }.items():
            self.assertEqual(cells.declares_only(source), want, source)

    def test_labels_say_what_is_inside(self):
        for source, want in {
            "import (\n\t\"fmt\"\n\n\tr \"math/rand/v2\"\n\t\"math/bits/v2\"\n)": "Imports: fmt, r, bits",
            "// half is 1.5 of\n// a third. It is exact.\nconst half = 0.5": "half is 1.5 of a third",
            "import \"fmt\"\n\n// half is half\nconst half = 0.5": "Imports: fmt; half is half",
            "var a, b = 1, 2\n\n// c is c.\nfunc c() {}\n\nfunc (x T) d() {}": "Declares a, b, c, T.d",
            "var a = 1 // not of the cell": "Declares a",
            "/* nothing */": "Nothing but comments",
        }.items():
            self.assertEqual(cells.label(source), want, source)
        long = cells.label("// " + "word " * 19 + "words, and more of them.")
        self.assertTrue(len(long) <= 102 and long.endswith("word …"), long)


if __name__ == "__main__":
    unittest.main()
