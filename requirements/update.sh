#!/usr/bin/env bash
# Resolves the pinned set again (names, versions, hashes; no index host): pip install uv, then requirements/update.sh
set -euo pipefail
cd "$(dirname "$0")/.."
uv pip compile pyproject.toml --extra dev --extra demo --constraint requirements/limits.in --generate-hashes \
  --universal --python-version 3.11 --custom-compile-command requirements/update.sh --quiet --output-file requirements/dev.txt "$@"
