"""Kinds of resource: one file and one row each, and what holds for all of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast, get_type_hints

import pytest

from podid.domain.errors import AlreadyExists, NotFound, PodidError, RoleUnknown
from podid.domain.model import Addon, Association, Role
from podid.domain.patience import Clock, Patience
from podid.domain.plan import State, Verb
from podid.domain.rights import rights_of
from podid.ops.change import kinds
from podid.ops.change.kinds import ADDON, ASSOCIATION, KINDS, ROLE, ROLE_TRUST, ResourceKind, kind_of
from podid.ops.clients import Clients

ROLE_ARN = "arn:aws:iam::111122223333:role/a"
SOME_ROLE = Role(name="a", arn=ROLE_ARN, path="/", role_id="AROA", trust={"Statement": []})
SOME_ASSOCIATION = Association(
    cluster_name="demo",
    namespace="shop",
    service_account="orders",
    association_id="a-1",
    association_arn="",
    role_arn=ROLE_ARN,
)
STATES: list[tuple[ResourceKind, State]] = [
    (ADDON, ADDON.state_of(Addon(name="x", arn="", version="v1", status="ACTIVE"))),
    (ROLE, ROLE.state_of(SOME_ROLE)),
    (ROLE_TRUST, ROLE_TRUST.state_of(SOME_ROLE)),
    (ASSOCIATION, ASSOCIATION.state_of(SOME_ASSOCIATION)),
]


def test_each_has_a_file_and_a_row() -> None:
    files = {path.stem for path in Path(kinds.__file__).parent.glob("*.py")} - {"__init__", "base", "unknown"}
    assert sorted(kind.name.replace("-", "_") for kind in KINDS) == sorted(files)
    assert all(kind_of(kind.name) is kind for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_its_keys_are_members_and_its_calls_have_rights(kind: ResourceKind) -> None:
    assert set(kind.keys) <= set(get_type_hints(kind.state))
    assert kind.assigned <= set(get_type_hints(kind.state))
    assert rights_of(kind.calls(*Verb))


@pytest.mark.parametrize(("kind", "state"), STATES, ids=lambda value: getattr(value, "name", ""))
def test_a_state_that_was_read_has_every_member(kind: ResourceKind, state: State) -> None:
    assert set(state) == set(get_type_hints(kind.state))


def test_the_verb_follows_from_the_states() -> None:
    one, other = {"roleName": "a", "policyDocument": {}}, {"roleName": "a", "policyDocument": {"Statement": []}}
    cases = [(None, one), (one, other), (one, None), (one, one)]
    verbs = [ROLE_TRUST.action(before, after).verb for before, after in cases]
    assert verbs == [Verb.CREATE, Verb.UPDATE, Verb.DELETE, Verb.NONE]
    assert {ROLE_TRUST.action(before, after).target for before, after in cases} == {"a"}


class Eks:
    """EKS that refuses to create with one error, and knows no association."""

    def __init__(self, error: PodidError) -> None:
        self.error = error

    def create_association(self, *_: object, **__: object) -> Association:
        raise self.error

    def get_association(self, *_: object) -> Association:
        raise NotFound("gone")


class Iam:
    def __init__(self, created_at: datetime) -> None:
        self.role = replace(SOME_ROLE, created_at=created_at)

    def find_role(self, name: str) -> Role:
        return self.role


@pytest.mark.parametrize(
    ("error", "age", "seconds", "waited"),
    [
        (AlreadyExists("there", existing_id="a-1"), 30, 12, 12),  # a deletion that never settles
        (AlreadyExists("there", existing_id="a-1"), 30, 300, 120),
        (RoleUnknown("no role"), 30 * 86400, 300, 0),
        (RoleUnknown("no role"), 30, 300, 120),
    ],
)
def test_it_waits_only_for_what_may_still_settle(error: PodidError, age: float, seconds: float, waited: float) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    slept: list[float] = []
    clock = Clock(lambda: now, lambda: sum(slept), slept.append)
    clients = cast("Clients", SimpleNamespace(eks=Eks(error), iam=Iam(now - timedelta(seconds=age))))
    action = ASSOCIATION.action(None, ASSOCIATION.state_of(SOME_ASSOCIATION))
    with pytest.raises(PodidError) as caught:
        ASSOCIATION.write(clients, "demo", action, Patience(seconds, clock, lambda _: None))
    assert sum(slept) == pytest.approx(waited)
    assert caught.value.exit_code == (7 if isinstance(error, AlreadyExists) else 1)
