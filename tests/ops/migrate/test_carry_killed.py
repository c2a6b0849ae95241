"""kill -9 at every write of a migration: the same command again finishes it, no pod is ever without credentials, and a
rollback restores annotations and trust policies to equal values.

Most runs die in this process: from the write on no request arrives, and the journal stays as it was at that moment.
"""

import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from cluster_api import Json
from irsa import PROVIDER, irsa_statement
from ops.change.support import killed_at_write
from ops.migrate.killed import APPLY, AWS_WRITES, FINISH, KUBE_WRITES, ONE, REFS, ROLES, ROLLBACK, TWO, Watched
from podid.calls import rate
from podid.sandbox.faults import Fault
from worlds import Site


@pytest.fixture
def irsa(healthy: Site) -> Watched:
    return Watched(healthy)


def _moments(writes: int, number: int, when: str) -> list[Any]:
    """Return the moments of all writes; only the specified one is not rare."""
    moments = [(place, moment) for place in range(writes) for moment in ("before", "after")]
    return [pytest.param(*m, marks=() if m == (number, when) else pytest.mark.rare) for m in moments]


@pytest.mark.rare  # test_carry_fleet.py kills apply in each run
@pytest.mark.parametrize(("number", "when"), _moments(14, 1, "after"))
def test_a_killed_apply_is_continued(irsa: Watched, monkeypatch: pytest.MonkeyPatch, number: int, when: str) -> None:
    irsa.kill(monkeypatch, APPLY, number, when)
    irsa.site.must(*APPLY)
    irsa.is_moved()
    irsa.site.must(*ROLLBACK)
    irsa.is_back()
    assert irsa.without == []


