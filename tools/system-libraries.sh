#!/usr/bin/env bash
# The libraries that a napari window on a virtual screen needs, and a Linux server lacks.
# Installs what is missing when it may (root, apt); else names it in one line and fails.
set -euo pipefail

[ "$(uname -s)" = Linux ] || exit 0

packages=(
  xvfb xauth
  libegl1 libgl1 libgl1-mesa-dri
  libdbus-1-3 libfontconfig1 libglib2.0-0 libxkbcommon-x11-0
  libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0
  libxcb-render-util0 libxcb-shape0 libxcb-xkb1
)

if ! command -v dpkg-query >/dev/null; then
  # Not Debian: the names differ, so only what can be seen is asked for.
  command -v xvfb-run >/dev/null || {
    echo "Install Xvfb (with xvfb-run) and Qt's xcb libraries, by your system's names for: ${packages[*]}" >&2
    exit 1
  }
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  # Newer Debian and Ubuntu carry some of them with t64 behind the name; apt finds those by the old one.
  status=$(dpkg-query -W -f '${Status}\n' "$package" "${package}t64" 2>/dev/null || true)
  [[ $status == *'ok installed'* ]] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "Some system packages are missing, install them with: sudo apt-get install ${missing[*]}" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 "${missing[@]}" >/dev/null
