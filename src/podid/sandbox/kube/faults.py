"""Faults of the cluster itself, in addition to those of the network."""

from podid.sandbox.faults import Faults
from podid.sandbox.kube.objects import Obj

# https://github.com/aws/eks-pod-identity-agent/issues/16
NO_IPV6 = "Unable to start server: listen tcp [fd00:ec2::23]:80: bind: cannot assign requested address"


def bind_addresses(pod: Obj) -> list[str]:
    arguments = pod["spec"]["containers"][0].get("args") or []
    if "-b" in arguments:
        return [f"{arguments[arguments.index('-b') + 1]}:80"]
    return ["169.254.170.23:80", "[fd00:ec2::23]:80"]


def binds_ipv6(pod: Obj) -> bool:
    return any("::" in address for address in bind_addresses(pod))


class ClusterFaults(Faults):
    """All faults of one cluster. Keys are names of Kubernetes nodes; `*` means every node."""

    def __init__(self) -> None:
        super().__init__()
        self.webhook_misses: float = 0
        """How many pods the webhook still misses silently (failurePolicy Ignore); math.inf for all."""
        self.webhook_ipv6 = False
        """The webhook names the agent's IPv6 address to pods that have none."""
        self.agent_not_ready: set[str] = set()
        self.agent_crashing: dict[str, str] = {}
        """Node to the last log line of its agent, which is in CrashLoopBackOff."""
        self.agent_init_failing: dict[str, str] = {}
        """Node to the last log line of its agent's init container, which is in CrashLoopBackOff."""
        self.ipv6_disabled: set[str] = set()
        """Nodes without IPv6: an agent that binds it crashes."""
        self.kubelet_unreachable: set[str] = set()
        """The node is NotReady, logs cannot be read, nothing starts or stops on it."""
        self.cut_off: dict[str, set[str]] = {"agent": set(), "eks-auth": set(), "sts": set()}
        """Nodes from which packets are dropped, as a firewall does it, without a sign in the cluster: those of pods to
        the agent and to STS, and those of the agent to EKS Auth."""
        self.image_pull_failing: set[str] = set()
        """Images that no node can pull."""
        self.clocks: dict[str, float] = {}
        """Node to how many seconds its clock is ahead."""
        self.expire_continue_tokens = False

    def clear(self) -> None:
        super().clear()
        self.webhook_misses = 0
        self.webhook_ipv6 = False
        self.clocks.clear()
        self.expire_continue_tokens = False
        for troubles in (
            *(self.agent_not_ready, self.agent_crashing, self.agent_init_failing, self.ipv6_disabled),
            *(self.kubelet_unreachable, self.image_pull_failing),
        ):
            troubles.clear()
        for nodes in self.cut_off.values():
            nodes.clear()

    def signature(self) -> object:
        """Return a value that changes with the faults that affect the cluster's objects."""
        return (
            frozenset(self.agent_not_ready),
            frozenset(self.agent_crashing.items()),
            frozenset(self.agent_init_failing.items()),
            frozenset(self.ipv6_disabled),
            frozenset(self.kubelet_unreachable),
            frozenset(self.image_pull_failing),
        )

    def take_webhook_miss(self) -> bool:
        with self._lock:
            if self.webhook_misses <= 0:
                return False
            self.webhook_misses -= 1
            return True

    def agent_ready_on(self, node: str) -> bool:
        """Return whether the agent's pod on the node can become Ready."""
        return not ({node, "*"} & (self.agent_not_ready | self.agent_crashing.keys()))

    def crash_line(self, pod: Obj) -> str | None:
        """Return the last log line of the agent's pod if it crashes."""
        node = pod["spec"].get("nodeName", "")
        line = self.agent_crashing.get(node, self.agent_crashing.get("*"))
        if line is None and {node, "*"} & self.ipv6_disabled and binds_ipv6(pod):
            return NO_IPV6
        return line

    def init_line(self, pod: Obj) -> str | None:
        """Return the last log line of the init container of the agent's pod if the container fails."""
        return self.agent_init_failing.get(pod["spec"].get("nodeName", ""))

    def drops(self, where: str, pod: Obj) -> bool:
        """Return whether packets from the pod's node to the agent, EKS Auth or STS are dropped."""
        return bool({pod["spec"].get("nodeName", ""), "*"} & self.cut_off[where])

    def unreachable(self, node: str) -> bool:
        return bool({node, "*"} & self.kubelet_unreachable)
