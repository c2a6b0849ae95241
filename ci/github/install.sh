#!/usr/bin/env bash
# First step of action.yml: install podid into a virtual environment of its own and put it on the PATH of later steps.
set -euo pipefail

if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  echo "::error title=podid::podid requires Python 3.11 or newer: run actions/setup-python before this action."
  exit 1
fi
source=$GITHUB_ACTION_PATH
if [ -n "$VERSION" ]; then
  if ! [[ $VERSION =~ ^[0-9]+(\.[0-9]+)*((a|b|rc)[0-9]+)?$ ]]; then
    echo "::error title=podid::The input version is not the number of a version, such as 0.1.0."
    exit 1
  fi
  source=podid==$VERSION
fi
environment=$RUNNER_TEMP/podid/environment
python3 -m venv "$environment"
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check "$source"
echo "$environment/bin" >> "$GITHUB_PATH"
