"""Clusters whose workloads use kiam or kube2iam."""

from typing import Any

from cluster_api import Json
from irsa import Irsa, trust_of, ways
from podid.sandbox.faults import Fault
from podid.sandbox.proxy_samples import NAMESPACE, ProxySamples
from worlds import ACCOUNT, Site

PREFIX = f"arn:aws:iam::{ACCOUNT}:role/"


NODES = f"{PREFIX}demo-node-role"


Item = tuple[str, str]


CREATE = "--create-service-accounts"


AGENT = "DaemonSet/kube-system/kube2iam"


HELM = {"annotations": {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": NAMESPACE}}


FINISH = ("migrate", "finish", "-n", NAMESPACE, "--soak", "0")


class Proxies:
    """Builds a cluster with kube2iam or kiam, and the workloads that a test adds."""

    def __init__(self, site: Site, source: str = "kube2iam", *flags: str) -> None:
        self.site = site
        self.samples = ProxySamples(site.box.reach(), source)
        self.samples.agent(*flags)
        site.wait(30)

    def one(self, name: str, role: str = "", **more: Any) -> None:
        """Add a workload with its role, `apps-NAME` by default."""
        self.samples.one(name, role or self.samples.role(f"apps-{name}"), **more)
        self.site.wait(30)

    def items(self, *argv: str) -> dict[Item, Json]:
        """Return the items by service account and the role's ARN without its prefix."""
        listed = self.site.reading("migrate", "plan", "-n", NAMESPACE, *argv, "-o", "json").json["items"]
        return {(item["serviceAccount"], item["roleArn"].removeprefix(PREFIX)): item for item in listed}

    def blockers(self, *argv: str) -> dict[Item, list[str]]:
        return {key: [blocker["id"] for blocker in item["blockers"]] for key, item in self.items(*argv).items()}

    def template(self, name: str, kind: str = "deployments") -> Json:
        path = f"/apis/{'batch' if kind == 'cronjobs' else 'apps'}/v1/namespaces/{NAMESPACE}/{kind}/{name}"
        spec = self.site.cluster.get(path)["spec"]
        template: Json = spec["jobTemplate"]["spec"]["template"] if kind == "cronjobs" else spec["template"]
        return template

    def trust(self, role: str) -> list[Json]:
        return list(trust_of(self.site, role)["Statement"])

    def patch(self, path: str, patch: Json) -> None:
        self.site.cluster.merge(path, patch)
        self.site.wait(30)

    def refuse(self, operation: str) -> None:
        self.site.kube.faults.add(Fault("fail", operation=operation, status=403, message="forbidden"))


def stage_of(proxies: Proxies, name: str) -> str:
    items = proxies.site.must("migrate", "status", "-n", NAMESPACE, "-o", "json").json["items"]
    return next(str(item["stage"]) for item in items if item["serviceAccount"] == name)


def migrated(proxies: Proxies, *argv: str) -> Proxies:
    proxies.site.must("migrate", "apply", "-n", NAMESPACE, *argv, "--yes")
    return proxies


def annotations(proxies: Proxies, name: str, kind: str = "deployments") -> Json:
    return dict(proxies.template(name, kind)["metadata"].get("annotations") or {})


def account_of(proxies: Proxies, name: str) -> str:
    kind = "cronjobs" if name == "nightly" else "deployments"
    return str(proxies.template(name, kind)["spec"]["serviceAccountName"])


def names_agent(proxies: Proxies, role: str, principal: str = NODES) -> bool:
    return any(s["Principal"].get("AWS") == principal for s in proxies.trust(role))


def agents(proxies: Proxies) -> list[Json]:
    return list(proxies.site.must("migrate", "status", "-o", "json").json["agents"])


def only_irsa(irsa: Irsa, namespace: str) -> bool:
    return all(ways(pod) == {"AWS_WEB_IDENTITY_TOKEN_FILE"} for pod in irsa.site.cluster.pods(namespace))
