"""The Kubernetes API of a test's cluster, as its administrator sees it."""

from podid.sandbox.kube.client import ClusterApi, Json, injected

__all__ = ["ClusterApi", "Json", "injected"]
