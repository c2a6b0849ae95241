"""Plan the roles of an add-on's service accounts, through associations that the add-on owns."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from podid.domain.aws import Addon, AddonConfiguration, Association
from podid.domain.errors import Again, Conflict, NotFound, Other, PodidError, UsageError
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, Header, Place, Plan
from podid.domain.text import did_you_mean, nearest, short_list
from podid.domain.trust import ScopeKind
from podid.ops.addon.request import AddonRequest
from podid.ops.association.plan import plan_associations
from podid.ops.association.request import AssociationChange, DesiredAssociation
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ADDON_ASSOCIATIONS, ASSOCIATION
from podid.ops.change.kinds.addon import BUSY, check_idle
from podid.ops.clients import Clients
from podid.ops.role.create import derived_name, plan_new_role
from podid.ops.role.request import RoleRequest
from podid.ops.role.resolve import resolve_role

SCOPE = ScopeKind.SERVICE_ACCOUNT


# with the service accounts that get roles
Planned = tuple[Plan, tuple[ServiceAccountRef, ...]]


def prepare(clients: Clients, place: Place, journal: Journal, request: AddonRequest) -> Planned:
    """Return the plan and its service accounts. Raise NotFound and Conflict before anything is written."""
    if request.all_addons:
        return _prepare_all(clients, place, journal, request)
    facts = read_addon(clients, place, request.addon)
    if request.account or request.role:
        check_supported(facts, request.account)
    if not request.account and request.role:
        known = [] if facts.configuration is None else sorted(facts.configuration.policies)
        accounts = f": {short_list(known)}" if known else ""
        message = f"Specify the service account of add-on {facts.addon.name} that gets the role{accounts}"
        raise UsageError(message, hint=Again(add=(known[0],)) if len(known) == 1 else (), subject=facts.addon.name)
    names = {request.account: request.role} if request.role else dict.fromkeys(_accounts(facts, request), "")
    roles, before = plan_roles(clients, place, journal, facts, names, request)
    plan = before.then(plan_addon_roles(place.header, facts, roles, replace=request.replace))
    return plan, tuple(facts.ref(account) for account in roles or facts.roles)


def _prepare_all(clients: Clients, place: Place, journal: Journal, request: AddonRequest) -> Planned:
    """Plan the recommended roles of all add-ons that are idle and support them; notes say why others are skipped."""
    whole, notes, refs = Plan(header=place.header, actions=()), list[str](), list[ServiceAccountRef]()
    for addon in clients.eks.list_addons(place.cluster_name):
        facts = AddonFacts.read(clients, place, addon)
        accounts = accounts_without(facts)
        if why := _why_skipped(facts, accounts):
            notes.append(f"add-on {addon.name} is skipped: {why}")
            continue
        names = {account: "" for account in accounts if account not in facts.standing}
        for account in accounts:
            if account not in names:
                own = facts.standing[account].association_id
                notes.append(f"{facts.ref(account)} is skipped: its association {own} does not belong to the add-on")
        roles, before = plan_roles(clients, place, journal, facts, names, request)
        if roles:
            whole = whole.then(before.then(plan_addon_roles(place.header, facts, roles, replace=False)))
            refs += [facts.ref(account) for account in roles]
    # an add-on whose association fails does not stop the others
    return replace(whole, separate=True).noting(tuple(notes)), tuple(refs)


def _why_skipped(facts: AddonFacts, accounts: list[str]) -> str:
    addon = facts.addon
    if facts.configuration is None:
        return "; ".join(facts.unread)
    if accounts and addon.status in BUSY:
        return f"it is {addon.status}"
    if accounts and addon.service_account_role_arn:
        return (
            f"it has the IRSA role {addon.service_account_role_arn}; podid addon associate {addon.name} --recommended"
        )
    return ""


def accounts_without(facts: AddonFacts) -> list[str]:
    """Return the service accounts with recommended policies to which the add-on gives no role yet."""
    policies = facts.configuration.policies if facts.configuration is not None else {}
    return sorted(account for account, arns in policies.items() if arns and account not in facts.roles)


def plan_roles(
    clients: Clients,
    place: Place,
    journal: Journal,
    facts: AddonFacts,
    names: Mapping[str, str],
    request: AddonRequest,
) -> tuple[dict[str, str], Plan]:
    """Return the role's ARN for each service account, and the plan of the steps before: changes of trust policies, and
    new roles. `names` are the specified roles by service account, empty for a role with the recommended policies."""
    cluster, roles, before = place.the_cluster, dict[str, str](), Plan(header=place.header, actions=())
    for account, name in names.items():
        ref = facts.ref(account)
        if name:
            role = resolve_role(clients, name, account=place.account, partition=cluster.partition, refs=(ref,))
            change = AssociationChange(update_trust=request.update_trust)
            desired = (DesiredAssociation(ref, role),)
            plan = plan_associations(desired, change, cluster, place.header, {ref: None}, clients.trust_quota)
            # EKS creates the association for the add-on
            plan = replace(plan, actions=tuple(item for item in plan.actions if item.kind != ASSOCIATION.name))
            roles[account] = role.arn
        else:
            assert facts.configuration is not None
            new = RoleRequest(
                name=derived_name(cluster, (ref,), SCOPE),
                refs=(ref,),
                scope=SCOPE,
                managed_policy_arns=facts.configuration.policies[account],
                update_trust=request.update_trust,
                replace=request.replace,
            )
            plan, current = plan_new_role(clients, place, journal, new, lambda progress: None)
            own = f"arn:{cluster.partition}:iam::{place.account}:role/{new.name}"
            roles[account] = own if current is None else current.arn
        before = before.then(plan)
    return roles, before


def _accounts(facts: AddonFacts, request: AddonRequest) -> list[str]:
    """Return the service accounts for --recommended: the named one, otherwise all with recommended policies that the
    add-on gives no role yet. Raise Conflict if AWS recommends no policies."""
    check_recommended(facts)
    check_supported(facts, request.account)
    assert facts.configuration is not None
    policies, name = facts.configuration.policies, facts.addon.name
    if not (policies[request.account] if request.account else any(policies.values())):
        subject = f"service account {request.account} of {name}" if request.account else name
        message = f"AWS recommends no policies for {subject}"
        raise Conflict(message, advice="Specify a role: --role ROLE.", subject=request.account or name)
    return [request.account] if request.account else accounts_without(facts)


def check_recommended(facts: AddonFacts) -> None:
    """Raise Conflict if the recommended policies could not be read."""
    if facts.configuration is None:
        message = f"The recommended policies of {facts.addon.name} are not known: {'; '.join(facts.unread)}"
        raise Conflict(message, advice="Specify a role: --role ROLE.", subject=facts.addon.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddonFacts:
    """An installed add-on. `roles` are those of the service accounts whose associations it owns, `standing` the other
    associations in its namespace. `configuration` is None if it could not be read; `unread` is the reason."""

    addon: Addon
    roles: Mapping[str, str] = field(default_factory=dict)
    standing: Mapping[str, Association] = field(default_factory=dict)
    configuration: AddonConfiguration | None = None
    unread: tuple[str, ...] = ()

    @classmethod
    def read(
        cls, clients: Clients, place: Place, addon: Addon, configuration: AddonConfiguration | None = None
    ) -> AddonFacts:
        """Return the facts about an add-on, also about one that is not installed yet. `configuration` is read if it is
        None."""
        associations = clients.eks.list_associations(place.cluster_name, addon.namespace or None)
        facts = cls(
            addon=addon,
            roles={item.service_account: item.role_arn for item in associations if _owns(addon, item)},
            standing={item.service_account: item for item in associations if not _owns(addon, item)},
            configuration=configuration,
        )
        if configuration is not None or not addon.version:
            return facts
        try:
            return replace(facts, configuration=clients.eks.get_addon_configuration(addon.name, addon.version))
        except PodidError as error:
            why = f"the service accounts that the add-on supports could not be read: {error.message}"
            return replace(facts, unread=(why,))

    def ref(self, account: str) -> ServiceAccountRef:
        return ServiceAccountRef(self.addon.namespace, account)


def read_addon(clients: Clients, place: Place, name: str) -> AddonFacts:
    """Raise NotFound, with the nearest names, for an add-on that is not installed."""
    eks, cluster = clients.eks, place.cluster_name
    addon = eks.find_addon(cluster, name)
    if addon is None:
        known: list[str] = []
        with suppress(PodidError):
            known = [item.name for item in eks.list_addons(cluster)]
        near = nearest(name, known, 1)
        message = f"The add-on {name} is not installed in cluster {cluster}{did_you_mean(name, known)}"
        raise NotFound(message, hint=Again(swap=(name, near[0])) if near else Other(("addon", "list")), subject=name)
    return AddonFacts.read(clients, place, addon)


def _owns(addon: Addon, association: Association) -> bool:
    return bool(addon.arn) and association.owner_arn == addon.arn


def check_supported(facts: AddonFacts, account: str) -> None:
    """Raise Conflict, with the nearest names, for a service account to which the add-on's version cannot give a
    role."""
    if facts.configuration is None or account in facts.configuration.policies:
        return
    addon, known = facts.addon, list(facts.configuration.policies)
    if not known:
        raise Conflict(
            f"addon-pod-identity-unsupported: {addon.name} {addon.version} does not support Pod Identity for any "
            "service account",
            advice="Upgrade the add-on, or associate the service account with podid associate.",
            subject=addon.name,
        )
    if not account:
        return  # any supported service account is enough
    near = nearest(account, known, 1, alike=0)
    raise Conflict(
        f"addon-pod-identity-unsupported: {addon.name} {addon.version} does not support Pod Identity for {account}, "
        f"only for {short_list(known)}",
        hint=Again(swap=(account, near[0])),
        subject=account,
    )


def plan_addon_roles(header: Header, facts: AddonFacts, roles: Mapping[str, str], *, replace: bool) -> Plan:
    """Return the plan; pure, and empty after it was applied. `roles` maps service accounts to role ARNs; all other
    associations of the add-on stay. Raise Conflict for a change that requires `replace`, and for an add-on that is
    being changed."""
    actions: list[Action] = []
    for account, arn in roles.items():
        standing, held = facts.standing.get(account), facts.roles.get(account)
        if held is not None and held != arn and not replace:
            message = f"{facts.ref(account)} is already associated through {facts.addon.name}: roleArn {held} -> {arn}"
            raise Conflict(message, hint=Again(add=("--replace",)), subject=str(facts.ref(account)))
        if standing is not None:
            if not replace or standing.owner_arn:
                raise _standing(facts, account, standing)
            actions.append(ASSOCIATION.action(ASSOCIATION.state_of(standing), None))
    return _plan(header, facts, {**facts.roles, **roles}, actions)


def plan_addon_without(header: Header, facts: AddonFacts, accounts: Collection[str]) -> Plan:
    """Return the plan; pure. Raise NotFound for a service account whose association the add-on does not own."""
    for account in accounts:
        if account not in facts.roles:
            where = (
                f"; {facts.standing[account].association_id} does not belong to the add-on"
                if account in facts.standing
                else ""
            )
            raise NotFound(
                f"{facts.addon.name} owns no association of {facts.ref(account)}{where}"
                f"{did_you_mean(account, facts.roles)}",
                hint=Other(("disassociate",), (str(facts.ref(account)),)) if where else Other(("addon", "list")),
                subject=str(facts.ref(account)),
            )
    return _plan(header, facts, {name: arn for name, arn in facts.roles.items() if name not in accounts}, [])


def _plan(header: Header, facts: AddonFacts, roles: Mapping[str, str], first: list[Action]) -> Plan:
    addon = facts.addon
    before = ADDON_ASSOCIATIONS.state_of(addon, facts.roles)
    action = ADDON_ASSOCIATIONS.action(before, ADDON_ASSOCIATIONS.state_of(addon, roles))
    if before == action.after and not first:
        return Plan(header=header, actions=(), unchanged=(action,), notes=facts.unread)
    check_idle(addon, Again())
    notes = [*facts.unread, f"EKS restarts the pods of {addon.name}, a few at a time"]
    if addon.service_account_role_arn:
        notes.append(
            f"the add-on keeps its IRSA role {addon.service_account_role_arn}, but Pod Identity takes precedence; "
            "podid migrate finish removes the role"
        )
    return Plan(header=header, actions=(*first, action), notes=tuple(notes))


def _standing(facts: AddonFacts, account: str, standing: Association) -> Conflict:
    ref, owned = facts.ref(account), bool(standing.owner_arn)
    return Conflict(
        f"duplicate-association: {ref} already has an association ({standing.association_id}) "
        f"{'of another add-on' if owned else 'that no add-on owns'}; an add-on cannot take over an association",
        hint=Other(("addon", "list")) if owned else Again(add=("--replace",)),
        advice=""
        if owned
        else "--replace deletes it and creates one for the add-on. New pods get no credentials in between.",
        subject=str(ref),
    )
