"""What the AWS half and the Kubernetes half of the sandbox say to each other.

The AWS half owns the World (world.py). It offers the Kubernetes half:

* `world.pod_identity_enabled(namespace, service_account)`: would the EKS webhook inject a new pod now;
* `world.agent_addon()`: the state of the eks-pod-identity-agent add-on, or None when it is not installed;
* `world.cluster_name`, `cluster_arn`, `region`, `account`, `partition`, and `world.clock.now()`;
* `world.agent_workload()`: the same, but an add-on that was deleted with `preserve` stays, since its DaemonSet does;
* `world.subscribe(callback)`: called with a word ("associations", "addons", "reset") after a change by an API call.
  What changes only because time passes (an add-on becoming ACTIVE, an association reaching the webhook) is seen by
  asking again.

The Kubernetes half hands an object with the members of `KubernetesHalf` to `world.attach_kubernetes(half)`.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """Who a service account token speaks for; the pod is empty when the token is bound to none."""

    namespace: str
    service_account: str
    pod_name: str = ""
    pod_uid: str = ""


class TokenRejected(Exception):
    """The token is not this cluster's, not for the audience, bound to a pod that is gone, or (`expired`) too old."""

    def __init__(self, message: str, *, expired: bool = False) -> None:
        super().__init__(message)
        self.expired = expired


class Claims(Protocol):
    """What the AWS half reads of a reviewed token."""

    @property
    def namespace(self) -> str: ...
    @property
    def service_account(self) -> str: ...
    @property
    def pod_name(self) -> str: ...
    @property
    def pod_uid(self) -> str: ...


class KubernetesHalf(Protocol):
    """What the AWS half asks of the Kubernetes half."""

    @property
    def endpoint_url(self) -> str:
        """The API server, https://127.0.0.1:PORT."""

    @property
    def ca_pem(self) -> str:
        """The certificate authority of the API server, PEM."""

    def review_token(self, token: str, audience: str) -> Claims:
        """The claims of a valid token; TokenRejected (or another exception with `expired`) for any other."""


@dataclass(frozen=True, slots=True)
class AgentAddon:
    """The installed agent add-on: EKS status (CREATING, ACTIVE, …), add-on version and decoded configuration values."""

    status: str
    version: str
    configuration: dict[str, object]
