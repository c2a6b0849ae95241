"""The sandbox's cluster in its account: webhook, tokens and users of the cluster use the account's associations and
access keys.

A pod of the sandbox can run `aws sts get-caller-identity`. The texts are quoted from botocore (botocore/utils.py,
ContainerMetadataFetcher) and from the agent (https://github.com/aws/eks-pod-identity-agent, internal/). The agent
passes errors of EKS Auth on unchanged.
"""

import json
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from podid.domain.names import PODS_PRINCIPAL
from podid.sandbox.aws.addon_catalog import CATALOG
from podid.sandbox.aws.gateway import Gateway
from podid.sandbox.aws.moto_backend import metadata_options
from podid.sandbox.aws.protocol import AwsError
from podid.sandbox.contract import TokenClaims
from podid.sandbox.credentials import Credential
from podid.sandbox.kube import kinds
from podid.sandbox.kube.access import MASTERS
from podid.sandbox.kube.kubelet import is_agent
from podid.sandbox.kube.objects import Obj, get, is_ready, labels
from podid.sandbox.kube.sandbox import KubeSandbox
from podid.sandbox.state import write_private
from podid.sandbox.world import World

COMMAND = ["aws", "sts", "get-caller-identity"]
_AGENT, _METADATA, _PORT = "169.254.170.23", "169.254.169.254", 80
_NO_CREDENTIALS = 'Unable to locate credentials. You can configure credentials by running "aws configure".'
_STATUSES = {"ResourceNotFoundException": 404, "ThrottlingException": 429, "InternalServerException": 500}


class AwsCli:
    """Runs the containers of Jobs' pods and returns exit code and log. Any command other than the AWS CLI's
    succeeds."""

    def __init__(self, gateway: Gateway, kube: KubeSandbox) -> None:
        self._gateway = gateway
        self._kube = kube

    def __call__(self, pod: Obj) -> tuple[int, str]:
        container = pod["spec"]["containers"][0]
        if [*(container.get("command") or ()), *(container.get("args") or ())][:3] != COMMAND:
            return 0, ""
        env = {entry["name"]: entry.get("value", "") for entry in container.get("env") or ()}
        url = env.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")
        if not url:
            return self._by_metadata(pod, env)
        if _AGENT not in url or not self._answers(pod):
            received = "Received error when attempting to retrieve container metadata"
            return _failed(f'{received}: Connect timeout on endpoint URL: "{url}"')
        region = self._gateway.world.region
        if self._kube.faults.drops("eks-auth", pod):
            host = f"eks-auth.{region}.api.aws"
            message = (
                f'Unable to fetch credentials: Post "https://{host}/clusters": dial tcp: lookup {host}: i/o timeout'
            )
            return _failed(f"Received non 200 response 500 from container metadata: {message}")
        try:
            session = self._gateway.assume_for_pod(self._node(pod), self._kube.token_in(pod, PODS_PRINCIPAL))
        except AwsError as error:
            status = _STATUSES.get(error.code, 400)
            message = f"[{uuid4()}]: ({error.code}): {error.message}, fault: {'client' if status < 500 else 'server'}"
            return _failed(f"Received non 200 response {status} from container metadata: {message}")
        if self._kube.faults.drops("sts", pod):
            return 255, f'\nConnect timeout on endpoint URL: "https://sts.{region}.amazonaws.com/"\n'
        return _identity(session.user_id, session.account, session.arn)

    def _by_metadata(self, pod: Obj, env: dict[str, str]) -> tuple[int, str]:
        """Use the metadata service of the node. It answers a pod if the hop limit of its tokens is above 1, or if it
        requires none."""
        world = self._gateway.world
        node = self._node(pod)
        on, hops, tokens = metadata_options(world.region, world.account, node.arn.rpartition("/")[2])
        used = on and env.get("AWS_EC2_METADATA_DISABLED") != "true" and (hops > 1 or not tokens)
        if not used or not self._kube.reaches(pod, _METADATA, _PORT):
            return 253, f"\n{_NO_CREDENTIALS}\n"
        return _identity(node.user_id, node.account, node.arn)

    def _answers(self, pod: Obj) -> bool:
        """Return whether an agent runs on the pod's node and the pod can reach it."""
        node = self._kube.find(kinds.NODES, "", pod["spec"]["nodeName"])
        built_in = node is not None and labels(node).get("eks.amazonaws.com/compute-type") == "auto"
        agents = [agent for agent in self._kube.all(kinds.PODS) if is_agent(agent) and is_ready(agent)]
        runs = built_in or any(agent["spec"]["nodeName"] == pod["spec"]["nodeName"] for agent in agents)
        dropped = self._kube.faults.drops("agent", pod)
        return runs and not dropped and self._kube.reaches(pod, _AGENT, _PORT)

    def _node(self, pod: Obj) -> Credential:
        """Return the session of the node's role, which signs the agent's requests."""
        world = self._gateway.world
        groups = world.clusters[world.cluster_name].nodegroups
        node = self._kube.find(kinds.NODES, "", pod["spec"]["nodeName"])
        named = labels(node or {}).get("eks.amazonaws.com/nodegroup", "")
        group = groups.get(named) or next(iter(groups.values()))
        arn, instance = str(group["nodeRole"]), get(node, "spec", "providerID", default="").rpartition("/")[2]
        role = self._gateway.iam.role(arn)
        return world.credentials.add_session(arn, instance or "i-0", role_id=role.role_id if role else "", seconds=3600)


