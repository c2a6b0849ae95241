"""Add-ons of EKS in a migration. EKS keeps the associations of an add-on as a list, and the IRSA role beside it; each
update replaces both."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial

from podid.domain.aws import Addon, Association, described
from podid.domain.names import AGENT_NAMESPACE, ServiceAccountRef
from podid.domain.plan import Action, Plan, State, text
from podid.domain.section import attempt
from podid.domain.snapshot import Section, Snapshot, known_or
from podid.facts.index import index
from podid.ops.change.kinds import ADDON_ASSOCIATIONS, ASSOCIATION
from podid.ops.change.kinds.addon import roles_of
from podid.ops.change.kinds.association import ref_of
from podid.ops.clients import Clients
from podid.ops.migrate.candidates import MigrationCandidate

# service accounts to which an add-on's version can give a role, by the add-on's name
Supported = Mapping[str, Section[frozenset[str]]]


def read_supported(clients: Clients, snapshot: Snapshot, candidates: Iterable[MigrationCandidate]) -> Supported:
    """Read which features the add-ons of the candidates support."""
    addons = {a.name: a for c in candidates if (a := addon_of(snapshot, c.ref, c.role_arn)) is not None}
    return {name: attempt(partial(_supported, clients, addon)) for name, addon in addons.items()}


def _supported(clients: Clients, addon: Addon) -> frozenset[str]:
    return frozenset(clients.eks.get_addon_configuration(addon.name, addon.version).policies)


def addon_of(snapshot: Snapshot, ref: ServiceAccountRef, role_arn: str) -> Addon | None:
    """Return the add-on that gives the service account this role, by IRSA or by an association that it owns. A workload
    in another namespace can have the role of an add-on too."""
    association = index(snapshot).associations.get(ref)
    arn = association.association_arn if isinstance(association, Association) else None
    return next(
        (
            addon
            for addon in known_or(snapshot.addons, ())
            if arn in addon.association_arns
            or (addon.service_account_role_arn == role_arn and ref.namespace == (addon.namespace or AGENT_NAMESPACE))
        ),
        None,
    )


def list_of(snapshot: Snapshot, addon: Addon) -> State:
    """Return the current list of the add-on, with its IRSA role."""
    listed = described(known_or(snapshot.associations, ()))
    owned = {a.service_account: a.role_arn for a in listed if a.association_arn in addon.association_arns}
    return ADDON_ASSOCIATIONS.state_of(addon, owned)


def with_lists(plan: Plan, snapshot: Snapshot) -> Plan:
    """Return the plan with new associations of add-ons in the lists of the add-ons, which keep their IRSA roles."""
    lists: dict[str, tuple[State, dict[str, str]]] = {}
    others = []
    for action in plan.actions:
        arn = text(action.after, "roleArn")
        addon = addon_of(snapshot, ref_of(action.keys), arn) if action.kind == ASSOCIATION.name else None
        if addon is None:
            others.append(action)
            continue
        before = list_of(snapshot, addon)
        _, roles = lists.setdefault(addon.name, (before, dict(roles_of(before))))
        roles[ref_of(action.keys).name] = arn
    changes = (ADDON_ASSOCIATIONS.action(before, {**before, "roles": roles}) for before, roles in lists.values())
    return replace(plan, actions=(*others, *changes))


def listed(action: Action) -> frozenset[ServiceAccountRef]:
    """Return the service accounts whose association an update of a list creates, changes or deletes."""
    if action.kind != ADDON_ASSOCIATIONS.name:
        return frozenset()
    before, after = roles_of(action.before), roles_of(action.after)
    namespace = text(action.after or action.before or {}, "namespace")
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    return frozenset(ServiceAccountRef(namespace, name) for name in changed)


def created_by(action: Action) -> frozenset[ServiceAccountRef]:
    """Return the service accounts that get an association, alone or in the list of an add-on."""
    if action.kind == ASSOCIATION.name:
        return frozenset({ref_of(action.keys)}) if action.before is None else frozenset()
    return frozenset(ref for ref in listed(action) if ref.name not in roles_of(action.before))


def without(state: State, refs: Collection[ServiceAccountRef]) -> State:
    """Return the list without the associations of these service accounts."""
    namespace, roles = text(state, "namespace"), roles_of(state)
    return {
        **state,
        "roles": {name: arn for name, arn in roles.items() if ServiceAccountRef(namespace, name) not in refs},
    }


def without_irsa(snapshot: Snapshot, addon: Addon) -> Action:
    """Return the change that removes the IRSA role; EKS then removes the annotation of the service account."""
    before = list_of(snapshot, addon)
    return ADDON_ASSOCIATIONS.action(before, {**before, "serviceAccountRoleArn": None})


def back_to_irsa(snapshot: Snapshot, refs: Collection[ServiceAccountRef], arn: str, addon: Addon) -> list[Action]:
    """Return the changes that restore the IRSA role, and then delete the associations of `refs`: two updates, so that
    new pods get one of both."""
    first = list_of(snapshot, addon)
    both: State = {**first, "serviceAccountRoleArn": addon.service_account_role_arn or arn}
    last = without(both, refs)
    return [ADDON_ASSOCIATIONS.action(old, new) for old, new in ((first, both), (both, last)) if old != new]
