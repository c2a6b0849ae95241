"""Interfaces between the AWS half and the Kubernetes half of the sandbox: the clock, and the calls of each other.

The AWS half is a `ControlPlane` (world.py) to the Kubernetes half, which hands an object with the members of
`KubernetesHalf` to `World.attach_kubernetes`. What changes only because time passes (an add-on becoming ACTIVE, an
association reaching the webhook) is seen by asking again.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol


class SandboxClock:
    """Seconds since the epoch, plus whatever was skipped."""

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
        """Stop the clock at `moment`; from then on only `advance` moves it. For a sandbox that has no past to disagree
        with."""
        with self._lock:
            self._base, self._skipped = moment, 0.0

    def go_on(self) -> None:
        """Use the machine's clock again, with nothing skipped."""
        with self._lock:
            self._base, self._skipped = None, 0.0

    def advance(self, seconds: float) -> None:
        """Skip `seconds`; what is due in between becomes due at once. Time never runs backwards."""
        if seconds < 0:
            raise ValueError("the sandbox's clock only goes forward")
        with self._lock:
            self._skipped += seconds

    def turn_back(self, seconds: float) -> None:
        """Turn the clock back, after everything that has a time was made older by as much: see Scenario."""
        with self._lock:
            self._skipped -= seconds


@dataclass(frozen=True, slots=True)
class AgentAddon:
    """The agent add-on as EKS knows it: status (CREATING, ACTIVE, …), version and decoded configuration values.

    `present` is False once its DaemonSet no longer belongs on the cluster; with `preserve` it stays.
    """

    status: str = "ACTIVE"
    version: str = "v1.3.10-eksbuild.3"
    configuration: Mapping[str, object] = field(default_factory=dict)
    present: bool = True


@dataclass(frozen=True, slots=True)
class Before:
    """The objects that existed at a moment (epoch seconds), by uid, id, ARN or unique id: each keeps its age, whatever
    time is let pass for what has come since."""

    moment: float
    ids: frozenset[str]

    def older(self, moment: float, seconds: float, of: str) -> float:
        """Return a time of `of`, so much further back: of what was there only those since."""
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
        """Return whether the webhook would inject a pod now: it learns of an association late."""

    def agent_addon(self) -> AgentAddon | None:
        """Return the agent add-on, or None when nothing of it is on the cluster."""


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """The subject of a token. Pod fields are empty when the token is not bound to a pod; `expires` is epoch seconds."""

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
    """`service_code` is what EKS Auth answers: InvalidTokenException or ExpiredTokenException."""

    def __init__(self, service_code: str, message: str) -> None:
        super().__init__(message)
        self.service_code = service_code


class KubernetesHalf(Protocol):
    """Calls of the AWS half to the Kubernetes half."""

    @property
    def endpoint_url(self) -> str:
        """Return the API server, https://127.0.0.1:PORT."""

    @property
    def ca_pem(self) -> str:
        """Return the certificate authority of the API server, PEM."""

    def review_token(self, token: str, audience: str) -> TokenClaims:
        """Return the claims of a token that is valid now; TokenRefused for any other."""
