"""What the AWS half and the Kubernetes half of the sandbox say to each other.

The AWS half owns the World (world.py). It offers the Kubernetes half:

* `world.pod_identity_enabled(namespace, service_account)`: would the EKS webhook inject a new pod now;
* `world.agent_addon()`: the state of the eks-pod-identity-agent add-on, or None when nothing of it is on the cluster
  (an add-on deleted with `preserve` stays);
* `world.cluster_name`, `cluster_arn`, `region`, `account`, `partition`, and `world.clock.now()`;
* `world.subscribe(callback)`: called with a word ("associations", "addons") after a change by an API call.
  What changes only because time passes (an add-on becoming ACTIVE, an association reaching the webhook) is seen by
  asking again.

The Kubernetes half hands an object with the members of `KubernetesHalf` to `world.attach_kubernetes(half)`.
"""

from dataclasses import dataclass
from typing import Protocol


class Claims(Protocol):
    """Who a reviewed token speaks for; `pod` and `pod_uid` are empty when it is bound to no pod."""

    @property
    def namespace(self) -> str: ...
    @property
    def service_account(self) -> str: ...
    @property
    def pod(self) -> str: ...
    @property
    def pod_uid(self) -> str: ...


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """The plainest Claims."""

    namespace: str
    service_account: str
    pod: str = ""
    pod_uid: str = ""


class TokenRejected(Exception):
    """The token is refused; `service_code` is what EKS Auth answers: InvalidTokenException or ExpiredTokenException."""

    def __init__(self, service_code: str, message: str) -> None:
        super().__init__(message)
        self.service_code = service_code


class KubernetesHalf(Protocol):
    """What the AWS half asks of the Kubernetes half."""

    @property
    def endpoint_url(self) -> str:
        """The API server, https://127.0.0.1:PORT."""

    @property
    def ca_pem(self) -> str:
        """The certificate authority of the API server, PEM."""

    def review_token(self, token: str, audience: str) -> Claims:
        """The claims of a valid token; TokenRejected, or an exception with its `service_code`, for any other."""


@dataclass(frozen=True, slots=True)
class AgentAddon:
    """The installed agent add-on: EKS status (CREATING, ACTIVE, …), add-on version and decoded configuration values."""

    status: str
    version: str
    configuration: dict[str, object]
    present: bool = True
