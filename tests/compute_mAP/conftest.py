"""A small devkit to damage, for the tests of the scorer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from compute_mAP.voc_xml import Object


def annotation_text(objects: Sequence[Object], width: int = 100, height: int = 80) -> str:
    parts = [
        f"<object><name>{o.name}</name><difficult>{int(o.difficult)}</difficult><bndbox><xmin>{o.x0}</xmin>"
        f"<ymin>{o.y0}</ymin><xmax>{o.x1}</xmax><ymax>{o.y1}</ymax></bndbox></object>"
        for o in objects
    ]
    return f"<annotation><size><width>{width}</width><height>{height}</height></size>{''.join(parts)}</annotation>"


@pytest.fixture
def make_devkit(tmp_path: Path) -> Callable[..., Path]:
    """Writes VOCdevkit/<year> with one annotation an image, all images in one image set; images stay unwritten."""

    def make(images: Mapping[str, Sequence[Object]], year: str = "VOC2007", image_set: str = "test") -> Path:
        devkit = tmp_path / "VOCdevkit"
        for folder in ("Annotations", "ImageSets/Main", "JPEGImages"):
            (devkit / year / folder).mkdir(parents=True, exist_ok=True)
        for name, objects in images.items():
            file = devkit / year / "Annotations" / f"{name}.xml"
            file.write_text(annotation_text(objects), encoding="utf-8")
        names = "".join(f"{name}\n" for name in images)
        (devkit / year / "ImageSets" / "Main" / f"{image_set}.txt").write_text(names, encoding="utf-8")
        return devkit

    return make
