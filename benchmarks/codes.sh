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
for number in "$train" "$test" "$epochs"; do
  [[ $number =~ ^[1-9][0-9]{0,5}$ ]] || { echo "TRAIN, TEST or EPOCHS is '$number', expected a number from 1" >&2; exit 2; }
done
val=$((train / 8 + 1))

devkit=$out/codes lists=$out/codes/VOC2007/ImageSets/Main
mkdir -p -- "$out"
if [ ! -e "$out/split" ]; then
  [ -e "$devkit/codes.names" ] || "$python" "$root/compress" data codes --out "$devkit" --hardness real \
    --images $((train + val + test)) --workers "$((workers + 1))"
  # images differ in nothing but what was drawn, so any split is as good: this one has a test set of its own size
  if [ ! -e "$out/names.txt" ]; then
    sort -- "$lists/trainval.txt" "$lists/test.txt" > "$out/names.txt.new"
    mv -- "$out/names.txt.new" "$out/names.txt"
  fi
  sed -n "1,${train}p" "$out/names.txt" > "$lists/train.txt"
  sed -n "$((train + 1)),$((train + val))p" "$out/names.txt" > "$lists/val.txt"
  cat "$lists/train.txt" "$lists/val.txt" > "$lists/trainval.txt"
  sed -n "$((train + val + 1)),\$p" "$out/names.txt" > "$lists/test.txt"
  touch "$out/split"
fi
for cfg in yolov5s yolov8s; do
  echo "$cfg"
  "$python" "$root/benchmarks/frontier.py" "$devkit" "$devkit/codes.names" "$cfg" "$out/$cfg" \
    --set "batch-size=64" --set "workers=$workers" --set "epochs-dense=$epochs" --set "epochs-rest=$epochs"
done
