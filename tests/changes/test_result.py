"""The exit code that a change's result owns."""

import pytest

from podid.domain.errors import AccessDenied, Conflict, PodidError, TimedOut
from podid.domain.exit_codes import ExitCode
from podid.domain.plan import ChangeResult, Done, Effect, EffectState, Header, Plan, Status, Wait
from podid.ops.change.kinds import RESTART

PLAN = Plan(header=Header(caller_arn="", account="", region=""), actions=())
ACTION = RESTART.action(None, RESTART.state_of("shop", "Deployment", "orders"))
DENIED, TIMED_OUT, CONFLICT = AccessDenied("no"), TimedOut("late"), Conflict("in the way")


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
        # the change was made, and only its effect was not waited for to the end
        ((WORKED,), TIMED_OUT, ExitCode.UNAVAILABLE),
    ],
)
def test_what_was_done(items: tuple[Done, ...], error: PodidError | None, code: ExitCode) -> None:
    assert ChangeResult(plan=PLAN, done=items, error=error).exit_code is code


@pytest.mark.parametrize(
    ("state", "wait", "code"),
    [
        (EffectState.PROVEN, Wait.EFFECT, ExitCode.OK),
        (EffectState.LIKELY, None, ExitCode.OK),
        (EffectState.UNKNOWN, None, ExitCode.OK),
        (EffectState.UNKNOWN, Wait.EFFECT, ExitCode.UNDETERMINED),
        (EffectState.NOT_IN_EFFECT, None, ExitCode.UNAVAILABLE),
    ],
)
def test_its_effect(state: EffectState, wait: Wait | None, code: ExitCode) -> None:
    assert ChangeResult(plan=PLAN, done=(WORKED,), effect=Effect(state, ""), wait=wait).exit_code is code


def test_an_effect_that_is_unknown_comes_before_a_restart_that_failed() -> None:
    unknown = Effect(EffectState.UNKNOWN, "")
    result = ChangeResult(plan=PLAN, done=(UNCHANGED, FAILED), effect=unknown, wait=Wait.EFFECT)
    assert result.exit_code is ExitCode.UNDETERMINED
