"""matplotlib's SVG as a part of a page: colours that follow the page's theme, own ids, a name for screen readers.

Charts are drawn with the colours of INK, FAINT and SERIES. In the page they become the CSS variables --ink, --faint and
--s0, --s1, ..., which page.html.jinja sets for light and dark.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
from matplotlib.figure import Figure

INK, FAINT = "#010101", "#020202"
SERIES = tuple(f"#1001{number:02x}" for number in range(8))
_VARIABLES = {
    INK: "var(--ink)",
    FAINT: "var(--faint)",
    **{colour: f"var(--s{i})" for i, colour in enumerate(SERIES)},
}
_SVG, _LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be read out, translated and selected
    "text.parse_math": False,  # names of classes and models may hold a dollar
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": FAINT,
    "axes.grid": True,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "path.simplify_threshold": 0.3,
}


def inline_svg(name: str, label: str, size: tuple[float, float], draw: Callable[[Figure], None]) -> str:
    """The chart that `draw` makes in a figure of `size` inches, as an <svg> element.

    `name` is unique in the page and begins its ids; `label` is what a screen reader says.
    """
    stream = io.StringIO()
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # the browser has signs that matplotlib's font lacks
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return _embedded(stream.getvalue(), name, label)


def _embedded(text: str, name: str, label: str) -> str:
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _LINK)
    root = ElementTree.fromstring(text)  # noqa: S314 - made by matplotlib a moment ago
    for metadata in root.findall(f"{{{_SVG}}}metadata"):
        root.remove(metadata)
    for element in root.iter():
        for key, value in list(element.attrib.items()):
            element.set(key, _own(key, value, name))
        _lighten(element)
    for key in ("width", "height", "version"):
        root.attrib.pop(key, None)
    root.attrib.update({"role": "img", "aria-label": label, "id": name, "class": "chart"})
    return ElementTree.tostring(root, encoding="unicode")


def _own(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if key == f"{{{_LINK}}}href":
        return value.replace("#", f"#{name}-")
    value = re.sub(r"url\(#", f"url(#{name}-", value)
    for colour, variable in _VARIABLES.items():
        value = value.replace(colour, variable)
    return value


def _lighten(element: ElementTree.Element) -> None:
    """Leave the font to the page's style sheet, and drop ids that nothing points to."""
    style = element.get("style", "")
    if element.tag == f"{{{_SVG}}}text":
        anchor = re.search(r"text-anchor: \w+", style)
        size = re.search(r"font(?:-size)?: ([\d.]+px)", style)
        fill = re.search(r"fill: [^;]+", style)
        kept = [found.group() for found in (anchor, fill) if found]
        element.set("style", "; ".join([*kept, f"font-size: {size.group(1)}"] if size else kept))
