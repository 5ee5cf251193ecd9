"""build.sh from end to end: with a stand-in of ATC that checks its arguments, and with ones that go wrong."""

import hashlib
import json
import shlex
import subprocess
from pathlib import Path

import pytest

from deploy.bundle import open_bundle
from tests import schemas
from tests.deploy.atc.conftest import Workshop

SUCCESS = "echo 'ATC run success, welcome to the next use.'"
HOSTILE = "$(touch ran);`touch ran`"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("soc", ["Ascend310", "Ascend310P3", "Ascend310B4"])
def test_a_bundle_becomes_an_om(workshop: Workshop, soc: str) -> None:
    workshop.atc()
    done = workshop.build_sh("--soc", soc)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{workshop.om}\n"
    assert workshop.om.read_text() == f"stand-in for {soc}"
    assert workshop.om.stat().st_mode & 0o777 == 0o640  # the SDK refuses more
    assert not (workshop.bundle / "fusion_result.json").exists() and not (workshop.bundle / "kernel_meta").exists()
    described = workshop.description()
    assert f"--soc_version={soc}" in described["atc"]
    assert shlex.join(described["atc"]) in done.stderr
    log = workshop.bundle / "atc.log"
    assert "ATC run success" in log.read_text() and "ATC run success" in done.stderr
    for name in ("model.om", "atc.log", "atc.sh"):
        assert described["files"][name] == sha256(workshop.bundle / name)
    stage = described["history"][-1]
    assert stage["settings"] == {"soc": soc, "cann": "5.0.4", "source": None}
    assert stage["command"] == described["atc"]
    assert (stage["sha256"], stage["om_sha256"]) == (sha256(workshop.bundle / "model.onnx"), sha256(workshop.om))
    assert open_bundle(workshop.bundle).notes == []
    assert "did not belong to this model" not in done.stderr
    schemas.validate(described, "bundle")


ACL = "mdl = rt = True\ndef get_soc_name(): return 'Ascend310B1'\n"


@pytest.mark.parametrize(
    ("module", "arguments", "soc", "words"),
    [
        pytest.param(ACL, ("--soc", "auto"), "Ascend310B1", "", id="the chip's own word"),
        pytest.param(ACL, ("--soc", "Ascend310B4"), "Ascend310B4", "this machine's chip is Ascend310B1", id="another"),
        pytest.param("", ("--soc", "auto"), "", "this machine's chip is not known: ", id="no chip here"),
    ],
)
def test_the_chip_of_this_machine(
    workshop: Workshop, module: str, arguments: tuple[str, ...], soc: str, words: str
) -> None:
    """310B1 and 310B4 are taken for one another; their OMs are not interchangeable."""
    workshop.atc()
    (workshop.folder / "modules").mkdir()
    (workshop.folder / "modules/acl.py").write_text(module)
    workshop.variables["PYTHONPATH"] = str(workshop.folder / "modules")
    done = workshop.build_sh(*arguments)
    assert done.returncode == (0 if soc else 5) and words in done.stderr
    assert not soc or f"--soc_version={soc}" in workshop.description()["atc"]


def test_a_board_with_little_memory_compiles_one_operator_at_a_time(workshop: Workshop) -> None:
    workshop.atc('echo "parallel=$TE_PARALLEL_COMPILER"', "echo om >model.om", SUCCESS)
    (workshop.folder / "modules").mkdir()
    small = "import os\nold = os.sysconf\nos.sysconf = lambda name: 2**20 if name == 'SC_PHYS_PAGES' else old(name)\n"
    (workshop.folder / "modules/sitecustomize.py").write_text(small)
    workshop.variables["PYTHONPATH"] = str(workshop.folder / "modules")
    done = workshop.build_sh()
    assert done.returncode == 0 and "parallel=1" in done.stderr and "little memory" in done.stderr


