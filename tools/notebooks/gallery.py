"""The page of the designs that the committed records hold: target, φ, error, and φ to take along."""

import html
import json
import math

from standing import raw

_LEFT, _RIGHT, _POINTS = -3.0, 3.0, 121


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


def page(found, extra, pages):
    """Markdown of the gallery; writes each formula below extra. Pages are the notebooks by their numbers."""
    (extra / "designs").mkdir()
    cards = []
    for number, (notebook, target, design) in enumerate(found, 1):
        name = f"designs/design-{number:02d}.json"
        (extra / name).write_text(json.dumps(design["formula"], indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        error, stem = design["error"], pages.get(notebook)
        source = f' · <a href="{stem}.html">page {notebook}</a>' if stem else ""
        cards.append(
            f'<figure>{_drawing(design["formula"], target)}<figcaption><strong>{html.escape(target)}</strong><br>'
            f'<code>φ(z) = {html.escape(_text(design["formula"]))}</code><br>'
            f'its kernel is {error["mean"]:.2g} off in the root mean square, {100 * error["relative"]:.2g} % of the target · '
            f'<a href="{name}" download>JSON</a>{source}</figcaption></figure>'
        )
    return (
        "# Gallery of designs\n\nActivations of one hidden layer, each fitted to the kernel whose name it has, from the records of the notebooks. "
        "The JSON is what `design.Load` reads; `design.PyTorch`, `design.JAX`, `design.NumPy`, `design.GoSource` and `design.LaTeX` write it as source, "
        "and `Design.Spread` says how nets of finite width are spread.\n\n" + raw(f'<div class="scatters gallery">{"".join(cards)}</div>')
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
