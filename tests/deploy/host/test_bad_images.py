"""One bad image of each kind: reported with the SDK's code, and the stream goes on."""

import numpy as np
import pytest

from deploy.host.catalog.properties import read_properties
from deploy.host.metadata.frame import Frame
from deploy.host.numerics import BOARD, FLOAT, applied
from deploy.host.pipeline.description import Element
from deploy.host.plugins.mxpi_imagedecoder import ImageDecoder
from deploy.run.flow import answers
from deploy.run.session import open_stream
from deploy.run.target import Target
from deploy.sdk_codes import SdkFault


@pytest.mark.parametrize("numerics", ["board", "float"])
def test_a_bad_image_of_each_kind_among_good_ones(tmp_path, tiny_bundle, blob_jpeg, image_files_by_kind, numerics):
    files = list(image_files_by_kind.values())
    for number, file in enumerate(files):
        (tmp_path / f"{number}.jpg").write_bytes(file.data)
    (tmp_path / "good.jpg").write_bytes(blob_jpeg([(2, 3, 0)]))
    names = [name for number in range(len(files)) for name in (str(number), "good")] + ["missing"]
    with open_stream(Target(tiny_bundle(), on="host", numerics=numerics), "detect") as (stream, _):
        found = list(answers(stream, tmp_path, names))
    assert [answer.name for answer in found] == names
    for file, answer, good in zip(files, found[::2], found[1::2]):
        assert [box.name for box in good.outcome.objects] == ["red"]
        if not file.data:  # the driver does not send it at all
            assert "is empty" in answer.outcome.fault
        elif file.code:
            assert f"error {file.code}:" in answer.outcome.fault and file.word in answer.outcome.fault
        else:
            assert not answer.outcome.fault
    assert "missing" in found[-1].outcome.fault or "no image" in found[-1].outcome.fault


@pytest.mark.parametrize("numerics", [FLOAT, BOARD], ids=["float", "board"])
def test_spoilt_bytes_end_in_an_image_or_a_fault(image_files_by_kind, numerics):
    values = read_properties("s.dec0", "mxpi_imagedecoder", {}, ImageDecoder.PROPERTIES)
    with applied(numerics):
        decoder = ImageDecoder(Element("dec0", "mxpi_imagedecoder", values))
    files = [file.data for file in image_files_by_kind.values() if len(file.data) > 100]
    random = np.random.default_rng(7)
    decoded = refused = 0
    for number in range(600):
        data = bytearray(files[number % len(files)])
        # most of what matters lies in the header
        for at in random.integers(0, len(data) if number % 3 else 650, size=random.integers(1, 5)):
            data[min(at, len(data) - 1)] = random.integers(0, 256)
        if number % 4 == 0:
            del data[random.integers(2, len(data)) :]
        frame = Frame(bytes(data))
        try:
            decoder.process(frame)
        except SdkFault as fault:
            refused += 1
            assert fault.code in (2006, 2019, 2020, 2021)
            continue
        image = frame.metadata["dec0"][0]
        decoded += 1
        assert 32 <= image.width <= 8192 and 32 <= image.height <= 8192
    assert decoded > 50 and refused > 200
