"""Kinds of EKS add-on: the add-on itself, and the list of associations that it owns, which EKS replaces as a whole."""

import json
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Annotated, ClassVar, Literal, TypedDict

from podid.calls.patience import Patience
from podid.domain.aws import Addon
from podid.domain.cluster import Pod
from podid.domain.dependents import NO_DEPENDENTS, Dependents
from podid.domain.errors import Conflict, Hint, NotFound, PodidError, TimedOut
from podid.domain.members import About, Pairs
from podid.domain.names import AGENT_ADDON, AGENT_NAMESPACE, ServiceAccountRef
from podid.domain.owners import Owner
from podid.domain.plan import Action, State, Verb, text, texts
from podid.domain.snapshot import PLANNED, Known, Snapshot, known_or
from podid.domain.workloads import live, pods_of
from podid.facts.agent import agent_pods, daemon_sets, evicted, is_addons, planned_agent, pushed_off
from podid.ops.change.kinds.association import with_associations
from podid.ops.change.kinds.base import ANY_WRITE, Keys, Operations, ResourceKind, needed_role, read_back
from podid.ops.change.planned import with_changed
from podid.ops.change.propagation import Lately, waits_for
from podid.ops.change.users import users_of_agent
from podid.ops.clients import Site

ResolveConflicts = Literal["NONE", "PRESERVE", "OVERWRITE"]
NO_VALUES = "{}"
BUSY = ("CREATING", "UPDATING", "DELETING")


class AddonState(TypedDict, total=False):
    addonName: str
    addonVersion: str
    configurationValues: str
    resolveConflicts: Annotated[
        ResolveConflicts, About("The resolution of conflicts with fields that you or another tool changed.")
    ]
    preserve: Annotated[bool, About("Whether a deletion keeps the workload in the cluster.")]
    updateId: Annotated[str, About("EKS's id of the update.")]
    namespace: str
    roles: Annotated[Pairs, About("The add-on's service accounts with their roles, at its creation.")]


class OfAddon(ResourceKind):
    keys = ("addonName",)
    service = "EKS"
    takes_effect = True

    def gives(self, action: Action) -> frozenset[str]:
        return frozenset((f"add-on {action.target}",))

    def owner(self, site: Site, action: Action) -> Owner | None:
        addon = site.eks.find_addon(site.cluster, action.target) if action.before is not None else None
        return None if addon is None else addon.owner

    def waits_for(self, site: Site, action: Action, error: PodidError, lately: Callable[[], Lately]) -> PodidError:
        """Return the error to wait for: EKS may not yet see a new role, or the deletion of an association."""
        before, failure = roles_of(action.before), error
        changed = {name: arn for name, arn in roles_of(action.after).items() if before.get(name) != arn}
        for account, arn in changed.items():
            keys = {"namespace": str((action.after or {}).get("namespace")), "serviceAccount": account}
            alone = Action(self.name, Verb.CREATE, keys, None, {**keys, "roleArn": arn})
            try:
                return waits_for(site, alone, error, lately)
            except PodidError as hopeless:
                failure = hopeless  # the error may be about another of the roles
        raise failure


