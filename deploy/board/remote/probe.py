"""What there is on this machine: chip, driver, CANN, SDK, Python, disk, clock. It collects; the laptop judges.

Places and file names are those of Huawei's packages: set_env.sh in the folder of each, the version of a toolkit in
<arch>-linux/ascend_toolkit_install.info, that of the SDK in the first line of version.info.
"""

import getpass
import glob
import json
import os
import platform
import shutil
import subprocess
import sys
import time

from deploy.board.remote.environment import in_environment

LONGEST_TEXT = 8000
TOOLKITS = ("ascend-toolkit", "nnrt", "cann", "nnae")
TOOLKIT_FOLDERS = ("~/Ascend", "/usr/local/Ascend")
SDK_PLACES = (
    "~/MindX_SDK/mxVision*",
    "~/mxVision*",
    "~/Ascend/mxVision*",
    "~/*/mxVision*",
    "/usr/local/Ascend/mxVision*",
    "/usr/local/MindX_SDK/mxVision*",
    "/usr/local/mxVision*",
)
SMI_PLACES = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/usr/local/Ascend/driver/tools")
# The interpreters that images of boards come with: Orange Pi's and the 200I DK A2's in miniconda, which is not on the
# PATH of a shell without a login, and the system's.
PYTHONS = ("python3", "/usr/local/miniconda3/bin/python3", "~/miniconda3/bin/python3", "/usr/bin/python3")
TOOLKIT_INFOS = (
    "*-linux/ascend_*_install.info",
    "latest/*-linux/ascend_*_install.info",
    "latest/*/ascend_*_install.info",
    "ascend_*_install.info",
    "latest/version.cfg",
    "version.cfg",
)
DRIVER_FILES = ("/usr/local/Ascend/driver/version.info", "/var/davinci/driver/version.info")

# Runs in the very environment and interpreter that the detector will have, less the current folder.
ASK_PYTHON = """
import sys
sys.path[:] = filter(None, sys.path)
import importlib, json, os, shutil
answer = {"version": list(sys.version_info[:3]), "executable": sys.executable}
answer["venv"] = sys.prefix != sys.base_prefix
answer["atc"] = shutil.which("atc") or ""
for name in ("StreamManagerApi", "numpy", "cv2", "acl"):
    try:
        module = importlib.import_module(name)
        answer[name] = ""
        if name == "numpy":
            answer["numpy_version"] = module.__version__
        if name == "acl":
            if hasattr(module, "mdl"):
                answer["soc"] = module.get_soc_name() or ""
            else:
                answer[name] = "the module acl from %s is not CANN's" % getattr(module, "__file__", "somewhere")
    except BaseException as fault:
        answer[name] = "%s: %s" % (type(fault).__name__, fault)
answer["home"] = os.environ.get("MX_SDK_HOME", "")
sys.stdout.write("\\nfacts=" + json.dumps(answer) + "\\n")
sys.stdout.flush()
os._exit(0)  # some SDKs crash while they unload
"""


def collect(env, python, root):
    """The facts as plain values. `env` names the files to source instead of those that are found, `python` the
    interpreter instead of python3, `root` the folder whose disk counts."""
    toolkits, kits = find_toolkits(), find_sdks()
    files = chosen_env(env, toolkits, kits)
    return {
        "user": _quietly(getpass.getuser) or "",
        "machine": platform.machine(),
        "time": time.time(),
        "probe_python": list(sys.version_info[:3]),
        "npu_smi": npu_smi(),
        "model": board_model(),
        "devices": [[path, os.access(path, os.R_OK | os.W_OK)] for path in sorted(glob.glob("/dev/davinci*"))],
        "driver": _version(DRIVER_FILES),
        "toolkits": toolkits,
        "sdks": kits,
        "env": files,
        "told": env is not None,
        "missing_env": [path for path in files if not os.path.isfile(os.path.expanduser(path))],
        "run": _ask_pythons(files, python),
        "disk": _disk(root),
    }


def chosen_env(env, toolkits, kits):
    """The files to source: those that were named, else the first toolkit's and then the first SDK's."""
    if env is not None:
        return list(env)
    return [found[0]["set_env"] for found in (toolkits, kits) if found]


def find_toolkits():
    folders = [os.environ.get("ASCEND_TOOLKIT_HOME", "")]
    for name in TOOLKITS:
        for above in TOOLKIT_FOLDERS:
            folders.append(os.path.join(os.path.expanduser(above), name))
    for above in TOOLKIT_FOLDERS:
        folders += sorted(glob.glob(os.path.join(os.path.expanduser(above), "cann-*")), reverse=True)
    return _with_set_env(folders, _infos)


