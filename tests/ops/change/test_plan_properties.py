"""Planning after applying gives an empty plan, and undoing what a plan did gives back what was there before."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from harness import examples
from podid.domain import trust
from podid.domain.aws import Addon, AddonVersion, Association, AttachedPolicy, Cluster, Role, RolePolicies
from podid.domain.errors import Conflict, UsageError
from podid.domain.names import AGENT_ADDON, ServiceAccountRef
from podid.domain.plan import Action, Header, Place, Plan, State, Status
from podid.domain.versions import judge
from podid.ops.agent.install import InstallFacts, plan_install
from podid.ops.agent.request import InstallRequest
from podid.ops.association.associate import kept_role
from podid.ops.association.disassociate import plan_disassociate
from podid.ops.association.plan import differences, plan_associations
from podid.ops.association.request import AssociationChange, DesiredAssociation, Settings
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ADDON, ASSOCIATION, ROLE, ROLE_ATTACHMENT, ROLE_POLICY, ROLE_SETTINGS, ROLE_TRUST
from podid.ops.change.records import Run, Step
from podid.ops.change.undo import undo_plan
from podid.ops.clients import Clients
from podid.ops.role.create import plan_role
from podid.ops.role.request import RoleOptions, RoleRequest
from podid.ops.role.resolve import ResolvedRole

HEADER = Header(
    caller_arn="arn:aws:iam::111122223333:user/x", account="111122223333", region="us-west-2", cluster="demo"
)
CLUSTER = Cluster(name="demo", arn="arn:aws:eks:us-west-2:111122223333:cluster/demo", version="1.35", status="ACTIVE")
PLACE = Place(account="111122223333", region="us-west-2", caller_arn=HEADER.caller_arn, cluster=CLUSTER)
ARN = "arn:aws:iam::111122223333:role/"
OPEN = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }
    ],
}
CI = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": ARN + "ci"}, "Action": "sts:AssumeRole"}],
}

refs = st.builds(ServiceAccountRef, st.sampled_from(["shop", "pay"]), st.sampled_from(["orders", "cart"]))
ref_lists = st.lists(refs, min_size=1, max_size=3, unique=True).map(tuple)
# a service account's scope stands for its session tags, which the association would have to send
scopes = st.sampled_from(list(trust.ScopeKind)).filter(lambda kind: kind in ("service-account", "namespace", "cluster"))
documents = st.sampled_from(["s3:GetObject", "sqs:*"]).map(
    lambda action: {"Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}
)
tags = st.dictionaries(st.sampled_from(["team", "app"]), st.sampled_from(["a", "b"]), max_size=2)
arns = st.lists(st.sampled_from([f"arn:aws:iam::aws:policy/P{n}" for n in range(3)]), max_size=2, unique=True)


class World:
    """Just enough of an account: what a plan does to it, by the states in the plan."""

    def __init__(self) -> None:
        self.things: dict[tuple[str, str], State] = {}
        self.made = 0

    def apply(self, plan: Plan) -> Run:
        steps = []
        for number, action in enumerate(plan.actions):
            after = self.carry_out(action)
            steps.append(Step(number, action, Status.DONE, after))
        return Run(run_id="run", command=(), header=plan.header, started_at="", steps=tuple(steps))

    def carry_out(self, action: Action) -> State | None:
        key = (action.kind, action.target)
        if action.kind == ROLE_TRUST.name:
            assert action.after is not None
            role = self.things[ROLE.name, action.target]
            self.things[ROLE.name, action.target] = {**role, "trustPolicy": action.after["policyDocument"]}
            return action.after
        if action.kind == ROLE_SETTINGS.name:
            assert action.after is not None
            self.things[ROLE.name, action.target] = {**self.things[ROLE.name, action.target], **action.after}
            return action.after
        if action.after is None:
            del self.things[key]
            return None
        assigned: dict[str, object] = {}
        if action.kind == ASSOCIATION.name and "associationId" not in action.after:
            self.made += 1
            before = action.before or {}
            assigned["associationId"] = before.get("associationId", f"a-{self.made:017d}")
        if action.kind == ROLE.name:
            assigned["roleArn"] = f"{ARN}{action.target}"
        self.things[key] = {**action.after, **assigned}
        return self.things[key]

    def undo(self, run: Run) -> None:
        self.apply(undo_plan(cast("Clients", self), PLACE, run, Journal(Path("/nowhere"))).plan)

    def seen(self) -> dict[tuple[str, str], State]:
        """What anybody but the service itself can tell apart."""
        return {key: {k: v for k, v in state.items() if k != "associationId"} for key, state in self.things.items()}

    # what the gateways would read

    @property
    def iam(self) -> "World":
        return self

    @property
    def eks(self) -> "World":
        return self

    @property
    def aws(self) -> "World":
        return self

    region, partition, eks_regions = "us-west-2", "aws", ("us-west-2",)

    def eks_in(self, region: str) -> "World":
        return self

    def list_clusters(self) -> tuple[str, ...]:
        return ()

    def find_addon(self, cluster: str, name: str) -> Addon | None:
        state = self.things.get((ADDON.name, name))
        return None if state is None else Addon(name=name, arn="", version=str(state["addonVersion"]), status="ACTIVE")

    def find_role(self, name: str) -> Role | None:
        state = self.things.get((ROLE.name, name))
        if state is None:
            return None
        assert isinstance(state["trustPolicy"], Mapping)
        assert isinstance(state["tags"], Mapping)
        return Role(
            name=name,
            arn=str(state["roleArn"]),
            path=str(state["path"]),
            role_id="AROA",
            trust=state["trustPolicy"],
            description=str(state["description"]),
            permissions_boundary_arn=str(state["permissionsBoundary"]),
            tags=state["tags"],
        )

    def get_managed_document(self, arn: str) -> Mapping[str, object]:
        return {"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}

    def get_policies(self, name: str) -> RolePolicies:
        inline = {}
        for (kind, _), state in self.things.items():
            if kind == ROLE_POLICY.name and state["roleName"] == name:
                assert isinstance(state["policyDocument"], Mapping)
                inline[str(state["policyName"])] = state["policyDocument"]
        attached = [
            AttachedPolicy("P", str(state["policyArn"]))
            for (kind, _), state in self.things.items()
            if kind == ROLE_ATTACHMENT.name and state["roleName"] == name
        ]
        return RolePolicies(attached=tuple(attached), inline=inline)

    def find_association(self, cluster: str, ref: ServiceAccountRef) -> Association | None:
        state = self.things.get((ASSOCIATION.name, str(ref)))
        if state is None:
            return None
        assert isinstance(state["tags"], Mapping)
        return Association(
            cluster_name="demo",
            namespace=ref.namespace,
            service_account=ref.name,
            association_id=str(state["associationId"]),
            association_arn="",
            role_arn=str(state["roleArn"]),
            target_role_arn=None if state["targetRoleArn"] is None else str(state["targetRoleArn"]),
            disable_session_tags=bool(state["disableSessionTags"]),
            policy=None if state["policy"] is None else str(state["policy"]),
            tags=state["tags"],
        )

    def put_role(self, name: str, document: Mapping[str, object]) -> None:
        role = Role(name=name, arn=ARN + name, path="/", role_id="AROA", trust=document)
        self.things[ROLE.name, name] = ROLE.state_of(role)


role_requests = st.builds(
    RoleRequest,
    name=st.just("shop-orders"),
    refs=ref_lists,
    scope=scopes,
    settings=st.builds(RoleOptions, description=st.sampled_from(["", "for the shop"])),
    tags=tags,
    policies=st.dictionaries(st.sampled_from(["read", "write"]), documents, max_size=2),
    managed_policy_arns=arns.map(tuple),
    update_trust=st.just(True),
    adopt=st.just(True),
    replace=st.just(True),
)


@settings(max_examples=examples(15))
@given(st.lists(role_requests, min_size=1, max_size=3), st.sampled_from([None, OPEN, CI]))
def test_roles(requests: list[RoleRequest], existing: Mapping[str, object] | None) -> None:
    world = World()
    if existing is not None:
        world.put_role("shop-orders", existing)
    for request in requests:
        before = world.seen()

        def plan(request: RoleRequest = request) -> Plan:
            return plan_role(
                request, CLUSTER, HEADER, world.find_role(request.name), world.get_policies(request.name), ours=True
            )

        try:
            run = world.apply(plan())
        except Conflict as error:
            assert "characters; IAM allows 2048" in error.message  # noqa: PT017  the only refusal there may be
            continue
        assert plan().actions == ()
        after = world.seen()
        world.undo(run)
        assert world.seen() == before
        world.apply(plan())
        assert world.seen() == after


all_settings = st.builds(
    Settings,
    target_role_arn=st.sampled_from([None, "", "arn:aws:iam::444455556666:role/t"]),
    disable_session_tags=st.sampled_from([None, True, False]),
    policy=st.sampled_from([None, "", '{"Statement":[]}']),
    tags=tags,
    untag=st.sampled_from([(), ("owner",)]),
)
# without a role the association keeps its own
wanted = st.builds(
    DesiredAssociation,
    refs,
    st.sampled_from(["a", "b", ""]).map(lambda name: ResolvedRole(ARN + name if name else "", None)),
    all_settings,
)
Request = tuple[tuple[DesiredAssociation, ...], AssociationChange]
associate_requests = st.tuples(
    st.lists(wanted, min_size=1, max_size=3, unique_by=lambda item: item.ref).map(tuple),
    st.builds(AssociationChange, scope=scopes, replace=st.just(True), update_trust=st.just(True)),
)


def with_roles(world: World, wanted: tuple[DesiredAssociation, ...]) -> tuple[DesiredAssociation, ...]:
    """With their roles read."""

    def with_role(item: DesiredAssociation) -> DesiredAssociation:
        if not item.role.arn:
            existing = world.find_association("demo", item.ref)
            return replace(
                item, role=kept_role(cast("Clients", SimpleNamespace(iam=world)), item.ref, existing), kept=True
            )
        return replace(item, role=ResolvedRole(item.role.arn, world.find_role(item.role.arn.removeprefix(ARN))))

    return tuple(with_role(item) for item in wanted)


@settings(max_examples=examples(20))
@given(st.lists(associate_requests, min_size=1, max_size=3), st.sampled_from([OPEN, CI]))
def test_associations(requests: list[Request], document: Mapping[str, object]) -> None:
    world = World()
    world.put_role("a", document)
    world.put_role("b", document)
    for request in requests:
        before = world.seen()

        def plan(request: Request = request) -> Plan:
            wanted, change = request
            current = {item.ref: world.find_association("demo", item.ref) for item in wanted}
            return plan_associations(with_roles(world, wanted), change, CLUSTER, HEADER, current)

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
        after = world.seen()
        world.undo(run)
        assert world.seen() == before
        world.apply(plan())
        assert world.seen() == after


@given(ref_lists, ref_lists)
def test_disassociate(there: tuple[ServiceAccountRef, ...], asked: tuple[ServiceAccountRef, ...]) -> None:
    world = World()
    for number, ref in enumerate(there):
        found = Association(
            cluster_name="demo",
            namespace=ref.namespace,
            service_account=ref.name,
            association_id=f"a-{number}",
            association_arn="",
            role_arn=ARN + "a",
            disable_session_tags=True,
            tags={"team": "a"},
        )
        world.things[ASSOCIATION.name, str(ref)] = ASSOCIATION.state_of(found)
    before = world.seen()

    def plan() -> Plan:
        return plan_disassociate(asked, HEADER, {ref: world.find_association("demo", ref) for ref in asked})

    run = world.apply(plan())
    assert {key[1] for key in world.things} == {str(ref) for ref in set(there) - set(asked)}
    assert plan().actions == ()
    world.undo(run)
    assert world.seen() == before


@given(st.lists(st.booleans(), min_size=1, max_size=4), st.booleans())
def test_install(defaults: list[bool], named: bool) -> None:
    world = World()
    versions = tuple(
        AddonVersion(version=f"v1.{n}.0-eksbuild.1", default=default) for n, default in enumerate(defaults)
    )
    version = versions[-1].version if named else None

    def plan() -> Plan:
        addon = world.find_addon("demo", AGENT_ADDON)
        if addon is not None:
            assert ADDON.state_of(addon) == world.things[ADDON.name, AGENT_ADDON]
        facts = InstallFacts(current=addon, offer=judge(CLUSTER, versions))
        return plan_install(InstallRequest(addon_version=version or ""), CLUSTER, HEADER, facts)

    run = world.apply(plan())
    assert plan().actions == ()
    world.undo(run)
    assert world.things == {}


def test_the_state_of_a_trust_is_part_of_its_role() -> None:
    role = Role(name="a", arn=ARN + "a", path="/", role_id="AROA", trust=CI)
    assert ROLE_TRUST.state_of(role) == {"roleName": "a", "policyDocument": ROLE.state_of(role)["trustPolicy"]}
