"""The guard limits changes by podid. Older roles and associations, and those that others created, can violate it."""

from collections.abc import Callable, Iterator
from functools import partial

from podid.checks.base import Case, Check, Missing, Snapshot, Verdict, Verdicts, count_of, known, part, rule
from podid.checks.shared.roles import per_role
from podid.domain.aws import Association, Role, described
from podid.domain.declaration import Breach, Guard
from podid.domain.iam import PolicyNames
from podid.domain.trust import Policy
from podid.facts.index import podid_command, role_section, show_role, trust_policy


@rule(needs=("associations", "roles"), wants=("role_policies", "cluster"))
def guard_violated(check: Check, snapshot: Snapshot) -> Verdicts:
    if not snapshot.guards:
        yield check.of_cluster(snapshot).skip("no rules: specify a guard with --policy")
        return
    for association in described(known(snapshot.associations)):
        case = check.case(association.subject, (str(association.ref),))
        show = podid_command(snapshot, "show", str(association.ref))
        yield _judged(case, snapshot, partial(_of_association, association), show)

    def judge(case: Case, role: Role, _: list[Association]) -> Verdict:
        policies, trust = part(snapshot.role_policies, role.arn), trust_policy(snapshot, role.arn)
        for section in (policies, trust):
            if isinstance(section, Missing):
                return case.unknown(section)
        breaches = partial(_of_role, role, known(trust), known(policies))
        return _judged(case, snapshot, breaches, show_role(role.arn))

    yield from per_role(check, snapshot, partial(role_section, snapshot), judge)


def _of_association(association: Association, guard: Guard) -> Iterator[Breach]:
    yield from guard.roles_breach(filter(None, (association.role_arn, association.target_role_arn)))
    yield from guard.tags_breach(association.tags)
    yield from guard.accounts_breach((association.service_account,))


def _of_role(role: Role, trust: Policy | None, policies: PolicyNames, guard: Guard) -> Iterator[Breach]:
    yield from guard.policies_breach((*policies.attached, *policies.inline))
    yield from guard.scopes_breach(trust.statements if trust is not None else ())
    yield from guard.boundary_breach(role.permissions_boundary_arn)
    yield from guard.tags_breach(role.tags)


def _judged(
    case: Case, snapshot: Snapshot, breaches: Callable[[Guard], Iterator[Breach]], command: tuple[str, ...]
) -> Verdict:
    """Judge one guard; `breaches` yields its violations."""
    listed = [(guard.place(key), key, reason) for guard in snapshot.guards for key, reason in breaches(guard)]
    if not listed:
        return case.ok(case.check.title)
    reasons = list(dict.fromkeys(reason for _, _, reason in listed))
    return case.fail(
        f"the guard forbids it: {reasons[0]}"
        + (f", and {count_of(len(reasons) - 1, 'more rule')}" if reasons[1:] else ""),
        *(f"{at.file}:{at.line}: guard.{key}: {reason}" for at, key, reason in listed),
        commands=(command,),
    )
