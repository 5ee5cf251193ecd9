#!/usr/bin/env bash
# ONNX -> OM: writes the ATC command of a bundle and runs it there. Needs Python and the CANN toolkit, nothing else.
# Usage: bash build.sh BUNDLE [--soc CHIP] [--cann VERSION] [--source jpeg|bgr|video-narrow|...] [--json]
set -euo pipefail
folder=${BASH_SOURCE[0]%/*}
[ "$folder" != "${BASH_SOURCE[0]}" ] || folder=.
exec "$BASH" "$folder/run.sh" build "$@"
