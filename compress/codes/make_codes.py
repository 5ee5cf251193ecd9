"""The synthetic devkit: images, annotations, image sets and class names, the same bytes for the same seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compress.codes.images import HARDNESS, Plan, draw_all
from compress.codes.splits import FEWEST_IMAGES, deal_splits
from compress.codes.symbols import CLASSES
from compress.codes.voc_files import image_sets
from compress.data.out_folder import built_whole
from deploy.errors import UsageError

MAKER = "compress data codes"
YEAR = "VOC2007"
NAMES_FILE = "codes.names"
SMALLEST_SIDE, LARGEST_SIDE = 64, 4096


@dataclass(frozen=True)
class CodesReport:
    """What was made: images per image set, symbols per class in all images, and how many of them are difficult."""

    out: Path
    images: dict[str, int]
    objects: dict[str, int]
    difficult: int


def make_codes(
    out: Path | str,
    images: int = 400,
    seed: int = 0,
    sides: tuple[int, int] = (320, 640),
    on_image: Callable[[int], None] | None = None,
    *,
    hardness: str = "easy",
    size: tuple[int, int] | None = None,
    workers: int = 1,
) -> CodesReport:
    """Write a Pascal VOC devkit of images with Data Matrix codes, QR codes and bar codes into the folder `out`.

    `out`/VOC2007 holds Annotations, JPEGImages and ImageSets/Main/{train,val,trainval,test}.txt (70 % train, 15 % val,
    15 % test); `out`/codes.names holds the classes in order. Each image is sides[0] to sides[1] pixels wide and
    high, or all are `size` (width, height). A box reaches around the modules, without the quiet zone: whole pixels
    measured from the image's outer edge, so that a box over the whole image is 0 0 width height.

    `hardness` is "easy": 0 to 8 symbols on flat labels, all easy to see, none `difficult`; or "real": things on
    tables and walls in perspective, partly covered, under uneven light, blurred and noisy, with tiny symbols and sheets
    full of labels, where the box reaches around what is visible and `difficult` marks what hardly is
    (compress/codes/real/visibility.py).

    The same arguments and library versions give the same bytes, whatever the number of `workers` (processes), and the
    first images and their splits are the same for any number of images. `on_image` is called with the number of
    images written so far. With more than one worker, a script that calls this needs `if __name__ == "__main__":`.

    Raises UsageError for fewer than 7 images (a split would be empty), a negative seed, sides or a size that are not
    within 64 to 4096, another hardness, and an `out` that holds something else; ReportedError where a process dies.
    """
    _check(images, seed, sides, hardness, size, workers)
    # 0 keeps this generator apart from those of the images.
    splits = deal_splits(images, np.random.default_rng([0, seed]))
    names = [f"{index:06d}" for index in range(images)]
    objects: Counter[str] = Counter()
    difficult = 0
    sets = image_sets(names, splits)
    with built_whole(Path(out), MAKER, (YEAR, NAMES_FILE)) as work:
        root = work / YEAR
        for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
            (root / folder).mkdir(parents=True)
        plan = Plan(root, YEAR, seed, hardness, sides, size)
        with closing(draw_all(plan, images, workers)) as drawn:
            for done, image in enumerate(drawn, 1):
                objects.update(found.name for found in image.objects)
                difficult += sum(found.difficult for found in image.objects)
                if on_image:
                    on_image(done)
        for image_set, members in sets.items():
            _write_lines(root / "ImageSets" / "Main" / f"{image_set}.txt", members)
        _write_lines(work / NAMES_FILE, CLASSES)
    images_of = {key: len(members) for key, members in sets.items()}
    return CodesReport(Path(out), images_of, {name: objects[name] for name in CLASSES}, difficult)


def _check(
    images: int, seed: int, sides: tuple[int, int], hardness: str, size: tuple[int, int] | None, workers: int
) -> None:
    if images < FEWEST_IMAGES:
        raise UsageError(f"{images} images: expected at least {FEWEST_IMAGES}, so that train, val and test get some")
    if seed < 0:
        raise UsageError(f"seed {seed}: expected 0 or more")
    span = f"{SMALLEST_SIDE} to {LARGEST_SIDE} pixels"
    if not SMALLEST_SIDE <= sides[0] <= sides[1] <= LARGEST_SIDE:
        raise UsageError(f"image sides {sides[0]} to {sides[1]}: expected {span}, the smaller first")
    if size and not (min(size) >= SMALLEST_SIDE and max(size) <= LARGEST_SIDE):
        raise UsageError(f"image size {size[0]}x{size[1]}: expected {span} each way")
    if hardness not in HARDNESS:
        raise UsageError(f"hardness {hardness!r}: expected one of {', '.join(HARDNESS)}")
    if workers < 1:
        raise UsageError(f"{workers} workers: expected 1 or more")


def _write_lines(file: Path, lines: list[str] | tuple[str, ...]) -> None:
    # Bytes, because text mode would write other line ends on Windows.
    file.write_bytes("".join(f"{line}\n" for line in lines).encode())
