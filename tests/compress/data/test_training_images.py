"""Training images: our own label reading under ultralytics' augmentation."""

from __future__ import annotations

import os
import pickle
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from compress.data.data_yaml import load_data_yaml
from compress.data.labels import label_path
from compress.data.training_images import TrainingImages, readable, targets_of
from deploy.errors import DataError
from deploy.host.dvpp.letterbox import letterbox
from deploy.host.dvpp.vpc import ZERO_RGB

OFF = {"hsv_h": 0.0, "hsv_s": 0.0, "hsv_v": 0.0, "translate": 0.0, "scale": 0.0, "fliplr": 0.0, "mosaic": 0.0}
Images = list[tuple[Path, int, int]]


@pytest.fixture
def images(tiny_data: Callable[..., Path]) -> list[Path]:
    """Eight images with the classes a, b, c; the last has no object."""
    return load_data_yaml(tiny_data()).images("train")


def made(images: list[Path], **augmentation: float) -> TrainingImages:
    return TrainingImages(readable(images)[0], ["a", "b", "c"], 64, 4, augmentation)


def seeded(seed: int = 0) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def test_labels_arrive_as_they_are_written(images: list[Path]) -> None:
    """Without augmentation only the letterbox is left: 96 x 80 becomes 64 x 53 or 54 in the middle of 64 x 64."""
    dataset = made(images, **OFF)
    for image, sample in zip(images, (dataset[i] for i in range(len(images))), strict=True):
        rows = np.array(label_path(image).read_text().split(), float).reshape(-1, 5)
        assert sample["cls"].view(-1).tolist() == rows[:, 0].tolist()
        height = 53.5 / 64
        expected = rows[:, 1:] * [1, height, 1, height] + [0, (1 - height) / 2, 0, 0]
        np.testing.assert_allclose(sample["bboxes"].reshape(-1, 4), expected, atol=0.02)


def test_samples(images: list[Path]) -> None:
    seeded()
    dataset = made(images)
    batch = dataset.collate_fn([dataset[i] for i in range(4)])
    assert batch["img"].shape == (4, 3, 64, 64) and batch["img"].dtype == torch.uint8
    targets = targets_of(batch)
    assert targets.shape == (len(batch["cls"]), 6) and targets.dtype == torch.float32
    assert set(targets[:, 0].tolist()) <= {0.0, 1.0, 2.0, 3.0}
    assert set(targets[:, 1].tolist()) <= {0.0, 1.0, 2.0}
    assert ((targets[:, 2:] >= 0) & (targets[:, 2:] <= 1)).all()


def test_red_comes_first(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), np.full((64, 64, 3), (10, 20, 200), np.uint8))
    (tmp_path / "labels" / "a.txt").write_text("0 0.5 0.5 0.5 0.5")
    sample = made([tmp_path / "images" / "a.png"], **OFF)[0]
    assert sample["img"][:, 32, 32].tolist() == [200, 20, 10]


def test_an_image_without_objects(images: list[Path]) -> None:
    """In the middle of a batch, where its index must still count."""
    dataset = made(images, **OFF)
    targets = targets_of(dataset.collate_fn([dataset[i] for i in (0, 7, 1)]))
    assert set(targets[:, 0].tolist()) == {0.0, 2.0}


def test_an_epoch_depends_on_its_seed_alone(images: list[Path]) -> None:
    """Mosaics take images that were seen before: what an earlier epoch saw must not matter, or no run can resume."""
    dataset, resumed = made(images), made(images)
    for _ in range(2):
        for i in range(len(images)):
            dataset[i]
    for candidate in (dataset, resumed):
        candidate.start_epoch()
    seeded()
    first = [dataset[i] for i in (3, 1, 4, 0)]
    seeded()
    second = [resumed[i] for i in (3, 1, 4, 0)]
    for one, other in zip(first, second, strict=True):
        assert torch.equal(one["img"], other["img"])
        assert torch.equal(one["bboxes"], other["bboxes"])


