"""report: one page that shows models side by side and opens without a network."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress.cost.chips import DEFAULT_SOC
from compress.option import Settings, declared, option
from compress.out_file import check_out_file
from compute_mAP.protocols import DEFAULT_PROTOCOL, PROTOCOLS
from compute_mAP.regular_file import open_regular
from deploy.errors import DataError, UsageError

if TYPE_CHECKING:
    from compress.report.page.assemble import Page, Row
    from compress.report.page.scores import Scored, Truth
    from compute_mAP.voc_devkit import Devkit

Say = Callable[[str], None]
LARGEST = 2_000_000
"""Bytes that a page may have: it goes by mail and opens on a phone."""


@dataclass(frozen=True, kw_only=True)
class ReportSettings(Settings):
    """Of `report`. `host_ms` are latencies by title that were measured already, in milliseconds."""

    sources: Sequence[str | Path] = option(
        kind=str,
        metavar="RUN|BUNDLE",
        place=True,
        many=True,
        help="a run, a bundle, a checkpoint, the folder of a search or of a sensitivity, or TITLE=PATH",
    )
    out: str | Path = option("report.html", kind=Path, metavar="FILE", help="the page to write")
    gif: str | Path | None = option(
        None, kind=Path, metavar="FILE", help="also write the gammas of the last sparse run given as an animation"
    )
    devkit: str | Path | None = option(
        None, kind=Path, metavar="VOCDEVKIT", help="score the bundles on this devkit's images", group="scores"
    )
    year: str | None = option(None, help="default: VOC2007, or the devkit's only year", group="scores")
    image_set: str | None = option(
        None, metavar="NAME", help="default: test, or the devkit's only image set", group="scores"
    )
    protocol: str = option(DEFAULT_PROTOCOL, choices=PROTOCOLS, help="of the mAP, as eval has it", group="scores")
    results: Sequence[str] = option(
        (),
        kind=str,
        many=True,
        metavar="TITLE=DIR",
        help="the txt_result of a model (default: the one beside its bundle; where there is none, it is run)",
        group="scores",
    )
    soc: str = option(DEFAULT_SOC, help="the chip whose latency is estimated")
    speed: bool = option(False, help="measure the bundles' latency on this computer, with the devkit's images")
    ladder: int = option(
        8, low=0, high=1000, help="images that the forms of each bundle's model are compared on, 0 for no ladder"
    )
    device: Sequence[str] = option(
        (),
        kind=str,
        many=True,
        metavar="TITLE=DIR",
        help="the txt_result that a board or the chip wrote for the devkit's images: the model's ladder ends there",
        group="scores",
    )
    host_ms: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.sources:
            raise UsageError("no model is given, expected a run, a bundle or a checkpoint")
        if not self.devkit:
            for name, value in (("results", self.results), ("device", self.device), ("speed", self.speed)):
                if value:
                    raise UsageError(f"--{name} needs --devkit, whose images the models are shown")

    def command(self) -> str:
        """The command that makes the page again, for a shell."""
        words = ["bash", "run.sh", "compress", "report", *map(str, self.sources)]
        for made in declared(type(self)):  # type: ignore[arg-type]
            value = getattr(self, made.field)
            if made.place or value == made.default:
                continue
            for entry in value if made.many else [value]:
                words += [f"--{made.name}"] if made.const is not None else [f"--{made.name}", str(entry)]
        return shlex.join(words)


@dataclass(frozen=True)
class ReportResult:
    """The page, the animation where one was asked for, and what is said of each model."""

    page: Path
    gif: Path | None
    models: list[dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"page": str(self.page), "models": self.models}
        return {**found, "gif": str(self.gif)} if self.gif else found


def report(settings: ReportSettings, say: Say = lambda _: None) -> ReportResult:
    """Write the page, whole or not at all.

    Raises UsageError for a title that no model has and for a page that would be one of its sources, DataError for a
    path that is no model and for a faulty devkit or txt_result, ModelError for a faulty bundle or checkpoint.
    """
    from compress.cost.chips import find_chip
    from compress.report.page.assemble import Page, answer_of, fill, row_of
    from compress.report.page.sources import find_sources, sensitivities
    from compress.report.page.studies import sensitivity_section
    from compress.report.page.write import render
    from compute_mAP.terminal import escaped
    from deploy.whole_file import write_whole

    find_chip(settings.soc)
    out = Path(settings.out)
    _check_out(settings)
    studies, models = sensitivities(settings.sources)
    if not models:
        raise UsageError("a sensitivity alone is no model: give the bundle that it is about too")
    sources = find_sources(models)
    sensitive = [sensitivity_section(number, *study) for number, study in enumerate(studies, 1)]
    rows = [row_of(number, source, settings.soc) for number, source in enumerate(sources, 1)]
    gif = _gif(settings, rows)
    page = Page(rows, settings.command(), soc=settings.soc, sections={"sensitivities": sensitive})
    with ExitStack() as stack:
        if settings.devkit:
            _score(settings, page, stack, say)
        _climb(settings, page, say)
    fill(page)
    content = escaped(render(page)).encode("utf-8")
    if len(content) > LARGEST:
        say(f"warning: the page has {len(content) / 1e6:.1f} MB, more than {LARGEST / 1e6:.0f}; give fewer models")
    write_whole(out, content)
    if gif:
        gif()
    return ReportResult(out, Path(settings.gif) if settings.gif else None, [answer_of(row) for row in rows])


def _check_out(settings: ReportSettings) -> None:
    for name, file, suffix in (("out", settings.out, ".html"), ("gif", settings.gif, ".gif")):
        if file is not None:
            check_out_file(f"--{name}", Path(file), suffix, (), "result of report", _is_ours)


def _is_ours(file: Path) -> None:
    """Raises DataError for a page or an animation that this program did not write."""
    with open_regular(file) as stream:
        if b"ascend-yolo-slim" not in stream.read(1 << 20):
            raise DataError(f"{file} is no result of report")


def _gif(settings: ReportSettings, rows: Sequence[Row]) -> Callable[[], None] | None:
    """What writes the animation. Raises DataError where no model given is a sparse run."""
    if not settings.gif:
        return None
    from compress.report.page.assemble import gammas_of
    from compress.report.page.gamma_frames import frames_of, write_gif

    sparse = [(row, epochs) for row in rows if (epochs := gammas_of(row.source))]
    if not sparse:
        raise DataError("--gif needs a sparse run, a folder with gammas.jsonl; none of the models given is one")
    row, epochs = sparse[-1]
    return lambda: write_gif(frames_of(epochs), row.title, Path(str(settings.gif)))


def _score(settings: ReportSettings, page: Page, stack: ExitStack, say: Say) -> None:
    """Score the rows that have a bundle or a txt_result."""
    from compress.report.page.scores import read_truth
    from compute_mAP.voc_devkit import find_devkit

    assert settings.devkit
    devkit = find_devkit(Path(settings.devkit), settings.year, settings.image_set)
    truth = read_truth(devkit, settings.protocol)
    page.set_name = f"{devkit.year} {devkit.image_set}, {len(truth.annotations)}"
    page.protocol = settings.protocol
    given = _by_title("results", settings.results, page.rows)
    first: Scored | None = None
    for row in page.rows:
        folder = given.get(row.title) or _found_results(row)
        if folder is None and row.source.bundle is None:
            continue
        if folder is None:
            say(f"{row.title}: running the test images through its pipeline, as the chip computes")
            folder = _run(row, settings, stack)
        row.scored = _scored(row, folder, truth, first)
        first = first or row.scored
    page.sections["worst"] = _worst(page.rows, devkit)
    _measure(settings, page.rows, devkit, say)


def _worst(rows: Sequence[Row], devkit: Devkit) -> dict[str, Any]:
    """The images on which the scored models differ most; {} of a single model."""
    from compress.report.page.worst import worst_images
    from deploy.board.results import read_txt_result

    scored = [(row.title, row.scored) for row in rows if row.scored]
    if len(scored) < 2:
        return {}
    names = list(dict.fromkeys(name for _, found in scored for name in found.names))
    return worst_images({title: read_txt_result(found.folder, names) for title, found in scored}, devkit.images)


def _by_title(name: str, texts: Sequence[str], rows: Sequence[Row]) -> dict[str, Path]:
    """The folders of an option of the form TITLE=DIR."""
    titles = [row.title for row in rows]
    given = {}
    for text in texts:
        title, sign, folder = text.partition("=")
        if not sign or not folder:
            raise UsageError(f"--{name} is '{text}', expected TITLE=DIR")
        if title not in titles:
            raise UsageError(f"--{name} names '{title}', expected one of {', '.join(titles)}")
        given[title] = Path(folder)
    return given


def _found_results(row: Row) -> Path | None:
    """The txt_result beside a bundle that is alone in its folder and older: what `eval --out` of that folder wrote."""
    from deploy.bundle import DESCRIPTION, MODEL

    if row.source.bundle is None:
        return None
    bundle = row.source.bundle.folder
    folder = bundle.parent / "txt_result"
    alone = [other.parent for other in bundle.parent.glob(f"*/{DESCRIPTION}")] == [bundle]
    if not folder.is_dir() or not alone or folder.stat().st_mtime < (bundle / MODEL).stat().st_mtime:
        return None
    return folder


def _run(row: Row, settings: ReportSettings, stack: ExitStack) -> Path:
    from deploy.run.evaluate import evaluate
    from deploy.run.target import Target

    assert row.source.bundle and settings.devkit
    out = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    target = Target(row.source.bundle.folder, on="host")
    return evaluate(target, Path(settings.devkit), settings.year, settings.image_set, settings.protocol, out).out


def _scored(row: Row, folder: Path, truth: Truth, first: Scored | None) -> Scored:
    from compress.report.page.scores import score_folder
    from compute_mAP.detections import classes_in

    names = row.source.names or _names_of(row) or classes_in(folder)
    return score_folder(folder, names, truth, (first.folder, first.names) if first else None)


def _climb(settings: ReportSettings, page: Page, say: Say) -> None:
    """Compare the forms of each bundle's model, from the checkpoint on where it is one of the page's."""
    from compress.report.ladder.climb import climb
    from compress.report.ladder.images import ladder_images, of_devkit
    from compress.report.ladder.made_of import made_of
    from compute_mAP.voc_devkit import find_devkit
    from deploy.board.results import read_txt_result

    device = _by_title("device", settings.device, page.rows)
    bundled = [row for row in page.rows if row.source.bundle]
    for title in device:
        if title not in [row.title for row in bundled]:
            raise UsageError(f"--device names '{title}', which has no bundle")
    if not settings.ladder or not bundled:
        return
    if settings.devkit:
        devkit = find_devkit(Path(settings.devkit), settings.year, settings.image_set)
        images = of_devkit(devkit, settings.ladder)
    else:
        images = ladder_images(None, settings.ladder)
    page.ladder_images = len(images.files)
    checkpoints = [row.source.checkpoint for row in page.rows if row.source.checkpoint]
    bundles = [row.source.bundle for row in page.rows if row.source.bundle]
    for row in bundled:
        assert row.source.bundle
        made = made_of(row.source.bundle, checkpoints, bundles)
        boxes = read_txt_result(device[row.title], row.source.names) if row.title in device else None
        row.ladder = climb(row.source.bundle, images, made, boxes, say)


def _names_of(row: Row) -> list[str]:
    if row.source.checkpoint is None:
        return []
    from compress.stages.model import open_model

    return open_model(row.source.checkpoint).names


def _measure(settings: ReportSettings, rows: Sequence[Row], devkit: Devkit, say: Say) -> None:
    """Latency of each bundle with one image in flight, where it is asked for or known."""
    from compress.edge import run_edge

    for row in rows:
        if row.title in settings.host_ms:
            row.host_ms = settings.host_ms[row.title]
        elif settings.speed and row.source.bundle:
            say(f"{row.title}: measuring")
            told = run_edge("speed", devkit.image_set_file, devkit.images, "--model", row.source.bundle.folder)
            row.host_ms = float(told["latency_ms"]["p50"])
