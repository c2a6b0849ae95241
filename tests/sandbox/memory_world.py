"""An AWS half for tests of the Kubernetes half alone: set its fields."""

from dataclasses import dataclass, field

from podid.sandbox.contract import AgentAddon


@dataclass(slots=True)
class MemoryAddon:
    present: bool = True
    status: str = "ACTIVE"
    version: str = "v1.3.10-eksbuild.3"
    configuration: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class MemoryWorld:
    """Fill `associations` with (namespace, service account)."""

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

    def agent_addon(self) -> AgentAddon | None:
        addon = self.addon
        if addon is None:
            return None
        return AgentAddon(addon.status, addon.version, addon.configuration, addon.present)
