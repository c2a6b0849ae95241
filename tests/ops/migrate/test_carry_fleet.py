"""40 service accounts of all kinds, migrated, finished and rolled back: between every two writes no new pod is without
credentials, and statements of others stay. With throttling, lost answers, kill -9 and a second run at the same time."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from random import Random
from typing import Any

import pytest
from urllib3.connectionpool import HTTPConnectionPool

from cluster_api import Json, injected
from harness import one_in
from irsa import ANNOTATION, PROVIDER, Irsa, irsa_statement, ways
from ops.migrate.killed import AWS_WRITES, Killed, dying, is_write
from ops.migrate.worlds import NODES
from podid.domain import trust
from podid.domain.names import ServiceAccountRef
from podid.sandbox.faults import Fault
from podid.sandbox.proxy_samples import ROLE, ProxySamples
from worlds import ACCOUNT, CLUSTER_ARN, Site

FOREIGN: tuple[Json, ...] = (
    {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
    {**irsa_statement("web/other", provider=PROVIDER.replace("EXAMPLED", "OTHERD")), "Sid": "Other"},
)


APPLY = ("migrate", "apply", "-A", "--create-service-accounts", "--parallel", "20", "--yes")


FINISH = ("migrate", "finish", "-A", "--soak", "0", "--yes")


PROXIED = (
    ("web", "Deployment", ""),
    ("queue", "StatefulSet", ""),
    ("reader", "Deployment", "default"),
    ("writer", "Deployment", "default"),
)


EBS = "kube-system/ebs-csi-controller-sa"


class Fleet(Irsa):
    """`workloads` are path and role of each watched pod template; `accounts` have no workload. A `whole` fleet has 40
    service accounts; otherwise 13, one or two of each kind, of which each round watches a third."""

    def __init__(self, site: Site, *, whole: bool) -> None:
        super().__init__(site)
        self.whole, self.stride = whole, 1 if whole else 3
        self.workloads: dict[tuple[str, str, str], str] = {}
        self.accounts: dict[str, str] = {}
        self.without: list[str] = []
        self.rounds = 0
        self.lock = threading.RLock()
        self._load()
        site.wait(60)
        self.first = self.documents()
        self.before = self.values()

    def _load(self) -> None:
        cluster = self.site.cluster
        for namespace in ("many", "wide"):
            cluster.make_namespace(namespace)
        for number in range(14 if self.whole else 1):
            role = self.role(f"own-{number}", *FOREIGN[: number % 3], irsa_statement(f"many/own-{number}"))
            kind = ("Deployment", "StatefulSet", "DaemonSet")[number % 3] if number < 10 else ""
            self._one(f"own-{number}", role, kind)
        for number in range(4 if self.whole else 1):
            names = [f"shared-{number}-{letter}" for letter in ("abc" if self.whole else "ab")]
            statements = [irsa_statement(*(f"many/{name}" for name in names)), FOREIGN[0]]
            role = self.role(f"shared-{number}", *(statements if number % 2 else reversed(statements)))
            for name in names:
                self._one(name, role)
        role = self.role("wide", irsa_statement("wide/*", operator="StringLike"), FOREIGN[1])
        for name in ("north", "south", "east") if self.whole else ("north",):
            self._one(name, role, namespace="wide")
        role = self.role("any", irsa_statement(), FOREIGN[1])
        for name in ("any-a", "any-b") if self.whole else ("any-a",):
            self._one(name, role)
        helm = {"meta.helm.sh/release-name": "x", "meta.helm.sh/release-namespace": "many"}
        for number in range(2 if self.whole else 1):
            role = self.role(f"helm-{number}", irsa_statement(f"many/helm-{number}"))
            self._one(f"helm-{number}", role, annotations=helm)
        role = self.role("twice", *(irsa_statement("many/twice"),) * 2, {**irsa_statement("many/twice"), "Sid": "Mine"})
        self._one("twice", role)
        self._one("taken", self.role("taken", irsa_statement("many/taken")))
        self.site.associate("many", "taken", "storefront")
        role = self.role("ebs", irsa_statement(EBS))
        cluster.post("/api/v1/namespaces/kube-system/serviceaccounts", {"metadata": {"name": EBS.partition("/")[2]}})
        cluster.make_workload("Deployment", "kube-system", "ebs-csi-controller", EBS.partition("/")[2])
        eks = self.site.aws("eks")
        eks.update_addon(clusterName="demo", addonName="aws-ebs-csi-driver", serviceAccountRoleArn=role)
        self.workloads["kube-system", "deployments", "ebs-csi-controller"] = "ebs"
        samples = ProxySamples(self.site.box.reach(), "kube2iam")
        samples.agent()
        for name, kind, account in PROXIED:
            samples.one(name, samples.role(f"apps-{name}"), kind=kind, account=account)
            self.workloads["apps", f"{kind.lower()}s", name] = f"apps-{name}"

    def _one(
        self, name: str, role: str, kind: str = "Deployment", namespace: str = "many", annotations: Json | None = None
    ) -> None:
        metadata = {"name": name, "annotations": {ANNOTATION: role, **(annotations or {})}}
        self.site.cluster.post(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": metadata})
        if kind:
            self.site.cluster.make_workload(kind, namespace, name, name)
            self.workloads[namespace, f"{kind.lower()}s", name] = role.rpartition("/")[2]
        else:
            self.accounts[f"{namespace}/{name}"] = role.rpartition("/")[2]

    def documents(self) -> dict[str, str]:
        roles = self.site.box.iam.backend(ACCOUNT).roles.values()
        return {role.name: role.assume_role_policy_document for role in roles}

    def values(self) -> Any:
        """Trust policies, annotations of service accounts and pod templates, and their service accounts."""
        cluster, roles = self.site.cluster, {*self.workloads.values(), *self.accounts.values()}
        trusts = {name: policy for name, policy in self.parsed().items() if name in roles}
        accounts = {
            (item["metadata"]["namespace"], item["metadata"]["name"]): item["metadata"].get("annotations")
            for item in cluster.items("/api/v1/serviceaccounts")
            # those that workloads got stay after a rollback
            if item["metadata"]["name"] not in ("reader", "writer")
        }
        templates = {key: self.template(key) for key in self.workloads}
        shown = {
            key: (t["metadata"].get("annotations"), t["spec"].get("serviceAccountName")) for key, t in templates.items()
        }
        return trusts, accounts, shown

    def parsed(self) -> dict[str, trust.Policy]:
        return {name: _parsed(text) for name, text in self.documents().items()}

    def template(self, key: tuple[str, str, str]) -> Json:
        namespace, kind, name = key
        template: Json = self.site.cluster.get(f"/apis/apps/v1/namespaces/{namespace}/{kind}/{name}")["spec"][
            "template"
        ]
        annotations = template["metadata"].get("annotations") or {}
        kept = {key: value for key, value in annotations.items() if "restartedAt" not in key}
        return {**template, "metadata": {**template["metadata"], "annotations": kept}}

    def watch(self) -> None:
        with self.lock:
            self.rounds += 1
            trusts = self.parsed()
            for key, role in [*self.workloads.items()][self.rounds % self.stride :: self.stride]:
                template = self.template(key)
                self._check(key[0], template["spec"], template["metadata"]["annotations"], role, trusts[role])
            for ref, role in self.accounts.items():
                namespace, name = ref.split("/")
                spec = {"serviceAccountName": name, "containers": [{"name": "a", "image": "a"}]}
                self._check(namespace, spec, {}, role, trusts[role])
            for name, policy in trusts.items():
                raws = [statement.raw for statement in policy.statements]
                begun = [statement.raw for statement in _parsed(self.first[name]).statements]
                if [s for s in raws if s in FOREIGN] != [s for s in begun if s in FOREIGN]:
                    self.without.append(f"statement of others in {name}")

    @contextmanager
    def watched(self, patch: pytest.MonkeyPatch, second: tuple[str, ...] = ()) -> Iterator[None]:
        """Look after each write, one write at a time, and in each fifth second. Start a `second` run at the third."""
        urlopen, seconds, writes = HTTPConnectionPool.urlopen, [0.0], [0]

        def opening(pool: HTTPConnectionPool, method: str, url: str, body: Any = None, *args: Any, **named: Any) -> Any:
            if not is_write(method, url, body):
                return urlopen(pool, method, url, body, *args, **named)
            with self.lock:
                writes[0] += 1
                if writes[0] == 3 and second:
                    self.second_run(second)
                answer = urlopen(pool, method, url, body, *args, **named)
                self.watch()
                return answer

        def sleeping(step: float) -> None:
            seconds[0] += step
            if seconds[0] >= 5:
                seconds[0] = 0.0
                self.watch()

        with patch.context() as patched:
            patched.setattr(HTTPConnectionPool, "urlopen", opening)
            patched.setattr(self.site, "on_sleep", sleeping)
            yield

    def second_run(self, argv: tuple[str, ...]) -> None:
        """Another run at the same time changes nothing."""
        documents = self.documents()
        outcome = self.site(*argv, "--timeout", "2s")
        assert (outcome.code, self.documents()) == (6, documents), outcome

    def run(self, patch: pytest.MonkeyPatch, argv: tuple[str, ...], kill: int | None) -> None:
        """Run podid, which dies at that write, if any, and again, while another run is tried."""
        if kill is not None:
            with self.watched(patch), dying(self.site, patch, kill, "after"), suppress(Killed):
                self.site(*argv)
            self.site.wait(5)
        with self.watched(patch, argv):
            outcome = self.site(*argv)
        # 8: service accounts that are blocked, or whose annotation Helm manages
        assert outcome.code in (0, 8), outcome

    def refs(self) -> list[str]:
        listed = self.site.must("migrate", "status", "-o", "json").json["items"]
        names = [f"{item['namespace']}/{item['serviceAccount']}" for item in listed if item["stage"] != "old"]
        return [name for name in names if name.startswith(("many/", "wide/", "kube-system/", "apps/", "legacy/"))]

    def _check(self, namespace: str, spec: Json, annotations: Json, role: str, policy: trust.Policy) -> None:
        body = {"metadata": {"generateName": "watch-", "annotations": annotations}, "spec": spec}
        pod = self.site.cluster.post(f"/api/v1/namespaces/{namespace}/pods?dryRun=All", body)
        account = spec.get("serviceAccountName", "default")
        ref = ServiceAccountRef(namespace, account)
        if role == "taken":
            return
        if "AWS_WEB_IDENTITY_TOKEN_FILE" in ways(pod):
            ok = trust.allows_by_issuer(policy, PROVIDER, ref)
        elif injected(pod):
            who = trust.PodIdentity(cluster_arn=CLUSTER_ARN, namespace=namespace, service_account=account)
            ok = trust.evaluate(policy, who).verdict is trust.TrustVerdict.MATCH
        else:
            ok = ROLE in annotations and bool(trust.principals_among(policy, {NODES}))
        if not ok:
            self.without.append(f"{ref} with {role} in round {self.rounds}: {sorted(ways(pod))}")


@lru_cache(maxsize=1000)
def _parsed(text: str) -> trust.Policy:
    return trust.parse_policy(json.loads(text))


@pytest.mark.parametrize("seed", one_in(20, range(20)))
def test_no_pod_is_ever_without_credentials(healthy: Site, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """The whole fleet for other seeds; that of the first seed is small, and podid dies only in `apply`."""
    fleet, chance = Fleet(healthy, whole=seed > 0), Random(seed)
    faults = healthy.box.faults
    assert len(fleet.workloads) + len(fleet.accounts) == (40 if fleet.whole else 13)
    for argv, writes in ((APPLY, 60), (FINISH, 30)):
        for service, operation in AWS_WRITES:
            faults.add(Fault("lose-answer", service, operation, times=chance.randrange(1, 4)))
        if seed:
            faults.throttle(20, 10, "iam")
        fleet.run(monkeypatch, argv, chance.randrange(writes if seed else 20) if seed or argv == APPLY else None)
        faults.clear()
        assert fleet.without == []
    fleet.run(monkeypatch, ("migrate", "rollback", *fleet.refs(), "--yes"), chance.randrange(40) if seed else None)
    faults.clear()
    assert fleet.without == []
    assert fleet.values() == fleet.before
    assert fleet.rounds > (200 if seed else 60)
