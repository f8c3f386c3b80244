"""Typesets formulas when the pages are made, as MathML, which browsers draw by themselves."""

import html
import re

from docutils import nodes
from latex2mathml.converter import convert

# Browsers know no styles of letters but those that are letters of their own.
_SCRIPT = {**{chr(ord("A") + i): chr(0x1D49C + i) for i in range(26)}, **dict(zip("BEFHILMR", "ℬℰℱℋℐℒℳℛ", strict=True))}
_DOUBLE = {**{chr(ord("A") + i): chr(0x1D538 + i) for i in range(26)}, **dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True))}
_STYLED = re.compile(r'<mi mathvariant="(script|double-struck)">([A-Z])</mi>')
_FUNCTION = "<mi>(?:sin|cos|tan|sinh|cosh|tanh|arccos|arcsin|exp|log|ln|max|min|erf)</mi>"
_SPACE = '<mspace width="0.17em"/>'
# Spaces as TeX has them, where browsers see operators alone: what is found, and what stands in its place.
_SPACES = (
    (rf"({_FUNCTION})(?=<m(?:i|n|sqrt|frac|sup|sub|over)\b)", rf"\1{_SPACE}"),
    (rf"(</mi>|</mn>|</msqrt>|</mstyle>)(?={_FUNCTION})", rf"\1{_SPACE}"),
    (r"<mo>/</mo>", '<mo lspace="0" rspace="0">/</mo>'),
    (r"(<mo(?: [^>]*)?>(?:[=(,±≤≥≈]|&lt;|&gt;)</mo>|<mrow>)<mo>−</mo>", r'\1<mo form="prefix" lspace="0" rspace="0">−</mo>'),
    (r"<mi>′</mi>", "<mo>′</mo>"),
)


def mathml(tex, displayed=False):
    """The formula as MathML; a command that is not known is a ValueError that names it."""
    found = convert(tex, display="block" if displayed else "inline")
    unknown = re.search(r"\\[A-Za-z]+", found)
    if unknown:
        raise ValueError(f"the formula {tex} has {unknown[0]}, which cannot be typeset")
    found = html.unescape(re.sub(r"&#x0*(26|3C|3E);", r"&amp;#x\1;", found))
    found = re.sub("&#x(26|3C|3E);", lambda mark: {"26": "&amp;", "3C": "&lt;", "3E": "&gt;"}[mark[1]], found)
    found = _STYLED.sub(lambda letter: f"<mi>{(_SCRIPT if letter[1] == 'script' else _DOUBLE)[letter[2]]}</mi>", found)
    for before, after in _SPACES:
        found = re.sub(before, after, found)
    return found


def inline(translator, node):
    translator.body.append(f'<span class="math notranslate">{mathml(node.astext())}</span>')
    raise nodes.SkipNode


def displayed(translator, node):
    number, ids = node.get("number"), node["ids"][:1]
    says = f'<a class="eqno" href="#{ids[0]}" aria-label="Equation {number}">({number})</a>' if number and ids else ""
    place = f' id="{html.escape(ids[0])}"' if ids else ""
    translator.body.append(f'<div class="math notranslate"{place}>{mathml(node.astext(), True)}{says}</div>\n')
    raise nodes.SkipNode
