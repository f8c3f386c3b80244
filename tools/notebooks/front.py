"""The front page of the report."""

import json
import re
from dataclasses import dataclass

from standing import badge, raw

SENTENCE = (
    "Write down the kernel that a wide neural network should have: Kernelsmith finds the activation function with which one hidden layer "
    "has it, certifies it, fits it in a form that trains well, and trains the net."
)
# The notebook whose first figure stands on the front page, as in the README.
CLAIM = "04-shallow-mimics-deep"
GROUPS = {"paper": "The paper", "beyond": "Beyond the paper"}
_SOURCE = "https://github.com/kernelsmith/kernelsmith"
_PAPER = "https://arxiv.org/abs/2106.03186"
_BIBTEX = """@inproceedings{simon2022reverse,
  title     = {Reverse Engineering the Neural Tangent Kernel},
  author    = {Simon, James B. and Anand, Sajant and DeWeese, Michael R.},
  booktitle = {Proceedings of the 39th International Conference on Machine Learning},
  year      = {2022},
  note      = {arXiv:2106.03186}
}
@software{kernelsmith,
  title  = {Kernelsmith: neural networks designed by their kernels},
  author = {{The Kernelsmith authors}},
  url    = {https://github.com/kernelsmith/kernelsmith}
}"""


@dataclass
class Card:
    """What the front page shows of a notebook."""

    stem: str
    title: str
    sentence: str
    group: str
    picture: str  # the file of its thumbnail, or nothing
    alt: str
    number: str  # a result for the top of the page, or nothing
    of: str  # what the number is


def figure(caption):
    """Markdown of the figure that shows what the project is for."""
    return (
        ":::{figure} claim.svg\n:alt: A net of one hidden layer follows the net of four hidden layers in loss and accuracy over the epochs\n\n"
        f"A net of one hidden layer (1HL mimic) trains like one of four (4HL ReLU), far from the shallow ReLU net. {caption} "
        f"From [this page]({CLAIM}.ipynb).\n:::\n"
    )


def page(cards, guides, extra, standings):
    """Markdown of the front page: what this is, then the notebooks in their groups.

    Extra are other pages of the menu, by its captions.
    """
    numbers = [card for card in cards if card.number]
    start = next((card.stem for card in cards if card.group not in GROUPS), None)
    parts = [
        f"---\n{json.dumps({'myst': {'html_meta': meta('Kernelsmith', SENTENCE)}})}\n---\n",
        badge(standings),
        "# Kernelsmith\n",
        f":::{{div}} claim\n{SENTENCE}\n:::\n",
        _links(start),
        "```{include} claim.md\n```\n" if any(card.stem == CLAIM for card in cards) else "",
        _numbers(numbers),
        _COMMANDS,
    ]
    for group, caption in GROUPS.items():
        chosen = [card for card in cards if card.group == group]
        if chosen:
            parts.append(f"## {caption}\n\n::::{{grid}} 1 2 2 3\n:gutter: 3\n\n" + "\n\n".join(_card(card) for card in chosen) + "\n::::\n")
    parts += [f"(cite)=\n## Cite this\n\nThe theory, the experiments and the published activation are those of the paper.\n\n```bibtex\n{_BIBTEX}\n```\n"]
    menu = {"": [card.stem for card in cards if card.group not in GROUPS]}
    menu |= {caption: [card.stem for card in cards if card.group == group] for group, caption in GROUPS.items()}
    for caption, names in extra.items():
        menu.setdefault(caption, []).extend(names)
    menu["Guide"] = guides
    for caption, names in menu.items():
        if names:
            said = f":caption: {caption}\n" if caption else ""
            parts.append(f"```{{toctree}}\n:hidden:\n{said}\n" + "\n".join(names) + "\n```\n")
    return "\n".join(parts)


def meta(title, sentence):
    """What search engines and messengers show of a page."""
    title, sentence = plain(title), " ".join(plain(sentence).split())
    return {"description": sentence, "property=og:type": "article", "property=og:title": title, "property=og:description": sentence}


def plain(text):
    """Text without the marks of formulas, code and stress."""
    return re.sub(r"[$`*]", "", text)


def _links(start):
    first = [f"[Start here]({start}.ipynb)"] if start else []
    return " · ".join([*first, "[Design a kernel here](live.md)", f"[Paper]({_PAPER})", f"[Source]({_SOURCE})", "[Cite this](#cite)"]) + "\n"


def _numbers(cards):
    """A few results, each a link to the page that it is from."""
    items = "".join(f'<a href="{card.stem}.html"><strong>{card.number}</strong><span>{card.of}</span></a>' for card in cards)
    return raw(f'<div class="results">{items}</div>') if items else ""


_COMMANDS = """In a checkout, on Linux or macOS with Go and Python (the first run sets up the rest, inside the checkout):

```sh
make lab      # opens the notebooks in JupyterLab, with the Go kernel
make report   # runs them and writes these pages
```
"""


def _card(card):
    picture = [f":img-top: {card.picture}", f":img-alt: {card.alt}"] if card.picture else []
    return "\n".join([f":::{{grid-item-card}} {card.title}", f":link: {card.stem}", ":link-type: doc", *picture, "", card.sentence, ":::"])
