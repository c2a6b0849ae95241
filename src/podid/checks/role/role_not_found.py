"""Link 9, first half: the association's role and its target role, if any, exist under the exact ARN."""

from podid.checks.base import Case, Check, Known, Missing, Snapshot, Verdict, Verdicts, known_or, part, rule
from podid.domain.aws import Association
from podid.domain.errors import Other
from podid.domain.names import role_name, role_path
from podid.facts import index
from podid.facts.second_hop import target_subject


@rule(needs=("associations", "roles", "target_roles"), wants=("cluster",))
def role_not_found(check: Check, snapshot: Snapshot) -> Verdicts:
    yield from check.undescribed(snapshot)
    for case, arn, associations in check.of_roles(snapshot):
        section = index.role_section(snapshot, arn)
        if isinstance(section, Missing):
            yield case.unknown(section)
        elif section.value is not None:
            yield case.ok("the role exists")
        else:
            yield _gone(case, snapshot, arn, associations)
    yield from _targets(check, snapshot)


def _targets(check: Check, snapshot: Snapshot) -> Verdicts:
    for arn, associations in index.by_target(snapshot).items():
        case = check.case(target_subject(associations[0]), index.chain_of(associations))
        section = index.under(arn, part(snapshot.target_roles, arn))
        if isinstance(section, Missing):
            yield case.unknown(section)
        elif section.value is not None:
            yield case.ok("the target role exists")
        else:
            yield case.fail(
                f"the target role {arn} does not exist",
                f"iam:GetRole {role_name(arn)}: no such role",
                "fix: create it with a trust policy for the association's role, or associate another --target-role",
            )


def _gone(case: Case, snapshot: Snapshot, arn: str, associations: list[Association]) -> Verdict:
    role = known_or(part(snapshot.roles, arn), None)
    elsewhere = role.arn if role is not None else ""
    foreign = isinstance(snapshot.cluster, Known) and f":iam::{snapshot.cluster.value.account}:" not in arn
    evidence = [
        f"role of the same name under another path: {elsewhere}"
        if elsewhere
        else f"iam:GetRole {case.subject.name}: no such role",
    ]
    if foreign:
        evidence.append(f"account of the role: not the account of cluster {index.cluster_name(snapshot)}")
    commands = _fix(snapshot, arn, elsewhere, associations)
    return case.fail(f"the role {arn} does not exist", *evidence, commands=commands)


def _fix(snapshot: Snapshot, arn: str, elsewhere: str, associations: list[Association]) -> tuple[tuple[str, ...], ...]:
    if elsewhere:
        return tuple(
            index.podid_command(snapshot, "associate", str(a.ref), "--role", elsewhere, "--replace")
            for a in associations[:3]
        )
    path = ("--path", role_path(arn)) if role_path(arn) != "/" else ()
    who = tuple(word for a in associations[:3] for word in ("--for", str(a.ref)))
    flags = (*path, *who, *index.cluster_flags(snapshot))
    return (Other(("role", "create"), (role_name(arn),), flags).of(),)
