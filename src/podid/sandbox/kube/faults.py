"""What can go wrong in the cluster itself, beside the faults of the wire."""

from podid.sandbox.faults import Faults


class ClusterFaults(Faults):
    """All faults of one cluster. Nodes are named by their Kubernetes name; `*` means every node."""

    def __init__(self) -> None:
        super().__init__()
        self.webhook_misses: float = 0
        """How many pods the webhook still misses silently (failurePolicy Ignore); math.inf for all."""
        self.agent_not_ready: set[str] = set()
        self.agent_crashing: dict[str, str] = {}
        """Node to the last log line of its agent, which is in CrashLoopBackOff."""
        self.kubelet_unreachable: set[str] = set()
        """The node is NotReady, logs cannot be read, nothing starts or stops on it."""
        self.image_pull_failing: set[str] = set()
        """Images that no node can pull."""
        self.expire_continue_tokens = False

    def clear(self) -> None:
        super().clear()
        self.webhook_misses = 0
        self.expire_continue_tokens = False
        for troubles in (self.agent_not_ready, self.agent_crashing, self.kubelet_unreachable, self.image_pull_failing):
            troubles.clear()

    def signature(self) -> object:
        """Changes whenever the cluster has to react to a fault put in or taken away."""
        return (
            frozenset(self.agent_not_ready),
            frozenset(self.agent_crashing.items()),
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
        """Whether nothing keeps the agent's pod on the node from becoming Ready."""
        return not ({node, "*"} & (self.agent_not_ready | self.agent_crashing.keys()))

    def crash_line(self, node: str) -> str | None:
        return self.agent_crashing.get(node, self.agent_crashing.get("*"))

    def unreachable(self, node: str) -> bool:
        return bool({node, "*"} & self.kubelet_unreachable)
