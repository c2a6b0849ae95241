"""What is no broken link but worth a word, and the near misses that are not."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from harness import table
from podid.checks.all import ALL
from podid.checks.runner import run_checks
from podid.domain.cluster import Container, Pod, ServiceAccount
from podid.domain.findings import Outcome
from podid.domain.iam import PolicyNames
from podid.domain.snapshot import Known, Snapshot
from podid.domain.workloads import AGENT_ADDRESSES, INJECTED_ENV

from .builder import (
    ACCOUNT,
    INJECTED,
    ROLE_ARN,
    addon,
    agent_pod,
    ago,
    association,
    bare,
    chained,
    daemon_set,
    healthy,
    node,
    pod,
    role,
    workload,
)
from .grid import DENIED, answers, only

ORDERS, APP = "Association shop/orders", "Deployment shop/orders"
SKIP = "eks.amazonaws.com/skip-containers"
IRSA = {"eks.amazonaws.com/role-arn": ROLE_ARN}
OF_AGENT = association("kube-system", "default")
PROXY = Container(name="proxy", image="x", env=INJECTED)
OLD = association(created_at=ago(days=200), modified_at=ago(days=200))


def abandoned(used: datetime | None, **changes: Any) -> Snapshot:
    sections: dict[str, Any] = {"associations": (OLD,), "pods": (), "workloads": ()}
    sections["roles"] = {ROLE_ARN: Known(replace(role(), last_used_at=used))}
    return healthy(**{**sections, **changes})


@table(
    ("snapshot", "expected"),
    [
        (abandoned(None), "fail"),
        (abandoned(ago(days=91)), "fail"),
        (abandoned(ago(days=1)), "not-applicable"),
        (abandoned(None, associations=(association(),)), "not-applicable"),
        (abandoned(None, associations=(replace(OLD, created_at=None),)), "not-applicable"),
        (abandoned(None, associations=(replace(OLD, owner_arn="arn:aws:eks:::addon/x"),)), "not-applicable"),
        (abandoned(None, workloads=(workload(replicas=0),)), "pass"),
        (abandoned(None, pods=(pod(),)), "pass"),
        (abandoned(None, roles=DENIED), "unknown"),
        (abandoned(None, roles={ROLE_ARN: Known(None)}), "fail"),
    ],
)
def test_unused_associations(snapshot: Snapshot, expected: str) -> None:
    assert answers("unused-association", snapshot) == [(expected, "info", ORDERS)]


@pytest.mark.parametrize(
    ("count", "namespaces", "expected"), [(3999, (), "pass"), (4000, ("shop",), "fail"), (5000, (), "fail")]
)
def test_the_quota(count: int, namespaces: tuple[str, ...], expected: str) -> None:
    snapshot = replace(healthy(associations=(association(),) * count), only_namespaces=namespaces)
    assert answers("association-quota", snapshot) == [(expected, "warn", "Cluster prod")]


def test_of_one_namespace_nothing_is_said_of_the_quota() -> None:
    assert answers("association-quota", replace(healthy(), only_namespaces=("shop",)))[0][0] == "not-applicable"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"association_arns": ("a",)}, "pass"),
        ({"service_account_role_arn": ROLE_ARN}, "pass"),
        ({"association_arns": ("a",), "service_account_role_arn": ROLE_ARN}, "fail"),
    ],
)
def test_addons_with_two_roles(changes: Any, expected: str) -> None:
    found = answers("addon-owned-association", healthy(addons=(addon(**changes),)))
    assert found == [(expected, "warn", "Addon eks-pod-identity-agent")]


def test_a_target_role_may_be_anywhere() -> None:
    assert [a[0] for a in answers("cross-account-role-arn", chained())] == ["pass"]
    foreign = "arn:aws:iam::444455556666:role/orders"
    verdict = only("cross-account-role-arn", healthy(associations=(association(role_arn=foreign),)))
    assert verdict.message == (
        f"the role is in account 444455556666, but EKS requires a role of the cluster's account {ACCOUNT}"
    )


@table(
    ("one", "expected"),
    [
        (pod(annotations={SKIP: "app"}), "fail"),
        (pod(annotations={SKIP: "app, istio-proxy"}), "fail"),
        (pod(containers=(*pod().containers, PROXY), annotations={SKIP: "proxy"}), "fail"),
        (pod(labels={"eks.amazonaws.com/skip-pod-identity-webhook": "true"}), "fail"),
        # names that are nobody's
        (pod(annotations={SKIP: "istio-proxy"}), "pass"),
        (pod(annotations={SKIP: ""}), "pass"),
    ],
)
def test_pods_that_opt_out(one: Pod, expected: str) -> None:
    assert [a[:2] for a in answers("injection-opted-out", healthy(pods=(one,)))] == [(expected, "info")]


def account(made: datetime | None = None, annotations: Mapping[str, str] | None = None) -> ServiceAccount:
    return ServiceAccount(namespace="shop", name="orders", annotations=annotations or {}, created_at=made)


IRSA = {"eks.amazonaws.com/role-arn": ROLE_ARN}
WEB = replace(bare(pod()), containers=(Container(name="app", image="x", env={"AWS_WEB_IDENTITY_TOKEN_FILE": "/t"}),))


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (healthy(service_accounts=(account(annotations=IRSA),)), ["fail"]),
        (healthy(service_accounts=(account(),)), ["pass"]),
        (healthy(service_accounts=(account(annotations=IRSA),), associations=()), []),
        (healthy(service_accounts=(account(annotations=IRSA),), pods=(WEB,)), ["not-applicable"]),
        (
            healthy(service_accounts=(account(annotations=IRSA),), nodes=(node(compute_type="fargate"),)),
            ["not-applicable"],
        ),
    ],
)
def test_the_annotation_of_irsa(snapshot: Snapshot, expected: list[str]) -> None:
    assert [outcome for outcome, _, _ in answers("irsa-annotation-leftover", snapshot)] == expected


@pytest.mark.parametrize(
    ("made", "pods", "expected"),
    [
        (ago(hours=4), (pod(created_at=ago(hours=5)),), ("fail", "warn")),
        (ago(hours=5), (pod(created_at=ago(hours=5)),), ("pass", "error")),
        (None, (pod(),), ("not-applicable", "error")),
        (ago(hours=4), (bare(pod(created_at=ago(hours=5))),), ("not-applicable", "error")),
    ],
)
def test_service_accounts_that_were_made_again(
    made: datetime | None, pods: tuple[Pod, ...], expected: tuple[str, str]
) -> None:
    snapshot = healthy(service_accounts=(account(made),), pods=pods)
    assert answers("sa-recreated-token-invalid", snapshot) == [(*expected, APP)]


def sent(uri: str, *ips: str, host_network: bool = False) -> Snapshot:
    container = replace(pod().containers[0], env={**INJECTED, INJECTED_ENV[0]: uri})
    return healthy(pods=(pod(containers=(container,), ips=ips, host_network=host_network),))


@table(
    ("snapshot", "expected"),
    [
        (sent(AGENT_ADDRESSES[1], "10.0.0.9"), "fail"),
        (sent(AGENT_ADDRESSES[1], "10.0.0.9", "2600::9"), "pass"),
        (sent(AGENT_ADDRESSES[1], "10.0.0.9", host_network=True), "pass"),
        (sent(AGENT_ADDRESSES[1]), "pass"),  # it has no address yet
        (sent(AGENT_ADDRESSES[0], "10.0.0.9"), "pass"),
        (sent(AGENT_ADDRESSES[0], "2600::9"), "pass"),  # IPv6 clusters give pods a way to IPv4 on the node
    ],
)
def test_addresses_of_the_other_family(snapshot: Snapshot, expected: str) -> None:
    assert answers("ipv6-uri-on-ipv4-pods", snapshot) == [(expected, "error", APP)]


def agent_with(env: Mapping[str, str]) -> Pod:
    return agent_pod(containers=(Container(name="agent", image="x", env=env),))


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (agent_pod(), "pass"),
        (agent_pod(containers=(Container(name="agent", image="x", env=INJECTED),)), "fail"),
        (
            agent_pod(containers=(Container(name="agent", image="x", env={"AWS_WEB_IDENTITY_TOKEN_FILE": "/t"}),)),
            "fail",
        ),
        (agent_pod(containers=(Container(name="agent", image="x", env={"AWS_REGION": "eu-west-1"}),)), "pass"),
    ],
)
def test_agents_with_credentials_of_their_own(one: Pod, expected: str) -> None:
    found = answers("agent-hijacked-by-default-sa", healthy(agent_pods=(one,)))
    assert found == [(expected, "error", "ServiceAccount kube-system/default")]


def test_an_association_of_the_agents_account_alone_harms_no_agent() -> None:
    snapshot = healthy(associations=(association(), association("kube-system", "default")))
    assert [a[0] for a in answers("agent-hijacked-by-default-sa", snapshot)] == ["pass"]
    assert [a[:2] for a in answers("default-sa-association", snapshot)] == [("fail", "warn"), ("pass", "warn")]


def test_a_role_that_is_gone_has_no_policies_to_look_for() -> None:
    snapshot = healthy(roles={ROLE_ARN: Known(None)}, role_policies={ROLE_ARN: DENIED})
    assert [a[0] for a in answers("role-no-permissions", snapshot)] == ["not-applicable"]


def test_a_role_that_no_pod_acts_as_needs_no_policy_of_its_own() -> None:
    """The trust of a target role of the same account may name it, and that is enough."""
    onward = association("web", target_role_arn=f"{ROLE_ARN}-data")
    for associations, outcome in (((onward,), "not-applicable"), ((onward, association()), "fail")):
        snapshot = healthy(associations=associations, role_policies={ROLE_ARN: Known(PolicyNames())})
        assert [a[0] for a in answers("role-no-permissions", snapshot)] == [outcome]


@pytest.mark.parametrize(
    ("rules", "severity"),
    [
        (("iptables -A INPUT -d 169.254.0.0/16 -j DROP",), "error"),
        (("iptables -A FORWARD -d 169.254.0.0/16 -j DROP",), "warn"),
        # which of the two comes first is not seen
        (("iptables -I INPUT -d 169.254.170.23 -j ACCEPT", "iptables -A INPUT -d 169.254.0.0/16 -j DROP"), "warn"),
        (("iptables -I INPUT -d 169.254.169.123 -j ACCEPT", "iptables -A INPUT -d 169.254.0.0/16 -j DROP"), "error"),
    ],
)
def test_rules_of_a_daemon_set(rules: tuple[str, ...], severity: str) -> None:
    snapshot = healthy(daemon_sets=(daemon_set(), daemon_set(name="block", images=(), args=(), firewall=rules)))
    found = answers("host-firewall-blocks-link-local", snapshot)
    assert ("fail", severity, "DaemonSet kube-system/block") in found


@pytest.mark.parametrize(
    ("sections", "skip", "expected"),
    [
        ({}, "", ("pass", "error")),
        ({"associations": (association(), OF_AGENT)}, "", ("fail", "warn")),
        (
            {"service_accounts": (ServiceAccount(namespace="kube-system", name="default", annotations=IRSA),)},
            "",
            ("fail", "warn"),
        ),
        ({"associations": (association(), OF_AGENT)}, "eks-pod-identity-agent", ("pass", "error")),
    ],
)
def test_agents_that_the_next_restart_takes_the_nodes_role_from(
    sections: dict[str, Any], skip: str, expected: tuple[str, str]
) -> None:
    agent = agent_pod(annotations={"eks.amazonaws.com/skip-containers": skip})
    snapshot = healthy(agent_pods=(agent,), pods=(pod(), agent), **sections)
    ((outcome, severity, subject),) = answers("agent-hijacked-by-default-sa", snapshot)
    assert (outcome, severity, subject) == (*expected, "ServiceAccount kube-system/default")


def test_no_check_wants_the_agents_own_pods_to_have_credentials() -> None:
    """They would have to be replaced for that, and act as another role then."""
    agent = agent_pod(annotations={})
    snapshot = healthy(associations=(association(), OF_AGENT), agent_pods=(agent,), pods=(pod(), agent))
    found = {v.check for v in run_checks(ALL, snapshot) if v.outcome is Outcome.FAIL and v.link < 9}
    assert found == {"agent-hijacked-by-default-sa", "default-sa-association"}
