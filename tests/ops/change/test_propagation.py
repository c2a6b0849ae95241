"""What EKS refuses is waited for only where a change of the last minutes can explain it, and is explained else."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from ops.change.support import SOME_ASSOCIATION, SOME_ROLE
from podid.calls.patience import Clock, Patience
from podid.domain.aws import Association, Role
from podid.domain.errors import AccessDenied, AlreadyExists, NotFound, PodidError, RoleUnknown, TrustRefused
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, Done, Header, Plan, Status
from podid.ops.change.apply import apply
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ASSOCIATION, ROLE_TRUST
from podid.ops.clients import Clients
from worlds import CLUSTER_ARN, trust_for


class Eks:
    """EKS that refuses to create with one error, and knows no association."""

    def __init__(self, error: PodidError) -> None:
        self.error = error

    def find_association(self, *_: object) -> None:
        return None

    def create_association(self, *_: object, **__: object) -> Association:
        raise self.error

    def get_reported(self, *_: object) -> Association:
        raise NotFound("gone")

    def get_cluster(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(arn=CLUSTER_ARN)


class Iam:
    def __init__(self, role: Role | PodidError | None) -> None:
        self.role = role

    def find_role(self, name: str) -> Role | None:
        if isinstance(self.role, PodidError):
            raise self.role
        return self.role


NOW = datetime(2026, 1, 1, tzinfo=UTC)
REFUSED = "Trust policy of the role provided is invalid."


def role(age: float = 30 * 86400, trust: Mapping[str, object] | None = None) -> Role:
    ref = ServiceAccountRef(SOME_ASSOCIATION.namespace, SOME_ASSOCIATION.service_account)
    document = trust if trust is not None else trust_for(ref)
    name = SOME_ASSOCIATION.role_arn.rpartition("/")[2]
    return replace(SOME_ROLE, name=name, created_at=NOW - timedelta(seconds=age), trust=document)


def without_tag_session() -> Mapping[str, object]:
    document = trust_for(ServiceAccountRef(SOME_ASSOCIATION.namespace, SOME_ASSOCIATION.service_account))
    document["Statement"][0]["Action"] = "sts:AssumeRole"
    return document


def change_of_trust(name: str) -> Action:
    return ROLE_TRUST.action({"roleName": name, "policyDocument": {}}, {"roleName": name, "policyDocument": {"a": 1}})


@pytest.mark.parametrize(
    ("error", "stored", "seconds", "ago", "waited", "code", "id"),
    [
        (AlreadyExists("there", existing_id="a-1"), role(30), 12, None, 12, 7, ""),  # a deletion that never settles
        (AlreadyExists("there", existing_id="a-1"), role(30), 300, None, 120, 7, ""),
        (RoleUnknown("no role"), role(), 300, None, 0, 5, ""),
        (RoleUnknown("no role"), role(30), 300, None, 120, 5, "role-eventual-consistency"),
        (RoleUnknown("no role"), None, 300, None, 0, 5, "role-not-found"),
        (RoleUnknown("no role"), None, 300, 60, 120, 5, "role-not-found"),
        (RoleUnknown("no role"), AccessDenied("no", permission="iam:GetRole"), 300, None, 120, 5, ""),
        (TrustRefused(REFUSED), role(), 300, None, 0, 6, ""),  # it admits, and was not changed as far as podid knows
        (TrustRefused(REFUSED), role(), 300, 60, 120, 6, "role-eventual-consistency"),
        (TrustRefused(REFUSED), role(), 300, 3600, 0, 6, ""),
        (TrustRefused(REFUSED), role(30), 20, None, 20, 6, "role-eventual-consistency"),
        (TrustRefused(REFUSED), role(30, without_tag_session()), 300, 60, 0, 6, "trust-missing-tag-session"),
        (TrustRefused(REFUSED), role(trust=without_tag_session()), 300, None, 0, 6, "trust-missing-tag-session"),
    ],
)
def test_apply_waits_only_for_recent_changes(
    tmp_path: Path,
    error: PodidError,
    stored: Role | PodidError | None,
    seconds: float,
    ago: float | None,
    waited: float,
    code: int,
    id: str,
) -> None:
    """`ago` is when the journal says that the trust was changed."""
    slept: list[float] = []
    clock = Clock(lambda: NOW + timedelta(seconds=sum(slept)), lambda: sum(slept), slept.append)
    clients = cast("Clients", SimpleNamespace(eks=Eks(error), iam=Iam(stored), guards=tuple))
    header = Header(caller_arn="arn:aws:iam::111122223333:user/me", account="111122223333", region="r", cluster="demo")
    journal = Journal(tmp_path / "journal")
    if ago is not None:
        moment = NOW - timedelta(seconds=ago)
        with journal.begin(("trust", "add"), header, moment) as recorder:
            change = change_of_trust(SOME_ASSOCIATION.role_arn.rpartition("/")[2])
            recorder.intent(0, change)
            recorder.outcome(0, Done(change, Status.DONE, change.after), moment)
    plan = Plan(header=header, actions=(ASSOCIATION.action(None, ASSOCIATION.state_of(SOME_ASSOCIATION)),))
    patience = Patience(seconds, clock, lambda _: None)
    result = apply(plan, clients, journal, patience, command=("associate",))
    assert result.error is not None
    assert sum(slept) == pytest.approx(waited)
    assert (int(result.error.exit_code), result.error.id) == (code, id)
    assert result.error.advice or result.error.hint or waited
