"""Makes of a figure's SVG, as package plotting writes it, what the pages show: in their colours, or one panel of it."""

import colorsys
import re

# Greys by which package plotting tells what is no data: grid, finer grid, axes, letters.
_GRID, _QUIET = "#E4E4E4", ("#E4E4E4", "#F2F2F2", "#444444", "#222222")
# The theme's background and letters in the dark, between which greys go.
_DARK, _BRIGHT = 0x14, 0xE2
_STYLED = re.compile(r'<path d="([^"]*)" style="([^"]*)" />')
_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")
_FONT = "font-family:'Liberation Sans',Arial,Helvetica,sans-serif;font-variant:normal;"


def screen(svg):
    """The drawing for a page: its colours follow the page's colour scheme, and what is drawn alike is one path.

    A browser hands the scheme of the page to a picture in it; where it does not, the picture follows the system and
    brings its background along.
    """
    size = re.search(r'viewBox="[^"]*"', svg)
    if not size:
        return svg
    body = _merged(re.sub(r">\s+<", "><", svg[svg.index("<g") :]).replace("\n\t", " "))
    names, light, dark = {}, [], []

    def named(found):
        style = found[1].replace(_FONT, "").replace("font-weight:normal;font-style:normal;", "").rstrip(";")
        if style not in names:
            names[style] = f"s{len(names)}"
            light.append(f".{names[style]}{{{style}}}")
            colours = [part for part in style.split(";") if _COLOR.search(part)]
            if colours:
                dark.append(f".{names[style]}{{{';'.join(_COLOR.sub(lambda c: in_the_dark(c[0]), part) for part in colours)}}}")
        return f'class="{names[style]}"'

    body = re.sub(r'style="([^"]*)"', named, body)
    text = "text{font-family:'Liberation Sans',Arial,Helvetica,sans-serif}"
    rules = text + "".join(light) + "@media (prefers-color-scheme:dark){" + "".join(dark) + "}"
    links = ' xmlns:xlink="http://www.w3.org/1999/xlink"' if "xlink:" in body else ""
    return f'<svg xmlns="http://www.w3.org/2000/svg"{links} {size[0]}><style>{rules}</style>{body}'


def _merged(body):
    """The drawing with paths of one style that follow each other in one, where none is seen through another."""
    found, last = [], 0
    for part in _STYLED.finditer(body):
        see_through, between = "opacity" in part[2], body[last : part.start()]
        if found and found[-1][0] == part[2] and not between.strip() and not see_through and "dash" not in part[2]:
            found[-1][1] += part[1]
        else:
            found += [["", between], [part[2], part[1]]]
        last = part.end()
    found.append(["", body[last:]])
    return "".join(f'<path d="{text}" style="{style}"/>' if style else text for style, text in found)


def in_the_dark(colour):
    """What a colour of a drawing on white is on the dark page."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    if max(red, green, blue) - min(red, green, blue) < 0.05:
        grey = round(_BRIGHT + (_DARK - _BRIGHT) * lightness)
        return f"#{grey:02x}{grey:02x}{grey:02x}"
    # Lines and dots need the contrast that they have on white, pale fills stay near the page.
    lightness = 0.14 + (1 - lightness) / 2 if lightness > 0.8 else max(lightness, 0.58)
    return "#" + "".join(f"{round(255 * part):02x}" for part in colorsys.hls_to_rgb(hue, lightness, min(saturation, 0.75)))


def thumbnail(svg, panel=1):
    """What the panel of this number holds, counted in lines from the upper left, without letters and grid; all of a
    drawing that has no such panel."""
    boxes = panels(svg)
    if not 1 <= panel <= len(boxes):
        return screen(svg)
    left, bottom, right, top = boxes[panel - 1]
    kept = []
    for path, style in _STYLED.findall(svg):
        if any(f"stroke:{grey}" in style for grey in _QUIET) or "fill:#FFFFFF" in style:
            continue
        lines = [_points(line) for line in path.split("M") if line]
        inside = all(left - 2 <= x <= right + 2 and bottom - 2 <= y <= top + 2 for line in lines for x, y in line)
        if inside and lines and not _of_legend(lines):
            kept.append((_path(lines, path, left, top), style))
    # Of many dots some tell enough.
    dots = [one for one in kept if "stroke" not in one[1] and "opacity" not in one[1]]
    few = set(dots[:: 1 + len(dots) // 80])
    kept = [one for one in kept if one in few or one not in dots]
    width, height = right - left, top - bottom
    frame = f'<path d="M0,0V{height:.0f}H{width:.0f}" style="fill:none;stroke:#AEAEAE" />'
    paths = "".join(f'<path d="{path}" style="{style}" />' for path, style in kept)
    return screen(f'<svg viewBox="-3 -3 {width + 6:.0f} {height + 6:.0f}"><g>{frame}{paths}</g></svg>')


def _of_legend(lines):
    """Whether this is the sample of a line, or of a band, that stands beside a name."""
    across = {round(max(x for x, _ in line) - min(x for x, _ in line), 1) for line in lines}
    return len(lines[0]) in (2, 4) and across == {22.0}


def panels(svg):
    """The boxes of the panels of a drawing, by the lines of their grids: left, bottom, right, top, y upwards."""
    lines = [_points(path) for path, style in _STYLED.findall(svg) if f"stroke:{_GRID}" in style]
    lines = [line for line in lines if len(line) == 2]
    upright = [line for line in lines if line[0][0] == line[1][0]]
    found = set()
    for (left, y), (right, other) in lines:
        if y == other and left < right:
            for (x, bottom), (_, top) in upright:
                if left <= x <= right and min(bottom, top) - 1 <= y <= max(bottom, top) + 1:
                    found.add((left, min(bottom, top), right, max(bottom, top)))
    return sorted(found, key=lambda box: (-round(box[3]), box[0]))


def _points(path):
    """The ends of a path's pieces; those of a circle are on its right and its left."""
    path = re.sub(r"A[\d.]+,[\d.]+ \d \d \d ", "L", path)
    return [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", path)]


def _path(lines, path, left, top):
    """The lines anew, from the upper left, y downwards; circles as dots of one size."""
    if "A" in path:
        (right, y), (leftmost, _) = lines[0][:2]
        return f"M{(right + leftmost) / 2 - left - 2:.1f},{top - y:.1f}a2,2 0 1 0 4,0a2,2 0 1 0 -4,0"
    end = "Z" if path.endswith("Z") else ""
    return "".join("M" + "L".join(f"{x - left:.1f},{top - y:.1f}" for x, y in _thinned(line)) + end for line in lines)


def _thinned(points, off=0.35):
    """The points without those that lie within a third of a point of the straight line of their neighbours."""
    if len(points) < 3:
        return points
    (x0, y0), (x1, y1) = points[0], points[-1]
    length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5

    def away(point):
        x, y = point
        if length == 0:
            return ((x - x0) ** 2 + (y - y0) ** 2) ** 0.5
        return abs((y1 - y0) * (x - x0) - (x1 - x0) * (y - y0)) / length

    farthest = max(range(1, len(points) - 1), key=lambda i: away(points[i]))
    if away(points[farthest]) <= off:
        return [points[0], points[-1]]
    return _thinned(points[: farthest + 1], off)[:-1] + _thinned(points[farthest:], off)
