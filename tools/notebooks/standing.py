"""What a page says of how it was made: badges at its top, the facts behind them, and what a reader can do with it."""

import html


def badge(standings, page=False):
    """What stands at the top of a page and on each of its screens: that it is of less than the published setting.

    The page is that of one notebook, or one about all. Nothing stands there where all were run at paper scale on the
    data that they name.
    """
    short, says = [], []
    quick = sum(one.get("scale") == "quick" for one in standings)
    if quick:
        short.append("Quick scale")
        who, text = f"{quick} of {len(standings)} notebooks were run with ", "The text speaks"
        if page:
            who, text = "", "Sentences between the figures speak"
        says.append(
            f"<strong>Quick scale:</strong> {who}smaller nets and fewer trials than the committed run. "
            f"{text} of the published setting (paper scale)."
        )
    stood_in = sorted({text for one in standings for data in one.get("data", []) for text in _stand_ins(data)})
    if stood_in:
        short.append("Stand-in data")
        says.append(f"<strong>Stand-in data:</strong> {html.escape('; '.join(stood_in))}.")
    if not short:
        return ""
    lines = "".join(f"<p>{line}</p>" for line in says)
    return raw(f'<p class="badge">{" · ".join(short)}</p><div class="badge-says" role="note">{lines}</div>')


def raw(text):
    """HTML as a piece of Markdown."""
    return f"```{{raw}} html\n{text}\n```\n"


def _stand_ins(data):
    """For each set whose place a set took, what says so."""
    return [f"{data['name']} in place of {name}" for name in data.get("stands_for", [])]


# What stands in the block at the top of each page, in this order.
_FACTS = {
    "scale": "Scale",
    "seeds": "Seeds",
    "commit": "Commit",
    "date": "Executed",
    "duration": "Duration",
    "go": "Go",
    "cpu": "CPU",
    "blas": "BLAS",
}
_CITATION = "J. B. Simon, S. Anand, M. R. DeWeese, Reverse Engineering the Neural Tangent Kernel, ICML 2022"


def head(provenance, stem, pdf):
    """The block below the title of a notebook's page: in a line how it was made, and what can be taken from it."""
    offers = [f'<a href="notebooks/{stem}.ipynb" download>.ipynb</a>']
    if pdf:
        offers.append(f'<a href="pdf/{stem}.pdf">PDF</a>')
    offers.append(_folded("Run it", _commands(stem.split("-")[0], provenance.get("scale"))))
    offers.append(_folded("Cite this", f'<p>{_CITATION}, <a href="https://arxiv.org/abs/2106.03186">arXiv:2106.03186</a>; '
                                       f'and <a href="index.html#cite">Kernelsmith</a>, page <q>{stem}</q>.</p>'))
    line = _made(provenance)
    return raw(f'<div class="page-head">{line}<div class="offers">{"".join(offers)}</div></div>')


def _folded(says, content):
    return f"<details><summary>{says}</summary>{content}</details>"


def _commands(number, scale):
    """The commands that run a page of this number, in a checkout."""
    setting = " SCALE=paper" if scale == "paper" else ""
    report = f"make report{setting} NOTEBOOKS={number}"
    code = '<div class="highlight-sh notranslate"><div class="highlight"><pre>{}</pre></div></div>'.format
    return (
        f"<p>In a checkout of the project, run it and write its page anew:</p>{code(report)}"
        f"<p>or open it in JupyterLab, where every cell can be edited:</p>{code('make lab')}"
    )


def _made(provenance):
    """How the page was made: a line, and folded below it all that is known."""
    if provenance.get("failed"):
        return f'<p class="provenance"><strong>This run failed: {html.escape(provenance["failed"])}.</strong></p>'
    if not provenance.get("scale"):
        return ""
    facts = [(label, html.escape(provenance[name])) for name, label in _FACTS.items() if provenance.get(name)]
    data = provenance.get("data", [])
    named = {one["name"]: html.escape("; ".join(_stand_ins(one)) or one["name"]) for one in data}
    sets = [f"{named[one['name']]} ({html.escape(one['licence'])})" for one in data]
    if len(sets) > 4:
        licences = sorted({one["licence"] for one in data})
        sets = [f"{len(sets)} sets ({html.escape('; '.join(licences))}): " + ", ".join(named.values())]
    if sets:
        facts.append(("Data", "; ".join(sets)))
    rows = "".join(f"<dt>{label}</dt><dd>{value}</dd>" for label, value in facts)
    short = [f"{provenance['scale']} scale"] + [html.escape(provenance[name]) for name in ("duration", "date") if provenance.get(name)]
    badges = "".join(f'<span class="fact">{one}</span>' for one in short)
    return f'<details class="provenance"><summary title="How this page was made">{badges}</summary><dl>{rows}</dl></details>'