def test_what_a_killed_apply_created_is_rolled_back_by_a_failing_rerun(
    irsa: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the whole run would have rolled it back."""
    irsa.kill(monkeypatch, APPLY, 1, "after")
    irsa.site.kube.faults.webhook_misses = math.inf
    failed = irsa.site(*APPLY)
    assert (failed.code, "; rolled back to IRSA" in failed.stderr) == (8, True), failed
    assert irsa.site.must("list", "-n", "legacy", "-o", "name").stdout == ""
    assert irsa.running("AWS_WEB_IDENTITY_TOKEN_FILE")


@pytest.mark.parametrize(("number", "when"), _moments(5, 3, "after"))
def test_a_killed_finish_is_continued(irsa: Watched, monkeypatch: pytest.MonkeyPatch, number: int, when: str) -> None:
    irsa.site.must(*APPLY)
    irsa.kill(monkeypatch, FINISH, number, when)
    irsa.site.must(*FINISH)
    irsa.is_finished()
    irsa.site.must("migrate", "rollback", *REFS, "--yes")
    irsa.is_back()
    assert irsa.without == []


@pytest.mark.parametrize("finished", [pytest.param(False, marks=pytest.mark.rare), True])
@pytest.mark.parametrize(("number", "when"), _moments(13, 4, "before"))
def test_a_killed_rollback_is_continued(
    irsa: Watched, monkeypatch: pytest.MonkeyPatch, number: int, when: str, finished: bool
) -> None:
    irsa.site.must(*APPLY)
    if finished:
        irsa.site.must(*FINISH)
    argv = ("migrate", "rollback", *REFS, "--yes")
    irsa.kill(monkeypatch, argv, number, when, must=finished)
    irsa.site.must(*argv)
    irsa.is_back()
    assert irsa.without == []


# --- processes --------------------------------------------------------------------------------------------------------


@pytest.mark.rare  # ops/change/test_journal_killed.py kills processes in each run
@pytest.mark.parametrize(
    ("lead", "argv", "number"),
    [
        ((APPLY, FINISH), ("migrate", "rollback", *REFS, "--yes"), 0),
        ((), APPLY, 0),
        ((), APPLY, 1),
        ((APPLY,), FINISH, 0),
        ((APPLY,), ("migrate", "rollback", *REFS, "--yes"), 1),
    ],
    ids=["rollback-trust", "apply-trust", "apply-association", "finish-trust", "rollback-association"],
)
def test_a_killed_process_is_continued(
    irsa: Watched, lead: tuple[tuple[str, ...], ...], argv: tuple[str, ...], number: int
) -> None:
    """The same with SIGKILL: at a write that AWS carried out and whose answer never arrived."""
    for before in lead:
        irsa.site.must(*before)
    pid: list[int] = []

    def current() -> int:
        while not pid:
            time.sleep(0.001)
        return pid[0]

    with killed_at_write(irsa.site.box, number, "after", current):
        environment = {"PATH": os.environ["PATH"], **irsa.site.env}
        process = subprocess.Popen(
            [sys.executable, "-m", "podid", *argv],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        pid.append(process.pid)
        assert process.wait(60) == -9
    irsa.site.must(*argv)
    if argv == APPLY:
        irsa.is_moved()
    elif argv == FINISH:
        irsa.is_finished()
    else:
        irsa.is_back()
    assert irsa.without == []


# --- lost answers -----------------------------------------------------------------------------------------------------


@pytest.mark.rare  # test_carry_fleet.py loses answers in each run
@pytest.mark.parametrize("kind", ["lose-answer", "reset", "fail"])
def test_lost_answers_and_refused_calls(irsa: Watched, kind: str) -> None:
    """Each kind of write meets it once, in every command."""
    for argv in (APPLY, FINISH, ("migrate", "rollback", *REFS, "--yes")):
        for service, operation in AWS_WRITES:
            irsa.site.box.faults.add(Fault(kind, service, operation, times=1))
        for operation in KUBE_WRITES:
            irsa.site.kube.faults.add(Fault(kind, operation=operation, times=1, status=429, retry_after=1))
        outcome = irsa.site(*argv)
        irsa.site.box.faults.clear()
        irsa.site.kube.faults.clear()
        if outcome.code != 0:
            irsa.site.must(*argv)
    irsa.is_back()
    assert irsa.without == []


def test_a_throttled_account(irsa: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate, "FLOOR", 80.0)  # the waits for a slower rate are real time
    irsa.site.box.faults.throttle(100, 1, "eks")
    irsa.site.box.faults.throttle(100, 1, "iam")
    for argv in (APPLY, FINISH, ("migrate", "rollback", *REFS, "--yes")):
        irsa.site.must(*argv)
    irsa.is_back()
    assert irsa.without == []


@pytest.mark.rare
@pytest.mark.parametrize("seed", range(24))
def test_any_order_of_commands_can_be_rolled_back(irsa: Watched, seed: int) -> None:
    """Apply, finish and rollback of random service accounts, whose roles trust random others."""
    chance = Random(seed)
    forms: list[Callable[[str], Json]] = [
        lambda ref: irsa_statement(ref),
        lambda ref: irsa_statement("any/x", ref, "any/y"),
        lambda ref: irsa_statement(f"{ref.partition('/')[0]}/*", operator="StringLike"),
        lambda ref: irsa_statement(),
        lambda ref: {**irsa_statement(ref), "Sid": "Mine"},
    ]
    strangers = [
        irsa_statement("shop/one", provider=PROVIDER.replace("EXAMPLED", "OTHERD")),
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
        {**irsa_statement("any/z"), "Sid": "Other"},
    ]
    for ref in REFS:
        statements = [chance.choice(forms)(ref), *chance.sample(strangers, chance.randrange(3))]
        chance.shuffle(statements)
        irsa.site.trust(ROLES[ref], {"Version": "2012-10-17", "Statement": statements})
    pair = irsa.trust("pair")["Statement"]
    irsa.site.trust("pair", {"Version": "2012-10-17", "Statement": [*pair, irsa_statement(ONE, TWO)]})
    irsa.before = irsa.values()
    for _ in range(6):
        some = chance.sample(REFS, chance.randint(1, 3))
        verb = chance.choice(["apply", "finish", "rollback"])
        more = {"finish": ["--soak", "0", *chance.choice([[], ["--narrow"]])]}.get(verb, [])
        outcome = irsa.site("migrate", verb, *some, *more, "--yes")
        # 6: a trust policy without room
        assert outcome.code in (0, 3, 6, 8), outcome
    irsa.site.must("migrate", "rollback", *REFS, "--yes")
    irsa.is_back()
    assert irsa.without == []
