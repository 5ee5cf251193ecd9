#!/usr/bin/env bash
# The BCCD table of docs/benchmarks.md: bash benchmarks/bccd.sh VOCDEVKIT YOLOV5N_PT OUT
# About half an hour on two cores. Interrupted, it goes on with the stage that was running when called again.
set -euo pipefail

[ $# -eq 3 ] || { echo "usage: bash benchmarks/bccd.sh VOCDEVKIT YOLOV5N_PT OUT" >&2; exit 2; }
devkit=$1 weights=$2 out=$3
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
python=${AYS_PYTHON:-$root/.venv/bin/python}
export PYTHONPATH="$root"

# stage NAME VERB ARGUMENTS: a run that has ended is not repeated, an unfinished one goes on
stage() {
  local name=$1 verb=$2 resume=()
  shift 2
  [ -f "$out/runs/$name/state.pt" ] && resume=(--resume)
  if [ ! -f "$out/runs/$name/weights/last.safetensors" ] || [ ${#resume[@]} -gt 0 ]; then
    "$python" -m compress "$verb" --data "$out/dataset/data.yaml" --imgsz 320 --batch-size 16 --epochs 30 --seed 0 \
      --project "$out/runs" --name "$name" "${resume[@]}" "$@"
  fi
}

mkdir -p "$out"
printf 'RBC\nWBC\nPlatelets\n' >"$out/bccd.names"
"$python" -m compress data voc2yolo --voc "$devkit" --out "$out/dataset" --names "$out/bccd.names"
stage dense train --weights "$weights"
stage sparse sparsify --weights "$out/runs/dense/weights/best.safetensors" --sr 0.07
"$python" -m compress prune --weights "$out/runs/sparse/weights/best.safetensors" --percent 0.5 --align 8 \
  --out "$out/pruned.safetensors"
stage small finetune --weights "$out/pruned.safetensors"
pairs=()
for row in "dense=runs/dense/weights/best" "sparse=runs/sparse/weights/best" "pruned 50 %=pruned" \
  "pruned 50 %, fine-tuned=runs/small/weights/best"; do
  title=${row%%=*} checkpoint=$out/${row#*=}.safetensors bundle="$out/bundles/${row//[^a-z0-9]/}"
  "$python" -m compress export --weights "$checkpoint" --imgsz 320 --out "$bundle"
  pairs+=("$title=$bundle")
done
"$python" "$root/benchmarks/compare.py" "$devkit" "$out/results" "${pairs[@]}"
