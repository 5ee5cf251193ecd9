"""Results as tables of HTML, which Jupyter shows for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def html_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table with a head; every cell is escaped, floats have four decimals, or two digits below 0.001."""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{escape(_shown(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _shown(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:.1e}" if 0 < abs(cell) < 0.001 else f"{cell:.4f}"
    return "" if cell is None else str(cell)
