"""The command line: the whole way through its verbs, and one sentence for everything that is wrong."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
import yaml

from compress.cli import main
from compress.nets.checkpoint import load_checkpoint, save_checkpoint
from compress.nets.yolov5 import Yolov5
from deploy.bundle import open_bundle

ROOT = Path(__file__).resolve().parents[2]
FAST = ("--epochs", "1", "--imgsz", "64", "--batch-size", "4", "--workers", "0")


class Answer(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Answer]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a verb in tmp_path, where the data set `tiny/data.yaml` and the checkpoint `w.safetensors` may lie."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Answer:
        capfd.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Answer(code, *capfd.readouterr())

    return call


@pytest.fixture(scope="module")
def made_files(
    tmp_path_factory: pytest.TempPathFactory,
    least_model: Callable[..., Yolov5],
    write_tiny_data: Callable[..., Path],
) -> Path:
    """What `files` copies."""
    folder = tmp_path_factory.mktemp("files")
    write_tiny_data(folder / "tiny")
    write_tiny_data(folder / "two", ["a", "b"])
    save_checkpoint(least_model(), folder / "w.safetensors", [{"stage": "train"}])
    save_checkpoint(least_model(), folder / "w.onnx", [])
    (folder / "two.names").write_text("a\nb\n")
    (folder / "twice.names").write_text("a\nb\na\n")
    (folder / "broken.yaml").write_text("train: [images\n")
    (folder / "list.yaml").write_text("- a\n- b\n")
    (folder / "none.yaml").write_text("train: empty\nval: tiny/images/val\nnames: [a, b, c]\n")
    (folder / "torn.safetensors").write_bytes((folder / "w.safetensors").read_bytes()[:5000])
    torch.save(Evil(), folder / "evil.pt")
    (folder / "evil.safetensors").write_bytes(pickle.dumps(Evil()))
    (folder / "old.pt").write_bytes(pickle.dumps(Evil()))
    (folder / "work").mkdir()
    (folder / "work" / "precious").write_text("p")
    (folder / "empty").mkdir()
    return folder


@pytest.fixture
def files(tmp_path: Path, made_files: Path) -> Path:
    """A folder with a checkpoint of the classes a, b, c, a data set of these and one of two of them, and bad files."""
    return Path(shutil.copytree(made_files, tmp_path, dirs_exist_ok=True))


class Evil:
    """Pickled, it makes a folder in the current one as soon as it is read with pickle."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("executed",)


TRAINING = ("--data", "tiny/data.yaml", *FAST)

