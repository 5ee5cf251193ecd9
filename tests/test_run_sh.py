"""run.sh itself: verbs, exit codes, which interpreter it takes, when it makes an environment."""

import itertools
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Stands for every python3.x: answers questions about its version, makes environments, remembers what it was called for.
FAKE_PYTHON = """#!/bin/bash
echo "$(basename "$0") $*" >>"$CALLS"
case "$*" in
  "-I -c import sys; print(sys.version_info >= "*)
    needs=$* && needs=${needs##*, }
    [ "${FAKE_MINOR:-12}" -ge "${needs%%)*}" ] && echo True || echo False
    ;;
  *"import StreamManagerApi"*) exit 1 ;;
  *"-m venv"*) mkdir -p "${!#}/bin" && cp "$0" "${!#}/bin/python" ;;
  *"-m pip install"*) [ -z "${FAIL_PIP:-}" ] || exit 1; [ -z "${SLOW_PIP:-}" ] || sleep "$SLOW_PIP" ;;
  *"show -q opencv-python-headless"*) [ "${HEADLESS:-}" ] ;;
  *"-c import cv2"*) [ -z "${NO_LIBGL:-}" ] || [[ $(<"$CALLS") = *"install -q opencv-python-headless"* ]] ;;
esac
"""


class Project:
    """A copy of run.sh and pyproject.toml in a folder with a blank, and stand-ins for all Pythons on PATH."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "my project"
        self.root.mkdir()
        for name in ("run.sh", "build.sh", "pyproject.toml"):
            shutil.copy(ROOT / name, self.root)
        (self.root / "compress").mkdir()
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name in ("bash", "cat", "cksum", "dirname", "basename", "mkdir", "cp", "mv", "rm"):
            found = shutil.which(name)
            assert found
            (self.bin / name).symlink_to(found)
        for name in ("python3.11", "python3.12", "python3"):
            (self.bin / name).write_text(FAKE_PYTHON)
            (self.bin / name).chmod(0o755)
        self.log = folder / "calls"
        self.stamp = self.root / ".venv/installed"

    def run(
        self, *arguments: str, script: str = "run.sh", folder: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        self.log.write_text("")
        process = self.start(*arguments, script=script, folder=folder, **variables)
        out, err = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def start(
        self, *arguments: str, script: str = "run.sh", folder: Path | None = None, **variables: str
    ) -> subprocess.Popen[str]:
        environment = {"PATH": str(self.bin), "CALLS": str(self.log), **variables}
        path = self.root / script
        command = [str(self.bin / "bash"), str(path.relative_to(folder) if folder else path), *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=folder or self.bin, env=environment, stdout=pipe, stderr=pipe, text=True)

    def calls(self, word: str) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if word in line]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.mark.parametrize(
    ("verb", "extras", "command"),
    [
        pytest.param("detect", "", "python {root}/deploy detect a b --conf 0.3", id="detect"),
        pytest.param("eval", "", "python {root}/deploy eval a b --conf 0.3", id="eval"),
        pytest.param("demo", "[compress]", "python -P {root}/compress demo a b --conf 0.3", id="demo"),
        pytest.param("compress", "[compress]", "python -P {root}/compress a b --conf 0.3", id="compress"),
        pytest.param(
            "test", "[compress,dev]", "python -P -m pytest tests -n auto --dist worksteal a b --conf 0.3", id="test"
        ),
    ],
)
def test_first_use_installs_what_the_verb_needs_and_later_uses_nothing(
    project: Project, verb: str, extras: str, command: str
) -> None:
    done = project.run(verb, "a", "b", "--conf", "0.3")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""  # stdout belongs to the command
    assert project.calls("pip install")[0].endswith(f"-e {project.root}{extras}")
    assert project.calls("-m venv")[0].startswith("python3.12 ")  # the newest there is
    assert "making an environment" in done.stderr
    again = project.run(verb, "a", "b", "--conf", "0.3")
    assert (again.returncode, again.stderr) == (0, "")
    assert project.log.read_text().splitlines()[-1] == command.format(root=project.root)
    assert not project.calls("pip") and not project.calls("venv")


def test_what_the_larger_set_installed_serves_the_smaller(project: Project) -> None:
    project.run("test")
    project.run("speed", "a", "b")
    assert not project.calls("pip")
    assert project.calls("deploy speed a b")


def test_the_larger_set_is_added_to_the_environment(project: Project) -> None:
    project.run("speed", "a", "b")
    project.run("demo")
    assert not project.calls("-m venv")
    assert project.calls("pip install")[0].endswith("[compress]")


@pytest.mark.parametrize("change", ["requirements", "folder", "interpreter gone"])
def test_an_outdated_environment_is_renewed(project: Project, change: str) -> None:
    project.run("speed", "a", "b")
    if change == "requirements":
        with (project.root / "pyproject.toml").open("a") as file:
            file.write("# changed\n")
    elif change == "folder":
        project.root = project.root.rename(project.root.with_name("moved"))
    else:
        (project.root / ".venv/bin/python").unlink()
    project.run("speed", "a", "b")
    assert project.calls("pip install")


@pytest.mark.skipif(not shutil.which("flock"), reason="there is no flock here, which keeps two installations apart")
@pytest.mark.parametrize(
    ("verbs", "installations"),
    [
        pytest.param(("demo", "demo"), 1, id="the second finds what it needs"),
        pytest.param(("demo", "speed"), 1, id="the second needs less"),
        pytest.param(("speed", "demo"), 2, id="the second needs more and adds to it"),
    ],
)
def test_two_calls_at_once_take_turns(project: Project, verbs: tuple[str, str], installations: int) -> None:
    for name in ("flock", "sleep"):
        (project.bin / name).symlink_to(str(shutil.which(name)))
    project.log.write_text("")
    first = project.start(verbs[0], SLOW_PIP="1")
    while "pip install" not in project.log.read_text():
        assert first.poll() is None
        time.sleep(0.01)
    second = project.start(verbs[1])
    said = second.communicate(timeout=30)[1]
    assert (first.wait(30), second.returncode) == (0, 0)
    assert "another call is installing; waiting for it" in said
    assert len(project.calls("-m venv")) == 1, "nobody clears what the other is filling"
    assert len(project.calls("pip install")) == installations
    first.communicate()


def test_an_interrupted_installation_is_redone(project: Project) -> None:
    failed = project.run("speed", "a", "b", FAIL_PIP="1")
    assert failed.returncode == 5
    assert failed.stderr.splitlines()[-1].startswith("error: the installation failed")
    assert not project.stamp.exists()
    project.run("speed", "a", "b")
    assert project.calls("-m venv --clear") and project.calls("pip install") and project.stamp.exists()


def test_an_environment_that_the_user_has_made_is_completed(project: Project) -> None:
    made = project.root / ".venv/bin"
    made.mkdir(parents=True)
    shutil.copy(project.bin / "python3.12", made / "python")
    assert project.run("compress", "val").returncode == 0
    assert project.calls("pip install") and not project.calls("-m venv") and project.stamp.exists()


def test_a_broken_environment_is_replaced(project: Project) -> None:
    project.run("speed", "a", "b")
    (project.root / ".venv/bin/python").write_text("#!/bin/bash\nexit 1\n")
    project.stamp.unlink()
    assert project.run("speed", "a", "b").returncode == 0
    assert project.calls("-m venv --clear")


def test_a_broken_upgrade_is_not_taken_for_what_was_there_before(project: Project) -> None:
    project.run("speed", "a", "b")
    assert project.run("demo", FAIL_PIP="1").returncode == 5
    project.run("speed", "a", "b")
    assert project.calls("pip install")


@pytest.mark.parametrize(
    ("variables", "swapped"),
    [
        pytest.param({}, False, id="cv2 imports"),
        pytest.param({"NO_LIBGL": "1"}, True, id="no libGL"),
        pytest.param({"HEADLESS": "1"}, True, id="pip has put the other build beside the headless one"),
    ],
)
def test_only_one_opencv(project: Project, variables: dict[str, str], swapped: bool) -> None:
    done = project.run("speed", "a", "b", **variables)
    assert done.returncode == 0, done.stderr
    changes = [call.split("pip-version-check ")[1] for call in project.calls(" opencv-python") if "show" not in call]
    expected = ["uninstall -q -y opencv-python opencv-python-headless", "install -q opencv-python-headless>=4.8"]
    assert changes == (expected if swapped else [])


@pytest.mark.parametrize(
    ("verb", "minor", "code"),
    [
        pytest.param("detect", "9", 0, id="3.9 is enough for the edge side"),
        pytest.param("detect", "8", 5, id="3.8 is not"),
        pytest.param("demo", "10", 5, id="the compressor wants 3.11"),
    ],
)
def test_python_versions(project: Project, verb: str, minor: str, code: int) -> None:
    for name in ("python3.11", "python3.12"):
        (project.bin / name).unlink()
    done = project.run(verb, "a", "b", FAKE_MINOR=minor)
    assert done.returncode == code, done.stderr
    if code:
        assert done.stderr.startswith("error: no Python 3.") and not (project.root / ".venv").exists()


def test_a_board_needs_no_environment(project: Project) -> None:
    (project.bin / "python3").write_text(FAKE_PYTHON.replace('*"import StreamManagerApi"*) exit 1', '"nothing") :'))
    assert project.run("detect", "a", "b").returncode == 0
    assert project.log.read_text().splitlines()[-1] == f"python3 {project.root}/deploy detect a b"
    assert not (project.root / ".venv").exists()
    project.run("detect", "a", "b", "--on", "host")
    assert project.calls("-m venv")


@pytest.mark.parametrize(
    ("verb", "acl", "own"),
    [
        pytest.param("detect", "True", True, id="CANN alone"),
        pytest.param("speed", "True", True, id="speed"),
        pytest.param("eval", "True", True, id="eval"),
        pytest.param("check", "True", True, id="check"),
        pytest.param("host", "True", True, id="scripts of the SDK"),
        pytest.param("detect", "False", False, id="acl without a chip"),
        pytest.param("detect", "", False, id="no acl, or no numpy, or no cv2"),
    ],
)
def test_a_board_with_cann_alone_needs_no_environment(project: Project, verb: str, acl: str, own: bool) -> None:
    answer = f'*"import acl, cv2, numpy"*) echo "{acl}" ;;\n  *"-m venv"*'
    (project.bin / "python3").write_text(FAKE_PYTHON.replace('*"-m venv"*', answer))
    assert project.run(verb, "a", "b").returncode == 0
    used = project.log.read_text().splitlines()[-1]
    assert used == f"{'python3' if own else 'python'} {project.root}/deploy {verb} a b"
    assert (project.root / ".venv").exists() != own


def test_the_interpreter_of_a_boards_image_is_found(project: Project, tmp_path: Path) -> None:
    """Where the shell has another python3 on its PATH."""
    conda = tmp_path / "miniconda3/bin"
    conda.mkdir(parents=True)
    (conda / "python3").write_text(
        FAKE_PYTHON.replace('*"-m venv"*', '*"import acl, cv2, numpy"*) echo True ;;\n *"-m v"*')
    )
    (conda / "python3").chmod(0o755)
    for verb in ("detect", "host"):
        done = project.run(verb, "a", "b", HOME=str(tmp_path))
        assert done.returncode == 0, done.stderr
        assert project.log.read_text().splitlines()[-1] == f"python3 {project.root}/deploy {verb} a b"
    assert not (project.root / ".venv").exists()


def test_a_pushed_copy_installs_nothing(project: Project) -> None:
    (project.root / "pyproject.toml").unlink()
    done = project.run("detect", "a", "b")
    assert done.returncode == 5 and "source the set_env.sh" in done.stderr
    assert not project.calls("-m venv")


@pytest.mark.parametrize(
    ("arguments", "installs"),
    [
        pytest.param(["doctor"], False, id="doctor needs Python alone"),
        pytest.param(["push", "a@b"], False, id="push needs Python alone"),
        pytest.param(["push", "a@b", "--run", "--help"], False, id="help"),
        pytest.param(["push", "a@b", "--run", "eval", "x"], True, id="a run is compared with the host engine's"),
    ],
)
def test_the_way_to_the_board_installs_only_what_compares(
    project: Project, arguments: list[str], installs: bool
) -> None:
    done = project.run(*arguments)
    assert done.returncode == 0, done.stderr
    assert project.log.read_text().splitlines()[-1].endswith(f"{project.root}/deploy {' '.join(arguments)}")
    assert bool(project.calls("pip install")) == installs


@pytest.mark.parametrize("words", [["detect"], ["compress"], ["compress", "prune"], ["build"]], ids=" ".join)
def test_help_of_a_verb_installs_nothing(project: Project, words: list[str]) -> None:
    assert project.run(*words, "--help").returncode == 0
    assert project.log.read_text().splitlines()[-1].endswith(" --help")
    assert not (project.root / ".venv").exists()


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help(project: Project, option: str) -> None:
    done = project.run(option)
    assert done.returncode == 0 and done.stdout.startswith("usage: bash run.sh") and "AYS_PYTHON" in done.stdout


@pytest.mark.parametrize("arguments", [[], ["detekt"], ["--json"]])
def test_an_unknown_verb_is_wrong_usage(project: Project, arguments: list[str]) -> None:
    done = project.run(*arguments)
    assert done.returncode == 2 and "usage: bash run.sh" in done.stderr and done.stdout == ""


@pytest.mark.parametrize("script", ["run.sh", "build.sh"])
@pytest.mark.parametrize("python", ["/gone/python", "/bin/true", "/bin/echo", "/bin/cat", "/"])
def test_a_wrong_ays_python_is_a_sentence(project: Project, script: str, python: str) -> None:
    done = project.run("detect", "a", "b", script=script, AYS_PYTHON=python)
    assert done.returncode == 5 and done.stderr == f"error: AYS_PYTHON={python} is no Python 3.9 or newer\n"


def test_a_relative_ays_python_is_that_of_the_current_folder(project: Project) -> None:
    assert project.run("test", "x", AYS_PYTHON="./python3").returncode == 0
    assert project.log.read_text().splitlines()[-1] == "python3 -P -m pytest tests -n auto --dist worksteal x"


def test_build_sh_is_the_verb_build(project: Project) -> None:
    for script, words in (("run.sh", ["build"]), ("build.sh", [])):
        assert project.run(*words, "a bundle", "--json", script=script).returncode == 0
        assert project.log.read_text().splitlines()[-1] == f"python3.12 {project.root}/deploy/atc a bundle --json"


@pytest.mark.parametrize("script", ["run.sh", "build.sh"])
def test_an_exported_cdpath_leads_nowhere_else(project: Project, script: str, tmp_path: Path) -> None:
    decoy = tmp_path / "decoy" / project.root.name
    decoy.mkdir(parents=True)
    done = project.run("doctor", script=script, folder=project.root.parent, CDPATH=str(decoy.parent))
    assert done.returncode == 0, done.stderr
    assert f"{project.root}/deploy" in project.log.read_text().splitlines()[-1]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("two  blanks", id="blanks"),
        pytest.param('it\'s "his" $HOME `x` \\', id="quotes"),
        pytest.param("line\nend\n", id="line ends"),
        pytest.param("-n", id="a dash"),
        pytest.param("[x]*?", id="a pattern"),
    ],
)
def test_the_projects_folder_may_have_any_name(project: Project, name: str) -> None:
    project.root = project.root.rename(project.root.with_name(name))
    for _ in range(2):
        done = project.run("compress", "val")
        assert done.returncode == 0, done.stderr
    assert done.stderr == "", "the second call installs nothing"
    assert f"python -P {project.root}/compress val\n" in project.log.read_text()


def test_a_folder_that_is_gone_is_a_sentence(project: Project, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    command = f"cd '{gone}' && rmdir '{gone}' && exec bash '{project.root}/run.sh' doctor"
    done = subprocess.run(
        ["bash", "-c", command], env={"PATH": str(project.bin) + ":/usr/bin:/bin", "CALLS": str(project.log)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 5
    assert done.stderr.splitlines()[-1] == "error: the current folder is gone; change to one that exists"


SHOW_CHANNELS = """#!/bin/bash
case "$*" in *version_info*) echo True; exit ;; esac
found=
for number in 0 1 2; do
  if [ ! -e /dev/fd/$number ]; then found+=" closed"
  elif [ /dev/fd/$number -ef /dev/null ]; then found+=" null"
  elif [ -p /dev/fd/$number ]; then found+=" kept"
  else found+=" file"; fi
