"""A verb to run on the board and here: what it reads, what it leaves, how its results are compared."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compute_mAP.voc_devkit import Devkit
from deploy.board import images, results
from deploy.board.compare import Boxes, Tolerance, compare
from deploy.board.here import this_machine
from deploy.board.images import Material
from deploy.bundle import Bundle
from deploy.errors import UsageError
from deploy.results.detections import Detection
from deploy.run.pipeline_file import PipelineFile
from deploy.run.target import Target

SDK2 = "2."
"""Versions of the SDK that take the bundle's *.sdk2.pipeline."""
FOLDERS = {"eval": "txt_result", "detect": "image_result"}


@dataclass(frozen=True)
class Settings:
    """What the run is told beyond its verb. `pipeline` is a file name of the bundle, None for the one that fits."""

    year: str | None = None
    image_set: str | None = None
    protocol: str = "area"
    conf: float | None = None
    iou: float | None = None
    pipeline: str | None = None
    trust: bool = False


class Work:
    """`verb` is "detect", "speed" or "eval", `arguments` its own: image set and image folder, or a folder or an image
    alone; or a devkit.

    Raises UsageError for another number of arguments, DataError for what is not there.
    """

    def __init__(self, bundle: Bundle, verb: str, arguments: Sequence[str], settings: Settings) -> None:
        expected = "VOCDEVKIT" if verb == "eval" else "IMAGE_SET IMAGE_DIR, or a folder or an image alone,"
        if not 1 <= len(arguments) <= (1 if verb == "eval" else 2):
            raise UsageError(f"--run {verb}: expected {expected} behind it, found {list(arguments)}")
        self.bundle = bundle
        self.verb = verb
        self.settings = settings
        self.task = "eval" if verb == "eval" else "detect"
        # Checked here, before anything is copied.
        self.target = Target(bundle.folder, None, settings.conf, settings.iou, "host", "board", trust=settings.trust)
        self.classes = PipelineFile(bundle.folder / f"{self.task}.pipeline", bundle.folder).class_names()
        self.paths = [Path(argument) for argument in arguments]
        self.devkit: Devkit | None = None
        if verb == "eval":
            self.devkit = images.open_devkit(self.paths[0], settings.year, settings.image_set)
            self.material: Material = images.of_devkit(self.devkit)
        else:
            self.material = images.of_image_source(*self.paths)
        if settings.pipeline is not None and settings.pipeline not in bundle.description["files"]:
            raise UsageError(f"--pipeline {settings.pipeline}: expected a file that {bundle.folder}/bundle.json lists")

    @property
    def folder(self) -> str | None:
        """The result folder's name, None for speed, which has none."""
        return FOLDERS.get(self.verb)

    @property
    def expected_files(self) -> set[str]:
        if self.verb == "eval":
            return results.names_of_txt_result(self.classes)
        return results.names_of_image_result(self.material.names)

    def pipeline_on_board(self, sdk_version: str) -> str:
        """The bundle's pipeline for that SDK, "" for the one that the verb takes by itself."""
        if self.settings.pipeline is not None:
            return self.settings.pipeline
        sdk2 = f"{self.task}.sdk2.pipeline"
        return sdk2 if sdk_version.startswith(SDK2) and sdk2 in self.bundle.description["files"] else ""

    def arguments_on_board(self) -> list[str]:
        """What goes behind the verb there: fixed names and numbers, nothing of a path or a name from here."""
        chosen = list(self.material.arguments)
        for option, value in (("--conf", self.settings.conf), ("--iou", self.settings.iou)):
            chosen += [option, repr(value)] if value is not None else []
        if self.verb == "eval":
            chosen += ["--protocol", self.settings.protocol]
        if self.verb == "detect":
            chosen += ["--boxes"]
        if self.settings.trust:
            chosen += ["--trust"]
        return chosen

    def run_here(self, out: Path) -> dict[str, Any]:
        """Run the same on the host engine and leave its results in `out`. Returns its numbers as read_speed does, for
        eval and detect the wall time of the whole run in `seconds`.

        Raises what the verb raises, EnvironmentFault where the host engine does not import.
        """
        start = time.monotonic()
        if self.verb == "speed":
            from deploy.run.speed import measure

            report = measure(self.target, self.paths[0], (*self.paths[1:], None)[0], this_machine()).to_json()
            return {key: report[key] for key in results.SPEED}
        if self.verb == "detect":
            from deploy.run.detect import detect

            detect(self.target, self.paths[0], (*self.paths[1:], None)[0], out, boxes=True)
        else:
            from deploy.run.evaluate import evaluate

            year, image_set = self.settings.year, self.settings.image_set
            evaluate(self.target, self.paths[0], year, image_set, self.settings.protocol, out)
        return self.timing(time.monotonic() - start)

    def timing(self, seconds: float) -> dict[str, Any]:
        """The whole run's wall time, the loading of the model included."""
        count = len(self.material.names)
        return {"images": count, "seconds": seconds, "images_per_second": count / seconds if seconds > 0 else 0.0}

    def score(self, folder: Path) -> dict[str, Any]:
        """The report of the scorer for a folder that holds txt_result. Raises DataError for malformed detections."""
        from compute_mAP.score import score

        assert self.devkit
        return score(folder / FOLDERS["eval"], self.devkit, self.classes, self.settings.protocol).to_json()

    def boxes(self, host: Path, board: Path, tolerance: Tolerance) -> Boxes:
        """Compare the boxes in two folders that hold txt_result or image_result."""
        assert self.folder
        mine, theirs = host / self.folder, board / self.folder
        failed = results.read_failed(mine), results.read_failed(theirs)
        return compare(self.material.names, self._read(mine), self._read(theirs), *failed, tolerance)

    def _read(self, folder: Path) -> dict[str, list[Detection]]:
        if self.verb == "eval":
            return results.read_txt_result(folder, self.classes)
        return results.read_image_result(folder, self.material.names)

    def draw(self, board: Path) -> int:
        """Draw the images that the board, having no cv2, only listed boxes for. Returns how many."""
        if self.verb != "detect":
            return 0
        from deploy.results.draw import write_image
        from deploy.run.images import find_image

        folder, drawn = board / FOLDERS["detect"], 0
        for name, objects in self._read(folder).items():
            image = find_image(self.material.folder, name)
            if image is not None and not (folder / f"{name}.jpg").exists():
                write_image(folder, name, image.read_bytes(), objects, listed=True)
                drawn += 1
        return drawn