class EksAddonKind(OfAddon):
    name = "addon"
    title = "add-on"
    state = AddonState
    operations: ClassVar[Operations] = {
        Verb.NONE: ("Eks.find_addon",),
        Verb.CREATE: ("Eks.create_addon",),
        Verb.UPDATE: ("Eks.update_addon", "Eks.update_addon_with_role", "Eks.find_addon"),
        Verb.DELETE: (
            "Eks.delete_addon",
            "Eks.list_association_summaries",
            "KubeReader.list_agent_daemon_sets",
            "KubeReader.list_pods",
        ),
    }
    overwrites = frozenset({Verb.UPDATE, Verb.DELETE})
    manner = frozenset({"resolveConflicts", "preserve", "updateId", "namespace", "roles"})

    @staticmethod
    def state_of(addon: Addon) -> AddonState:
        return {
            "addonName": addon.name,
            "addonVersion": addon.version,
            "configurationValues": _values(addon.configuration_values),
        }

    def read(self, site: Site, keys: Keys) -> State | None:
        addon = site.eks.find_addon(site.cluster, keys["addonName"])
        return None if addon is None or addon.status == "DELETING" else self.state_of(addon)

    def write(self, site: Site, action: Action, patience: Patience) -> State | None:
        name, before, after = action.keys["addonName"], action.before or {}, action.after
        if after is None:
            site.eks.delete_addon(site.cluster, name, preserve=bool(before.get("preserve")))
            return None
        # always complete: the effect of an update without values depends on resolveConflicts
        cleared = NO_VALUES if text(before, "configurationValues") else ""
        roles = roles_of(after)
        write: Callable[..., Addon | str]
        if action.verb is Verb.CREATE:
            write = partial(site.eks.create_addon_with_roles, roles=roles) if roles else site.eks.create_addon
        else:
            current = site.eks.find_addon(site.cluster, name)
            role = current.service_account_role_arn if current is not None else ""
            write = partial(site.eks.update_addon_with_role, irsa_role_arn=role) if role else site.eks.update_addon
        settings = {key: text(after, key) for key in ("addonVersion", "configurationValues", "resolveConflicts")}
        settings["configurationValues"] = settings["configurationValues"] or cleared
        present = {key: value for key, value in settings.items() if value}
        answer = write(site.cluster, name, present, token=uuid.uuid4().hex)
        if isinstance(answer, Addon):
            return {**self.state_of(answer), **({"roles": dict(roles)} if roles else {})}
        return {**after, "updateId": answer}

    def dependents(self, site: Site, action: Action, earlier: Sequence[Action]) -> Dependents:
        """Return the service accounts that need the agent. A kept DaemonSet still serves them."""
        agent = action.target == AGENT_ADDON and action.after is None
        return users_of_agent(site) if agent and not (action.before or {}).get("preserve") else NO_DEPENDENTS

    def predict(self, snapshot: Snapshot, action: Action, now: datetime) -> Snapshot:
        """Set the add-on ACTIVE, with its associations; the agent's also with its DaemonSet and a Ready pod on each
        node that it goes to. Remove all of these after a deletion."""
        name, before, after = action.keys["addonName"], action.before or {}, action.after
        agents = known_or(snapshot.agent_addon, None) if name == AGENT_ADDON else None
        current = next((item for item in known_or(snapshot.addons, ()) if item.name == name), agents)
        addon: Addon | None = None
        if after is not None:
            namespace, values = text(after, "namespace"), text(after, "configurationValues")
            old = current or Addon(name=name, arn="", version="", status="", namespace=namespace, created_at=now)
            version = text(after, "addonVersion") or old.version
            addon = replace(old, version=version, status="ACTIVE", issues=(), configuration_values=values)
            if current is None:
                # EKS creates the associations together with the add-on
                refs = {
                    ServiceAccountRef(namespace, account): {"roleArn": arn} for account, arn in roles_of(after).items()
                }
                snapshot = with_associations(snapshot, refs.items(), now, owner_arn=name)
                addon = replace(addon, association_arns=_arns_of(snapshot, refs))
        snapshot = with_changed(snapshot, "addons", partial(_replaced, name, addon))
        if name != AGENT_ADDON:
            return snapshot
        snapshot = replace(snapshot, agent_addon=Known(addon))
        if addon is None:
            snapshot = replace(snapshot, agent_versions=Known(()))
            return snapshot if before.get("preserve") else _without_agent(snapshot)
        snapshot = replace(snapshot, agent_versions=PLANNED) if current is None else snapshot
        return _with_agent(snapshot, addon.version, addon.configuration_values, now)

    def detail(self, state: State) -> str:
        version = text(state, "addonVersion")
        return f" {version}" if version else ""


def check_idle(addon: Addon, hint: Hint) -> None:
    """Raise Conflict for an add-on that EKS is changing now."""
    if addon.status in BUSY:
        message = f"The add-on {addon.name} is {addon.status}; it can be changed once that has finished"
        raise Conflict(message, hint=hint, subject=addon.name)


def _values(configuration: str) -> str:
    """Return the values as EKS stores them; empty for an empty object, which is equivalent."""
    try:
        return "" if configuration and json.loads(configuration) == {} else configuration
    except ValueError:
        return configuration  # EKS accepts YAML as well, and returns it unchanged


def _arns_of(snapshot: Snapshot, refs: Collection[ServiceAccountRef]) -> tuple[str, ...]:
    return tuple(item.association_arn for item in known_or(snapshot.associations, ()) if item.ref in refs)


def _replaced(name: str, addon: Addon | None, addons: Iterable[Addon]) -> tuple[Addon, ...]:
    return (*(item for item in addons if item.name != name), *(() if addon is None else (addon,)))


