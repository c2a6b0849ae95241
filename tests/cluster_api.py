"""The Kubernetes API of a test's cluster, with the permissions of its administrator."""

from podid.sandbox.kube.client import ClusterApi, Json, injected

__all__ = ["ClusterApi", "Json", "injected"]
