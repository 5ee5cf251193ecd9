"""The model that a stream runs, and what it is fed: images, by AIPP where there is some, or tensors as they come."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Union

import numpy as np

from deploy.acl.metadata import StaticAipp
from deploy.aipp.formats import RGB, YUV420SP
from deploy.aipp.read import read_aipp
from deploy.aipp.rule import AippRule, aipp_rule
from deploy.host.log import log
from deploy.host.metadata.messages import aligned_bytes
from deploy.host.metadata.values import BGR888, NV12, RGB888, Image
from deploy.host.model.image_bytes import ImageBytes
from deploy.host.model.model_input import ModelInput
from deploy.host.model.network import FREE, Port
from deploy.host.model.om_aipp import differences
from deploy.host.model.open_network import open_network
from deploy.host.numerics import Numerics, current
from deploy.sdk_codes import FAILURE, INVALID_PARAM, UNREALIZED, SdkFault

AIPP_FILE = "aipp.cfg"
"""Beside the model; NAME.aipp.cfg goes first, where models of one folder have different ones."""
_FLOAT32 = np.dtype(np.float32)
Feed = Union[Image, np.ndarray]
"""An image, or a tensor of any type and shape, of which a board sees the bytes alone."""


class Model:
    """A network; an AIPP file beside it says what its first input is made of.

    In float numerics the model computes as it is; where the numerics say half, as one of float16. A board compares
    what it is fed with the model's inputs by bytes alone, and so does this.

    `model_path` is the pipeline's modelPath, `element` the element that runs it (it begins the sentences of faults).
    An OM has its AIPP inside: it gets the bytes of the image, and the file beside it is only compared with it.
    `one_by_one`: an input's first side is no batch, whatever it is. `device` is the chip's number. `batch` is how many
    entries one run takes, `input_size` (width, height) in pixels where the first input can be made of an image,
    `output_shapes` what the board calls the outputs of one entry (None where the model leaves that open). Raises
    SdkFault as open_network does, and for an AIPP file that does not fit.
    """

    def __init__(self, model_path: str, element: str, one_by_one: bool = False, device: int = 0) -> None:
        self._element = element
        numerics = current()
        try:
            self._network = open_network(model_path, numerics.half, device, numerics.int8_arithmetic)
        except SdkFault as fault:
            raise self._fault(fault.code, fault.sentence) from None
        try:
            self._describe(one_by_one, numerics)
        except BaseException:
            self._network.close()
            raise

    def _describe(self, one_by_one: bool, numerics: Numerics) -> None:
        """What the model takes, and how it is made of an image."""
        self.path = self._network.path
        self.inputs: Sequence[Port] = self._network.inputs
        self.outputs: Sequence[Port] = self._network.outputs
        first = self.inputs[0].shape if self.inputs else ()
        self.batch = first[0] if first and first[0] > 1 and not one_by_one else 1
        outputs = [port.shape for port in self.outputs]
        fixed = not any(FREE in shape[1:] for shape in outputs)
        self.output_shapes: Sequence[Sequence[int]] | None = [(1, *shape[1:]) for shape in outputs] if fixed else None
        self.input_size: tuple[int, int] | None = None
        self._rule: AippRule | None = None
        self._prepare: ModelInput | ImageBytes
        self._aipp_file = self._find_aipp()
        if self.path.suffix == ".om" and (found := differences(self._network.aipp, self._aipp_file)):
            log.warning("%s: %s is not as %s: %s", self._element, self.path, self._aipp_file.name, "; ".join(found))
        if self._network.aipp is not None:
            self._take_image(self._network.aipp, self._network.channels)
            return
        net = self._net()
        self.channels_last = net is not None and first[1:] != net
        if net is not None:
            self._channels = net[0]
            self._rule = self._read_rule(net)
            self.input_size = (self._rule.width, self._rule.height) if self._rule else (net[2], net[1])
            self._prepare = ModelInput(self._rule, net, numerics)
            self._silent = self._rule is not None

    def _take_image(self, aipp: StaticAipp, channels: int) -> None:
        """The first input takes the bytes of an image."""
        self._rule = AippRule(aipp.input_format, aipp.width, aipp.height)
        self._channels = channels
        self.channels_last, self._silent = False, True
        self.input_size = (aipp.width, aipp.height)
        self._prepare = ImageBytes(self._rule, self._sides(self.inputs[0]))

    @property
    def on_chip(self) -> bool:
        """Whether runs wait for a chip, and leave the core meanwhile."""
        return self._network.on_chip

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        """The input's shape on the board: with AIPP it takes [1, height, width, channels], else as in the ONNX file."""
        assert self.input_size is not None
        width, height = self.input_size
        if self._rule or self.channels_last:
            return (1, height, width, self._channels)
        return (1, self._channels, height, width)

    def board_input(self, number: int) -> tuple[np.dtype, tuple[int, ...]]:
        """An input's type and shape on the board, where AIPP takes the bytes of an image."""
        port = self.inputs[number]
        if number != 0 or self._rule is None:
            return port.dtype, port.shape
        width, height, batch = self._rule.width, self._rule.height, max(port.shape[0], 1)
        if self._rule.input_format == YUV420SP:
            return np.dtype(np.uint8), (batch, height * 3 // 2, width, 1)
        return np.dtype(np.uint8), (batch, height, width, self._channels)

    @property
    def takes_one_image(self) -> bool:
        """Whether `run` can be called."""
        return self.input_size is not None and len(self.inputs) == 1 and self.batch == 1

    def check_images(self) -> None:
        """Raises SdkFault where the images of a decoder or resizer cannot be what the model takes."""
        if len(self.inputs) != 1:
            names = ", ".join(port.name for port in self.inputs)
            raise self._fault(
                UNREALIZED, f"{self.path} has {len(self.inputs)} inputs ({names}); an image fills only one"
            )
        port = self.inputs[0]
        if self.input_size is not None:
            self._say_how()
        elif port.dtype != np.uint8:
            channels = port.shape[1] if len(port.shape) == 4 else 0
            if channels in (1, 4) and port.dtype == _FLOAT32 and FREE not in port.shape[1:]:
                raise self._fault(
                    INVALID_PARAM, f"{self.path} takes {channels} channels, and no {AIPP_FILE} makes them"
                )
            raise self._fault(
                INVALID_PARAM,
                f"{self.path}: input {port.name} is {port}; for images it is float32 [1, 3, height, width] of a fixed "
                "size (1 and 4 channels where AIPP makes them)",
            )

    def takes_bytes(self, number: int, size: int) -> bool:
        """Whether so many bytes go into an input as they are."""
        is_made = number == 0 and self._rule is not None
        return not is_made and number < len(self.inputs) and self._fitting(self.inputs[number], size, ()) is not None

    def run(self, image: Image) -> list[np.ndarray]:
        """The outputs for one image of `input_size`, in the model's order.

        Raises SdkFault 3001 for an image of another format than AIPP takes, 1001 for floats of another size.
        """
        if self._goes_in_as_it_is(image):
            return self._network.run([self._array(0, image)])
        self._say_how()
        buffers = self._prepare(image)
        try:
            return self._network.run([self._turned(buffers[0])])
        finally:
            self._prepare.release(buffers)

    def infer(self, entries: Sequence[Sequence[Feed]]) -> list[list[np.ndarray]]:
        """For each entry of a buffer, which has a feed for each input, the outputs.

        Raises SdkFault 1001 for another number of feeds or bytes than the model takes, else as `run`.
        """
        for feeds in entries:
            if len(feeds) != len(self.inputs):
                names = ", ".join(port.name for port in self.inputs)
                raise SdkFault(
                    FAILURE, f"{len(feeds)} tensor(s) come in; {self.path} has {len(self.inputs)} input(s): {names}"
                )
        found: list[list[np.ndarray]] = []
        for start in range(0, len(entries), self.batch):
            part = entries[start : start + self.batch]
            arrays = [[self._array(number, feed) for number, feed in enumerate(feeds)] for feeds in part]
            if self.batch == 1:
                found.append(self._network.run(arrays[0]))
                continue
            # as on the board, a batch that is not full is run with whatever fills it up
            arrays += [[np.zeros_like(array) for array in arrays[0]]] * (self.batch - len(arrays))
            outputs = self._network.run([np.concatenate(of_input) for of_input in zip(*arrays)])
            found += [[self._share(output, number) for output in outputs] for number in range(len(part))]
        return found

    def close(self) -> None:
        self._network.close()

    def _share(self, output: np.ndarray, number: int) -> np.ndarray:
        """What one entry of a batch gets of an output: its share of the bytes."""
        size = output.size // self.batch
        values = output.reshape(-1)[number * size : (number + 1) * size]
        fits = output.ndim and output.shape[0] == self.batch
        return values.reshape(1, *output.shape[1:]) if fits else values.reshape(1, -1)

    def _array(self, number: int, feed: Feed) -> np.ndarray:
        """What an input gets: a fresh array of its type and shape (that of one entry of a batch)."""
        port = self.inputs[number]
        if number == 0 and self._rule is not None:
            return self._image_array(feed if isinstance(feed, Image) else self._as_image(feed, self._rule))
        if isinstance(feed, Image):
            if number == 0 and self.input_size is not None and not self._goes_in_as_it_is(feed):
                return self._image_array(feed)
            feed = np.frombuffer(aligned_bytes(feed), np.uint8)
        data = np.ascontiguousarray(feed).reshape(-1).view(np.uint8)
        shape = self._fitting(port, data.size, feed.shape)
        if shape is None and feed.dtype == np.float16 and port.dtype == _FLOAT32:
            # an OM that was converted with --input_fp16_nodes
            shape = self._fitting(port, data.size * 2, feed.shape)
            data = feed.astype(np.float32).reshape(-1).view(np.uint8)
        if shape is None:
            sentence = f"input {port.name} of {self.path} is {port}{self._bytes_of(port)}; "
            sentence += f"{feed.dtype} {list(feed.shape)} comes in, {feed.nbytes} bytes"
            if number == 0 and self.input_size is not None and feed.dtype == np.uint8:
                sentence += f"; is an AIPP file missing ({self._aipp_file})?"
            raise SdkFault(FAILURE, sentence)
        return data.view(port.dtype).reshape(shape).copy()

    def _image_array(self, image: Image) -> np.ndarray:
        self._say_how()
        buffers = self._prepare(image)
        values: np.ndarray = self._turned(buffers[0]).copy()
        self._prepare.release(buffers)
        return values

    def _goes_in_as_it_is(self, image: Image) -> bool:
        """Floats were made ready by the elements before: where no AIPP follows, the board copies their bytes."""
        return self._rule is None and image.pixels.dtype != np.uint8

    def _turned(self, values: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(values.transpose(0, 2, 3, 1)) if self.channels_last else values

    def _say_how(self) -> None:
        if not self._silent:
            self._silent = True
            log.warning("%s: no %s beside the model: bytes of images go in as RGB / 255", self._element, AIPP_FILE)

    def _as_image(self, feed: np.ndarray, rule: AippRule) -> Image:
        """The image that a tensor's bytes are to a model with AIPP."""
        width, height = rule.width, rule.height
        shapes: dict[str, tuple[tuple[int, ...], int]] = {
            YUV420SP: ((height * 3 // 2, width), NV12),
            RGB: ((height, width, 3), RGB888),
        }
        data = np.ascontiguousarray(feed).reshape(-1).view(np.uint8)
        shape, kind = shapes.get(rule.input_format, ((-1,), BGR888))
        if data.size != np.prod(shape):
            raise SdkFault(
                FAILURE,
                f"{feed.dtype} {list(feed.shape)} comes in, {data.size} bytes; {self.path} has AIPP, which takes "
                f"{width} x {height} px of {rule.input_format}",
            )
        return Image(data.reshape(shape), width, height, width, height, format=kind, host=kind == RGB888)

    def _fitting(self, port: Port, size: int, shape: tuple[int, ...]) -> tuple[int, ...] | None:
        """The shape that `size` bytes have in an input, or in one entry of a batch of it; None where they do not fit.

        A tensor's own `shape` says what the sides are that the model leaves open; one alone follows from the size.
        """
        sides = self._sides(port)
        count, rest = divmod(size, port.dtype.itemsize)
        if rest:
            return None
        if FREE in sides:
            if len(shape) == len(sides) and all(side in (FREE, own) for side, own in zip(sides, shape)):
                sides = shape
            elif sides.count(FREE) > 1 and sides[0] == FREE:
                sides = (1, *sides[1:])
            if sides.count(FREE) == 1:
                known = -int(np.prod(sides, dtype=np.int64))
                if known <= 0 or count % known:
                    return None
                sides = tuple(count // known if side == FREE else side for side in sides)
        return sides if FREE not in sides and np.prod(sides, dtype=np.int64) == count else None

    def _sides(self, port: Port) -> tuple[int, ...]:
        return (1, *port.shape[1:]) if self.batch > 1 else port.shape

    def _bytes_of(self, port: Port) -> str:
        sides = self._sides(port)
        return "" if FREE in sides else f", {int(np.prod(sides, dtype=np.int64)) * port.dtype.itemsize} bytes an entry"

    def _net(self) -> tuple[int, int, int] | None:
        """(channels, height, width) of a first input that can be made of an image."""
        if not self.inputs or self.inputs[0].dtype != _FLOAT32 or len(self.inputs[0].shape) != 4:
            return None
        first, second, third = self.inputs[0].shape[1:]
        if FREE in (first, second, third) or 0 in (first, second, third):
            return None
        taken = (1, 3, 4) if self._aipp_file.exists() else (3,)
        if first in taken:
            return first, second, third
        return (third, first, second) if third in taken else None

    def _find_aipp(self) -> Path:
        own = self.path.with_name(f"{self.path.stem}.{AIPP_FILE}")
        return own if own.exists() else self.path.with_name(AIPP_FILE)

    def _read_rule(self, net: tuple[int, int, int]) -> AippRule | None:
        if not self._aipp_file.exists() or self.path.suffix == ".om":
            return None
        try:
            return aipp_rule(read_aipp(self._aipp_file), net, str(self._aipp_file))
        except SdkFault as fault:
            raise self._fault(fault.code, fault.sentence) from None

    def _fault(self, code: int, sentence: str) -> SdkFault:
        return SdkFault(code, f"{self._element}: {sentence}")
