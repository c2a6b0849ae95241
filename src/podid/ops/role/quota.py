"""The quota on the length of a trust policy, which AWS increases for an account on request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from podid.domain import trust
from podid.domain.errors import Conflict
from podid.domain.iam import TRUST_POLICY_QUOTA
from podid.domain.section import Known, Missing, Section, attempt
from podid.domain.text import needing

_NAME = "AssumeRolePolicySizeQuota"


@dataclass(frozen=True)
class TrustQuota:
    """`read` returns the quotas of the role's account. It is called at most once, and only for a trust policy that is
    longer than IAM's default."""

    read: Callable[[], Mapping[str, int]]

    @cached_property
    def _known(self) -> Section[int]:
        quotas = attempt(self.read)
        return quotas if isinstance(quotas, Missing) else Known(quotas.value.get(_NAME, TRUST_POLICY_QUOTA))

    def allows(self, policy: trust.Policy, current: trust.Policy | None = None) -> bool:
        """Return whether IAM accepts the policy, in place of the `current` one. Assume IAM's default if the quota could
        not be read."""
        size = trust.policy_size(policy)
        if size <= TRUST_POLICY_QUOTA or (current is not None and size <= trust.policy_size(current)):
            return True
        return isinstance(self._known, Known) and size <= self._known.value

    def check(
        self, policy: trust.Policy, role_name: str, number: int = 1, of: int = 1, *, current: trust.Policy | None = None
    ) -> None:
        """Raise Conflict if the policy is too long, after statements for `number` `of` so many service accounts.
        Checked after each, since the cost grows with their number."""
        if self.allows(policy, current):
            return
        subject = f"With {number} of the {of} service accounts, the trust policy" if number < of else "The trust policy"
        size = trust.policy_size(policy)
        most, lines = TRUST_POLICY_QUOTA, [group.words for group in trust.mergeable(policy)]
        if isinstance(self._known, Known):
            most = self._known.value
        else:
            reason = needing(self._known.reason, self._known.permission)
            lines.append(f"{most} is IAM's default; the quota of the account could not be read: {reason}")
        raise Conflict(
            f"{subject} of role {role_name} would have {size} characters; IAM allows {most}",
            lines=tuple(lines),
            advice="Use a wider scope (namespace or cluster), or a second role.",
            subject=role_name,
            id="trust-quota",
        )
