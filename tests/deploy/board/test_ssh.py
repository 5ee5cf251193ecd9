"""How ssh is called, and what its failures are taken for."""

import subprocess
import sys

import pytest

from deploy.board.ssh import REMOTE_COMMAND, command, diagnosis
from deploy.errors import EnvironmentFault, UsageError


def test_nothing_of_ours_is_in_the_remote_command_and_nothing_overrides_the_checks() -> None:
    arguments = command("me@board", ["Port=2222", "ProxyJump gate"])
    assert arguments[-3:] == ["--", "me@board", REMOTE_COMMAND]
    settings = arguments[3:-3:2]
    # ssh takes the first value of a setting, so the fixed ones must come first.
    assert settings[-2:] == ["Port=2222", "ProxyJump gate"]
    assert {"BatchMode=yes", "StrictHostKeyChecking=yes", "ForwardAgent=no"} <= set(settings)
    assert set(arguments[2:-3:2]) == {"-o"}


@pytest.mark.parametrize(
    "host",
    [
        pytest.param("-oProxyCommand=touch x", id="an option of ssh"),
        pytest.param("-F/tmp/x", id="a short option"),
        pytest.param("", id="nothing"),
        pytest.param("a b", id="a blank"),
        pytest.param("a\nb", id="a line feed"),
        pytest.param("a@b\x1b[0m", id="an escape"),
    ],
)
def test_hosts_that_are_none(host: str) -> None:
    with pytest.raises(UsageError, match="expected USER@HOST"):
        command(host, [])


@pytest.mark.parametrize("host", ["board", "me@board", "me@10.0.0.2", "ssh://me@board:2222", "me@[fe80::1%eth0]"])
def test_hosts(host: str) -> None:
    assert command(host, [])[-2] == host


def test_without_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EnvironmentFault, match="there is no ssh on PATH"):
        command("board", [])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param("@ REMOTE HOST IDENTIFICATION HAS CHANGED!\nHost key verification", "key of me@b has", id="new"),
        pytest.param("No ED25519 host key is known for b and you have", "compare the fingerprint", id="no key"),
        pytest.param("me@b: Permission denied (publickey,password).", "ssh-copy-id", id="no way in"),
        pytest.param("ssh: Could not resolve hostname b", "the host name in me@b is unknown", id="no such name"),
        pytest.param("ssh: connect to host b port 22: Connection timed out", "does not answer", id="no answer"),
        pytest.param("ascend-yolo-slim: no python3", "no python3 on the PATH", id="no Python"),
        pytest.param("banner\nsomething \x1b[31mnew\n", "cannot be reached: something new", id="words we do not know"),
        pytest.param("", "ssh says nothing", id="no words"),
    ],
)  # fmt: skip
def test_failures_say_what_to_do(words: str, sentence: str) -> None:
    assert sentence in diagnosis("me@b", words)


@pytest.mark.parametrize("shell", ["sh", "bash", "dash", "zsh", "csh", "fish"])
def test_login_shells_understand_the_remote_command(shell: str) -> None:
    try:
        done = subprocess.run([shell, "-c", REMOTE_COMMAND], input=b"print(6 * 7)\n", capture_output=True)
    except FileNotFoundError:
        pytest.skip(f"there is no {shell} here")
    assert (done.returncode, done.stdout) == (0, b"42\n"), (done.stderr, sys.executable)
