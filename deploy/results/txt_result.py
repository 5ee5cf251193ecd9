"""txt_result: the detections as the classic VOC scorers read them, a file for every class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from zlib import crc32

from compute_mAP.result_files import class_file
from deploy.errors import DataError, ModelError
from deploy.results.detections import Detection
from deploy.whole_file import write_new, writing

LINES_AT_ONCE = 100_000


class TextResults:
    """The detections as the classic VOC scorers read them: a file for every class, `<name> <conf> <x0> <y0> <x1> <y1>`.

    Confidence in 0..1, corners in pixels of the original image as the post-processor gives them, six decimals.
    `sizes` are the bytes that the files of an unfinished run keep; what lies behind them is cut off.
    Raises ModelError for a class name that no file can have.

    Attributes:
        sums: the CRC-32 of each class's file as far as it is written.
    """

    def __init__(
        self,
        folder: Path,
        names: Sequence[str],
        sizes: Mapping[str, int] | None = None,
        sums: Mapping[str, int] | None = None,
    ) -> None:
        try:
            self._files = {name: class_file(folder, name) for name in names}
        except DataError as fault:
            raise ModelError(f"{fault}; change the label file") from None
        self._lines: dict[str, list[str]] = {name: [] for name in names}
        self._held = 0
        self.sums = {name: (sums or {}).get(name, 0) for name in names}
        for name, file in self._files.items():
            size = (sizes or {}).get(name, 0)
            if not size:
                write_new(file, b"")
            else:
                with file.open("ab") as stream:
                    stream.truncate(size)

    def add(self, image: str, objects: Iterable[Detection]) -> None:
        """Raises ModelError for an object of a class that is not among the names."""
        for found in objects:
            if found.name not in self._lines:
                raise ModelError(
                    f"the stream found an object of '{found.name}' (class id {found.class_id}), which is not among the "
                    f"{len(self._lines)} names of the label file"
                )
            numbers = " ".join(f"{value:f}" for value in found[2:])
            self._lines[found.name].append(f"{image} {numbers}\n")
            self._held += 1
        if self._held >= LINES_AT_ONCE:
            self.flush()

    def flush(self) -> dict[str, int]:
        """Append what is held to the files; to be called at the end. Returns the size of each class's file."""
        sizes = {}
        for name, lines in self._lines.items():
            content = "".join(lines).encode("utf-8", "surrogateescape")
            with writing(self._files[name], len(content)), self._files[name].open("ab") as file:
                file.write(content)
                sizes[name] = file.tell()
            self.sums[name] = crc32(content, self.sums[name])
            lines.clear()
        self._held = 0
        return sizes


def damaged(folder: Path, sizes: Mapping[str, int], sums: Mapping[str, int]) -> str:
    """The file of an unfinished run that has not kept its bytes, as after a cut of power, "" where all have."""
    for name, size in sizes.items():
        file = class_file(folder, name)
        if not file.is_file() or file.stat().st_size < size or _crc32(file, size) != sums.get(name, 0):
            return file.name
    return ""


def _crc32(file: Path, size: int) -> int:
    found = 0
    with file.open("rb") as stream:
        while size > 0 and (block := stream.read(min(size, 1 << 20))):
            found = crc32(block, found)
            size -= len(block)
    return found
