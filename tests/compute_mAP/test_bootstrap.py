"""The paired bootstrap, against samples that really repeat images and on models that are known to differ."""

from __future__ import annotations

import numpy as np
import pytest

from compute_mAP.bootstrap import compare
from compute_mAP.detections import Detections
from compute_mAP.errors import UsageError
from compute_mAP.protocols import PROTOCOLS
from compute_mAP.verdicts import average_precisions
from compute_mAP.voc_eval import evaluate, judge_all
from compute_mAP.voc_xml import Annotation, Object


def make_set(images: int, seed: int) -> dict[str, Annotation]:
    """Up to three cats and dogs an image, some of them difficult."""
    random = np.random.default_rng(seed)
    truth = {}
    for number in range(images):
        objects = []
        for _ in range(random.integers(0, 4)):
            x, y = (int(v) for v in random.integers(0, 60, 2))
            name = ("cat", "dog")[int(random.integers(2))]
            objects.append(Object(name, x, y, x + 30, y + 20, bool(random.random() < 0.1)))
        truth[f"{number}"] = Annotation(100, 90, objects, [])
    return truth


def detected(truth: dict[str, Annotation], noise: float, seed: int) -> dict[str, Detections]:
    """The objects moved by `noise` pixels, and as many boxes again at random; all confidences differ."""
    random = np.random.default_rng(seed)
    found: dict[str, list[tuple[str, float, list[float]]]] = {"cat": [], "dog": []}
    for image, annotation in truth.items():
        for entry in annotation.objects:
            moved = np.array(entry[1:5]) + random.normal(0, noise, 4)
            found[entry.name].append((image, float(random.random()) + 0.3, moved.tolist()))
            anywhere = random.uniform(0, 90, 4)
            found[entry.name].append((image, float(random.random()), anywhere.tolist()))
    return {
        name: Detections([r[0] for r in rows], np.array([r[1] for r in rows]), np.array([r[2] for r in rows]))
        for name, rows in found.items()
    }


def repeated(
    truth: dict[str, Annotation], found: dict[str, Detections], weights: np.ndarray
) -> tuple[dict[str, Annotation], dict[str, Detections]]:
    """The set with each image as often as `weights` says, under a name of its own each time."""
    times = dict(zip(truth, weights.tolist(), strict=True))
    drawn = {f"{image} {i}": annotation for image, annotation in truth.items() for i in range(times[image])}
    again = {}
    for name, rows in found.items():
        listed = [(f"{image} {i}", row) for row, image in enumerate(rows.images) for i in range(times[image])]
        at = [row for _, row in listed]
        again[name] = Detections([image for image, _ in listed], rows.confidence[at], rows.boxes[at])
    return drawn, again


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_weights_say_what_repeated_images_say(protocol: str) -> None:
    truth = make_set(25, 1)
    found = detected(truth, 3, 2)
    judged, _ = judge_all(found, truth, ["cat", "dog"], protocol)
    random = np.random.default_rng(3)
    for _ in range(8):
        weights = random.multinomial(25, np.full(25, 1 / 25))
        report = evaluate(*reversed(repeated(truth, found, weights)), ["cat", "dog"], protocol)
        means = np.mean([average_precisions(v, protocol, weights) for v in judged.values() if v], axis=0)
        assert means[0] == pytest.approx(report.map50, abs=1e-12)
        assert means.mean() == pytest.approx(report.map50_95, abs=1e-12)


def test_models_that_differ_are_told_apart_and_equal_ones_are_not() -> None:
    truth = make_set(60, 4)
    good, bad, good_again = detected(truth, 1, 5), detected(truth, 6, 6), detected(truth, 1, 7)
    apart = compare(good, bad, truth, ["cat", "dog"], samples=200)
    expected = [evaluate(found, truth, ["cat", "dog"]) for found in (good, bad)]
    assert apart.map50_95.difference == pytest.approx(expected[0].map50_95 - expected[1].map50_95)
    assert 0 < apart.map50_95.low < apart.map50_95.difference < apart.map50_95.high
    assert apart.map50_95.excludes_zero
    alike = compare(good, good_again, truth, ["cat", "dog"], samples=200)
    assert not alike.map50_95.excludes_zero and "not told apart" in alike.to_text()


def test_pairing_makes_a_model_against_itself_exactly_zero() -> None:
    truth = make_set(20, 8)
    found = detected(truth, 3, 9)
    same = compare(found, found, truth, ["cat", "dog"], samples=100)
    assert (same.map50.low, same.map50.difference, same.map50.high) == (0, 0, 0)


def test_the_interval_covers_what_a_fresh_test_set_says() -> None:
    """95 % of intervals should cover the true difference; over 30 sets at least 24 (p < 0.01 if they did) do."""
    names = ["cat", "dog"]
    large = make_set(1500, 10)
    ones, twos = detected(large, 2, 11), detected(large, 3, 12)
    true = evaluate(ones, large, names).map50_95 - evaluate(twos, large, names).map50_95
    covered = 0
    for seed in range(30):
        truth = make_set(40, 100 + seed)
        found = compare(detected(truth, 2, 200 + seed), detected(truth, 3, 300 + seed), truth, names, samples=100)
        covered += found.map50_95.low <= true <= found.map50_95.high
    assert covered >= 24


def test_the_same_seed_gives_the_same_interval() -> None:
    truth = make_set(15, 13)
    pair = detected(truth, 2, 14), detected(truth, 3, 15)
    first, again, other = (compare(*pair, truth, ["cat", "dog"], samples=100, seed=seed) for seed in (0, 0, 1))
    assert first == again != other


def test_too_few_samples() -> None:
    truth = make_set(5, 16)
    with pytest.raises(UsageError, match="99 bootstrap samples"):
        compare({}, {}, truth, ["cat"], samples=99)
