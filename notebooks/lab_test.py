"""Tests of what checks and publishes the notebooks: python -m unittest lab_test, in this folder."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True

from nbformat.v4 import new_code_cell, new_notebook, new_output

import check
import publish
import stress


def picture():
    return new_output("display_data", data={"image/png": "iVBORw0KGgo=", "text/plain": "a curve"})


def html(text):
    return new_output("display_data", data={"text/html": text})


def cell(source, *outputs, count=1):
    return new_code_cell(source, outputs=list(outputs), execution_count=count)


def problems(*cells):
    return check.problems(new_notebook(cells=list(cells)))


class Draws(unittest.TestCase):
    def test_counts_the_calls_that_run(self):
        for source, want in {
            "%%\nplotting.Show(a, \"\")\nplotting.Show(b, \"\")": 2,
            "func main() {\n\tplotting.Show(a, \"\")\n}": 1,
            "%main\nplotting.Show(a, \"\")": 1,
            "func draw() { plotting.Show(a, \"\") }": 0,
            "func draw() { plotting.Show(a, \"\") }\n%%\ndraw()": 0,
            "%%\n// plotting.Show(a)\n/* plotting.Show(a)\n*/ fmt.Println(\"plotting.Show(a)\", `Show(`)": 0,
            "%%\nplotting.ShowTable(header, rows, \"\")": 0,
            "%%\nlive.Run(ctx, controls(), draw, nil)": 1,
            "%%\nalive.Runner(plan)": 0,
            "var a = 1": 0,
        }.items():
            self.assertEqual(check.draws(source), want, source)


class Problems(unittest.TestCase):
    def test_accepts_what_is_as_it_should_be(self):
        good = [
            cell("var a = 1"),
            cell("%%\nplotting.Show(a, \"\")", picture(), count=2),
            cell("%%\ntrain()", html("<pre>1HL: loss 0.1 · 3 s</pre>"), html("<pre>4HL, trial 1: loss 0.2 · 3 s</pre>"),
                 html("<pre>4HL, trial 2: loss 0.2 · 3 s</pre>"), count=3),
            cell("", count=None),
        ]
        self.assertEqual(problems(*good), [])

    def test_names_the_cell(self):
        self.assertEqual(
            problems(cell("var a = 1"), cell("%%\nplotting.Show(a, \"\")", count=2)),
            ["cell 2: it draws 1 picture(s) and shows 0"],
        )

    def test_finds_what_is_wrong(self):
        error = new_output("error", ename="ERROR", evalue="exit status 2", traceback=[])
        bar = new_output("stream", name="stderr", text="10%\r20%\r")
        colour = new_output("stream", name="stdout", text="\x1b[7mx\x1b[0m")
        lines = [html(f"<pre>4HL: {epoch} of 40</pre>") for epoch in range(3)]
        for bad, says in (
            (cell("%%\nf()", count=None), "not executed"),
            (cell("%%\nf()", count=4), "out of order"),
            (cell("%%\nf()", error), "error"),
            (cell("%%\nplotting.Show(a)\nplotting.Show(b)", picture()), "draws 2 picture(s) and shows 1"),
            (cell("%%\nf()", bar), "control characters"),
            (cell("%%\nf()", colour), "control characters"),
            (cell("%%\nf()", *lines), "several lines of progress"),
        ):
            found = problems(bad)
            self.assertTrue(found and says in found[0], (says, found))

    def test_a_notebook_without_code_is_none(self):
        self.assertEqual(problems(), ["there is no code cell in it"])


class LeftBehind(unittest.TestCase):
    def left(self, shell):
        return stress.left_behind(["/bin/sh", "-c", shell], patience=0.5)

    def test_finds_nothing_where_nothing_is(self):
        self.assertEqual(self.left('touch "$TMPDIR/a" && rm "$TMPDIR/a"; exit 3'), (3, []))

    def test_finds_files(self):
        self.assertEqual(self.left('touch "$TMPDIR/a"'), (0, ["a temporary file is left: a"]))
        name = stress.FOLDER / "kept-by-a-test"
        try:
            self.assertEqual(self.left(f'touch "{name}"'), (0, ["a file is left: notebooks/kept-by-a-test"]))
        finally:
            name.unlink()

    @unittest.skipUnless(Path("/proc/self/environ").exists(), "processes are looked for in /proc")
    def test_finds_processes(self):
        status, found = self.left("sleep 2 >/dev/null 2>&1 & exit 0")
        self.assertEqual(status, 0)
        self.assertRegex(found[0], r"^a process is left: \d+ sleep 2$")


class OutsideRequests(unittest.TestCase):
    def test_tells_what_is_loaded_from_what_is_linked(self):
        page = """<link rel="stylesheet" href="https://cdn.example/a.css"><link rel="stylesheet" href="a.css">
            <link rel="canonical" href="https://home.example/"><a href="https://doi.example/1">paper</a>
            <script src="//cdn.example/b.js"></script><script src="_static/c.js"></script>
            <img src="https://example/d.png" alt=""><img src="data:image/png;base64,aa" alt="">
            <p style="background: url('http://example/e.png')"></p>"""
        with tempfile.TemporaryDirectory() as folder:
            pages = Path(folder)
            (pages / "index.html").write_text(page, encoding="utf-8")
            (pages / "a.css").write_text(
                "@import 'https://example/f.css'; p { background: url(g.png) } q { src: url(//example/h.woff) }",
                encoding="utf-8",
            )
            self.assertEqual(
                publish.outside_requests(pages),
                [
                    "index.html: https://cdn.example/a.css",
                    "index.html: //cdn.example/b.js",
                    "index.html: https://example/d.png",
                    "index.html: http://example/e.png",
                    "a.css: https://example/f.css",
                    "a.css: //example/h.woff",
                ],
            )


if __name__ == "__main__":
    unittest.main()
