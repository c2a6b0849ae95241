"""What was observed of credentials as they are given, as against what settings make of it. No credential is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from podid.domain.findings import Subject
from podid.domain.snapshot import Missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemed:
    """The identity of credentials that EKS Auth issued to podid for a pod's token, as sts:GetCallerIdentity names it.
    `role_arn` carries the role's path where it is the association's role."""

    role_arn: str
    account: str
    session_name: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTrial:
    """One token of a live pod, redeemed at EKS Auth by podid. Exactly one of `redeemed`, `refusal` and `missing` is
    set. `expected` is whether the identity is that of the association's role."""

    namespace: str
    pod: str
    node: str
    workload: Subject
    redeemed: Redeemed | None = None
    expected: bool = True
    # the error code of EKS Auth or of the API server's token request, and its text in one line
    refusal: str = ""
    message: str = ""
    missing: Missing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """Pods that the API server admitted with dryRun=All for a service account, added up over rounds. A hit carries the
    injected fields. `rounds` are consecutive rounds without a miss, `needed` how many decide."""

    hits: int = 0
    misses: int = 0
    rounds: int = 0
    needed: int = 0
    since: datetime | None = None
    last: datetime | None = None

    @property
    def decided(self) -> bool:
        return self.rounds >= self.needed > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What a pod of podid's own met that asked the agent of its node. `link` is the link where it stopped, 0 where it
    got credentials; `id` names the failure mode for sure, `likely` the most likely one."""

    job: str
    node: str
    link: int = 0
    id: str = ""
    likely: str = ""
    message: str = ""
    evidence: tuple[str, ...] = ()
    redeemed: Redeemed | None = None
    missing: Missing | None = None


@dataclass(frozen=True, slots=True)
class RecentChanges:
    """When roles of `account` were last changed, by name, as far as podid's own journal tells: IAM keeps no time of
    change of a trust policy. `kept_role` are the service accounts ("ns/name") whose association podid changed without
    changing role or target role, with the time of that change."""

    account: str = ""
    roles: Mapping[str, datetime] = field(default_factory=dict)
    kept_role: Mapping[str, datetime] = field(default_factory=dict)


NO_CHANGES = RecentChanges()
