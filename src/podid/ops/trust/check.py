"""Evaluate trust policies of roles, and of files without AWS access."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from podid.domain import trust
from podid.domain.aws import Association, Role
from podid.domain.errors import AccessDenied, ExitCode, PodidError, Unavailable, combine
from podid.domain.findings import Severity
from podid.domain.names import ServiceAccountRef
from podid.ops.role.access import PodAccess, policy_access
from podid.ops.role.uses import Uses, evaluate_uses
from podid.ops.trust.files import TrustFile
from podid.ops.trust.request import TrustCheckOptions

_CODES = {
    trust.TrustVerdict.MATCH: ExitCode.OK,
    trust.TrustVerdict.NO_MATCH: ExitCode.ATTENTION,
    trust.TrustVerdict.UNKNOWN: ExitCode.UNDETERMINED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The requests to evaluate. With a base role, the policies belong to target roles that it assumes. Without
    `role_tags`, the role's tags are not known; without pods, the running pods are not. Options have precedence over the
    settings of the associations, as far as those were read."""

    options: TrustCheckOptions
    cluster_arn: str
    role_tags: Mapping[str, str] | None
    now: datetime
    associations: Mapping[ServiceAccountRef, Association | None] = field(default_factory=dict)

    def request(self, ref: ServiceAccountRef, role_arn: str) -> trust.PodIdentity | trust.TargetHop:
        """Return the request to assume the role; its ARN is empty if it is not known."""
        options, association = self.options, self.associations.get(ref)
        tags = options.session_tags
        if tags is None:
            tags = association is None or association.session_tags
        base_role, external_id = options.base_role, options.external_id
        if base_role is None and association is not None and role_arn == association.target_role_arn:
            base_role, external_id = association.role_arn, association.external_id
        pod = trust.PodIdentity(
            cluster_arn=self.cluster_arn,
            namespace=ref.namespace,
            service_account=ref.name,
            session_tags=tags,
            role_tags=self.role_tags if base_role is None else None,
            pods=tuple(trust.LivePod(name) for name in options.pods) or None,
            now=self.now,
        )
        return pod if base_role is None else trust.TargetHop(base_role, pod, external_id, role_tags=self.role_tags)


@dataclass(frozen=True, slots=True)
class PolicyChecks:
    """The name of each file or role with the result of its policy, in the specified order."""

    checks: tuple[tuple[str, trust.TrustCheck], ...]

    @property
    def exit_code(self) -> ExitCode:
        """Return attention for a role that anyone can assume."""
        codes = {_CODES[check.verdict] for _, check in self.checks}
        return combine(codes | {ExitCode.ATTENTION for _, check in self.checks if check.open_to_all})


@dataclass(frozen=True, slots=True)
class PolicyAccess:
    """The principals that can assume a role by its trust policy. `name` is that of the file or role."""

    name: str
    policy: trust.Policy
    pods: PodAccess

    @property
    def findings(self) -> tuple[trust.TrustFinding, ...]:
        """Return the findings, worst first, each once."""
        findings = dict.fromkeys((*trust.open_to_all(self.policy), *self.pods.findings))
        return tuple(sorted(findings, key=lambda item: tuple(Severity).index(item.severity)))

    @property
    def advice(self) -> tuple[str, ...]:
        """Return likely typing errors."""
        return tuple(map(str, trust.find_misspellings(self.policy)))


@dataclass(frozen=True, slots=True)
class PolicyAccesses:
    """The access of several policies, in the specified order."""

    items: tuple[PolicyAccess, ...]

    @property
    def exit_code(self) -> ExitCode:
        """Return attention for a role that no pod can assume, or that anyone can."""
        codes = {_CODES[item.pods.verdict] for item in self.items}
        findings = (finding for item in self.items for finding in item.findings)
        return combine(codes | {ExitCode.ATTENTION for finding in findings if finding.severity is Severity.ERROR})


def access_by(files: Sequence[TrustFile], role_tags: Mapping[str, str] | None = None) -> PolicyAccesses:
    """Return the principals that the policy allows. `role_tags` replace those in a file."""
    accesses = []
    for file in files:
        tags = file.role_tags if role_tags is None else role_tags
        accesses.append(PolicyAccess(file.name, file.policy, policy_access(file.policy, tags)))
    return PolicyAccesses(tuple(accesses))


def check_uses(role: Role, uses: Uses) -> PolicyChecks | None:
    """Evaluate the role's trust policy for every association that uses it; None if there are none. Raise AccessDenied
    or Unavailable if these could not be read."""
    if uses.unread:
        first = uses.unread[0]
        kind: type[PodidError] = AccessDenied if first.permission else Unavailable
        advice = "Specify the service accounts with --for: podid then reads no associations."
        raise kind(f"The associations could not be read: {first}", permission=first.permission, advice=advice)
    requests = [use.evaluation.request for use in evaluate_uses(role, uses)]
    if not requests:
        return None
    return PolicyChecks(((role.name, trust.check(trust.parse_policy(role.trust), requests)),))


def check_policies(files: Sequence[TrustFile], question: Question) -> PolicyChecks:
    """Evaluate the policies. The tags of a file apply unless the question has some."""
    checks = []
    for file in files:
        of_file = replace(question, role_tags=file.role_tags) if question.role_tags is None else question
        requests = [of_file.request(ref, file.role_arn) for ref in question.options.service_accounts]
        checks.append((file.name, trust.check(file.policy, requests)))
    return PolicyChecks(tuple(checks))