def find_sdks():
    folders = [os.environ.get("MX_SDK_HOME", "")]
    for place in SDK_PLACES:
        folders += sorted(glob.glob(os.path.expanduser(place)), reverse=True)
    return _with_set_env(folders, lambda folder: [os.path.join(folder, "version.info")])


def versions_in_use():
    """(CANN's, the SDK's) of what this process's environment was set up for, "" where nothing tells it."""
    home = os.environ.get("ASCEND_TOOLKIT_HOME") or os.environ.get("ASCEND_HOME_PATH") or ""
    cann = _version(_infos(home)) if home else ""
    toolkits = [] if cann else find_toolkits()
    sdk = os.environ.get("MX_SDK_HOME", "")
    return cann or (toolkits[0]["version"] if toolkits else ""), _version(
        [os.path.join(sdk, "version.info")]
    ) if sdk else ""


def _infos(folder):
    """The files in which a toolkit says its version, in the layouts of all its packages."""
    return [path for pattern in TOOLKIT_INFOS for path in sorted(glob.glob(os.path.join(folder, pattern)))]


def _with_set_env(folders, infos):
    found = []  # type: list
    for folder in folders:
        set_env = os.path.join(folder, "set_env.sh")
        if folder and os.path.isfile(set_env) and all(os.path.realpath(folder) != entry["real"] for entry in found):
            beside = sorted(name for name in os.listdir(folder) if name[:1].isdigit())
            entry = {"set_env": set_env, "version": _version(infos(folder)), "beside": beside[:20]}
            found.append(dict(entry, real=os.path.realpath(folder)))
    return found[:20]


def _version(files):
    """The value behind version= (any capitals), else the first line."""
    for path in files:
        try:
            with open(path, "rb") as stream:
                lines = stream.read(LONGEST_TEXT).decode("utf-8", "replace").splitlines()
        except OSError:
            continue
        for line in lines:
            key, sign, value = line.partition("=")
            if sign and key.strip().lower() in ("version", "runtime_running_version", "toolkit_running_version"):
                return value.strip().strip("[]\"'")
        if lines and lines[0].strip():
            return lines[0].strip()
    return ""


def npu_smi():
    program = shutil.which("npu-smi") or shutil.which("npu-smi", path=os.pathsep.join(SMI_PLACES))
    if not program:
        return {"program": "", "text": ""}
    done = _run([program, "info"], 30)
    return {"program": program, "text": done}


def _ask_pythons(files, python):
    """What the interpreter says that was named; else the first that can run models, and without any, python3."""
    first = _ask_python(files, python or PYTHONS[0])
    if python or _runs_models(first):
        return first
    tried = os.path.realpath(str(first.get("executable", "")))
    for program in PYTHONS[1:]:
        path = os.path.expanduser(program)
        if os.access(path, os.X_OK) and os.path.realpath(path) != tried:
            answer = _ask_python(files, program)
            if _runs_models(answer):
                answer["program"] = program
                return answer
    return first


def _runs_models(answer):
    """With the SDK, or with CANN alone."""
    alone = [answer.get(name) for name in ("acl", "numpy", "cv2")]
    return answer.get("StreamManagerApi") == "" or (alone == ["", "", ""] and bool(answer.get("soc")))


def _ask_python(files, python):
    command = in_environment(files, [python, "-c", ASK_PYTHON])
    text = _run(command, 120)
    for line in text.splitlines():
        if line.startswith("facts="):
            answer = _quietly(lambda line=line: json.loads(line[len("facts=") :]))
            if answer:
                return answer
    return {"fault": text[-500:] or "no answer"}


def board_model():
    """What the device tree calls the board; "" on machines without one."""
    try:
        with open("/proc/device-tree/model", "rb") as stream:
            return stream.read(200).decode("utf-8", "replace").strip("\0\n ")
    except OSError:
        return ""


def _disk(root):
    """Free bytes where `root` is or will be."""
    place = os.path.abspath(os.path.expanduser(root))
    while not os.path.isdir(place) and place != os.path.dirname(place):
        place = os.path.dirname(place)
    found = os.statvfs(place)
    return {"path": place, "free": found.f_bavail * found.f_frsize}


def _run(command, seconds):
    """What a program says on both of its channels, or why it says nothing."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        return "no answer within %d s" % seconds
    except OSError as fault:
        return str(fault)
    return done.stdout[-LONGEST_TEXT:].decode("utf-8", "replace")


def _quietly(function):
    try:
        return function()
    except Exception:
        return None
