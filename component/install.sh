#!/bin/sh
# Installs the component into an environment of its own, from the wheels beside this file.
#
#   install.sh WORK_FOLDER [SYSTEM_SITE_PACKAGES]
#
# Run by the nucleus before each start, as the user that runs components. When the environment of this very artifact is
# there already, nothing is done. With wheels of all dependencies beside it (the file CLOSED), no network is used.
# SYSTEM_SITE_PACKAGES with the word true in it: packages of the system, such as picamera2, can be imported.
# PYTHON chooses the interpreter.
set -eu

stop() {
  printf 'edge-mask cannot be installed: %s\n' "$*" >&2
  exit 1
}

[ -n "${1-}" ] || stop "the work folder is missing; usage: install.sh WORK_FOLDER [true|false]"
here=$(cd "$(dirname "$0")" && pwd)
work=${1%/} site=no
case ${2-false} in *true*) site=yes ;; esac
build=$(cat "$here/BUILD") || stop "$here/BUILD is missing; build the artifact with component/build.sh"

# Sets `python`, or nothing but `too_old`.
find_python() {
  python='' too_old=''
  for candidate in ${PYTHON:-python3.11 python3 python3.13 python3.12}; do
    found=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
    if [ "${found%%.*}" -eq 3 ] && [ "${found#*.}" -ge 11 ]; then
      python=$candidate
      return
    fi
    too_old="$candidate is Python $found"
  done
}

# What was tested. Where picamera2 is compiled against NumPy 1 (Raspberry Pi OS 12), a newer NumPy in front would break it.
constraints() {
  if [ "$site" = yes ] && "$python" -c 'import sys, numpy; sys.exit(int(numpy.__version__[0]) > 1)' 2>/dev/null; then
    grep -v -e '^numpy' -e '^opencv-python-headless' "$here/constraints.txt"
    cat "$here/bookworm.txt"
  else
    cat "$here/constraints.txt"
  fi
}

mkdir -p "$work"
environment="$work/environment-$build-$site"
# An upgrade of the system may have taken its Python away.
if [ ! -e "$environment/.complete" ] || ! "$environment/bin/python" -c '' 2>/dev/null; then
  find_python
  [ -n "$python" ] || stop "Python 3.11 or newer is needed${too_old:+, and $too_old}; PYTHON names another one"
  "$python" -c 'import ensurepip, venv' 2>/dev/null || stop "$python has no venv; let root run: apt-get install python3-venv"
  rm -rf "$environment"
  if [ "$site" = yes ]; then
    "$python" -m venv --system-site-packages "$environment"
  else
    "$python" -m venv "$environment"
  fi || stop "the environment could not be made: what Python says stands above"
  constraints >"$environment/constraints.txt"
  set -- "$here"/wheels/edge_mask-*.whl
  set -- --find-links "$here/wheels" --constraint "$environment/constraints.txt" "$1[aws]"
  [ ! -e "$here/CLOSED" ] || set -- --no-index "$@"
  "$environment/bin/python" -m pip install --quiet --no-input --no-cache-dir --disable-pip-version-check "$@" \
    || stop "pip says why above; for a network without package index, build the artifact with component/build.sh --closed"
  "$environment/bin/python" -m edge_mask --help >/dev/null || stop "what was installed does not start: the reason stands above"
  : >"$environment/.complete"
fi

# The daemon that still runs, and a deployment that is rolled back, need the environment before this one.
before=$(cat "$work/environment" 2>/dev/null) || before=''
if [ "$before" != "$environment" ]; then
  printf '%s\n' "$before" >"$work/environment.previous"
  printf '%s\n' "$environment" >"$work/environment.new"
  mv "$work/environment.new" "$work/environment"
fi