def _without_agent(snapshot: Snapshot) -> Snapshot:
    """Remove the DaemonSets that EKS creates for the add-on, and their pods."""
    own = [ds for ds in known_or(snapshot.daemon_sets, ()) if is_addons(ds)]
    names = {f"{ds.namespace}/{ds.name}" for ds in own}

    def others(pods: Sequence[Pod]) -> tuple[Pod, ...]:
        gone = {pod.uid for pod in pods_of(own, pods)}
        return tuple(pod for pod in pods if pod.uid not in gone)

    for section in ("agent_pods", "pods"):
        snapshot = with_changed(snapshot, section, others)
    snapshot = with_changed(
        snapshot, "agent_warnings", lambda warnings: {name: warnings[name] for name in warnings if name not in names}
    )
    return with_changed(snapshot, "daemon_sets", lambda sets: tuple(ds for ds in sets if ds not in own))


def _with_agent(snapshot: Snapshot, version: str, configuration: str, now: datetime) -> Snapshot:
    from podid.aws.addon_values import parse_values

    snapshot = _without_agent(snapshot)
    cluster, sets, nodes, others = snapshot.cluster, snapshot.daemon_sets, snapshot.nodes, snapshot.agent_pods
    if not (isinstance(cluster, Known) and isinstance(sets, Known)):
        return snapshot
    if not (isinstance(nodes, Known) and isinstance(others, Known)):
        return snapshot
    agent = planned_agent(version, parse_values(configuration, "the configuration"))
    hosts = {node.name for node in nodes.value if agent.goes_to(node)}
    ports, everybody = set(agent.host_ports), (*others.value, *known_or(snapshot.pods, ()))
    held = {pod.node for pod in everybody if live(pod) and not evicted(pod) and not ports.isdisjoint(pod.host_ports)}
    new_pods = tuple(agent_pods(agent, nodes.value, held, now))
    pods = snapshot.pods
    if isinstance(pods, Known):
        visible = new_pods if snapshot.only_namespaces in ((), (AGENT_NAMESPACE,)) else ()
        pods = Known((*(pushed_off(pod, agent, hosts - held) for pod in pods.value), *visible))
    return replace(
        snapshot,
        daemon_sets=Known((*sets.value, *daemon_sets(agent, cluster.value, nodes.value))),
        agent_pods=Known((*others.value, *new_pods)),
        pods=pods,
    )


UPDATE_SECONDS, REMOVAL_SECONDS = 900.0, 60.0


class AddonAssociationsState(TypedDict, total=False):
    addonName: str
    namespace: str
    serviceAccountRoleArn: Annotated[str | None, About("The role of IRSA.")]
    roles: Mapping[str, str]


