#!/bin/sh
# Runs the daemon of the component:  run.sh WORK_FOLDER
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ -n "${1-}" ] || {
  echo "usage: run.sh WORK_FOLDER" >&2
  exit 2
}
work=$1
environment=$(cat "$work/environment") || {
  echo "edge-mask is not installed in $work; install.sh does it" >&2
  exit 1
}
cd "$work"

# Environments older than the one before, and what an interrupted installation left.
previous=$(cat environment.previous 2>/dev/null) || previous=''
for other in "${work%/}"/environment-*; do
  case $other in "$environment" | "$previous") ;; *) rm -rf "$other" ;; esac
done

exec "$environment/bin/python" -m edge_mask run --config "$here/config.yaml"
