"""What holds for every kind of resource: keys, permissions, states and verbs."""

from pathlib import Path
from typing import get_type_hints

import pytest

from ops.change.support import SOME_ASSOCIATION, SOME_ROLE
from podid.domain.aws import Addon
from podid.domain.permissions import permissions_of
from podid.domain.plan import State, Verb
from podid.ops.change import kinds
from podid.ops.change.kinds import ADDON, ASSOCIATION, KINDS, ROLE, ROLE_TRUST, ResourceKind, kind_of

STATES: list[tuple[ResourceKind, State]] = [
    (ADDON, ADDON.state_of(Addon(name="x", arn="", version="v1", status="ACTIVE"))),
    (ROLE, ROLE.state_of(SOME_ROLE)),
    (ROLE_TRUST, ROLE_TRUST.state_of(SOME_ROLE)),
    (ASSOCIATION, ASSOCIATION.state_of(SOME_ASSOCIATION)),
]


def test_each_file_has_a_kind_and_each_kind_a_row() -> None:
    files = {path.stem for path in Path(kinds.__file__).parent.glob("*.py")} - {"__init__", "base"}
    assert {type(kind).__module__.rpartition(".")[2] for kind in KINDS} == files
    assert all(kind_of(kind.name) is kind for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_its_keys_are_members_and_its_calls_have_permissions(kind: ResourceKind) -> None:
    assert set(kind.keys) <= set(get_type_hints(kind.state))
    assert kind.assigned <= set(get_type_hints(kind.state))
    assert permissions_of(kind.calls(*Verb))


# no check reads what these change
UNSEEN = {"oidc-provider", "probe", "command", "agent-workload"}


def test_kinds_that_checks_read_are_predicted() -> None:
    names = ("predict", "predict_all")
    own = {
        kind.name
        for kind in KINDS
        if any(getattr(type(kind), name) is not getattr(ResourceKind, name) for name in names)
    }
    assert own == {kind.name for kind in KINDS} - UNSEEN


@pytest.mark.parametrize(("kind", "state"), STATES, ids=lambda value: getattr(value, "name", ""))
def test_a_state_that_was_read_has_every_member(kind: ResourceKind, state: State) -> None:
    assert set(state) == set(get_type_hints(kind.state)) - kind.manner


def test_the_verb_follows_from_the_states() -> None:
    one, changed = {"roleName": "a", "policyDocument": {}}, {"roleName": "a", "policyDocument": {"Statement": []}}
    cases = [(None, one), (one, changed), (one, None), (one, one)]
    verbs = [ROLE_TRUST.action(before, after).verb for before, after in cases]
    assert verbs == [Verb.CREATE, Verb.UPDATE, Verb.DELETE, Verb.NONE]
    assert {ROLE_TRUST.action(before, after).target for before, after in cases} == {"a"}
