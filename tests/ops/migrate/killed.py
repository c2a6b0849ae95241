"""Kills podid at a write, and watches whether new pods have credentials."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import parse_qs

import pytest
from urllib3.connectionpool import HTTPConnectionPool

from cluster_api import Json, injected
from irsa import PROVIDER, REPORTS, Irsa, irsa_statement, ways
from ops.migrate.worlds import NODES, Proxies, names_agent
from podid.domain import trust
from podid.domain.names import ServiceAccountRef
from podid.sandbox.proxy_samples import NAMESPACE, ROLE
from worlds import CLUSTER_ARN, Site

ONE, TWO = "shop/one", "shop/two"


REFS = (REPORTS, ONE, TWO)


ROLES = {REPORTS: "irsa-reports", ONE: "pair", TWO: "pair"}


APPLY = ("migrate", "apply", "-A", "--yes")


FINISH = ("migrate", "finish", "-A", "--soak", "0", "--yes")


ROLLBACK = ("migrate", "rollback", "-A", "--yes")


AWS_WRITES = (
    ("iam", "UpdateAssumeRolePolicy"),
    ("eks", "CreatePodIdentityAssociation"),
    ("eks", "DeletePodIdentityAssociation"),
    ("eks-auth", "AssumeRoleForPodIdentity"),
)


KUBE_WRITES = ("PATCH */deployments*", "PATCH */serviceaccounts*", "POST */token*", "POST */pods*")


READ_BY_POST = ("dryRun=All", "selfsubject", "/policy/validation", "/insights")


class Killed(BaseException):
    """Ends podid, as if its process were killed."""


def is_write(method: str, url: str, body: Any) -> bool:
    """Return whether the request changes a resource, or issues credentials."""
    if method in ("GET", "HEAD") or any(part in url for part in READ_BY_POST):
        return False
    text = body.decode() if isinstance(body, bytes) else str(body or "")
    action = parse_qs(text).get("Action", [""])[0] if "Action=" in text else ""
    return not action.startswith(("Get", "List", "Simulate", "Describe"))


@contextmanager
def dying(site: Site, patch: pytest.MonkeyPatch, number: int, when: str) -> Iterator[list[str]]:
    """Kill podid at its write `number`, before or after the write is carried out. Yield the writes so far."""
    urlopen, state = HTTPConnectionPool.urlopen, site.directory / "state"
    writes: list[str] = []
    dead: list[bool] = []
    dying_now = threading.Lock()

    def opening(self: HTTPConnectionPool, method: str, url: str, body: Any = None, *args: Any, **named: Any) -> Any:
        # while one thread dies, no other starts a call, and the run does not end
        with dying_now:
            if dead:
                raise Killed
            if is_write(method, url, body):
                writes.append(f"{method} {url}")
                if len(writes) == number + 1:
                    if when == "after":
                        urlopen(self, method, url, body, *args, **named)
                    dead.append(True)
                    shutil.copytree(state, site.directory / "at-death", dirs_exist_ok=True)
                    raise Killed
        return urlopen(self, method, url, body, *args, **named)

    with patch.context() as patched:
        patched.setattr(HTTPConnectionPool, "urlopen", opening)
        yield writes
    with dying_now:
        if dead:  # what the interpreter still wrote on its way out, a dead process does not
            shutil.rmtree(state)
            (site.directory / "at-death").rename(state)


def new_pod(site: Site, ref: str, spec: Json | None = None, annotations: Json | None = None) -> Json:
    """Return the pod that the API server would create now, by default one of the service account."""
    namespace, name = ref.split("/")
    spec = spec or {"serviceAccountName": name, "containers": [{"name": "app", "image": "busybox"}]}
    body = {"metadata": {"generateName": "watch-", "annotations": annotations or {}}, "spec": spec}
    pod: Json = site.cluster.post(f"/api/v1/namespaces/{namespace}/pods?dryRun=All", body)
    return pod


class Watched(Irsa):
    """Creates a pod of each service account each second; `without` are those that get credentials neither by IRSA nor
    by Pod Identity."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        pair = self.role("pair", irsa_statement(ONE, TWO), {**irsa_statement("web/other"), "Sid": "Other"})
        for ref in (ONE, TWO):
            self.account(ref, pair)
        self.before = self.values()
        self.without: list[str] = []
        self.rounds = 0
        site.on_sleep = self.watch

    def values(self) -> dict[str, Any]:
        return {ref: (self.trust(ROLES[ref]), self.annotations(ref)) for ref in REFS}

    def watch(self, _: float = 0) -> None:
        self.rounds += 1
        for ref in REFS:
            pod = new_pod(self.site, ref)
            if not self.has_credentials(ref, pod):
                self.without.append(f"{ref} in second {self.rounds}: {sorted(ways(pod))}")

    def has_credentials(self, ref: str, pod: Any) -> bool:
        """Return whether the pod gets credentials by the first source in the order of SDKs: web identity, then the
        container's endpoint."""
        policy = trust.parse_policy(self.trust(ROLES[ref]))
        if "AWS_WEB_IDENTITY_TOKEN_FILE" in ways(pod):
            return trust.allows_by_issuer(policy, PROVIDER, ServiceAccountRef.parse(ref))
        namespace, name = ref.split("/")
        who = trust.PodIdentity(cluster_arn=CLUSTER_ARN, namespace=namespace, service_account=name)
        allowed = trust.evaluate(policy, who).verdict is trust.TrustVerdict.MATCH
        return "AWS_CONTAINER_CREDENTIALS_FULL_URI" in ways(pod) and allowed

    def running(self, way: str) -> bool:
        pods = [pod for namespace in ("legacy", "shop") for pod in self.site.cluster.pods(namespace)]
        own = [pod for pod in pods if f"{pod['metadata']['namespace']}/{pod['spec']['serviceAccountName']}" in REFS]
        return bool(own) and all(ways(pod) == {way} for pod in own)

    def kill(
        self, patch: pytest.MonkeyPatch, argv: tuple[str, ...], number: int, when: str, *, must: bool = True
    ) -> None:
        """Run podid until that write, which it `must` reach."""
        with dying(self.site, patch, number, when), suppress(Killed):
            outcome = self.site(*argv)
            assert (outcome.code, must) == (0, False), outcome
        self.site.wait(5)

    def is_moved(self) -> None:
        assert self.running("AWS_CONTAINER_CREDENTIALS_FULL_URI")
        self._are("moved")

    def is_finished(self) -> None:
        assert all(self.annotations(ref) == {} for ref in REFS)
        sids = [s.get("Sid") for s in self.trust("pair")["Statement"] if "Federated" in s["Principal"]]
        assert sids == ["Other"]
        self._are("clean")

    def is_back(self) -> None:
        for ref, value in self.values().items():
            assert value == self.before[ref]
        assert self.running("AWS_WEB_IDENTITY_TOKEN_FILE")
        self._are("old")

    def _are(self, stage: str) -> None:
        stages = self.stages()
        assert {stages[ref] for ref in REFS} == {stage}


class Watcher:
    """Creates a pod of each workload at every wait, and keeps those that would get no credentials."""

    def __init__(self, proxies: Proxies, *names: str, principal: str = NODES) -> None:
        self.proxies, self.names, self.principal, self.number = proxies, names, principal, 0
        self.without: list[str] = []

    def __call__(self, _: float) -> None:
        for name in self.names:
            template = self.proxies.template(name)
            self.number += 1
            notes = template["metadata"].get("annotations") or {}
            pod = new_pod(self.proxies.site, f"{NAMESPACE}/{name}", template["spec"], notes)
            statements = self.proxies.trust(f"apps-{name}")
            by_identity = any(s["Principal"].get("Service") == "pods.eks.amazonaws.com" for s in statements)
            by_agent = ROLE in notes and names_agent(self.proxies, f"apps-{name}", self.principal)
            # SDKs prefer the variables of Pod Identity to the metadata service
            if not (by_identity if injected(pod) else by_agent):
                self.without.append(f"{name}: {sorted(notes)} {injected(pod)}")
