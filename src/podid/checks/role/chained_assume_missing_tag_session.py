"""The six session tags are transitive. Each further AssumeRole carries them, and requires sts:TagSession in both
policies:
https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html."""

from dataclasses import replace

from podid.checks.base import Case, Check, Known, Missing, Severity, Snapshot, Verdict, Verdicts, known, part, rule
from podid.domain.aws import Association, Decision
from podid.domain.iam import AssumePermissions
from podid.domain.names import Arn
from podid.domain.text import short_list
from podid.domain.trust import ASSUME_ROLE, TAG_SESSION, TrustVerdict
from podid.facts.index import by_role, role_section
from podid.facts.second_hop import second_hop
from podid.facts.trust import live_pods

FIX = "fix: allow sts:TagSession together with sts:AssumeRole, in this role and in the next role's trust policy"
NO_POLICY = "no policy of the role allows sts:TagSession on it"


@rule(needs=("cluster", "associations", "assume_permissions"), wants=("chained_roles", "roles", "pods"))
def chained_assume_missing_tag_session(check: Check, snapshot: Snapshot) -> Verdicts:
    yield from check.undescribed(snapshot)
    for arn, associations in by_role(snapshot).items():
        acting = [a for a in associations if not a.target_role_arn]
        tagged = [a for a in acting if a.session_tags]
        case = check.of_role(arn, tagged)
        section = part(snapshot.assume_permissions, arn)
        if not tagged:
            yield case.skip("its sessions have no tags" if acting else "its pods use their target role")
        elif role_section(snapshot, arn) == Known(None):
            yield case.skip("the role does not exist")
        elif isinstance(section, Missing):
            yield case.unknown(section)
        else:
            # base-role-cannot-assume-target judges the target roles
            own = {arn, *(a.target_role_arn for a in associations)}
            named = [other for other in section.value.roles if other not in own]
            yield _judged(case, snapshot, tagged[0], section.value, named)


def _judged(
    case: Case, snapshot: Snapshot, association: Association, permissions: AssumePermissions, named: list[str]
) -> Verdict:
    broken = {arn: why for arn in named if (why := _broken(snapshot, association, permissions, arn))}
    if broken:
        return case.fail(
            f"pods with this role cannot assume {short_list(broken)}: the request includes the session's tags, and "
            f"{next(iter(broken.values()))}",
            *(f"{arn}: {why}" for arn, why in broken.items()),
        )
    # a pattern may match no existing role
    wide = [pattern for pattern in permissions.untagged if permissions.clear]
    if wide:
        return case.fail(
            f"the role is authorized to assume {short_list(wide)}, but not to perform sts:TagSession, which every "
            "AssumeRole request of its pods requires",
            FIX,
            severity=Severity.WARN,
        )
    return case.ok(f"roles in its policies that it can assume with session tags: {len(named)}")


def _broken(snapshot: Snapshot, association: Association, permissions: AssumePermissions, arn: str) -> str:
    """Return why assuming the role fails because of the tags only; empty if it is not known to fail."""
    lacks = permissions.clear and not permissions.may_tag(arn)
    if f":iam::{Arn.parse(association.role_arn).account}:" not in arn:
        # both accounts must allow it
        return NO_POLICY if lacks else ""
    target = part(snapshot.chained_roles, arn)
    if not isinstance(target, Known) or target.value is None:
        return ""
    answers = {ASSUME_ROLE: "allowed", TAG_SESSION: "implicitDeny" if lacks else "allowed"}
    decisions = tuple(Decision(action=action, resource=arn, decision=word) for action, word in answers.items())
    hop = second_hop(
        replace(association, target_role_arn=arn, external_id=None),
        known(snapshot.cluster),
        base=None,
        target=target,
        permissions=Known(decisions),
        pods=live_pods(snapshot, association),
        now=snapshot.taken_at,
    )
    evaluation = hop.evaluation
    if evaluation is None or evaluation.assume_role.verdict is not TrustVerdict.MATCH:
        return ""
    if evaluation.tag_session.verdict is TrustVerdict.NO_MATCH:
        return "its trust policy does not allow sts:TagSession for the role"
    return NO_POLICY if lacks and any(finding.denies_access for finding in hop.findings) else ""
