"""Associations: a plan that was applied is empty, and its undo restores the previous state."""

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from harness import examples
from ops.change.plan_world import ARN, CI, CLUSTER, HEADER, OPEN, World, ref_lists, refs, scopes, tags
from podid.domain.aws import Association
from podid.domain.errors import Conflict, UsageError
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Plan
from podid.ops.association.associate import kept_role
from podid.ops.association.disassociate import plan_disassociate
from podid.ops.association.plan import differences, plan_associations
from podid.ops.association.request import AssociationChange, DesiredAssociation, Settings
from podid.ops.change.kinds import ASSOCIATION
from podid.ops.clients import Clients
from podid.ops.role.resolve import ResolvedRole
from quotas import DEFAULTS

all_settings = st.builds(
    Settings,
    target_role_arn=st.sampled_from([None, "", "arn:aws:iam::444455556666:role/t"]),
    disable_session_tags=st.sampled_from([None, True, False]),
    policy=st.sampled_from([None, "", '{"Statement":[]}']),
    tags=tags,
    untag=st.sampled_from([(), ("owner",)]),
)


# without a role the association keeps its own
desired = st.builds(
    DesiredAssociation,
    refs,
    st.sampled_from(["a", "b", ""]).map(lambda name: ResolvedRole(ARN + name if name else "", None)),
    all_settings,
)


Request = tuple[tuple[DesiredAssociation, ...], AssociationChange]


associate_requests = st.tuples(
    st.lists(desired, min_size=1, max_size=3, unique_by=lambda item: item.ref).map(tuple),
    st.builds(AssociationChange, scope=scopes, replace=st.just(True), update_trust=st.just(True)),
)


def with_roles(world: World, desired: tuple[DesiredAssociation, ...]) -> tuple[DesiredAssociation, ...]:
    """With their roles read."""

    def with_role(item: DesiredAssociation) -> DesiredAssociation:
        if not item.role.arn:
            existing = world.find_association("demo", item.ref)
            return replace(
                item, role=kept_role(cast("Clients", SimpleNamespace(iam=world)), item.ref, existing), kept=True
            )
        return replace(item, role=ResolvedRole(item.role.arn, world.find_role(item.role.arn.removeprefix(ARN))))

    return tuple(with_role(item) for item in desired)


@settings(max_examples=examples(20))
@given(st.lists(associate_requests, min_size=1, max_size=3), st.sampled_from([OPEN, CI]))
def test_association_plans_are_applied_and_undone(requests: list[Request], document: Mapping[str, object]) -> None:
    world = World()
    world.put_role("a", document)
    world.put_role("b", document)
    for request in requests:
        before = world.states()

        def plan(request: Request = request) -> Plan:
            desired, change = request
            current = {item.ref: world.find_association("demo", item.ref) for item in desired}
            return plan_associations(with_roles(world, desired), change, CLUSTER, HEADER, current, DEFAULTS)

        try:
            first = plan()
        except UsageError as error:
            assert "specify its role with --role" in error.message  # noqa: PT017
            continue
        except Conflict as error:
            allowed = ("characters; IAM allows 2048", "require separate commands", "has a session policy")
            assert any(words in error.message for words in allowed)  # noqa: PT017  the only refusals there may be
            continue
        updates = [action for action in first.actions if action.kind == ASSOCIATION.name and action.before is not None]
        assert all(differences(action) for action in updates)
        run = world.apply(first)
        assert plan().actions == ()
        after = world.states()
        world.undo(run)
        assert world.states() == before
        world.apply(plan())
        assert world.states() == after


@given(ref_lists, ref_lists)
def test_deletions_are_applied_and_undone(
    existing: tuple[ServiceAccountRef, ...], named: tuple[ServiceAccountRef, ...]
) -> None:
    world = World()
    for number, ref in enumerate(existing):
        association = Association(
            cluster_name="demo",
            namespace=ref.namespace,
            service_account=ref.name,
            association_id=f"a-{number}",
            association_arn="",
            role_arn=ARN + "a",
            disable_session_tags=True,
            tags={"team": "a"},
        )
        world.resources[ASSOCIATION.name, str(ref)] = ASSOCIATION.state_of(association)
    before = world.states()

    def plan() -> Plan:
        return plan_disassociate(named, HEADER, {ref: world.find_association("demo", ref) for ref in named})

    run = world.apply(plan())
    assert {key[1] for key in world.resources} == {str(ref) for ref in set(existing) - set(named)}
    assert plan().actions == ()
    world.undo(run)
    assert world.states() == before
