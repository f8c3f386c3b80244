"""Tests of what checks and publishes the notebooks: python -m unittest lab_test, in this folder."""

import base64
import contextlib
import hashlib
import io
import json
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import zipfile
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

sys.dont_write_bytecode = True

import docutils.utils
import nbformat
from docutils import nodes
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import check
import compared
import conf
import drawings
import excerpts
import formulas
import front
import gallery
import golinks
import publish
import run
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


# Two panels as package plotting draws them: white, a grid, a line in each, letters.
SVG = """<?xml version="1.0"?>
<svg width="50pt" height="10pt" viewBox="0 0 50 10"
	xmlns="http://www.w3.org/2000/svg">
<g transform="scale(1, -1) translate(0, -10)">
<path d="M0,0L50,0L50,10L0,10Z" style="fill:#FFFFFF" />
<path d="M0,0L20,0" style="fill:none;stroke:#E4E4E4;stroke-width:0.7" />
<path d="M0,5L20,5" style="fill:none;stroke:#E4E4E4;stroke-width:0.7" />
<path d="M10,0L10,10" style="fill:none;stroke:#E4E4E4" />
<path d="M30,5L50,5" style="fill:none;stroke:#E4E4E4" />
<path d="M40,0L40,10" style="fill:none;stroke:#E4E4E4" />
<path d="M4,8L16,2" style="fill:none;stroke:#0072B2" />
<path d="M31,10L50,0" style="fill:none;stroke:#D55E00" />
<text x="1" y="-1" transform="scale(1, -1)"
	style="font-family:'Liberation Sans',Arial,Helvetica,sans-serif;font-size:9px;fill:#222222">epoch</text>
</g>
</svg>
"""


def below_head(page):
    """What the first cell of a page says below the block that all pages have."""
    return page.cells[0].source.split("</details></div></div>\n```\n\n", 1)[1]


