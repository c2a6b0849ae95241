"""`podid mcp`."""

import subprocess
import sys

from harness import Podid


def test_without_the_extra() -> None:
    code = "import sys; sys.modules['mcp'] = None; from podid.entry import main; sys.argv = ['podid', 'mcp']; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "requires the extra podid[mcp]" in done.stderr
    assert Podid()("mcp", "--help").code == 0
