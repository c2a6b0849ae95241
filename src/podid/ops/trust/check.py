"""Trust policies from files, asked whether they let pods in. No AWS access is needed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from podid.domain import trust
from podid.domain.exit_codes import ExitCode, combine
from podid.domain.names import ServiceAccountRef
from podid.ops.trust.files import TrustFile

_CODES = {
    trust.TrustVerdict.MATCH: ExitCode.OK,
    trust.TrustVerdict.NO_MATCH: ExitCode.ATTENTION,
    trust.TrustVerdict.UNKNOWN: ExitCode.UNDETERMINED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Who asks for the role. With `base_role` the policies are target roles' and that one asks for them. `role_tags`
    None: nobody knows the tags of the role that a policy belongs to; no `pods`: nor which pods live."""

    refs: tuple[ServiceAccountRef, ...]
    cluster_arn: str
    session_tags: bool
    base_role: str | None
    external_id: str | None
    role_tags: Mapping[str, str] | None
    pods: tuple[str, ...]
    now: datetime

    def requests(self) -> list[trust.PodIdentity | trust.TargetHop]:
        return [self._request(ref) for ref in self.refs]

    def _request(self, ref: ServiceAccountRef) -> trust.PodIdentity | trust.TargetHop:
        identity = trust.PodIdentity(
            cluster_arn=self.cluster_arn,
            namespace=ref.namespace,
            service_account=ref.name,
            session_tags=self.session_tags,
            role_tags=self.role_tags if self.base_role is None else None,
            pods=tuple(trust.LivePod(name) for name in self.pods) or None,
            now=self.now,
        )
        if self.base_role is None:
            return identity
        return trust.TargetHop(self.base_role, identity, external_id=self.external_id, role_tags=self.role_tags)


@dataclass(frozen=True, slots=True)
class PolicyChecks:
    """File name and what its policy says, in the order given."""

    checks: tuple[tuple[str, trust.TrustCheck], ...]

    @property
    def exit_code(self) -> ExitCode:
        """A role that everybody can assume wants attention, whoever else may."""
        codes = {_CODES[check.verdict] for _, check in self.checks}
        if any(check.open_to_all for _, check in self.checks):
            codes.add(ExitCode.ATTENTION)
        return combine(codes)


def check_policies(files: Sequence[TrustFile], question: Question) -> PolicyChecks:
    """A file that holds its role's tags is asked with these, unless the question has some."""
    found = []
    for file in files:
        of_file = replace(question, role_tags=file.role_tags) if question.role_tags is None else question
        found.append((file.name, trust.check(file.policy, of_file.requests())))
    return PolicyChecks(tuple(found))