class Pages(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.source, self.extra = Path(folder.name, "source"), Path(folder.name, "extra")
        self.source.mkdir()
        for folder in ("figures", "notebooks"):
            (self.extra / folder).mkdir(parents=True)

    def page(self, *cells, metadata=None, names=("05-parity",)):
        path = self.source.parent / "05-parity.ipynb"
        nbformat.write(new_notebook(cells=list(cells), metadata=metadata or {}), path)
        comparisons = []
        card = publish._page(path, self.source, self.extra, comparisons, list(names), False, [])
        return nbformat.read(self.source / path.name, as_version=4), card, comparisons

    def test_figures_are_unpacked_and_nothing_of_ours_is_left(self):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as files:
            files.writestr("figure.svg", SVG)
            files.writestr("figure.csv", "x,y\n")
        packed = base64.b64encode(archive.getvalue()).decode()
        shown = picture()
        shown.data[publish.FILES] = packed
        live = html('<img src="data:image/png;base64,iVBORw0KGgo=">')
        live.data[publish.FILES] = packed
        page, _, _ = self.page(cell("%%\nf()", picture(), shown, live))
        made = sorted(path.name for path in (self.extra / "figures").iterdir())
        ends = ("1.png", "2.csv", "2.png", "2.screen.svg", "2.svg", "3.csv", "3.png", "3.screen.svg", "3.svg")
        self.assertEqual(made, [f"05-parity-{end}" for end in ends])
        self.assertEqual((self.extra / "figures/05-parity-2.csv").read_text(encoding="utf-8"), "x,y\n")
        self.assertNotIn("kernelsmith.figure", str(page))
        shown = page.cells[1].outputs[2].data["text/html"]
        self.assertIn('href="figures/05-parity-3.csv" download', shown)
        self.assertIn('<img src="figures/05-parity-3.screen.svg">', shown)
        self.assertNotIn("screen.svg\" download", shown)

    def test_the_notebook_is_offered_without_its_outputs(self):
        self.page(new_markdown_cell("# Parity"), cell("%%\nf()", picture()), metadata={"kernelsmith": {"scale": "paper"}})
        offered = nbformat.read(self.extra / "notebooks/05-parity.ipynb", as_version=4)
        self.assertEqual((offered.cells[1].source, offered.cells[1].outputs), ("%%\nf()", []))

    def test_published_numbers_are_collected(self):
        row = {"quantity": "loss < 1", "source": "Table 1", "published": "1", "ours": "2", "difference": "1", "tolerance": "0.1", "why": "", "agrees": False}
        table = html("<table></table>")
        table.data[publish.COMPARISONS] = json.dumps([row, {**row, "agrees": True}])
        title = new_markdown_cell("# Parity of $n$ bits\n\nWhat it is. And more.")
        _, card, comparisons = self.page(title, cell("%%\nf()", table))
        self.assertEqual(card.sentence, "What it is.")
        text = compared.page(comparisons, [{"scale": "paper"}])
        self.assertTrue(text.startswith("\n# Published"), text)
        self.assertIn("1 of 2 agree", text)
        summary, rest = text.split("## All numbers")
        self.assertIn('<a href="05-parity.html">Parity of n bits</a>', summary)
        # The summary of an experiment: its verdict before its numbers, the largest difference over its tolerance.
        self.assertIn('<td class="differs">1 of 2 differ</td><td>2</td><td>10.00</td>', summary)
        self.assertIn("loss &lt; 1", rest)
        self.assertIn('<td class="differs">differs</td>', rest)
        self.assertIn('<td class="agrees">agrees</td>', rest)
        self.assertEqual(text.count("<circle"), 2)

    def test_links_to_what_is_not_published_are_text(self):
        text = "[there](01-a.ipynb), [gone](09-b.ipynb#c), [web](https://a.example/b.md), [here](#d), $E[f](x)$"
        page, _, _ = self.page(new_markdown_cell(text), names=("05-parity", "01-a"))
        self.assertEqual(below_head(page), "[there](01-a.ipynb), gone, [web](https://a.example/b.md), [here](#d), $E[f](x)$")

    def test_what_looks_like_a_link_in_code_stays(self):
        link = "[gone](09-b.ipynb)"
        for kept in (f"`{link}`", f"`` a ` {link} ``", f"```\n{link}\n```", f"- a\n\n  ~~~go\n  {link}\n  ```\n  {link}\n  ~~~", f"````\n```\n{link}"):
            self.assertEqual(below_head(self.page(new_markdown_cell(kept))[0]), kept)
        page, _, _ = self.page(new_markdown_cell(f"{link} `a` {link}\n```\n{link}\n```\n{link}, [`b`](09-b.ipynb), ` {link}\n\n` {link}"))
        self.assertEqual(below_head(page), f"gone `a` gone\n```\n{link}\n```\ngone, `b`, ` gone\n\n` gone")

    def test_pictures_that_are_alike_have_numbers_of_their_own(self):
        path = self.source / "05-parity.ipynb"
        shown = [picture(), picture(), html("<p>"), picture()]
        shown[1].data["text/plain"] = "another"
        shown[3].data["image/png"] = base64.b64encode(b"another").decode()
        nbformat.write(new_notebook(cells=[cell("%%\nf()", *shown[:2]), cell("%%\ng()", *shown[2:])]), path)
        document = docutils.utils.new_document("")
        for index in (0, 1, 3):
            name = hashlib.sha256(base64.b64decode(shown[index].data["image/png"])).hexdigest()
            document += nodes.image(uri=f"build/{name}.png")
        for number in 1, 2, 3:
            (self.extra / f"figures/05-parity-{number}.png").touch()
        env = SimpleNamespace(docname="05-parity", doc2path=lambda _: path)
        conf._dress(SimpleNamespace(env=env, config=SimpleNamespace(html_extra_path=[self.extra])), document)
        figures = list(document.findall(nodes.figure))
        self.assertEqual([figure["ids"] for figure in figures], [["figure-1"], ["figure-2"], ["figure-3"]])
        self.assertEqual([figure[1].astext() for figure in figures], ["a curve", "another", "a curve"])
        self.assertIn('download="05-parity-2.png"', figures[1][2].astext())

    def test_a_page_says_how_it_was_made(self):
        facts = {"scale": "paper", "seeds": "1 to 3", "commit": "abc", "blas": "OpenBLAS <1>", "cpu": "a CPU, 2 cores", "duration": "3 s"}
        data = [{"name": "iris", "licence": "CC BY 4.0"}]
        page, _, _ = self.page(cell("f()"), metadata={"kernelsmith": {**facts, "data": data}})
        block = page.cells[0].source
        for says in ("paper", "1 to 3", "abc", "OpenBLAS &lt;1&gt;", "a CPU, 2 cores", "3 s", "iris (CC BY 4.0)"):
            self.assertIn(says, block)
        self.assertIn("make report SCALE=paper NOTEBOOKS=05", block)
        self.assertIn('href="notebooks/05-parity.ipynb"', block)

    def test_a_card_has_what_the_notebook_says_of_itself(self):
        shown = [picture(), picture()]
        shown[1].data |= {"image/png": base64.b64encode(b"second").decode(), "text/plain": "the second"}
        cells = new_markdown_cell("# Parity\n\nWhat it is. And more."), cell("%%\nf()", *shown)
        says = {"title": "Parity", "claim": "It is 3 < 4.", "picture": 2, "group": "paper", "number": "3", "of": "less than 4"}
        page, card, _ = self.page(*cells, metadata={"kernelsmith": says})
        self.assertEqual((card.sentence, card.alt, card.group, card.number), ("It is 3 < 4.", "the second", "paper", "3"))
        self.assertEqual((self.source / card.picture).read_bytes(), b"second")
        meta = page.metadata["myst"]["html_meta"]
        self.assertEqual((meta["description"], meta["property=og:title"]), ("It is 3 < 4.", "Parity"))
        index = front.page([card], [], {}, [says])
        self.assertIn("## The paper\n", index)
        self.assertNotIn("## Beyond", index)
        self.assertIn('<a href="05-parity.html"><strong>3</strong><span>less than 4</span></a>', index)
        # Without, and where the figure is not there at this scale.
        for metadata, shown in ({}, "a curve"), ({"kernelsmith": {"picture": 3}}, ""):
            page, card, _ = self.page(*cells, metadata=metadata)
            self.assertEqual((card.title, card.sentence, card.alt, card.number), ("Parity", "What it is.", shown, ""))
            self.assertEqual(page.metadata["myst"]["html_meta"]["description"], "What it is.")
            self.assertIn("grid-item-card} Parity\n", front._card(card))

    def test_a_page_of_less_than_the_published_setting_says_so(self):
        wine = {"name": "wine", "licence": "CC BY 4.0", "stands_for": ["red & white"]}
        iris = {"name": "iris", "licence": "CC BY 4.0"}
        title = new_markdown_cell("# Parity")
        for says, words in (
            ({"scale": "quick"}, ["Quick scale", "smaller nets and fewer trials", "published setting (paper scale)"]),
            ({"scale": "quick", "data": [iris, wine]}, ["Quick scale · Stand-in data", "smaller nets", "wine in place of red &amp; white"]),
            ({"scale": "paper", "data": [wine]}, ['class="badge">Stand-in data<', "wine in place of red &amp; white"]),
        ):
            page, _, _ = self.page(title, cell("f()"), metadata={"kernelsmith": says})
            above, below = page.cells[0].source.split("\n# Parity\n")
            for word in words:
                self.assertIn(word, above)
            self.assertEqual("in place of red &amp; white (CC BY 4.0)" in below, "data" in says)
        for metadata in {}, {"kernelsmith": {"scale": "paper", "data": [iris]}}:
            page, _, _ = self.page(title, cell("f()"), metadata=metadata)
            self.assertTrue(page.cells[0].source.strip().startswith("# Parity\n"))
        both = [{"scale": "quick"}, {"scale": "paper"}, {"scale": "quick"}]
        for text in front.page([], [], {}, both), compared.page([], both):
            self.assertIn("2 of 3 notebooks were run with smaller nets", text.split("\n# ")[0])
        self.assertNotIn("badge", front.page([], [], {}, both[1:2]))

    def test_the_report_folds_declarations_and_has_the_badge_first(self):
        cells = [new_markdown_cell("# Parity\n\nText."), cell('import (\n\t"fmt"\n)'), cell("// half is <half>.\nconst half = 0.5", count=2), cell("%%\nf()", count=3)]
        paths = []
        for scale in "quick", "paper":
            paths.append(self.source.parent / f"01-{scale}.ipynb")
            says = {"title": "Parity", "claim": 'It is "so".', "scale": scale}
            nbformat.write(new_notebook(cells=cells, metadata={"kernelsmith": says, "kernelspec": run.KERNEL, "language_info": run.LANGUAGE}), paths[-1])
        with mock.patch.object(publish, "_documents", lambda: []):
            publish.publish(paths, self.source.parent / "report", self.source.parent / "build")
        quick, paper, index = (Path(self.source.parent, "report", name).read_text(encoding="utf-8") for name in ("01-quick.html", "01-paper.html", "index.html"))
        for page in quick, paper:
            folds = re.findall(r'<details class="code"( open)?><summary>(.*?)</summary>', page)
            self.assertEqual(folds, [("", "Imports: fmt · 3 lines of Go"), ("", "half is &lt;half&gt; · 2 lines of Go"), (" open", "2 lines of Go")])
            self.assertIn('<meta content="It is &quot;so&quot;." name="description"', page)
        article = quick.split("<article", 1)[1]
        self.assertLess(article.index('class="badge"'), article.index("<h1>"))
        self.assertNotIn("<section", article[: article.index('class="badge"')])
        self.assertNotIn('class="badge"', paper)
        self.assertIn("1 of 2 notebooks", index)


class Drawings(unittest.TestCase):
    def test_a_drawing_follows_the_page(self):
        shown = drawings.screen(SVG)
        light, dark = shown.split("@media (prefers-color-scheme:dark)")
        self.assertIn("fill:#FFFFFF", light)
        self.assertIn("fill:#141414", dark)  # the page's background in the dark
        self.assertNotIn("style=", shown)
        # Two lines of one style are one path; what is drawn stays.
        self.assertIn('d="M0,0L20,0M0,5L20,5"', shown)
        self.assertEqual(shown.count("M4,8L16,2"), 1)

    def test_colours_keep_their_order_and_their_contrast(self):
        light = [int(drawings.in_the_dark(grey)[1:3], 16) for grey in ("#FFFFFF", "#E4E4E4", "#666666", "#222222", "#000000")]
        self.assertEqual(light, sorted(light))
        for colour in ("#0072B2", "#332288", "#882255", "#D55E00"):
            red, green, blue = (int(drawings.in_the_dark(colour)[i : i + 2], 16) / 255 for i in (1, 3, 5))
            self.assertGreater(0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2, 0.13, colour)

    def test_a_thumbnail_is_one_panel_without_letters(self):
        self.assertEqual(drawings.panels(SVG), [(0, 0, 20, 10), (30, 0, 50, 10)])
        first, second = drawings.thumbnail(SVG, 1), drawings.thumbnail(SVG, 2)
        self.assertIn("M4.0,2.0L16.0,8.0", first)  # from the upper left
        self.assertNotIn("text>", first)
        self.assertNotIn("M1.0,0.0L20.0,10.0", first)
        self.assertIn("M1.0,0.0L20.0,10.0", second)
        self.assertEqual(drawings.thumbnail(SVG, 3), drawings.screen(SVG))


class Formulas(unittest.TestCase):
    def test_formulas_are_typeset(self):
        self.assertIn("<mfrac><mn>1</mn><mn>2</mn></mfrac>", formulas.mathml(r"\tfrac12 x"))
        self.assertIn("<mi>𝒩</mi>", formulas.mathml(r"\mathcal N"))
        self.assertIn('display="block"', formulas.mathml("K(c)", True))
        self.assertIn("<mo>&lt;</mo>", formulas.mathml("a < b"))
        for tex in (r"\nothing x", r"a + \undefinedcommand"):
            with self.assertRaisesRegex(ValueError, "cannot be typeset"):
                formulas.mathml(tex)


class Excerpts(unittest.TestCase):
    def test_sections_have_their_text(self):
        page = (
            '<p>menu</p><article><section id="a"><h1>A kernel<a class="headerlink">¶</a></h1><p>of <b>one</b> layer</p><pre>code</pre>'
            '<section id="b"><h2>And <math>x</math> back</h2><ul><li>first</li><li>second</li></ul></section></section></article><p>end</p>'
        )
        self.assertEqual(excerpts.sections(page), [["a", "A kernel", "of one layer"], ["b", "And back", "first second"]])


class Gallery(unittest.TestCase):
    def test_designs_of_records_with_a_named_target_are_shown(self):
        terms = [{"kind": "relu", "amplitude": 2, "shift": 0.5}, {"kind": "cos", "amplitude": 1, "frequency": 2, "phase": 0}]
        formula = {"slope": 1, "offset": -1, "terms": terms}
        self.assertAlmostEqual(gallery._value(formula, 1.5), 1.5 - 1 + 2 - 0.9899924966)
        design = {"format": "kernelsmith design", "formula": formula, "error": {"mean": 0.00123, "relative": 0.01}}
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "records/03").mkdir(parents=True)
            for name, target in ("a", "cosh < c"), ("b", [1, 2]), ("c", "e4c41137c07d74fec6e07f647ff7a1c9"):
                record = {"settings": {"Target": target}, "value": {"Optima": [design]}}
                (Path(folder) / f"records/03/{name}.json").write_text(json.dumps(record), encoding="utf-8")
            found = gallery.designs(Path(folder) / "records")
            self.assertEqual([target for _, target, _ in found], ["cosh < c", "e4c41137c07d74fec6e07f647ff7a1c9"])
            sources = {language: f"source {language}" for language in gallery._LANGUAGES.values()}
            sources["JSON"] = json.dumps(formula)
            text = gallery.page(found, [{"spread": 3.2, "sources": sources}] * 2, Path(folder), {"03": "03-a"})
            self.assertIn("a kernel of page 03", text)
            self.assertNotIn("e4c4", text)
            self.assertIn("3.2/√N about it, 0.1 at 1,024", text)
            self.assertEqual((Path(folder) / "designs/design-02.jax.py").read_text(encoding="utf-8"), "source JAX")
            self.assertTrue((Path(folder) / "designs/go.mod").exists(), "go test ./... of a checkout with a report compiles its designs")
            self.assertIn("cosh &lt; c", text)
            self.assertIn("0.0012 off in the root mean square, 1 % of the target", text)
            self.assertIn('<a href="03-a.html">page 03</a>', text)
            self.assertEqual(json.loads((Path(folder) / "designs/design-01.json").read_text(encoding="utf-8")), formula)


