"""What `podid addon associate` does: the roles that it takes or makes, and the plan."""

from __future__ import annotations

from dataclasses import dataclass, replace

from podid.domain.errors import Again, Conflict, UsageError
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Place, Plan
from podid.domain.text import short_list
from podid.domain.trust import ScopeKind
from podid.ops.addon.plan import AddonFacts, account_name, check_supported, plan_addon_roles, read_addon
from podid.ops.association.plan import plan_associations
from podid.ops.association.request import AssociationChange, AssociationWanted
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ASSOCIATION, ROLE
from podid.ops.clients import Clients
from podid.ops.role.create import RoleRequest, derived_name, plan_role
from podid.ops.role.resolve import resolve_role, role_policies

SCOPE = ScopeKind.SERVICE_ACCOUNT


@dataclass(frozen=True, slots=True, kw_only=True)
class AddonRequest:
    """`accounts` empty: all that the add-on's version supports. `role` empty: one is made of what AWS recommends."""

    addon: str
    account: str = ""
    role: str = ""
    replace: bool = False
    update_trust: bool = False

    @classmethod
    def of(
        cls, addon: str, account: str | None, role: str | None, *, recommended: bool, replace: bool, update_trust: bool
    ) -> AddonRequest:
        """Raises UsageError for what does not go together."""
        if recommended == (role is not None):
            raise UsageError("Name the role with --role, or have one made with --recommended")
        name = account_name(account) if account else ""
        return cls(addon=addon, account=name, role=role or "", replace=replace, update_trust=update_trust)


def prepare(
    clients: Clients, place: Place, journal: Journal, request: AddonRequest
) -> tuple[Plan, tuple[ServiceAccountRef, ...]]:
    """The plan, and the service accounts that it is about. Raises NotFound and Conflict before anything is written."""
    facts = read_addon(clients, place, request.addon)
    if request.account or request.role:
        check_supported(facts, request.account)
    if not request.account and request.role:
        raise _which_account(facts)
    planned = (
        [_named(clients, place, facts, request)]
        if request.role
        else [_recommended(clients, place, journal, facts, request, account) for account in _accounts(facts, request)]
    )
    roles = {account: arn for account, arn, _ in planned}
    plan = plan_addon_roles(place.header, facts, roles, replace=request.replace)
    parts = [part for _, _, part in planned]
    whole = replace(
        plan,
        actions=(*(action for part in parts for action in part.actions), *plan.actions),
        unchanged=(*(action for part in parts for action in part.unchanged), *plan.unchanged),
        notes=(*(note for part in parts for note in part.notes), *plan.notes),
    )
    return whole, tuple(facts.ref(account) for account in roles or facts.roles)


def _named(clients: Clients, place: Place, facts: AddonFacts, request: AddonRequest) -> tuple[str, str, Plan]:
    """(service account, ARN, what has to be done first) for a role that there is: its trust, where it needs that."""
    ref = facts.ref(request.account)
    role = resolve_role(
        clients.iam, request.role, account=place.account, partition=place.the_cluster.partition, refs=(ref,)
    )
    wanted = (AssociationWanted(ref, role),)
    change = AssociationChange(update_trust=request.update_trust)
    plan = plan_associations(wanted, change, place.the_cluster, place.header, {ref: None})
    # the association itself is made by the add-on
    trust = tuple(action for action in plan.actions if action.kind != ASSOCIATION.name)
    return request.account, role.arn, replace(plan, actions=trust)


def _which_account(facts: AddonFacts) -> UsageError:
    known = [] if facts.configuration is None else sorted(facts.configuration.policies)
    have = f": it has {short_list(known)}" if known else ""
    return UsageError(
        f"Which service account of add-on {facts.addon.name} gets the role? Name it{have}",
        hint=Again(add=(known[0],)) if len(known) == 1 else (),
        subject=facts.addon.name,
    )


def _accounts(facts: AddonFacts, request: AddonRequest) -> list[str]:
    """Those that --recommended is about: the named one, else all that have no role through the add-on yet."""
    if facts.configuration is None:
        raise Conflict(
            f"What AWS recommends for {facts.addon.name} is not known: {'; '.join(facts.unread)}",
            advice="Name a role with --role.",
            subject=facts.addon.name,
        )
    if request.account:
        return [request.account]
    check_supported(facts, "")
    return sorted(set(facts.configuration.policies) - set(facts.roles))


def _recommended(
    clients: Clients, place: Place, journal: Journal, facts: AddonFacts, request: AddonRequest, account: str
) -> tuple[str, str, Plan]:
    """(service account, ARN, what has to be done first) for a role of podid's with the recommended policies."""
    cluster, ref = place.the_cluster, facts.ref(account)
    assert facts.configuration is not None
    name = derived_name(cluster, (ref,), SCOPE)
    current = clients.iam.find_role(name)
    keys = {"roleName": name}
    plan = plan_role(
        RoleRequest(
            name=name,
            refs=(ref,),
            scope=SCOPE,
            managed_policy_arns=facts.configuration.policies[account],
            update_trust=request.update_trust,
            replace=request.replace,
        ),
        cluster,
        place.header,
        current,
        role_policies(clients.iam, current),
        ours=journal.made(place.account, ROLE.name, keys),
        half_made=journal.half_made(place.account, keys),
    )
    arn = current.arn if current is not None else f"arn:{cluster.partition}:iam::{place.account}:role/{name}"
    return account, arn, plan
