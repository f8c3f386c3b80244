"""The page of all published numbers beside ours."""

import html
import re

from standing import badge, raw


def page(comparisons, standings):
    """Markdown of the page, of the comparisons of all notebooks: (stem, title, row as plotting.ShowCompared hands it over)."""
    agree = sum(row["agrees"] for _, _, row in comparisons)
    groups = {}
    for stem, title, row in comparisons:
        groups.setdefault((stem, title, row["source"]), []).append(row)
    summary = "".join(_line(*key, rows) for key, rows in groups.items())
    head = "".join(f'<th scope="col">{name}</th>' for name in ("experiment", "verdict", "numbers", "largest difference, of its tolerance"))
    table = f'<div class="comparisons"><table><thead><tr>{head}</tr></thead><tbody>{summary}</tbody></table></div>'
    details = "\n".join(_details(*key, rows) for key, rows in groups.items())
    differ = "" if agree == len(comparisons) else " The notebooks say where the rest comes from."
    return (
        f"{badge(standings)}\n# Published against ours\n\n"
        f"Every published number that the notebooks compare with their own: {agree} of {len(comparisons)} agree within the tolerance.{differ} "
        "Means over trials are compared by the standard error of their difference, and no tolerance is wider than half of the effect "
        "that the published figure shows, where that is known.\n\n"
        f"{raw(table)}\nOur numbers over the published ones, each with its tolerance as a bar; numbers of one kind share a scale.\n\n"
        f"{raw(_scatter(comparisons))}\n## All numbers\n\n{raw(details)}"
    )


def _verdict(rows):
    off = sum(not row["agrees"] for row in rows)
    says = "agrees" if off == 0 else "differs" if off == len(rows) else f"{off} of {len(rows)} differ"
    return f'<td class="{"differs" if off else "agrees"}">{says}</td>'


def _line(stem, title, source, rows):
    parts = [_number(row["difference"]) / _number(row["tolerance"]) for row in rows if _number(row["tolerance"]) > 0]
    worst = max((abs(part) for part in parts), default=0)
    link = f'<a href="{stem}.html">{_plain(title)}</a>'
    source = f'<span class="source">{html.escape(source)}</span>' if source else ""
    return f'<tr><th scope="row">{link}{source}</th>{_verdict(rows)}<td>{len(rows)}</td><td>{worst:.2f}</td></tr>'


def _details(stem, title, source, rows):
    head = "".join(f'<th scope="col">{name}</th>' for name in ("quantity", "verdict", "published", "ours", "difference", "tolerance"))
    lines = []
    for row in rows:
        cells = [html.escape(row[name]) for name in ("published", "ours", "difference", "tolerance")]
        why = f'<span class="source">{html.escape(row["why"])}</span>' if row["why"] else ""
        lines.append(
            f'<tr><th scope="row">{html.escape(row["quantity"])}</th>{_verdict([row])}'
            + "".join(f"<td>{cell}</td>" for cell in cells[:-1])
            + f"<td>{cells[-1]}{why}</td></tr>"
        )
    says = f"{_plain(title)}: {html.escape(source)}, {len(rows)} numbers" if source else f"{_plain(title)}: {len(rows)} numbers"
    table = f'<div class="comparisons"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
    return f'<details class="numbers"><summary>{says}</summary>{table}</details>'


def _number(text):
    """The number that a cell begins with."""
    found = re.match(r"-?[\d.]+(?:e-?\+?\d+)?", text.replace("−", "-"))
    return float(found[0]) if found else 0.0


def _plain(title):
    return html.escape(re.sub(r"[$`*]", "", title))


_SIDE, _EDGE = 300, 34


def _scatter(comparisons):
    """A drawing of the published numbers and ours, a panel for each notebook."""
    groups = {}
    for stem, title, row in comparisons:
        groups.setdefault(stem, (title, []))[1].append(row)
    panels = "".join(_panel(title, rows) for title, rows in groups.values())
    return f'<div class="scatters" role="list">{panels}</div>'


def _panel(title, rows):
    """Each number over the published one, with its tolerance; numbers of one kind share a scale, so that percentages and
    losses have room in one panel."""
    points = [point for kind in sorted({_kind(row) for row in rows}) for point in _scaled([row for row in rows if _kind(row) == kind])]
    scale = _SIDE - 2 * _EDGE

    def across(x):
        return f"{_EDGE + x * scale:.1f}"

    def up(y):
        return f"{_SIDE - _EDGE - min(1.08, max(-0.08, y)) * scale:.1f}"

    bars = "".join(f'<path class="tolerance" d="M{across(x)},{up(x - by)}V{up(x + by)}"/>' for x, _, by, _ in points)
    dots = "".join(
        '<circle class="{}" cx="{}" cy="{}" r="3.5"><title>{}: published {}, ours {}</title></circle>'.format(
            "agrees" if row["agrees"] else "differs", across(x), up(y), *(html.escape(row[name]) for name in ("quantity", "published", "ours"))
        )
        for x, y, _, row in points
    )
    says = f"Published numbers and ours, {_plain(title)}: {sum(row['agrees'] for row in rows)} of {len(rows)} agree"
    return (
        f'<figure role="listitem"><svg viewBox="0 0 {_SIDE} {_SIDE}" role="img" aria-label="{says}">'
        f'<path class="axis" d="M{_EDGE},{_EDGE}V{_SIDE - _EDGE}H{_SIDE - _EDGE}"/>'
        f'<path class="same" d="M{_EDGE},{_SIDE - _EDGE}L{_SIDE - _EDGE},{_EDGE}"/>{bars}{dots}'
        f'<text x="{_SIDE / 2}" y="{_SIDE - 8}" text-anchor="middle">published</text>'
        f'<text x="14" y="{_SIDE / 2}" text-anchor="middle" transform="rotate(-90 14 {_SIDE / 2})">ours</text></svg>'
        f"<figcaption>{_plain(title)}</figcaption></figure>"
    )


def _scaled(rows):
    """The rows of one kind as points from 0 to 1, each with its tolerance: from the least number to the largest, or over six
    tolerances where they are nearer to each other."""
    numbers = [_number(row[name]) for row in rows for name in ("published", "ours")]
    span = max(max(numbers) - min(numbers), 6 * max(_number(row["tolerance"]) for row in rows)) or 1
    least = (max(numbers) + min(numbers) - span) / 2
    return [((_number(row["published"]) - least) / span, (_number(row["ours"]) - least) / span, _number(row["tolerance"]) / span, row) for row in rows]


def _kind(row):
    """What is measured, so that numbers of one kind share a scale."""
    words = ("accuracy", "loss", "MSE")
    return next((word for word in words if word in row["quantity"]), "")
