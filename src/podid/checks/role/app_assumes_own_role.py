"""A role can assume itself only if its trust policy allows it:
https://aws.amazon.com/blogs/security/announcing-an-update-to-iam-role-trust-policy-behavior/."""

from collections.abc import Iterator
from typing import NamedTuple

from podid.checks.base import Case, Check, Missing, Snapshot, Verdicts, part, rule
from podid.checks.shared.gaps import unread_products
from podid.domain.aws import Association, Role
from podid.domain.names import Arn, role_name
from podid.domain.products import CredentialWay
from podid.domain.snapshot import Section
from podid.domain.trust import TrustPolicyError, parse_policy
from podid.facts.index import index, placed, role_section, under
from podid.facts.products import NEEDS, WANTS, controllers, settings

FLAG = "--aws-assume-role="


class OwnRole(NamedTuple):
    """An association whose pods are configured to assume `role`, and the case for that configuration."""

    association: Association
    role: str
    case: Case


@rule(needs=(*NEEDS, "roles"), wants=(*WANTS, "target_roles"))
def app_assumes_own_role(check: Check, snapshot: Snapshot) -> Verdicts:
    yield from unread_products(check, snapshot)
    yield from check.undescribed(snapshot)
    for own in (*_by_settings(check, snapshot), *_by_flags(check, snapshot)):
        arn = own.association.pods_role_arn
        if own.role not in (arn, role_name(arn)):
            yield own.case.ok("the role in its configuration is not its own role")
            continue
        section = _role(snapshot, own.association)
        if isinstance(section, Missing):
            yield own.case.unknown(section)
        elif section.value is None:
            yield own.case.skip("the role does not exist")
        elif _allows_itself(section.value):
            yield own.case.skip("the role's trust policy may allow the role to assume itself")
        else:
            yield own.case.fail(
                f"{own.association.ref} is configured to assume {own.role}, which its pods already have, and the trust "
                "policy of this role does not allow it to assume itself",
                "fix: remove the role from its configuration",
            )


def _role(snapshot: Snapshot, association: Association) -> Section[Role | None]:
    """Return the role of the pods' credentials."""
    if target := association.target_role_arn:
        return under(target, part(snapshot.target_roles, target))
    return role_section(snapshot, association.role_arn)


def _by_settings(check: Check, snapshot: Snapshot) -> Iterator[OwnRole]:
    associations = index(snapshot).associations
    for setting in settings(snapshot).settings:
        if not setting.role or setting.way is not CredentialWay.OWN:
            continue
        for ref in controllers(snapshot).get(setting.product, ()):
            if isinstance(association := associations.get(ref), Association):
                yield OwnRole(association, setting.role, check.case(setting.subject, (str(ref),)))


def _by_flags(check: Check, snapshot: Snapshot) -> Iterator[OwnRole]:
    for association, workload, pods in placed(snapshot):
        if not isinstance(association, Association):
            continue
        flags = {flag for pod in pods for c in pod.containers for flag in c.flags if flag.startswith(FLAG)}
        for flag in sorted(flags):
            yield OwnRole(association, flag.removeprefix(FLAG), check.case(workload, (str(association.ref),)))


def _allows_itself(role: Role) -> bool:
    """Return whether the trust policy may allow the role itself, also by its account; True if it cannot be read."""
    try:
        policy = parse_policy(role.trust)
    except TrustPolicyError:
        return True
    arn = Arn.parse(role.arn)
    names = {role.arn, f"arn:{arn.partition}:iam::{arn.account}:root", arn.account, "*"}
    return any(
        s.allow and any(kind in ("AWS", "*") and who in names for kind, who in s.principals) for s in policy.statements
    )
