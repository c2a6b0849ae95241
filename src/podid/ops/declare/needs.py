"""The parts of files that decide which permissions podid reconcile needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podid.domain.declaration import Declaration, PolicySource
from podid.ops.declare.request import Ownership


@dataclass(frozen=True, slots=True, kw_only=True)
class FileNeeds:
    """`patterns` is whether service accounts must be listed, `accounts` whether some are created."""

    roles: bool
    documents: bool
    agent: bool
    tags: bool
    patterns: bool
    accounts: bool
    targets: bool

    @classmethod
    def of(cls, declarations: Sequence[Declaration]) -> FileNeeds:
        roles = [role for item in declarations for role in item.roles]
        associations = [item for declaration in declarations for item in declaration.associations]
        return cls(
            roles=bool(roles),
            documents=any(policy.source is not PolicySource.MANAGED for role in roles for policy in role.policies),
            agent=any(item.agent is not None for item in declarations),
            tags=any(choice.tags for item in declarations for choice in item.clusters),
            patterns=any(item.ref is None for item in associations),
            accounts=any(item.create_service_account for item in associations),
            targets=any(item.target_role for item in associations),
        )

    def all_of(self, reason: str, ownership: Ownership) -> bool:
        """Return whether the files and options need the optional permissions of this reason. Names that podid only
        suggests need none."""
        needed = {
            "--prune": ownership.prune,
            "naming roles": False,
            "validating policies": self.documents,
            "patterns, selectors": self.patterns or self.accounts or ownership.from_annotations,
            "createServiceAccount": self.accounts,
            "agent": self.agent,
            "clusters by tags": self.tags,
            "--target-role": self.targets and ownership.update_trust,
        }
        return next((value for words, value in needed.items() if reason.startswith(words)), True)
