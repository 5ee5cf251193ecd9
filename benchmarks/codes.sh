#!/usr/bin/env bash
# The frontier from random weights on drawn codes, YOLOv5s and YOLOv8s: bash benchmarks/codes.sh OUT [TRAIN TEST EPOCHS]
# Meant for a computer with a GPU. 4,000 images to train and 2,000 to test, 8 epochs and 8 more of each row, unless told
# otherwise. Interrupted, it goes on where it was when called again.
set -euo pipefail

[[ $# -eq 1 || $# -eq 4 ]] || { echo "usage: bash benchmarks/codes.sh OUT [TRAIN TEST EPOCHS]" >&2; exit 2; }
out=$1 train=${2:-4000} test=${3:-2000} epochs=${4:-8}
unset CDPATH
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
python=${AYS_PYTHON:-$root/.venv/bin/python}
workers=$(($(nproc) > 2 ? $(nproc) - 2 : 1))
val=$((train / 8))

devkit=$out/VOCdevkit lists=$out/VOCdevkit/VOC2007/ImageSets/Main
mkdir -p -- "$out"
if [ ! -e "$out/drawn" ]; then
  rm -rf -- "$devkit"
  "$python" "$root/compress" data codes --out "$devkit" --images $((train + val + test)) --hardness real \
    --workers "$((workers + 1))"
  # images differ in nothing but what was drawn, so any split is as good: this one has a test set of its own size
  sort "$lists/trainval.txt" "$lists/test.txt" > "$out/all.txt"
  sed -n "1,${train}p" "$out/all.txt" > "$lists/train.txt"
  sed -n "$((train + 1)),$((train + val))p" "$out/all.txt" > "$lists/val.txt"
  cat "$lists/train.txt" "$lists/val.txt" > "$lists/trainval.txt"
  sed -n "$((train + val + 1)),\$p" "$out/all.txt" > "$lists/test.txt"
  touch "$out/drawn"
fi
for cfg in yolov5s yolov8s; do
  echo "$cfg"
  "$python" "$root/benchmarks/frontier.py" "$devkit" "$devkit/codes.names" "$cfg" "$out/$cfg" \
    --set "batch-size=64" --set "workers=$workers" --set "epochs-dense=$epochs" --set "epochs-rest=$epochs"
done
