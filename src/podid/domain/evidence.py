"""Observations of credentials when pods request them, and of failure modes when they occur, as opposed to conclusions
from settings. They contain no credentials.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from podid.domain.findings import Subject
from podid.domain.names import Arn
from podid.domain.section import Missing

if TYPE_CHECKING:
    from podid.domain.aws import Association


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSighting:
    """One failure mode in the log of one agent, or in the CloudTrail events of its node. `accounts` are the service
    accounts ("ns/name") whose pods sent the requests, if their addresses are known. `running` is whether the agent
    works nevertheless."""

    id: str
    node: str
    count: int
    sample: str
    accounts: tuple[str, ...] = ()
    last: datetime | None = None
    running: bool = True


# error codes: those of EKS Auth, and one for a service account that the API server does not find
NO_ASSOCIATION = "ResourceNotFoundException"
NO_ACCOUNT = "ServiceAccountNotFound"
NOT_ALLOWED = "AccessDeniedException"
DOES_NOT_FIT = ("PackedPolicyTooLarge", "PackedPolicyTooLargeException")
# for a result that may change within seconds, because of a change seconds ago
UNSETTLED = "Unsettled"
# for evidence that could not be read: conclusions from settings stay valid without it
NO_EVIDENCE = "NoEvidence"
# EKS Auth issued credentials for an association other than the described one
OTHER_ASSOCIATION = "OtherAssociation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemed:
    """The identity of credentials that EKS Auth issued for a pod's token, from sts:GetCallerIdentity. `role_arn`
    includes the role's path if it is the association's role."""

    role_arn: str
    account: str
    session_name: str
    expires_at: datetime | None = None


def identified(association: Association, caller_arn: str, expires_at: datetime | None = None) -> tuple[Redeemed, bool]:
    """Return the identity of credentials, and whether it is the role of the association's pods. Raise InvalidInput for
    a text that is not an ARN."""
    expected, issued = Arn.parse(association.pods_role_arn), Arn.parse(caller_arn)
    # arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION: a role's path is not part of it
    kind, _, name = issued.resource.partition("/")
    role, _, session = name.partition("/")
    same = (kind, role, issued.account) == ("assumed-role", expected.resource_name, expected.account)
    role_arn = f"arn:{issued.partition}:iam::{issued.account}:role/{role}" if kind == "assumed-role" else caller_arn
    role = str(expected) if same else role_arn
    return Redeemed(role_arn=role, account=issued.account, session_name=session, expires_at=expires_at), same


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTrial:
    """One token of a live pod that podid redeemed at EKS Auth. Exactly one of `redeemed`, `refusal` and `missing` is
    set. `expected` is whether the identity is the association's role; `template` is that of `template_of`."""

    namespace: str
    pod: str
    node: str
    workload: Subject
    template: str = ""
    at: datetime | None = None
    redeemed: Redeemed | None = None
    expected: bool = True
    # the error code of EKS Auth or of the API server's token request, and its text in one line
    refusal: str = ""
    message: str = ""
    missing: Missing | None = None

    @property
    def name(self) -> str:
        return f"{self.namespace}/{self.pod}"


# longer than the known propagation time of an association to the control plane (AWS: "several seconds"; 10 s in its
# blog on session policies)
PROPAGATION = timedelta(seconds=120)


def is_propagated(association: Association, now: datetime) -> bool:
    """Return whether the association is old enough that every API server of the cluster has received it."""
    changed = association.modified_at or association.created_at
    return changed is None or now - changed > PROPAGATION


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """Pods of a service account that the API server admitted with dryRun=All, summed over rounds. A hit has the
    injected fields. `rounds` is the number of consecutive rounds without a miss, `needed` the number that decides: one
    if every API server has received the association, more within PROPAGATION of a change."""

    hits: int = 0
    misses: int = 0
    rounds: int = 0
    needed: int = 0
    since: datetime | None = None
    last: datetime | None = None

    @property
    def decided(self) -> bool:
        return self.rounds >= self.needed > 0 or self.failed

    @property
    def failed(self) -> bool:
        """Return whether new pods get no credentials, and that will not change within seconds."""
        return self.last is not None and not self.rounds and self.needed == 1


# labels of probe pods, which must not match the selectors of Services and network policies
PROBE_LABELS = {"app.kubernetes.io/name": "podid-probe", "app.kubernetes.io/managed-by": "podid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """The result of a probe pod that requested credentials from the agent of its node. `node` is empty if it was not
    scheduled. `link` is the link where it failed, 0 on success. `id` is the failure mode if it is certain, `likely` the
    most likely one. `missing` is why the result is not known, `left` the objects that could not be deleted."""

    job: str
    node: str
    at: datetime | None = None
    link: int = 0
    id: str = ""
    likely: str = ""
    message: str = ""
    redeemed: Redeemed | None = None
    missing: Missing | None = None
    left: str = ""


# AWS: "several seconds" (EKS User Guide, "Learn how EKS Pod Identity grants pods access to AWS services"), up to 10 s
# in its blog on session policies; twice that
ASSOCIATION_SETTLES = timedelta(seconds=20)
# IAM is eventually consistent (IAM User Guide, "Changes that I make are not always immediately visible")
ROLE_SETTLES = timedelta(seconds=60)
# the journal has the time of the answer, EKS that of the change, each by its own clock
_SAME_CHANGE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class RecentChanges:
    """The changes of the last hours in podid's journal. `roles` are those of `account` by name, with the time of their
    last change, because IAM does not report it for trust policies. `kept_role` are the service accounts ("ns/name")
    whose association last changed without an effect on credentials (role, target role, session policy, session tags),
    with the time; `effective` is the time of the last change that had one, by podid or before a change by podid.
    `deleted` are the settings of associations that podid deleted."""

    account: str = ""
    roles: Mapping[str, datetime] = field(default_factory=dict)
    kept_role: Mapping[str, datetime] = field(default_factory=dict)
    effective: Mapping[str, datetime] = field(default_factory=dict)
    deleted: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def settling(self, association: Association, now: datetime) -> str:
        """Return a change of seconds ago that may not have reached EKS Auth everywhere, such as "the association was
        changed 5 s ago"; empty if there is none."""
        changed = association.modified_at or association.created_at
        if changed is not None and now - changed <= ASSOCIATION_SETTLES:
            return f"the association was changed {_ago(now, changed)}"
        for arn in (association.role_arn, association.target_role_arn):
            role = Arn.parse(arn) if arn else None
            if role is None or role.account != self.account or role.resource_name not in self.roles:
                continue
            changed = self.roles[role.resource_name]
            if now - changed <= ROLE_SETTLES:
                return f"role {role.resource_name} was changed {_ago(now, changed)}"
        return ""

    def changed_at(self, association: Association) -> datetime | None:
        """Return when the association last changed with an effect on credentials: EKS's time of the last change, unless
        that is one of `kept_role`. Then it is the time of an earlier change; None if the journal has none."""
        known, changed = self.kept_role.get(str(association.ref)), association.modified_at or association.created_at
        if known is None or changed is None or abs(changed - known) > _SAME_CHANGE:
            return changed
        return self.effective.get(str(association.ref))


def _ago(now: datetime, moment: datetime) -> str:
    return f"{max(int((now - moment).total_seconds()), 0)} s ago"


NO_CHANGES = RecentChanges()
