"""Sections about roles: their policies, target roles, and the roles of nodes that are in no node group."""

from collections.abc import Iterable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from checks.builder import ACCOUNT, NODE_ROLE_ARN, ROLE_ARN, TARGET_ARN, association, cluster, node, role
from harness import table
from podid.domain.aws import AccessEntry, Decision, Instance, NodeGroup, Role
from podid.domain.cluster import ServiceAccount
from podid.domain.errors import AccessDenied, PodidError
from podid.domain.iam import PolicyNames
from podid.domain.section import Known, Missing, Section
from podid.ops.reading.roles import annotated_roles, cni_permissions, other_node_roles, policies_of_roles, target_roles
from podid.ops.reading.scope import EVERYTHING

MANAGED, DELETED = "arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::111122223333:policy/deleted"
ALLOW: dict[str, Any] = {"Statement": []}


class Policies:
    """An IAM in which two roles have the same managed policy, and the policies of a third cannot be read."""

    def __init__(self) -> None:
        self.requested: list[object] = []

    def get_names_of_policies(self, names: Sequence[str]) -> Iterator[tuple[str, PolicyNames | PodidError]]:
        for name in names:
            denied = AccessDenied("no", permission="iam:ListRolePolicies")
            yield name, denied if name == "closed" else PolicyNames((MANAGED, DELETED), ("inline",))

    def get_inline_documents(self, pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[tuple[str, str], object]]:
        return ((pair, ALLOW) for pair in pairs)

    def get_managed_documents(self, arns: Iterable[str]) -> Iterator[tuple[str, object]]:
        for arn in arns:
            self.requested.append(arn)
            yield arn, None if arn == DELETED else ALLOW


def test_a_managed_policy_is_read_once_for_all_roles() -> None:
    iam: Any = Policies()
    closed = f"arn:aws:iam::{ACCOUNT}:role/closed"
    policies = policies_of_roles(iam, [ROLE_ARN, TARGET_ARN, closed, "no arn"])
    assert iam.requested == sorted([MANAGED, DELETED])
    for arn in (ROLE_ARN, TARGET_ARN):
        # a policy that was deleted meanwhile is omitted
        assert policies[arn] == Known({"inline": Known(ALLOW), MANAGED: Known(ALLOW)})
    assert policies[closed] == Missing("no", "iam:ListRolePolicies", "AccessDenied")
    assert isinstance(policies["no arn"], Missing)


def test_only_target_roles_of_the_account_are_read() -> None:
    foreign = "arn:aws:iam::444455556666:role/reports"
    names: list[str] = []

    def find_roles(requested: Sequence[str]) -> Iterator[tuple[str, Role | None]]:
        names.extend(requested)
        yield from ((name, role(TARGET_ARN)) for name in requested)

    associations = tuple(association(target_role_arn=arn) for arn in (TARGET_ARN, foreign, TARGET_ARN, None))
    source: Any = SimpleNamespace(
        associations=associations,
        cluster=cluster(),
        clients=SimpleNamespace(iam=SimpleNamespace(find_roles=find_roles)),
    )
    roles = target_roles(source)
    assert (names, roles[TARGET_ARN]) == (["reports"], Known(role(TARGET_ARN)))
    other = roles[foreign]
    assert isinstance(other, Missing)
    assert "444455556666" in other.reason


def test_a_role_of_an_association_is_not_read_again_for_an_annotation() -> None:
    names, old = list[str](), f"arn:aws:iam::{ACCOUNT}:role/old"

    def find_roles(requested: Sequence[str]) -> Iterator[tuple[str, Role | None]]:
        names.extend(requested)
        return ((name, None) for name in requested)

    accounts = tuple(
        ServiceAccount(namespace="shop", name=arn, annotations={"eks.amazonaws.com/role-arn": arn})
        for arn in (ROLE_ARN, old)
    )
    sections: dict[str, Any] = {"roles": Known({ROLE_ARN: Known(role())}), "target_roles": Known({})}
    source: Any = SimpleNamespace(
        scope=EVERYTHING,
        cluster=cluster(),
        value=lambda name: accounts,
        before=sections.get,
        clients=SimpleNamespace(iam=SimpleNamespace(find_roles=find_roles)),
    )
    assert annotated_roles(source) == {ROLE_ARN: Known(role()), old: Known(None)}
    assert names == ["old"]


