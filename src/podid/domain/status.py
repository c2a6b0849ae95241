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
from podid.domain.findings import RankedWord
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
from podid.domain.text import short_list

if TYPE_CHECKING:
    from podid.domain.aws import Listed
    from podid.domain.evidence import Redeemed
    from podid.domain.findings import Subject, Verdict


class CredentialSource(StrEnum):
    """The sources of an SDK's credentials, in their order.

    https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
    """

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
    """A credential source of a container. `detail` is the setting in the pod. `certain` is whether it certainly gives
    credentials; otherwise `detail` is the part that podid cannot read."""

    source: CredentialSource
    detail: Annotated[str, OR_NULL, About("The setting in the pod, or the part that podid cannot read.")] = ""
    certain: Annotated[bool, About("Whether it certainly gives credentials; false if podid does not read it.")] = True


@members("container init uses certain candidates")
@dataclass(frozen=True, slots=True)
class ContainerUse:
    """The credential sources of a container, in the order in which an SDK uses them."""

    container: Annotated[str, Key("name")]
    candidates: Annotated[
        tuple[CredentialCandidate, ...], Key("sources"), About("In the order in which an SDK uses them.")
    ]
    init: Annotated[bool, About("Whether it is an init container.")] = False

    @property
    def uses(
        self,
    ) -> Annotated[CredentialSource, About("The first source that certainly gives credentials: SDKs use this one.")]:
        """Return the first source that certainly gives credentials, otherwise the last one."""
        return self.candidates[self._winner].source

    @property
    def unless(self) -> tuple[CredentialCandidate, ...]:
        """Return the sources that come first if they have settings that podid cannot read."""
        return self.candidates[: self._winner]

    @property
    def certain(self) -> Annotated[bool, About("False if podid cannot read a source that comes first.")]:
        return self.candidates[self._winner].certain and not self.unless

    @property
    def unused(self) -> tuple[CredentialCandidate, ...]:
        """Return the sources that an SDK does not use."""
        return self.candidates[self._winner + 1 :]

    @property
    def _winner(self) -> int:
        sure = (number for number, item in enumerate(self.candidates) if item.certain)
        return next(sure, len(self.candidates) - 1)


class IdentityState(RankedWord):
    """Worst first: the order of declaration is the precedence.

    broken: pods do not get or do not use the role, and a restart does not help. stale: a running pod has no credentials
    or may have the previous ones, and a new pod would get the right ones. unknown: a link could not be checked.
    doubtful: because of a warning it may not work. configured: association, roles and trust policies are right, the
    cluster was not checked. ready: all checks passed. verified: EKS Auth issued the role's credentials to podid for the
    token of this pod, or of one of the same template. proven: CloudTrail has a session of this very pod.
    no-association: there is none.
    """

    BROKEN = "broken"
    STALE = "stale"
    UNKNOWN = "unknown"
    DOUBTFUL = "doubtful"
    CONFIGURED = "configured"
    READY = "ready"
    VERIFIED = "verified"
    PROVEN = "proven"
    NONE = "no-association"

    def reaches(self, required: IdentityState) -> bool:
        return self is not IdentityState.NONE and self.rank >= required.rank


def worst(states: Iterable[IdentityState | None]) -> IdentityState | None:
    """Return the worst state. None is a state that could not be determined: it is the result unless another one is
    worse than configured."""
    members = list(states)
    known = [state for state in members if state is not None]
    lowest = min(known, key=lambda state: state.rank, default=None)
    if len(known) < len(members) and (lowest is None or lowest.rank >= IdentityState.CONFIGURED.rank):
        return None
    return lowest