BAD: list[Any] = [
    # class counts and names
    (
        ("finetune", "--data", "two/data.yaml", "--weights", "w.safetensors", *FAST),
        3,
        "the 2 classes a, b, the weights",
    ),
    (
        ("sparsify", "--data", "two/data.yaml", "--weights", "w.safetensors", *FAST),
        3,
        "the 2 classes a, b, the weights",
    ),
    (
        ("export", "--weights", "w.safetensors", "--out", "b", "--names", "two.names"),
        4,
        "two.names: has 2 names, w.saf",
    ),
    (
        ("export", "--weights", "w.safetensors", "--out", "b", "--names", "twice.names"),
        3,
        "twice.names: line 3: the name of class 2 is 'a'",
    ),
    (("export", "--weights", "w.safetensors", "--out", "b", "--names", "gone.names"), 3, "gone.names does not exist"),
    # weights
    (("prune", "--weights", "evil.pt", "--out", "p.safetensors"), 4, "it was not executed"),
    (("finetune", "--weights", "evil.pt", *TRAINING), 4, "it was not executed"),
    (("export", "--weights", "evil.pt", "--out", "b"), 4, "it was not executed"),
    (("export", "--weights", "old.pt", "--out", "b"), 4, "not a zip file"),
    (("export", "--weights", "evil.safetensors", "--out", "b"), 4, "not a safetensors file"),
    (("export", "--weights", "torn.safetensors", "--out", "b"), 4, "not a safetensors file, or a damaged one"),
    (("prune", "--weights", "gone.safetensors", "--out", "p.safetensors"), 4, "gone.safetensors: no such file"),
    (("train", "--weights", "gone.pt", *TRAINING), 4, "gone.pt: no such file"),
    (
        ("export", "--weights", "w.onnx", "--out", "b"),
        4,
        "w.onnx: expected a checkpoint (.safetensors) or a .pt of YOLOv5",
    ),
    (("export", "--weights", "work", "--out", "b"), 4, "work: expected a checkpoint"),
    (("finetune", *TRAINING), 2, "--weights is missing: finetune needs"),
    (("train", *TRAINING), 2, "neither --weights nor --cfg is given"),
    (("train", "--cfg", "yolov5q", *TRAINING), 2, "--cfg yolov5q: neither a file nor a detector that is known"),
    (("train", "--cfg", "list.yaml", *TRAINING), 4, "list.yaml: the architecture is list, expected a mapping"),
    # numbers
    (
        ("prune", "--weights", "w.safetensors", "--out", "p.safetensors", "--percent", "0.99"),
        2,
        "can be removed before",
    ),
    (
        ("prune", "--weights", "w.safetensors", "--out", "p.safetensors", "--percent", "50"),
        2,
        "--percent is 50, expect",
    ),
    (
        ("export", "--weights", "w.safetensors", "--out", "b", "--imgsz", "100"),
        2,
        "--imgsz is 100, expected a multiple",
    ),
    (("export", "--weights", "w.safetensors"), 2, "neither --out nor --stock is given"),
    (
        ("export", "--weights", "w.safetensors", "--stock", "s.pt"),
        4,
        "a head that the ultralytics package does not know",
    ),
    (("export", "--weights", "w.safetensors", "--out", "b", "--imgsz", "0"), 2, "--imgsz is 0, expected a multiple"),
    (("export", "--weights", "w.safetensors", "--out", "b", "--imgsz", "8192"), 2, "--imgsz is 8192, expected"),
    (("train", "--weights", "w.safetensors", *TRAINING, "--imgsz", "100"), 2, "--imgsz is 100, expected a multiple"),
    (("train", "--weights", "w.safetensors", *TRAINING, "--epochs", "0"), 2, "--epochs is 0, expected"),
    (("train", "--weights", "w.safetensors", *TRAINING, "--batch-size", "-4"), 2, "--batch-size is -4, expected"),
    (("sparsify", "--weights", "w.safetensors", *TRAINING, "--sr", "-1"), 2, "--sr is -1.0, expected"),
    (
        ("sparsify", "--weights", "w.safetensors", *TRAINING, "--sr", "auto", "--target-share", "1"),
        2,
        "--target-share is 1.0, expected 0.05 to 0.95",
    ),
    (("train", "--weights", "w.safetensors", *TRAINING, "--accumulate", "0"), 2, "--accumulate is 0, expected"),
    (
        ("prune", "--weights", "w.safetensors", "--out", "p.safetensors", "--threshold", "9"),
        2,
        "a higher threshold leaves it without channels",
    ),
    (("prune", "--weights", "w.safetensors", "--out", "p.safetensors", "--flops", "0.01"), 2, "at least "),
    (
        ("prune", "--weights", "w.safetensors", "--out", "p.safetensors", "--flops", "few"),
        2,
        "--flops is 'few', expected",
    ),
    (
        ("prune", "--weights", "w.safetensors", "--out", "p.safetensors", "--align", "65"),
        2,
        "--align is 65, expected 1 to 64",
    ),
    (
        ("prune", "--weights", "w.safetensors", "--out", "p.safetensors", "--protect", "neck*"),
        2,
        "neck* matches none of",
    ),
    (("prune", "--weights", "w.safetensors", "--out", "p.safetensors", "--score", "taylor"), 2, "taylor needs --data"),
    (("prune", "--weights", "w.safetensors", "--out", "p.safetensors", "--plan-only"), 2, "that ends in .json"),
    (
        ("prune", "--weights", "w.safetensors", "--out", "p.safetensors", "--plan", "gone.json"),
        4,
        "gone.json: no such file",
    ),
    (("plan", "diff", "gone.json", "broken.yaml"), 4, "gone.json: no such file"),
    (("plan", "diff", "broken.yaml", "broken.yaml"), 4, "broken.yaml: not a plan"),
    (
        ("prune", "--weights", "w.safetensors", "--out", "p.safetensors", "--latency", "0.01"),
        2,
        "--latency asks for at most",
    ),
    (("cost", "gone.onnx"), 4, "gone.onnx cannot be read: no such file, expected an ONNX model"),
    (("cost", "w.safetensors", "--soc", "Ascend301"), 2, "did you mean 'Ascend310"),
    (("cost", "w.safetensors", "--save", "c.json"), 2, "--save needs --calibrate"),
    (("cost", "w.safetensors", "--calibrate", "two.names"), 3, "two.names: line 1: has no column 'op name'"),
    (("cost", "w.safetensors", "--imgsz", "33"), 2, "--imgsz is 33, expected a multiple of 32"),
    (("cost", "empty"), 4, "empty is not a bundle"),
    # places
    (("prune", "--weights", "w.safetensors", "--out", "w.safetensors"), 2, "the very file that is read"),
    (
        ("prune", "--weights", "w.safetensors", "--out", "empty/../w.safetensors"),
        2,
        "the very file that is read",
    ),
    (("prune", "--weights", "w.safetensors", "--out", "p.pt"), 2, "expected a file that ends in .safetensors"),
    (("prune", "--weights", "w.safetensors", "--out", "two.names/p.safetensors"), 1, "two.names: File exists"),
    (("export", "--weights", "w.safetensors", "--out", "work"), 2, "work: exists and is no bundle"),
    (("export", "--weights", "w.safetensors", "--out", "two.names/b"), 1, "two.names: cannot be written"),
    (("export", "--weights", "w.safetensors", "--out", "b", "--images", "empty"), 3, "empty: holds no readable JPEG"),
    (("train", "--weights", "w.safetensors", *TRAINING, "--name", "../x"), 2, "--name is '../x', expected"),
    (("train", "--weights", "w.safetensors", *TRAINING, "--project", "two.names"), 1, "two.names"),
    (("train", "--weights", "w.safetensors", *TRAINING, "--resume"), 3, "no unfinished run to resume"),
    # data
    (("train", "--weights", "w.safetensors", *FAST, "--data", "gone.yaml"), 3, "gone.yaml does not exist"),
    (("train", "--weights", "w.safetensors", *FAST, "--data", "broken.yaml"), 3, "broken.yaml: line 2: not valid YAML"),
    (("train", "--weights", "w.safetensors", *FAST, "--data", "empty"), 3, "data file empty cannot be read"),
    (("train", "--weights", "w.safetensors", *FAST, "--data", "none.yaml"), 3, "none.yaml: the train split is empty"),
    (("sparsify", "--weights", "torn.safetensors", *TRAINING), 4, "torn.safetensors: not a safetensors file, or a dam"),
    (("data", "voc2yolo", "--voc", "empty", "--out", "set"), 3, "empty"),
    (("data", "codes", "--out", "work", "--images", "7"), 2, "work holds other things"),
]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else b"" for p in folder.rglob("*")}


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"), BAD, ids=[f"{' '.join(row[0][:1])}: {row[2]}" for row in BAD]
)
def test_bad_input(run: Run, files: Path, arguments: Sequence[str], code: int, sentence: str) -> None:
    before = tree(files)
    answer = run(*arguments)
    lines = answer.err.splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    assert answer.code == code, answer.err
    assert len(errors) == 1 and lines[-1] == errors[0] and sentence in errors[0], answer.err
    assert "Traceback" not in answer.err and answer.out == ""
    assert tree(files) == before, "nothing is written, nothing is lost, nothing was executed"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "the following arguments are required: VERB"),
        (("prun",), "invalid choice: 'prun'"),
        (("data",), "the following arguments are required: VERB"),
        (("train",), "the following arguments are required: --data"),
        (("prune", "--out", "p.safetensors"), "the following arguments are required: --weights"),
        (("export", "--weights", "w.safetensors"), "neither --out nor --stock is given"),
        (("data", "voc2yolo", "--voc", "kit"), "the following arguments are required: --out"),
        (("train", "--data", "d", "--epochs", "many"), "argument --epochs: invalid int value: 'many'"),
        (("train", "--data", "d", "--optimizer", "lion"), "argument --optimizer: invalid choice: 'lion'"),
        (("finetune", "--data", "d", "--sr", "1"), "unrecognized arguments: --sr 1"),
    ],
)
def test_wrong_usage(run: Run, arguments: Sequence[str], sentence: str) -> None:
    answer = run(*arguments)
    assert answer.code == 2
    assert sentence in answer.err.splitlines()[-1]
    assert answer.out == ""


