"""Ctrl-C while a command reads, and whatever answers hangs, fails or throttles: it ends within two seconds."""

import os
import signal
import subprocess
import sys
import time

import pytest

from harness import one_in
from podid.sandbox.http import HttpAnswer
from ways import INTERRUPTED
from worlds import Site

from .front import Call, Front, Genuine, in_front, silence

SECONDS = 2.0


def hanging(call: Call, genuine: Genuine) -> HttpAnswer:
    return silence(20)


def failing(call: Call, genuine: Genuine) -> HttpAnswer:
    return HttpAnswer(503)


def throttling(call: Call, genuine: Genuine) -> HttpAnswer:
    error = "<Error><Code>Throttling</Code><Message>slow</Message></Error>"
    body = f"<ErrorResponse>{error}</ErrorResponse>" if call.service in ("iam", "sts") else "{}"
    return HttpAnswer(429, {"Retry-After": "5"}, body.encode())


ANSWERS: dict[str, Front] = {"hangs": hanging, "fails": failing, "throttles": throttling}


@pytest.mark.parametrize(("way", "how"), one_in(49, ((way.line, how) for way in INTERRUPTED for how in ANSWERS)))
def test_it_ends_at_once(site: Site, way: str, how: str) -> None:
    came: list[float] = []
    INTERRUPTED[0].world(site)
    if way.startswith("undo"):
        site.must("associate", "payments/billing-worker", "--role", "billing-worker", "--wait", "none")

    def front(call: Call, genuine: Genuine) -> HttpAnswer:
        # what finds out where the command is to work is no parallel read
        if call.operation in ("GetCallerIdentity", "DescribeCluster", "GET /version") and way != "whoami":
            return genuine()
        came.append(time.monotonic())
        return ANSWERS[how](call, genuine)

    with in_front(site, front):
        process = subprocess.Popen(
            [sys.executable, "-m", "podid", *way.split()],
            cwd=site.directory,
            env={"PATH": os.environ["PATH"], **site.env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        while not came or time.monotonic() < came[0] + 0.4:
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        pressed = time.monotonic()
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
        took = time.monotonic() - pressed
    assert (process.returncode, stdout) == (130, ""), (stdout, stderr)
    assert stderr.splitlines()[-1].startswith("Interrupted"), stderr
    assert took < SECONDS
