"""An account in memory to which plans are applied."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from hypothesis import strategies as st

from podid.domain import trust
from podid.domain.aws import Addon, Association, AttachedPolicy, Cluster, Role, RolePolicies
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, Header, Place, Plan, State, Status
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ADDON, ASSOCIATION, ROLE, ROLE_ATTACHMENT, ROLE_POLICY, ROLE_SETTINGS, ROLE_TRUST
from podid.ops.change.records import Run, Step
from podid.ops.change.undo import undo_plan
from podid.ops.clients import Clients

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


tags = st.dictionaries(st.sampled_from(["team", "app"]), st.sampled_from(["a", "b"]), max_size=2)


class World:
    """An account as the states of its resources, which plans change."""

    def __init__(self) -> None:
        self.resources: dict[tuple[str, str], State] = {}
        self.created = 0

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
            role = self.resources[ROLE.name, action.target]
            self.resources[ROLE.name, action.target] = {**role, "trustPolicy": action.after["policyDocument"]}
            return action.after
        if action.kind == ROLE_SETTINGS.name:
            assert action.after is not None
            self.resources[ROLE.name, action.target] = {**self.resources[ROLE.name, action.target], **action.after}
            return action.after
        if action.after is None:
            del self.resources[key]
            return None
        assigned: dict[str, object] = {}
        if action.kind == ASSOCIATION.name and "associationId" not in action.after:
            self.created += 1
            before = action.before or {}
            assigned["associationId"] = before.get("associationId", f"a-{self.created:017d}")
        if action.kind == ROLE.name:
            assigned["roleArn"] = f"{ARN}{action.target}"
        self.resources[key] = {**action.after, **assigned}
        return self.resources[key]

    def undo(self, run: Run) -> None:
        self.apply(undo_plan(cast("Clients", self), PLACE, run, Journal(Path("/nowhere"))).plan)

    def states(self) -> dict[tuple[str, str], State]:
        """Return the states without the members that EKS assigns."""
        return {key: {k: v for k, v in state.items() if k != "associationId"} for key, state in self.resources.items()}

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

    @property
    def kube(self) -> "World":
        return self

    @property
    def reader(self) -> "World":
        return self

    def list_clusters(self) -> tuple[str, ...]:
        return ()

    def list_associations(self, cluster: str) -> tuple[Association, ...]:
        return ()

    def list_association_summaries(self, cluster: str) -> tuple[Association, ...]:
        return ()

    def list_agent_daemon_sets(self) -> tuple[object, ...]:
        return ()

    def list_pods(self) -> tuple[object, ...]:
        return ()

    def find_addon(self, cluster: str, name: str) -> Addon | None:
        state = self.resources.get((ADDON.name, name))
        return None if state is None else Addon(name=name, arn="", version=str(state["addonVersion"]), status="ACTIVE")

    def find_role(self, name: str) -> Role | None:
        state = self.resources.get((ROLE.name, name))
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

    def get_managed_documents(self, arns: Sequence[str]) -> dict[str, Mapping[str, object]]:
        return {arn: self.get_managed_document(arn) for arn in arns}

    def list_instance_profiles(self, name: str) -> tuple[str, ...]:
        return ()

    def get_policies(self, name: str) -> RolePolicies:
        inline = {}
        for (kind, _), state in self.resources.items():
            if kind == ROLE_POLICY.name and state["roleName"] == name:
                assert isinstance(state["policyDocument"], Mapping)
                inline[str(state["policyName"])] = state["policyDocument"]
        attached = [
            AttachedPolicy("P", str(state["policyArn"]))
            for (kind, _), state in self.resources.items()
            if kind == ROLE_ATTACHMENT.name and state["roleName"] == name
        ]
        return RolePolicies(attached=tuple(attached), inline=inline)

    def find_association(self, cluster: str, ref: ServiceAccountRef) -> Association | None:
        state = self.resources.get((ASSOCIATION.name, str(ref)))
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
        self.resources[ROLE.name, name] = ROLE.state_of(role)
