"""What the Kubernetes half of the sandbox asks the AWS half."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


class AgentAddon(Protocol):
    """The `eks-pod-identity-agent` add-on as EKS knows it."""

    @property
    def present(self) -> bool:
        """Whether its DaemonSet belongs on the cluster; False once deletion is done, or with `preserve` never."""

    @property
    def status(self) -> str:
        """An EKS add-on status: CREATING, ACTIVE, UPDATING, DELETING, CREATE_FAILED, DEGRADED …"""

    @property
    def version(self) -> str:
        """For example v1.3.10-eksbuild.3."""

    @property
    def configuration(self) -> Mapping[str, object]:
        """`configurationValues`, parsed; empty when none were given."""


class World(Protocol):
    """The facts that EKS and its control plane share."""

    @property
    def cluster_name(self) -> str: ...

    @property
    def cluster_arn(self) -> str: ...

    @property
    def region(self) -> str: ...

    @property
    def account(self) -> str:
        """Twelve digits."""

    def pod_identity_enabled(self, namespace: str, service_account: str) -> bool:
        """Whether the control plane already knows an association for the service account (propagation included)."""

    def agent_addon(self) -> AgentAddon | None:
        """The add-on, or None when EKS has none."""


@dataclass(slots=True)
class MemoryAddon:
    """An add-on for tests: set the fields."""

    present: bool = True
    status: str = "ACTIVE"
    version: str = "v1.3.10-eksbuild.3"
    configuration: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class MemoryWorld:
    """An AWS half for tests: fill `associations` with (namespace, service account)."""

    cluster_name: str = "demo"
    region: str = "us-west-2"
    account: str = "111122223333"
    associations: set[tuple[str, str]] = field(default_factory=set)
    addon: MemoryAddon | None = None

    @property
    def cluster_arn(self) -> str:
        return f"arn:aws:eks:{self.region}:{self.account}:cluster/{self.cluster_name}"

    def pod_identity_enabled(self, namespace: str, service_account: str) -> bool:
        return (namespace, service_account) in self.associations

    def agent_addon(self) -> MemoryAddon | None:
        return self.addon
