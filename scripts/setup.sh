#!/usr/bin/env bash
# Installs what gemmac is built with: Debian packages that are missing, and Halide, CMake and lit into .venv. Does nothing where all is there.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
  ccache clang-22 clang-format-22 clang-tidy-22 flatbuffers-compiler g++ g++-aarch64-linux-gnu libclang-rt-22-dev
  libcli11-dev libcurl4-openssl-dev libedit-dev libffi-dev libflatbuffers-dev libgtest-dev libmlir-22-dev libxml2-dev
  libxxhash-dev libzstd-dev lld-22 llvm-22 llvm-22-dev llvm-22-tools mlir-22-tools ninja-build nlohmann-json3-dev python3-dev
  python3-venv qemu-user zlib1g-dev
)
missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "setup: installing ${missing[*]}" >&2
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
fi

wanted="halide==21.0.0 cmake==4.* lit numpy"
if [ "$(cat .venv/gemmac-packages 2>/dev/null)" != "$wanted" ]; then
  echo "setup: installing $wanted into .venv" >&2
  python3 -m venv .venv
  .venv/bin/pip install -q --disable-pip-version-check $wanted >&2
  echo "$wanted" > .venv/gemmac-packages
fi
