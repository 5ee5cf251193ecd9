"""What a checkpoint finds, drawn into images and videos."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from compress.data.image_size import read_pixels
from compress.nets.detector import Detector
from compress.progress import progress
from compress.val.letterbox import letterboxed
from compress.val.validate import outputs_of
from compute_mAP.image_file import IMAGE_SUFFIXES, is_image_name
from deploy.console import note
from deploy.errors import DataError, EnvironmentFault
from deploy.results.detections import Detection
from deploy.results.draw import draw_on
from deploy.results.folder import check_room, result_folder
from deploy.results.ours import Maker, check_apart
from deploy.sdk_codes import SdkFault
from deploy.video.frames import open_frames
from deploy.video.source import FILE, VideoSource, check_video_file
from deploy.video.video_file import VideoFile
from deploy.whole_file import write_new

VIDEO_SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv"})
MAKER = Maker("compress detect", "result of compress detect")


@dataclass
class DrawReport:
    """What was drawn: images, frames of videos, objects by class, and a sentence for each source left out."""

    images: int = 0
    frames: int = 0
    objects: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def sources_in(paths: Sequence[Path]) -> list[tuple[Path, Path]]:
    """The images and videos in files and folders, each with its place in the output (without suffix).

    Raises DataError for a path that does not exist, is of no known kind, or is a folder without any of them.
    """
    found: list[tuple[Path, Path]] = []
    for path in paths:
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if _known(file) and file.is_file())
            if not files:
                raise DataError(f"{path}: holds no image and no video")
            found.extend((file, file.relative_to(path).with_suffix("")) for file in files)
        elif not path.is_file():
            raise DataError(f"{path}: there is no such image, video or folder")
        elif not _known(path):
            known = " ".join(sorted((*IMAGE_SUFFIXES, *VIDEO_SUFFIXES)))
            raise DataError(f"{path}: neither an image nor a video, expected one of {known}")
        else:
            found.append((path, Path(path.stem)))
    return list(zip([file for file, _ in found], _apart(found), strict=True))


def _apart(found: Sequence[tuple[Path, Path]]) -> list[Path]:
    """A place of its own for each source: a.png beside a.jpg becomes a_png, a second a.jpg becomes a_jpg_2."""
    counts = Counter(_key(place) for _, place in found)
    taken = {key for key, count in counts.items() if count == 1}
    places = []
    for file, place in found:
        if counts[_key(place)] > 1:
            plain = place = place.with_name(file.name.replace(".", "_"))
            number = 1
            while _key(place) in taken:
                number += 1
                place = plain.with_name(f"{plain.name}_{number}")
            taken.add(_key(place))
        places.append(place)
    return places


def _key(place: Path) -> str:
    """What must differ: some file systems take A.jpg and a.jpg for one."""
    return str(place).lower()


def check_out(out: Path, sources: Sequence[Path]) -> None:
    """Raises UsageError where `out` is none of our results, or overlaps with what is to be read."""
    check_room(out.absolute(), MAKER)
    check_apart(out, sources, also_inside=True)


def draw_all(
    model: Detector,
    sources: Sequence[tuple[Path, Path]],
    out: Path,
    imgsz: int,
    letterbox: str,
    confidence: float,
    iou: float,
    live: Sequence[VideoSource] = (),
    frames: int | None = None,
) -> DrawReport:
    """Draw into `out`, whole or not at all: images as JPEG, videos as MP4.

    Of `live` sources, cameras and streams, `frames` are drawn, or all until Ctrl-C. A source that cannot be read is
    left out with a warning. Raises DataError when none is left.
    """
    report = DrawReport(objects=dict.fromkeys(model.names, 0))
    eye = _Eye(model, imgsz, letterbox, confidence, iou, report)
    with result_folder(out.absolute(), MAKER) as folder:
        for file, place in progress(sources, desc="detect", unit="file"):
            target = folder / place
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                if file.suffix.lower() in VIDEO_SUFFIXES:
                    _video(eye, file, target.with_name(f"{target.name}.mp4"))
                else:
                    _image(eye, file, target.with_name(f"{target.name}.jpg"))
            except (DataError, SdkFault) as fault:
                sentence = f"{fault if isinstance(fault, DataError) else f'{file}: {fault.sentence}'}; it is left out"
                report.faults.append(sentence)
                print(f"warning: {sentence}", file=sys.stderr)
        for number, source in enumerate(live):
            try:
                _live(eye, source, folder / f"live_{number}.mp4", frames)
            except EnvironmentFault as fault:
                report.faults.append(f"{fault}; it is left out")
                print(f"warning: {report.faults[-1]}", file=sys.stderr)
        if not report.images and not report.frames:
            raise DataError(f"none of {len(sources) + len(live)} images and videos can be used: {report.faults[0]}")
    return report


class _Eye:
    """Finds objects and draws them."""

    def __init__(
        self, model: Detector, imgsz: int, letterbox: str, confidence: float, iou: float, report: DrawReport
    ) -> None:
        self.model, self.imgsz, self.letterbox = model, imgsz, letterbox
        self.confidence, self.iou = confidence, iou
        self.report = report

    def look(self, image: np.ndarray) -> None:
        """Draw into `image`, uint8 [h, w, 3] in BGR, what the model finds there."""
        canvas, frame = letterboxed(image, self.imgsz, self.letterbox)
        objects = []
        for row in frame.boxes(self.model, outputs_of(self.model, [canvas]), self.confidence, self.iou).tolist():
            number = int(row[5])
            name = self.model.names[number]
            self.report.objects[name] += 1
            objects.append(Detection(name, number, row[4], *row[:4]))
        draw_on(image, objects)


def _image(eye: _Eye, file: Path, target: Path) -> None:
    image = read_pixels(file)
    eye.look(image)
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])
    write_new(target, encoded.tobytes())
    eye.report.images += 1


def _video(eye: _Eye, file: Path, target: Path) -> None:
    check_video_file(file)
    with (
        open_frames(VideoSource(FILE, str(file))) as frames,
        closing(VideoFile(target, frames.rate, target.name)) as made,
    ):
        while (frame := frames.next(wait=True)) is not None:
            _draw(eye, frame.pixels, made)
        made.finish()


def _live(eye: _Eye, source: VideoSource, target: Path, most: int | None) -> None:
    """The newest frame each time, until the source ends, Ctrl-C, or `most` are drawn."""
    with open_frames(source) as frames, closing(VideoFile(target, frames.rate, target.name)) as made:
        try:
            while (most is None or made.frames < most) and (frame := frames.next(wait=True)) is not None:
                _draw(eye, frame.pixels, made)
        except KeyboardInterrupt:
            if not made.frames:
                raise
        made.finish()
        note(f"{source}: {made.frames} frames drawn, {frames.dropped} dropped")


def _draw(eye: _Eye, pixels: np.ndarray, made: VideoFile) -> None:
    eye.look(pixels)
    made.add(pixels)
    eye.report.frames += 1


def _known(file: Path) -> bool:
    return is_image_name(file.name) or file.suffix.lower() in VIDEO_SUFFIXES
