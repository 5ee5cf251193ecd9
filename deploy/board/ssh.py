"""The system's ssh as push calls it, and what its failures mean."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence

from deploy.board.text import cleaned
from deploy.errors import EnvironmentFault, UsageError

# ssh takes the first value that it is given for a setting, so that neither the user's options nor their configuration
# weakens these: no password is ever asked for, host keys are checked, and the board gets none of our keys to use.
FIXED = (
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "ClearAllForwardings=yes",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=4",
)

REMOTE_COMMAND = (
    "exec sh -c 'command -v python3 >/dev/null 2>&1 || { echo ascend-yolo-slim: no python3 >&2; exit 5; }; "
    'exec python3 -I -c "import sys; exec(sys.stdin.buffer.readline())"\''
)
"""What the board's login shell, whichever it is, gets. No name, path or argument of ours is in it: the program and all
that it is to know come over its standard input."""


def command(host: str, options: Sequence[str]) -> list[str]:
    """The argument list for a connection. `host` is what ssh takes: [USER@]HOST, or a name in the user's ssh_config.

    Raises UsageError for a host or an option that ssh would take for something else, EnvironmentFault without ssh.
    """
    if not re.fullmatch(r"[^\s\x00-\x20\x7f-][^\s\x00-\x20\x7f]*", host):
        raise UsageError(f"the host {host!r}: expected USER@HOST or a name of your ssh configuration")
    for option in options:
        if not re.fullmatch(r"[A-Za-z0-9]+[= ][^\x00-\x1f\x7f]+", option):
            raise UsageError(f"--ssh-option {option!r}: expected KEY=VALUE as in ssh_config, such as Port=2222")
        key = re.split("[= ]", option, maxsplit=1)[0].lower()
        if key in {entry.split("=")[0].lower() for entry in FIXED}:
            raise UsageError(f"--ssh-option {option!r}: push sets {key} itself, and it cannot be changed")
    program = shutil.which("ssh")
    if program is None:
        raise EnvironmentFault("there is no ssh on PATH; install OpenSSH's client (Debian, Ubuntu: openssh-client)")
    settings = [argument for entry in (*FIXED, *options) for argument in ("-o", entry)]
    return [program, "-T", *settings, "--", host, REMOTE_COMMAND]


def diagnosis(host: str, words: str) -> str:
    """One sentence about a connection that did not come to be, from what ssh wrote to stderr."""
    for pattern, sentence in _MEANINGS:
        if re.search(pattern, words):
            return sentence.format(host=host)
    last = [line for line in (cleaned(entry) for entry in words.splitlines()) if line]
    return f"{host} cannot be reached: {last[-1] if last else 'ssh says nothing; try ssh -v ' + host}"


_MEANINGS = (
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "the host key of {host} has changed: the board was set up again, or another machine answers in its place; "
        "only if you know why, remove the old key with ssh-keygen -R and connect once by hand",
    ),
    (
        "Host key verification failed|host key is known for",
        "the host key of {host} is not known yet; connect once by hand with ssh {host}, compare the fingerprint with "
        "the board's own (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), and accept it",
    ),
    (
        r"Permission denied \(",
        "{host} rejects our key, and nothing here asks for a password; copy your key there once with "
        "ssh-copy-id {host}, or start your ssh-agent",
    ),
    (
        "Could not resolve hostname",
        "the host name in {host} is unknown; run `ip address` on the board to see its address",
    ),
    (
        "Connection refused",
        "{host} refuses the connection: no ssh server answers at that address and port; another port is "
        "--ssh-option Port=N",
    ),
    (
        "(timed out|No route to host|Network is unreachable)",
        "{host} does not answer; a 200DK on USB is 192.168.1.2, and the laptop's own end needs an address in that net",
    ),
    (
        "ascend-yolo-slim: no python3",
        "{host} has no python3 on the PATH of a login without a terminal; install Python 3.9 there",
    ),
)