class CodeLinks(unittest.TestCase):
    def test_names_lead_to_their_packages(self):
        notebook = new_notebook(cells=[cell('import (\n\t"fmt"\n\t"example.com/a/ntk"\n)')])
        packages = golinks.imports(notebook)
        self.assertEqual(packages, {"fmt": "fmt", "ntk": "example.com/a/ntk"})
        name = '<span class="nx">{}</span><span class="p">.</span><span class="nx">{}</span>'.format
        body = name("ntk", "Must") + name("net", "NTK") + name("ntk", "private")
        self.assertEqual(
            golinks.linked(body, packages),
            '<span class="nx">ntk</span><span class="p">.</span><a class="go" href="https://pkg.go.dev/example.com/a/ntk#Must">'
            '<span class="nx">Must</span></a>' + name("net", "NTK") + name("ntk", "private"),
        )


class Keys(unittest.TestCase):
    def test_a_notebook_runs_again_when_its_cells_or_the_scale_change(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "01-a.ipynb")

            def key(source, scale="quick", outputs=(), **says):
                cells = [new_code_cell(source, id="a", outputs=list(outputs))]
                nbformat.write(new_notebook(cells=cells, metadata={"kernelsmith": says}), path)
                return run._key(path, scale)

            first = key("f()")
            self.assertEqual(first, key("f()", outputs=[picture()]))
            self.assertNotEqual(first, key("g()"))
            self.assertNotEqual(first, key("f()", scale="paper"))
            self.assertEqual(first, key("f()", date="2026-11-29"))
            for name in run.KEPT:
                self.assertNotEqual(first, key("f()", **{name: "1"}))

    def test_a_notebook_runs_again_when_the_library_or_the_data_change(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "jmlr/iris").mkdir(parents=True)
            file = Path(folder) / "jmlr/iris/iris.txt"
            sources = ["ntk/doc.go", "data/embedded/iris.csv", "internal/jmlr/sha256.txt", "plotting/live/page.js", "tools/gonb.patch", "tools/notebooks/kernel/launch"]
            if platform.machine() == "x86_64":
                sources.append("ntk/internal/vec32/vec32_amd64.s")
            with mock.patch.dict(os.environ, KERNELSMITH_DATA=folder):
                keys = []
                for text in ("1", "1", "2"):
                    file.write_text(text, encoding="utf-8")
                    keys.append(run._library.__wrapped__())
                read = Path.read_bytes
                for source in sources:
                    changed = run.CHECKOUT / source
                    with mock.patch.object(Path, "read_bytes", lambda path, changed=changed: read(path) + (b"//" if path == changed else b"")):
                        keys.append(run._library.__wrapped__())
                with mock.patch.dict(os.environ, KERNELSMITH_OPENBLAS="another"):
                    keys.append(run._library.__wrapped__())
                with mock.patch.object(run, "_blas", lambda: "another"):
                    keys.append(run._library.__wrapped__())
        self.assertEqual(keys[0], keys[1])
        self.assertEqual(len(set(keys)), len(keys) - 1, list(zip(["1", "1", "2", *sources, "variable", "BLAS"], keys, strict=True)))

    def test_without_a_list_of_packages_there_is_no_key(self):
        with mock.patch.object(run, "_output", lambda *command: ""), self.assertRaisesRegex(RuntimeError, "go list"):
            run._library.__wrapped__()


