"""Interfaces between the AWS half and the Kubernetes half of the sandbox: the clock, and the calls to each other.

The AWS half is a `ControlPlane` (world.py) for the Kubernetes half. The Kubernetes half passes an object with the
members of `KubernetesHalf` to `World.attach_kubernetes`. Changes that only take time (an add-on becomes ACTIVE, an
association reaches the webhook) cause no notification: the halves read the state again.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol


class SandboxClock:
    """Seconds since the epoch, plus the skipped seconds."""

    def __init__(self) -> None:
        self._base: float | None = None
        self._skipped = 0.0
        self._lock = threading.Lock()

    def now(self) -> float:
        """Return seconds since the epoch."""
        return (time.time() if self._base is None else self._base) + self._skipped

    def datetime(self) -> datetime:
        """Return the same moment with the UTC zone."""
        return datetime.fromtimestamp(self.now(), UTC)

    def stand_still(self, moment: float) -> None:
        """Stop the clock at `moment`. From then on only `advance` moves it. Only for a sandbox without earlier
        objects."""
        with self._lock:
            self._base, self._skipped = moment, 0.0

    def go_on(self) -> None:
        """Use the machine's clock again, without skipped seconds."""
        with self._lock:
            self._base, self._skipped = None, 0.0

    def advance(self, seconds: float) -> None:
        """Skip `seconds`. Everything due in between is due at once. The clock never goes back."""
        if seconds < 0:
            raise ValueError("the sandbox's clock only goes forward")
        with self._lock:
            self._skipped += seconds

    def turn_back(self, seconds: float) -> None:
        """Turn the clock back after all objects have been made older by the same time: see Scenario.advance_time."""
        with self._lock:
            self._skipped -= seconds


@dataclass(frozen=True, slots=True)
class AgentAddon:
    """The agent add-on in EKS: status (CREATING, ACTIVE, …), version and decoded configuration values.

    `present` is False once its DaemonSet must be absent from the cluster; `preserve` keeps the DaemonSet.
    """

    status: str = "ACTIVE"
    version: str = "v1.3.10-eksbuild.3"
    configuration: Mapping[str, object] = field(default_factory=dict)
    present: bool = True


@dataclass(frozen=True, slots=True)
class Before:
    """The objects that existed at a moment (epoch seconds), by uid, id, ARN or unique id. They keep their age when
    later objects are made older."""

    moment: float
    ids: frozenset[str]

    def older(self, moment: float, seconds: float, of: str) -> float:
        """Return `moment` moved back by `seconds`, unless `of` existed before and the moment is earlier."""
        return moment if of in self.ids and moment < self.moment else moment - seconds


class ControlPlane(Protocol):
    """The facts that EKS and the cluster share."""

    @property
    def cluster_name(self) -> str: ...
    @property
    def cluster_arn(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def account(self) -> str: ...

    def pod_identity_enabled(self, namespace: str, service_account: str) -> bool:
        """Return whether the webhook would inject a pod now. An association reaches it with a delay."""

    def agent_addon(self) -> AgentAddon | None:
        """Return the agent add-on, or None if no part of it is on the cluster."""


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """The subject of a token. Pod fields are empty if the token is not bound to a pod. `expires` is in epoch
    seconds."""

    namespace: str
    service_account: str
    pod: str = ""
    pod_uid: str = ""
    service_account_uid: str = ""
    expires: int = 0

    @property
    def subject(self) -> str:
        return f"system:serviceaccount:{self.namespace}:{self.service_account}"


class TokenRefused(Exception):
    """A refused token. `service_code` is the error code of EKS Auth: InvalidTokenException or ExpiredTokenException."""

    def __init__(self, service_code: str, message: str) -> None:
        super().__init__(message)
        self.service_code = service_code


class KubernetesHalf(Protocol):
    """Calls of the AWS half to the Kubernetes half."""

    @property
    def endpoint_url(self) -> str:
        """Return the URL of the API server, https://127.0.0.1:PORT."""

    @property
    def ca_pem(self) -> str:
        """Return the PEM certificate authority of the API server."""

    def review_token(self, token: str, audience: str) -> TokenClaims:
        """Return the claims of a token that is valid now. Raise TokenRefused for any other token."""
