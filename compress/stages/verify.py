"""verify: whether a bundle is the one that was exported, and whether all forms of its model still agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress.option import Settings, option
from compress.stages.table import html_table

if TYPE_CHECKING:
    from compress.report.ladder.rung import Rung


@dataclass(frozen=True, kw_only=True)
class VerifySettings(Settings):
    """Of `verify`."""

    bundle: str | Path = option(kind=Path, place=True, metavar="BUNDLE", help="the bundle's folder")
    images: str | Path | None = option(
        None,
        kind=Path,
        metavar="DIR|VOCDEVKIT",
        help="the images: a folder, or a devkit, whose test set gives mAP too (default: two of ultralytics')",
    )
    count: int = option(16, low=1, high=100_000, help="images at most, spread evenly over those that are there")
    made_of: Sequence[str | Path] = option(
        (),
        kind=str,
        many=True,
        metavar="FILE|BUNDLE",
        help="the checkpoint that it was exported from, the float bundle that it was quantised from: the ladder then "
        "begins there; may be given several times",
    )
    device: str | Path | None = option(
        None,
        kind=Path,
        metavar="DIR",
        help="the txt_result that a board or the chip wrote for these images: the ladder then ends there",
    )


@dataclass(frozen=True)
class VerifyResult:
    """The rungs, and a sentence for each file that is not the exported one."""

    bundle: Path
    images: int
    rungs: list[Rung]
    edited: list[str]

    @property
    def fault(self) -> str:
        """What is broken first, "" where everything holds."""
        from compress.report.ladder.rung import first_broken

        if self.edited:
            return self.edited[0]
        broken = first_broken(self.rungs)
        return f"{self.bundle}: the rung '{broken.key}' is broken: {broken.fault}" if broken else ""

    def to_json(self) -> dict[str, Any]:
        return {
            "bundle": str(self.bundle),
            "holds": not self.fault,
            "fault": self.fault,
            "edited": self.edited,
            "images": self.images,
            "rungs": [rung.to_json() for rung in self.rungs],
        }

    def rows(self) -> list[list[str]]:
        """A table: its head, then a row for each rung."""
        found = [["rung", "max abs", "of the largest", "cosine", "boxes", "matched", "mAP@0.5:0.95", "holds"]]
        for rung in self.rungs:
            cells = (
                (rung.max_abs, "{:.1e}"),
                (rung.relative, "{:.1e}"),
                (rung.cosine, "{:.6f}"),
                (rung.boxes, "{}"),
                (rung.matched, "{:.1%}"),
                (rung.map50_95, "{:.4f}"),
            )
            texts = ["" if value is None else shape.format(value) for value, shape in cells]
            holds = f"no: {rung.fault}" if rung.fault else "as recorded" if rung.recorded else "yes"
            found.append([rung.key, *texts, holds])
        return found

    def _repr_html_(self) -> str:
        head, *rows = self.rows()
        return html_table(tuple(head), rows)


def verify(settings: VerifySettings, say: Callable[[str], None] = lambda _: None) -> VerifyResult:
    """Check the hashes and climb the ladder again; nothing is written.

    Raises ModelError for a model file that is not the exported one, UsageError for a file that the bundle was not made
    of, DataError for faulty images.
    """
    from compress.report.ladder.climb import climb
    from compress.report.ladder.images import ladder_images
    from compress.report.ladder.made_of import named
    from deploy.board.results import read_txt_result
    from deploy.bundle import open_bundle
    from deploy.errors import DataError

    bundle = open_bundle(Path(settings.bundle))
    images = ladder_images(Path(settings.images) if settings.images else None, settings.count)
    made = named(bundle, settings.made_of)
    device = None
    if settings.device is not None:
        folder = Path(settings.device)
        if not folder.is_dir():
            raise DataError(f"--device: there is no folder {folder}")
        device = read_txt_result(folder, bundle.names)
    rungs = climb(bundle, images, made, device, say)
    return VerifyResult(bundle.folder, len(images.files), rungs, [_changed(note) for note in bundle.notes])


def _changed(note: str) -> str:
    """The sentence about a file that was edited, without what running it would say."""
    return note.partition("; it is used")[0]
