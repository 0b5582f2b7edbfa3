#!/bin/sh
# Sets up .venv and node_modules from the lock files. uv does it in seconds where pip takes minutes.
set -eu
python=$1
uv=.uv/bin/uv
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "The portal needs Python 3.11 or newer; name one with: make PYTHON=python3.12 …" >&2; exit 1; }
command -v npm >/dev/null || { echo "The portal needs Node.js with npm; install it first." >&2; exit 1; }

echo "Setting up (the first time takes a minute) …"
[ -x $uv ] || "$python" -m pip install --quiet --disable-pip-version-check --root-user-action ignore --target .uv --require-hashes -r tools/uv.lock
$uv venv --quiet --python "$python" --allow-existing .venv
$uv pip sync --quiet --compile-bytecode --python .venv/bin/python --require-hashes requirements-dev.lock
$uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable . --editable ./client
npm ci --ignore-scripts --silent
node vendor.mjs
.venv/bin/pybabel --quiet compile --directory portal/translations
if [ -d .git ] && [ -z "$(git config core.hooksPath)" ]; then git config core.hooksPath .githooks; fi
