"""What `aws sts get-caller-identity` does in a pod: the node's agent is asked for credentials, and STS whose they are.

The texts are botocore's (botocore/utils.py, ContainerMetadataFetcher) and the agent's
(https://github.com/aws/eks-pod-identity-agent, internal/): EKS Auth's refusals go through the agent as they are.
"""

import json
from uuid import uuid4

from podid.domain.names import PODS_PRINCIPAL
from podid.sandbox.aws.errors import AwsError
from podid.sandbox.aws.gateway import Gateway
from podid.sandbox.credentials import Credential
from podid.sandbox.kube import kinds
from podid.sandbox.kube.kubelet import is_agent
from podid.sandbox.kube.objects import Obj, get, is_ready, labels
from podid.sandbox.kube.sandbox import KubeSandbox

COMMAND = ["aws", "sts", "get-caller-identity"]
_AGENT, _PORT = "169.254.170.23", 80
_NO_CREDENTIALS = 'Unable to locate credentials. You can configure credentials by running "aws configure".'
_STATUSES = {"ResourceNotFoundException": 404, "ThrottlingException": 429, "InternalServerException": 500}


class AwsCli:
    """Runs the containers of Jobs' pods: the exit code and what goes to the log. Any other command succeeds."""

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
            return 253, f"\n{_NO_CREDENTIALS}\n"
        if _AGENT not in url or not self._answers(pod):
            received = "Received error when attempting to retrieve container metadata"
            return _failed(f'{received}: Connect timeout on endpoint URL: "{url}"')
        region = self._gateway.world.region
        if self._kube.faults.drops("eks-auth", pod):
            host = f"eks-auth.{region}.api.aws"
            told = f'Unable to fetch credentials: Post "https://{host}/clusters": dial tcp: lookup {host}: i/o timeout'
            return _failed(f"Received non 200 response 500 from container metadata: {told}")
        try:
            session = self._gateway.assume_for_pod(self._node(pod), self._kube.token_in(pod, PODS_PRINCIPAL))
        except AwsError as error:
            status = _STATUSES.get(error.code, 400)
            told = f"[{uuid4()}]: ({error.code}): {error.message}, fault: {'client' if status < 500 else 'server'}"
            return _failed(f"Received non 200 response {status} from container metadata: {told}")
        if self._kube.faults.drops("sts", pod):
            return 255, f'\nConnect timeout on endpoint URL: "https://sts.{region}.amazonaws.com/"\n'
        who = {"UserId": session.user_id, "Account": session.account, "Arn": session.arn}
        return 0, json.dumps(who, indent=4) + "\n"

    def _answers(self, pod: Obj) -> bool:
        """Whether an agent runs on the pod's node and the pod can reach it."""
        node = self._kube.find(kinds.NODES, "", pod["spec"]["nodeName"])
        built_in = node is not None and labels(node).get("eks.amazonaws.com/compute-type") == "auto"
        agents = [each for each in self._kube.all(kinds.PODS) if is_agent(each) and is_ready(each)]
        runs = built_in or any(each["spec"]["nodeName"] == pod["spec"]["nodeName"] for each in agents)
        dropped = self._kube.faults.drops("agent", pod)
        return runs and not dropped and self._kube.reaches(pod, _AGENT, _PORT)

    def _node(self, pod: Obj) -> Credential:
        """The node role's session, which the agent asks with."""
        world = self._gateway.world
        groups = world.clusters[world.cluster_name].nodegroups
        node = self._kube.find(kinds.NODES, "", pod["spec"]["nodeName"])
        named = labels(node or {}).get("eks.amazonaws.com/nodegroup", "")
        group = groups.get(named) or next(iter(groups.values()))
        arn, instance = str(group["nodeRole"]), get(node, "spec", "providerID", default="").rpartition("/")[2]
        role = self._gateway.iam.role(arn)
        return world.credentials.add_session(arn, instance or "i-0", role_id=role.role_id if role else "", seconds=3600)


def _failed(what: str) -> tuple[int, str]:
    return 255, f"\nError when retrieving credentials from container-role: Error retrieving metadata: {what}\n"
