"""What verify says: pod by pod, and for a service account as a whole. No credential is ever in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from podid.domain.exit_codes import ExitCode
from podid.domain.names import ServiceAccountRef

if TYPE_CHECKING:
    from podid.domain.snapshot import Missing
    from podid.domain.trust import TrustFinding, TrustVerdict

# what no look from outside a pod shows. That the agent is Ready says that it listens: not that its node's role may ask
# EKS Auth, nor that the node gets through to it
NOT_FROM_OUTSIDE = "the network from the pods to the agent, the agent's way to EKS Auth, and the SDK in the pods"
# what podid's own pod does not show either: it must not carry the labels that Services and network policies select
LABELS_AND_SDK = "network policies that select the pods' own labels, and the SDK in the pods"


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
class ProbeProof:
    """A pod of podid's own, of Job `job` on `node`, that asked the agent there itself. The other members as PodProof's;
    `node` is empty where it never came to one. `likely` is the failure mode that `id` does not name for sure."""

    job: str
    node: str
    state: VerifyState
    reason: str = ""
    id: str = ""
    link: int = 0
    permission: str = ""
    likely: str = ""
    identity: Identity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """What IAM has of one hop: 1 is EKS becoming the association's role, 2 that role going on to its target role.
    `role_arn` is the one that is become; `unknowns` say what could not be read or decided."""

    number: Literal[1, 2]
    role_arn: str
    verdict: TrustVerdict
    findings: tuple[TrustFinding, ...] = ()
    unknowns: tuple[Missing, ...] = ()

    @property
    def error(self) -> TrustFinding | None:
        """What keeps it from working; None where nothing is known to."""
        return next((finding for finding in self.findings if finding.shuts_out), None)


@dataclass(frozen=True, slots=True)
class Allowed:
    """Whether the role that pods become may do an action on a resource; None where that could not be told, with the
    `permission` that is missing. `reason` says why not, and `id` is the failure mode's."""

    action: str
    resource: str
    allowed: bool | None
    reason: str = ""
    id: str = ""
    permission: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """The state of the service account is its worst pod's, or that of its roles where these are seen to be broken and
    nothing else is; `reason` says it in a sentence. `hops` is what IAM has of the way from role to role. `listed` is
    False where its pods could not be listed."""

    cluster: str
    ref: ServiceAccountRef
    role_arn: str
    state: VerifyState
    reason: str
    id: str = ""
    link: int = 0
    permission: str = ""
    not_looked_at: str = NOT_FROM_OUTSIDE
    pods: tuple[PodProof, ...] = ()
    hops: tuple[Hop, ...] = ()
    probes: tuple[ProbeProof, ...] = ()
    allowed: tuple[Allowed, ...] = ()
    listed: bool = True

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
