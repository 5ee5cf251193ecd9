"""Where packages go. A wheel has one package on the outside (docs/adr/0048-one-package-on-the-outside.md); an
editable installation, which is somebody's own environment, has them as they lie in the clone."""

import shutil
import sys
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

OUTER = "ascend_yolo_slim"
INNER = ("compress", "deploy", "compute_mAP")
BESIDE = ("run.sh", "build.sh", "LICENSE")
"""What programs look for beside the packages; `push` takes run.sh to the board."""


class BuildWithScripts(build_py):
    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            for name in BESIDE:
                shutil.copyfile(name, Path(self.build_lib) / OUTER / name)
            for folder in ("demo", "yolov5"):
                target = Path(self.build_lib) / OUTER / "models" / folder
                shutil.copytree(
                    Path("models") / folder, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.om")
                )
            for name in ("models/demo.dense.safetensors", "models/demo.sparse.safetensors"):
                shutil.copyfile(name, Path(self.build_lib) / OUTER / name)


def inside() -> "list[str]":
    return [name for top in INNER for name in (top, *(f"{top}.{part}" for part in find_packages(top)))]


if "editable_wheel" in sys.argv:
    setup(packages=[OUTER, *inside()], cmdclass={"build_py": BuildWithScripts})
else:
    setup(
        packages=[OUTER, *(f"{OUTER}.{name}" for name in inside())],
        package_dir={f"{OUTER}.{top}": top for top in INNER},
        cmdclass={"build_py": BuildWithScripts},
    )
