"""What was observed of credentials as they are given, and of failure modes while they happened, as against what
settings make of it. No credential is in it.
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
    """One failure mode in the log of one agent, or in what CloudTrail has of its node. `accounts` are the service
    accounts ("ns/name") whose pods asked, where their addresses tell; `running` is whether the agent does its work all
    the same."""

    id: str
    node: str
    count: int
    sample: str
    accounts: tuple[str, ...] = ()
    last: datetime | None = None
    running: bool = True


# codes of refusals: EKS Auth's own, and one for an API server that knows no such service account
NO_ASSOCIATION = "ResourceNotFoundException"
NO_ACCOUNT = "ServiceAccountNotFound"
NOT_ALLOWED = "AccessDeniedException"
DOES_NOT_FIT = ("PackedPolicyTooLarge", "PackedPolicyTooLargeException")
# of what may be otherwise in some seconds, because of a change some seconds ago
UNSETTLED = "Unsettled"
# of evidence that was asked for and not to be had: what is inferred stands without it
NO_EVIDENCE = "NoEvidence"
# EKS Auth issued credentials by another association than the one that was described
OTHER_ASSOCIATION = "OtherAssociation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemed:
    """The identity of credentials that EKS Auth issued for a pod's token, as sts:GetCallerIdentity names it. `role_arn`
    carries the role's path where it is the association's role."""

    role_arn: str
    account: str
    session_name: str
    expires_at: datetime | None = None


def identified(association: Association, caller_arn: str, expires_at: datetime | None = None) -> tuple[Redeemed, bool]:
    """Whose credentials these are, and whether that is the role that the association's pods are to have. InvalidInput
    for what is no ARN."""
    expected, got = Arn.parse(association.pods_role_arn), Arn.parse(caller_arn)
    # arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION: a role's path is not part of it
    kind, _, rest = got.resource.partition("/")
    role, _, session = rest.partition("/")
    same = (kind, role, got.account) == ("assumed-role", expected.resource_name, expected.account)
    other = f"arn:{got.partition}:iam::{got.account}:role/{role}" if kind == "assumed-role" else caller_arn
    whose = str(expected) if same else other
    return Redeemed(role_arn=whose, account=got.account, session_name=session, expires_at=expires_at), same


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTrial:
    """One token of a live pod, redeemed at EKS Auth by podid. Exactly one of `redeemed`, `refusal` and `missing` is
    set. `expected` is whether the identity is that of the association's role; `template` as of `template_of`."""

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


# longer than any control plane is known to take to hear of an association (AWS: "several seconds"; 10 s in its blog on
# session policies)
HEARD_EVERYWHERE = timedelta(seconds=120)


def heard_everywhere(association: Association, now: datetime) -> bool:
    """Whether the association is so old that every API server of the cluster must have heard of it."""
    changed = association.modified_at or association.created_at
    return changed is None or now - changed > HEARD_EVERYWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """Pods that the API server admitted with dryRun=All for a service account, added up over rounds. A hit carries the
    injected fields. `rounds` are consecutive rounds without a miss, `needed` how many decide: one, where every API
    server must have heard of the association, and more within HEARD_EVERYWHERE of a change."""

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
        """Whether new pods are given no credentials, and will not be in some seconds either."""
        return self.last is not None and not self.rounds and self.needed == 1


# of podid's own pods, which must not carry the labels that Services and network policies select
PROBE_LABELS = {"app.kubernetes.io/name": "podid-probe", "app.kubernetes.io/managed-by": "podid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What a pod of podid's own met that asked the agent of its node, which is empty where it never came to one. `link`
    is the link where it stopped, 0 where it got the credentials; `id` names the failure mode for sure, `likely` the
    most likely one. `missing` is why nothing is known of it, and `left` what was left behind of it."""

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
    """What podid's own journal has of the last hours. `roles` are those of `account` by name, with the time of their
    last change: IAM keeps none of a trust policy. `kept_role` are the service accounts ("ns/name") whose association
    was changed, with the time of it, while what credentials carry stayed: role, target role, session policy and
    session tags."""

    account: str = ""
    roles: Mapping[str, datetime] = field(default_factory=dict)
    kept_role: Mapping[str, datetime] = field(default_factory=dict)

    def settling(self, association: Association, now: datetime) -> str:
        """What changed seconds ago, so that EKS Auth may not have heard of it everywhere, such as "the association was
        changed 5 s ago"; empty when nothing did."""
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

    def kept(self, association: Association) -> bool:
        """Whether the last change that EKS has of the association is one of `kept_role`."""
        known, changed = self.kept_role.get(str(association.ref)), association.modified_at
        return known is not None and changed is not None and abs(changed - known) <= _SAME_CHANGE


def _ago(now: datetime, moment: datetime) -> str:
    return f"{max(int((now - moment).total_seconds()), 0)} s ago"


NO_CHANGES = RecentChanges()
