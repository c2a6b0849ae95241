"""A Kubernetes API server, its controllers and the Pod Identity webhook, in one process on loopback."""

from podid.sandbox.kube.faults import Fault, Faults
from podid.sandbox.kube.sandbox import KubeSandbox
from podid.sandbox.kube.timeline import ManualClock, Timing
from podid.sandbox.kube.tokens import TokenClaims, TokenError
from podid.sandbox.kube.world import AgentAddon, MemoryAddon, MemoryWorld, World

__all__ = [
    "AgentAddon",
    "Fault",
    "Faults",
    "KubeSandbox",
    "ManualClock",
    "MemoryAddon",
    "MemoryWorld",
    "Timing",
    "TokenClaims",
    "TokenError",
    "World",
]
