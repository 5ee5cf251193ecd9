#!/usr/bin/env bash
# ONNX -> OM: runs the bundle's own ATC command inside the bundle. Needs python3 and the CANN toolkit, nothing else.
# Usage: bash build.sh BUNDLE [--soc VERSION]
set -euo pipefail
ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
exec "${AYS_PYTHON:-python3}" "$ROOT/deploy/atc.py" "$@"
