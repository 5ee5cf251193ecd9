"""The synthetic devkit: pictures, annotations, image sets and class names, the same bytes for the same seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from compress.data.codes.scene import Scene, draw_scene, tight_box
from compress.data.codes.splits import FEWEST_PICTURES, deal_splits
from compress.data.codes.symbols import CLASSES
from compress.data.codes.voc_files import annotation_xml, image_sets
from compress.data.out_folder import built_whole
from compute_mAP.errors import UsageError

MAKER = "compress data codes"
YEAR = "VOC2007"
NAMES_FILE = "codes.names"
# A symbol counts as cut off when a corner lies further outside than rounding explains.
CUT_OFF = 1.0


@dataclass(frozen=True)
class CodesReport:
    """What was made: pictures per image set, and symbols per class in all pictures."""

    out: Path
    images: dict[str, int]
    objects: dict[str, int]


def make_codes(
    out: Path | str,
    images: int = 400,
    seed: int = 0,
    sides: tuple[int, int] = (320, 640),
    on_picture: Callable[[int], None] | None = None,
) -> CodesReport:
    """Write a Pascal VOC devkit of pictures with Data Matrix codes, QR codes and bar codes into the folder `out`.

    `out`/VOC2007 holds Annotations, JPEGImages and ImageSets/Main/{train,val,trainval,test}.txt (70 % train, 15 % val,
    15 % test); `out`/codes.names holds the classes in order. Each picture is sides[0] to sides[1] pixels wide and
    high and shows 0 to 8 symbols. A box reaches around the modules, without the quiet zone: whole pixels measured
    from the picture's outer edge, so that a box over the whole picture is 0 0 width height.

    The same seed, sides and library versions give the same bytes, and the first pictures and their splits are the
    same for any number of pictures. `on_picture` is called with the number of pictures written so far.

    Raises UsageError for fewer than 7 pictures (a split would be empty), a negative seed, sides that are not
    64 <= smallest <= largest <= 4096, and an `out` that holds something else.
    """
    if images < FEWEST_PICTURES:
        raise UsageError(
            f"{images} pictures: expected at least {FEWEST_PICTURES}, so that train, val and test get some"
        )
    if seed < 0:
        raise UsageError(f"seed {seed}: expected 0 or more")
    if not 64 <= sides[0] <= sides[1] <= 4096:
        raise UsageError(f"picture sides {sides[0]} to {sides[1]}: expected 64 to 4096 pixels, the smaller first")
    # The generator of a picture hangs on the seed and its number alone; 0 and 1 keep it apart from the splits' one.
    splits = deal_splits(images, np.random.default_rng([0, seed]))
    names = [f"{index:06d}" for index in range(images)]
    objects: Counter[str] = Counter()
    sets = image_sets(names, splits)
    with built_whole(Path(out), MAKER, (YEAR, NAMES_FILE)) as work:
        root = work / YEAR
        for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
            (root / folder).mkdir(parents=True)
        for index, name in enumerate(names):
            rng = np.random.default_rng([1, seed, index])
            scene = draw_scene(rng, sides)
            objects.update(placed.symbol.name for placed in scene.placed)
            quality = int(rng.integers(55, 96))
            _, jpeg = cv2.imencode(".jpg", scene.picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
            (root / "JPEGImages" / f"{name}.jpg").write_bytes(jpeg.tobytes())
            (root / "Annotations" / f"{name}.xml").write_bytes(_annotation(scene, name).encode())
            if on_picture:
                on_picture(index + 1)
        for image_set, members in sets.items():
            _write_lines(root / "ImageSets" / "Main" / f"{image_set}.txt", members)
        _write_lines(work / NAMES_FILE, CLASSES)
    return CodesReport(
        Path(out), {key: len(members) for key, members in sets.items()}, {name: objects[name] for name in CLASSES}
    )


def _annotation(scene: Scene, name: str) -> str:
    height, width = scene.picture.shape[:2]
    entries = []
    for placed in scene.placed:
        corners = placed.corners
        cut_off = bool((corners < -CUT_OFF).any() or (corners > np.array([width, height]) + CUT_OFF).any())
        entries.append((placed.symbol.name, tight_box(corners, width, height), cut_off))
    return annotation_xml(YEAR, f"{name}.jpg", width, height, entries)


def _write_lines(file: Path, lines: list[str] | tuple[str, ...]) -> None:
    # Bytes, because text mode would write other line ends on Windows.
    file.write_bytes("".join(f"{line}\n" for line in lines).encode())
