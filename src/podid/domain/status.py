"""The answer to "does this identity work": one state for a service account and one for each of its pods.

The states, what each claims and the evidence that it requires are documented in docs/explanations/states.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from podid.domain.errors import ExitCode, combine
from podid.domain.evidence import UNSETTLED
from podid.domain.members import (
    FLAT,
    HIDDEN,
    OR_NULL,
    About,
    ArnText,
    Key,
    MissingPermission,
    ModeId,
    members,
    schema_name,
)
from podid.domain.names import ServiceAccountRef

if TYPE_CHECKING:
    from podid.domain.aws import Listed
    from podid.domain.evidence import Redeemed
    from podid.domain.findings import Subject, Verdict


class CredentialSource(StrEnum):
    """Where an SDK takes credentials from, in the order in which it asks."""

    STATIC_KEYS = "static-keys"
    PROFILE = "profile"
    IRSA = "irsa"
    CREDENTIALS_FILE = "credentials-file"
    OTHER_ENDPOINT = "other-endpoint"
    POD_IDENTITY = "pod-identity"
    NODE_ROLE = "node-role"
    NONE = "none"


@schema_name("CredentialSourceBody")
@members("source certain detail")
@dataclass(frozen=True, slots=True)
class CredentialCandidate:
    """One source of a container. `detail` is what in the pod names it; `certain` is whether it is seen to give
    credentials, and `detail` says what could not be seen where it is not."""

    source: CredentialSource
    detail: Annotated[str, OR_NULL, About("What in the pod names it, or what could not be seen.")] = ""
    certain: Annotated[bool, About("Whether it is seen to give credentials; false where podid does not read it.")] = (
        True
    )


@members("container uses certain candidates")
@dataclass(frozen=True, slots=True)
class ContainerUse:
    """The sources of a container, in the order in which an SDK asks them."""

    container: Annotated[str, Key("name")]
    candidates: Annotated[tuple[CredentialCandidate, ...], Key("sources"), About("In the order in which an SDK asks.")]

    @property
    def uses(
        self,
    ) -> Annotated[CredentialSource, About("The first that is seen to give credentials: an SDK takes that one.")]:
        """The first that is seen to give credentials; else the last, which nothing that is seen comes before."""
        return self.candidates[self._winner].source

    @property
    def unless(self) -> tuple[CredentialCandidate, ...]:
        """What comes before it if there is more in it than could be seen."""
        return self.candidates[: self._winner]

    @property
    def certain(self) -> Annotated[bool, About("false where something before it could not be seen.")]:
        return self.candidates[self._winner].certain and not self.unless

    @property
    def passed_over(self) -> tuple[CredentialCandidate, ...]:
        """What an SDK does not come to."""
        return self.candidates[self._winner + 1 :]

    @property
    def _winner(self) -> int:
        sure = (number for number, item in enumerate(self.candidates) if item.certain)
        return next(sure, len(self.candidates) - 1)


class IdentityState(StrEnum):
    """Worst first: the order of declaration is the precedence.

    broken: pods do not get or do not use the role, and a restart does not help. stale: a running pod has no credentials
    or may have the previous ones, and a new pod would be fine. unknown: a link could not be judged. doubtful: a warning
    says that it may not work. configured: association, roles and trust are right, the cluster was not checked. ready:
    everything that podid can check is in place. verified: EKS Auth issued the role's credentials to podid for the token
    of this pod, or of one of the same template. proven: CloudTrail has a session of this very pod. no-association:
    there is none."""

    BROKEN = "broken"
    STALE = "stale"
    UNKNOWN = "unknown"
    DOUBTFUL = "doubtful"
    CONFIGURED = "configured"
    READY = "ready"
    VERIFIED = "verified"
    PROVEN = "proven"
    NONE = "no-association"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return _RANKS[self]


_RANKS = {state: rank for rank, state in enumerate(IdentityState)}


def worst(states: Iterable[IdentityState | None]) -> IdentityState | None:
    """The first in the order of precedence, and None where nothing can be claimed of one and nothing is wrong with any
    other: what was not checked lowers the claim."""
    members = list(states)
    known = [state for state in members if state is not None]
    lowest = min(known, key=lambda state: state.rank, default=None)
    if len(known) < len(members) and (lowest is None or lowest.rank >= IdentityState.CONFIGURED.rank):
        return None
    return lowest


@dataclass(frozen=True, slots=True)
class NotChecked:
    """A link that was not checked, or not to the end: `subject` names what, `permission` what the caller lacks, `how`
    the option that checks it."""

    link: Annotated[int, About("1 to 9.")]
    subject: Annotated[str, OR_NULL, About("What could not be read; null where nothing of the link was read.")]
    permission: MissingPermission = ""
    how: Annotated[str, HIDDEN] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodStatus:
    """A live pod, or the pod that would be made now (no name). `state` is None where too little was read to claim any.
    `cause` is the verdict that makes it worse than ready, `uses` the credentials of its main container. A stale pod may
    keep the previous role until `stale_until`. `token` is what EKS Auth issued for the token of `token_pod`, which is
    this pod or one of the same template; CloudTrail has a session of this pod at `seen_at`."""

    namespace: str
    name: str
    node: str
    workload: Subject | None
    state: IdentityState | None
    cause: Verdict | None = None
    uses: ContainerUse | None = None
    stale_until: datetime | None = None
    token: Redeemed | None = None
    token_pod: str = ""
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityStatus:
    """A service account of a cluster. Its state is that of its worst pod; without pods that of `new_pod`, the pod that
    would be made now. `pods` is None where pods were not read; `opted_out` are live pods that ask the webhook to leave
    them alone, which do not count. `permissions` is the error of link 10, which the state does not depend on. `advice`
    never lowers a state."""

    ref: ServiceAccountRef
    association: Listed | None
    state: IdentityState | None
    cause: Verdict | None
    new_pod: PodStatus
    pods: tuple[PodStatus, ...] | None
    opted_out: tuple[str, ...] = ()
    permissions: Verdict | None = None
    advice: tuple[Verdict, ...] = ()
    checked_links: tuple[int, ...] = ()
    not_checked: tuple[NotChecked, ...] = ()

    @property
    def causes(self) -> tuple[Verdict, ...]:
        """Of a new pod, of the identity and of its pods."""
        causes = (self.new_pod.cause, self.cause, *(pod.cause for pod in self.pods or ()))
        return tuple(cause for cause in causes if cause is not None)

    @property
    def settling(self) -> bool:
        """Whether a state is open because of a change of seconds ago, so that waiting may help."""
        return any(cause.error_code == UNSETTLED for cause in self.causes)

    def reaches(self, required: IdentityState) -> bool:
        """Whether every pod is at least in the wanted state."""
        return self.state is not None and self.state is not IdentityState.NONE and self.state.rank >= required.rank


@dataclass(frozen=True, slots=True)
class Allowed:
    """Whether the role that pods get may do an action on a resource; None where that could not be decided, with the
    `permission` that is missing. `reason` says why not, and `id` is the failure mode's."""

    action: str
    resource: str
    allowed: Annotated[bool | None, About("Null where it could not be decided.")]
    reason: str = ""
    id: ModeId = ""
    permission: MissingPermission = ""


