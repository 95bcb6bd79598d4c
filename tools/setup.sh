#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Make .venv as the requirements say. Quick where that is done already; a half-made one is completed.
# usage: setup.sh [--dev] [--window]     --dev: tests and checks too; --window: what the window tests need of Debian
# PYTHON may name the Python 3.11 to use. With --dev and npm, Khronos' gltf-validator comes under .cache/npm.
set -euo pipefail
cd "$(dirname "$0")/.."
REQUIREMENTS=requirements.txt WINDOW=
for flag in "$@"; do
  case $flag in
    --dev) REQUIREMENTS=requirements-dev.txt ;;
    --window) WINDOW=1 ;;
    *) echo "unknown: $flag" >&2; exit 2 ;;
  esac
done
VALIDATOR=2.0.0-dev.3.10
LIBRARIES=(libx11-6 libxrender1 libxfixes3 libxi6 libxkbcommon0 libsm6 libice6 libgl1 libegl1 libgl1-mesa-dri)
[[ -z $WINDOW ]] || LIBRARIES+=(xvfb xauth xdotool imagemagick)

say() { echo "setup: $*" >&2; }
# Show what a command said only where it failed.
quiet() {
  local log; log=$(mktemp)
  if "$@" >"$log" 2>&1 </dev/null; then rm -f "$log"; else
    say "this failed: $*"; tail -n 40 "$log" >&2; rm -f "$log"; return 1
  fi
}

# Debian packages: install as root, else name the command and go on; `import bpy` below is the judge.
apt_install() {
  local wanted=() name
  for name in "$@"; do
    [[ $(dpkg-query -W -f='${Status}' "$name" 2>/dev/null) == "install ok installed" ]] || wanted+=("$name")
  done
  ((${#wanted[@]})) || return 0
  if [[ $(id -u) == 0 ]]; then
    say "installing ${wanted[*]}"
    export DEBIAN_FRONTEND=noninteractive
    quiet apt-get -q update || true
    quiet apt-get -q -y install --no-install-recommends "${wanted[@]}"
  else
    say "libraries are missing; if something fails, run: sudo apt-get install ${wanted[*]}"
  fi
}

# The viewer page is tested in it; it is of another name on other systems, so it is asked for alone.
browser() {
  local name
  for name in chromium-headless-shell chromium chromium-browser google-chrome; do
    ! command -v "$name" >/dev/null || return 0
  done
  apt_install chromium-headless-shell
}

# Without it the tests that ask it skip; tried once, then again when .cache/npm was deleted.
validator() {
  [[ $REQUIREMENTS == requirements-dev.txt && ! -e .cache/npm ]] && command -v npm >/dev/null || return 0
  mkdir -p .cache/npm
  npm install --prefix .cache/npm --no-save --ignore-scripts --no-audit --no-fund --fetch-retries=0 \
    --fetch-timeout=20000 "gltf-validator@$VALIDATOR" >/dev/null 2>&1 </dev/null ||
    say "going on without gltf-validator, a few tests will skip; to try again: rm -r .cache/npm"
}

# Python 3.11 that can make venvs: $PYTHON, the path's, or another that calls itself python.
find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3.11 /usr/bin/python3.11 python3 python; do
    if "$candidate" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
      command -v "$candidate"; return 0
    fi
  done
  return 1
}

command -v dpkg-query >/dev/null && command -v apt-get >/dev/null && HAS_APT=1 || HAS_APT=
SUM=$(command -v sha256sum || echo "shasum -a 256")
WANT=$(cat requirements.txt "$REQUIREMENTS" pyproject.toml tools/setup.sh | $SUM | cut -c1-64)
STAMP=.venv/.galatea-$REQUIREMENTS
[[ -z $HAS_APT || -z $WINDOW ]] || apt_install "${LIBRARIES[@]}" || say "going on without; what needs them will say so"
[[ -z $HAS_APT || -z $WINDOW ]] || browser || say "going on without a browser; the viewer page's tests will skip"
validator
if [[ -f $STAMP && $(cat "$STAMP") == "$WANT" ]] && .venv/bin/python -c "" 2>/dev/null; then exit 0; fi

[[ -z $HAS_APT ]] || apt_install "${LIBRARIES[@]}" || say "going on without; what needs them will say so"
if ! .venv/bin/python -c 'import sys, pip; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
  [[ ! -e .venv ]] || say "the .venv is broken or of another Python; making it again"
  python=$(find_python) || { [[ -z $HAS_APT || $(id -u) != 0 ]] || apt_install python3.11 python3.11-venv || true; python=$(find_python); } || {
    say "Python 3.11 with venv is needed: the Blender module is built for that one. Install it (Debian: python3.11" \
      "python3.11-venv; anywhere: pyenv or uv), then run this again, with PYTHON=/path/to/python3.11 if it is not on the path."
    exit 8
  }
  rm -rf .venv
  say "making .venv with $python"
  quiet "$python" -m venv .venv
fi
rm -f .venv/.galatea-*
say "installing $REQUIREMENTS (Blender, torch: minutes the first time)"
quiet .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input -r "$REQUIREMENTS"
quiet .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --no-build-isolation -e .
quiet .venv/bin/python -c "import bpy, numpy, onnxruntime, torch" || {
  say "The libraries do not load. On Debian and Ubuntu they need: ${LIBRARIES[*]}"
  exit 8
}
[[ $REQUIREMENTS == requirements.txt ]] || echo "$(cat requirements.txt requirements.txt pyproject.toml tools/setup.sh | $SUM | cut -c1-64)" > .venv/.galatea-requirements.txt
echo "$WANT" > "$STAMP"
