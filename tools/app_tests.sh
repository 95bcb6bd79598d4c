#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The scene tests inside a real Blender application, by pytest-blender: its Python, its build, its missing parts.
# usage: app_tests.sh [BLENDER] [TEST …]     default: .cache/blender-5.2/blender and the tests below
set -euo pipefail
cd "$(dirname "$0")/.."
BLENDER=${1:-.cache/blender-5.2/blender}; shift || true
TESTS=("$@")
((${#TESTS[@]})) || TESTS=(tests/scene/test_{standing,bring,clean,material,bind,motion,motion_files,retarget,stage,mantaflow}.py)
[[ -x $BLENDER ]] || { echo "app tests: skipped, there is no $BLENDER (make apps)"; exit 0; }
BLENDER=$(realpath "$BLENDER")
export BLENDER_USER_RESOURCES=$PWD/.cache/app-tests PYTHONDONTWRITEBYTECODE=1
MODULES=$BLENDER_USER_RESOURCES/scripts/modules
PYTHON=$("$BLENDER" --background --factory-startup --python-expr 'import sys; print("PYTHON %d.%d" % sys.version_info[:2])' | sed -n 's/^PYTHON //p')
if [[ $(cat "$MODULES/.python" 2>/dev/null) != "$PYTHON" ]]; then
  rm -rf "$MODULES"; mkdir -p "$MODULES"
  mapfile -t packages < <(grep -hE '^(pytest|pillow)==' requirements.txt requirements-dev.txt)
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --target "$MODULES" \
    --python-version "$PYTHON" --implementation cp --only-binary=:all: "${packages[@]}"
  echo "$PYTHON" > "$MODULES/.python"
fi
ln -sfn "$PWD" "$MODULES/galatea"
.venv/bin/python -m pytest -o addopts="--import-mode=importlib --strict-markers -ra" -W ignore::pytest.PytestWarning \
  --blender-executable "$BLENDER" -q -p no:cacheprovider "${TESTS[@]}"