class Provenance(unittest.TestCase):
    def test_a_run_keeps_what_a_notebook_says_of_itself_and_notes_its_data(self):
        class Client:
            def __init__(self, *_, **__):
                self.setup_kernel = contextlib.nullcontext

            def execute_cell(self, cell, _, execution_count):
                cell.execution_count = execution_count
                with open(os.environ["KERNELSMITH_LOADED"], "a", encoding="utf-8") as file:
                    file.write("wine\tCC BY 4.0\nwine\tCC BY 4.0\twine-quality-red\niris\tCC0\n")

        says = {"title": "A", "claim": "B.", "picture": 2, "seeds": "1"}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "01-a.ipynb")
            old = {"scale": "paper", "date": "old", "failed": "cell 1 of 2", "data": [{"name": "old"}]}
            nbformat.write(new_notebook(cells=[cell("f()"), cell("g()", count=2)], metadata={"kernelsmith": says | old}), path)
            with mock.patch.multiple(run, NotebookClient=Client, _provenance=lambda scale, _: {"scale": scale}), contextlib.redirect_stdout(io.StringIO()):
                notebook, failure = run.run(path, "quick")
        self.assertIsNone(failure)
        data = [{"name": "iris", "licence": "CC0"}, {"name": "wine", "licence": "CC BY 4.0", "stands_for": ["wine-quality-red"]}]
        self.assertEqual(notebook.metadata["kernelsmith"], says | {"scale": "quick", "data": data})

    def test_what_executing_writes_is_no_local_change(self):
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(run, "CHECKOUT", Path(folder)):
            for file in "notebooks/01-a.ipynb", "ntk/a.go":
                Path(folder, file).parent.mkdir()
                Path(folder, file).write_text("1", encoding="utf-8")
            for command in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "-m", "a"]):
                subprocess.run(["git", *command], cwd=folder, check=True)
            clean = run._commit()
            self.assertRegex(clean, r"^[0-9a-f]+$")
            Path(folder, "notebooks/records/paper").mkdir(parents=True)
            for file in "notebooks/01-a.ipynb", "notebooks/records/paper/a.json":
                Path(folder, file).write_text("2", encoding="utf-8")
            self.assertEqual(run._commit(), clean)
            Path(folder, "ntk/a.go").write_text("2", encoding="utf-8")
            self.assertEqual(run._commit(), clean + " with local changes")


