#!/bin/sh
# Lock files with hashes and without any registry's address.
set -eu
options="--universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --quiet --upgrade"
uv=.uv/bin/uv
$uv pip compile $options pyproject.toml --output-file requirements.lock
$uv pip compile $options --extra dev pyproject.toml --output-file requirements-dev.lock
echo uv | $uv pip compile $options - --output-file tools/uv.lock
npm install --package-lock-only --ignore-scripts --silent