def result(answer: Answer) -> dict[str, Any]:
    """The one JSON object on stdout."""
    assert answer.code == 0, answer.err
    assert answer.out.count("\n") == 1
    found = json.loads(answer.out)
    assert found["schema_version"] == 1
    return found


def test_the_whole_way(run: Run, files: Path) -> None:
    """train -> sparsify -> prune -> finetune -> export, each on what the verb before says that it wrote."""
    cfg = {**load_checkpoint(files / "w.safetensors")[0].arch, "nc": 80}
    (files / "tiny.yaml").write_text(yaml.safe_dump(cfg))
    common = ("--data", "tiny/data.yaml", *FAST, "--json")
    dense = result(run("train", "--cfg", "tiny.yaml", *common))
    assert dense["best"] == str(Path("runs", "train", "weights", "best.safetensors"))
    measured = {"map50", "map75", "map50_95", "ap50", "f1", "f1_confidence"}
    assert set(dense) == {"schema_version", "best", "last", "epoch", "stopped", *measured}
    sparse = result(run("sparsify", "--weights", dense["last"], "--sr", "0.1", *common))
    slim = result(
        run(
            "prune", "--weights", sparse["last"], "--percent", "0.3", "--align", "2", "--out", "p.safetensors", "--json"
        )
    )
    assert (slim["weights"], slim["plan"]) == ("p.safetensors", "p.plan.json")
    assert slim["after"]["parameters"] < slim["before"]["parameters"]
    assert slim["after"]["flops"] < slim["before"]["flops"]
    assert slim["removed_share"] == pytest.approx(0.3, abs=0.02) and slim["masked_difference"] < 1e-4
    assert json.loads(Path("p.plan.json").read_text())["align"] == 2
    tuned = result(run("finetune", "--weights", "p.safetensors", *common))
    (files / "my.names").write_text("x\ny\nz\n")
    bundle = result(run("export", "--weights", tuned["last"], "--out", "b", "--names", "my.names", "--json"))
    assert bundle["onnx_difference"] < 1e-4
    opened = open_bundle(bundle["bundle"])
    assert (opened.names, opened.imgsz) == (["x", "y", "z"], [64, 64])
    stages = [entry["stage"] for entry in opened.description["history"]]
    assert stages == ["train", "sparsify", "prune", "finetune", "export"]
    assert opened.description["parameters"] == slim["after"]["parameters"]


