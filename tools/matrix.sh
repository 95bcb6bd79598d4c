#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The tests of scene and add-on on each Blender that we promise, as a bpy wheel in a venv of its own under .cache/matrix.
# usage: matrix.sh [VERSION …]     default: all; what this machine has no Python for is skipped with a word
# TESTS may name other tests. Ends with 1 if a version failed, and with 1 if every version was skipped.
set -uo pipefail
cd "$(dirname "$0")/.."
VERSIONS=("$@")
((${#VERSIONS[@]})) || VERSIONS=(4.2.23 4.5.15 5.0.1 5.2.3)
TESTS=(${TESTS:-tests/scene tests/addon})
good=() bad=() skipped=()
pin() { grep -m1 -E "^$1==" requirements.txt requirements-dev.txt -h | cut -d';' -f1; }

quiet() {  # show what a command said only where it failed
  local log; log=$(mktemp)
  if "$@" >"$log" 2>&1 </dev/null; then rm -f "$log"; else tail -n 40 "$log" >&2; rm -f "$log"; return 1; fi
}

# pytest, ended at once when it is done: the bpy 4.2 wheel dies in its own exit wherever a callback was registered
PYTEST='import os, sys, pytest; code = pytest.main(sys.argv[1:]); sys.stdout.flush(); sys.stderr.flush(); os._exit(int(code))'

find_python() {  # a Python that starts, of this version: the path's, or the newest of pyenv
  local candidate
  for candidate in "python$1" "/usr/bin/python$1" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python; do
    if "$candidate" -c 'import sys, ensurepip' 2>/dev/null; then echo "$candidate"; return 0; fi
  done
  return 1
}

for version in "${VERSIONS[@]}"; do
  case $version in 4.*|5.0.*) python=3.11 ;; *) python=3.13 ;; esac
  venv=.cache/matrix/$version
  if [[ ! -f $venv/.complete ]]; then
    program=$(find_python $python) || { echo "matrix: $version skipped: no Python $python here"; skipped+=("$version"); continue; }
    rm -rf "$venv"
    # the bpy wheel itself says which NumPy it takes
    packages=("bpy==$version")
    for name in pytest hypothesis pillow onnxruntime xatlas coacd fast-simplification scipy trimesh; do packages+=("$(pin $name)"); done
    if ! quiet "$program" -m venv "$venv" || ! quiet "$venv/bin/pip" install --quiet --no-input "${packages[@]}"; then
      echo "matrix: $version cannot be installed"; bad+=("$version"); continue
    fi
    touch "$venv/.complete"
  fi
  # the package under test is this checkout, not a copy: no editable installation, the tests' conftest finds it
  site=$("$venv/bin/python" -c 'import site; print(site.getsitepackages()[0])')
  [[ -e $site/galatea ]] || ln -s "$PWD" "$site/galatea"
  echo "matrix: Blender $version, $("$venv/bin/python" --version)"
  if "$venv/bin/python" -c "$PYTEST" -q -p no:cacheprovider -m "not window" "${TESTS[@]}" </dev/null; then
    good+=("$version")
  else
    bad+=("$version")
  fi
done
echo "matrix: passed: ${good[*]:-none}; failed: ${bad[*]:-none}; skipped: ${skipped[*]:-none}"
((${#bad[@]} == 0 && ${#good[@]} > 0))
