"""Writes a chart whole or not at all."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure

from deploy.whole_file import write_whole


def write_figure(figure: Figure, file: Path) -> None:
    """A PNG. Raises OSError, as deploy.whole_file.writing words it."""
    content = BytesIO()
    figure.savefig(content, format="png")
    write_whole(file, content.getvalue())
