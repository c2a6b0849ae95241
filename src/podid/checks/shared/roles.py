"""Judge the roles of associations.

The verdict on a role that cannot be read is unknown. For a role that does not exist, it is not-applicable.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TypeVar

from podid.checks.base import Case, Check, Missing, Outcome, Snapshot, Verdict, Verdicts, known, short_list
from podid.domain.aws import Association
from podid.domain.grouping import grouped
from podid.domain.names import Arn
from podid.domain.policy.escalation import is_administrator
from podid.domain.policy.evaluate import AccessVerdict, Ruling
from podid.domain.snapshot import Section
from podid.domain.trust import Policy
from podid.facts.index import by_role, by_target, chain_of, show_role, trust_policy
from podid.facts.privileges import RolePrivileges, privileges

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


def per_privileges(
    check: Check, snapshot: Snapshot, judge: Callable[[Case, RolePrivileges], Verdict]
) -> Iterator[Verdict]:
    """Yield the verdicts of `judge` on the permissions of each role and target role of an association. Where session
    tags or a session policy decide, each association is judged by itself."""

    def per_session(case: Case, role: RolePrivileges, associations: list[Association]) -> Iterator[Verdict]:
        sessions = grouped((role.of(known(snapshot.cluster).arn, item), item) for item in associations)
        judged: dict[Verdict, list[Association]] = {}
        for session, users in sessions.items():
            judged.setdefault(judge(case, session), []).extend(users)
        yield from _merged(case, judged)

    return per_role(check, snapshot, privileges(snapshot).__getitem__, per_session, targets=True)


def _merged(case: Case, judged: Mapping[Verdict, list[Association]]) -> Iterator[Verdict]:
    """Yield one verdict for all associations, or one for those of each failed and each unknown answer."""
    if len(judged) == 1:
        yield from judged
        return
    bad = {verdict: users for verdict, users in judged.items() if verdict.outcome in (Outcome.FAIL, Outcome.UNKNOWN)}
    for verdict, users in bad.items():
        refs = chain_of(users)
        yield replace(verdict, chain=refs, message=f"{verdict.message}, for {short_list(refs)}")
    if not bad:
        yield next(iter(judged))


def allowed_on_all_roles(check: Check, snapshot: Snapshot, action: str, words: str) -> Iterator[Verdict]:
    """Yield a failing verdict with these words for each role that allows the action on all roles of its account."""

    def judge(case: Case, role: RolePrivileges) -> Verdict:
        if is_administrator(role.access):
            return case.skip("the role is an administrator: see role-administrator")
        ruling = role.reach(action, role.roles(Arn.parse(role.arn).account))
        return case.ok(check.title) if ruling is None else too_wide(case, role.arn, words, ruling)

    return per_privileges(check, snapshot, judge)


def too_wide(case: Case, arn: str, words: str, ruling: Ruling) -> Verdict:
    """Return the failure, or unknown with the conditions on which it depends."""
    if ruling.verdict is AccessVerdict.ALLOWED:
        return case.fail(words, f"statement: {ruling.statement}", commands=(show_role(arn),))
    return case.unknown(
        Missing(ruling.reason, ruling.missing_permission), f"not known whether {words}: {ruling.reason}"
    )
