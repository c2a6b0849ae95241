"""EKS add-ons."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal, TypedDict

from podid.calls.patience import Patience
from podid.domain.aws import Addon
from podid.domain.members import About
from podid.domain.names import AGENT_ADDON, AGENT_NAMESPACE
from podid.domain.plan import Action, State, Verb, text
from podid.ops.change.kinds.base import Keys, Operations, ResourceKind
from podid.ops.clients import Clients

if TYPE_CHECKING:
    from podid.domain.cluster import Pod
    from podid.domain.snapshot import Section, Snapshot

ResolveConflicts = Literal["NONE", "PRESERVE", "OVERWRITE"]
NO_VALUES = "{}"


class AddonState(TypedDict, total=False):
    addonName: str
    addonVersion: str
    configurationValues: str
    resolveConflicts: Annotated[ResolveConflicts, About("How EKS was told to treat fields that others have set.")]
    preserve: Annotated[bool, About("Whether a deletion leaves the workload in the cluster.")]
    updateId: Annotated[str, About("EKS's id of the update.")]


class EksAddonKind(ResourceKind):
    name = "addon"
    title = "add-on"
    state = AddonState
    keys = ("addonName",)
    overwrites = frozenset({Verb.UPDATE, Verb.DELETE})
    takes_effect = True
    manner = frozenset({"resolveConflicts", "preserve", "updateId"})

    @staticmethod
    def state_of(addon: Addon) -> AddonState:
        return {
            "addonName": addon.name,
            "addonVersion": addon.version,
            "configurationValues": _values(addon.configuration_values),
        }

    def read(self, clients: Clients, cluster: str, keys: Keys) -> State | None:
        addon = clients.eks.find_addon(cluster, keys["addonName"])
        return None if addon is None or addon.status == "DELETING" else self.state_of(addon)

    def write(self, clients: Clients, cluster: str, action: Action, patience: Patience) -> State | None:
        name, before, after = action.keys["addonName"], action.before or {}, action.after
        if after is None:
            clients.eks.delete_addon(cluster, name, preserve=bool(before.get("preserve")))
            return None
        version = text(after, "addonVersion") or None
        resolve = text(after, "resolveConflicts") or None
        values = text(after, "configurationValues")
        if action.verb is Verb.UPDATE:
            # said in full each time: what EKS makes of an update without values depends on resolveConflicts
            cleared = NO_VALUES if text(before, "configurationValues") else ""
            update = clients.eks.update_addon(
                cluster,
                name,
                version=version,
                configuration_values=values or cleared or None,
                resolve_conflicts=resolve,
                token=uuid.uuid4().hex,
            )
            return {**after, "updateId": update}
        made = clients.eks.create_addon(
            cluster,
            name,
            version=version,
            configuration_values=values or None,
            resolve_conflicts=resolve,
            token=uuid.uuid4().hex,
        )
        return self.state_of(made)

    def foresee(self, snapshot: Snapshot, action: Action, now: datetime) -> Snapshot:
        """The add-on ACTIVE, its DaemonSet and a Ready pod on each node that it goes to; or nothing of all that."""
        from podid.domain.snapshot import PLANNED, Known

        if action.keys["addonName"] != AGENT_ADDON:
            return snapshot
        before, after = action.before or {}, action.after
        if after is None:
            snapshot = replace(_with_addon(snapshot, None), agent_addon=Known(None), agent_versions=Known(()))
            return snapshot if before.get("preserve") else _without_agent(snapshot)
        there = snapshot.agent_addon.value if isinstance(snapshot.agent_addon, Known) else None
        version = text(after, "addonVersion") or (there.version if there is not None else "")
        addon = Addon(
            name=AGENT_ADDON,
            arn=there.arn if there is not None else "",
            version=version,
            status="ACTIVE",
            created_at=there.created_at if there is not None else now,
        )
        versions = PLANNED if there is None else snapshot.agent_versions
        snapshot = replace(_with_addon(snapshot, addon), agent_addon=Known(addon), agent_versions=versions)
        return _with_agent(snapshot, version, text(after, "configurationValues"), now)

    def operations(self) -> Operations:
        from podid.aws.eks import Eks

        return {
            Verb.NONE: (Eks.find_addon,),
            Verb.CREATE: (Eks.create_addon,),
            Verb.UPDATE: (Eks.update_addon,),
            Verb.DELETE: (Eks.delete_addon,),
        }

    def detail(self, state: State) -> str:
        version = text(state, "addonVersion")
        return f" {version}" if version else ""


def _values(configuration: str) -> str:
    """The values as EKS holds them; empty for an empty object, which says the same as none."""
    try:
        return "" if configuration and json.loads(configuration) == {} else configuration
    except ValueError:
        return configuration  # EKS takes YAML too, and keeps what it was given


def _with_addon(snapshot: Snapshot, addon: Addon | None) -> Snapshot:
    """With the agent's add-on among all of them as it will be."""
    from podid.domain.snapshot import Known

    if not isinstance(snapshot.addons, Known):
        return snapshot
    others = (each for each in snapshot.addons.value if each.name != AGENT_ADDON)
    return replace(snapshot, addons=Known((*others, *((addon,) if addon is not None else ()))))


