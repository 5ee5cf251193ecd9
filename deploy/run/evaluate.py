"""`eval`: run the images of a VOC devkit through eval.pipeline, write txt_result, score it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import compute_mAP
import deploy
from compute_mAP.ground_truth import check_some_class, load_ground_truth
from compute_mAP.result_files import PREFIX, SUFFIX
from compute_mAP.voc_devkit import Devkit, find_devkit
from deploy.cluster import check_address, cluster
from deploy.console import Progress, note
from deploy.errors import EnvironmentFault
from deploy.results.folder import check_room, write_failed
from deploy.results.ours import Maker, check_apart
from deploy.results.resumable import resumable_run
from deploy.results.txt_result import TextResults, damaged
from deploy.run.flow import Answer, answers
from deploy.run.images import check_some_succeeded
from deploy.run.run_inputs import inputs_of
from deploy.run.session import open_stream
from deploy.run.stream import Stream
from deploy.run.target import Target

if TYPE_CHECKING:
    from compute_mAP.report import Report

FOLDER = "txt_result"
MAKER = Maker("eval", "result of eval", made_before=lambda folder: any(folder.glob(f"{PREFIX}*{SUFFIX}")))


@dataclass(frozen=True)
class Evaluated:
    """The scorer's report, the devkit it is about and the folder with the detections."""

    report: Report
    devkit: Devkit
    out: Path

    def to_json(self) -> dict[str, Any]:
        return self.report.to_json()

    def to_text(self) -> str:
        return f"{self.report.to_text()}\non {self.devkit.year} {self.devkit.image_set}; detections in {self.out}"


def evaluate(
    target: Target,
    devkit_folder: Path,
    year: str | None,
    image_set: str | None,
    protocol: str,
    out: Path,
    resume: bool = False,
    ray: str | None = None,
) -> Evaluated:
    """Score eval.pipeline on one image set of a devkit and write OUT/txt_result.

    `year`, `image_set` and `protocol` are those of find_devkit and score in compute_mAP. All images of the set count;
    one that fails keeps its ground truth and is listed in txt_result/failed_images.txt. With `resume`, a run that was
    killed goes on and ends with the same files as an unbroken one. With `ray`, the address of a Ray cluster, its nodes
    run the images, and the files are the same again.

    Raises DataError for a faulty devkit (its annotations are read before the long work begins), for one without an
    object of the pipeline's classes or when all images fail, ModelError and EnvironmentFault as
    deploy.run.session.open_stream does, UsageError where OUT cannot be written, and EnvironmentFault where numpy is
    missing, which only the scoring at the end needs; and what deploy.cluster.cluster and deploy.run.sharded.answers_on
    raise.
    """
    if ray is not None:
        check_address(ray)
    anywhere = target.anywhere()
    devkit = find_devkit(devkit_folder.absolute(), year, image_set)
    images = devkit.read_image_set()
    for sentence in (*devkit.notes, *images.notes):
        note(sentence)
    annotations, faults = load_ground_truth(devkit, images.names)
    out = out.absolute() / FOLDER
    check_room(out, MAKER)
    check_apart(out, [devkit_folder])
    with cluster(ray, (deploy, compute_mAP)) as there, open_stream(target, "eval") as (stream, pipeline):
        names = pipeline.class_names()
        check_some_class(annotations, names, faults)
        inputs = inputs_of(pipeline, stream, devkit.images, images.names)
        with resumable_run(out, MAKER, inputs, resume) as run:
            if file := damaged(run.folder, run.sizes, run.sums):
                run.begin_anew(f"{file} of the unfinished run is damaged")
            results = TextResults(run.folder, names, run.sizes, run.sums)
            progress = Progress("evaluated", len(images.names), done=run.done)
            for name, _, outcome in _answers(there, anywhere, stream, inputs, devkit.images, images.names[run.done :]):
                if outcome.fault:
                    run.failed.append(name)
                    progress.fault(name, outcome.fault)
                else:
                    results.add(name, outcome.objects)
                run.done += 1
                progress.step()
                if run.is_due():
                    run.sizes, run.sums = results.flush(), dict(results.sums)
                    run.save()
            progress.finish()
            check_some_succeeded(len(images.names), run.failed)
            results.flush()
            write_failed(run.folder, run.failed)
    report = _scored(out, devkit, names, protocol)
    for sentence in report.notes:
        if sentence not in images.notes:
            note(sentence)
    return Evaluated(report, devkit, out)


def _answers(
    ray: Any, target: Target, stream: Stream, inputs: dict[str, str], folder: Path, names: Sequence[str]
) -> Iterator[Answer]:
    """The answers of the stream here, or of streams like it on the cluster."""
    if ray is None:
        return answers(stream, folder, names)
    from deploy.run.sharded import answers_on

    return answers_on(ray, target, stream, inputs, folder, names)


def _scored(txt_result: Path, devkit: Devkit, names: list[str], protocol: str) -> Report:
    try:
        from compute_mAP.score import score
    except ImportError as fault:
        raise EnvironmentFault(
            f"the detections are in {txt_result}, but scoring them needs numpy ({fault}); where numpy is, run "
            f"python compute_mAP/reval_voc.py {txt_result} --voc_dir VOCDEVKIT"
        ) from None
    return score(txt_result, devkit, names, protocol)
