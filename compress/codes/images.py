"""Drawing the images with their annotations, in this process or in several: the same bytes either way."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Generator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from compress.children import starting
from compress.codes.easy.scene import draw_scene
from compress.codes.real.scene import draw_real_scene
from compress.codes.voc_files import VocObject, annotation_xml
from deploy.errors import ReportedError

HARDNESS = ("easy", "real")
# Enough images that handing them out costs nothing, and few enough that Ctrl-C is soon heard.
_CHUNK = 8
# Shapes of images: width to height, as cameras have them.
_SHAPES = ((4, 3), (4, 3), (3, 4), (3, 2), (16, 9), (9, 16), (1, 1))


@dataclass(frozen=True)
class Plan:
    """What all images of a devkit have in common. `root` is the folder with JPEGImages and Annotations.

    `size` (width, height) in pixels, or None: then each image is `sides`[0] to `sides`[1] pixels wide and high.
    """

    root: Path
    year: str
    seed: int
    hardness: str
    sides: tuple[int, int]
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class Image:
    """An image that was written: its number and its symbols."""

    index: int
    objects: list[VocObject]


def draw_all(plan: Plan, count: int, workers: int) -> Generator[Image]:
    """Write images 0 to `count` - 1 and their annotations with this many processes; yields them as they are done.

    Close the generator before the folder is touched: only then nothing is written any more.
    Raises ReportedError when a process dies; an OSError of a process arrives as it is.
    """
    workers = min(workers, -(-count // _CHUNK))
    if workers == 1:
        for index in range(count):
            yield draw_image(plan, index)
        return
    chunks = [range(first, min(first + _CHUNK, count)) for first in range(0, count, _CHUNK)]
    # Spawned, not forked, which is the same on every system and safe beside running threads.
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin)
    try:
        with starting():
            futures: list[Future[list[Image]]] = [pool.submit(_draw_chunk, plan, chunk) for chunk in chunks]
        for future in as_completed(futures):
            yield from future.result()
    except BrokenProcessPool:
        raise ReportedError(
            "a process that draws images has died (out of memory?): try again with fewer workers"
        ) from None
    finally:
        # Waits for what is being drawn: nothing may write into the folder when it is cleared away.
        pool.shutdown(wait=True, cancel_futures=True)


def draw_image(plan: Plan, index: int) -> Image:
    """Draw one image and write its two files. It hangs on the plan and its number alone."""
    # 1 keeps it apart from the generator of the splits.
    rng = np.random.default_rng([1, plan.seed, index])
    if plan.hardness == "real":
        width, height = plan.size or _shape(rng, plan.sides)
        real = draw_real_scene(rng, width, height)
        image, objects = real.image, real.objects
        quality = int(min(max(rng.normal(80, 14), 25), 97))
    else:
        scene = draw_scene(rng, plan.sides, plan.size)
        image, objects = scene.image, scene.objects
        quality = int(rng.integers(55, 96))
    height, width = image.shape[:2]
    name = f"{index:06d}"
    _, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    (plan.root / "JPEGImages" / f"{name}.jpg").write_bytes(jpeg.tobytes())
    text = annotation_xml(plan.year, f"{name}.jpg", width, height, objects)
    (plan.root / "Annotations" / f"{name}.xml").write_bytes(text.encode())
    return Image(index, objects)


def _shape(rng: np.random.Generator, sides: tuple[int, int]) -> tuple[int, int]:
    """Width and height within `sides`, in the shape of a camera's image where that is possible."""
    longest = int(rng.integers(sides[0] + (sides[1] - sides[0]) // 2, sides[1] + 1))
    wide, high = _SHAPES[int(rng.integers(len(_SHAPES)))]
    width, height = (max(sides[0], longest * side // max(wide, high)) for side in (wide, high))
    return width, height


def _begin() -> None:
    """A process starts: Ctrl-C is the parent's to hear, and one core is all it gets."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)


def _draw_chunk(plan: Plan, indices: range) -> list[Image]:
    return [draw_image(plan, index) for index in indices]