class AddonAssociationsKind(OfAddon):
    """`roles` maps each service account to its role's ARN. The list is read again just before the write and must be
    unchanged as a whole, so that an entry missing from the plan is never overwritten."""

    name = "addon-associations"
    title = "associations of add-on"
    state = AddonAssociationsState
    operations: ClassVar[Operations] = {
        Verb.NONE: ("Eks.find_addon", "Eks.get_association"),
        Verb.UPDATE: ("Eks.update_addon_associations", "Eks.get_update"),
    }
    overwrites = ANY_WRITE

    def needs(self, action: Action) -> frozenset[str]:
        roles = (needed_role(arn) for arn in roles_of(action.after).values())
        return super().gives(action).union(*roles)

    def gives(self, action: Action) -> frozenset[str]:
        """Return the names that later actions need: a role can be deleted only after the list omits it."""
        gone = set(roles_of(action.before).values()) - set(roles_of(action.after).values())
        return frozenset[str]().union(*map(needed_role, gone))

    @staticmethod
    def state_of(addon: Addon, roles: Mapping[str, str]) -> AddonAssociationsState:
        return {
            "addonName": addon.name,
            "namespace": addon.namespace,
            "serviceAccountRoleArn": addon.service_account_role_arn or None,
            "roles": dict(sorted(roles.items())),
        }

    def read(self, site: Site, keys: Keys) -> State | None:
        addon = site.eks.find_addon(site.cluster, keys["addonName"])
        return None if addon is None else self.state_of(addon, owned_roles(site, addon))

    def write(self, site: Site, action: Action, patience: Patience) -> State | None:
        """Wait until EKS finishes the update: until then it accepts no other, and the update may still fail."""
        name, roles, irsa = action.keys["addonName"], roles_of(action.after), irsa_role_of(action.after)
        for waited, _ in enumerate(patience.within(UPDATE_SECONDS).rounds(1.0, longest=5.0)):
            addon = site.eks.find_addon(site.cluster, name)
            if addon is None or addon.status not in BUSY:
                if waited:  # the other update may have changed the list
                    self.check_unmoved(site, action)
                break
            patience.say(f"add-on {name} is {addon.status}")
        token = uuid.uuid4().hex
        update_id = site.eks.update_addon_associations(site.cluster, name, roles, irsa_role_arn=irsa, token=token)
        for _ in patience.within(UPDATE_SECONDS).rounds(1.0, longest=5.0):
            update = read_back(
                lambda: site.eks.get_update(site.cluster, update_id, addon=name), f"the associations of add-on {name}"
            )
            if update.status == "Successful":
                if irsa_role_of(action.before) and not irsa:
                    self._check_removed(site, action, patience)
                return action.after
            if update.status in ("Failed", "Cancelled"):
                reasons = f": {'; '.join(update.errors)}" if update.errors else ""
                raise Conflict(f"The update of add-on {name} ended as {update.status}{reasons}", subject=name)
            patience.say(f"the update of add-on {name} is {update.status}")
        raise TimedOut(f"EKS has not finished the update of add-on {name}", subject=name)

    def _check_removed(self, site: Site, action: Action, patience: Patience) -> None:
        """Raise Conflict if EKS keeps the IRSA role. It removes the role some seconds after the update, but some users
        have still seen it later: https://github.com/hashicorp/terraform-provider-aws/issues/30645"""
        name = action.keys["addonName"]
        for _ in patience.within(REMOVAL_SECONDS).rounds(1.0, longest=5.0):
            addon = site.eks.find_addon(site.cluster, name)
            if addon is None or not addon.service_account_role_arn:
                return
            patience.say(f"add-on {name} still has its IRSA role")
        message = f"EKS has finished the update of add-on {name}, but still reports its IRSA role"
        pairs = " ".join(f"serviceAccount={key},roleArn={arn}" for key, arn in roles_of(action.after).items())
        command = f"aws eks update-addon --cluster-name {site.cluster} --addon-name {name} "
        advice = (
            f"Repeat the update later, without --service-account-role-arn: {command}--pod-identity-associations {pairs}"
        )
        raise Conflict(message, advice=advice, subject=name)

    def predict(self, snapshot: Snapshot, action: Action, now: datetime) -> Snapshot:
        before, after, state = roles_of(action.before), roles_of(action.after), action.after or action.before or {}
        name, namespace = action.keys["addonName"], str(state.get("namespace"))
        owner = next((addon for addon in known_or(snapshot.addons, ()) if addon.name == name), None)
        changes: list[tuple[ServiceAccountRef, State | None]] = [
            (ServiceAccountRef(namespace, account), {"roleArn": after[account]} if account in after else None)
            for account in {*before, *after}
            if before.get(account) != after.get(account)
        ]
        snapshot = with_associations(snapshot, changes, now, owner_arn=owner.arn if owner else name)
        if owner is None:
            return snapshot
        owned = {ServiceAccountRef(namespace, account) for account in after}
        arns, irsa = _arns_of(snapshot, owned), irsa_role_of(state)
        changed = replace(owner, association_arns=arns, service_account_role_arn=irsa)
        return with_changed(snapshot, "addons", partial(_replaced, name, changed))

    def detail(self, state: State) -> str:
        pairs = [f"{account} -> {arn}" for account, arn in roles_of(state).items()]
        return f" {', '.join(pairs) or 'none'}"


def owned_roles(site: Site, addon: Addon) -> dict[str, str]:
    """Return service account -> role ARN of the associations that the add-on owns, without those deleted meanwhile."""
    roles: dict[str, str] = {}
    for arn in addon.association_arns:
        try:
            association = site.eks.get_association(site.cluster, arn.rpartition("/")[2])
        except NotFound:
            continue
        roles[association.service_account] = association.role_arn
    return roles


def owned_accounts(action: Action) -> frozenset[ServiceAccountRef]:
    """Return the service accounts whose associations the add-on of the action owns afterwards."""
    namespace = text(action.after, "namespace")
    return frozenset(ServiceAccountRef(namespace, name) for name in roles_of(action.after))


def irsa_role_of(state: State | None) -> str:
    """Return the role of IRSA of an add-on; empty for none."""
    return text(state, "serviceAccountRoleArn")


def roles_of(state: State | None) -> Mapping[str, str]:
    return texts(state, "roles")


ADDON = EksAddonKind()
ADDON_ASSOCIATIONS = AddonAssociationsKind()
OF_ADDONS = (ADDON.name, ADDON_ASSOCIATIONS.name)
