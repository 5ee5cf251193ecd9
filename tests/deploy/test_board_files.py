"""What goes to a board runs on its Python: 3.9's syntax everywhere, and the standard library alone where no stream of
the host engine and no post-processor is meant."""

import ast
import importlib.util
import sys
from pathlib import Path

import pytest

from deploy.board.contents import CODE

ROOT = Path(__file__).resolve().parents[2]
FILES = [path for folder in CODE for path in sorted((ROOT / folder).rglob("*.py")) if "proto" not in path.parts]
NUMPY_ALLOWED = ("deploy/host", "deploy/postprocess", "compute_mAP")
LATER_THAN_3_9 = {"pairwise", "bit_count", "StrEnum", "Self", "TypeAlias", "ParamSpec", "UTC", "batched"}
SURFACE = {
    "MxDataInput": {"data", "fragmentId", "customParam", "roiBoxs"},
    "StringVector": {"push_back", "size"},
    "StreamManagerApi": {
        *("InitManager", "CreateMultipleStreams", "CreateMultipleStreamsFromFile", "StopStream", "DestroyAllStreams"),
        *("SendData", "SendDataWithUniqueId", "SendProtobuf", "GetResult", "GetResultWithUniqueId", "GetProtobuf"),
    },
    "MxProtobufIn": {"key", "type", "protobuf"},
    "MxProtobufOut": {"errorCode", "messageName", "messageBuf"},
    "MxDataOutput": {"errorCode", "data"},
    "RoiBox": {"x0", "y0", "x1", "y1"},
}
VECTORS = {"InProtobufVector", "OutProtobufVector", "RoiBoxVector"}


def _name(path):
    return path.relative_to(ROOT).as_posix()


def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))


def test_all_files_are_meant():
    names = {_name(path) for path in FILES}
    assert {"deploy/run/stream.py", "deploy/run/raw_stream.py", "deploy/postprocess/yolov8.py"} <= names
    assert not any(name.startswith("compress/") for name in names)


@pytest.mark.parametrize("folder", CODE)
def test_syntax_and_names_of_python_3_9(folder):
    for path in (path for path in FILES if path.is_relative_to(ROOT / folder)):
        tree, name = parsed(path), _name(path)
        lazy = any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)
        for node in ast.walk(tree):
            where = f"{name}:{getattr(node, 'lineno', 0)}"
            assert not isinstance(node, (getattr(ast, "Match", ()), getattr(ast, "TryStar", ()))), where
            if isinstance(node, ast.Attribute):
                assert node.attr not in LATER_THAN_3_9, where
            if isinstance(node, ast.ImportFrom):
                assert not LATER_THAN_3_9 & {entry.name for entry in node.names}, where
            if isinstance(node, ast.Call):
                keywords = {entry.arg for entry in node.keywords}
                called = getattr(node.func, "id", "")
                assert not (called == "zip" and "strict" in keywords), where
                assert not (called == "dataclass" and {"slots", "kw_only"} & keywords), where
                assert not (called == "isinstance" and isinstance(node.args[1], ast.BinOp)), where
            for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
                unions = [part for part in ast.walk(annotation) if isinstance(part, ast.BitOr)] if annotation else []
                assert lazy or not unions, where


def at_module_level(tree):
    """The imports that run when a module is imported."""
    waiting = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            waiting += node.orelse
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            waiting += [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]


def test_the_standard_library_alone():
    standard = getattr(sys, "stdlib_module_names", None)
    if standard is None:
        pytest.skip("Python 3.9 cannot tell which modules are its own")
    tried = 0
    for path in FILES:
        if _name(path).startswith(NUMPY_ALLOWED):
            continue
        tried += 1
        for node in at_module_level(parsed(path)):
            modules = [entry.name for entry in node.names] if isinstance(node, ast.Import) else [node.module]
            for module in modules:
                top = module.partition(".")[0]
                where = f"{_name(path)}:{node.lineno} imports {module}"
                assert top in standard or top in CODE, where
                # of what needs numpy, only the files that do not themselves
                assert not module.startswith("deploy.host"), where
    assert tried > 40


def test_the_stand_in_has_nothing_that_the_sdk_has_not():
    """The names of the SDK's header; so a driver that runs on the stand-in uses nothing else."""
    spec = importlib.util.spec_from_file_location("stand_in_sdk", Path(__file__).parent / "stand_in_sdk.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, surface in SURFACE.items():
        own = {entry for entry in dir(getattr(module, name)()) if not entry.startswith("_")} - {"FIELDS", "KIND"}
        assert own <= surface, name
    assert set(SURFACE) | VECTORS <= set(vars(module))


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        pytest.param(lambda m: setattr(m.MxDataInput(), "data", "text"), TypeError, id="str in a field"),
        pytest.param(lambda m: setattr(m.MxDataInput(), "date", b""), AttributeError, id="a misspelt field"),
        pytest.param(lambda m: m.StringVector().push_back("key"), TypeError, id="str in a vector"),
        pytest.param(lambda m: m.StreamManagerApi().CreateMultipleStreams("{}"), TypeError, id="str for a text"),
        pytest.param(lambda m: m.StreamManagerApi().LastError(), AttributeError, id="a name of the host engine's"),
        pytest.param(lambda m: m.StreamManagerApi().numerics, AttributeError, id="an attribute of the host engine's"),
    ],
)
def test_the_stand_in_is_strict(wrong, error):
    spec = importlib.util.spec_from_file_location("stand_in_sdk", Path(__file__).parent / "stand_in_sdk.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(error):
        wrong(module)
