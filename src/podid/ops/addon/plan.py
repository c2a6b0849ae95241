"""Giving an add-on's service account a role through the add-on, which owns the association then."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from podid.domain.aws import Addon, AddonConfiguration, Association
from podid.domain.errors import Again, Conflict, NotFound, Other, PodidError, UsageError
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, Header, Place, Plan
from podid.domain.text import did_you_mean, nearest, short_list
from podid.ops.change.kinds import ADDON_ASSOCIATIONS, ASSOCIATION
from podid.ops.clients import Clients


@dataclass(frozen=True, slots=True, kw_only=True)
class AddonFacts:
    """An installed add-on. `roles` are those of the service accounts whose associations it owns, `standing` the
    associations in its namespace that are not its own; `configuration` None where it could not be read, which `unread`
    then says."""

    addon: Addon
    roles: Mapping[str, str] = field(default_factory=dict)
    standing: Mapping[str, Association] = field(default_factory=dict)
    configuration: AddonConfiguration | None = None
    unread: tuple[str, ...] = ()

    def ref(self, account: str) -> ServiceAccountRef:
        return ServiceAccountRef(self.addon.namespace, account)


def account_name(text: str) -> str:
    """The name of an add-on's service account. Raises UsageError, with the command to paste, where a namespace is given
    too: it is the add-on's own."""
    _, slash, name = text.rpartition("/")
    if slash and name:
        what = "A service account of an add-on is named without its namespace, which is the add-on's own"
        raise UsageError(what, hint=Again(swap=(text, name)), subject=text)
    return ServiceAccountRef.parse(f"kube-system/{text}").name


def read_addon(clients: Clients, place: Place, name: str) -> AddonFacts:
    """Raises NotFound, with the nearest names, for an add-on that is not installed."""
    eks, cluster = clients.eks, place.cluster_name
    addon = eks.find_addon(cluster, name)
    if addon is None:
        raise _not_installed(clients, place, name)
    associations = eks.list_associations(cluster, addon.namespace or None)
    facts = AddonFacts(
        addon=addon,
        roles={item.service_account: item.role_arn for item in associations if item.owner_arn == addon.arn},
        standing={item.service_account: item for item in associations if item.owner_arn != addon.arn},
    )
    try:
        configuration = eks.get_addon_configuration(name, addon.version)
    except PodidError as error:
        why = f"which service accounts the add-on supports could not be looked at: {error.what}"
        return AddonFacts(addon=addon, roles=facts.roles, standing=facts.standing, unread=(why,))
    return AddonFacts(addon=addon, roles=facts.roles, standing=facts.standing, configuration=configuration)


def _not_installed(clients: Clients, place: Place, name: str) -> NotFound:
    try:
        known = [addon.name for addon in clients.eks.list_addons(place.cluster_name)]
    except PodidError:
        known = []
    near = nearest(name, known, 1)
    return NotFound(
        f"The add-on {name} is not installed in cluster {place.cluster_name}{did_you_mean(name, known)}",
        hint=Again(swap=(name, near[0])) if near else Other(("addon", "list")),
        subject=name,
    )


def check_supported(facts: AddonFacts, account: str) -> None:
    """Raises Conflict, with the nearest names, for a service account that the add-on's version cannot give a role."""
    if facts.configuration is None or account in facts.configuration.policies:
        return
    addon, known = facts.addon, list(facts.configuration.policies)
    if not known:
        raise Conflict(
            f"addon-pod-identity-unsupported: {addon.name} {addon.version} gives no service account a role through "
            "Pod Identity",
            advice="Upgrade the add-on, or associate the service account itself with podid associate.",
            subject=addon.name,
        )
    if not account:
        return  # whether there is any was the question
    near = nearest(account, known, 1, alike=0)
    raise Conflict(
        f"addon-pod-identity-unsupported: {addon.name} {addon.version} gives no role to {account}, only to "
        f"{short_list(known)}",
        hint=Again(swap=(account, near[0])),
        subject=account,
    )


def plan_addon_roles(header: Header, facts: AddonFacts, wanted: Mapping[str, str], *, replace: bool) -> Plan:
    """Pure: planning after applying gives an empty plan. `wanted` maps service accounts to ARNs of roles; every other
    association of the add-on stays as it is. Raises Conflict for what `replace` would allow, and for an add-on that is
    being changed."""
    actions: list[Action] = []
    for account, arn in wanted.items():
        standing, held = facts.standing.get(account), facts.roles.get(account)
        if held is not None and held != arn and not replace:
            raise Conflict(
                f"{facts.ref(account)} is already associated through {facts.addon.name}: roleArn {held} -> {arn}",
                hint=Again(add=("--replace",)),
                subject=str(facts.ref(account)),
            )
        if standing is not None:
            if not replace:
                raise _standing(facts, account, standing)
            if standing.owner_arn:
                raise _standing(facts, account, standing)
            actions.append(ASSOCIATION.action(ASSOCIATION.state_of(standing), None))
    return _plan(header, facts, {**facts.roles, **wanted}, actions)


def plan_addon_without(header: Header, facts: AddonFacts, accounts: Collection[str]) -> Plan:
    """Pure. Raises NotFound for a service account whose association the add-on does not own."""
    for account in accounts:
        if account not in facts.roles:
            where = (
                f"; {facts.standing[account].association_id} is not the add-on's" if account in facts.standing else ""
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
    if addon.status in ("CREATING", "UPDATING", "DELETING"):
        raise Conflict(
            f"The add-on {addon.name} is {addon.status}; it can be changed once that has finished",
            hint=Again(),
            subject=addon.name,
        )
    notes = [*facts.unread, f"EKS restarts the pods of {addon.name}, a few at a time"]
    if addon.service_account_role_arn:
        notes.append(f"the add-on's IRSA role {addon.service_account_role_arn} stays set; Pod Identity wins over it")
    return Plan(header=header, actions=(*first, action), notes=tuple(notes))


def _standing(facts: AddonFacts, account: str, standing: Association) -> Conflict:
    ref, owned = facts.ref(account), bool(standing.owner_arn)
    return Conflict(
        f"duplicate-association: {ref} is already associated ({standing.association_id}), and that is "
        f"{'another add-on' if owned else 'nobody'}'s; an add-on cannot take over an association",
        hint=Other(("addon", "list")) if owned else Again(add=("--replace",)),
        advice="" if owned else "--replace deletes it, and the add-on makes its own; new pods get none in between.",
        subject=str(ref),
    )
