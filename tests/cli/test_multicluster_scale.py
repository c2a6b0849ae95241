"""Hundreds of clusters: the limit of the slowest account sets the time, and the memory does not grow with them."""

import gc
import io
import json
import os
import re
import signal
import threading
import time

import pytest

from accounts import ROLE, add_clusters, ids, organization
from harness import Podid
from podid.cli.boundary import main
from podid.cli.runtime import Runtime, Streams
from podid.cli.terminal import Progress
from podid.sandbox.box import Sandbox
from podid.sandbox.faults import Fault

LINE = ("list", "--assume-role", ROLE, "--organization", "-o")
FORBIDDEN = ("333300000001", "333300000002")


def calls(clusters: int, associations: int) -> int:
    """Of one account: its clusters, and for each cluster itself, its list and its associations."""
    return 1 + clusters * (2 + associations)


@pytest.mark.parametrize(
    ("accounts", "clusters", "associations", "rate", "faster", "most"),
    [
        # one account after another takes three times the limit
        pytest.param(3, 4, 4, 8.0, 1, 2.2, id="12-clusters"),
        pytest.param(10, 30, 8, 10.0, 2, 1.15, id="300-clusters", marks=pytest.mark.rare),
    ],
)
def test_the_slowest_account_sets_the_time(
    box: Sandbox, podid: Podid, accounts: int, clusters: int, associations: int, rate: float, faster: int, most: float
) -> None:
    """EKS of one account answers `rate` calls a second, with as many saved up, and that of the others `faster` times as
    many. Two more accounts cannot be read."""
    names = ids(accounts)
    organization(box, names, clusters=clusters, associations=associations)
    box.world.organization.update(dict.fromkeys(FORBIDDEN, "ACTIVE"))
    for number, name in enumerate(names):
        allowed = faster * rate if number else rate
        box.faults.add(Fault("throttle", "eks", account=name, rate=allowed, burst=allowed))
    began = time.monotonic()
    outcome = podid(*LINE, "jsonl")
    seconds = time.monotonic() - began
    assert outcome.code == 8
    assert len(outcome.stdout.splitlines()) == accounts * clusters * associations
    assert all(f"arn:aws:iam::{account}:role/{ROLE}" in outcome.stderr for account in FORBIDDEN)
    required = calls(clusters, associations) / rate - 1
    assert seconds <= most * required


class Lines(io.StringIO):
    """Counts lines and keeps none, and counts the objects in memory when the last line is written."""

    def __init__(self, last: int) -> None:
        super().__init__()
        self.last, self.count, self.objects = last, 0, 0

    def write(self, text: str) -> int:
        self.count += text.count("\n")
        if self.count == self.last:
            self.objects = _objects()
        return len(text)


def _objects() -> int:
    gc.collect()
    return len(gc.get_objects())


def kept(lines: int) -> int:
    """Return how many objects more there are with the last line of the list than before it."""
    stdout, before = Lines(lines), _objects()
    streams = Streams(io.StringIO(), stdout, io.StringIO(), stdin_tty=False, stdout_tty=False, stderr_tty=False)
    assert main([*LINE, "jsonl"], Runtime(streams, os.environ)) == 0
    assert stdout.count == lines
    return stdout.objects - before


@pytest.mark.parametrize(
    ("accounts", "few", "many", "associations"),
    [
        pytest.param(1, 8, 20, 25, id="20-clusters"),
        pytest.param(4, 8, 30, 40, id="120-clusters", marks=pytest.mark.rare),
    ],
)
def test_the_memory_does_not_grow_with_the_clusters(
    box: Sandbox, podid: Podid, accounts: int, few: int, many: int, associations: int
) -> None:
    """Nothing of an association is kept once its line is written."""
    worlds = organization(box, ids(accounts), clusters=few, associations=associations)
    kept(accounts * few * associations)  # what is loaded once
    small = kept(accounts * few * associations)
    for world in worlds:
        add_clusters(world, range(few, many), associations)
    assert kept(accounts * many * associations) <= 1.3 * small


@pytest.mark.parametrize("output", ["json", "jsonl"])
def test_an_interruption_prints_the_results_so_far(
    box: Sandbox, podid: Podid, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    """One account does not answer, and Ctrl-C ends the wait for it, once all others are read."""
    quick, slow = ids(2)
    organization(box, (quick, slow), clusters=2)
    box.faults.add(Fault("latency", "eks", "DescribePodIdentityAssociation", account=slow, seconds=20.0))
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    glance = Progress.glance

    def glancing(self: Progress, text: str) -> None:
        glance(self, text)
        if text.startswith("3 of"):
            timer.start()

    monkeypatch.setattr(Progress, "glance", glancing)
    began = time.monotonic()
    outcome = podid(*LINE, output)
    assert outcome.code == 130, outcome
    assert time.monotonic() - began < 20.0
    texts = [json.loads(line) for line in outcome.stdout.splitlines()] if output == "jsonl" else outcome.json["items"]
    assert {item["associationArn"].split(":")[4] for item in texts} == {quick}
    assert len(texts) == 2
    # the own cluster and both of the quick account; the slow one's count once podid has listed them
    assert re.search(r"^Interrupted at 3 of [35] clusters\.$", outcome.stderr, re.MULTILINE), outcome