def test_people_get_text(run: Run, files: Path) -> None:
    answer = run("prune", "--weights", "w.safetensors", "--out", "p.safetensors", "--align", "2")
    assert answer.code == 0
    assert answer.out.splitlines()[-2:] == ["p.safetensors", "p.plan.json"]
    assert "of the channels" in answer.out and "masked and pruned model agree within" in answer.out
    answer = run("export", "--weights", "w.safetensors", "--out", "b")
    assert answer.code == 0
    assert answer.out.splitlines()[-1] == str(files / "b")


@pytest.mark.parametrize(
    ("arguments", "check"),
    [
        pytest.param(("--threshold", "0.5", "--align", "1"), lambda r: r["removed_share"] > 0, id="threshold"),
        pytest.param(
            ("--flops", "0.6", "--align", "2"), lambda r: r["after"]["flops"] <= 0.6 * r["before"]["flops"], id="flops"
        ),
        pytest.param(
            ("--params", "60%", "--align", "2"),
            lambda r: r["after"]["parameters"] <= 0.6 * r["before"]["parameters"],
            id="params",
        ),
        pytest.param(
            ("--uniform", "0.5", "--align", "1"),
            lambda r: r["removed_share"] == pytest.approx(0.5, abs=0.05),
            id="uniform",
        ),
        pytest.param(("--score", "l1", "--align", "2"), lambda r: r["removed_share"] > 0.4, id="filters"),
        pytest.param(
            ("--score", "taylor", "--data", "tiny/data.yaml", "--batches", "1", "--align", "2"),
            lambda r: plan_of(r)["score"] == "taylor" and r["removed_share"] > 0.4,
            id="effect on the loss",
        ),
        pytest.param(
            ("--shortcuts", "keep", "--protect", "model.0", "--percent", "0.2", "--align", "1"),
            lambda r: {"shortcuts are kept", "--protect model.0"} <= {g["reason"][11:] for g in plan_of(r)["groups"]},
            id="shortcuts kept and a layer protected",
        ),
    ],
)
def test_ways_to_prune(run: Run, files: Path, arguments: tuple[str, ...], check: Callable[[dict], bool]) -> None:
    model, history = load_checkpoint("w.safetensors")
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.3, 1.3)
    save_checkpoint(model, files / "spread.safetensors", history)
    answer = run("prune", "--weights", "spread.safetensors", *arguments, "--out", "p.safetensors", "--json")
    assert answer.code == 0, answer.err
    assert check(json.loads(answer.out))


