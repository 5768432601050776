#!/usr/bin/env bash
# Resolves the pinned set again (names, versions, hashes; no index host): pip install uv, then requirements/update.sh
# Afterwards bring bookworm.txt into step by hand: tests/setup names what differs.
set -euo pipefail
cd "$(dirname "$0")/.."
common=(--constraint requirements/limits.in --generate-hashes --universal --python-version 3.11
        --custom-compile-command requirements/update.sh --quiet "$@")
uv pip compile pyproject.toml --extra dev --extra demo --extra aws --extra web --extra packages --extra sink "${common[@]}" --output-file requirements/dev.txt
uv pip compile pyproject.toml requirements/runtimes.in --extra tflite-runtime "${common[@]}" --output-file requirements/runtimes.txt
