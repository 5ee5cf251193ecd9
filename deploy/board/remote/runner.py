"""One run of the current release on the board: its surroundings, its words as they come, its results."""

import os
import selectors
import shutil
import signal
import subprocess
import time

from deploy.board.remote.environment import in_environment
from deploy.board.remote.files import checked_hash, checked_path, sha256
from deploy.board.remote.wire import CHUNK, Fault

LONGEST_LINE = 4000
LONGEST_ANSWER = 16 << 20
GRACE_SECONDS = 10
ENVIRONMENT_CODE, RUN_TIME_CODE, MODEL_CODE = 5, 1, 4


def run(store, wire, request):
    """Run `bash run.sh VERB ... --model <release>/bundle --on ON --json` in a fresh folder of links to images.

    `request` has `verb`, `arguments`, `view` ([path, sha256] of each file of that folder), `env` (files to source),
    `python`, `pipeline` (a file of the bundle, or "") and `on`, "board" or "acl". The program ends with the connection.
    Returns its exit code, what it wrote to stdout, and its wall time in seconds.
    """
    release = store.current()
    if not release:
        raise Fault("environment", "nothing has been pushed to %s on the board yet" % store.root)
    real = store.path("releases", release)
    folder = _folder(store, request["view"])
    bundle = os.path.join(real, "bundle")
    command = ["bash", os.path.join(real, "run.sh"), request["verb"]] + [str(entry) for entry in request["arguments"]]
    command += ["--model", bundle, "--on", "acl" if request.get("on") == "acl" else "board", "--json"]
    if request["pipeline"]:
        command += ["--pipeline", os.path.join(bundle, checked_path(request["pipeline"]))]
    # Named, the interpreter is taken as it is: run.sh then installs nothing on a board.
    environment = dict(os.environ, AYS_PYTHON=os.path.expanduser(request["python"] or "python3"), PYTHONUNBUFFERED="1")
    start = time.monotonic()
    process = subprocess.Popen(
        in_environment(request["env"], command),
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        answer = _attend(process, wire)
        code = process.wait()
    finally:
        _end(process)
    if code < 0:
        code = 128 - code
    failed = code in (RUN_TIME_CODE, MODEL_CODE, ENVIRONMENT_CODE) or code > 128
    store.mark(release, failed and not _scored_later(folder, request["verb"], code))
    seconds = time.monotonic() - start
    return {"code": code, "stdout": answer.decode("utf-8", "replace"), "release": release, "seconds": seconds}


def _scored_later(folder, verb, code):
    """Whether an eval did all that it can do without numpy: the detections are there, and the laptop scores them."""
    place = os.path.join(folder, "txt_result")
    return verb == "eval" and code == ENVIRONMENT_CODE and os.path.isdir(place) and bool(os.listdir(place))


def fetch(store, wire, folder):
    """Send the regular files of a result folder but for hidden ones, each with its hash, and drop the run's folder."""
    place = store.path("runs", "now", checked_path(folder))
    count = 0
    for name in sorted(os.listdir(place)) if os.path.isdir(place) else []:
        path = os.path.join(place, name)
        if name.startswith(".") or os.path.islink(path) or not os.path.isfile(path):
            continue
        size, digest = os.path.getsize(path), sha256(path)
        with wire.alone, open(path, "rb") as stream:
            wire.send(event="file", name=name, size=size, sha256=digest)
            while size > 0:
                block = stream.read(min(size, CHUNK))
                if not block:
                    raise EOFError  # it became shorter, and as many bytes as were announced cannot be sent
                wire.write(block)
                size -= len(block)
        count += 1
    shutil.rmtree(store.path("runs", "now"), ignore_errors=True)
    return {"files": count}


def _folder(store, view):
    """The run's folder with the images, annotations and sets under the names that the verb looks for."""
    folder = store.path("runs", "now")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, mode=0o750)
    for path, digest in view:
        link = os.path.join(folder, checked_path(path))
        os.makedirs(os.path.dirname(link), mode=0o750, exist_ok=True)
        os.symlink(store.path("pictures", checked_hash(digest)), link)
    return folder


def _attend(process, wire):
    """Pass on the lines of stderr, gather stdout, and watch whether the laptop is still there."""
    answer, rest = b"", b""
    with selectors.DefaultSelector() as watch:
        watch.register(process.stdout, selectors.EVENT_READ)
        watch.register(process.stderr, selectors.EVENT_READ)
        watch.register(wire.source, selectors.EVENT_READ)
        while len(watch.get_map()) > 1:
            for key, _ in watch.select():
                data = os.read(key.fd, CHUNK)
                if key.fileobj is wire.source:
                    raise EOFError  # nobody speaks during a run, so it is the end
                if not data:
                    watch.unregister(key.fileobj)
                elif key.fileobj is process.stdout:
                    answer = (answer + data)[:LONGEST_ANSWER]
                else:
                    rest = _pass_on(rest + data, wire)
    if rest:
        wire.send(event="line", text=rest.decode("utf-8", "replace"))
    return answer


def _pass_on(data, wire):
    lines = data.replace(b"\r", b"\n").split(b"\n")
    for line in lines[:-1]:
        if line.strip():
            wire.send(event="line", text=line[:LONGEST_LINE].decode("utf-8", "replace"))
    return lines[-1][-LONGEST_LINE:]


def _end(process):
    """Nothing of the run outlives it: the SDK would hold the chip."""
    for number, seconds in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, None)):
        try:
            os.killpg(process.pid, number)
        except OSError:
            break
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        if number == signal.SIGTERM:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except OSError:
                pass
        break
    process.stdout.close()
    process.stderr.close()