def plan_of(answer: dict) -> dict:
    return json.loads(Path(answer["plan"]).read_text())


def test_plan_is_written_compared_and_applied(run: Run, files: Path) -> None:
    """A plan can be made, edited and applied without the options it came from."""
    made = result(
        run("prune", "--weights", "w.safetensors", "--align", "2", "--plan-only", "--out", "a.json", "--json")
    )
    assert made["plan"] == "a.json" and not Path("a.safetensors").exists()
    edited = json.loads(Path("a.json").read_text())
    group = next(g for g in edited["groups"] if g["removed"])
    group["kept"] = sorted([*group["kept"], group["removed"].pop(), group["removed"].pop()])  # whole blocks of 2
    Path("b.json").write_text(json.dumps(edited))
    slim = result(run("prune", "--weights", "w.safetensors", "--plan", "b.json", "--out", "p.safetensors", "--json"))
    assert plan_of(slim)["groups"] == edited["groups"]
    (entry,) = result(run("plan", "diff", "a.json", "p.plan.json", "--json"))["differences"]
    assert entry["layer"] == group["name"] and entry["second"] == entry["first"] + 2
    assert run("plan", "diff", "b.json", "p.plan.json").out == "the plans keep the same channels\n"


def test_cost_of_a_checkpoint_and_of_its_bundle(run: Run, files: Path) -> None:
    """Both ways to look at a model give the same estimate, a range; a measurement narrows it and is kept."""
    assert run("export", "--weights", "w.safetensors", "--imgsz", "64", "--out", "b").code == 0
    own = result(run("cost", "w.safetensors", "--imgsz", "64", "--json"))
    exported = result(run("cost", "b", "--json", "--layers"))
    for key in ("flops", "padded_flops", "operators"):
        assert own[key] == exported[key]
    assert own["estimate_ms"]["low"] < own["estimate_ms"]["high"] <= 2 * own["estimate_ms"]["low"]
    assert len(exported["layers"]) == exported["operators"] and not own["calibrated"]
    measured = result(run("cost", "b", "--calibrate", "7 ms", "--save", "c.json", "--json"))
    assert measured["estimate_ms"]["low"] < 7 < measured["estimate_ms"]["high"] and Path("c.json").is_file()
    again = run("cost", "w.safetensors", "--imgsz", "64", "--calibrate", "c.json")
    assert "calibrated by measured 7 ms" in again.out
    assert "not calibrated" in run("cost", "b").out


