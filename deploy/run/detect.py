"""`detect`: find objects in images, draw them, count them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from deploy.console import Progress, note
from deploy.results.detections import Detection
from deploy.results.draw import write_image
from deploy.results.folder import write_failed
from deploy.results.resumable import resumable_run
from deploy.run.flow import answers
from deploy.run.image_source import image_source
from deploy.run.images import check_some_succeeded
from deploy.run.run_inputs import inputs_of
from deploy.run.session import open_stream
from deploy.run.target import Target

SCHEMA_VERSION = 1
FOLDER = "image_result"


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
    with open_stream(target, "detect") as (stream, pipeline):
        inputs = inputs_of(pipeline, stream, folder, images.names)
        with resumable_run(out, inputs, resume) as run:
            counts = Counter(run.counts)
            on_terminal = lines is not None and lines.isatty()
            progress = Progress("detected", len(images.names), on_terminal, run.done)
            for name, image, outcome in answers(stream, folder, images.names[run.done :]):
                if outcome.fault:
                    run.failed.append(name)
                    progress.fault(name, outcome.fault)
                else:
                    write_image(run.folder, name, image, outcome.objects, boxes)
                    counts.update(found.name for found in outcome.objects)
                    if lines is not None:
                        print(f"{name}: {_summary(outcome.objects)}", file=lines, flush=True)
                run.done += 1
                progress.step()
                if run.is_due():
                    run.counts = dict(counts)
                    run.save()
            progress.finish()
            check_some_succeeded(len(images.names), run.failed)
            write_failed(run.folder, run.failed)
    return Detected(len(images.names), len(run.failed), dict(counts.most_common()), out, stream.host)


def _summary(objects: list[Detection]) -> str:
    return _counted(dict(Counter(found.name for found in objects)))


def _counted(counts: dict[str, int]) -> str:
    """ "3 objects (dog x2, cat x1)" """
    total = sum(counts.values())
    classes = ", ".join(f"{name} x{count}" for name, count in counts.items())
    return f"{total} object{'' if total == 1 else 's'}" + (f" ({classes})" if classes else "")
