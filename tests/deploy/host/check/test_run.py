"""`deploy check`: what it finds in a bundle that was spoilt in one place, and what it prints."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.cli import main
from deploy.errors import ModelError, UsageError
from deploy.host.check.run import check
from tests import schemas

ROOT = Path(__file__).resolve().parents[4]
SMALL = (64, 64)


@pytest.fixture
def bundle(tiny_bundle):
    return tiny_bundle(SMALL)


def change(bundle, path, value, file="detect.pipeline"):
    """Set or remove (None) what dots lead to in the stream, and give the file a line for every key."""
    document = json.loads((bundle / file).read_text())
    *folders, last = path.split(".")
    entry = document["detection"]
    for key in folders:
        entry = entry.setdefault(key, {})
    if value is None:
        del entry[last]
    else:
        entry[last] = value
    (bundle / file).write_text(json.dumps(document, indent=1))


def of(report, name):
    return [one for file, _, found in report.files for one in found if Path(file).name == name]


def errors(report):
    return [one for _, _, found in report.files for one in found if one.severity == "error"]


def test_a_whole_bundle(bundle):
    report = check([bundle])
    names = [Path(file).name for file, _, _ in report.files]
    assert names[0] == "bundle.json"
    assert {"detect.pipeline", "eval.pipeline", "detect.cfg", "eval.cfg", "labels.names", "aipp.cfg"} <= set(names)
    assert len(names) == len(set(names))
    assert [one.severity for _, _, found in report.files for one in found] == ["note", "note"]  # there is no .om yet


def test_a_pipeline_leads_to_the_files_it_names(bundle):
    (bundle / "detect.cfg").write_text((bundle / "detect.cfg").read_text().replace("IOU_THRESH=", "IOU_THRESH\t="))
    report = check([bundle / "detect.pipeline"])
    assert [Path(file).name for file, _, _ in report.files] == [
        "detect.pipeline",
        "aipp.cfg",
        "detect.cfg",
        "labels.names",
    ]
    assert [one.line for one in of(report, "detect.cfg")] == [6]


R, M, P, D = "mxpi_imageresize0", "mxpi_tensorinfer0", "mxpi_objectpostprocessor0", "mxpi_dataserialize0"


@pytest.mark.parametrize(
    ("path", "value", "key", "sentence"),
    [
        pytest.param(f"{R}.props.resizeWidth", "72", "resizeWidth", "no multiple of 16", id="width"),
        pytest.param(f"{R}.props.resizeHeight", "65", "resizeHeight", "no multiple of 2", id="height"),
        pytest.param(f"{R}.props.resizeWidth", "16", "resizeWidth", "from 32 to 4096", id="too narrow"),
        pytest.param(f"{R}.props.resizeHeight", "128", "resizeHeight", "the model model.om takes 64", id="not the net"),
        pytest.param(f"{R}.props.resizeHeight", "128", "resizeHeight", "aipp.cfg has src_image_size 64", id="not AIPP"),
        pytest.param(f"{R}.props.cvProcessor", "opencv", "cvProcessor", "decodes by ascend", id="two memories"),
        pytest.param(f"{M}.props.modelPath", "none.om", "modelPath", "no file none.om", id="no model"),
        pytest.param(f"{P}.props.labelPath", "none.names", "labelPath", "no file none.names", id="no labels"),
        pytest.param(f"{P}.props.postProcessConfigPath", "x.cfg", "postProcessConfigPath", "no file x", id="no config"),
        pytest.param(f"{P}.props.postProcessLibPath", "libMpYOLOv5PostProcessor.so", "postProcessLibPath",
                     "belongs to mxpi_modelinfer", id="the other family"),
        pytest.param(f"{P}.props.postProcessLibPath", None, P, "libyolov3postprocess.so", id="no library"),
        pytest.param(f"{P}.props.funcLanguage", "python", "funcLanguage", "needs className", id="no class"),
        pytest.param(f"{D}.props.outputDataKeys", f"a, {P}", "outputDataKeys", "does not trim", id="a blank"),
        pytest.param(f"{P}.props.postProcessConfigContent", {"CLASS_NUM": 3}, "postProcessConfigContent",
                     "write every value as a string", id="a number in the content"),
        pytest.param(f"{P}.props.postProcessConfigContent", {"CLASS_NUM": "3", "BIASES": "1, 2"},
                     "postProcessConfigContent", "cuts a list", id="a cut list in the content"),
        pytest.param(f"{R}.props.resizeWidth", 64, "resizeWidth", "as a string", id="a number"),
    ],
)  # fmt: skip
def test_errors_in_a_pipeline(bundle, path, value, key, sentence):
    change(bundle, path, value)
    found = [one for one in of(check([bundle / "detect.pipeline"]), "detect.pipeline") if sentence in one.sentence]
    assert [one.severity for one in found] == ["error"]
    assert f'"{key}"' in (bundle / "detect.pipeline").read_text().split("\n")[found[0].line - 1]


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        pytest.param(f"{R}.props.paddingType", "Padding_Around", "come out shifted", id="a centred letterbox"),
        pytest.param(f"{R}.props.resizeType", "Resizer_Rescale", "only OpenCV resizes", id="a type of OpenCV"),
        pytest.param(f"{R}.props.resizeType", "Resizer_OnlyPadding", "stay in 0..1", id="boxes not mapped back"),
        pytest.param(f"{R}.props.paddingColorR", "114", "the chip ignores it", id="OpenCV's colour"),
        pytest.param(f"{P}.props.postProcessLibPath", "libyolov5postprocess.so", "has no libyolov5", id="no such"),
        pytest.param(f"{P}.props.postProcessLibPath", "/home/me/libyolov3postprocess.so", "somebody's home", id="home"),
        pytest.param(f"{P}.props.postProcessLibPath", "{X}/libyolov3postprocess.so", "to fill in", id="template"),
        pytest.param(f"{P}.props.postProcessConfigContent", {"CLASS_NUM": "3"}, "wins over", id="two configs"),
        pytest.param(f"{M}.props.modelPath", "model.onnx", "loads .om files", id="no .om"),
        # MxGstBase.cpp, CheckDataSource: keys are not looked for when a stream is created
        pytest.param(f"{R}.props.parentName", "mxpi_imagedecoder1", "which is no element", id="CheckDataSource: slip"),
        pytest.param(f"{R}.props.parentName", P, "no way leads to", id="CheckDataSource: behind it"),
        pytest.param(f"{P}.props.dataSource", R, "hands on none", id="CheckDataSource: no tensors"),
        pytest.param(f"{D}.props.outputDataKeys", "mxpi_objectpostprocesor0", "did you", id="MxpiDataSerialize: slip"),
        pytest.param(f"{D}.props.outputDataKeys", "somebody", "without a word", id="MxpiDataSerialize: nobody"),
        pytest.param("appsrc0.props.is-live", "1", "filters", id="a native property"),
        pytest.param("stream_config.deviceid", "0", 'did you mean "deviceId"', id="misspelt device"),
    ],
)
def test_warnings(bundle, path, value, sentence):
    change(bundle, path, value)
    found = [one for one in of(check([bundle / "detect.pipeline"]), "detect.pipeline") if sentence in one.sentence]
    assert [one.severity for one in found] == ["warning"]


def test_files_of_other_post_processors(bundle):
    change(bundle, f"{P}.factory", "mxpi_classpostprocessor")
    change(bundle, f"{P}.props.labelPath", "none.names")
    assert any("no file none.names" in one.sentence for one in errors(check([bundle / "detect.pipeline"])))


def test_class_counts_agree(bundle):
    (bundle / "labels.names").write_text("red\ngreen\n")
    (found,) = errors(check([bundle / "detect.pipeline"]))
    assert "labels.names has 2 class(es), detect.cfg CLASS_NUM=3" in found.sentence


def test_heads_agree_with_the_config(bundle):
    text = (bundle / "detect.cfg").read_text().replace("CLASS_NUM=3", "CLASS_NUM=20")
    (bundle / "detect.cfg").write_text(text)
    (bundle / "labels.names").write_text("".join(f"c{i}\n" for i in range(20)))
    found = errors(check([bundle / "detect.pipeline"]))
    assert len(found) == 3
    assert "wants [1, 3, h, w, 25]" in found[0].sentence


def test_the_number_of_heads(bundle):
    biases = "BIASES_NUM=12\nBIASES=8,8,8,8,8,8,16,16,16,16,16,16\nYOLO_TYPE=2\n"
    rest = "CLASS_NUM=3\nANCHOR_DIM=3\nMODEL_TYPE=2\nYOLO_VERSION=5\nFRAMEWORK=PyTorch\n"
    (bundle / "detect.cfg").write_text(biases + rest)
    (found,) = errors(check([bundle / "detect.pipeline"]))
    assert "3 output(s), detect.cfg YOLO_TYPE=2" in found.sentence


@pytest.mark.skipif(os.name != "posix", reason="file modes and links")
def test_what_the_sdk_refuses_of_files(bundle):
    (bundle / "model.om").write_bytes(b"om")
    (bundle / "model.om").chmod(0o644)
    (found,) = errors(check([bundle / "detect.pipeline"]))
    assert "mode 644" in found.sentence
    (bundle / "model.om").chmod(0o640)
    (bundle / "real.names").write_text((bundle / "labels.names").read_text())
    (bundle / "labels.names").unlink()
    (bundle / "labels.names").symlink_to("real.names")
    (found,) = errors(check([bundle / "detect.pipeline"]))
    assert "labels.names is a link" in found.sentence


def modelinfer(bundle):
    """The stream in the way of SDK 2.0.4."""
    document = json.loads((bundle / "detect.pipeline").read_text())
    stream = document["detection"]
    post = stream.pop(P)["props"]
    infer = stream.pop(M)["props"]
    post.pop("dataSource")
    stream["mxpi_modelinfer0"] = {
        "factory": "mxpi_modelinfer",
        "props": {**post, "parentName": R, "modelPath": infer["modelPath"]},
        "next": D,
    }
    stream["mxpi_modelinfer0"]["props"]["postProcessLibPath"] = "libMpYOLOv5PostProcessor.so"
    stream[R]["next"] = "mxpi_modelinfer0"
    stream[D]["props"]["outputDataKeys"] = "mxpi_modelinfer0"
    (bundle / "detect.pipeline").write_text(json.dumps(document, indent=1))


def test_the_old_way(bundle):
    modelinfer(bundle)
    assert errors(check([bundle / "detect.pipeline"], sdk="2.0.4")) == []
    change(bundle, f"{R}.props.resizeType", "Resizer_Stretch")
    mapped = "libMpYOLOv5PostProcessor.so maps every box back"
    assert mapped in of(check([bundle / "detect.pipeline"]), "detect.pipeline")[0].sentence
    change(bundle, "mxpi_modelinfer0.props.postProcessLibPath", "libyolov3postprocess.so")
    found = of(check([bundle / "detect.pipeline"]), "detect.pipeline")
    assert "does not belong to mxpi_modelinfer" in errors(check([bundle / "detect.pipeline"]))[0].sentence
    assert not [one for one in found if "maps every box back" in one.sentence]  # another library's business


@pytest.mark.parametrize(
    ("path", "value", "severity", "sentence"),
    [
        pytest.param(f"{R}.props.RGBValue", "114,114,114", "error", "does not know RGBValue", id="a later property"),
        pytest.param(f"{R}.props.interpolation", "1", "error", "does not know interpolation", id="another"),
        pytest.param("mxpi_imagedecoder0.props.cvProcessor", "ascend", "error", "handleMethod", id="the old name"),
        pytest.param(f"{R}.props.scaleValue", "64", "note", "sets scaleValue", id="nobody knows"),
        pytest.param(f"{R}.nextMeta", D, "error", "nextMeta", id="nextMeta"),
    ],
)
def test_sdk_2_0_4(bundle, path, value, severity, sentence):
    modelinfer(bundle)
    change(bundle, path, value)
    found = of(check([bundle / "detect.pipeline"], sdk="2.0.4"), "detect.pipeline")
    assert [one.severity for one in found if sentence in one.sentence] == [severity]
    assert not [one for one in of(check([bundle / "detect.pipeline"]), "detect.pipeline") if sentence in one.sentence]


def test_factories_of_2_0_4(bundle):
    """The new framework was there already; serving as a sink for everything else, filesink was not seen."""
    change(bundle, "mxpi_imagedecoder0.next", ["mxpi_imageresize0", "filesink0"])
    change(bundle, "filesink0", {"factory": "filesink", "props": {"location": "x"}})
    found = of(check([bundle / "detect.pipeline"], sdk="2.0.4"), "detect.pipeline")
    assert [one.sentence.split("uses ")[1].split(";")[0] for one in found if "no file for SDK" in one.sentence] == [
        "filesink"
    ]


def test_wiring(bundle):
    change(bundle, "mxpi_imagedecoder0.next", "tee0")
    change(bundle, "tee0", {"factory": "tee", "next": [R, "queue0"]})
    change(bundle, "queue0", {"factory": "queue", "next": "mxpi_distributor0"})
    change(bundle, "mxpi_distributor0", {"factory": "mxpi_distributor", "props": {"classIds": "0,1"}, "next": "fake0"})
    change(bundle, "fake0", {"factory": "fakesink"})
    change(bundle, f"{M}.next", [P, "fake1"])
    change(bundle, "fake1", {"factory": "fakesink"})
    sentences = [one.sentence for one in of(check([bundle / "detect.pipeline"]), "detect.pipeline")]
    for part in (
        "a queue belongs between tee and mxpi_imageresize0",
        "2 group(s) for 1 element",
        "put a tee behind it",
    ):
        assert sum(part in sentence for sentence in sentences) == 1


def test_the_run_folder(bundle, tmp_path, monkeypatch):
    """Without a bundle paths start from the current folder, as on the board."""
    away = tmp_path / "away"
    away.mkdir()
    shutil.copy(bundle / "detect.pipeline", away)
    monkeypatch.chdir(tmp_path)
    assert len(errors(check([away / "detect.pipeline"]))) == 3
    assert errors(check([away / "detect.pipeline"], folder=bundle)) == []
    monkeypatch.chdir(bundle)
    assert errors(check([away / "detect.pipeline"])) == []


def test_a_spoilt_bundle(bundle):
    (bundle / "model.onnx").write_bytes(b"x")
    assert "not the model that was exported" in of(check([bundle]), "bundle.json")[0].sentence


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        pytest.param("a.cfg", "# aipp_op\nCLASS_NUM=1\n", "config", id="a config that mentions AIPP"),
        pytest.param("a.cfg", "# x\n aipp_op {}", "aipp", id="AIPP by its content"),
        pytest.param("a.cfg", "", "config", id="an empty cfg"),
        pytest.param("a.txt", "cat\n", "labels", id="a text"),
        pytest.param("a.json", " {}", "pipeline", id="JSON"),
        pytest.param("a.names", "{\n", "labels", id="the suffix goes first"),
        pytest.param("a.pipeline", "", "pipeline", id="an empty pipeline"),
        pytest.param("a", "A = 1", "config", id="no suffix"),
    ],
)
def test_kinds(tmp_path, name, content, kind):
    (tmp_path / name).write_text(content)
    ((_, found, _),) = check([tmp_path / name]).files
    assert found == kind


def test_what_cannot_be_read(tmp_path):
    report = check([tmp_path / "none.cfg"])
    assert report.to_text() == f"{tmp_path / 'none.cfg'}:1: error: cannot be read: No such file or directory"
    with pytest.raises(ModelError, match="1 file: 1 error, 0 warnings, 0 notes"):
        report.raise_errors()
    with pytest.raises(UsageError, match="holds no file to check"):
        check([tmp_path])


def test_the_command(bundle, capsys):
    assert main(["check", str(bundle / "detect.pipeline")]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"{bundle / 'detect.pipeline'}:")
    assert ": note: " in out
    assert "0 errors" in err
    change(bundle, f"{R}.props.resizeWidth", "72")
    assert main(["check", "--json", str(bundle / "detect.pipeline")]) == 4
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert (report["schema_version"], report["errors"], len(report["files"])) == (1, 3, 4)
    schemas.validate(report, "check")
    schema = json.loads((ROOT / "docs" / "schemas" / "check.schema.json").read_text())
    assert set(report) == set(schema["required"])
    assert err.startswith("error: 4 files: 3 errors")


def test_run_sh(bundle):
    environment = {**os.environ, "AYS_PYTHON": sys.executable}
    command = ["bash", str(ROOT / "run.sh"), "check", "detect.pipeline"]
    done = subprocess.run(command, cwd=bundle, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout.startswith("detect.pipeline:")) == (0, True), done.stderr


def test_a_board_without_numpy(bundle):
    """The check needs the standard library only."""
    code = "import sys; sys.modules['numpy'] = sys.modules['cv2'] = None; from deploy.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "check", str(bundle)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices")
@pytest.mark.parametrize("suffix", [".cfg", ".pipeline", ".names", ""])
def test_only_regular_files_are_read(suffix, tmp_path):
    os.mkfifo(tmp_path / f"x{suffix}")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for path in (tmp_path / f"x{suffix}", tmp_path / "zero"):
        ((_, kind, (found,)),) = check([path]).files
        assert (kind, found.severity, "not a regular file" in found.sentence) == ("unreadable", "error", True)


def test_pipes_that_a_pipeline_names(bundle):
    for name in ("detect.cfg", "labels.names", "aipp.cfg"):
        (bundle / name).unlink()
        os.mkfifo(bundle / name)
    assert [one.code for one in errors(check([bundle / "detect.pipeline"]))] == [1016, 1016]


def test_names_do_not_steer_the_terminal(tmp_path, capsys):
    name = "\x1b[31mred\x07\nx"
    (tmp_path / "x.pipeline").write_text(json.dumps({name: {name: {"factory": name, "next": name}}}))
    assert main(["check", str(tmp_path / "x.pipeline"), "--plugins"]) == 4
    out, err = capsys.readouterr()
    assert "\\u001b[31mred\\u0007\\u000ax" in out
    assert "\x1b" not in out + err
    (tmp_path / "x.pipeline").write_text('{"\\udc80": {}}')
    assert main(["check", str(tmp_path / "x.pipeline")]) == 4
    assert "half a surrogate pair" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"s": ' + '{"a": ' * 5000 + "1" + "}" * 5001, id="5000 objects deep"),
        pytest.param("[" * 100_000, id="100,000 lists"),
        pytest.param('{"s": {"x": {"factory": "tee", "props": {"name": ' + "9" * 5000 + "}}}}", id="5000 digits"),
        pytest.param('{"s": {"x": {"factory": "tee", "props": {"name": 1e999}}}}', id="beyond a double"),
    ],
)
def test_deep_and_wild_pipelines(text, tmp_path):
    (tmp_path / "x.pipeline").write_text(text)
    assert errors(check([tmp_path / "x.pipeline"]))


@pytest.mark.parametrize("content", ["[" * 100_000, '{"A": ' + "9" * 5000 + "}", '{"A": 1e999}'])
def test_deep_and_wild_contents(bundle, content):
    change(bundle, f"{P}.props.postProcessConfigContent", content)
    found = errors(check([bundle / "detect.pipeline"]))
    assert any("postProcessConfigContent" in one.sentence for one in found)


@pytest.mark.parametrize("value", ["9" * 9000, "1e99999", "-" + "9" * 400, "0." + "0" * 5000 + "1"])
@pytest.mark.parametrize("key", ["CLASS_NUM", "SCORE_THRESH", "YOLO_TYPE", "BIASES"])
def test_wild_numbers_in_a_config(bundle, key, value):
    (bundle / "detect.cfg").write_text(f"{key}={value}\n" + (bundle / "detect.cfg").read_text())
    assert of(check([bundle / "detect.pipeline"]), "detect.cfg")
