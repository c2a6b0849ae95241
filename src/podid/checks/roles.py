"""Link 9, first half: the association's role exists, under the very ARN."""

from collections import defaultdict
from collections.abc import Iterable

from podid.checks.base import Check, check
from podid.checks.facts import cluster_name, podid_command
from podid.domain.errors import InvalidInput
from podid.domain.findings import FixClass, Severity, Subject, Verdict
from podid.domain.model import Association, Role
from podid.domain.names import Arn, parse_role_arn, role_name, role_path
from podid.domain.snapshot import NOT_READ, Known, Missing, Section, Snapshot, known


def by_role(snapshot: Snapshot) -> dict[str, list[Association]]:
    """The associations by the ARN of their role, both in order."""
    found: dict[str, list[Association]] = defaultdict(list)
    for association in known(snapshot.associations):
        found[association.role_arn].append(association)
    return dict(sorted(found.items()))


def chain_of(associations: Iterable[Association]) -> tuple[str, ...]:
    return tuple(sorted(str(a.ref) for a in associations))


def role_subject(arn: str) -> Subject:
    try:
        return Subject("Role", parse_role_arn(arn).resource_name)
    except InvalidInput:
        return Subject("Role", arn)


def section_of(snapshot: Snapshot, arn: str) -> Section[Role | None]:
    """NotFound is Known(None); a role that sits under another path than the association says is not the one meant."""
    section = snapshot.roles.get(arn, NOT_READ)
    if isinstance(section, Known) and section.value is not None and section.value.arn != arn:
        return Known(None)
    return section


def unreadable(rule: Check, arn: str, missing: Missing, associations: Iterable[Association]) -> Verdict:
    return rule.unknown(role_subject(arn), missing, chain=chain_of(associations))


@check(
    id="role-not-found",
    severity=Severity.ERROR,
    link=9,
    title="the role of every association exists",
    needs=("associations", "roles"),
    wants=("cluster",),
    fix=FixClass.ASK,
)
def role_not_found(snapshot: Snapshot) -> Iterable[Verdict]:
    for arn, associations in by_role(snapshot).items():
        section = section_of(snapshot, arn)
        if isinstance(section, Missing):
            yield unreadable(role_not_found, arn, section, associations)
        elif section.value is not None:
            yield role_not_found.ok(role_subject(arn), "the role exists", chain=chain_of(associations))
        else:
            yield _gone(snapshot, arn, associations)


def _gone(snapshot: Snapshot, arn: str, associations: list[Association]) -> Verdict:
    other = snapshot.roles.get(arn, NOT_READ)
    elsewhere = other.value.arn if isinstance(other, Known) and other.value is not None else ""
    subject = role_subject(arn)
    foreign = isinstance(snapshot.cluster, Known) and _account(arn) != snapshot.cluster.value.account
    evidence = [f"associations that name it: {len(associations)}", f"iam:GetRole {subject.name}: no such role"]
    if elsewhere:
        evidence[1] = f"a role of this name exists under another path: {elsewhere}"
    if foreign:
        evidence.append(f"its account is not that of cluster {cluster_name(snapshot)}")
    return role_not_found.fail(
        subject,
        f"the role {arn} does not exist",
        chain=chain_of(associations),
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
    return (podid_command(snapshot, "role", "create", role_name(arn), *path, *who),)


def _account(arn: str) -> str:
    try:
        return Arn.parse(arn).account
    except InvalidInput:
        return ""
