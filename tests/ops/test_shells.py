"""The user's shell, and the startup files of completion."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def test_the_shell_is_the_nearest_one_above_podid(tmp_path: Path) -> None:
    from podid.domain.errors import UsageError
    from podid.ops.shells import detected_shell

    assert detected_shell({"SHELL": "/bin/zsh"}, ["sudo", "fish", "bash"]) == "fish"
    assert detected_shell({"SHELL": "/bin/zsh"}, ["python", "init"]) == "zsh"
    with pytest.raises(UsageError, match="is not known"):
        detected_shell({"SHELL": "/bin/tcsh"}, [])
    line = f"{sys.executable} -m podid completion install -o json; true"
    env = {"HOME": str(tmp_path), "SHELL": "/bin/zsh", "PATH": os.environ["PATH"]}
    done = subprocess.run(["bash", "-c", line], env=env, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout)["shell"] == "bash"