class Interrupts(unittest.TestCase):
    def test_a_closed_terminal_ends_what_runs_apart(self):
        main = (
            "import run, signal, sys\n"
            "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"  # which a test under nohup ignores
            "run._unchanged = lambda *_: False\n"
            "run.__file__ = sys.argv[1]\n"
            "sys.argv = ['run.py', 'report', '--jobs', '2', '00', '01']\n"
            "sys.exit(run.main())"
        )
        with tempfile.TemporaryDirectory() as folder:
            child = Path(folder, "child.py")
            child.write_text(f"import os, time\nopen(os.path.join({folder!r}, f'{{os.getpid()}}.pid'), 'w')\ntime.sleep(100)", encoding="utf-8")

            def started():
                return [int(path.stem) for path in Path(folder).glob("*.pid")]

            with subprocess.Popen([sys.executable, "-c", main, child], cwd=run.HERE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as parent:
                self.addCleanup(parent.kill)
                end = time.monotonic() + 60
                while len(started()) < 2 and time.monotonic() < end:
                    time.sleep(0.05)
                pids = started()
                self.assertEqual(len(pids), 2)
                parent.send_signal(signal.SIGHUP)
                said = parent.communicate(timeout=60)[1]
            left = []
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                    left.append(pid)
                except ProcessLookupError:
                    pass
            self.assertEqual((parent.returncode, left), (130, []), said)

    def test_what_starts_during_an_interrupt_ends_too(self):
        popen, starts, interrupted, children = subprocess.Popen, threading.Event(), threading.Event(), []

        def start(command, **options):
            if command[-1] == "01-a":
                starts.wait(60)
                interrupted.set()
                raise KeyboardInterrupt
            starts.set()
            interrupted.wait(60)
            time.sleep(1)  # until the processes have been ended
            children.append(popen(["sleep", "60"], **options))
            return children[-1]

        with mock.patch.object(subprocess, "Popen", start), self.assertRaises(KeyboardInterrupt):
            run._run_apart([Path("01-a.ipynb"), Path("02-b.ipynb")], "quick", 2)
        self.assertEqual([child.returncode for child in children], [-signal.SIGTERM])


class Report(unittest.TestCase):
    def test_committed_notebooks_are_published_as_asked(self):
        for names in ["05"], []:
            with mock.patch.object(publish, "publish") as published, contextlib.redirect_stdout(None):
                run.report(SimpleNamespace(scale="committed", paths=run._select(names), pdf=False))
            self.assertEqual(published.call_args.args[0], run._select(names))


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
