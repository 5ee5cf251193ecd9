"""`detect`: find objects in images, draw them, count them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from deploy.console import Progress, note
from deploy.results.detections import Detection
from deploy.results.draw import write_image
from deploy.results.folder import check_room, write_failed
from deploy.results.image_result import check_complete, has_listed_boxes, is_whole
from deploy.results.ours import Maker, check_apart
from deploy.results.resumable import ResumableRun, resumable_run
from deploy.run.flow import answers
from deploy.run.image_source import image_source
from deploy.run.images import check_some_succeeded
from deploy.run.run_inputs import inputs_of
from deploy.run.session import open_stream
from deploy.run.target import Target

SCHEMA_VERSION = 1
FOLDER = "image_result"
MAKER = Maker("detect", "result of detect", made_before=has_listed_boxes)


@dataclass(frozen=True)
class Detected:
    """What a run found: `objects` counts by class, the most frequent first; `images` includes the failed ones."""

    images: int
    failed_images: int
    objects: dict[str, int]
    out: Path
    host: bool

    def to_json(self) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "images": self.images,
            "failed_images": self.failed_images,
            "objects": dict(self.objects),
            "out": str(self.out),
            "host": self.host,
        }

    def to_text(self) -> str:
        failed = f", {self.failed_images} failed" if self.failed_images else ""
        return f"{self.images} images{failed}: {_counted(self.objects)}, drawn in {self.out}"


def detect(
    target: Target,
    source: Path,
    image_dir: Path | None,
    out: Path,
    lines: TextIO | None = None,
    boxes: bool = False,
    resume: bool = False,
) -> Detected:
    """Run images through detect.pipeline and write OUT/image_result: an image set's, a folder's or a single one.

    `lines` gets one line an image as it comes; `boxes` asks for a NAME.json beside each NAME.jpg. An image that
    fails is reported on stderr and listed in image_result/failed_images.txt. With `resume`, a run that was killed
    goes on.

    `source` and `image_dir` are those of deploy.run.image_source. Raises DataError for a faulty one or when all
    images fail, ModelError and EnvironmentFault as deploy.run.session.open_stream does, UsageError where OUT cannot
    be written.
    """
    images = image_source(source, image_dir)
    for sentence in images.notes:
        note(sentence)
    folder = images.folder
    out = out.absolute() / FOLDER
    check_room(out, MAKER)
    check_apart(out, [folder, source])
    with open_stream(target, "detect") as (stream, pipeline):
        inputs = {**inputs_of(pipeline, stream, folder, images.names), "--boxes": "yes" if boxes else "no"}
        with resumable_run(out, MAKER, inputs, resume) as run:
            counts = Counter(run.counts)
            again = _damaged(run, images.names, boxes)
            shown = _Lines(lines)
            progress = Progress("detected", len(images.names), shown.on_terminal, run.done - len(again))
            for number, (name, image, outcome) in enumerate(
                answers(stream, folder, [*again, *images.names[run.done :]])
            ):
                counted = number < len(again)
                if outcome.fault:
                    run.failed.append(name)
                    progress.fault(name, outcome.fault)
                else:
                    write_image(run.folder, name, image, outcome.objects, boxes)
                    if not counted:
                        counts.update(found.name for found in outcome.objects)
                        shown.add(f"{name}: {_summary(outcome.objects)}")
                run.done += not counted
                progress.step()
                if run.is_due() and not counted:
                    run.counts = dict(counts)
                    run.save()
            progress.finish()
            check_some_succeeded(len(images.names), run.failed)
            write_failed(run.folder, run.failed)
            check_complete(run.folder, images.names, run.failed)
    return Detected(len(images.names), len(run.failed), dict(counts.most_common()), out, stream.host)


class _Lines:
    """Lines on stdout as they come. A reader that has gone, or a full disk there, ends the lines and not the run."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self.on_terminal = stream is not None and stream.isatty()

    def add(self, line: str) -> None:
        try:
            if self._stream is not None:
                print(line, file=self._stream, flush=True)
        except OSError as fault:
            self._stream = None
            note(f"stdout takes no more lines ({fault.strerror}); the run goes on without them")


def _damaged(run: ResumableRun, names: Sequence[str], boxes: bool) -> list[str]:
    """The images of an unfinished run whose files a cut of power has damaged."""
    failed = set(run.failed)
    found = [name for name in names[: run.done] if name not in failed and not is_whole(run.folder, name, boxes)]
    if found:
        note(
            f"{len(found)} images of the unfinished run are damaged, the first of them {found[0]}; they are done again"
        )
    return found


def _summary(objects: list[Detection]) -> str:
    return _counted(dict(Counter(found.name for found in objects)))


def _counted(counts: dict[str, int]) -> str:
    """ "3 objects (dog x2, cat x1)" """
    total = sum(counts.values())
    classes = ", ".join(f"{name} x{count}" for name, count in counts.items())
    return f"{total} object{'' if total == 1 else 's'}" + (f" ({classes})" if classes else "")
