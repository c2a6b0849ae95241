"""Link 9, first half: the association's role exists, under the very ARN, and so does its target role, if it has one."""

from collections import defaultdict
from collections.abc import Iterable

from podid.checks.base import Case, Check
from podid.checks.shared.facts import chain_of, cluster_flags, cluster_name, podid_command, role_subject
from podid.checks.shared.roles import by_role, role_section, target_section, undescribed
from podid.checks.shared.second_hop import target_subject
from podid.domain.aws import Association, described
from podid.domain.errors import InvalidInput, Other
from podid.domain.findings import Verdict
from podid.domain.names import Arn, role_name, role_path
from podid.domain.snapshot import NOT_READ, Known, Missing, Snapshot, known


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    yield from undescribed(check, snapshot)
    for arn, associations in by_role(snapshot).items():
        case, section = check.case(role_subject(arn), chain_of(associations)), role_section(snapshot, arn)
        if isinstance(section, Missing):
            yield case.unknown(section)
        elif section.value is not None:
            yield case.ok("the role exists")
        else:
            yield _gone(case, snapshot, arn, associations)
    yield from _targets(check, snapshot)


CHECK = Check.of("role-not-found", rule, needs=("associations", "roles", "target_roles"), wants=("cluster",))


def _targets(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    members: dict[str, list[Association]] = defaultdict(list)
    for association in described(known(snapshot.associations)):
        if association.target_role_arn:
            members[association.target_role_arn].append(association)
    for arn, associations in sorted(members.items()):
        case = check.case(target_subject(associations[0]), chain_of(associations))
        section = target_section(snapshot, arn)
        if isinstance(section, Missing):
            yield case.unknown(section)
        elif section.value is not None:
            yield case.ok("the target role exists")
        else:
            yield case.fail(
                f"the target role {arn} does not exist",
                evidence=(
                    f"associations that go on to it: {len(associations)}",
                    f"iam:GetRole {role_name(arn)}: no such role",
                    "to do: create it with a trust for the association's role, or associate with another --target-role",
                ),
            )


def _gone(case: Case, snapshot: Snapshot, arn: str, associations: list[Association]) -> Verdict:
    other = known(snapshot.roles).get(arn, NOT_READ)
    elsewhere = other.value.arn if isinstance(other, Known) and other.value is not None else ""
    foreign = isinstance(snapshot.cluster, Known) and _account(arn) != snapshot.cluster.value.account
    evidence = [
        f"associations that name it: {len(associations)}",
        f"a role of this name exists under another path: {elsewhere}"
        if elsewhere
        else f"iam:GetRole {case.subject.name}: no such role",
    ]
    if foreign:
        evidence.append(f"its account is not that of cluster {cluster_name(snapshot)}")
    return case.fail(
        f"the role {arn} does not exist",
        evidence=evidence,
        commands=_bring_back(snapshot, arn, elsewhere, associations),
    )


def _bring_back(
    snapshot: Snapshot, arn: str, elsewhere: str, associations: list[Association]
) -> tuple[tuple[str, ...], ...]:
    """Point the associations at the role that exists, or make the one that they name."""
    if elsewhere:
        return tuple(
            podid_command(snapshot, "associate", str(a.ref), "--role", elsewhere, "--replace") for a in associations[:3]
        )
    path = ("--path", role_path(arn)) if role_path(arn) != "/" else ()
    who = tuple(word for a in associations[:3] for word in ("--for", str(a.ref)))
    flags = (*path, *who, *cluster_flags(snapshot))
    return (Other(("role", "create"), (role_name(arn),), flags).of(),)


def _account(arn: str) -> str:
    try:
        return Arn.parse(arn).account
    except InvalidInput:
        return ""