def test_training_for_other_classes_starts_with_a_new_head(run: Run, files: Path) -> None:
    """`train` alone may do that, and the seed decides about the new weights."""
    arguments = ("--data", "two/data.yaml", "--weights", "w.safetensors", *FAST, "--json")
    first, second = (result(run("train", *arguments, "--name", name)) for name in ("one", "two"))
    answer = run("train", *arguments, "--name", "three", "--seed", "1")
    assert "the head starts anew for the 2 classes" in answer.err
    models = [load_checkpoint(found["last"])[0] for found in (first, second, result(answer))]
    assert models[0].names == ["a", "b"]
    heads = [model.head.m[0].weight for model in models]
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def test_interrupted(run: Run, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def impatient(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("compress.train.loop.seed_everything", impatient)
    answer = run("train", "--weights", "w.safetensors", *TRAINING)
    assert answer.code == 130
    assert answer.err.splitlines()[-1].startswith("interrupted; ")


def python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("verb", ["", "train", "sparsify", "finetune", "prune", "export", "data", "demo"])
def test_help(run: Run, verb: str) -> None:
    answer = run(*([verb] if verb else []), "--help")
    assert answer.code == 0
    assert answer.out.startswith(f"usage: python -m compress {verb}".rstrip())


def test_help_imports_nothing_slow() -> None:
    program = (
        "import sys\n"
        "from compress.cli import main\n"
        "try:\n    main(['train', '--help'])\n"
        "except SystemExit:\n    pass\n"
        "print([name for name in ('torch', 'ultralytics', 'onnx', 'cv2', 'numpy') if name in sys.modules])\n"
    )
    assert python(program).stdout.splitlines()[-1] == "[]"


def test_a_missing_package_is_named() -> None:
    program = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "from compress.cli import main\n"
        "sys.exit(main(['prune', '--weights', 'w.safetensors', '--out', 'p.safetensors']))\n"
    )
    ended = python(program)
    assert ended.returncode == 5
    assert ended.stderr == ("error: the Python package torch is missing: pip install 'ascend-yolo-slim[compress]'\n")


def test_as_a_module() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "compress", "prun"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 2 and "invalid choice: 'prun'" in ended.stderr


def test_data_is_looked_over_and_anchors_are_fitted(run: Run, files: Path) -> None:
    """`data check` ends well on a sound set, `data anchors` carries what it finds into cfg and checkpoint."""
    looked = run("data", "check", "--data", "tiny/data.yaml", "--imgsz", "96", "--json")
    assert looked.code == 0 and json.loads(looked.out)["errors"] == []
    label = next((files / "tiny/labels/train").glob("*.txt"))
    label.write_text("7 0.5 0.5 0.1 0.1\n")
    looked = run("data", "check", "--data", "tiny/data.yaml")
    assert looked.code == 3 and "faults to mend before training" in looked.err and "class 7" in looked.out
    label.write_text("0 0.5 0.5 0.4 0.4\n")
    common = ("data", "anchors", "--data", "tiny/data.yaml", "--imgsz", "96", "--force", "--json")
    found = result(run(*common, "--weights", "w.safetensors", "--out", "fitted.safetensors"))
    fitted = [pair for scale in load_checkpoint("fitted.safetensors")[0].anchors_px() for pair in scale]
    assert fitted == [pytest.approx(pair, abs=1e-3) for pair in found["new_anchors"]]
    assert load_checkpoint("fitted.safetensors")[1][-1]["stage"] == "anchors"
    assert run("export", "--weights", "fitted.safetensors", "--imgsz", "64", "--out", "b").code == 0
    biases = next(line for line in Path("b/detect.cfg").read_text().splitlines() if line.startswith("BIASES="))
    values = [float(value) for value in biases.removeprefix("BIASES=").split(",")]
    assert values == pytest.approx([side for pair in found["new_anchors"] for side in pair], abs=1e-3)
    found = result(run(*common, "--cfg", "yolov5n", "--out", "fitted.yaml"))
    written = yaml.safe_load((files / "fitted.yaml").read_text())
    assert [side for row in written["anchors"] for side in row] == [
        side for pair in found["new_anchors"] for side in pair
    ]
    counted = {**written, "anchors": 3, "width_multiple": 0.125}
    (files / "counted.yaml").write_text(yaml.safe_dump(counted))
    again = result(run(*common, "--cfg", "counted.yaml", "--out", "fitted2.yaml"))
    assert again["anchors"] == [] and again["new_anchors"] == found["new_anchors"]
    assert yaml.safe_load((files / "fitted2.yaml").read_text())["anchors"] == written["anchors"]
    ended = run("train", "--cfg", "counted.yaml", "--data", "tiny/data.yaml", *FAST)
    assert ended.code == 0 and "anchors by k-means" in ended.out + ended.err


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        pytest.param(("--weights", "w.safetensors", "--out", "w.safetensors"), 2, "the very file", id="the same file"),
        pytest.param(("--weights", "w.safetensors", "--out", "a.yaml"), 2, "ends in .safetensors", id="another kind"),
        pytest.param(
            (
                "--cfg",
                "yolov8n",
            ),
            4,
            "has no anchors to fit",
            id="a model without anchors",
        ),
    ],
)
def test_anchors_that_cannot_be_fitted(
    run: Run, files: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    answer = run("data", "anchors", "--data", "tiny/data.yaml", "--force", *arguments)
    assert answer.code == code and sentence in answer.err and "Traceback" not in answer.err