def test_a_second_build_replaces_the_first(workshop: Workshop) -> None:
    workshop.atc()
    assert workshop.build().returncode == 0
    workshop.om.chmod(0o644)
    workshop.om.write_text("spoilt")
    done = workshop.build("--soc", "Ascend310P3", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["soc"] == "Ascend310P3" and result["sha256"] == sha256(workshop.om)
    described = workshop.description()
    assert result["command"] == described["atc"]
    assert [stage["settings"]["soc"] for stage in described["history"]] == ["Ascend310P3"]
    assert open_bundle(workshop.bundle).notes == []
    assert workshop.build().returncode == 0  # the chip stays the one of the bundle
    assert "--soc_version=Ascend310P3" in workshop.description()["atc"]


def test_without_atc_all_else_is_written(workshop: Workshop) -> None:
    done = workshop.build("--soc", "Ascend310B4", "--source", "video-narrow")
    assert done.returncode == 5 and done.stdout == ""
    sentence = done.stderr.splitlines()[-1]
    assert "no atc on PATH" in sentence and "set_env.sh" in sentence
    assert str(workshop.bundle / "atc.sh") in sentence and "bundle.json" in sentence
    assert "--soc_version=Ascend310B4" in workshop.description()["atc"]
    assert "matrix_r0c0: 298" in (workshop.bundle / "aipp.cfg").read_text()
    assert open_bundle(workshop.bundle).notes == []


def test_the_script_runs_where_only_atc_is(workshop: Workshop) -> None:
    assert workshop.build().returncode == 5
    workshop.atc()
    command = ["/bin/sh", str(workshop.bundle / "atc.sh")]
    path = {"PATH": f"{workshop.folder / 'bin'}:/usr/bin:/bin"}
    done = subprocess.run(command, cwd=workshop.folder, env=path, capture_output=True, text=True)
    assert "ATC run success" in done.stdout, done.stdout + done.stderr
    assert workshop.om.is_file()


def test_an_edited_aipp_file_is_used_and_kept(workshop: Workshop) -> None:
    aipp = workshop.bundle / "aipp.cfg"
    edited = aipp.read_text() + "# mine\n"
    aipp.write_text(edited)
    workshop.atc()
    done = workshop.build()
    assert done.returncode == 0 and "aipp.cfg was edited" in done.stderr
    assert aipp.read_text() == edited
    assert workshop.description()["history"][-1]["aipp_sha256"] == sha256(aipp)
    assert workshop.build("--source", "jpeg").returncode == 0
    assert aipp.read_text() != edited and (workshop.bundle / "aipp.cfg.prev").read_text() == edited
    aipp.write_text("# mine too\n")
    assert workshop.build("--source", "jpeg").returncode == 0
    assert [(workshop.bundle / f"aipp.cfg.prev{n}").read_text() for n in ("", "2")] == [edited, "# mine too\n"]


def test_the_models_own_names_win(workshop: Workshop) -> None:
    """A description whose names are wrong, the pain of every hand-written command, is put right."""
    described = workshop.description()
    right = described["atc"]
    outputs = [{**output, "node": "Transpose_260"} for output in described["outputs"]]
    wrong = ["--out_nodes=Transpose_260:0;Transpose_520:0" if a.startswith("--out_nodes") else a for a in right]
    workshop.describe(outputs=outputs, atc=wrong)
    workshop.atc()
    done = workshop.build()
    assert done.returncode == 0 and "did not belong to this model" in done.stderr
    assert workshop.description()["outputs"] == described["outputs"]
    assert right[-2] in workshop.description()["atc"]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["rm", "-rf", "x"], id="another program"),
        pytest.param(["atc", f"--model=model.onnx{HOSTILE}"], id="shell text"),
        pytest.param(["atc", "--output=/tmp/x", "--model=../m.onnx"], id="files elsewhere"),
    ],
)
def test_nothing_of_a_recorded_command_runs(workshop: Workshop, command: list[str]) -> None:
    workshop.describe(atc=command)
    workshop.atc()
    done = workshop.build()
    assert done.returncode == 0, done.stderr
    assert not (workshop.bundle / "ran").exists() and not (workshop.folder / "ran").exists()
    assert HOSTILE not in " ".join(workshop.description()["atc"])


def test_a_hostile_chip_in_the_bundle(workshop: Workshop) -> None:
    workshop.describe(atc=["atc", f"--soc_version=Ascend310{HOSTILE}"])
    workshop.atc()
    done = workshop.build_sh()
    assert done.returncode == 2 and "expected the name of a chip" in done.stderr


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        pytest.param(
            ["echo om >model.om", "echo 'E10016: no such node.'"],
            "E10016: no such node. What to do: a name in",
            id="no success text",
        ),
        pytest.param([SUCCESS], "is not there", id="no file"),
        pytest.param([": >model.om", SUCCESS], "is empty", id="an empty file"),
        pytest.param(
            ["echo om >model.om", "kill -SEGV $$"], "ATC crashed (signal 11, SIGSEGV) without a word", id="a crash"
        ),
        pytest.param(
            ["echo om >model.om", SUCCESS, "exit 3"], "it ended with exit code 3", id="a success that is none"
        ),
        pytest.param(["exit 1"], "it says nothing. What to do: read the plog", id="silence"),
        pytest.param(["echo om >model.om", "echo first", "echo last"], "ATC failed: last", id="no code"),
    ],
)
@pytest.mark.parametrize("old", [False, True], ids=["no OM before", "an OM before"])
def test_a_failure_says_why_and_leaves_the_om(workshop: Workshop, lines: list[str], sentence: str, old: bool) -> None:
    if old:
        workshop.om.write_text("old")
    workshop.atc(*lines)
    done = workshop.build()
    assert done.returncode == 1
    assert sentence in done.stderr.splitlines()[-1]
    assert str(workshop.bundle / "atc.failed.log") in done.stderr
    assert workshop.om.exists() == old and (not old or workshop.om.read_text() == "old")
    assert not list(workshop.bundle.glob(".*"))
    assert open_bundle(workshop.bundle).notes == []
    workshop.atc()
    assert workshop.build().returncode == 0
    assert not (workshop.bundle / "atc.failed.log").exists()