def _without_agent(snapshot: Snapshot) -> Snapshot:
    """Without the DaemonSets that EKS makes of the add-on, and without their pods."""
    from podid.domain.snapshot import Known
    from podid.domain.workloads import pods_of
    from podid.facts.agent import is_addons

    if not isinstance(snapshot.daemon_sets, Known):
        return snapshot
    sets = snapshot.daemon_sets.value
    own = [ds for ds in sets if is_addons(ds)]

    def without(section: Section[tuple[Pod, ...]]) -> Section[tuple[Pod, ...]]:
        if not isinstance(section, Known):
            return section
        gone = {pod.uid for pod in pods_of(own, section.value)}
        return Known(tuple(pod for pod in section.value if pod.uid not in gone))

    warnings = snapshot.agent_warnings
    if isinstance(warnings, Known):
        names = {f"{ds.namespace}/{ds.name}" for ds in own}
        warnings = Known({name: told for name, told in warnings.value.items() if name not in names})
    return replace(
        snapshot,
        daemon_sets=Known(tuple(ds for ds in sets if ds not in own)),
        agent_pods=without(snapshot.agent_pods),
        pods=without(snapshot.pods),
        agent_warnings=warnings,
    )


def _with_agent(snapshot: Snapshot, version: str, configuration: str, now: datetime) -> Snapshot:
    from podid.aws.addon_values import parse_values
    from podid.domain.snapshot import Known, known_or
    from podid.domain.workloads import live
    from podid.facts.agent import agent_pods, daemon_sets, evicted, planned_agent, pushed_off

    snapshot = _without_agent(snapshot)
    cluster, sets, nodes, others = snapshot.cluster, snapshot.daemon_sets, snapshot.nodes, snapshot.agent_pods
    if not (isinstance(cluster, Known) and isinstance(sets, Known)):
        return snapshot
    if not (isinstance(nodes, Known) and isinstance(others, Known)):
        return snapshot
    agent = planned_agent(version, parse_values(configuration, "the configuration"))
    hosts = {node.name for node in nodes.value if agent.goes_to(node)}
    wanted, everybody = set(agent.host_ports), (*others.value, *known_or(snapshot.pods, ()))
    held = {pod.node for pod in everybody if live(pod) and not evicted(pod) and not wanted.isdisjoint(pod.host_ports)}
    made = tuple(agent_pods(agent, nodes.value, held, now))
    pods = snapshot.pods
    if isinstance(pods, Known):
        here = made if snapshot.only_namespaces in ((), (AGENT_NAMESPACE,)) else ()
        pods = Known((*(pushed_off(pod, agent, hosts - held) for pod in pods.value), *here))
    return replace(
        snapshot,
        daemon_sets=Known((*sets.value, *daemon_sets(agent, cluster.value, nodes.value))),
        agent_pods=Known((*others.value, *made)),
        pods=pods,
    )


ADDON = EksAddonKind()
