#!/usr/bin/env bash
# ONNX -> OM: writes the ATC command of a bundle and runs it there. Needs python3 and the CANN toolkit, nothing else.
# Usage: bash build.sh BUNDLE [--soc CHIP] [--cann VERSION] [--source jpeg|bgr|video-narrow|...] [--json]
set -euo pipefail
ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
exec "${AYS_PYTHON:-python3}" "$ROOT/deploy/atc" "$@"
