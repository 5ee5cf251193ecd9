"""What a .pipeline file says about a plugin's properties."""

import pytest

from deploy.host.catalog.properties import COMMON, Property, read_properties
from deploy.sdk_codes import SdkFault

TABLE = {
    **COMMON,
    "parentName": Property(),
    "width": Property("0", limits=(0, 4096)),
    "kind": Property("slow", choices=("slow", "fast")),
    "content": Property(takes_object=True),
    "path": Property(required=True),
}


def read(**props):
    return read_properties("s.e0", "factory", props, TABLE)


def test_values_and_defaults():
    values = read(path="x", width="12", content={"a": "b"})
    assert (values["path"], values["width"], values["content"]) == ("x", "12", {"a": "b"})
    assert (values["kind"], values["dataSource"], values["status"]) == ("slow", "auto", "0")


def test_whole_numbers_are_handed_on_in_decimal():
    assert read(path="0x10", width="0x10")["width"] == "16" and read(path="0x10")["path"] == "0x10"


@pytest.mark.parametrize(
    ("props", "sentence"),
    [
        pytest.param({}, 'needs the property "path"', id="required"),
        pytest.param({"path": "x", "widht": "1"}, 'no property "widht"; did you mean "width"?', id="misspelt"),
        pytest.param({"path": "x", "width": 12}, 'write every property as a string, like "12"', id="a number"),
        pytest.param({"path": "x", "kind": True}, 'like "true"', id="a boolean"),
        pytest.param({"path": {}}, "path is {}", id="an object where none may be"),
        pytest.param({"path": "x", "width": "4097"}, "a whole number from 0 to 4096", id="too large"),
        pytest.param({"path": "x", "width": "1.5"}, "a whole number", id="a fraction"),
        pytest.param({"path": "x", "width": ""}, "a whole number", id="empty"),
        pytest.param({"path": "x", "kind": "fats"}, 'none of slow, fast; did you mean "fast"?', id="illegal value"),
        pytest.param(
            {"path": "x", "parentName": "a", "dataSource": "b"}, "two spellings", id="both names of the source"
        ),
    ],
)
def test_faults(props, sentence):
    with pytest.raises(SdkFault, match=r"s\.e0: ") as caught:
        read(**props)
    assert caught.value.code == 6015
    assert sentence in caught.value.sentence
