"""A real OpenSSH server on the loopback address, for one unprivileged user with keys of their own."""

import contextlib
import os
import pwd
import resource
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

USER = f"ays-{os.getpid()}"
"""A name of this process alone, so that two runs of the tests do not meet."""
ALIAS = "loopback-board"
"""What the known_hosts file calls the server, whatever its port is."""


def need_sshd() -> str:
    """The server program. Without it a run of CI fails, and any other skips the test."""
    found = shutil.which("sshd", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))
    if found and shutil.which("ssh") and shutil.which("ssh-keygen"):
        return found
    message = "these tests need OpenSSH's client and server (Debian: openssh-client, openssh-server)"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@contextlib.contextmanager
def account(home: Path) -> Iterator[str]:
    """A user to log in as: as root a new one without rights and for the time of the tests, else ourselves."""
    if os.getuid() != 0:
        yield pwd.getpwuid(os.getuid()).pw_name
        return
    if not shutil.which("useradd"):
        pytest.skip("these tests run as root only where there is a useradd, for a user without rights")
    # A password that nobody can have, but no locked account, which sshd refuses.
    command = ["useradd", "--no-create-home", "--home-dir", home, "--shell", "/bin/bash", "--password", "*", USER]
    subprocess.run(command, check=True, capture_output=True)
    try:
        yield USER
    finally:
        subprocess.run(["userdel", "--force", USER], capture_output=True)


class Board:
    """The far side: a home folder, a server on a free port, and what an ssh client needs to reach it.

    `home` belongs to the user; `options` are the --ssh-option values, `host` is USER@HOST.
    """

    def __init__(self, folder: Path, sshd: str, user: str) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.user = user
        self.host = f"{user}@127.0.0.1"
        self._sshd = sshd
        self._servers: list[subprocess.Popen[bytes]] = []
        for name in ("host_key", "user_key", "other_key"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        (folder / "authorized_keys").write_bytes((folder / "user_key.pub").read_bytes())
        (folder / "authorized_keys").chmod(0o644)
        self._know("known_hosts", "host_key.pub")
        self._know("wrong_hosts", "other_key.pub")
        (folder / "no_hosts").write_text("")
        self.port = self.start()

    def _know(self, name: str, key: str) -> None:
        (self.folder / name).write_text(f"{ALIAS} {(self.folder / key).read_text()}")

    def start(self, largest_file: int | None = None) -> int:
        """Start one more server, whose sessions can write no file larger than that; returns its port."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings = [
            f"Port {port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {self.folder}/host_key",
            f"AuthorizedKeysFile {self.folder}/authorized_keys",
            "PidFile none",
            "UsePAM no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "StrictModes no",
            "PrintMotd no",
            f"SetEnv HOME={self.home} PATH={self.home}/bin:/usr/local/bin:/usr/bin:/bin",
            f"AllowUsers {self.user}",
            "KexAlgorithms curve25519-sha256",  # a third less work than by default
        ]
        config = self.folder / f"sshd_config.{port}"
        config.write_text("\n".join(settings) + "\n")
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)

        def limit() -> None:
            if largest_file is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

        with (self.folder / "sshd.log").open("ab") as log:
            command = [self._sshd, "-D", "-e", "-f", str(config)]
            self._servers.append(subprocess.Popen(command, stderr=log, stdin=subprocess.DEVNULL, preexec_fn=limit))
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return port
            time.sleep(0.05)
        pytest.fail(f"sshd does not start: {(self.folder / 'sshd.log').read_text()}")

    def stop(self) -> None:
        for server in self._servers:
            server.terminate()
            server.wait()

    def options(self, port: int | None = None, known: str = "known_hosts", key: str = "user_key") -> list[str]:
        """Arguments of push and doctor that lead to this board."""
        settings = {
            "Port": port or self.port,
            "IdentityFile": self.folder / key,
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "UserKnownHostsFile": self.folder / known,
            "GlobalKnownHostsFile": "/dev/null",
            "HostKeyAlias": ALIAS,
        }
        return [part for name, value in settings.items() for part in ("--ssh-option", f"{name}={value}")]

    def give(self) -> None:
        """Everything in the home folder belongs to the user."""
        if os.getuid() == 0:
            entry = pwd.getpwnam(self.user)
            for path in [self.home, *self.home.rglob("*")]:
                os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)


class Cutter:
    """Stands between client and server. The first connections end after so many bytes of the client."""

    def __init__(self, port: int, cuts: list[int]) -> None:
        self._target = port
        self._cuts = list(cuts)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.connections = 0
        self._ends: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """End all connections, and take no more."""
        self._server.close()
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                self.connections += 1
                left = self._cuts.pop(0) if self._cuts else 1 << 60
                server = socket.create_connection(("127.0.0.1", self._target))
                self._ends += [client, server]
                threading.Thread(target=self._pump, args=(client, server, left), daemon=True).start()
                threading.Thread(target=self._pump, args=(server, client, 1 << 60), daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, target: socket.socket, left: int) -> None:
        with contextlib.suppress(OSError):
            while left > 0 and (data := source.recv(min(1 << 16, left))):
                target.sendall(data)
                left -= len(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def new_folder() -> Path:
    """A folder that another user may enter, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="ays-loopback-"))
    folder.chmod(0o755)
    (folder / "home").mkdir()
    return folder
