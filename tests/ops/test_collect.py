"""The collector against the sandbox: a real cluster read through real clients, rights taken away one by one."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from podid.aws.session import AwsSession
from podid.checks.all import ALL
from podid.domain.errors import AccessDenied, NotFound, Unavailable
from podid.domain.report import DoctorReport
from podid.domain.snapshot import Known, Missing
from podid.kube import connect
from podid.kube.reader import KubeReader
from podid.kube.transport import Transport
from podid.ops.collect import Clients, collect
from podid.ops.doctor import Scope, diagnose, sections, select
from podid.sandbox import baseline
from podid.sandbox.box import Sandbox
from podid.sandbox.kube import kinds
from podid.sandbox.kubernetes import JoinedKubernetes, factory_in


@dataclass
class Shop:
    """The sandbox's cluster with the agent installed and shop/orders associated, its pods made again."""

    box: Sandbox
    clients: Clients

    @property
    def half(self) -> JoinedKubernetes:
        half = self.box.kubernetes
        assert isinstance(half, JoinedKubernetes)
        return half

    def report(self, scope: Scope | None = None, *ids: str, clients: Clients | None = None) -> DoctorReport:
        checks = select(ids)
        now = self.box.world.clock.datetime()
        snapshot = collect(clients or self.clients, "demo", sections(checks), now=now, scope=scope)
        return diagnose(snapshot, checks=checks, scope=scope)

    def found(self) -> list[tuple[str, str]]:
        """(id, severity), each once, of the findings that no other explains, and of what is unknown."""
        report = self.report()
        plain = [(v.check, v.severity.value) for v in report.findings if not v.masked_by]
        return list(dict.fromkeys(plain + [(v.check, "unknown") for v in report.unknowns]))

    def replace_pods(self, namespace: str) -> None:
        for pod in self.half.kube.all(kinds.PODS, namespace):
            self.half.kube.delete(kinds.PODS, namespace, pod["metadata"]["name"])
        self.later(120)

    def later(self, seconds: float) -> None:
        # what was changed outside is noticed at a poke, and acted upon some moments of the cluster's time later
        for step in (0.0, seconds, 60.0):
            self.box.world.clock.advance(step)
            self.half.kube.poke()


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    with Sandbox(kubernetes=factory_in(tmp_path)) as box:
        for name, value in box.env().items():
            monkeypatch.setenv(name, value)
        aws = AwsSession(None, None, env=os.environ)
        aws.eks.create_addon("demo", "eks-pod-identity-agent", token="0123456789abcdef")
        cluster = aws.eks.get_cluster("demo")
        token = aws.sts.get_cluster_token("demo")
        found = connect.connect(cluster, token=lambda: (token.token, token.expires_at), env=os.environ)
        baseline.add_association(box.world, "shop", "orders", "storefront")
        made = Shop(box, Clients(aws.eks, aws.iam, KubeReader(Transport(found))))
        made.later(300)
        made.replace_pods("shop")
        yield made


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
    baseline.add_association(shop.box.world, namespace, name, "storefront", age=0)


def _take(shop: Shop) -> None:
    (association,) = shop.clients.eks.list_associations("demo", "shop")
    shop.clients.eks.delete_association("demo", association.association_id)


def _give(shop: Shop, role: str) -> None:
    _take(shop)
    baseline.add_association(shop.box.world, "shop", "orders", role)


