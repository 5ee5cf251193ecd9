"""Metadata as protobuf messages and back. Only this file, and what reads and writes messages as such, needs protobuf.

On a board pixels and tensors lie in device memory, `dataPtr` points there, and the SDK's Python module copies them into
`dataStr`. A host has no such memory: `dataPtr` is 0, `memType` is HOST, and `dataStr` carries the bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from deploy.host.metadata.values import (
    BGR888,
    NV12,
    RGB888,
    Classes,
    Header,
    Image,
    Images,
    Masks,
    Objects,
    TensorPackages,
    Tensors,
    Texts,
)
from deploy.sdk_codes import FAILURE, INVALID_PARAM, METADATA_IS_NULL, SdkFault

PACKAGE = "MxTools."
# The SDK's numbers for types of tensor elements (aclDataType).
TENSOR_TYPES = {
    0: np.float32,
    1: np.float16,
    2: np.int8,
    3: np.int32,
    4: np.uint8,
    6: np.int16,
    7: np.uint16,
    8: np.uint32,
    9: np.int64,
    10: np.uint64,
    11: np.float64,
    12: np.bool_,
}
_TYPE_NUMBERS = {np.dtype(kind): number for number, kind in TENSOR_TYPES.items()}
_UINT8, _FLOAT32 = 0, 1  # MxpiDataType
_BYTE_CLASSES = 256  # so many classes of a mask fit into a byte


def types() -> Any:
    """The module with the message classes. Raises SdkFault 1001 where protobuf is missing."""
    try:
        from deploy.host.proto import MxpiDataType_pb2
    except ImportError as error:
        raise SdkFault(FAILURE, f"metadata as messages need the package protobuf 3.20 or later ({error})") from None
    return MxpiDataType_pb2


def osd_types() -> Any:
    """The module with the message classes of what is drawn. Raises as `types`."""
    types()
    from deploy.host.proto import MxpiOSDType_pb2

    return MxpiOSDType_pb2


def parse(type_name: str, content: bytes) -> Any:
    """A message of a full type name, like MxTools.MxpiObjectList. Raises SdkFault 1001 for what is none."""
    kind: Any = None
    if type_name.startswith(PACKAGE):
        module = osd_types() if type_name.startswith(f"{PACKAGE}MxpiOsd") else types()
        kind = getattr(module, type_name[len(PACKAGE) :], None)
    if not hasattr(kind, "DESCRIPTOR") or not hasattr(kind, "FromString"):
        raise SdkFault(
            FAILURE, f'there is no message type "{type_name}"; the SDK has types like MxTools.MxpiObjectList'
        )
    try:
        return kind.FromString(content)
    except Exception as error:  # DecodeError's home has moved between versions
        raise SdkFault(FAILURE, f"the bytes are no {type_name}: {error}") from None


def to_message(value: Any) -> Any:
    """The protobuf message of a metadata value."""
    if isinstance(value, Images):
        return _vision_list(value)
    if isinstance(value, TensorPackages):
        return _tensor_list(value)
    if isinstance(value, Objects):
        return _object_list(value)
    if isinstance(value, Classes):
        return _class_list(value)
    if isinstance(value, Texts):
        return _texts_list(value)
    if isinstance(value, Masks):
        return _mask_list(value)
    return value


def frame_info(channel_id: int, frame_id: int, is_eos: bool) -> Any:
    return types().MxpiFrameInfo(channelId=channel_id, frameId=frame_id, isEos=is_eos)


def bare_vision() -> Any:
    """What the SDK keeps of a buffer that is sent without a vision info: an image of which nothing is known."""
    message = types().MxpiVisionList()
    message.visionVec.add().visionInfo.SetInParent()
    return message


def from_message(message: Any) -> Any:
    """Images, TensorPackages or Objects of a message of that kind, any other as it is.

    Raises SdkFault 1004 where sizes contradict each other, 11003 for an image without pixels.
    """
    name = message.DESCRIPTOR.name if hasattr(message, "DESCRIPTOR") else ""
    if name == "MxpiVisionList":
        return Images([image_of(vision) for vision in message.visionVec])
    if name == "MxpiTensorPackageList":
        return TensorPackages(
            [
                Tensors([_array(tensor) for tensor in package.tensorVec], None, _headers(package.headerVec))
                for package in message.tensorPackageVec
            ]
        )
    if name == "MxpiObjectList":
        return _objects(message)
    return message


def shape_on_board(shape: Sequence[int], has_batch: bool = True) -> tuple[int, ...]:
    """What mxpi_tensorinfer calls an output of that shape: 1, then the sides, without the first where it is a batch.

    Source: Vision SDK's MxpiTensorInfer.cpp, ConstructTensorPackage; the values stay all of them.
    """
    return (1, *shape[1 if has_batch else 0 :])


def aligned_bytes(image: Image) -> bytes:
    """The board's buffer: rows and columns filled up with zeros to the aligned size."""
    width, height = image.width_aligned or image.width, image.height_aligned or image.height
    pixels = image.pixels
    if image.format == NV12:
        rows = pixels.shape[0] * 2 // 3
        buffer = np.zeros((height * 3 // 2, width), pixels.dtype)
        buffer[:rows, : pixels.shape[1]] = pixels[:rows]
        buffer[height : height + rows // 2, : pixels.shape[1]] = pixels[rows:]
        return buffer.tobytes()
    if pixels.shape[:2] == (height, width):
        return pixels.tobytes()
    buffer = np.zeros((height, width, 3), pixels.dtype)
    buffer[: pixels.shape[0], : pixels.shape[1]] = pixels
    return buffer.tobytes()


def _vision_list(images: Images) -> Any:
    message = types().MxpiVisionList()
    for image in images:
        vision = message.visionVec.add()
        _add_headers(vision.headerVec, image.headers)
        info, data = vision.visionInfo, vision.visionData
        info.format, info.width, info.height = image.format, image.width, image.height
        info.widthAligned = image.width_aligned or image.width
        info.heightAligned = image.height_aligned or image.height
        info.resizeType, info.keepAspectRatioScaling = image.resize_type, image.ratio
        data.dataStr = aligned_bytes(image)
        data.dataSize = len(data.dataStr)
        data.dataType = _FLOAT32 if image.pixels.dtype == np.float32 else _UINT8
    return message


def _tensor_list(packages: TensorPackages) -> Any:
    message = types().MxpiTensorPackageList()
    for package in packages:
        entry = message.tensorPackageVec.add()
        _add_headers(entry.headerVec, package.headers)
        for number, array in enumerate(package.outputs):
            tensor = entry.tensorVec.add()
            tensor.tensorShape.extend(package.shapes[number] if package.shapes else array.shape)
            tensor.tensorDataType = _TYPE_NUMBERS.get(array.dtype, 0)
            tensor.dataStr = array.tobytes()
            tensor.tensorDataSize = len(tensor.dataStr)
    return message


def _object_list(objects: Objects) -> Any:
    message = types().MxpiObjectList()
    members = [0] * len(objects.names) if objects.members is None else objects.members.tolist()
    for row, name, member in zip(objects.detections.tolist(), objects.names, members):
        entry = message.objectVec.add(x0=row[0], y0=row[1], x1=row[2], y1=row[3])
        if objects.data_source:
            entry.headerVec.add(dataSource=objects.data_source, memberId=member)
        entry.classVec.add(classId=int(row[5]), className=name, confidence=row[4])
    return message


def _class_list(classes: Classes) -> Any:
    message = types().MxpiClassList()
    columns = (classes.ids.tolist(), classes.names, classes.confidences.tolist(), classes.members.tolist())
    for class_id, name, confidence, member in zip(*columns):
        entry = message.classVec.add(classId=class_id, className=name, confidence=confidence)
        entry.headerVec.add(dataSource=classes.data_source, memberId=member)
    return message


def _texts_list(texts: Texts) -> Any:
    message = types().MxpiTextsInfoList()
    for member, lines in enumerate(texts.texts):
        entry = message.textsInfoVec.add(text=lines)
        entry.headerVec.add(dataSource=texts.data_source, memberId=member)
    return message


def _mask_list(masks: Masks) -> Any:
    message = types().MxpiImageMaskList()
    kind: np.dtype = np.dtype(np.uint8 if len(masks.names) <= _BYTE_CLASSES else np.int32)
    for member, mask in enumerate(masks.masks):
        entry = message.imageMaskVec.add(className=masks.names, shape=mask.shape, dataType=_TYPE_NUMBERS[kind])
        entry.dataStr = mask.astype(kind).tobytes()
        entry.headerVec.add(dataSource=masks.data_source, memberId=member)
    return message


def image_of(vision: Any) -> Image:
    """The image of an MxpiVision. Raises as `from_message`."""
    info, data = vision.visionInfo, vision.visionData
    if not data.dataStr:
        raise SdkFault(METADATA_IS_NULL, "an image has no pixels: its visionData.dataStr is empty")
    width, height = info.widthAligned or info.width, info.heightAligned or info.height
    kind = np.float32 if data.dataType == _FLOAT32 else np.uint8
    if len(data.dataStr) % np.dtype(kind).itemsize:
        raise SdkFault(INVALID_PARAM, f"a float32 image has {len(data.dataStr)} bytes")
    pixels = np.frombuffer(data.dataStr, kind)
    shape: tuple[int, ...]
    if info.format == NV12:
        shape, real = (height * 3 // 2, width), (_even(info.height), _even(info.width))
    elif info.format in (RGB888, BGR888):
        shape, real = (height, width, 3), (info.height, info.width)
    else:
        raise SdkFault(INVALID_PARAM, f"an image has the format {info.format}; the host has 1, 12 and 13")
    if pixels.size != np.prod(shape) or real[0] > height or real[1] > width or not info.width or not info.height:
        raise SdkFault(
            INVALID_PARAM,
            f"an image of {info.width} x {info.height} px in a buffer of {width} x {height} cannot have "
            f"{len(data.dataStr)} bytes",
        )
    pixels = pixels.reshape(shape)
    if info.format == NV12:
        rows = pixels[: real[0], : real[1]], pixels[height : height + real[0] // 2, : real[1]]
        pixels = np.concatenate(rows) if real != (height, width) else pixels
    else:
        pixels = np.ascontiguousarray(pixels[: real[0], : real[1]])
    # what image it came from is not in a message
    return Image(
        pixels,
        info.width,
        info.height,
        info.width,
        info.height,
        info.resizeType,
        info.keepAspectRatioScaling,
        info.format,
        info.widthAligned,
        info.heightAligned,
        _headers(vision.headerVec),
    )


def array_or_bytes(tensor: Any) -> np.ndarray:
    """The array of an MxpiTensor; its bytes, uint8 [n], where its type and shape say something else than their number.

    mxpi_tensorinfer looks at the bytes alone, and many scripts leave the rest out.
    """
    try:
        return _array(tensor)
    except SdkFault:
        return np.frombuffer(tensor.dataStr, np.uint8)


def _array(tensor: Any) -> np.ndarray:
    kind = TENSOR_TYPES.get(tensor.tensorDataType)
    if kind is None:
        raise SdkFault(INVALID_PARAM, f"a tensor has the type {tensor.tensorDataType}; the SDK has 0 to 12 without 5")
    values = np.frombuffer(tensor.dataStr, np.uint8)
    shape = tuple(tensor.tensorShape)
    if any(side < 0 for side in shape) or values.size != np.prod(shape, dtype=np.int64) * np.dtype(kind).itemsize:
        raise SdkFault(INVALID_PARAM, f"a tensor of {list(shape)} {np.dtype(kind)} has {values.size} bytes")
    return values.view(kind).reshape(shape)


def _objects(message: Any) -> Objects:
    rows, names, members, source = [], [], [], ""
    for item in message.objectVec:
        kind = item.classVec[0] if item.classVec else None
        rows.append([item.x0, item.y0, item.x1, item.y1, kind.confidence if kind else 0, kind.classId if kind else 0])
        names.append(kind.className if kind else "")
        header = item.headerVec[0] if item.headerVec else None
        members.append(header.memberId if header else 0)
        source = source or ((header.dataSource or header.parentName) if header else "")
    return Objects(np.array(rows, np.float32).reshape(-1, 6), names, source, np.array(members, int))


def _headers(entries: Iterable[Any]) -> tuple[Header, ...]:
    return tuple(Header(entry.dataSource, entry.memberId, entry.parentName) for entry in entries)


def _add_headers(field: Any, headers: Iterable[Header]) -> None:
    for header in headers:
        field.add(dataSource=header.data_source, memberId=header.member_id, parentName=header.parent_name)


def _even(length: int) -> int:
    return length + length % 2
