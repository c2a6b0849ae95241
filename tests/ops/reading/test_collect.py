"""The collector on a cluster: its sections, and one permission less."""

from collections.abc import Callable
from typing import Any

import pytest

from harness import one_in
from ops.shop import Shop
from podid.aws.iam import Iam
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Known, Missing
from podid.domain.status import IdentityState
from podid.kube.reader import KubeReader
from podid.ops.reading.scope import EVERYTHING, DoctorScope
from podid.sandbox import baseline


def test_a_healthy_cluster_is_clean(shop: Shop) -> None:
    report = shop.report()
    assert [(v.check, str(v.subject), v.message) for v in (*report.findings, *report.unknowns)] == []
    assert report.exit_code() == 0
    assert report.summary.passed > 20


Break = Callable[[Shop], object]


WORKER = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"


def _missed(shop: Shop) -> None:
    shop.half.kube.faults.webhook_misses = 1
    shop.replace_pods("shop")


def _associate(shop: Shop, namespace: str, name: str) -> None:
    # a role that no other namespace has
    copy = shop.clients.iam.get_role("storefront")
    shop.clients.iam.create_role("of-its-own", copy.trust)
    shop.clients.iam.attach_policy("of-its-own", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    baseline.add_association(shop.box.world, namespace, name, "of-its-own", age=0)


def _take(shop: Shop) -> None:
    (association,) = shop.clients.eks.list_associations("demo", "shop")
    shop.clients.eks.delete_association("demo", association.association_id)


def _give(shop: Shop, role: str) -> None:
    _take(shop)
    baseline.add_association(shop.box.world, "shop", "orders", role)


BREAKS: list[tuple[str, str, Break]] = [
    ("agent-not-installed", "error", lambda s: s.clients.eks.delete_addon("demo", "eks-pod-identity-agent")),
    ("agent-pod-unhealthy", "error", lambda s: s.half.kube.faults.agent_not_ready.add("*")),
    ("injection-missed-webhook", "error", _missed),
    ("association-namespace-not-found", "warn", lambda s: _associate(s, "shopp", "orders")),
    ("association-sa-not-found", "error", lambda s: _associate(s, "payments", "bilingworker")),
    ("pod-predates-association", "error", lambda s: _associate(s, "payments", "billing-worker")),
    ("node-role-missing-eks-auth", "error", lambda s: s.clients.iam.detach_policy(baseline.NODE_ROLE, WORKER)),
    ("trust-missing-tag-session", "error", lambda s: _give(s, "article-2023")),
    ("trust-wrong-principal", "error", lambda s: _give(s, "irsa-reports")),
    ("trust-too-broad", "warn", lambda s: _give(s, "orders-dynamodb")),
    ("role-not-found", "error", lambda s: _give(s, "no-such-role")),
    ("association-deleted-env-remains", "error", _take),
]
# the article's trust has no conditions either
BESIDE = {"trust-missing-tag-session": [("trust-too-broad", "warn")]}


@pytest.mark.parametrize(("check_id", "severity", "broken"), one_in(3, BREAKS), ids=[name for name, _, _ in BREAKS])
def test_a_failure_is_the_only_finding(shop: Shop, check_id: str, severity: str, broken: Break) -> None:
    broken(shop)
    shop.later(240)
    assert shop.failures() == [(check_id, severity), *BESIDE.get(check_id, ())]


# --- rights taken away ---------------------------------------------------------------------------------------------

AWS_PERMISSIONS = [
    "eks:ListPodIdentityAssociations",
    "eks:DescribePodIdentityAssociation",
    "eks:DescribeAddon",
    "eks:ListNodegroups",
    "eks:DescribeNodegroup",
    "iam:GetRole",
    "iam:SimulatePrincipalPolicy",
]
KUBE_PERMISSIONS = [
    ("list", "pods"),
    ("list", "nodes"),
    ("list", "serviceaccounts"),
    ("list", "deployments.apps"),
    ("get", "mutatingwebhookconfigurations.admissionregistration.k8s.io"),
]


@pytest.mark.parametrize("action", one_in(4, AWS_PERMISSIONS))
def test_a_denied_aws_permission_is_named(shop: Shop, action: str) -> None:
    shop.box.world.credentials.deny(action)
    report = shop.report()
    assert [v.check for v in report.findings] == []
    named = {v.permission for v in report.unknowns if v.check == "tool-aws-denied"}
    assert named == {action}
    assert report.exit_code() == 9


@pytest.mark.parametrize(("verb", "resource"), one_in(3, KUBE_PERMISSIONS))
def test_a_denied_kubernetes_permission_is_named(shop: Shop, verb: str, resource: str) -> None:
    shop.half.kube.deny("kubernetes-admin", verb, resource)
    report = shop.report()
    assert [v.check for v in report.findings] == []
    reasons = " ".join(v.permission for v in report.unknowns if v.check == "tool-k8s-rbac-denied")
    assert verb in reasons
    assert resource.split(".")[0] in reasons
    assert report.exit_code() == 9


def test_without_kubernetes_the_checks_of_aws_run(shop: Shop) -> None:
    _give(shop, "no-such-role")
    report = shop.without_kubernetes.report()
    assert [v.check for v in report.findings] == ["role-not-found"]
    assert "private-endpoint-unreachable" in [v.check for v in report.unknowns]
    assert report.exit_code() == 3


def test_with_no_permission_at_all_everything_is_unknown(shop: Shop) -> None:
    shop.box.world.credentials.deny("eks:*")
    shop.box.world.credentials.deny("iam:*")
    report = shop.without_kubernetes.report()
    assert (report.findings, report.exit_code()) == ((), 9)
    # what the command has already read when it chose the cluster
    passed = {item.check for item in report.verdicts if item.outcome == "pass"}
    assert passed == {"unsupported-cluster-kind", "cluster-too-old"}


@pytest.mark.parametrize("gateway", [KubeReader.list_nodes, Iam.find_roles], ids=["Kubernetes", "AWS"])
def test_a_bug_in_one_section_leaves_the_others(
    shop: Shop, gateway: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise KeyError("a secret value")

    _associate(shop, "shopp", "orders")
    monkeypatch.setattr(KubeReader if gateway is KubeReader.list_nodes else Iam, gateway.__name__, crash)
    report = shop.report()
    assert [v.check for v in report.findings] == ["association-namespace-not-found"]
    messages = [v.message for v in report.unknowns if v.check.startswith("tool-")]
    section = gateway.__name__.partition("_")[2]
    assert len(messages) == 1
    assert f"{section} could not be read: INTERNAL: KeyError at test_collect.py:" in messages[0]
    assert "secret" not in str(report)
    assert report.exit_code() == 9


# --- what is read --------------------------------------------------------------------------------------------------


def test_only_what_the_checks_need_is_read(shop: Shop) -> None:
    with shop.counted() as calls:
        snapshot = shop.read(EVERYTHING, "association-namespace-not-found")
    assert sorted(calls) == [
        "DescribePodIdentityAssociation",
        "GET /api/v1/namespaces?limit=500",
        "GET /api/v1/pods?limit=500",
        "GET /api/v1/serviceaccounts?limit=500",
        "ListPodIdentityAssociations",
    ]
    assert isinstance(snapshot.nodes, Missing)
    assert isinstance(snapshot.namespaces, Known)


def test_a_namespace_is_read_with_the_agent(shop: Shop) -> None:
    _associate(shop, "payments", "billing-worker")
    scope = DoctorScope("shop")
    snapshot = shop.read(scope)
    assert isinstance(snapshot.associations, Known)
    assert isinstance(snapshot.pods, Known)
    assert isinstance(snapshot.agent_pods, Known)
    assert [str(a.ref) for a in snapshot.associations.value] == ["shop/orders"]
    assert {p.namespace for p in snapshot.pods.value} == {"shop"}
    assert [p.node for p in snapshot.agent_pods.value] != []
    assert shop.report(scope).findings == ()
    assert [v.check for v in shop.report(DoctorScope("payments", "ServiceAccount", "billing-worker")).findings] == [
        "pod-predates-association"
    ]
    assert [v.check for v in shop.report(DoctorScope("payments", "Deployment", "billing-worker")).findings] == [
        "pod-predates-association"
    ]


def test_a_missing_association_is_searched_in_other_namespaces(shop: Shop) -> None:
    _associate(shop, "Payments", "billing-worker")
    (finding,) = shop.report(DoctorScope("payments", "ServiceAccount", "billing-worker")).findings
    assert finding.check == "association-missing"
    assert finding.evidence == ("associations of the same name elsewhere: Payments/billing-worker",)


@pytest.mark.parametrize("ref", [None, ServiceAccountRef("shop", "orders")], ids=["all", "named"])
def test_service_accounts_show_that_a_namespace_exists(shop: Shop, ref: ServiceAccountRef | None) -> None:
    shop.half.kube.deny("kubernetes-admin", "list", "namespaces")
    report = shop.report(DoctorScope.of((ref,)) if ref else DoctorScope())
    assert report.unknowns == ()
    states = {identity.ref: identity.state for identity in report.identities}
    assert states[ServiceAccountRef("shop", "orders")] is IdentityState.READY


def test_a_namespace_that_is_not_known_names_the_permission(shop: Shop) -> None:
    _associate(shop, "paymnets", "billing-worker")
    shop.half.kube.deny("kubernetes-admin", "list", "namespaces")
    report = shop.report()
    assert [v.permission for v in report.unknowns if v.check == "tool-k8s-rbac-denied"] == [
        "list namespaces (cluster-wide)"
    ]
    assert report.exit_code() == 9


def test_with_permissions_in_one_namespace_its_existence_is_known(shop: Shop) -> None:
    shop.half.kube.deny("kubernetes-admin", "list", "namespaces")
    assert "association-sa-not-found" not in [v.check for v in shop.report(DoctorScope("shop")).unknowns]
