"""A role assumes itself only where its trust says so:
https://aws.amazon.com/blogs/security/announcing-an-update-to-iam-role-trust-policy-behavior/."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from podid.checks.base import Case, Check
from podid.checks.shared import products
from podid.checks.shared.facts import index
from podid.checks.shared.placed import placed
from podid.checks.shared.roles import role_section, undescribed
from podid.domain.aws import Association, Role
from podid.domain.findings import Verdict
from podid.domain.names import Arn, role_name
from podid.domain.products import CredentialWay
from podid.domain.snapshot import Missing, Snapshot
from podid.domain.trust import Policy, TrustPolicyError, parse_policy

FLAG = "--aws-assume-role="


class OwnRole(NamedTuple):
    """An association whose pods are told to assume `role`, and where."""

    association: Association
    role: str
    case: Case


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    yield from products.unread(check, snapshot)
    yield from undescribed(check, snapshot)
    for told in (*_by_settings(check, snapshot), *_by_flags(check, snapshot)):
        if told.role not in (told.association.role_arn, role_name(told.association.role_arn)):
            yield told.case.ok("the role that it is to assume is another than its own")
            continue
        section = role_section(snapshot, told.association.role_arn)
        if isinstance(section, Missing):
            yield told.case.unknown(section)
        elif section.value is None:
            yield told.case.skip("the role does not exist")
        elif _admits_itself(section.value):
            yield told.case.skip("the role's trust names the role itself")
        else:
            yield told.case.fail(
                f"it is told to assume {told.role}, the role that pods of {told.association.ref} have already, and "
                "that role's trust does not let it assume itself",
                evidence=("to do: take the role out of its configuration",),
            )


CHECK = Check.of("app-assumes-own-role", rule, needs=(*products.NEEDS, "roles"), wants=products.WANTS)


def _by_settings(check: Check, snapshot: Snapshot) -> Iterator[OwnRole]:
    associations = index(snapshot).associations
    for setting in products.settings(snapshot).found:
        if not setting.role or setting.way is not CredentialWay.OWN:
            continue
        for ref in products.controllers(snapshot).get(setting.product, ()):
            if isinstance(association := associations.get(ref), Association):
                yield OwnRole(association, setting.role, products.case_of(check, setting, (str(ref),)))


def _by_flags(check: Check, snapshot: Snapshot) -> Iterator[OwnRole]:
    for association, workload, pods in placed(snapshot):
        if not isinstance(association, Association):
            continue
        flags = {flag for pod in pods for c in pod.containers for flag in c.flags if flag.startswith(FLAG)}
        for flag in sorted(flags):
            yield OwnRole(association, flag.removeprefix(FLAG), check.case(workload, (str(association.ref),)))


def _admits_itself(role: Role) -> bool:
    """Also by its account, where its own policy may do the rest; what cannot be read says nothing against it."""
    try:
        policy: Policy = parse_policy(role.trust)
    except TrustPolicyError:
        return True
    arn = Arn.parse(role.arn)
    names = {role.arn, f"arn:{arn.partition}:iam::{arn.account}:root", arn.account, "*"}
    return any(
        s.allow and any(kind in ("AWS", "*") and who in names for kind, who in s.principals) for s in policy.statements
    )
