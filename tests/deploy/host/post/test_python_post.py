"""Post-processors in Python: found, created and called as the SDK documents its own."""

import sys

import numpy as np
import pytest

from deploy.host.post.python_post import PythonPostProcessor
from deploy.postprocess.mapping import FIT, Geometry
from deploy.sdk_codes import SdkFault

MODULE = """
import numpy as np


class Found:
    def __init__(self, x0, score, number):
        self.x0, self.y0, self.x1, self.y1 = x0, 1, 3, 4
        self.confidence, self.classId, self.className = score, number, "name%d" % number


class Post:
    def __init__(self, config_path=None, label_path=None, config_data=None):
        self.said = (config_path, label_path, config_data)

    def process(self, tensors, params):
        values = [np.array(tensor) for tensor in tensors]
        assert [list(value.shape) for value in values] == [tensor.shape for tensor in tensors]
        for tensor in tensors:
            tensor.to_host()
        return [
            [Found(values[0][i].sum(), info.keepAspectRatioScaling, info.widthOriginal) for _ in range(i + 1)]
            for i, info in enumerate(params)
        ]


class Broken(Post):
    def process(self, tensors, params):
        raise KeyError("box")


class Short(Post):
    def process(self, tensors, params):
        return []


class Strange(Post):
    def process(self, tensors, params):
        return [[1] for info in params]


class Unfinished:
    def __init__(self, **keywords):
        pass


class Refusing(Post):
    def __init__(self, **keywords):
        raise ValueError("no config")
"""
GEOMETRY = Geometry(64, 64, 7, 5, FIT, 0.5)


@pytest.fixture
def folder(tmp_path, request):
    """A folder with a module of a name of its own, for modules are loaded once."""
    name = f"post_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    (tmp_path / "syntax.py").write_text("class Post\n")
    yield tmp_path, name
    sys.path[:] = [path for path in sys.path if path != str(tmp_path.resolve())]
    sys.modules.pop(name, None)


def create(folder, **changes):
    path, module = folder
    values = {
        "postProcessLibPath": str(path),
        "pythonModule": module,
        "className": "Post",
        "postProcessConfigPath": "the.cfg",
        "postProcessConfigContent": "",
        "labelPath": "the.names",
        **changes,
    }
    return PythonPostProcessor(values, "post0")


def test_images_go_in_together_and_come_out_apart(folder):
    outputs = [[np.full((1, 2), i, np.float32), np.zeros((1, 3, 4), np.float32)] for i in (1, 5)]
    (first, names), (second, _) = create(folder)(outputs, [GEOMETRY, GEOMETRY])
    assert first.tolist() == [[2, 1, 3, 4, 0.5, 7]]
    assert first.dtype == np.float32
    assert names == ["name7"]
    assert second[:, 0].tolist() == [10, 10]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("", ("the.cfg", "the.names", None), id="a config file"),
        pytest.param({"A": "1"}, (None, "the.names", {"A": "1"}), id="content wins over the file"),
        pytest.param('{"A":"1"}', (None, "the.names", {"A": "1"}), id="content as text"),
    ],
)
def test_arguments_of_the_constructor(folder, content, expected):
    assert create(folder, postProcessConfigContent=content)._instance.said == expected


@pytest.mark.parametrize(
    ("changes", "code", "sentence"),
    [
        pytest.param({"className": "Pots"}, 1016, 'no class Pots; did you mean "Post"?', id="class misspelt"),
        pytest.param({"pythonModule": "nothing_here"}, 1016, "nothing_here is not in", id="no such module"),
        pytest.param({"postProcessLibPath": "none"}, 1016, "none, which is no folder", id="no such folder"),
        pytest.param({"postProcessLibPath": ""}, 1016, "needs postProcessLibPath", id="no folder named"),
        pytest.param({"className": ""}, 1013, "needs className", id="no class named"),
        pytest.param({"pythonModule": "syntax"}, 1001, "raised SyntaxError", id="the module does not compile"),
        pytest.param({"className": "Refusing"}, 1001, "raised ValueError: no config", id="the constructor raises"),
        pytest.param({"className": "Unfinished"}, 1016, "no method process", id="no process"),
        pytest.param({"postProcessConfigContent": "{"}, 1004, "not JSON", id="content is no JSON"),
    ],
)
def test_faults_of_creation(folder, changes, code, sentence):
    with pytest.raises(SdkFault) as caught:
        create(folder, **changes)
    assert caught.value.code == code
    assert sentence in caught.value.sentence


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        pytest.param("Broken", "raised KeyError: 'box'", id="it raises"),
        pytest.param("Short", "returned 0 lists", id="a list too few"),
        pytest.param("Strange", "something else than objects", id="no objects"),
    ],
)
def test_faults_of_a_call(folder, name, sentence):
    post = create(folder, className=name)
    with pytest.raises(SdkFault) as caught:
        post([[np.zeros((1, 1), np.float32)]], [GEOMETRY])
    assert caught.value.code == 1001
    assert sentence in caught.value.sentence
