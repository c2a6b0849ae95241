"""The policies of a role after a planned change, which a forecast of `podid associate` and others evaluates."""

from collections.abc import Mapping, Sequence

import pytest

from checks.builder import DENIED, READS, ROLE_ARN, healthy
from checks.grid import outcomes
from podid.domain.iam import PolicyNames
from podid.domain.plan import Action
from podid.domain.snapshot import Known, Missing, Snapshot
from podid.ops.change.kinds import ROLE_ATTACHMENT, ROLE_POLICY, kind_of

ROLE = ROLE_ARN.rsplit("/", 1)[-1]
S3, SQS = (f"arn:aws:iam::aws:policy/Amazon{name}FullAccess" for name in ("S3", "SQS"))


def attach(arn: str) -> Action:
    return ROLE_ATTACHMENT.action(None, ROLE_ATTACHMENT.state_of(ROLE, arn))


def detach(arn: str) -> Action:
    return ROLE_ATTACHMENT.action(ROLE_ATTACHMENT.state_of(ROLE, arn), None)


def put(name: str, document: Mapping[str, object] = READS, before: Mapping[str, object] | None = None) -> Action:
    state = ROLE_POLICY.state_of(ROLE, name, before) if before is not None else None
    return ROLE_POLICY.action(state, ROLE_POLICY.state_of(ROLE, name, document))


def delete(name: str) -> Action:
    return ROLE_POLICY.action(ROLE_POLICY.state_of(ROLE, name, READS), None)


def after(snapshot: Snapshot, actions: Sequence[Action]) -> Snapshot:
    for action in actions:
        snapshot = kind_of(action.kind).predict(snapshot, action, snapshot.taken_at)
    return snapshot


@pytest.mark.parametrize(
    ("before", "actions", "names"),
    [
        (PolicyNames(), [attach(S3)], PolicyNames(attached=(S3,))),
        (PolicyNames(attached=(S3,)), [attach(SQS)], PolicyNames(attached=(S3, SQS))),
        (PolicyNames(attached=(S3,)), [attach(S3)], PolicyNames(attached=(S3,))),
        (PolicyNames(attached=(S3, SQS)), [detach(S3)], PolicyNames(attached=(SQS,))),
        (PolicyNames(inline=("p",), attached=(S3,)), [detach(S3)], PolicyNames(inline=("p",))),
        (PolicyNames(inline=("p",), attached=(S3,)), [delete("p")], PolicyNames(attached=(S3,))),
        (PolicyNames(attached=(S3,)), [put("p")], PolicyNames(inline=("p",), attached=(S3,))),
        (PolicyNames(inline=("p",)), [put("p", before=READS)], PolicyNames(inline=("p",))),
        (PolicyNames(attached=(S3,)), [detach(S3), attach(S3)], PolicyNames(attached=(S3,))),
    ],
)
def test_the_names_of_the_policies(before: PolicyNames, actions: Sequence[Action], names: PolicyNames) -> None:
    planned = after(healthy(role_policies={ROLE_ARN: Known(before)}), actions)
    assert planned.role_policies == Known({ROLE_ARN: Known(names)})


@pytest.mark.parametrize(
    ("before", "actions", "outcome"),
    [
        (PolicyNames(attached=(S3,)), [], "pass"),
        (PolicyNames(attached=(S3,)), [detach(S3)], "fail"),
        (PolicyNames(attached=(S3, SQS)), [detach(S3)], "pass"),
        (PolicyNames(), [], "fail"),
        (PolicyNames(), [attach(S3)], "pass"),
        (PolicyNames(), [put("p")], "pass"),
        (PolicyNames(inline=("p",)), [delete("p")], "fail"),
    ],
)
def test_the_forecast_of_a_role_without_permissions(
    before: PolicyNames, actions: Sequence[Action], outcome: str
) -> None:
    planned = after(healthy(role_policies={ROLE_ARN: Known(before)}), actions)
    assert outcomes("role-no-permissions", planned) == {outcome}


def test_policies_that_could_not_be_read_stay_unknown() -> None:
    planned = after(healthy(role_policies={ROLE_ARN: DENIED}), [attach(S3), detach(SQS)])
    assert planned.role_policies == Known({ROLE_ARN: DENIED})
    assert isinstance(after(healthy(role_policies=DENIED), [attach(S3)]).role_policies, Missing)
