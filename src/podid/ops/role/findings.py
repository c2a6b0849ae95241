"""What is wrong with a role or odd about it, by failure mode, told from what was read of it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from podid.domain import trust
from podid.domain.aws import AttachedPolicy, Role
from podid.domain.errors import InvalidInput, Other
from podid.domain.findings import Severity, Subject
from podid.domain.members import About
from podid.domain.text import short_list
from podid.ops.role.access import pod_access
from podid.ops.role.moved_on import moved_on
from podid.ops.role.uses import RoleUse, used_words

if TYPE_CHECKING:
    from podid.domain.report import DoctorReport

_ORDER = tuple(Severity)


@dataclass(frozen=True, slots=True)
class RoleFinding:
    """`subjects` are the associations that it is about; none where it is about the role whoever uses it."""

    id: str
    severity: Severity
    message: str
    fix: str
    subjects: Annotated[
        tuple[str, ...], About("The associations that it is about; none where it is about the role.")
    ] = ()


def role_findings(
    role: Role,
    attached: Sequence[AttachedPolicy] | None,
    inline: Mapping[str, object] | None,
    uses: Sequence[RoleUse] | None,
    region: str = "",
) -> tuple[RoleFinding, ...]:
    """Worst first. What could not be read, None, finds nothing. `region` is where the clusters are that the trust's
    patterns may mean."""
    gone = _of_gone_principals(role)
    # what the engine says of them for each name and each user is told once
    said = [*_of_uses(uses or ()), *_of_trust(role, region, used=bool(uses))]
    found = [*gone, *(item for item in said if not gone or item.id != gone[0].id)]
    bare = attached is not None and inline is not None and not attached and not inline
    if bare and (uses or _for_pods(role)):
        found.append(
            RoleFinding(
                "role-no-permissions",
                Severity.WARN,
                "it has no permissions policy: whatever its pods ask of AWS is denied, unless a resource's own policy "
                "lets them",
                shlex.join(Other(("role", "attach"), (role.name,), ("--policy-file", "FILE")).of()),
            )
        )
    for policy, document in (inline or {}).items():
        moved = moved_on(policy, document) if isinstance(document, Mapping) else None
        if moved is not None:
            fix = shlex.join(moved.command(role.name))
            found.append(RoleFinding("preset-moved-on", Severity.INFO, moved.sentence, fix))
    names = dict.fromkeys(used_words(use.association) for use in uses or ())
    if len(names) > 1:
        found.append(
            RoleFinding(
                "roles-shared-across-associations",
                Severity.INFO,
                f"{len(names)} associations name it: what one of them may do, all may",
                "a role for each, where they should not",
                tuple(names),
            )
        )
    merged: dict[tuple[str, str], RoleFinding] = {}
    for item in found:
        merged.setdefault((item.id, item.message), item)
    return _worst_first(merged.values())


def _worst_first(findings: Iterable[RoleFinding]) -> tuple[RoleFinding, ...]:
    return tuple(sorted(findings, key=lambda item: _ORDER.index(item.severity)))


def with_checks(own: Sequence[RoleFinding], role: Role, report: DoctorReport | None) -> tuple[RoleFinding, ...]:
    """Add what the checks found about the role and the role's own findings do not name: a boundary, a target role that
    it cannot assume."""
    named = {item.id for item in own}
    checks = [
        RoleFinding(
            verdict.check,
            verdict.severity,
            verdict.message,
            shlex.join(verdict.fix.commands[0]) if verdict.fix is not None and verdict.fix.commands else "",
            verdict.chain,
        )
        for verdict in (report.findings if report is not None else ())
        if verdict.subject == Subject("Role", role.name) and verdict.check not in named
    ]
    return _worst_first((*own, *checks))


def _for_pods(role: Role) -> bool:
    try:
        return pod_access(role).names_pods and not role.service_linked
    except InvalidInput:
        return False


def _of_uses(uses: Sequence[RoleUse]) -> Iterable[RoleFinding]:
    subjects: dict[trust.TrustFinding, list[str]] = {}
    for use in uses:
        for finding in use.evaluation.findings:
            subjects.setdefault(finding, []).append(used_words(use.association))
    for finding, names in subjects.items():
        yield RoleFinding(finding.id, finding.severity, finding.message, finding.fix, tuple(dict.fromkeys(names)))


def _of_trust(role: Role, region: str, *, used: bool) -> Iterable[RoleFinding]:
    """What holds whoever uses it, and where nobody does, for those whom it means."""
    try:
        policy = trust.parse_policy(role.trust)
    except InvalidInput:
        return
    for finding in (*trust.open_to_all(policy), *(() if used else pod_access(role, region=region).findings)):
        yield RoleFinding(finding.id, finding.severity, finding.message, finding.fix)


def _of_gone_principals(role: Role) -> list[RoleFinding]:
    try:
        dead = trust.unwritable_principals(trust.parse_policy(role.trust))
    except InvalidInput:
        return []
    if not dead:
        return []
    message = (
        f"its trust names {short_list(dead)}, the unique id of a deleted role or user; a new one of that name does not "
        "count"
    )
    fix = "write the ARN of the one that is meant in its place; IAM takes no change of this trust before"
    return [RoleFinding("role-recreated", Severity.WARN, message, fix)]
