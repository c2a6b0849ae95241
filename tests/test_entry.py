"""The console script: closed pipes, streams that cannot be written to, and Ctrl-C in a process of its own."""

import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from harness import Podid, one_in
from podid.sandbox.baseline import add_association
from podid.sandbox.box import Sandbox


def run_process(*argv: str, stdout: Any, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "podid", *argv],
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
    )


def to_closed_pipe(*argv: str) -> tuple[int, str]:
    """Exit code and stderr of a process whose reader is gone before it starts."""
    reader, writer = os.pipe()
    os.close(reader)
    process = run_process(*argv, stdout=writer)
    os.close(writer)
    _, stderr = process.communicate(timeout=60)
    return process.returncode, stderr.decode()


@pytest.mark.parametrize("output", one_in(3, ["jsonl", "table", "json"]))
def test_a_closed_pipe_is_silent(box: Sandbox, podid: Podid, output: str) -> None:
    add_association(box.world, "shop", "orders", "storefront")
    assert to_closed_pipe("list", "-o", output) == (0, "")


def test_a_closed_pipe_does_not_stop_a_change_nor_alter_its_code(podid: Podid) -> None:
    line = ("associate", "shop/orders", "--role", "storefront", "--wait", "api", "-q")
    assert to_closed_pipe(*line) == (0, "")
    assert [item["serviceAccount"] for item in podid("list", "-o", "json").json["items"]] == ["orders"]
    assert to_closed_pipe("sandbox", "status") == (3, "")


def test_help_into_a_closed_pipe() -> None:
    assert to_closed_pipe("--help") == (0, "")


def test_ctrl_c_in_a_process(podid: Podid, box: Sandbox) -> None:
    box.faults.latency(30.0)
    process = run_process("list", stdout=subprocess.PIPE)
    while not box.faults.calls["eks", "DescribeCluster"]:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout) == (130, b"")
    assert stderr.decode().startswith("Interrupted.")
    assert time.monotonic() - started < 10


FULL = "Warning: the result could not be written to stdout: No space left on device\n"
CLOSED = "Warning: the result could not be written to stdout: Bad file descriptor\n"


@pytest.mark.parametrize(
    ("line", "code", "stderr"),
    one_in(
        3,
        [
            ("list >/dev/full", 0, FULL),
            ("list >&-", 0, CLOSED),
            ("list 2>&-", 0, ""),
            ("list 2>/dev/full", 0, ""),
            ("list --cluster nosuch >&- 2>&-", 5, ""),
            ("disassociate shop/pay --yes --wait none >/dev/full 2>/dev/full", 0, ""),
            ("disassociate shop/orders --yes --wait none >&-", 0, CLOSED),
            ("--version >/dev/full", 0, FULL),
            ("--version >&-", 0, CLOSED),
            ("list --help >/dev/full", 0, FULL),
            ("explain --help >&-", 0, CLOSED),
        ],
    ),
)
def test_streams_that_cannot_be_written_to(box: Sandbox, podid: Podid, line: str, code: int, stderr: str) -> None:
    """The exit code stays that of the result, and the open stream has the warning."""
    for name in ("orders", "pay"):
        add_association(box.world, "shop", name, "storefront")
    done = subprocess.run(
        ["/bin/sh", "-c", f'"{sys.executable}" -m podid {line}'],
        env={**os.environ, **podid.env},
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    assert (done.returncode, done.stderr[-len(stderr) :] if stderr else done.stderr) == (code, stderr)
    assert done.stdout == (podid("list").stdout if line.startswith("list 2>") else "")
