"""Config files, contents and label files, read exactly as the vendor's compiled code read them."""

import base64
import json
from pathlib import Path

import pytest

from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.labels import parse_labels
from deploy.sdk_codes import SdkFault

FILE = Path(__file__).resolve().parents[4] / "shared" / "golden" / "config_parse.json"
CASES = json.loads(FILE.read_text(encoding="utf-8"))["cases"] if FILE.is_file() else []
RECIPES = {"c25_too_long_line": b"A=1\nB=" + b"x" * 9998 + b"\nC=2\n"}  # texts that the vectors only describe


def of_kind(*kinds):
    cases = [pytest.param(case, id=case["name"]) for case in CASES if case["kind"] in kinds]
    return cases or [pytest.param(None, marks=pytest.mark.skip(f"the vectors are not there: no {FILE}"))]


def text_of(case):
    encoded = case.get("text_b64")
    return RECIPES[case["name"]] if encoded is None else base64.b64decode(encoded)


def read(values, entry):
    """One typed read: (code, value as the vectors write it)."""
    kind, key = entry["type"], entry["key"]
    if kind == "string":
        return values.string(key)
    if kind == "floatlist":
        code, numbers = values.numbers(key)
        return code, [f"{number:.9g}" for number in numbers]
    if kind == "bool":
        return values.boolean(key, entry["default"])
    limits = (entry["min"], entry["max"]) if "min" in entry else ()
    if kind == "float":
        code, number = values.number(key, entry["default"], *limits)
        return code, f"{number:.9g}"
    reader = {"int": values.integer, "uint32": values.uint32}[kind]
    return reader(key, entry["default"], *limits)


@pytest.mark.parametrize("case", of_kind("cfg_file", "json_content"))
def test_configs(case):
    def parse():
        if case["kind"] == "cfg_file":
            return KeyValues.from_text(text_of(case), case["name"])
        return KeyValues.from_json(case["text"], case["name"])

    if case["ret"]:
        with pytest.raises(SdkFault) as caught:
            parse()
        assert caught.value.code == case["ret"]
        return
    values = parse()
    assert values.texts == case["raw"]
    assert len(values.texts) == case["n_keys"]
    for entry in case["reads"]:
        assert read(values, entry) == (entry["ret"], entry["value"]), entry


@pytest.mark.parametrize("case", of_kind("label_file"))
def test_labels(case):
    assert parse_labels(text_of(case).decode("utf-8")) == case["labels"]


def test_no_case_is_left_out():
    assert {case["kind"] for case in CASES} <= {"cfg_file", "json_content", "label_file"}
