"""What of an association changed so lately that EKS Auth may not have heard of it everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from podid.domain.errors import PodidError
from podid.domain.model import Association
from podid.domain.names import Arn
from podid.ops.change.kinds import ROLE, ROLE_ATTACHMENT, ROLE_POLICY, ROLE_TRUST

if TYPE_CHECKING:
    from podid.ops.change.journal import Journal

# AWS: "several seconds" (EKS User Guide, "Learn how EKS Pod Identity grants pods access to AWS services"), up to 10 s
# in its blog on session policies; twice that
ASSOCIATION_SETTLES = timedelta(seconds=20)
# IAM is eventually consistent, (IAM User Guide, "Changes that I make are not always immediately visible")
ROLE_SETTLES = timedelta(seconds=60)
_ROLE_KINDS = (ROLE.name, ROLE_TRUST.name, ROLE_POLICY.name, ROLE_ATTACHMENT.name)


@dataclass(frozen=True, slots=True)
class LateChanges:
    """When roles of `account` were last changed, by name, as far as podid's journal has it: IAM keeps no time of change
    of a trust policy."""

    account: str = ""
    roles: Mapping[str, datetime] = field(default_factory=dict)

    @classmethod
    def read(cls, journal: Journal, account: str, now: datetime) -> LateChanges:
        """None of them where the journal cannot be read: it is not what is looked for."""
        try:
            found = journal.changed_since(account, _ROLE_KINDS, now - ROLE_SETTLES)
        except PodidError:
            return cls(account)
        roles: dict[str, datetime] = {}
        for keys, moment in found:
            name = keys["roleName"]
            roles[name] = max(moment, roles.get(name, moment))
        return cls(account, roles)

    def settling(self, association: Association, now: datetime) -> str:
        """What changed seconds ago, such as "the association was changed 5 s ago"; empty when nothing did."""
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


def _ago(now: datetime, moment: datetime) -> str:
    return f"{max(int((now - moment).total_seconds()), 0)} s ago"


NO_CHANGES = LateChanges()
