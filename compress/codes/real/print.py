"""Print that means nothing: lines and pages of letters, drawn once in a process and cut out as needed."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from compress.codes.real.canvas import blend

_GLYPHS = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789      "))
_FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_COMPLEX)
_LINE = 32
_PAGE_LINES = 24
_PAGES = 8
_SEED = 20242


def draw_line(
    rng: np.random.Generator, texture: np.ndarray, room: tuple[int, int, int, int], ink: float | np.ndarray
) -> None:
    """A line of letters (ink: a grey value or BGR) that fills `room` (x, y, width, height) as far as it goes."""
    x, y, width, height = room
    width, height = min(width, texture.shape[1] - x), min(height, texture.shape[0] - y)
    if width < 2 or height < 2:
        return
    page = _pages()[int(rng.integers(_PAGES))]
    top = _LINE * int(rng.integers(_PAGE_LINES))
    columns = min(page.shape[1], max(_LINE, width * _LINE // height))
    width = min(width, columns * height // _LINE + 1)
    letters = cv2.resize(page[top : top + _LINE, :columns], (width, height), interpolation=cv2.INTER_AREA)
    colour = np.empty((height, width, 3), np.uint8)
    colour[:] = np.clip(ink, 0, 255)
    blend(texture[y : y + height, x : x + width], colour, letters)


def draw_page(
    rng: np.random.Generator, width: int, height: int, line: float, paper: np.ndarray, ink: float | np.ndarray
) -> np.ndarray:
    """Paper (BGR) with lines of letters about `line` pixels high, in ink (a grey value or BGR): uint8 [h, w, 3]."""
    pages, pitch = (_pages(), _LINE) if 2 * line > _LINE else (_small_pages(), _LINE // 2)
    page = pages[int(rng.integers(_PAGES))]
    shrink = pitch / max(line, 1.0)
    rows, columns = min(page.shape[0], int(height * shrink)), min(page.shape[1], int(width * shrink))
    top = int(rng.integers(0, page.shape[0] - rows + 1))
    letters = cv2.resize(page[top : top + rows, :columns], (width, height), interpolation=cv2.INTER_AREA)
    share = np.arange(256, dtype=np.float32)[:, None] / 255
    ramp = paper * (1 - share) + np.asarray(ink) * share
    return cv2.applyColorMap(letters, np.clip(ramp, 0, 255).astype(np.uint8)[:, None])


@lru_cache(1)
def _small_pages() -> list[np.ndarray]:
    """The same at half the size, which saves time where letters are small."""
    return [cv2.resize(page, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for page in _pages()]


@lru_cache(1)
def _pages() -> list[np.ndarray]:
    """How much of each pixel is inked: uint8 [_PAGE_LINES * _LINE, as wide], the same in every process."""
    rng = np.random.default_rng(_SEED)
    pages = []
    for _ in range(_PAGES):
        page = np.zeros((_PAGE_LINES * _LINE,) * 2, np.uint8)
        font, thickness = _FONTS[int(rng.integers(len(_FONTS)))], int(rng.integers(1, 4))
        for line in range(_PAGE_LINES):
            if line and rng.random() < 0.12:  # the end of a paragraph
                continue
            text = "".join(rng.choice(_GLYPHS, size=int(rng.integers(14, 44))))
            cv2.putText(page, text, (4, line * _LINE + 24), font, 0.85, 255, thickness, cv2.LINE_AA)
        pages.append(page)
    return pages
