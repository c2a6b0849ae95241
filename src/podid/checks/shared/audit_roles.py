"""Judge the roles of associations for the checks in `podid.checks.audit`.

The verdict on a role that cannot be read is unknown. For a role that does not exist, it is not-applicable.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from podid.checks.base import Case, Check, Missing, Snapshot, Verdict
from podid.domain.aws import Association
from podid.domain.names import Arn
from podid.domain.policy.evaluate import Ruling
from podid.domain.snapshot import Known, Section
from podid.domain.trust import Policy, TrustPolicyError, parse_policy
from podid.facts.index import by_role, by_target, role_section, show_role
from podid.facts.privileges import RolePrivileges, administration, privileges

T = TypeVar("T")
Judge = Callable[[Case, T, list[Association]], Verdict]


def per_trust(check: Check, snapshot: Snapshot, judge: Judge[Policy]) -> Iterator[Verdict]:
    """Yield the verdict of `judge` on the parsed trust policy of each role of an association."""

    def read(arn: str) -> Section[Policy | None]:
        section = role_section(snapshot, arn)
        if isinstance(section, Missing):
            return section
        return Known(None) if section.value is None else parsed_trust(section.value.trust)

    return _per_role(check, snapshot, read, judge)


def per_privileges(check: Check, snapshot: Snapshot, judge: Judge[RolePrivileges]) -> Iterator[Verdict]:
    """Yield the verdict of `judge` on the permissions of each role and target role of an association."""
    roles, own = privileges(snapshot), by_role(snapshot)
    yield from _per_role(check, snapshot, roles.__getitem__, judge)
    for arn, associations in by_target(snapshot).items():
        if arn not in own:
            yield _judged(check.of_role(arn, associations), roles[arn], associations, judge)


def _per_role(
    check: Check, snapshot: Snapshot, read: Callable[[str], Section[T | None]], judge: Judge[T]
) -> Iterator[Verdict]:
    yield from check.undescribed(snapshot)
    for case, arn, associations in check.of_roles(snapshot):
        yield _judged(case, read(arn), associations, judge)


def _judged(case: Case, section: Section[T | None], associations: list[Association], judge: Judge[T]) -> Verdict:
    if isinstance(section, Missing):
        return case.unknown(section)
    return case.skip("the role does not exist") if section.value is None else judge(case, section.value, associations)


def parsed_trust(document: Mapping[str, object]) -> Section[Policy | None]:
    """Return the parsed trust policy, or why it cannot be parsed."""
    try:
        return Known(parse_policy(document))
    except TrustPolicyError as error:
        return Missing(f"the trust policy cannot be parsed: {error}")


def allowed_on_all_roles(check: Check, snapshot: Snapshot, action: str, words: str) -> Iterator[Verdict]:
    """Yield a failing verdict with these words for each role that allows the action on all roles of its account."""

    def judge(case: Case, role: RolePrivileges, _: list[Association]) -> Verdict:
        if administration(role) is not None:
            return case.skip("the role is an administrator: see role-administrator")
        ruling = role.reach(action, role.roles(Arn.parse(role.arn).account))
        return case.ok(check.title) if ruling is None else too_wide(case, role.arn, words, ruling)

    return per_privileges(check, snapshot, judge)


def too_wide(case: Case, arn: str, words: str, ruling: Ruling) -> Verdict:
    return case.fail(words, f"statement: {ruling.statement}", commands=(show_role(arn),))
