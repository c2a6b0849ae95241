"""Link 9, where an association has a target role: how its role gets there. What decides it is in
`podid.facts.second_hop`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from podid.checks.base import Check
from podid.checks.shared.facts import chain_of, index, podid_command, role_subject
from podid.checks.shared.once import once
from podid.checks.shared.roles import role_section, undescribed
from podid.checks.shared.trust import live_pods
from podid.domain.aws import Association, Role, described
from podid.domain.errors import InvalidInput
from podid.domain.findings import Severity, Subject, Verdict
from podid.domain.names import Arn
from podid.domain.snapshot import NOT_READ, Known, Missing, Section, Snapshot, known
from podid.domain.trust import TrustFinding, unwritable_principals
from podid.facts.second_hop import BOUNDARY_DENIES, NOT_ALLOWED, SecondHop, second_hop

K = TypeVar("K")
T = TypeVar("T")

NEEDS = ("cluster", "associations")
WANTS = ("pods", "roles")
MOST_NAMED = 10
BASE_GONE, TARGET_GONE = "the association's role does not exist", "the target role does not exist"


@dataclass(frozen=True, slots=True)
class Told:
    """What one check says of one hop: a finding, or that it could not look, or why there is nothing to say; else the
    hop is free of what the check looks for."""

    finding: TrustFinding | None = None
    missing: Missing | None = None
    skip: str = ""


@once
def hops(snapshot: Snapshot) -> tuple[SecondHop, ...]:
    """One for each association with a target role, in order."""
    listed = tuple(association for _, association in sorted(index(snapshot).associations.items()))
    return tuple(_hop(snapshot, association) for association in described(listed) if association.target_role_arn)


def _hop(snapshot: Snapshot, association: Association) -> SecondHop:
    target = association.target_role_arn or ""
    base = _base(snapshot, association)
    return second_hop(
        association,
        known(snapshot.cluster),
        base=base.value if isinstance(base, Known) else None,
        target=_part(snapshot.target_roles, target),
        rights=_part(snapshot.target_rights, (association.role_arn, target)),
        pods=live_pods(snapshot, association),
        now=snapshot.taken_at,
    )


def _part(section: Section[Mapping[K, Section[T]]], key: K) -> Section[T]:
    return section if isinstance(section, Missing) else section.value.get(key, NOT_READ)


def base_gone(snapshot: Snapshot, hop: SecondHop) -> bool:
    return _base(snapshot, hop.association) == Known(None)


def _base(snapshot: Snapshot, association: Association) -> Section[Role | None]:
    return snapshot.roles if isinstance(snapshot.roles, Missing) else role_section(snapshot, association.role_arn)


def target_subject(association: Association) -> Subject:
    """By name in the association's own account, else by ARN: a namesake there is another role."""
    arn = association.target_role_arn or ""
    try:
        same = Arn.parse(arn).account == Arn.parse(association.role_arn).account
    except InvalidInput:
        same = False
    return role_subject(arn) if same else Subject("Role", arn)


def base_subject(association: Association) -> Subject:
    return role_subject(association.role_arn)


def of_trust(check: Check, hop: SecondHop, *, undecided: bool = False) -> Told:
    """What the target role's trust says under the check's id. With `undecided` the check speaks for a trust that came
    to no answer."""
    if hop.target_missing:
        return Told(skip=TARGET_GONE)
    finding = next((f for f in hop.findings if f.id == check.id), None)
    if finding is not None:
        return Told(finding)
    if hop.trust_unknown is None:
        return Told()
    if undecided or hop.evaluation is None:
        return Told(missing=hop.trust_unknown)
    return Told(skip=f"undecided: {hop.trust_unknown.reason}")


def of_rights(check: Check, hop: SecondHop, *, undecided: bool = False) -> Told:
    """What the simulator says of the role's rights under the check's id. With `undecided` the check speaks for an
    answer that could not be had."""
    if hop.target_missing:
        return Told(skip=TARGET_GONE)
    finding = next((f for f in hop.findings if f.id in (NOT_ALLOWED, BOUNDARY_DENIES)), None)
    if finding is not None:
        return Told(finding) if finding.id == check.id else Told(skip=finding.message)
    if hop.rights_unknown is None:
        return Told()
    return Told(missing=hop.rights_unknown) if undecided else Told(skip=f"undecided: {hop.rights_unknown.reason}")


def opening(snapshot: Snapshot) -> Callable[[Sequence[SecondHop], TrustFinding], Iterable[tuple[str, ...]]]:
    """What has podid add the statement to the target role's trust: where that is in the cluster's account, can be
    written again, and has no Deny that outweighs it."""

    def commands(members: Sequence[SecondHop], finding: TrustFinding) -> Iterable[tuple[str, ...]]:
        evaluation, arn = members[0].evaluation, members[0].target_role_arn
        if evaluation is None or finding.severity is not Severity.ERROR or finding.denied:
            return ()
        if Arn.parse(arn).account != known(snapshot.cluster).account or unwritable_principals(evaluation.policy):
            return ()
        names = (str(hop.association.ref) for hop in members[:MOST_NAMED])
        return (podid_command(snapshot, "associate", *names, "--target-role", arn, "--update-trust"),)

    return commands


def per_role(
    check: Check,
    snapshot: Snapshot,
    look: Callable[[SecondHop], Told],
    *,
    subject: Callable[[Association], Subject],
    healthy: str,
    commands: Callable[[Sequence[SecondHop], TrustFinding], Iterable[tuple[str, ...]]] = lambda hops, finding: (),
    advice: Callable[[SecondHop], str] = lambda hop: "",
) -> Iterable[Verdict]:
    """One verdict for each role and each different answer about it."""
    yield from undescribed(check, snapshot)
    told: dict[tuple[Subject, Told], list[SecondHop]] = defaultdict(list)
    for hop in hops(snapshot):
        answer = Told(skip=BASE_GONE) if base_gone(snapshot, hop) else look(hop)
        told[subject(hop.association), answer].append(hop)
    for (role, answer), members in told.items():
        case = check.case(role, chain_of(hop.association for hop in members))
        if answer.finding is not None:
            finding = answer.finding
            words = tuple(word for word in (f"to do: {finding.fix}", advice(members[0])) if word)
            yield case.fail(
                finding.message,
                severity=finding.severity,
                evidence=(*words, f"associations concerned: {len(members)}"),
                commands=commands(members, finding),
            )
        elif answer.missing is not None:
            yield case.unknown(answer.missing)
        else:
            yield case.skip(answer.skip) if answer.skip else case.ok(healthy)
