"""Flat things that carry symbols or could: labels, sheets, packages, screens, plates and the sides of cartons."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from compress.codes.easy.clutter import clutter_texture
from compress.codes.easy.label_patch import Patch, draw_patch
from compress.codes.real.canvas import Area
from compress.codes.real.print import draw_line, draw_page
from compress.codes.real.surfaces import cardboard, cut_out, natural_colour, random_surface, tinted
from compress.codes.symbols import CLASSES, Symbol, random_symbol


@dataclass
class Carrier:
    """`texture` uint8 [h, w, 3]; `areas`: the symbols with x0 y0 x1 y1 of their modules, in pixels of the texture."""

    texture: np.ndarray
    areas: list[tuple[Symbol, Area]] = field(default_factory=list)


def any_symbol(rng: np.random.Generator) -> Symbol:
    """A symbol of any class, all equally likely."""
    return random_symbol(rng, CLASSES[int(rng.integers(len(CLASSES)))])


def label(rng: np.random.Generator, symbol: Symbol, pitch: int) -> Carrier:
    """A sticker that has seen some use."""
    patch = draw_patch(rng, symbol, pitch)
    return _worn(rng, Carrier(patch.texture, [(symbol, patch.area)]))


def label_sheet(rng: np.random.Generator, symbols: list[Symbol], pitch: int) -> Carrier:
    """A sheet of stickers in rows, or a list with codes: crowding."""
    patches = [draw_patch(rng, symbol, pitch) for symbol in symbols]
    columns = max(1, round(np.sqrt(len(patches) * rng.uniform(0.6, 1.6))))
    gap = int(pitch * rng.integers(2, 9))
    cell = (max(p.texture.shape[1] for p in patches) + gap, max(p.texture.shape[0] for p in patches) + gap)
    rows = -(-len(patches) // columns)
    paper = np.full((rows * cell[1] + gap, columns * cell[0] + gap, 3), rng.uniform(170, 250), np.uint8)
    carrier = Carrier(paper)
    for i, (symbol, patch) in enumerate(zip(symbols, patches, strict=True)):
        x = gap + (i % columns) * cell[0] + int(rng.integers(0, gap + 1)) // 2
        y = gap + (i // columns) * cell[1] + int(rng.integers(0, gap + 1)) // 2
        _stick(carrier, symbol, patch, x, y)
    return _worn(rng, carrier)


def sheet(rng: np.random.Generator, symbol: Symbol | None, pitch: int, most: float = 2.6) -> Carrier:
    """Printed paper: lines of text, a rule or two, and the symbol if there is one."""
    patch = draw_patch(rng, symbol, pitch) if symbol else None
    width, height, x, y = _around(rng, patch, 1.15, most)
    white = rng.uniform(175, 250) + rng.uniform(-10, 6, 3)
    size = min(max(min(width, height) * float(rng.uniform(0.03, 0.07)), 6.0), 40.0)
    page = Carrier(draw_page(rng, width, height, size, white, rng.uniform(20, 110)))
    if symbol and patch:
        _stick(page, symbol, patch, x, y)
    return _worn(rng, page)


def package(rng: np.random.Generator, symbol: Symbol | None, pitch: int, most: float = 2.6) -> Carrier:
    """The front or back of a product: plain colours, bands, big letters, an image of something."""
    patch = draw_patch(rng, symbol, pitch) if symbol else None
    width, height, x, y = _around(rng, patch, 1.2, most)
    ground = natural_colour(rng)
    pack = Carrier(tinted(cut_out(rng, random_surface(rng), width, height, 1.5), ground, float(rng.uniform(0, 0.15))))
    for _ in range(int(rng.integers(1, 5))):
        colour = natural_colour(rng).tolist()
        x0, y0 = int(rng.integers(-width // 4, width)), int(rng.integers(-height // 4, height))
        if rng.random() < 0.5:
            x1, y1 = (width, y0 + int(rng.integers(6, 8 + height // 3))) if rng.random() < 0.5 else (x0 + width, height)
            cv2.rectangle(pack.texture, (min(x0, 0), y0), (x1, y1), colour, cv2.FILLED)
        else:
            axes = (int(rng.integers(4, 6 + width // 3)), int(rng.integers(4, 6 + height // 3)))
            cv2.ellipse(pack.texture, (x0, y0), axes, float(rng.uniform(0, 180)), 0, 360, colour, -1, cv2.LINE_AA)
    for _ in range(int(rng.integers(1, 4))):
        line = int(height * rng.uniform(0.06, 0.2))
        room = (int(width * rng.uniform(0, 0.4)), int(rng.integers(0, max(1, height - line))), int(0.6 * width), line)
        draw_line(rng, pack.texture, room, rng.uniform(0, 255, 3))
    if symbol and patch:
        _stick(pack, symbol, patch, x, y)
    return _worn(rng, pack)


def screen(rng: np.random.Generator, symbol: Symbol | None, pitch: int, most: float = 2.6) -> Carrier:
    """A telephone or a monitor that shows the symbol, or text."""
    patch = draw_patch(rng, symbol, pitch) if symbol else None
    width, height, x, y = _around(rng, patch, 1.1, most)
    frame = max(3, int(min(width, height) * rng.uniform(0.03, 0.07)))
    body = np.full((height + 3 * frame, width + 2 * frame, 3), rng.uniform(8, 60), np.uint8)
    bright = rng.random() < 0.7
    shown, ink = (rng.uniform(180, 255, 3), 60) if bright else (rng.uniform(10, 60, 3), 200)
    body[frame : frame + height, frame : frame + width] = draw_page(rng, width, height, height / 14, shown, ink)
    phone = Carrier(body)
    if symbol and patch:
        _stick(phone, symbol, patch, x + frame, y + frame)
    return phone


def plate(rng: np.random.Generator, symbol: Symbol | None, pitch: int, most: float = 2.6) -> Carrier:
    """A part of metal or plastic that is marked itself, without a label: little contrast, light on dark as well."""
    patch = draw_patch(rng, symbol, pitch) if symbol else None
    width, height, x, y = _around(rng, patch, 1.25, most)
    colour = rng.uniform(50, 215) + rng.uniform(-12, 12, 3)
    part = Carrier(tinted(cut_out(rng, random_surface(rng), width, height, 1.5), colour, float(rng.uniform(0.05, 0.5))))
    for _ in range(int(rng.integers(0, 4))):
        at = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        radius = max(3, int(min(width, height) * rng.uniform(0.02, 0.07)))
        cv2.circle(part.texture, at, radius, (colour * 0.45).tolist(), cv2.FILLED, cv2.LINE_AA)
        cv2.circle(part.texture, at, radius, np.minimum(colour * 1.3, 255).tolist(), 1, cv2.LINE_AA)
    if symbol and patch:
        part.areas.append((symbol, tuple(np.add(patch.area, (x, y, x, y)))))
        x0, y0, x1, y1 = patch.area
        modules = patch.texture[y0:y1, x0:x1].mean(2)
        ink = modules < (int(modules.min()) + int(modules.max())) / 2
        strength = float(rng.uniform(0.25, 0.75))
        bright = colour.mean() < 110
        region = part.texture[y + y0 : y + y1, x + x0 : x + x1]
        marked = 255 - (255 - region[ink]) * (1 - 0.8 * strength) if bright else region[ink] * (1 - strength)
        region[ink] = marked.astype(np.uint8)
    return part


def carton_side(rng: np.random.Generator, size: tuple[int, int], colour: np.ndarray, tape: bool) -> Carrier:
    """A side of a cardboard box of `size` (width, height) in pixels: print, marks, perhaps a strip of tape."""
    width, height = size
    side = Carrier(tinted(cut_out(rng, cardboard(), width, height, float(rng.uniform(0.8, 1.6))), colour, 0.6))
    if tape:
        top = int(height * rng.uniform(0.35, 0.55))
        band = side.texture[top : top + max(3, height // 9)]
        band[:] = cv2.addWeighted(band, 0.7, np.full_like(band, rng.uniform(120, 230)), 0.3, 0)
    elif rng.random() < 0.6:
        ink = colour * rng.uniform(0.15, 0.5)
        line = max(5, int(height * rng.uniform(0.08, 0.22)))
        room = (int(0.08 * width), int(rng.uniform(0.05, 0.7) * height), int(0.8 * width), line)
        draw_line(rng, side.texture, room, ink)
    return side


def stick(rng: np.random.Generator, side: Carrier, symbol: Symbol, pitch: int) -> bool:
    """Put a label somewhere on a side of a carton; False if it is too big for it."""
    patch = draw_patch(rng, symbol, pitch)
    room_x = side.texture.shape[1] - patch.texture.shape[1]
    room_y = side.texture.shape[0] - patch.texture.shape[0]
    if room_x < 0 or room_y < 0:
        return False
    x, y = int(rng.integers(0, room_x + 1)), int(rng.integers(0, room_y + 1))
    _stick(side, symbol, patch, x, y)
    return True


def distractor(rng: np.random.Generator) -> Carrier:
    """Something without a symbol: print, stripes, checks, squares, a package, a sheet."""
    kind = rng.random()
    if kind < 0.4:
        return _worn(rng, Carrier(clutter_texture(rng)))
    maker = (sheet, package, screen, plate)[int(rng.integers(4))]
    return maker(rng, None, 2)


def _stick(carrier: Carrier, symbol: Symbol, patch: Patch, x: int, y: int) -> None:
    height, width = patch.texture.shape[:2]
    carrier.texture[y : y + height, x : x + width] = patch.texture
    x0, y0, x1, y1 = patch.area
    carrier.areas.append((symbol, (x0 + x, y0 + y, x1 + x, y1 + y)))


def _around(rng: np.random.Generator, patch: Patch | None, least: float, most: float) -> tuple[int, int, int, int]:
    """Width and height of something `least` to `most` times as large as a label, and the label's place x, y in it."""
    height, width = patch.texture.shape[:2] if patch else rng.integers(60, 160, 2).tolist()
    total = (int(width * rng.uniform(least, most)) + 2, int(height * rng.uniform(least, most)) + 2)
    return (*total, int(rng.integers(0, total[0] - width)), int(rng.integers(0, total[1] - height)))


def _worn(rng: np.random.Generator, carrier: Carrier) -> Carrier:
    """Dirt, a crease or a scratch, as most things have after a while."""
    texture = carrier.texture
    height, width = texture.shape[:2]
    if rng.random() < 0.4:
        coarse = np.clip(255 - np.abs(rng.normal(0, rng.uniform(8, 40), (4, 5))), 120, 255).astype(np.uint8)
        stains = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
        cv2.multiply(texture, cv2.cvtColor(stains, cv2.COLOR_GRAY2BGR), dst=texture, scale=1 / 255)
    for _ in range(int(rng.integers(0, 3)) if rng.random() < 0.4 else 0):
        ends = (rng.uniform(-0.1, 1.1, (2, 2)) * (width, height)).astype(int)
        shade = 255.0 if rng.random() < 0.6 else 60.0
        layer = texture.copy()
        thickness = max(1, round(min(width, height) / 150))
        cv2.line(layer, ends[0].tolist(), ends[1].tolist(), (shade,) * 3, thickness, cv2.LINE_AA)
        opacity = float(rng.uniform(0.2, 0.7))
        cv2.addWeighted(layer, opacity, texture, 1 - opacity, 0, dst=texture)
    return carrier