done
echo "$found" >"$CALLS"
"""


@pytest.mark.parametrize("closed", [c for n in (1, 2, 3) for c in itertools.combinations(range(3), n)], ids=str)
@pytest.mark.parametrize("script", ["run.sh", "build.sh"])
def test_a_closed_channel_is_never_a_file(project: Project, script: str, closed: tuple[int, ...]) -> None:
    (project.bin / "shows").write_text(SHOW_CHANNELS)
    (project.bin / "shows").chmod(0o755)
    shut = " ".join(f"{number}{'>' if number else '<'}&-" for number in closed)
    command = f"exec bash '{project.root / script}' doctor {shut}"
    environment = {"PATH": "/usr/bin:/bin", "CALLS": str(project.log), "AYS_PYTHON": str(project.bin / "shows")}
    pipe = subprocess.PIPE
    done = subprocess.run(["bash", "-c", command], env=environment, stdin=pipe, stdout=pipe, stderr=pipe)
    assert done.returncode == 0
    assert project.log.read_text().split() == ["null" if number in closed else "kept" for number in range(3)]


@pytest.mark.parametrize(
    "words", [["deploy", "check"], ["deploy/atc"], ["compress", "data", "check", "--data"]], ids=" ".join
)
def test_messages_do_not_go_to_stdout_where_stderr_is_closed(words: list[str], tmp_path: Path) -> None:
    program, *verb = words
    command = ' "$@" 2>&-'
    done = subprocess.run(
        ["bash", "-c", command, "bash", sys.executable, str(ROOT / program), *verb, "gone"],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode in (3, 4) and done.stdout.count("\n") <= 1 and not done.stdout.startswith("error")


def test_ci_runs_exactly_the_tests() -> None:
    script = (ROOT / ".ci/run").read_text()
    assert script.splitlines()[-1] == "bash run.sh test"
    assert os.access(ROOT / ".ci/run", os.X_OK)
