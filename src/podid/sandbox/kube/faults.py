"""What can go wrong, switched on and off in process."""

import re
import threading
from dataclasses import dataclass, field
from typing import Literal


@dataclass(slots=True)
class Fault:
    """Something that happens to requests whose method and path (with query) match.

    `status` answers with `code`; `latency` waits `seconds` and goes on; `reset` closes the connection before the
    request is looked at; `lost-answer` carries it out and closes the connection instead of answering.
    """

    kind: Literal["status", "latency", "reset", "lost-answer"]
    path: str = ""
    method: str = ""
    code: int = 503
    message: str = ""
    retry_after: int | None = None
    seconds: float = 0.0
    times: int | None = None
    """How many requests it still hits; None for all."""

    def hits(self, method: str, path: str) -> bool:
        return self.times != 0 and self.method in ("", method) and re.search(self.path, path) is not None


@dataclass(slots=True)
class Faults:
    """All faults of one sandbox. Nodes are named by their Kubernetes name; `*` means every node."""

    requests: list[Fault] = field(default_factory=list)
    webhook_misses: float = 0
    """How many pods the webhook still misses silently (failurePolicy Ignore); math.inf for all."""
    agent_not_ready: set[str] = field(default_factory=set)
    agent_crashing: dict[str, str] = field(default_factory=dict)
    """Node to the last log line of its agent, which is in CrashLoopBackOff."""
    kubelet_unreachable: set[str] = field(default_factory=set)
    """The node is NotReady, logs cannot be read, nothing starts or stops on it."""
    image_pull_failing: set[str] = field(default_factory=set)
    """Images that no node can pull."""
    expire_continue_tokens: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, fault: Fault) -> Fault:
        with self._lock:
            self.requests.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            self.requests.clear()
            self.webhook_misses = 0
            self.agent_not_ready.clear()
            self.agent_crashing.clear()
            self.kubelet_unreachable.clear()
            self.image_pull_failing.clear()
            self.expire_continue_tokens = False

    def signature(self) -> object:
        """Changes whenever the cluster has to react to a fault put in or taken away."""
        return (
            frozenset(self.agent_not_ready),
            frozenset(self.agent_crashing.items()),
            frozenset(self.kubelet_unreachable),
            frozenset(self.image_pull_failing),
        )

    def for_request(self, method: str, path: str) -> list[Fault]:
        """The faults that hit this request; each counts as used."""
        with self._lock:
            found = [fault for fault in self.requests if fault.hits(method, path)]
            for fault in found:
                if fault.times is not None:
                    fault.times -= 1
            return found

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