def test_the_only_access_entry_is_the_role_of_nodes_without_a_node_group() -> None:
    entries = [
        AccessEntry(principal_arn=f"arn:aws:iam::{ACCOUNT}:role/{name}", kind="EC2_LINUX")
        for name in ("karpenter", "other")
    ]

    def roles_by(mode: str, *entries: AccessEntry) -> dict[str, tuple[str, ...]]:
        sections: dict[str, Section[Any]] = {
            "nodes": Known((node("alone", provider_id="", labels={}),)),
            "node_groups": Known(()),
            "node_classes": Known(()),
        }
        eks = SimpleNamespace(list_access_entries=lambda name: entries)
        source: Any = SimpleNamespace(
            before=sections.__getitem__, cluster=cluster(authentication_mode=mode), clients=SimpleNamespace(eks=eks)
        )
        return other_node_roles(source)

    assert roles_by("API", entries[0]) == {entries[0].principal_arn: ("alone",)}
    assert roles_by("API", *entries) == {}
    # with aws-auth, the role may belong to other nodes
    assert roles_by("API_AND_CONFIG_MAP", entries[0]) == {}


def test_a_denied_read_of_instances_is_not_hidden_by_the_role_of_other_nodes() -> None:
    denied = AccessDenied("no", permission="ec2:DescribeInstances")

    def list_instances(ids: Sequence[str]) -> dict[str, Instance]:
        raise denied

    sections: dict[str, Section[Any]] = {
        "nodes": Known((node("alone", labels={}), node("edge", provider_id="", labels={}, compute_type="hybrid"))),
        "node_groups": Known(()),
        "node_classes": Known(()),
    }
    entry = AccessEntry(principal_arn=f"arn:aws:iam::{ACCOUNT}:role/hybrid", kind="HYBRID_LINUX")
    source: Any = SimpleNamespace(
        before=sections.__getitem__,
        cluster=cluster(authentication_mode="API"),
        clients=SimpleNamespace(
            eks=SimpleNamespace(list_access_entries=lambda name: [entry]),
            aws=SimpleNamespace(ec2=SimpleNamespace(list_instances=list_instances)),
        ),
    )
    with pytest.raises(AccessDenied):
        other_node_roles(source)
    # the role of a hybrid node is only in its access entry
    sections["nodes"] = Known((node("edge", provider_id="", labels={}, compute_type="hybrid"),))
    assert other_node_roles(source) == {entry.principal_arn: ("edge",)}
    source.clients.eks.list_access_entries = list_instances
    with pytest.raises(AccessDenied):
        other_node_roles(source)


@table(("family", "action"), [("ipv4", "ec2:AssignPrivateIpAddresses"), ("ipv6", "ec2:AssignIpv6Addresses")])
def test_the_cni_needs_addresses_of_its_family_on_nodes_outside_of_auto_mode(family: str, action: str) -> None:
    simulated: list[tuple[str, tuple[str, ...]]] = []

    def simulate(arn: str, actions: tuple[str, ...]) -> tuple[Decision, ...]:
        simulated.append((arn, actions))
        return ()

    auto = f"arn:aws:iam::{ACCOUNT}:role/auto"
    source: Any = SimpleNamespace(
        associations=(association("kube-system", "aws-node"),),
        cluster=cluster(ip_family=family, auto_mode=True, auto_node_role_arn=auto),
        value=lambda _: (NodeGroup(name="workers", status="ACTIVE", node_role_arn=NODE_ROLE_ARN),),
        clients=SimpleNamespace(iam=SimpleNamespace(simulate=simulate)),
    )
    assert list(cni_permissions(source)) == [NODE_ROLE_ARN]
    assert simulated == [(NODE_ROLE_ARN, (action,))]
