"""A bundle's own Python code: said, hashed, and run only with --trust."""

import json

import pytest

from deploy.bundle import open_bundle
from deploy.cli import main
from deploy.errors import ModelError
from deploy.run.foreign_code import check_code, codes
from deploy.run.pipeline_file import PipelineFile

POST = """
from pathlib import Path

Path("ran").write_text("")


class Post:
    def __init__(self, config_path="", label_path=""):
        pass

    def process(self, tensors, params):
        return [[] for _ in params]
"""


@pytest.fixture
def bundle(tiny_bundle):
    """A bundle whose pipelines run the class Post of a module that lies in it."""

    def make(module="own_post", folder=".", language="python"):
        path = tiny_bundle()
        place = path / folder
        place.mkdir(exist_ok=True)
        (place / "own_post.py").write_text(POST)
        description = json.loads((path / "bundle.json").read_text())
        for task in ("detect", "eval"):
            text = (path / f"{task}.pipeline").read_text()
            streams = json.loads(text)
            props = streams["detection"]["mxpi_objectpostprocessor0"]["props"]
            props |= {
                "funcLanguage": language,
                "pythonModule": module,
                "className": "Post",
                "postProcessLibPath": folder,
            }
            (path / f"{task}.pipeline").write_text(json.dumps(streams))
        del description["files"]["detect.pipeline"], description["files"]["eval.pipeline"]
        from deploy.hashes import file_sha256

        for task in ("detect", "eval"):
            description["files"][f"{task}.pipeline"] = file_sha256(path / f"{task}.pipeline")
        (path / "bundle.json").write_text(json.dumps(description))
        return path

    return make


def run(verb, folder, tmp_path, blob_jpeg, *options):
    (tmp_path / "images").mkdir(exist_ok=True)
    (tmp_path / "images/a.jpg").write_bytes(blob_jpeg([]))
    (tmp_path / "set.txt").write_text("a\n")
    out = [] if verb == "speed" else ["--out", str(tmp_path / "out")]
    place = [str(tmp_path / "set.txt"), str(tmp_path / "images")]
    return main([verb, *place, "--on", "host", "--model", str(folder), *out, *options])


@pytest.mark.parametrize("verb", ["detect", "speed"])
def test_a_bundles_code_needs_trust(bundle, tmp_path, blob_jpeg, capsys, verb):
    folder = bundle()
    assert run(verb, folder, tmp_path, blob_jpeg) == 4
    said = capsys.readouterr().err
    assert "mxpi_objectpostprocessor0 runs the class Post of the module own_post" in said
    assert str(folder / "own_post.py") in said and "--trust" in said
    assert not (folder / "ran").exists()


def test_trusted_code_is_listed_and_its_change_noticed(bundle, tmp_path, blob_jpeg, capsys):
    folder = bundle()
    assert run("detect", folder, tmp_path, blob_jpeg, "--trust") == 0
    assert (folder / "ran").exists()
    assert "as --trust allows" in capsys.readouterr().err
    assert "own_post.py" in json.loads((folder / "bundle.json").read_text())["files"]
    assert run("detect", folder, tmp_path, blob_jpeg) == 4  # each time anew
    (folder / "own_post.py").write_text(POST + "\n# changed\n")
    capsys.readouterr()
    assert run("detect", folder, tmp_path, blob_jpeg, "--trust") == 4
    assert "is not the program that was trusted" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("library", "own"),
    [
        pytest.param("libown.so", False, id="a library of the bundle"),
        pytest.param("./libown.so", False, id="by a path"),
        pytest.param("../libbeside.so", False, id="beside the bundle"),
        pytest.param("libyolov3postprocess.so", True, id="the SDK's"),
        pytest.param("/usr/local/sdk_home/lib/modelpostprocessors/libother.so", True, id="one that the board has"),
        pytest.param("x" * 5000, True, id="a name that no file can have"),
    ],
)
def test_a_bundles_library_needs_trust_before_a_board_loads_it(tiny_bundle, capsys, library, own):
    folder = tiny_bundle()
    for file in ("libown.so", "../libbeside.so"):
        (folder / file).write_bytes(b"\x7fELF")
    streams = json.loads((folder / "detect.pipeline").read_text())
    streams["detection"]["mxpi_objectpostprocessor0"]["props"]["postProcessLibPath"] = library
    (folder / "detect.pipeline").write_text(json.dumps(streams))
    pipeline = PipelineFile(folder / "detect.pipeline", folder)
    if own:
        check_code(pipeline, open_bundle(folder), False)
        return
    with pytest.raises(ModelError, match=r"mxpi_objectpostprocessor0 loads the library .*\.so.*--trust"):
        check_code(pipeline, open_bundle(folder), False)
    check_code(pipeline, open_bundle(folder), True)
    assert "as --trust allows" in capsys.readouterr().err


def test_a_pipeline_of_the_users_own_is_his_choice(bundle, tmp_path, blob_jpeg, capsys):
    folder = bundle()
    pipeline = str(folder / "detect.pipeline")
    assert run("detect", folder, tmp_path, blob_jpeg, "--pipeline", pipeline) == 0
    assert f"in {folder / 'own_post.py'}, as the pipeline says" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("module", "own"),
    [
        pytest.param("deploy.postprocess.yolov8", True, id="this project's"),
        pytest.param("deploy.postprocess.nosuch", False, id="no module of this project"),
        pytest.param("deploy.postprocess.yolov8.x", False, id="deeper"),
        pytest.param("deploy.run.detect", False, id="another package of this project"),
        pytest.param("subprocess", False, id="Python's own"),
        pytest.param("own_post", False, id="the bundle's"),
        pytest.param("../own_post", False, id="a path"),
        pytest.param("", False, id="none"),
    ],
)
def test_whose_code_it_is(bundle, module, own):
    folder = bundle(module)
    (code,) = codes(PipelineFile(folder / "detect.pipeline", folder))
    assert code.is_own is own


def test_another_language_does_not_hide_a_module(bundle):
    folder = bundle(language="c++")
    with pytest.raises(ModelError, match="--trust"):
        check_code(PipelineFile(folder / "detect.pipeline", folder), open_bundle(folder), trust=False)


def test_a_module_in_a_folder_of_the_bundle_is_not_listed(bundle, capsys):
    folder = bundle(folder="code")
    check_code(PipelineFile(folder / "detect.pipeline", folder), open_bundle(folder), trust=True)
    assert "own_post.py" not in json.loads((folder / "bundle.json").read_text())["files"]
    assert "(SHA-256 " in capsys.readouterr().err


def test_push_asks_before_it_connects(bundle, capsys):
    assert main(["push", "nobody@nowhere.invalid", "--bundle", str(bundle())]) == 4
    assert "own_post" in capsys.readouterr().err


def test_push_passes_trust_on(bundle, tmp_path, blob_jpeg):
    from deploy.board.work import Settings, Work

    (tmp_path / "a.jpg").write_bytes(blob_jpeg([]))
    (tmp_path / "set.txt").write_text("a\n")
    arguments = [str(tmp_path / "set.txt"), str(tmp_path)]
    work = Work(open_bundle(bundle()), "detect", arguments, Settings(trust=True))
    assert "--trust" in work.arguments_on_board() and work.target.trust
