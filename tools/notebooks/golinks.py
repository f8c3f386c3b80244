"""Links from the Go code of a page to the documentation of the packages that it uses."""

import re

from cells import Cell, package_name
from check import code_cells

_SITE = "https://pkg.go.dev/"
# A name of a package, highlighted; the package's own name before it.
_NAME = re.compile(r'(<span class="n\w*">(\w+)</span><span class="p">\.</span>)(<span class="n\w*">([A-Z]\w*)</span>)')


def imports(notebook):
    """The packages that the cells of a notebook import: paths by the names that they go by."""
    found = {}
    for number, cell in enumerate(code_cells(notebook), 1):
        for _, name, path, _ in Cell(number, cell.source).imports:
            found[package_name(name, path)] = path
    return found


def linked(body, packages):
    """The body of a page with each exported name of the packages, in code, as a link to what it is."""

    def link(found):
        before, package, name, plain = found.groups()
        if package not in packages:
            return found[0]
        return f'{before}<a class="go" href="{_SITE}{packages[package]}#{plain}">{name}</a>'

    return _NAME.sub(link, body)
