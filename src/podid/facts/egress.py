"""Link 5: whether the cluster's egress rules allow a pod's requests to the agent."""

from typing import NamedTuple

from podid.domain.cluster import Pod
from podid.domain.network import AGENT_ADDRESS, AgentPath, CiliumPolicy, NetworkPolicy, PolicyIndex, path_to_agent
from podid.domain.snapshot import Known, Snapshot, known, known_or
from podid.domain.workloads import VPC_CNI, policy_engine, runs_cilium
from podid.facts.index import once

MODE = "NETWORK_POLICY_ENFORCING_MODE"
NEEDS = ("associations", "pods", "network_policies")


class PodWay(NamedTuple):
    """`cilium` are the Cilium policies that select the pod."""

    pod: Pod
    way: AgentPath
    cilium: tuple[CiliumPolicy, ...]

    @property
    def denied(self) -> bool:
        return any(policy.denies_host for policy in self.cilium)

    @property
    def to_host(self) -> bool:
        return not self.denied and (self.way.anywhere or any(policy.to_host for policy in self.cilium))


def agent_address(snapshot: Snapshot) -> str:
    """Return the agent's address for the cluster's pods. Pods of an IPv6 cluster have no IPv4 address."""
    cluster = snapshot.cluster
    return AGENT_ADDRESS["ipv6" if isinstance(cluster, Known) and cluster.value.ip_family == "ipv6" else "ipv4"]


def agent_cidr(snapshot: Snapshot) -> str:
    address = agent_address(snapshot)
    return f"{address}/{128 if ':' in address else 32}"


def ways(snapshot: Snapshot, pods: list[Pod]) -> list[PodWay]:
    """Return the pods' network paths to the agent. Policies do not apply to pods on the host network."""
    policies, cilium = _policies(snapshot)
    address, strict = agent_address(snapshot), engine(snapshot) == VPC_CNI and _strict(snapshot)
    return [
        PodWay(
            pod,
            path_to_agent(policies.near(pod.namespace, pod.labels), pod.namespace, pod.labels, address, strict=strict),
            tuple(
                policy
                for labels in (_cilium_labels(pod),)
                for policy in cilium.near(pod.namespace, labels)
                if policy.selects(pod.namespace, labels)
            ),
        )
        for pod in pods
        if not pod.host_network
    ]


def _cilium_labels(pod: Pod) -> dict[str, str]:
    """Return the pod's labels with those that Cilium adds: https://docs.cilium.io/en/stable/network/kubernetes/policy/."""
    own = {"io.kubernetes.pod.namespace": pod.namespace, "io.cilium.k8s.policy.serviceaccount": pod.service_account}
    return {**pod.labels, **own}


@once
def _policies(snapshot: Snapshot) -> tuple[PolicyIndex[NetworkPolicy], PolicyIndex[CiliumPolicy]]:
    policies, cilium = known(snapshot.network_policies), known_or(snapshot.cilium_policies, ())
    return PolicyIndex(policies), PolicyIndex(cilium)


def _strict(snapshot: Snapshot) -> bool:
    """Return whether the VPC CNI blocks pods that no network policy selects: https://github.com/aws/amazon-vpc-cni-k8s."""
    return any(ds.name == "aws-node" and ds.env.get(MODE) == "strict" for ds in known_or(snapshot.daemon_sets, ()))


def engine(snapshot: Snapshot) -> str:
    return policy_engine(known_or(snapshot.daemon_sets, ()))


def has_cilium(snapshot: Snapshot) -> bool:
    return runs_cilium(known_or(snapshot.daemon_sets, ()))
