"""Credential sources of a container, the worst of several states, and exit codes."""

from dataclasses import replace
from typing import Any

from harness import table
from podid.domain.errors import ExitCode
from podid.domain.evidence import UNSETTLED
from podid.domain.findings import Outcome, Subject, Verdict
from podid.domain.names import ServiceAccountRef
from podid.domain.status import (
    ContainerUse,
    CredentialCandidate,
    CredentialSource,
    IdentityStatus,
    NotChecked,
    PodStatus,
    exit_code,
    shortfall,
    worst,
)
from podid.domain.status import IdentityState as S


def test_the_first_certain_source_is_used() -> None:
    may = CredentialCandidate(CredentialSource.PROFILE, "p", certain=False)
    pods, node = (
        CredentialCandidate(CredentialSource.POD_IDENTITY),
        CredentialCandidate(CredentialSource.NODE_ROLE, certain=False),
    )
    both = ContainerUse("app", (may, pods, node))
    assert (both.uses, both.certain, both.unless, both.unused) == ("pod-identity", False, (may,), (node,))
    last = ContainerUse("app", (may, node))
    assert (last.uses, last.certain, last.unless, last.unused) == ("node-role", False, (may,), ())


@table(
    ("states", "expected"),
    [
        ((), None),
        ((S.READY, S.VERIFIED), S.READY),
        ((S.READY, S.BROKEN, S.STALE), S.BROKEN),
        # a state that could not be determined may be worse than configured
        ((S.READY, None), None),
        ((None, S.CONFIGURED), None),
        ((None, S.DOUBTFUL), S.DOUBTFUL),
        ((None,), None),
    ],
)
def test_the_worst_state(states: tuple[S | None, ...], expected: S | None) -> None:
    assert worst(states) is expected


def identity(state: S | None, **more: Any) -> IdentityStatus:
    new_pod = PodStatus(namespace="shop", name="", node="", workload=None, state=state)
    values: dict[str, Any] = {"association": None, "cause": None, "new_pod": new_pod, "pods": ()}
    return IdentityStatus(ref=ServiceAccountRef("shop", "orders"), state=state, **(values | more))


def failed(error_code: str = "") -> Verdict:
    return Verdict(check="c", outcome=Outcome.FAIL, subject=Subject("Pod", "a"), message="m", error_code=error_code)


@table(
    ("states", "allow_unknown", "expected"),
    [
        ((S.READY, S.PROVEN), False, ExitCode.OK),
        ((S.READY, S.BROKEN, None), False, ExitCode.ATTENTION),
        ((S.STALE,), True, ExitCode.ATTENTION),
        ((S.CONFIGURED,), False, ExitCode.UNDETERMINED),
        ((S.UNKNOWN,), True, ExitCode.OK),
        ((None,), True, ExitCode.OK),
        ((None,), False, ExitCode.UNDETERMINED),
        ((S.DOUBTFUL,), True, ExitCode.UNDETERMINED),
        ((S.NONE,), False, ExitCode.UNDETERMINED),
        ((S.NONE,), True, ExitCode.UNDETERMINED),
    ],
)
def test_the_exit_code_for_a_required_state(
    states: tuple[S | None, ...], allow_unknown: bool, expected: ExitCode
) -> None:
    assert exit_code(map(identity, states), S.READY, allow_unknown=allow_unknown) is expected


def test_an_error_of_permissions_is_a_failure_whatever_the_state() -> None:
    assert exit_code([identity(S.PROVEN, permissions=failed())], S.READY) is ExitCode.ATTENTION


def test_a_healthy_identity_that_misses_the_required_state_has_a_note() -> None:
    assert shortfall([identity(S.VERIFIED), identity(S.BROKEN)], S.VERIFIED) == ()
    denied = identity(S.READY, not_checked=(NotChecked(8, "denied", "eks-auth:AssumeRoleForPodIdentity"),))
    stale = replace(denied, state=S.STALE)
    assert shortfall([denied, stale], S.READY) == ()
    assert (
        shortfall([stale], S.VERIFIED)
        == shortfall([denied], S.VERIFIED)
        == (
            "shop/orders is not verified: no token of a running pod was redeemed; missing permission: "
            "eks-auth:AssumeRoleForPodIdentity",
        )
    )
    (note,) = shortfall([identity(S.READY), identity(S.PROVEN)], S.PROVEN)
    assert note.startswith("shop/orders is not proven: CloudTrail does not contain")


def test_a_status_settles_if_one_of_its_causes_does() -> None:
    assert identity(S.UNKNOWN, cause=failed()).unsettled is None
    pod = replace(identity(S.READY).new_pod, name="orders-1", cause=failed(UNSETTLED))
    assert identity(S.UNKNOWN, pods=(pod,)).unsettled is pod.cause
