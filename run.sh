#!/usr/bin/env bash
# The one entry point: runs the verbs below, and sets up what they need the first time.
set -euo pipefail

unset CDPATH # with it, cd goes elsewhere and prints where

folder=${BASH_SOURCE[0]%/*}
[ "$folder" != "${BASH_SOURCE[0]}" ] || folder=.
ROOT=$(cd -- "${folder:-/}" && printf '%s/' "$PWD") # the slash keeps line ends of the name, which $() would drop
ROOT=${ROOT%/}

# is_closed CHANNEL: has the caller closed it (2>&-)? bash then opens its script there, which looks open but is no channel.
is_closed() {
  [ ! -e "/dev/fd/$1" ] || [ "/dev/fd/$1" -ef "$ROOT/run.sh" ] || [ "/dev/fd/$1" -ef "$ROOT/build.sh" ]
}
# Any file that a program opens could become that channel, and messages would land in it.
! is_closed 0 || exec </dev/null
! is_closed 1 || exec >/dev/null
! is_closed 2 || exec 2>/dev/null

VENV="$ROOT/.venv"
STAMP="$VENV/installed"
UNFINISHED="$VENV/unfinished"

usage() {
  cat <<'EOF'
usage: bash run.sh VERB [ARGUMENTS]

  detect IMAGE_SET IMAGE_DIR   find objects; images with boxes go to image_result
  speed  IMAGE_SET IMAGE_DIR   latency and images per second
  eval   VOCDEVKIT             mAP on a Pascal VOC devkit; detections go to txt_result
  check  FILE...               what is wrong with pipelines, configs, label files and AIPP files
  host   SCRIPT [ARGUMENTS]    run a script that was written for MindX SDK, here
  push   USER@HOST             copy a bundle to a board over ssh; with --run VERB ... run it there and compare
  doctor [USER@HOST]           does a board, or this machine, have what the detector needs?
  build  BUNDLE                ONNX to OM where ATC is installed; the same as bash build.sh
  compress VERB ...            a verb of the compressor, such as train, prune or export; compress --help lists them
  demo                         the whole job on the data and the model that come with the project
  test   [PYTEST ARGUMENTS]    all tests

IMAGE_SET is a text file with one image name without suffix a line; in place of both, detect and speed take a folder of
images or one image, and detect a video file, camera:0, /dev/video0 or rtsp://ADDRESS. `bash run.sh VERB --help` lists the options:
--model BUNDLE, --pipeline FILE, --conf X, --iou X, --out DIR, --json, --on host|acl|board and more.

On a board whose python3 can import the MindX SDK, or CANN's acl with numpy and cv2, detect, speed, eval, check and (with
acl) host use that python3 and install nothing.
Elsewhere the first call makes an environment in the project's folder .venv. To use an interpreter as it is
instead, with nothing made or installed, name it in the variable AYS_PYTHON.
EOF
}

say() { printf 'run.sh: %s\n' "$*" >&2; }
fail() { printf 'error: %s\n' "$*" >&2; exit 5; }

# Every start of Python here keeps the current folder out of its module path: a cv2.py or pip.py that lies there is not
# to run. Programs of ours are started by their path, -m and -c with -I or -P, or with a path that is cleaned first.
# An empty entry of PYTHONPATH means the current folder too. Scripts leave one behind by accident (X:$PYTHONPATH with
# nothing set); who means the current folder writes a dot.
drop_empty_entries() {
  local path=":$PYTHONPATH:"
  while [[ $path = *::* ]]; do path=${path//::/:}; done
  path=${path#:}
  path=${path%:}
  if [ -n "$path" ]; then export PYTHONPATH=$path; else unset PYTHONPATH; fi
}
[ -z "${PYTHONPATH:-}" ] || drop_empty_entries

# version_at_least PYTHON MINOR: is it a Python 3.MINOR or newer that starts? It has to say so: /bin/true ends well too.
version_at_least() {
  [ "$("$1" -I -c "import sys; print(sys.version_info >= (3, $2))" 2>/dev/null </dev/null)" = True ]
}

# Can the board's own python3 import the SDK?
has_sdk() {
  python3 -c "import sys; sys.path[:] = filter(None, sys.path); import StreamManagerApi" >/dev/null 2>&1 </dev/null
}

# has_acl PYTHON: can it run the host engine on the chip, with CANN alone: acl with a chip behind it, numpy, cv2?
has_acl() {
  [ "$("$1" -c "import sys; sys.path[:] = filter(None, sys.path)
import acl, cv2, numpy; acl.mdl; print(bool(acl.get_soc_name()))" 2>/dev/null </dev/null)" = True ]
}

# find_acl: sets PYTHON to a board's interpreter that can do so, or fails. Orange Pi's image and that of the 200I DK A2
# have it in miniconda, which is not on the PATH of every shell.
find_acl() {
  for PYTHON in python3 /usr/local/miniconda3/bin/python3 "${HOME:-/root}/miniconda3/bin/python3"; do
    if command -v "$PYTHON" >/dev/null && has_acl "$PYTHON"; then return; fi
  done
  return 1
}

find_python() {
  local name
  for name in python3.13 python3.12 python3.11 python3 python3.10 python3.9; do
    if version_at_least "$name" "$1"; then echo "$name"; return; fi
  done
  fail "no Python 3.$1 or newer found; install one, or name it in AYS_PYTHON"
}

# What an installation depends on: the project's requirements and its folder, which an editable installation points to.
key() { { echo "$ROOT"; cat "$ROOT/pyproject.toml"; } | cksum; }

# is_installed LEVEL: does .venv hold at least that level (0 edge, 1 compress, 2 compress and dev)?
is_installed() {
  local stamp level
  [ -f "$STAMP" ] && [ -x "$VENV/bin/python" ] || return 1
  { read -r level && read -r stamp; } <"$STAMP" || return 1
  [ "$stamp" = "$(key)" ] && [ "$level" -ge "$1" ]
}

# install LEVEL MINOR: make .venv hold that level, on a Python 3.MINOR or newer. Two calls at once take turns, so that
# none clears what the other is filling; where there is no flock they have to be kept apart by hand. An environment that
# the user has made there, with a torch of their choice, is completed and not replaced.
install() {
  local extras=("" "[compress]" "[compress,dev]") python
  # A copy that push brought to a board has nothing to be installed from, and is not to be.
  [ "$1" = 0 ] || [ -d "$ROOT/compress" ] || fail "this copy of the project has no compressor; call it in a whole one"
  [ -f "$ROOT/pyproject.toml" ] ||
    fail "python3 here can import neither StreamManagerApi nor acl, numpy and cv2; source the set_env.sh of CANN and," \
      "where there is one, then that of the MindX SDK"
  if command -v flock >/dev/null; then
    { exec 9>"$VENV.lock"; } 2>/dev/null || fail "cannot write into $ROOT, where the environment goes"
    flock -n 9 || { say "another call is installing; waiting for it"; flock 9; }
    if is_installed "$1"; then exec 9>&-; return; fi
  fi
  if [ ! -e "$UNFINISHED" ] && version_at_least "$VENV/bin/python" "$2" &&
    "$VENV/bin/python" -I -m pip --version >/dev/null 2>&1; then
    say "bringing .venv up to date"
    rm -f "$STAMP"
  else
    python=$(find_python "$2") || exit
    say "making an environment in $VENV with $python (first use, or the last installation did not end)"
    "$python" -I -m venv --clear "$VENV" >&2 ||
      fail "$python cannot make an environment in $VENV; on Debian and Ubuntu install its package python3-venv"
  fi
  : >"$UNFINISHED"
  say "installing ascend-yolo-slim${extras[$1]}; this may take minutes"
  "$VENV/bin/python" -I -m pip install --disable-pip-version-check -e "$ROOT${extras[$1]}" >&2 ||
    fail "the installation failed (see above); call run.sh again to repeat it"
  mend_cv2
  rm -f "$UNFINISHED"
  { echo "$1"; key; } >"$STAMP.new"
  mv "$STAMP.new" "$STAMP"
  exec 9>&-
}

# opencv-python needs libGL, which servers without a display lack; its headless build does not. Never both: they share files.
mend_cv2() {
  local pip=("$VENV/bin/python" -I -m pip --disable-pip-version-check)
  if ! "${pip[@]}" show -q opencv-python-headless 2>/dev/null && "$VENV/bin/python" -I -c "import cv2" 2>/dev/null; then
    return
  fi
  say "opencv-python does not import here (no libGL?), so opencv-python-headless takes its place"
  "${pip[@]}" uninstall -q -y opencv-python opencv-python-headless >&2
  "${pip[@]}" install -q "opencv-python-headless>=4.8" >&2 || fail "opencv-python-headless cannot be installed (see above)"
  "$VENV/bin/python" -I -c "import cv2" || fail "cv2 does not import (see above)"
}

# Is there an argument --help, or --on host?
asks_for_help() { local a; for a in "$@"; do [[ $a = -h || $a = --help ]] && return; done; return 1; }
asks_for_host() { [[ " $* " == *" --on host "* || " $* " == *" --on=host "* ]]; }

# choose_python LEVEL MINOR: sets PYTHON.
choose_python() {
  if [ -n "${AYS_PYTHON:-}" ]; then
    version_at_least "$AYS_PYTHON" "$2" || fail "AYS_PYTHON=$AYS_PYTHON is no Python 3.$2 or newer"
    PYTHON=$AYS_PYTHON
    # `test` runs in the project's folder
    [[ $PYTHON != */* || $PYTHON = /* ]] || PYTHON=$PWD/$PYTHON
  else
    is_installed "$1" || install "$1" "$2"
    PYTHON="$VENV/bin/python"
  fi
}

verb=${1:-}
[ $# -eq 0 ] || shift
pwd -P >/dev/null 2>&1 || fail "the current folder is gone; change to one that exists"
# Nothing here is to be installed or fetched behind the user's back.
export YOLO_AUTOINSTALL=false YOLO_OFFLINE=true
case $verb in
  detect | speed | eval | check)
    if [ -z "${AYS_PYTHON:-}" ] && ! asks_for_host "$@" && has_sdk; then
      PYTHON=python3
    elif [ -z "${AYS_PYTHON:-}" ] && ! asks_for_host "$@" && find_acl; then
      : # it has set PYTHON
    elif [ -z "${AYS_PYTHON:-}" ] && asks_for_help "$@"; then
      PYTHON=$(find_python 9) || exit
    else
      choose_python 0 9
    fi
    exec "$PYTHON" "$ROOT/deploy" "$verb" "$@"
    ;;
  host)
    if [ -n "${AYS_PYTHON:-}" ] || asks_for_host "$@" || has_sdk || ! find_acl; then
      choose_python 0 9
    fi
    exec "$PYTHON" "$ROOT/deploy" host "$@"
    ;;
  push | doctor)
    # Only a run that is compared here needs more than a bare Python.
    if [[ -n "${AYS_PYTHON:-}" ]] || { [[ $verb = push && " $* " == *" --run "* ]] && ! asks_for_help "$@"; }; then
      choose_python 0 9
    else
      PYTHON=$(find_python 9) || exit
    fi
    exec "$PYTHON" "$ROOT/deploy" "$verb" "$@"
    ;;
  build)
    if [ -n "${AYS_PYTHON:-}" ]; then choose_python 0 9; else PYTHON=$(find_python 9) || exit; fi
    exec "$PYTHON" "$ROOT/deploy/atc" "$@"
    ;;
  compress)
    if [ -z "${AYS_PYTHON:-}" ] && asks_for_help "$@"; then PYTHON=$(find_python 11) || exit; else choose_python 1 11; fi
    exec "$PYTHON" -P "$ROOT/compress" "$@"
    ;;
  demo)
    choose_python 1 11
    exec "$PYTHON" -P "$ROOT/compress" demo "$@"
    ;;
  test)
    choose_python 2 11
    cd "$ROOT"
    # one process a core, and one thread in each: the models of the tests are small
    export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
    exec "$PYTHON" -P -m pytest tests -n auto --dist worksteal "$@"
    ;;
  -h | --help)
    usage
    ;;
  *)
    [ -z "$verb" ] || printf "error: there is no verb '%s'\n" "$verb" >&2
    usage >&2
    exit 2
    ;;
esac