@dataclass(frozen=True, slots=True)
class NotChecked:
    """A link that was not checked, or only partly. `subject` is the unread part, `permission` the missing permission,
    `how` the option that checks it."""

    link: Annotated[int, About("The number of the link, 1 to 10.")]
    subject: Annotated[str, OR_NULL, About("The part that could not be read; null if nothing of the link was read.")]
    permission: MissingPermission = ""
    how: Annotated[str, HIDDEN] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodStatus:
    """A live pod, or a new pod that would be created now (no name). `state` is None if too little was read. `cause` is
    the verdict that makes it worse than ready, `uses` the credentials of its main container. A stale pod may keep the
    previous role until `stale_until`. `token` is the identity that EKS Auth issued for the token of `token_pod`, which
    is this pod or one of the same template. CloudTrail has a session of this pod at `seen_at`."""

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
    """A service account of a cluster. Its state is that of its worst pod; without pods that of `new_pod`, which would
    be created now. `pods` is None if pods were not read. `opted_out` are live pods of which the webhook skips every
    main container: they do not count. `permissions` is the error of link 10, which does not affect the state. `advice`
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
        """Return the causes of the new pod, of the identity and of its pods."""
        causes = (self.new_pod.cause, self.cause, *(pod.cause for pod in self.pods or ()))
        return tuple(cause for cause in causes if cause is not None)

    @property
    def unsettled(self) -> Verdict | None:
        """Return the cause that is undecided because of a change seconds ago: waiting may help. None without one."""
        return next((cause for cause in self.causes if cause.error_code == UNSETTLED), None)

    @property
    def missing_permissions(self) -> tuple[str, ...]:
        """Return the permissions that the links which were not checked require."""
        return tuple(dict.fromkeys(gap.permission for gap in self.not_checked if gap.permission))

    @property
    def gaps(self) -> tuple[NotChecked, ...]:
        """Return the links of which something was requested and could not be read."""
        return tuple(gap for gap in self.not_checked if (gap.permission or gap.subject) and not gap.how)

    def judged(self, *, running: bool) -> tuple[IdentityState | None, Verdict | None]:
        return (self.state, self.cause) if running else (self.new_pod.state, self.new_pod.cause)

    def reaches(self, required: IdentityState) -> bool:
        """Return whether every pod has at least the required state."""
        return self.state is not None and self.state.reaches(required)


@dataclass(frozen=True, slots=True)
class Allowed:
    """The decision on one action: whether the role of the pods allows it on a resource; None if podid could not decide,
    with the missing `permission`. `reason` explains a denial, and `id` is the failure mode."""

    action: str
    resource: str
    allowed: Annotated[bool | None, About("Null if it could not be decided.")]
    reason: str = ""
    id: ModeId = ""
    permission: MissingPermission = ""


_LACKS = {
    IdentityState.VERIFIED: "no token of a running pod was redeemed",
    IdentityState.PROVEN: "CloudTrail does not contain a session of each running pod; "
    "an event can take 15 minutes to appear",
}


def shortfall(statuses: Iterable[IdentityStatus], required: IdentityState) -> tuple[str, ...]:
    """Return a note about the identities without a failure that are not in the required state."""
    if required not in _LACKS:
        return ()
    healthy = (IdentityState.READY, IdentityState.VERIFIED)
    lacking = [
        status
        for status in statuses
        if not status.reaches(required)
        # the pods of a stale identity are a reason by themselves, unless podid could not redeem their tokens
        and (status.state in healthy or (status.state is IdentityState.STALE and status.missing_permissions))
    ]
    if not lacking:
        return ()
    verb, names = "is" if len(lacking) == 1 else "are", short_list(str(status.ref) for status in lacking)
    return (f"{names} {verb} not {required}: {_LACKS[required]}{missing_words(lacking)}",)


def missing_words(statuses: Iterable[IdentityStatus]) -> str:
    """Return the end of a sentence with the missing permissions; empty if none is missing."""
    needed = dict.fromkeys(permission for status in statuses for permission in status.missing_permissions)
    return f"; missing permission: {short_list(needed)}" if needed else ""


def undecided(statuses: Iterable[IdentityStatus]) -> bool:
    """Return whether the state of an identity is not known."""
    return any(status.state in (IdentityState.UNKNOWN, None) for status in statuses)


def exit_code(statuses: Iterable[IdentityStatus], required: IdentityState, *, allow_unknown: bool = False) -> ExitCode:
    """Return 0 if every identity has at least the required state; 3 if one is broken or stale, or has an error of link
    10; otherwise 9. With `allow_unknown`, unchecked parts do not count."""
    return combine({_code(status, required, allow_unknown) for status in statuses})


def _code(status: IdentityStatus, required: IdentityState, allow_unknown: bool) -> ExitCode:
    if status.state in (IdentityState.BROKEN, IdentityState.STALE) or status.permissions is not None:
        return ExitCode.ATTENTION
    decided = (IdentityState.DOUBTFUL, IdentityState.NONE)
    if status.reaches(required) or (allow_unknown and status.state not in decided):
        return ExitCode.OK
    return ExitCode.UNDETERMINED


@schema_name("UseBody")
@dataclass(frozen=True, slots=True, order=True)
class CredentialUse:
    """The credentials that a pod uses. `role_arn` is the role of IRSA or Pod Identity, if it is known."""

    source: Annotated[CredentialSource, Key("uses")]
    role_arn: Annotated[ArnText, OR_NULL, About("The role of IRSA or Pod Identity, if it is known.")] = ""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class UseChange:
    """Running pods of a service account that use other credentials after a change. `restart`: only after a restart,
    which the change itself does not do."""

    ref: Annotated[ServiceAccountRef, FLAT]
    before: CredentialUse
    after: CredentialUse
    pods: Annotated[int, About("The number of running pods that use other credentials.")]
    restart: Annotated[bool, About("True if that requires a restart, which the change itself does not do.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The predicted result of a plan. `before` and `after` are of the same service accounts, as far as their status is
    known. `brings` are the verdicts that fail only after the plan, `ends` those that fail only before it, `stands`
    those that still fail after it."""

    before: tuple[IdentityStatus, ...] = ()
    after: tuple[IdentityStatus, ...] = ()
    brings: tuple[Verdict, ...] = ()
    ends: tuple[Verdict, ...] = ()
    stands: tuple[Verdict, ...] = ()
    uses: tuple[UseChange, ...] = ()
