"""Joins the two halves: a cluster whose webhook, tokens and users know the account's associations and access keys."""

from collections.abc import Callable
from pathlib import Path

from podid.sandbox.aws.gateway import Gateway
from podid.sandbox.aws_cli import AwsCli
from podid.sandbox.contract import TokenClaims
from podid.sandbox.kube.authn import MASTERS
from podid.sandbox.kube.sandbox import KubeSandbox
from podid.sandbox.state import write_private
from podid.sandbox.world import World


class JoinedKubernetes:
    """A started Kubernetes half; `kube` is the cluster itself, for tests that change it from inside."""

    def __init__(self, world: World, directory: Path, *, encrypted: bool = True) -> None:
        issuer = str(world.clusters[world.cluster_name].body["identity"]["oidc"]["issuer"])
        self.kube = KubeSandbox(
            world,
            clock=world.clock.now,
            identify=lambda key: _identify(world, key),
            groups_of=lambda arn: _groups(world, arn),
            issuer=issuer,
            kubernetes_version=world.clusters[world.cluster_name].version,
            encrypted=encrypted,
        )
        self.kube.load_baseline()
        self.kube.start()
        self.kubeconfig_path = directory / "kubeconfig"
        self.kubeconfig_path.unlink(missing_ok=True)
        write_private(self.kubeconfig_path, self.kube.kubeconfig(self.kube.admin_token))
        world.subscribe(self._changed)

    @property
    def endpoint_url(self) -> str:
        return self.kube.endpoint

    @property
    def ca_pem(self) -> str:
        return self.kube.ca_pem.decode()

    def review_token(self, token: str, audience: str) -> TokenClaims:
        return self.kube.review_token(token, audience)

    def run_pods_for(self, gateway: Gateway) -> None:
        """From now on containers of Jobs call that account."""
        self.kube.run_jobs_with(AwsCli(gateway, self.kube))

    def stop(self) -> None:
        self.kube.stop()
        self.kubeconfig_path.unlink(missing_ok=True)

    def _changed(self, what: str) -> None:
        """The cluster looks at once at what an API call changed, and not only at the next request to it."""
        self.kube.poke()


def factory_in(directory: Path) -> Callable[[World], JoinedKubernetes]:
    """Starts the Kubernetes half for a Sandbox; its kubeconfig (JSON, which is YAML) goes into `directory`."""
    return lambda world: JoinedKubernetes(world, directory)


def _identify(world: World, access_key_id: str) -> tuple[str, str] | None:
    """The user, or the role of a session (access entries name roles, never sessions), and the secret."""
    found = world.credentials.find(access_key_id)
    if found is None or world.credentials.is_expired(found):
        return None
    return found.role_arn or found.arn, found.secret_access_key


def _groups(world: World, arn: str) -> tuple[str, ...] | None:
    """Those of its access entry. https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html"""
    cluster = world.clusters[world.cluster_name]
    entry = cluster.access_entries.get(arn)
    if entry is None:
        return None
    return (*entry["kubernetesGroups"], *((MASTERS,) if arn in cluster.administrators else ()))
