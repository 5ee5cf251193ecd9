"""The options of detect, speed and eval, for `run.sh` and for the compressor's stages alike."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compute_mAP.protocols import DEFAULT_PROTOCOL, PROTOCOL_HELP, PROTOCOLS
from deploy.run.target import NUMERICS


@dataclass(frozen=True)
class RunOption:
    """One option: what reads its text, its default, and what `--help` says. One whose default is False takes no value.

    `may_lack`: an argument given by its place may be left out.
    """

    help: str
    kind: Callable[[str], Any] = str
    default: Any = None
    metavar: str | None = None
    choices: Sequence[str] | None = None
    may_lack: bool = False

    def add(self, parser: argparse.ArgumentParser, name: str) -> None:
        """Let `parser` know it: with dashes as an option, without as an argument by its place."""
        if self.default is False:
            parser.add_argument(name, action="store_true", help=self.help)
            return
        about: dict[str, Any] = {"type": self.kind, "metavar": self.metavar, "choices": self.choices}
        if name.startswith("--"):
            about["default"] = self.default
        elif self.may_lack:
            about["nargs"] = "?"
        parser.add_argument(name, help=self.help, **about)


HOW = {
    "model": RunOption("the bundle's folder (default: models/demo)", Path, metavar="BUNDLE"),
    "pipeline": RunOption("run this pipeline instead of the bundle's own", Path, metavar="FILE"),
    "conf": RunOption("score and objectness threshold for this run, 0..1", float, metavar="X"),
    "iou": RunOption("IoU threshold of NMS for this run, 0..1", float, metavar="X"),
    "on": RunOption(
        "default: board where the MindX SDK imports; else acl, CANN alone, where its module acl imports and there is a "
        "model.om; else host",
        choices=("host", "acl", "board"),
    ),
    "numerics": RunOption(
        "on host: compute as the chip does, or in floats (default: board for eval, else float)", choices=NUMERICS
    ),
    "raw": RunOption(
        "fetch raw tensors and run the pipeline's post-processor, if it is in Python, here and not in the stream",
        default=False,
    ),
    "trust": RunOption("let Python code run that came with the bundle and is not this project's", default=False),
    "write_outside": RunOption(
        "let filesink and mxpi_dumpdata of the pipeline write outside the folder in which the stream runs",
        default=False,
    ),
}
"""What is run, and how: the fields of deploy.run.target.Target."""

EVAL = {
    "devkit": RunOption("the devkit's folder", Path, metavar="VOCDEVKIT"),
    "year": RunOption("default: VOC2007, or the devkit's only year"),
    "image_set": RunOption("default: test, or the devkit's only image set", metavar="NAME"),
    "protocol": RunOption(PROTOCOL_HELP, default=DEFAULT_PROTOCOL, choices=PROTOCOLS),
    "out": RunOption("where the result folder goes (default: the current folder)", Path, Path(), "DIR"),
    "resume": RunOption("go on with a run that was interrupted or killed", default=False),
    "ray": RunOption(
        "run shards of the images on the Ray cluster at HOST:PORT, whose nodes have bundle and devkit under the same "
        "paths; the result files are those of one machine",
        metavar="ADDRESS",
    ),
    "compare": RunOption(
        "score both numerics, and say what the colour path, the letterbox and half precision cost (host)",
        default=False,
    ),
}

IMAGES = {
    "source": RunOption(
        "one image name without suffix a line; or, alone, a folder of images or one image", Path, metavar="IMAGE_SET"
    ),
    "image_dir": RunOption("the folder with the images of the image set", Path, metavar="IMAGE_DIR", may_lack=True),
}
