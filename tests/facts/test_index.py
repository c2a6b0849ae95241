"""Lookups in a snapshot: pods, roles and service accounts of associations, and commands for its cluster."""

import gc
from dataclasses import replace
from datetime import timedelta
from itertools import count

from checks.builder import (
    ACCOUNT,
    DENIED,
    ISSUER,
    NOW,
    ROLE_ARN,
    TARGET_ARN,
    UNREAD,
    agent_pod,
    association,
    chained,
    cluster,
    healthy,
    node,
    pod,
    role,
    trust,
    workload,
)
from harness import table
from podid.domain.findings import EVERYONE, Subject
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Known, Snapshot
from podid.facts.index import (
    allowed_by_irsa,
    aws_role,
    by_role,
    by_target,
    cluster_subject,
    fresh,
    index,
    once,
    placed,
    podid_command,
    reach_on,
    role_of,
    role_section,
    role_subject,
    set_account,
    show_role,
    unread,
)

ORDERS = ServiceAccountRef("shop", "orders")


def test_a_result_is_kept_while_its_snapshot_exists() -> None:
    numbers = count(1)
    counted = once(lambda _: next(numbers))
    snapshot = healthy()
    assert [counted(snapshot), counted(snapshot), counted(replace(snapshot))] == [1, 1, 2]
    del snapshot
    gc.collect()
    assert [counted(healthy())] == [3]


def test_the_index_of_a_snapshot() -> None:
    """The agent's own pods are not indexed, and a node has the service accounts with live pods."""
    pods = (pod("b"), pod("a"), pod("c", node="node-2", phase="Failed"), pod("d", service_account="cart"), agent_pod())
    workloads = (
        workload(paused=True),
        workload("StatefulSet", "db", on_delete=True),
        workload("Job", "j", paused=True),
    )
    facts = index(healthy(pods=pods, workloads=workloads))
    assert {ref.name: [item.name for item in items] for ref, items in facts.pods.items()} == {
        "orders": ["a", "b", "c"],
        "cart": ["d"],
    }
    assert facts.users == {"node-1": ("shop/orders",)}
    assert facts.paused == {Subject("Deployment", "orders", "shop")}
    assert facts.on_delete == {Subject("StatefulSet", "db", "shop")}
    assert index(healthy(pods=DENIED, nodes=DENIED, associations=DENIED)).users == {}


@table(
    ("snapshot", "chain", "nodes"),
    [
        (healthy(), ("shop/orders",), ("node-1",)),
        (healthy(nodes=(node("node-2"),)), (), ("node-2",)),
        (healthy(nodes=DENIED), EVERYONE, ()),
        (healthy(pods=DENIED), EVERYONE, ()),
        (healthy(associations=DENIED), EVERYONE, ()),
    ],
)
def test_service_accounts_that_a_failure_of_nodes_affects(
    snapshot: Snapshot, chain: tuple[str, ...], nodes: tuple[str, ...]
) -> None:
    assert reach_on(snapshot, lambda _: True) == (chain, nodes)


def test_live_pods_by_workload() -> None:
    pods = (pod("a"), pod("b", owner=None), pod("c", phase="Succeeded"))
    assert [(str(item.workload), [member.name for member in item.pods]) for item in placed(healthy(pods=pods))] == [
        ("Deployment shop/orders", ["a"]),
        ("Pod shop/b", ["b"]),
    ]


def test_associations_by_role() -> None:
    other = association(name="cart", role_arn=f"{ROLE_ARN}-2")
    snapshot = chained(other, association())
    assert [(arn, len(items)) for arn, items in by_role(snapshot).items()] == [(ROLE_ARN, 1), (f"{ROLE_ARN}-2", 1)]
    assert [(arn, len(items)) for arn, items in by_target(snapshot).items()] == [(TARGET_ARN, 2)]
    assert by_target(healthy()) == {}


def test_associations_that_were_not_described() -> None:
    again = replace(UNREAD, service_account="search", reason="not allowed, request 2")
    snapshot = healthy(associations=(association(), UNREAD, again))
    assert unread(snapshot) == {UNREAD.unread: [UNREAD, again]}
    assert (role_of(UNREAD), role_of(association())) == ("an unknown role", "role orders")
    assert list(by_role(snapshot)) == [ROLE_ARN]


def test_a_role_under_another_path_does_not_exist() -> None:
    moved = role(f"arn:aws:iam::{ACCOUNT}:role/apps/orders")
    assert role_section(healthy(roles={ROLE_ARN: Known(moved)}), ROLE_ARN) == Known(None)
    assert role_section(healthy(roles=DENIED), ROLE_ARN) == DENIED
    assert role_section(healthy(), ROLE_ARN) == Known(role())


def test_commands_for_the_cluster() -> None:
    assert podid_command(healthy(), "list") == ("podid", "list", "--cluster", "prod")
    assert podid_command(healthy(cluster=DENIED), "list") == ("podid", "list")
    assert str(cluster_subject(healthy(cluster=DENIED))) == "Cluster -"


def test_names_of_roles_in_commands() -> None:
    dashed = f"arn:aws:iam::{ACCOUNT}:role/-orders"
    assert (aws_role(ROLE_ARN), aws_role(dashed)) == (("--role-name", "orders"), ("--role-name=-orders",))
    assert show_role(ROLE_ARN) == ("podid", "role", "show", "orders")
    assert show_role(dashed)[-2:] == ("--", "-orders")
    assert (str(role_subject(ROLE_ARN)), str(role_subject("no ARN"))) == ("Role orders", "Role no ARN")


def test_kubectl_sets_service_accounts_of_rollouts_only() -> None:
    command = ("kubectl", "-n", "shop", "set", "serviceaccount", "deployment/orders", "cart")
    assert set_account(Subject("Deployment", "orders", "shop"), "cart") == (command,)
    assert set_account(Subject("Job", "orders", "shop"), "cart") == ()


def test_a_role_that_allows_irsa() -> None:
    provider = {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"}
    sub = {f"{ISSUER}:sub": "system:serviceaccount:shop:orders"}
    document = trust(provider, "sts:AssumeRoleWithWebIdentity", StringEquals=sub)
    with_issuer = {"cluster": cluster(oidc_issuer=f"https://{ISSUER}")}
    by_irsa = healthy(**with_issuer, roles={ROLE_ARN: Known(role(document=document))})
    assert allowed_by_irsa(by_irsa, ORDERS, ROLE_ARN) is True
    assert allowed_by_irsa(by_irsa, replace(ORDERS, name="cart"), ROLE_ARN) is False
    for unknown in (
        healthy(),
        healthy(**with_issuer, roles={ROLE_ARN: DENIED}),
        healthy(**with_issuer, roles={ROLE_ARN: Known(role(document={"Statement": 7}))}),
        replace(by_irsa, cluster=DENIED),
    ):
        assert allowed_by_irsa(unknown, ORDERS, ROLE_ARN) is None


def test_an_association_may_precede_its_service_account_for_an_hour() -> None:
    snapshot = healthy()
    assert fresh(snapshot, association(created_at=NOW - timedelta(minutes=59)))
    assert not fresh(snapshot, association(created_at=NOW - timedelta(hours=1)))
    assert not fresh(snapshot, UNREAD)