BREAKS: list[tuple[str, str, Break]] = [
    ("agent-not-installed", "error", lambda s: s.clients.eks.delete_addon("demo", "eks-pod-identity-agent")),
    ("agent-pod-unhealthy", "error", lambda s: s.half.kube.faults.agent_crashing.update({"*": "bind failed"})),
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


@pytest.mark.parametrize(("check_id", "severity", "broken"), BREAKS, ids=[name for name, _, _ in BREAKS])
def test_each_failure_is_named_and_nothing_beside_it(shop: Shop, check_id: str, severity: str, broken: Break) -> None:
    broken(shop)
    shop.later(240)
    assert shop.found() == [(check_id, severity)]


# --- rights taken away ---------------------------------------------------------------------------------------------

AWS_RIGHTS = [
    "eks:ListPodIdentityAssociations",
    "eks:DescribePodIdentityAssociation",
    "eks:DescribeAddon",
    "eks:ListNodegroups",
    "eks:DescribeNodegroup",
    "iam:GetRole",
    "iam:SimulatePrincipalPolicy",
]
KUBE_RIGHTS = [
    ("list", "pods"),
    ("list", "nodes"),
    ("list", "namespaces"),
    ("list", "serviceaccounts"),
    ("list", "deployments.apps"),
    ("get", "mutatingwebhookconfigurations.admissionregistration.k8s.io"),
]


@pytest.mark.parametrize("action", AWS_RIGHTS)
def test_an_aws_right_taken_away_is_unknown_and_named(shop: Shop, action: str) -> None:
    shop.box.world.credentials.deny(action)
    report = shop.report()
    assert [v.check for v in report.findings] == []
    named = {v.permission for v in report.unknowns if v.check == "tool-aws-denied"}
    assert named == {action}
    assert report.exit_code() == 9


@pytest.mark.parametrize(("verb", "resource"), KUBE_RIGHTS)
def test_a_kubernetes_right_taken_away_is_unknown_and_named(shop: Shop, verb: str, resource: str) -> None:
    shop.half.kube.deny("kubernetes-admin", verb, resource)
    report = shop.report()
    assert [v.check for v in report.findings] == []
    reasons = " ".join(v.permission for v in report.unknowns if v.check == "tool-k8s-rbac-denied")
    assert verb in reasons
    assert resource.split(".")[0] in reasons
    assert report.exit_code() == 9


def test_without_kubernetes_the_aws_checks_still_speak(shop: Shop) -> None:
    _give(shop, "no-such-role")
    alone = Clients(shop.clients.eks, shop.clients.iam, None, Unavailable("the API server does not answer"))
    report = shop.report(clients=alone)
    assert [v.check for v in report.findings] == ["role-not-found"]
    assert "private-endpoint-unreachable" in [v.check for v in report.unknowns]
    assert report.exit_code() == 3


def test_a_cluster_that_cannot_be_read_at_all_is_an_error(shop: Shop) -> None:
    with pytest.raises(NotFound):
        collect(shop.clients, "nowhere", sections(ALL), now=shop.box.world.clock.datetime())
    shop.box.world.credentials.deny("eks:*")
    alone = Clients(shop.clients.eks, shop.clients.iam, None, Unavailable("no way in"))
    with pytest.raises(AccessDenied) as caught:
        shop.report(clients=alone)
    assert caught.value.permission == "eks:DescribeCluster"


def test_a_denied_cluster_alone_is_unknown(shop: Shop) -> None:
    shop.box.world.credentials.deny("eks:DescribeCluster")
    report = shop.report()
    assert "trust-missing-tag-session" in [v.check for v in report.unknowns]
    assert report.findings == ()


# --- what is read --------------------------------------------------------------------------------------------------


def test_only_what_the_checks_need_is_read(shop: Shop) -> None:
    before = dict(shop.box.faults.calls)
    snapshot = collect(
        shop.clients,
        "demo",
        sections(select(("association-namespace-not-found",))),
        now=shop.box.world.clock.datetime(),
    )
    made = {name for name, count in shop.box.faults.calls.items() if count != before.get(name, 0)}
    assert sorted(name for _, name in made) == [
        "DescribeCluster",
        "DescribePodIdentityAssociation",
        "ListPodIdentityAssociations",
    ]
    assert isinstance(snapshot.pods, Missing)
    assert isinstance(snapshot.namespaces, Known)


def test_a_namespace_is_read_alone_and_the_agent_with_it(shop: Shop) -> None:
    _associate(shop, "payments", "billing-worker")
    scope = Scope("shop")
    snapshot = collect(shop.clients, "demo", sections(ALL), now=shop.box.world.clock.datetime(), scope=scope)
    assert isinstance(snapshot.associations, Known)
    assert isinstance(snapshot.pods, Known)
    assert isinstance(snapshot.agent_pods, Known)
    assert [str(a.ref) for a in snapshot.associations.value] == ["shop/orders"]
    assert {p.namespace for p in snapshot.pods.value} == {"shop"}
    assert [p.node for p in snapshot.agent_pods.value] != []
    assert shop.report(scope).findings == ()
    assert [v.check for v in shop.report(Scope("payments", "ServiceAccount", "billing-worker")).findings] == [
        "pod-predates-association"
    ]
    assert [v.check for v in shop.report(Scope("payments", "Deployment", "billing-worker")).findings] == [
        "pod-predates-association"
    ]


def test_with_rights_in_one_namespace_its_existence_is_known(shop: Shop) -> None:
    shop.half.kube.deny("kubernetes-admin", "list", "namespaces")
    assert "association-sa-not-found" not in [v.check for v in shop.report(Scope("shop")).unknowns]
