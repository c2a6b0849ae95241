"""Role chaining: the association's role, in a session for the pod, assumes the association's target role.

Two conditions are required: the role is authorized to perform both actions on the target role, and the target role's
trust policy allows the role.
Sources: EKS User Guide, "Access AWS resources using EKS Pod Identity target IAM roles"; STS API Reference,
"AssumeRole" (in one account, a trust policy that names the role itself replaces the role's own permission).
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from podid.domain.aws import Association, Cluster, Decision, Role, described
from podid.domain.errors import InvalidInput
from podid.domain.findings import Severity, Subject
from podid.domain.iam import DENIALS, repair_of, undecided
from podid.domain.names import Arn, role_name
from podid.domain.snapshot import Known, Missing, Section, Snapshot, known, known_or, part
from podid.domain.trust import (
    TAG_SESSION,
    Evaluation,
    LivePod,
    PodIdentity,
    TargetHop,
    TrustFinding,
    TrustPolicyError,
    TrustVerdict,
    evaluate,
    parse_policy,
)
from podid.domain.trust.conditions import Truth
from podid.facts.index import index, once, role_section, role_subject
from podid.facts.trust import live_pods

GET_ROLE, SIMULATE = "iam:GetRole", "iam:SimulatePrincipalPolicy"
OTHER_ACCOUNT = "OtherAccount"
# the ids of failures of its permissions
NOT_ALLOWED, BOUNDARY_DENIES = "base-role-cannot-assume-target", "permissions-boundary-denies"


@dataclass(frozen=True, kw_only=True)
class SecondHop:
    """Role chaining of one association. `trust` is the evaluation of the target role's trust policy, Known(None) if the
    role does not exist; `permissions` are the simulator's decisions on both actions for the association's role."""

    association: Association
    trust: Section[Evaluation | None]
    permissions: Section[tuple[Decision, ...]]

    @property
    def target_role_arn(self) -> str:
        return self.association.target_role_arn or ""

    @property
    def evaluation(self) -> Evaluation | None:
        return known_or(self.trust, None)

    @property
    def decisions(self) -> tuple[Decision, ...]:
        return known_or(self.permissions, ())

    @property
    def target_missing(self) -> bool:
        return self.trust == Known(None)

    @cached_property
    def findings(self) -> tuple[TrustFinding, ...]:
        """Return the failures and weaknesses, with the ids of their failure modes. In order: the target role itself,
        the role's permission, the target role's trust policy."""
        if self.target_missing:
            message = f"the target role {self.target_role_arn} does not exist"
            fix = "create the role, or associate an existing target role (--target-role, --replace)"
            return (TrustFinding("role-not-found", Severity.ERROR, message, fix),)
        return (*self._of_permissions(), *(self.evaluation.findings if self.evaluation is not None else ()))

    @property
    def error(self) -> TrustFinding | None:
        """Return the first known failure; None if there is none."""
        return next((finding for finding in self.findings if finding.denies_access), None)

    @property
    def verdict(self) -> TrustVerdict:
        """Return the verdict on permission and trust policy together, as far as they are known."""
        if self.error is not None:
            return TrustVerdict.NO_MATCH
        return TrustVerdict.UNKNOWN if self.unknowns else TrustVerdict.MATCH

    @property
    def unknowns(self) -> tuple[Missing, ...]:
        """Return the data that could not be read or decided."""
        if self.target_missing:
            return ()
        return tuple(unknown for unknown in (self.permissions_unknown, self.trust_unknown) if unknown is not None)

    @property
    def permissions_unknown(self) -> Missing | None:
        if isinstance(self.permissions, Missing):
            return self.permissions
        keys = {key for d in self.decisions if not d.allowed for key in d.missing_context_keys}
        if keys:
            return Missing(undecided(keys))
        if self._refused and not self._of_permissions():
            why = self.trust_unknown or Missing("not known whether the target role's trust policy names the role")
            role = role_name(self.association.role_arn)
            reason = f"role {role} lacks the permission, and needs none if the trust policy names it: {why.reason}"
            return Missing(reason, why.permission, why.error_code)
        return None

    @property
    def trust_unknown(self) -> Missing | None:
        if isinstance(self.trust, Missing):
            return self.trust
        return Missing(self.evaluation.doubt) if self.evaluation is not None and self.evaluation.doubt else None

    @property
    def lacks_only_a_policy(self) -> bool:
        """Return whether another Allow in a policy of the association's role grants the denied permissions."""
        return all(decision.allowed or decision.lacks_a_policy for decision in self.decisions)

    @property
    def _refused(self) -> list[Decision]:
        return [d for d in self.decisions if not d.allowed and not d.missing_context_keys]

    def _of_permissions(self) -> tuple[TrustFinding, ...]:
        refused = self._refused
        by_name = [self._allowed_by_name(decision) for decision in refused]
        if not refused or (None in by_name and False not in by_name):
            return ()
        role, target = role_name(self.association.role_arn), self.target_role_arn
        actions = " and ".join(decision.action for decision in refused)
        denied_by = _denied_by(refused)
        message = f"role {role} is not authorized to perform {actions} on {target}: {DENIALS[denied_by]}"
        severity = Severity.ERROR
        if all(by_name):
            severity = Severity.WARN
            why = "the target role's trust policy names the role and both roles are in one account"
            message += f"; role chaining works only because {why}"
        elif not self.association.session_tags and all(d.action == TAG_SESSION for d in refused):
            severity = Severity.WARN
            message += "; without session tags it is not required, although AWS's guide includes it"
        id_ = BOUNDARY_DENIES if denied_by == "boundary" else NOT_ALLOWED
        return (TrustFinding(id_, severity, message, repair_of(denied_by, f"{actions} on {target}", role)),)

    def _allowed_by_name(self, decision: Decision) -> Truth:
        """Return whether the trust policy is enough: it names the role itself, and no Deny or boundary applies."""
        if decision.denied_by:
            return False
        base, target = self.association.role_arn, self.target_role_arn
        if Arn.parse(base).account != Arn.parse(target).account:
            return False
        if self.evaluation is None:
            return None
        action = next((a for a in self.evaluation.actions if a.action == decision.action), None)
        if action is None or action.verdict is TrustVerdict.NO_MATCH:
            return False
        statements, named = self.evaluation.policy.statements, ("AWS", base)
        if action.verdict is TrustVerdict.MATCH and named in statements[action.statement or 0].principals:
            return True
        return None if any(s.allow and named in s.principals for s in statements) else False


