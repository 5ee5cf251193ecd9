"""One bad picture of each kind: reported with the SDK's code, and the stream goes on."""

import pytest

from deploy.flow import answers
from deploy.session import opened
from deploy.target import Target


@pytest.mark.parametrize("numerics", ["board", "float"])
def test_a_bad_picture_of_each_kind_among_good_ones(tmp_path, tiny_bundle, blob_jpeg, picture_files_by_kind, numerics):
    files = list(picture_files_by_kind.values())
    for number, file in enumerate(files):
        (tmp_path / f"{number}.jpg").write_bytes(file.data)
    (tmp_path / "good.jpg").write_bytes(blob_jpeg([(2, 3, 0)]))
    names = [name for number in range(len(files)) for name in (str(number), "good")] + ["missing"]
    with opened(Target(tiny_bundle(), on="host", numerics=numerics), "detect") as (stream, _):
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
    assert "missing" in found[-1].outcome.fault or "no picture" in found[-1].outcome.fault
