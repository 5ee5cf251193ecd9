"""The folder on the board, without a connection."""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.board.remote import store as store_module
from deploy.board.remote.environment import in_environment
from deploy.board.remote.store import Store
from deploy.board.remote.wire import Fault


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "pushed"


def listed(**files: bytes) -> list[list[Any]]:
    return [[path, hashlib.sha256(data).hexdigest(), len(data)] for path, data in sorted(files.items())]


def push(store: Store, **files: bytes) -> dict[str, Any]:
    plan = store.plan("release", listed(**files))
    names = sorted(files)
    for number, offset in plan["need"]:
        store.put(number, offset, [files[names[number]][offset:]])
    answer: dict[str, Any] = plan if plan["same"] else store.commit()
    return answer


def test_only_the_current_and_the_last_good_release_are_kept(root: Path) -> None:
    store = Store(str(root))
    releases = [push(store, a=bytes([i]), b=b"same")["release"] for i in range(4)]
    assert sorted(path.name for path in (root / "releases").iterdir()) == releases[2:]
    assert (store.current(), store.previous()) == (releases[3], releases[2])
    assert not list((root / "parts").iterdir())


def test_a_release_whose_run_failed_does_not_replace_the_last_good_one(root: Path) -> None:
    store = Store(str(root))
    good = push(store, a=b"0")["release"]
    for data in (b"1", b"2"):
        push(store, a=data)
        store.mark(store.current(), failed=True)
    assert store.previous() == good
    store.mark(store.current(), failed=False)
    repaired = store.current()
    push(store, a=b"3")
    assert store.previous() == repaired


@pytest.mark.parametrize(
    "path",
    ["../x", "/x", "a/../../x", "a//b", "", ".", "a\\b", "a\0b", 7, None],
    ids=repr,
)
def test_paths_that_lead_elsewhere(root: Path, path: Any) -> None:
    with pytest.raises(Fault, match="does not stay in its folder"):
        Store(str(root)).plan("release", [[path, "0" * 64, 1]])


@pytest.mark.parametrize("digest", ["0" * 63, "../" + "0" * 61, "G" * 64, "0" * 64 + "\n", None], ids=repr)
def test_hashes_that_are_none(root: Path, digest: Any) -> None:
    with pytest.raises(Fault, match="is no SHA-256"):
        Store(str(root)).plan("pictures", [["a", digest, 1]])


def test_a_link_in_place_of_a_file_is_not_followed(root: Path, tmp_path: Path) -> None:
    store = Store(str(root))
    push(store, a=b"good")
    other = tmp_path / "other"
    other.write_bytes(b"good")
    file = root / "current/a"
    file.unlink()
    file.symlink_to(other)
    assert store.plan("release", listed(a=b"good"))["same"] == ""
    store.put(0, 0, [b"good"])
    store.commit()
    assert not (root / "current/a").is_symlink() and other.read_bytes() == b"good"


def test_too_little_room_is_said_beforehand(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(str(root))
    monkeypatch.setattr(store_module, "free_bytes", lambda _: store_module.MARGIN + 10)
    with pytest.raises(Fault, match="disk is too full"):
        store.plan("release", listed(a=b"x" * 11))
    assert store.plan("release", listed(a=b"x" * 10))["missing"] == 10


def test_one_push_at_a_time(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "LOCK_SECONDS", 0.2)
    held = Store(str(root))
    Store(str(root) + "2")  # another folder is another matter
    with pytest.raises(Fault, match="another push"):
        Store(str(root))
    held._lock.close()
    Store(str(root))


def test_a_file_that_did_not_arrive_is_not_switched_to(root: Path) -> None:
    store = Store(str(root))
    store.plan("release", listed(a=b"1", b=b"2"))
    store.put(0, 0, [b"1"])
    with pytest.raises(Fault, match="did not arrive"):
        store.commit()
    assert store.current() == ""


@pytest.mark.parametrize("name", ["a b", "$(touch evil)", "it's; touch evil", "-n", "*"])
def test_names_are_no_shell_text(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "set_env.sh").write_text('[ -z "$1" ] || exit 3\nexport FOUND=yes\nset -- x\n_count=9\n')
    program = "import os, sys; print(os.environ['FOUND'], sys.argv[1:])"
    command = in_environment([str(folder / "set_env.sh")], [sys.executable, "-c", program, name, "", "b c"])
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout == f"yes {[name, '', 'b c']}\n", done.stderr
    assert not (tmp_path / "evil").exists()
