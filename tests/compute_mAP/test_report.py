from __future__ import annotations

import json

from compute_mAP.report import Report

REPORT = Report("area", 0.75, 0.5, 0.25, 72, 2, {"RBC": 0.75, "WBC": None}, ["a note"])


def test_json_has_exactly_the_agreed_keys() -> None:
    assert json.loads(json.dumps(REPORT.to_json())) == {
        "schema_version": 1,
        "protocol": "area",
        "map50": 0.75,
        "map75": 0.5,
        "map50_95": 0.25,
        "images": 72,
        "failed_images": 2,
        "ap50": {"RBC": 0.75, "WBC": None},
    }


def test_text_names_the_protocol_beside_the_numbers() -> None:
    assert REPORT.to_text().splitlines() == [
        "mAP@0.5 (area) = 0.7500",
        "mAP@0.75 (area) = 0.5000",
        "mAP@0.5:0.95 (area) = 0.2500",
        "images = 72, 2 of them failed",
        "AP@0.5 for RBC = 0.7500",
        "AP@0.5 for WBC = n/a (no ground truth)",
    ]