def second_hop(
    association: Association,
    cluster: Cluster,
    *,
    base: Role | None,
    target: Section[Role | None],
    permissions: Section[tuple[Decision, ...]],
    pods: tuple[LivePod, ...] | None = None,
    now: datetime | None = None,
) -> SecondHop:
    """Return the role chaining of the association. Pure. `base` is the association's role, None if it was not read;
    `target` is Known(None) if the role does not exist, or only under another path. `pods` and `now` as in
    PodIdentity."""
    if isinstance(target, Missing):
        return SecondHop(association=association, trust=target, permissions=permissions)
    role = target.value
    if role is None or role.arn != association.target_role_arn:
        return SecondHop(association=association, trust=Known(None), permissions=permissions)
    answer: Section[Evaluation | None]
    try:
        tags = dict(base.tags) if base is not None else None
        pod = PodIdentity.of(cluster.arn, association, role_tags=tags, pods=pods, now=now)
        hop = TargetHop(association.role_arn, pod, association.external_id, dict(role.tags))
        answer = Known(evaluate(parse_policy(role.trust), hop))
    except TrustPolicyError as error:
        answer = Missing(f"the trust policy of role {role.name} cannot be parsed: {error}")
    except InvalidInput as error:
        answer = Missing(error.message)
    return SecondHop(association=association, trust=answer, permissions=permissions)


def elsewhere(arn: str, account: str, words: str = "; reading its trust policy") -> Missing | None:
    """Return why a role in another account than this one cannot be read with its credentials; None for the same
    account."""
    own = Arn.parse(arn).account
    if own == account:
        return None
    reason = f"role {arn} is in account {own}{words} requires credentials of that account"
    return Missing(reason, f"{GET_ROLE} in account {own}", OTHER_ACCOUNT)


def _denied_by(refused: list[Decision]) -> str:
    """Return what denies it. A Deny in a policy overrides the boundary."""
    return next(denied_by for denied_by in DENIALS if denied_by in {decision.denied_by for decision in refused})


@once
def hops(snapshot: Snapshot) -> tuple[SecondHop, ...]:
    """Return one for each association with a target role, sorted."""
    listed = tuple(association for _, association in sorted(index(snapshot).associations.items()))
    return tuple(
        second_hop(
            association,
            known(snapshot.cluster),
            base=known_or(role_section(snapshot, association.role_arn), None),
            target=part(snapshot.target_roles, target),
            permissions=part(snapshot.target_permissions, (association.role_arn, target)),
            pods=live_pods(snapshot, association),
            now=snapshot.taken_at,
        )
        for association in described(listed)
        if (target := association.target_role_arn)
    )


def target_subject(association: Association) -> Subject:
    """Return the target role as a subject: by name in the association's own account, else by ARN."""
    arn = association.target_role_arn or ""
    try:
        same = Arn.parse(arn).account == Arn.parse(association.role_arn).account
    except InvalidInput:
        same = False
    return role_subject(arn) if same else Subject("Role", arn)
