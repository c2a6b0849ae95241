"""Interrupted runs: their open actions are settled by the present state."""

import fcntl
import os
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from harness import Podid
from ops.change.support import ATTACHMENT, HEADER, PLACE, Attached, attached, runs
from podid.domain.aws import RolePolicies
from podid.domain.errors import Undetermined
from podid.domain.plan import Done, Status
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ROLE_ATTACHMENT
from podid.ops.change.records import Run
from podid.ops.change.settle import settle
from podid.ops.clients import Clients
from podid.sandbox.box import Sandbox


@pytest.mark.parametrize("keep", [1, 40, -1])
def test_an_action_without_a_whole_outcome_is_settled(journal: Path, keep: int) -> None:
    recorder = Journal(journal).begin(("x",), HEADER, datetime.now(UTC))
    recorder.intent(0, ATTACHMENT)
    recorder.close()
    file = next(journal.iterdir())
    whole = file.read_bytes()
    with Journal(journal).begin(("x",), HEADER, datetime.now(UTC)) as second:
        second.intent(0, ATTACHMENT)
        second.outcome(0, Done(ATTACHMENT, Status.DONE, None))
    outcome = (journal / f"{second.run_id}.jsonl").read_bytes().splitlines(keepends=True)[-2]
    file.write_bytes(whole + outcome[:keep])

    (run,) = [run for run in Journal(journal).runs() if run.run_id == recorder.run_id]
    assert [step.status for step in run.steps] == [None]
    settled = settle(attached(), PLACE, Journal(journal))
    assert settled.sentences == (
        f"run {recorder.run_id} was interrupted; managed policy p of role r: settled: the change was not made",
    )
    assert file.read_bytes().startswith(whole + b'{"type":"outcome"')


def test_equal_outcomes_are_one_sentence(journal: Path) -> None:
    others = [ROLE_ATTACHMENT.action(None, {"roleName": name, "policyArn": "p"}) for name in ("s", "t")]
    with Journal(journal).begin(("x",), HEADER, datetime.now(UTC)) as recorder:
        for number, action in enumerate((ATTACHMENT, *others)):
            recorder.intent(number, action)
    policies = "managed policy p of role r, managed policy p of role s, managed policy p of role t"
    assert settle(attached(), PLACE, Journal(journal)).sentences == (
        f"run {recorder.run_id} was interrupted; {policies}: settled: the change was not made",
    )


def test_a_change_that_cannot_be_read_stays_open(journal: Path) -> None:
    """The next command asks again; nobody has been told that the change is done."""
    other = ROLE_ATTACHMENT.action(None, {"roleName": "hidden", "policyArn": "p"})
    with Journal(journal).begin(("x",), HEADER, datetime.now(UTC)) as recorder:
        recorder.intent(0, other)
        recorder.intent(1, ATTACHMENT)

    class Partly(Attached):
        def get_policies(self, name: str) -> RolePolicies:
            if name == "hidden":
                raise Undetermined("iam:ListAttachedRolePolicies is denied")
            return super().get_policies(name)

    clients = cast("Clients", SimpleNamespace(iam=Partly("p")))
    settled = settle(clients, PLACE, Journal(journal))
    assert settled.sentences == (
        f"run {recorder.run_id} was interrupted; the outcome of managed policy p of role hidden cannot be read now: "
        "iam:ListAttachedRolePolicies is denied",
        f"run {recorder.run_id} was interrupted; managed policy p of role r: settled: the change was made",
    )
    run = Journal(journal).get(recorder.run_id)
    assert [step.status for step in run.steps] == [None, Status.DONE]
    assert (run.reported, len(run.open_steps)) == (False, 1)

    again = settle(attached(), PLACE, Journal(journal))
    assert [action for _, action, _ in again.items] == [other]
    assert [step.status for step in Journal(journal).get(recorder.run_id).steps] == [Status.FAILED, Status.DONE]
    assert settle(attached(), PLACE, Journal(journal)).items == ()


def test_a_running_run_is_never_settled_nor_undone(box: Sandbox, podid: Podid, journal: Path) -> None:
    recorder = Journal(journal).begin(("role", "create"), HEADER, box.world.clock.datetime())
    recorder.intent(0, ATTACHMENT)
    box.world.clock.advance(1)

    assert podid("associate", "shop/orders", "--role", "storefront", "--wait", "none").code == 0

    running = runs(podid)[-1]
    assert (running["status"], running["actions"][0]["status"]) == ("running", "open")
    undo = podid("undo", recorder.run_id, "--yes")
    assert (undo.code, "is still in progress" in undo.stderr) == (6, True)
    recorder.close()  # as the kernel does for a process that dies
    assert podid("associate", "shop/orders", "--role", "storefront", "--wait", "none").code == 0
    assert runs(podid)[-1]["actions"][0]["status"] == "failed"


def test_a_run_is_settled_once(journal: Path) -> None:
    """Both have seen it open; what the first found and then changed must not be judged again by the second."""
    recorder = Journal(journal).begin(("role", "create"), HEADER, datetime.now(UTC))
    recorder.intent(0, ATTACHMENT)
    recorder.close()
    settled = []

    class Slow(Journal):
        """Lets another process settle between its own look and its lock."""

        def runs(self, since: datetime | None = None) -> tuple[Run, ...]:
            known = super().runs(since)
            settled.append(settle(attached("p"), PLACE, Journal(journal)))
            return known

    assert settle(attached(), PLACE, Slow(journal)).items == ()
    assert [len(one.items) for one in settled] == [1]
    assert [step.status for run in Journal(journal).runs() for step in run.steps] == [Status.DONE]


def test_a_locked_run_is_not_settled(journal: Path) -> None:
    recorder = Journal(journal).begin(("role", "create"), HEADER, datetime.now(UTC))
    recorder.intent(0, ATTACHMENT)
    recorder.close()
    descriptor = os.open(journal / f"{recorder.run_id}.jsonl", os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    assert settle(attached(), PLACE, Journal(journal)).items == ()
    os.close(descriptor)
