"""The exit code that a change's result owns."""

from typing import Any

import pytest

from podid.domain.errors import AccessDenied, Conflict, ExitCode, PodidError, TimedOut
from podid.domain.evidence import UNSETTLED
from podid.domain.findings import Outcome, Subject, Verdict
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Awaited, ChangeResult, Done, Header, Plan, Status, Wait, matches
from podid.domain.status import IdentityState, IdentityStatus, PodStatus
from podid.ops.change.kinds import RESTART

PLAN = Plan(header=Header(caller_arn="", account="", region=""), actions=())
ACTION = RESTART.action(None, RESTART.state_of(Subject("Deployment", "orders", "shop")))
DENIED, TIMED_OUT, CONFLICT = AccessDenied("no"), TimedOut("late"), Conflict("in the way")


def test_iam_may_change_the_form_of_a_policy() -> None:
    def state(*principals: str) -> dict[str, Any]:
        statement = {"Effect": "Allow", "Principal": {"AWS": [*principals]}, "Action": "sts:AssumeRole"}
        return {"roleName": "web", "trustPolicy": {"Version": "2012-10-17", "Statement": [statement]}}

    root = "arn:aws:iam::444455556666:root"
    assert matches(state("111122223333", "444455556666"), state(root, "111122223333"))
    assert not matches(state("111122223333"), state(root, "111122223333"))


def done(status: Status, error: PodidError | None = None) -> Done:
    return Done(ACTION, status, error=error)


WORKED, FAILED, LATE = done(Status.DONE), done(Status.FAILED, DENIED), done(Status.FAILED, TIMED_OUT)
BLOCKED, UNCHANGED = done(Status.BLOCKED, CONFLICT), done(Status.UNCHANGED)


@pytest.mark.parametrize(
    ("items", "error", "code"),
    [
        ((), None, ExitCode.OK),
        ((WORKED, UNCHANGED), None, ExitCode.OK),
        ((WORKED, FAILED), None, ExitCode.PARTIAL),
        ((WORKED, BLOCKED), None, ExitCode.PARTIAL),
        ((FAILED, LATE), None, ExitCode.UNAVAILABLE),
        ((FAILED, BLOCKED), None, ExitCode.DENIED),
        ((BLOCKED,), None, ExitCode.CONFLICT),
        ((FAILED,), DENIED, ExitCode.DENIED),
        ((WORKED,), DENIED, ExitCode.PARTIAL),
        ((WORKED, FAILED), TIMED_OUT, ExitCode.PARTIAL),
        # the change was made, and only what follows was not waited for to the end
        ((WORKED,), TIMED_OUT, ExitCode.UNAVAILABLE),
    ],
)
def test_the_exit_code_of_a_change(items: tuple[Done, ...], error: PodidError | None, code: ExitCode) -> None:
    assert ChangeResult(plan=PLAN, done=items, error=error).exit_code is code


def verdict(check: str = "agent-not-installed", **changes: Any) -> Verdict:
    return Verdict(check=check, outcome=Outcome.FAIL, subject=Subject("Cluster", "demo"), message="", **changes)


def status(
    new: IdentityState | None, state: IdentityState | None = None, cause: Verdict | None = None
) -> IdentityStatus:
    pod = PodStatus(namespace="shop", name="", node="", workload=None, state=new, cause=cause)
    ref = ServiceAccountRef("shop", "orders")
    return IdentityStatus(ref=ref, association=None, state=state or new, cause=cause, new_pod=pod, pods=())


SETTLING = verdict(error_code=UNSETTLED)
READY, VERIFIED = IdentityState.READY, IdentityState.VERIFIED


@pytest.mark.parametrize(
    ("after", "wait", "code"),
    [
        (status(READY), None, ExitCode.OK),
        (status(READY), Wait.READY, ExitCode.OK),
        (status(READY), Wait.VERIFIED, ExitCode.UNDETERMINED),
        (status(VERIFIED), Wait.VERIFIED, ExitCode.OK),
        # a pod that would be created now is never proven
        (status(VERIFIED, IdentityState.PROVEN), Wait.PROVEN, ExitCode.OK),
        (status(VERIFIED), Wait.PROVEN, ExitCode.UNDETERMINED),
        # a standing cause, and one that may pass
        (status(IdentityState.BROKEN, cause=verdict()), None, ExitCode.ATTENTION),
        (status(IdentityState.UNKNOWN, cause=SETTLING), None, ExitCode.UNAVAILABLE),
        # running pods are stale until they are replaced, and that is no failure of an association
        (status(READY, IdentityState.STALE), None, ExitCode.OK),
        (status(IdentityState.UNKNOWN, cause=verdict()), None, ExitCode.OK),
        (status(IdentityState.UNKNOWN, cause=verdict()), Wait.READY, ExitCode.UNDETERMINED),
        (status(IdentityState.DOUBTFUL, cause=verdict()), Wait.READY, ExitCode.UNDETERMINED),
        (status(None), None, ExitCode.OK),
        (status(None), Wait.READY, ExitCode.UNDETERMINED),
        # an association may come before its service account
        (status(IdentityState.BROKEN, cause=verdict("association-sa-not-found")), None, ExitCode.OK),
        (status(IdentityState.BROKEN, cause=verdict("association-sa-not-found")), Wait.READY, ExitCode.UNDETERMINED),
    ],
)
def test_the_status_after_it(after: IdentityStatus, wait: Wait | None, code: ExitCode) -> None:
    assert ChangeResult(plan=PLAN, done=(WORKED,), after=(after,), wait=wait).exit_code is code


def test_after_a_restart_running_pods_count() -> None:
    stale = status(READY, IdentityState.STALE)
    assert ChangeResult(plan=PLAN, after=(stale,), restarted=True).exit_code is ExitCode.UNAVAILABLE
    assert ChangeResult(plan=PLAN, after=(status(READY, READY),), restarted=True).exit_code is ExitCode.OK


@pytest.mark.parametrize(
    ("reached", "wait", "code"),
    [
        (True, None, ExitCode.OK),
        (False, None, ExitCode.UNAVAILABLE),
        (None, None, ExitCode.OK),
        (None, Wait.READY, ExitCode.UNDETERMINED),
    ],
)
def test_the_exit_code_of_a_wait(reached: bool | None, wait: Wait | None, code: ExitCode) -> None:
    result = ChangeResult(plan=PLAN, done=(WORKED,), awaited=Awaited("3 of 3 nodes", reached), wait=wait)
    assert result.exit_code is code


def test_an_undetermined_state_precedes_a_failed_restart() -> None:
    result = ChangeResult(plan=PLAN, done=(UNCHANGED, FAILED), unchecked="no way in", wait=Wait.READY)
    assert result.exit_code is ExitCode.UNDETERMINED