def test_augmentation_differs_by_seed(images: list[Path]) -> None:
    dataset = made(images)
    seeded(0)
    first = dataset[0]["img"]
    seeded(1)
    assert not torch.equal(first, dataset[0]["img"])


def test_the_data_folder_stays_as_it_is(images: list[Path]) -> None:
    """No cache is written, and what lies beside an image is neither read nor deleted."""
    root = images[0].parents[2]
    array = images[0].with_suffix(".npy")
    np.save(array, np.zeros((80, 96, 3), np.uint8))
    images[1].with_suffix(".npy").write_bytes(b"features of the user's own")
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    dataset = made(images, **OFF)
    samples = [dataset[i] for i in range(len(images))]
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before
    assert samples[0]["img"][:, 5:59].max() > 60, "the image was read, not the array beside it"


def test_a_label_cache_is_not_read(images: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """ultralytics would load it with pickle."""
    cache = label_path(images[0]).parent.with_suffix(".cache")
    cache.write_bytes(b"cos\nmkdir\n(S'executed'\ntR.")
    monkeypatch.chdir(images[0].parent)
    assert len(made(images)) == 8
    assert not Path("executed").exists()


BAD: list[Any] = [
    pytest.param(lambda data: b"", r"cannot be read as an image: the file is empty", id="empty"),
    pytest.param(lambda data: b"hello" * 9, r"cannot be read as an image: the file is of no known format", id="text"),
    pytest.param(lambda data: data[: len(data) // 2], r"cannot be read as an image: .*truncated", id="cut short"),
    pytest.param(None, r"there is no image", id="missing"),
]


@pytest.mark.parametrize(("spoil", "sentence"), BAD)
def test_unreadable_image(images: list[Path], spoil: Callable[[bytes], bytes] | None, sentence: str) -> None:
    if spoil is None:
        images[2].unlink()
    else:
        images[2].write_bytes(spoil(images[2].read_bytes()))
    good, faults = readable(images)
    assert [image for image, _, _ in good] == [image for image in images if image != images[2]]
    assert all((height, width) == (80, 96) for _, height, width in good)
    (fault,) = faults
    assert images[2].name in fault and fault.endswith("it is left out") and "\n" not in fault
    assert re.search(sentence, fault), fault


def test_a_grey_image_is_an_image(images: list[Path]) -> None:
    cv2.imwrite(str(images[0]), cv2.imread(str(images[0]), cv2.IMREAD_GRAYSCALE))
    assert made(images, **OFF)[0]["img"].shape == (3, 64, 64)


def test_no_readable_image(images: list[Path]) -> None:
    for image in images:
        image.write_bytes(b"")
    with pytest.raises(DataError, match=r"none of 8 images can be read, the first is .*train0\.jpg"):
        readable(images)


def test_no_labelled_object(images: list[Path]) -> None:
    for image in images:
        label_path(image).unlink()
    with pytest.raises(DataError, match="8 images and not one labelled object"):
        made(images)


def test_bad_label_names_file_and_line(images: list[Path]) -> None:
    label_path(images[0]).write_text("0 0.5 0.5 0.5 0.5\n3 0.5 0.5 0.5 0.5\n")
    with pytest.raises(DataError, match=r"train0\.txt: line 2: class 3; expected a whole number from 0 to 2"):
        made(images)


def test_augmentation_can_be_changed(images: list[Path]) -> None:
    """Twice the same image where nothing is left to chance."""
    dataset = made(images, **OFF)
    assert torch.equal(dataset[0]["img"], dataset[0]["img"])


def on_board(images: list[Path], **augmentation: float) -> TrainingImages:
    return TrainingImages(readable(images)[0], ["a", "b", "c"], 64, 4, augmentation, "board")


def test_a_whole_image_lies_as_the_board_lays_it(images: list[Path]) -> None:
    sample = on_board(images, **OFF)[0]
    expected = letterbox(cv2.imread(str(images[0])), 64, 64)[0][:, :, ::-1].astype(int)
    found = sample["img"].permute(1, 2, 0).numpy().astype(int)
    assert found[58:].reshape(-1, 3).tolist() == [list(ZERO_RGB)] * 6 * 64
    assert np.abs(found[:53] - expected[:53]).mean() < 2, "scaled alike, a row more or less at the edge"
    rows = np.array(label_path(images[0]).read_text().split(), float).reshape(-1, 5)
    np.testing.assert_allclose(sample["bboxes"].reshape(-1, 4), rows[:, 1:] * [1, 53.5 / 64, 1, 53.5 / 64], atol=0.02)


@pytest.mark.parametrize(
    ("kind", "colours"),
    [
        pytest.param("board", {(0, 135, 0)}, id="the board's green and no grey"),
        pytest.param("mixed", {(114, 114, 114)}, id="grey"),
        pytest.param("grey", {(114, 114, 114)}, id="grey by name"),
    ],
)
def test_what_mosaics_are_padded_with(images: list[Path], kind: str, colours: set[tuple[int, ...]]) -> None:
    """Shrunk mosaics of one-coloured images: every other colour is padding, inside and around them."""
    for image in images:
        cv2.imwrite(str(image), np.full((80, 96, 3), 255, np.uint8))
    still = {**OFF, "mosaic": 1.0, "scale": 0.5, "translate": 0.1}
    dataset = TrainingImages(readable(images)[0], ["a", "b", "c"], 64, 4, still, kind)
    seeded()
    found: set[tuple[int, ...]] = set()
    for i in range(8):
        values, counts = np.unique(dataset[i]["img"].reshape(3, -1).numpy(), axis=1, return_counts=True)
        found |= {tuple(value) for value, count in zip(values.T.tolist(), counts.tolist(), strict=True) if count > 64}
    assert found - {(255, 255, 255)} == colours


def test_whole_images_at_the_end_of_a_run(images: list[Path]) -> None:
    """Without mosaic an image shows its own objects alone; the next epoch with mosaics has them again."""
    dataset = made(images, **{**OFF, "mosaic": 1.0})
    counts = []
    for mosaic in (True, False, True):
        dataset.start_epoch(mosaic, list(range(8)))
        seeded()
        counts.append([len(dataset[i]["cls"]) for i in range(8)])
    whole = [len(label_path(image).read_text().splitlines()) for image in images]
    assert counts[1] == whole
    assert counts[0] == counts[2] and sum(counts[0]) > sum(whole)


def test_the_first_mosaic_has_partners(images: list[Path]) -> None:
    dataset = made(images, **{**OFF, "mosaic": 1.0})
    seeded()
    dataset.start_epoch(True, list(range(8)))
    dataset[0]
    assert sum(image is not None for image in dataset.ims) > 1


def test_the_images_travel_to_a_spawned_process(images: list[Path]) -> None:
    """Loading processes are spawned on Windows and macOS: what they are given is pickled."""
    for dataset in (made(images), on_board(images)):
        again = pickle.loads(pickle.dumps(dataset))
        seeded()
        expected = dataset[0]["img"]
        seeded()
        assert torch.equal(again[0]["img"], expected)


def test_images_that_exif_turns_and_names_that_are_not_utf8(images: list[Path]) -> None:
    """The pixels are turned, as the labels mean them, and a name is no reason to crash."""
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = np.zeros((80, 96, 3), np.uint8)
    pixels[:, :8] = 255  # at the left as stored, at the top as shown
    odd = images[0].with_name(os.fsdecode(b"caf\xe9.jpg"))
    Image.fromarray(pixels).save(odd, exif=exif, quality=95)
    label_path(odd).write_text("0 0.5 0.5 0.5 0.5\n")
    good, faults = readable([odd])
    assert good == [(odd, 96, 80)] and faults == []
    shown = made([odd], **OFF)[0]["img"]
    assert shown[:, 2, 20:44].min() > 200 and shown[:, 32:60, 32].max() < 60
