"""Judge the roles of associations.

The verdict on a role that cannot be read is unknown. For a role that does not exist, it is not-applicable.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from podid.checks.base import Case, Check, Missing, Snapshot, Verdict, Verdicts
from podid.domain.aws import Association
from podid.domain.names import Arn
from podid.domain.policy.evaluate import Ruling
from podid.domain.snapshot import Section
from podid.domain.trust import Policy
from podid.facts.index import by_role, by_target, show_role, trust_policy
from podid.facts.privileges import RolePrivileges, administration, privileges

T = TypeVar("T")
Judge = Callable[[Case, T, list[Association]], Verdicts | Verdict]


def per_role(
    check: Check,
    snapshot: Snapshot,
    read: Callable[[str], Section[T | None]],
    judge: Judge[T],
    *,
    targets: bool = False,
) -> Iterator[Verdict]:
    """Yield the verdicts of `judge` on the data that `read` returns for the ARN of each role of an association, and
    with `targets` of each target role; None if the role does not exist."""
    yield from check.undescribed(snapshot)
    roles = by_role(snapshot)
    for arn, associations in by_target(snapshot).items() if targets else ():
        roles.setdefault(arn, []).extend(associations)
    for arn, associations in roles.items():
        case, section = check.of_role(arn, associations), read(arn)
        if isinstance(section, Missing):
            yield case.unknown(section)
        elif section.value is None:
            yield case.skip("the role does not exist")
        else:
            answer = judge(case, section.value, associations)
            yield from (answer,) if isinstance(answer, Verdict) else answer


def per_trust(check: Check, snapshot: Snapshot, judge: Judge[Policy]) -> Iterator[Verdict]:
    """Yield the verdicts of `judge` on the parsed trust policy of each role of an association."""
    return per_role(check, snapshot, partial(trust_policy, snapshot), judge)


def per_privileges(check: Check, snapshot: Snapshot, judge: Judge[RolePrivileges]) -> Iterator[Verdict]:
    """Yield the verdicts of `judge` on the permissions of each role and target role of an association."""
    return per_role(check, snapshot, privileges(snapshot).__getitem__, judge, targets=True)


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
