#!/usr/bin/env bash
# Runs a Python file with the first Python on the path that is new enough. Written for bash 3.2, which macOS has.
set -euo pipefail
for python in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11; do
  if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    exec "$python" -I "$@"
  fi
done
said="no Python 3.11 or newer on the path; put actions/setup-python before this step"
echo "::error title=parity::no result: $said"
printf 'verdict=no result\nstatus=3\n' >>"${GITHUB_OUTPUT:-/dev/null}"
printf '❌ **No result.** The gate has judged nothing: %s.\n' "$said" >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
exit 3
