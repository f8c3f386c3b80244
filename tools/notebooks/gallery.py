"""The page of the designs that the committed records hold: target, φ, error, and φ to take along."""

import html
import json
import math
import re
import subprocess

from standing import raw

_LEFT, _RIGHT, _POINTS = -3.0, 3.0, 121
_LANGUAGES = {"json": "JSON", "pytorch.py": "PyTorch", "jax.py": "JAX", "numpy.py": "NumPy", "go": "Go", "tex": "LaTeX"}


def designs(records):
    """The designs in a folder of records that say their target by a name: (notebook, target, design as design.Save writes it)."""
    found = []
    for path in sorted(records.glob("*/*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        value, settings = record.get("value"), record.get("settings")
        if not isinstance(value, dict) or not isinstance(settings, dict):
            continue
        one = (value.get("Optima") or [value])[0]
        target = settings.get("Target")
        if not isinstance(one, dict) or one.get("format") != "kernelsmith design" or not isinstance(target, str) or not _known(one["formula"]):
            continue
        found.append((path.parent.name, target, one))
    return found


def along(found, checkout):
    """What the library says of each design besides: its spread, and its activation as source by the language."""
    designs = json.dumps([design for _, _, design in found])
    run = subprocess.run([checkout / "tools/env", "go", "run", "./site/gallery"], cwd=checkout, input=designs, text=True, stdout=subprocess.PIPE, check=True)
    return json.loads(run.stdout)


def page(found, besides, extra, pages):
    """Markdown of the gallery; writes each formula below extra. Pages are the notebooks by their numbers."""
    (extra / "designs").mkdir()
    # Each file is a program's part by itself; so "go test ./..." of a checkout that a report lies in leaves them out.
    (extra / "designs/go.mod").write_text("module designs\n", encoding="utf-8")
    cards = []
    for number, ((notebook, target, design), beside) in enumerate(zip(found, besides, strict=True), 1):
        links = []
        for end, language in _LANGUAGES.items():
            name = f"designs/design-{number:02d}.{end}"
            (extra / name).write_text(beside["sources"][language], encoding="utf-8")
            links.append(f'<a href="{name}" download>{language}</a>')
        if re.fullmatch("[0-9a-f]{16,}", target):
            target = f"a kernel of page {notebook}"  # named by its fingerprint alone
        error, stem = design["error"], pages.get(notebook)
        source = f' · <a href="{stem}.html">page {notebook}</a>' if stem else ""
        cards.append(
            f'<figure>{_drawing(design["formula"], target)}<figcaption><strong>{html.escape(target)}</strong><br>'
            f'<code>φ(z) = {html.escape(_text(design["formula"]))}</code><br>'
            f'its kernel is {error["mean"]:.2g} off in the root mean square, {100 * error["relative"]:.2g} % of the target; '
            f'that of a net of width N is {beside["spread"]:.2g}/√N about it, {beside["spread"] / 1024**0.5:.2g} at 1,024 · '
            f'{" · ".join(links)}{source}</figcaption></figure>'
        )
    return (
        "# Gallery of designs\n\nActivations of one hidden layer, each fitted to the kernel whose name it has, from the records of the notebooks. "
        "The JSON is what `design.Load` reads; the sources are what `design.PyTorch`, `design.JAX`, `design.NumPy`, `design.GoSource` and `design.LaTeX` write. "
        "The spread is `Design.MeanSpread`: the standard deviation of the kernel of a random net, root mean square over the angle.\n\n" + raw(f'<div class="scatters gallery">{"".join(cards)}</div>')
    )


def _known(formula):
    return all(term["kind"] in ("relu", "cos") for term in formula["terms"])


def _value(formula, z):
    y = formula["slope"] * z + formula["offset"]
    for term in formula["terms"]:
        if term["kind"] == "relu":
            y += term["amplitude"] * max(0.0, z - term.get("shift", 0))
        else:
            y += term["amplitude"] * math.cos(term["frequency"] * z + term.get("phase", 0))
    return y


def _text(formula):
    parts = [f"{formula['slope']:.3g} z", f"{formula['offset']:+.3g}"]
    for term in formula["terms"]:
        if term["kind"] == "relu":
            parts.append(f"{term['amplitude']:+.3g} relu(z {-term.get('shift', 0):+.3g})")
        else:
            parts.append(f"{term['amplitude']:+.3g} cos({term['frequency']:.3g} z {term.get('phase', 0):+.3g})")
    return " ".join(parts).replace("+-", "−").replace("-", "−").replace("e−0", "e−")


def _drawing(formula, target):
    zs = [_LEFT + (_RIGHT - _LEFT) * i / (_POINTS - 1) for i in range(_POINTS)]
    ys = [_value(formula, z) for z in zs]
    low, high = min(ys), max(ys)
    span = (high - low) or 1
    points = "L".join(f"{10 + 220 * (z - _LEFT) / (_RIGHT - _LEFT):.1f},{10 + 100 * (high - y) / span:.1f}" for z, y in zip(zs, ys, strict=True))
    return (
        f'<svg viewBox="0 0 240 120" role="img" aria-label="φ for {html.escape(target)}, from z = −3 to 3">'
        f'<path class="axis" d="M10,10V110H230"/><path class="phi" d="M{points}"/></svg>'
    )
