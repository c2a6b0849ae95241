"""A Kubernetes API server, its controllers and the Pod Identity webhook, in one process on loopback."""

from podid.sandbox.kube.sandbox import KubeSandbox
from podid.sandbox.kube.store import ManualClock, Timing

__all__ = ["KubeSandbox", "ManualClock", "Timing"]
