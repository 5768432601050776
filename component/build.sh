#!/bin/sh
# Builds the artifacts and the recipe of the Greengrass component: see component/build.py --help.
exec "${PYTHON:-python3}" "$(dirname "$0")/build.py" "$@"
