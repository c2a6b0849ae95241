"""What verify says: pod by pod, and for a service account as a whole. No credential is ever in it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from podid.domain.exit_codes import ExitCode
from podid.domain.names import ServiceAccountRef

# what no look from outside a pod shows
NETWORK_AND_SDK = "the network from the pods to the agent, and the SDK in the pods"


class VerifyState(StrEnum):
    """`in-effect` is said of a service account only: some of its pods are proven, and nothing is wrong with the fields
    and agents of the others."""

    PROVEN = "proven"
    IN_EFFECT = "in-effect"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whom a pod's credentials belong to. `role_arn` is the association's own spelling, path included."""

    role_arn: str
    account: str
    session_name: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PodProof:
    """One pod. `identity` is set only when its role was proven; `id` is the failure mode's, `link` the broken link of
    the chain, else 0. `permission` names what the caller lacks where that made the state unknown. `settling` is true
    where a change is so young that another look may show something else."""

    namespace: str
    name: str
    node: str
    injected: bool
    missing_containers: tuple[str, ...]
    state: VerifyState
    reason: str = ""
    id: str = ""
    link: int = 0
    permission: str = ""
    settling: bool = False
    identity: Identity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """The state of the service account is its worst pod's; `reason` says it in a sentence."""

    cluster: str
    ref: ServiceAccountRef
    role_arn: str
    state: VerifyState
    reason: str
    id: str = ""
    link: int = 0
    permission: str = ""
    not_looked_at: str = NETWORK_AND_SDK
    pods: tuple[PodProof, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether all that was looked at is as it should be."""
        return self.state in (VerifyState.PROVEN, VerifyState.IN_EFFECT)

    @property
    def settling(self) -> bool:
        """Whether another look may show something else because of a change seconds ago."""
        return any(proof.settling for proof in self.pods)

    @property
    def exit_code(self) -> ExitCode:
        return {
            VerifyState.PROVEN: ExitCode.OK,
            VerifyState.IN_EFFECT: ExitCode.OK,
            VerifyState.FAILED: ExitCode.ATTENTION,
            VerifyState.UNKNOWN: ExitCode.UNDETERMINED,
        }[self.state]
