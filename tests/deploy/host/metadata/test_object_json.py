"""The text of an object list, against texts written by the vendor's own code."""

import json

import numpy as np
import pytest

from deploy.host.metadata.object_json import float_texts, object_list_json
from deploy.host.metadata.values import Objects

# 13: a header inside a class, 14: a mask; the host's post-processor makes neither
OTHER_SHAPES = ("d13", "d14")


def single_class(case):
    """Whether the host engine can have such objects: each with exactly one class."""
    (entry, *more) = case["lists"]
    if more or entry["message_type"] != "MxpiObjectList" or case["name"].startswith(OTHER_SHAPES):
        return False
    return all(len(item.get("classVec", [])) == 1 for item in entry["message"]["objectVec"])


def test_golden_texts(shared):
    cases = json.loads((shared / "golden" / "dataserialize.json").read_text(encoding="utf-8"))["cases"]
    cases = [case for case in cases if single_class(case)]
    assert len(cases) >= 10
    for case in cases:
        rows, names = [], []
        for item in case["lists"][0]["message"]["objectVec"]:
            (kind,) = item["classVec"]
            corners = [float(item[key]) for key in ("x0", "y0", "x1", "y1")]
            rows.append([*corners, float(kind["confidence"]), kind["classId"]])
            names.append(kind["className"])
        objects = Objects(np.array(rows, np.float32).reshape(-1, 6), names, "mxpi_imageresize0")
        text = object_list_json(objects, with_header=case["eraseHeaderVecFlag"] == 0)
        assert text.decode() == case["text"], case["name"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(2.0, "2", id="a whole number loses its point"),
        pytest.param(195.11655, "195.116547", id="nine digits where six do not read back"),
        pytest.param(0.913, "0.913", id="six digits where they do"),
        pytest.param(1 / 3, "0.333333343", id="a third"),
        pytest.param(999999.0, "999999", id="the last whole number without exponent"),
        pytest.param(1e6, "1000000.0", id="an exponent is printed as a double"),
        pytest.param(1e-7, "1e-07", id="a small exponent stays"),
        pytest.param(-0.0, "0", id="minus zero"),
        pytest.param(float("nan"), '"NaN"', id="not a number"),
        pytest.param(float("-inf"), '"-Infinity"', id="infinity"),
    ],
)
def test_numbers(value, text):
    assert float_texts(np.array([[value]], np.float32)) == [[text]]


def test_header():
    objects = Objects(np.array([[1, 2, 3, 4, 0.5, 7]], np.float32), ["cat"], "mxpi_tensorinfer0")
    with_header = json.loads(object_list_json(objects, with_header=True))["MxpiObject"][0]
    assert with_header["headerVec"] == [{"dataSource": "mxpi_tensorinfer0", "memberId": 0, "parentName": ""}]
    assert "headerVec" not in json.loads(object_list_json(objects, with_header=False))["MxpiObject"][0]
    assert with_header["classVec"] == [{"classId": 7, "className": "cat", "confidence": 0.5, "headerVec": []}]