def _identity(user_id: str, account: str, arn: str) -> tuple[int, str]:
    return 0, json.dumps({"UserId": user_id, "Account": account, "Arn": arn}, indent=4) + "\n"


def _failed(message: str) -> tuple[int, str]:
    return 255, f"\nError when retrieving credentials from container-role: Error retrieving metadata: {message}\n"


class SandboxCluster:
    """A started Kubernetes half. `kube` is the cluster itself, for tests that change it directly."""

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
        self._world = world
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
        """Make containers of Jobs use this account from now on."""
        self.kube.run_jobs_with(AwsCli(gateway, self.kube))

    def stop(self) -> None:
        self.kube.stop()
        self.kubeconfig_path.unlink(missing_ok=True)

    def _changed(self, resource: str) -> None:
        """Let the cluster react to an API call at once, not only at its next request."""
        self.kube.poke()
        if resource == "addons":
            self._annotate()

    def _annotate(self) -> None:
        """Set and remove IRSA's annotation on the service accounts of add-ons, as EKS does."""
        world = self._world
        for addon in tuple(world.clusters[world.cluster_name].addons.values()):
            for name in CATALOG[addon.name].service_accounts:
                self.kube.annotate_for_addon(addon.namespace, name, addon.service_account_role_arn)


def factory_in(directory: Path) -> Callable[[World], SandboxCluster]:
    """Start the Kubernetes half for a Sandbox; its kubeconfig (JSON, which is YAML) goes into `directory`."""
    return lambda world: SandboxCluster(world, directory)


def _identify(world: World, access_key_id: str) -> tuple[str, str] | None:
    """Return the user, or the role of a session (access entries name roles, never sessions), and the secret."""
    credential = world.credentials.find(access_key_id)
    if credential is None or world.credentials.is_expired(credential):
        return None
    return credential.role_arn or credential.arn, credential.secret_access_key


def _groups(world: World, arn: str) -> tuple[str, ...] | None:
    """Return the Kubernetes groups of the user's access entry.
    https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html"""
    cluster = world.clusters[world.cluster_name]
    entry = cluster.access_entries.get(arn)
    if entry is None:
        return None
    policies = cluster.access_policies.get(arn, {})
    admin = any(p.endswith("/AmazonEKSClusterAdminPolicy") and s["type"] == "cluster" for p, s in policies.items())
    return (*entry["kubernetesGroups"], *((MASTERS,) if admin else ()))
