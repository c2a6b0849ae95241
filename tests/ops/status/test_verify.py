"""Waiting for a state, the question before credentials are requested, and the exit code of a verification."""

import math
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from checks.builder import healthy, probed
from harness import table
from podid.calls.patience import Clock, Patience
from podid.domain.errors import ExitCode
from podid.domain.evidence import UNSETTLED, DryRun
from podid.domain.findings import Outcome, Subject, Verdict
from podid.domain.snapshot import Known, Missing, Section, Snapshot
from podid.domain.status import Allowed, IdentityState, IdentityStatus
from podid.ops.reading.probes import Probing
from podid.ops.status.diagnose import Diagnosis, diagnose
from podid.ops.status.request import VerifyOptions
from podid.ops.status.verify import ROUND_SECONDS, Verification, credentials_consent, wait
from worlds import ORDERS

SNAPSHOT = healthy()
NOW = SNAPSHOT.taken_at
REPORT = diagnose(SNAPSHOT)
(STATUS,) = REPORT.identities
AGENT_UNSETTLED = Verdict(
    check="agent-not-on-node",
    outcome=Outcome.UNKNOWN,
    subject=Subject("Node", "node-1"),
    message="",
    link=6,
    reason="the agent starts",
    error_code=UNSETTLED,
)
STARTING = replace(
    STATUS, state=IdentityState.UNKNOWN, new_pod=replace(STATUS.new_pod, cause=AGENT_UNSETTLED), cause=AGENT_UNSETTLED
)
BROKEN = replace(STATUS, state=IdentityState.BROKEN)


class Waits:
    """Reads one status after the other, and records each wait. Each status has a snapshot of its own."""

    def __init__(self, *statuses: IdentityStatus, read_seconds: float = 0.0) -> None:
        self.statuses, self.again, self.bases = list(statuses), list[set[str]](), list[Snapshot | None]()
        self.seconds, self.messages, self.read_seconds = 0.0, list[str](), read_seconds
        self.pauses, self.judged = list[float](), 0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds

    def read(self, base: Snapshot | None, again: Collection[str]) -> Snapshot:
        self.again.append(set(again))
        self.bases.append(base)
        snapshot = replace(SNAPSHOT, taken_at=self.now(), account_quotas=Known({"round": len(self.again)}))
        self.seconds += self.read_seconds
        return snapshot

    def judge(self, snapshot: Snapshot) -> Diagnosis:
        self.judged += 1
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return Diagnosis(replace(REPORT, identities=(status,)), snapshot)

    def run(self, seconds: float = 60, until: float = math.inf) -> IdentityState | None:
        patience = Patience(seconds, Clock(self.now, lambda: self.seconds, self.sleep), self.messages.append, until)
        diagnosis = wait(self.read, self.judge, patience, lambda status: status.reaches(IdentityState.READY))
        (status,) = diagnosis.report.identities
        return status.state


class Unchanging(Waits):
    """Each round reads the same, except the number of dry runs."""

    def read(self, base: Snapshot | None, again: Collection[str]) -> Snapshot:
        run = DryRun(hits=len(self.again), rounds=1, needed=5, last=self.now())
        return replace(super().read(base, again), account_quotas=Known({}), dry_runs=Known({str(ORDERS): Known(run)}))


def test_a_recent_change_is_waited_for_and_only_its_sections_are_read_again() -> None:
    waits = Waits(STARTING, STARTING, STATUS)
    assert (waits.run(), waits.seconds) == (IdentityState.VERIFIED, 2 * ROUND_SECONDS)
    assert waits.again[0] == set()
    assert "agent_pods" in waits.again[1]
    assert "tokens" not in waits.again[1]
    assert [base is None for base in waits.bases] == [True, False, False]
    assert set(waits.messages) == {f"waiting for {ORDERS}: the agent starts"}


def test_a_round_without_a_new_result_is_not_judged_until_the_last_one() -> None:
    waits = Unchanging(STARTING)
    waits.run(8)
    assert (len(waits.again), waits.judged) == (5, 2)
    waits = Unchanging(STARTING)
    waits.run(30)
    assert (len(waits.again), waits.judged) == (16, 4)  # after 0, 10, 20 and 30 seconds


@table(("read_seconds", "pause"), [(0.0, 2.0), (0.5, 1.5), (1.0, 1.0), (7.0, 1.0)])
def test_rounds_begin_every_two_seconds_with_a_pause_before_each(read_seconds: float, pause: float) -> None:
    waits = Waits(STARTING, STARTING, STATUS, read_seconds=read_seconds)
    waits.run()
    assert waits.pauses == [pause, pause]


def test_a_standing_cause_is_not_waited_for() -> None:
    waits = Waits(BROKEN)
    assert (waits.run(), waits.seconds, waits.messages) == (IdentityState.BROKEN, 0, [])


def test_the_last_status_counts_when_the_time_is_over() -> None:
    waits = Waits(STARTING)
    assert (waits.run(10), waits.seconds) == (IdentityState.UNKNOWN, 10)


def test_a_reading_after_the_deadline_of_the_command_does_not_count() -> None:
    assert Waits(STARTING, BROKEN).run(until=ROUND_SECONDS / 2) is IdentityState.UNKNOWN


def test_the_question_names_the_roles_and_the_probe_pods() -> None:
    assert credentials_consent(["orders"], None).question == "Request short-lived credentials of orders to check them?"
    run = cast("Probing", SimpleNamespace(planned=(1, 2)))
    consent = credentials_consent(["orders", "cart"], run)
    assert consent.question == "Request short-lived credentials of orders, cart, and run 2 probe pods?"
    assert consent.needed_for == "Requesting credentials and running probe pods"


def allowed(answer: bool | None) -> dict[Any, tuple[Allowed, ...]]:
    return {ORDERS: (Allowed("s3:GetObject", "*", answer),)}


UNREACHABLE: dict[str, Section[Any]] = {str(ORDERS): Known((probed(redeemed=None, missing=Missing("no answer")),))}
NEVER_RAN: dict[str, Section[Any]] = {str(ORDERS): Missing("the Job was rejected")}


@table(
    ("state", "answers", "probes", "options", "code"),
    [
        ("verified", {}, {}, {}, 0),
        ("ready", {}, {}, {}, 9),
        ("ready", {}, {}, {"require": IdentityState.READY}, 0),
        ("broken", {}, {}, {"allow_unknown": True}, 3),
        ("verified", allowed(True), {}, {}, 0),
        ("verified", allowed(False), {}, {}, 3),
        ("verified", allowed(None), {}, {}, 9),
        ("verified", {}, UNREACHABLE, {}, 9),
        ("verified", {}, NEVER_RAN, {}, 9),
        ("verified", {}, NEVER_RAN, {"allow_unknown": True}, 0),
    ],
)
def test_the_exit_code(state: str, answers: Any, probes: Any, options: Any, code: int) -> None:
    snapshot = healthy(probes=probes)
    status = replace(STATUS, state=IdentityState(state))
    verification = Verification(VerifyOptions(**options), snapshot, (status,), answers)
    assert verification.exit_code is ExitCode(code)