def exit_code(statuses: Iterable[IdentityStatus], required: IdentityState, *, allow_unknown: bool = False) -> ExitCode:
    """0 where every identity has at least the required state; 3 where one is broken or stale, or an error of link 10 is
    known; else 9. With `allow_unknown`, what was not or could not be checked counts for nothing."""
    return combine({_code(status, required, allow_unknown) for status in statuses})


def _code(status: IdentityStatus, required: IdentityState, allow_unknown: bool) -> ExitCode:
    if status.state in (IdentityState.BROKEN, IdentityState.STALE) or status.permissions is not None:
        return ExitCode.ATTENTION
    if status.reaches(required) or (allow_unknown and status.state is not IdentityState.DOUBTFUL):
        return ExitCode.OK
    return ExitCode.UNDETERMINED


# --- before a change --------------------------------------------------------------------------------------------------


@schema_name("UseBody")
@dataclass(frozen=True, slots=True, order=True)
class CredentialUse:
    """Which credentials a pod takes; `role_arn` is the role's, of IRSA and of Pod Identity, where it is known."""

    source: Annotated[CredentialSource, Key("uses")]
    role_arn: Annotated[ArnText, OR_NULL, About("Of IRSA and of Pod Identity, where it is known.")] = ""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class UseChange:
    """Running pods of a service account that take other credentials after a change. `restart`: only once they are made
    anew, which the change itself does not do."""

    ref: Annotated[ServiceAccountRef, FLAT]
    before: CredentialUse
    after: CredentialUse
    pods: Annotated[int, About("How many running pods take other credentials.")]
    restart: Annotated[bool, About("Only once they are made anew, which the change itself does not do.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What comes of a plan. `before` and `after` are of the same service accounts, as far as there is something to say
    of them; `brings` are the verdicts that fail after it and did not before, `ends` those that no longer do, `stands`
    those that still do, as they do then."""

    before: tuple[IdentityStatus, ...] = ()
    after: tuple[IdentityStatus, ...] = ()
    brings: tuple[Verdict, ...] = ()
    ends: tuple[Verdict, ...] = ()
    stands: tuple[Verdict, ...] = ()
    uses: tuple[UseChange, ...] = ()
