"""What a migration leaves in the account: OIDC providers that no role trusts, and roles that nobody can assume."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from podid.domain import trust
from podid.domain.errors import Conflict, InvalidInput, NotFound
from podid.domain.migration import Leftover, MigrationCleanup
from podid.domain.plan import Place, Plan
from podid.domain.text import did_you_mean, short_list
from podid.ops.change.kinds import OIDC_PROVIDER
from podid.ops.role.delete import plan_deleting

if TYPE_CHECKING:
    from podid.aws.iam import Iam
    from podid.ops.change.journal import Journal
    from podid.ops.clients import Clients

PROVIDER, ROLE = "oidc-provider", "role"


def read_leftovers(iam: Iam) -> MigrationCleanup:
    """Read all roles and OIDC providers of the account. Raises AccessDenied and Unavailable: a reading that is not
    complete must not lead to a deletion."""
    providers, roles = iam.list_oidc_providers(), iam.list_roles()
    used: dict[str, list[str]] = {provider: [] for provider in providers}
    unread: list[str] = []
    leftovers: list[Leftover] = []
    for role in roles:
        try:
            policy = trust.parse_policy(role.trust)
        except InvalidInput:
            unread.append(role.name)
            continue
        for principal in trust.other_principals(policy):
            used.get(principal, []).append(role.name)
        if not role.service_linked and (reason := _unassumable(policy, providers)):
            leftovers.append(Leftover(kind=ROLE, arn=role.arn, reason=reason))
    for provider, names in used.items():
        if not names and not unread:
            leftovers.append(Leftover(kind=PROVIDER, arn=provider, reason="no role trusts it"))
    return MigrationCleanup(items=tuple(sorted(leftovers)), unreadable=tuple(unread))


def _unassumable(policy: trust.Policy, providers: Collection[str]) -> str:
    """Why nobody can assume the role: every statement that allows somebody names a principal that is gone."""
    principals = [who for statement in policy.statements if statement.allow for _, who in statement.principals]
    if any(statement.allow and (statement.not_principal or statement.strange) for statement in policy.statements):
        return ""
    if not principals:
        return "no statement of its trust policy allows anyone"
    dead = set(trust.unwritable_principals(policy))
    gone = [who for who in principals if who in dead or (":oidc-provider/" in who and who not in providers)]
    if len(gone) < len(principals):
        return ""
    return f"its trust policy allows only principals that do not exist: {short_list(dict.fromkeys(gone))}"


def plan_cleanup(
    clients: Clients, place: Place, journal: Journal, leftovers: MigrationCleanup, arns: Sequence[str]
) -> Plan:
    """The plan that deletes what was named. Raises NotFound for what is no leftover, Conflict where a role is used."""
    known = {item.arn: item for item in leftovers.items}
    plan = Plan(header=place.header, actions=())
    for arn in dict.fromkeys(arns):
        item = known.get(arn)
        if item is None:
            raise NotFound(f"{arn} is not a leftover of a migration{did_you_mean(arn, known)}", subject=arn)
        plan = plan.then(_deletion(clients, place, journal, item)).in_order()
    return plan


def _deletion(clients: Clients, place: Place, journal: Journal, item: Leftover) -> Plan:
    if item.kind == ROLE:
        plan, _ = plan_deleting(clients, place, journal, item.arn, done=(), ignore_not_found=False, adopt=True)
        return plan
    provider = clients.iam.find_oidc_provider(item.arn)
    if provider is None:
        raise Conflict(f"OIDC provider {item.arn} was deleted in the meantime", subject=item.arn)
    action = OIDC_PROVIDER.action(OIDC_PROVIDER.state_of(provider), None)
    return Plan(header=place.header, actions=(action,))
