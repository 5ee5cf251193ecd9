#!/usr/bin/env bash
# The BCCD table of docs/benchmarks.md: bash benchmarks/bccd.sh VOCDEVKIT YOLOV5N_PT OUT
# Some two hours on two cores. Interrupted, it goes on where it was when called again.
set -euo pipefail

[ $# -eq 3 ] || { echo "usage: bash benchmarks/bccd.sh VOCDEVKIT YOLOV5N_PT OUT" >&2; exit 2; }
devkit=$1 weights=$2 out=$3
unset CDPATH
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
python=${AYS_PYTHON:-$root/.venv/bin/python}

pairs=()
for row in "dense=dense" "sparse, not cut=sparse" "plain slimming 50 %=slimming" "ours 30 %=ours30" "ours 50 %=ours50" "ours 70 %=ours70" \
  "ours, twice 30 %=twice" "half width=half"; do
  recipe=${row##*=}
  "$python" "$root/compress" run "$root/benchmarks/recipes/bccd-$recipe.yaml" --set "voc=$devkit" --set "weights=$weights" \
    --set "names=$root/benchmarks/recipes/bccd.names" --out "$out"
  pairs+=("${row%=*}=$out/$recipe-bundle")
done
"$python" "$root/benchmarks/compare.py" "$devkit" "$out/results" "${pairs[@]}"