def test_a_chip_that_atc_does_not_know(workshop: Workshop) -> None:
    workshop.atc()
    done = workshop.build("--soc", "Ascend999")
    assert done.returncode == 1 and "E10001" in done.stderr and "npu-smi info" in done.stderr


def test_an_aipp_file_for_another_size(workshop: Workshop) -> None:
    aipp = workshop.bundle / "aipp.cfg"
    aipp.write_text(aipp.read_text().replace("src_image_size_w: 128", "src_image_size_w: 256"))
    workshop.atc()
    done = workshop.build()
    assert done.returncode == 1 and "E10052" in done.stderr and "--source" in done.stderr


@pytest.mark.parametrize("name", ["model.onnx", "eval.cfg"])
def test_a_bundle_that_is_not_whole(workshop: Workshop, name: str) -> None:
    workshop.atc()
    (workshop.bundle / name).unlink()
    done = workshop.build()
    assert done.returncode == 4 and f"{name} is missing" in done.stderr
    assert not workshop.om.exists()


def test_a_changed_model_is_not_converted(workshop: Workshop) -> None:
    workshop.atc()
    with (workshop.bundle / "model.onnx").open("ab") as file:
        file.write(b"\0")
    done = workshop.build()
    assert done.returncode == 4 and "not the model that was exported" in done.stderr
    assert not workshop.om.exists()


def rebuild_model(workshop: Workshop, change) -> None:
    """Change model.onnx as an honest exporter would: the hash in bundle.json is the new file's."""
    import onnx

    file = workshop.bundle / "model.onnx"
    model = onnx.load(file)
    change(model)
    onnx.save(model, file)
    workshop.describe(files={**workshop.description()["files"], "model.onnx": sha256(file)})


def test_an_opset_too_new_for_the_cann(workshop: Workshop) -> None:
    def raise_opset(model) -> None:
        model.opset_import[0].version = 13

    rebuild_model(workshop, raise_opset)
    workshop.atc()
    done = workshop.build()
    assert done.returncode == 4 and "has opset 13; CANN 5.0.4 converts up to 11" in done.stderr
    done = workshop.build("--cann", "8.1.RC1")  # the stand-in still is a CANN 5
    assert done.returncode == 1 and "E19010" in done.stderr and "export with opset 11" in done.stderr
    workshop.variables["STAND_IN_OPSET"] = "13"
    assert workshop.build("--cann", "8.1.RC1").returncode == 0


def test_a_second_domain_is_told_of(workshop: Workshop) -> None:
    def add_domain(model) -> None:
        model.opset_import.add(domain="ai.onnx.ml", version=2)

    rebuild_model(workshop, add_domain)
    workshop.atc("echo 'E16005: The model has [2] [--domain_version] fields, but only one is allowed.'", "exit 1")
    done = workshop.build()
    assert done.returncode == 1
    note, sentence = (next(line for line in done.stderr.splitlines() if text in line) for text in ("note: ", "error: "))
    assert "has 2 entries in opset_import ('', 'ai.onnx.ml')" in note
    assert "ATC takes one: `bash run.sh compress lint` --fix removes" in sentence


def test_nodes_without_names(workshop: Workshop) -> None:
    def forget(model) -> None:
        for node in model.graph.node:
            node.name = ""

    rebuild_model(workshop, forget)
    workshop.atc()
    done = workshop.build()
    assert done.returncode == 0, done.stderr
    assert "--out_nodes=out8;out16;out32" in workshop.description()["atc"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(["--soc", "a b"], "expected the name of a chip", id="no chip"),
        pytest.param(["--soc", "310P3"], "did you mean 'Ascend310P3'?", id="a chip cut short"),
        pytest.param(["--soc", "--model=x"], "expected one argument", id="an option for a chip"),
        pytest.param(["--cann", "4.9"], "from 5.0 on", id="too old a CANN"),
        pytest.param(["--cann", "x"], "expected a version of CANN", id="no version"),
        pytest.param(["--source", "png"], "invalid choice", id="no source"),
        pytest.param(["--what"], "unrecognized", id="no option"),
    ],
)
def test_wrong_arguments(workshop: Workshop, arguments: list[str], sentence: str) -> None:
    workshop.atc()
    done = workshop.build(*arguments)
    assert done.returncode == 2 and sentence in done.stderr
    assert not workshop.om.exists()
