"""The EKS Pod Identity Agent as an add-on: what to install, and waiting until it runs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from podid.domain.errors import AccessDenied, Again, Conflict, NotFound, PodidError, Rejected, TimedOut
from podid.domain.model import Addon, AddonVersion, Cluster, DaemonSet
from podid.domain.names import AGENT_ADDON
from podid.domain.patience import Patience
from podid.domain.place import Place
from podid.domain.plan import ChangeResult, Header, Plan, Wait
from podid.domain.words import nearest
from podid.ops.agent.coverage import read_coverage, wait_covered
from podid.ops.change.kinds import ADDON
from podid.ops.change.look import look
from podid.ops.clients import Clients

if TYPE_CHECKING:
    from podid.aws.eks import Eks

INSTALL_SECONDS = 900.0
BROKEN = ("CREATE_FAILED", "UPDATE_FAILED", "DELETE_FAILED")


def plan_install(
    cluster: Cluster,
    header: Header,
    current: Addon | None,
    versions: tuple[AddonVersion, ...] | None,
    *,
    version: str | None,
    configuration: str = "",
    agents: tuple[DaemonSet, ...] = (),
    needed: bool = True,
) -> Plan:
    """Pure. `versions` None: they could not be read, and EKS is left to take its default or to judge the asked one.

    `agents` are the agent's DaemonSets that run, and without `needed` every node has it built in.

    Raises NotFound for a version that the cluster cannot run, Conflict for another version already there, or for an
    agent that is not the add-on's.
    """
    if versions is None:
        wanted = version or ""
    else:
        wanted = _choose_version(cluster, versions, version) if version is not None or current is None else ""
    if current is not None:
        if current.status == "DELETING":
            raise Conflict(f"The add-on {AGENT_ADDON} is being deleted; try again when it is gone", subject=AGENT_ADDON)
        if version is not None and current.version != wanted:
            raise Conflict(
                f"The add-on {AGENT_ADDON} is installed as {current.version}, asked for {wanted}",
                hint=(
                    *("aws", "eks", "update-addon", "--cluster-name", cluster.name, "--addon-name", AGENT_ADDON),
                    *("--addon-version", wanted),
                ),
                subject=AGENT_ADDON,
            )
        if configuration and not _same_configuration(configuration, current.configuration_values):
            raise Conflict(
                f"The add-on {AGENT_ADDON} is installed with another configuration than the one given",
                hint=(
                    *("aws", "eks", "update-addon", "--cluster-name", cluster.name, "--addon-name", AGENT_ADDON),
                    *("--configuration-values", "file://FILE"),
                ),
                subject=AGENT_ADDON,
            )
        state, notes = ADDON.state_of(current), []
        if current.status in BROKEN:
            notes.append(f"the add-on is {current.status}; podid agent status says what runs")
        return Plan(header=header, actions=(), unchanged=(ADDON.action(state, state),), notes=tuple(notes))
    if not needed:
        return Plan(header=header, actions=(), notes=("every node is EKS Auto Mode's and has the agent built in",))
    if agents:
        found = ", ".join(f"{agent.namespace}/{agent.name}" for agent in agents)
        raise Conflict(
            f"Another agent than the add-on's runs already: DaemonSet {found}; two clash on the node's port 80",
            advice="Keep it and leave the add-on out, or uninstall it first with what installed it, such as Helm.",
            subject=AGENT_ADDON,
        )
    notes = []
    if cluster.auto_mode:
        notes.append("EKS Auto Mode nodes have the agent built in; the add-on serves the cluster's other nodes")
    after: dict[str, object] = {"addonName": AGENT_ADDON, "configurationValues": configuration}
    if wanted:
        after["addonVersion"] = wanted
    return Plan(header=header, actions=(ADDON.action(None, after),), notes=tuple(notes))


def offered_versions(clients: Clients, place: Place) -> tuple[AddonVersion, ...] | PodidError:
    """What EKS offers for the cluster's Kubernetes version, or why it does not tell: it then chooses its default."""
    assert place.cluster is not None
    try:
        return clients.eks.list_addon_versions(AGENT_ADDON, place.cluster.version)
    except (AccessDenied, Rejected) as error:
        return error


def running_agents(clients: Clients, cluster: Cluster) -> tuple[tuple[DaemonSet, ...], bool]:
    """The agent's DaemonSets, and whether some node may need one; as if nothing ran where that cannot be looked at."""
    if clients.kube.failure is not None:
        return (), True
    try:
        found = read_coverage(clients.kube.reader)
        auto = cluster.auto_mode and bool(found.nodes) and not found.expected
        return clients.kube.reader.list_agent_daemon_sets(), not auto
    except PodidError:
        return (), True


def _same_configuration(one: str, other: str) -> bool:
    """By meaning where both are JSON, else by the letter (EKS takes YAML too, and keeps what it was given)."""
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return one.strip() == other.strip()


def _choose_version(cluster: Cluster, versions: tuple[AddonVersion, ...], wanted: str | None) -> str:
    """The asked version, or the one that EKS calls the default for the cluster's Kubernetes version."""
    names = [item.version for item in versions]
    if wanted is None:
        default = [item.version for item in versions if item.default]
        if not names:
            raise NotFound(f"EKS offers no version of {AGENT_ADDON} for Kubernetes {cluster.version}")
        return default[0] if default else names[0]
    if wanted in names:
        return wanted
    near = nearest(wanted, names, 1, alike=0)
    raise NotFound(
        f"{AGENT_ADDON} {wanted} does not exist for Kubernetes {cluster.version}; there are {', '.join(names[:5])}",
        hint=Again(swap=(wanted, near[0])) if near else (),
        subject=wanted,
    )


def after_install(
    clients: Clients, place: Place, patience: Patience, result: ChangeResult, *, wait: Wait | None
) -> ChangeResult:
    """The result of an installation once the add-on is ACTIVE and the agent runs on every node that should have it, as
    far as `wait` asks. Raises as `wait_active` does.

    ACTIVE is EKS's word; what counts is a Ready agent pod on every node that should have one.
    """
    if result.error is not None or wait is Wait.NONE:
        return result
    addon = wait_active(clients.eks, place.cluster_name, patience)
    effect = look(clients, wait, lambda kube: wait_covered(kube.reader, patience))
    note = f"add-on {addon.name} {addon.version} is {addon.status}"
    return replace(result, effect=effect, wait=wait, notes=(*result.notes, note))


def wait_active(eks: Eks, cluster_name: str, patience: Patience) -> Addon:
    """The add-on once it is ACTIVE. Raises PodidError with its issues when it failed, TimedOut at the deadline.

    DEGRADED is waited out: a new add-on is often degraded until its first pods are ready. botocore's own waiter takes
    it for a failure, and never ends on UPDATE_FAILED.
    """
    status, issues = "", ""
    for _ in patience.rounds(1.0, longest=10.0):
        addon = eks.find_addon(cluster_name, AGENT_ADDON)
        if addon is None:
            raise NotFound(f"The add-on {AGENT_ADDON} has gone away while it was waited for", subject=AGENT_ADDON)
        if addon.status == "ACTIVE":
            return addon
        status, issues = addon.status, "; ".join(f"{issue.code}: {issue.message}" for issue in addon.issues)
        if status in BROKEN:
            raise AgentFailed(
                f"The add-on {AGENT_ADDON} is {status}" + (f": {issues}" if issues else ""),
                hint=("podid", "doctor", "--check", "addon-degraded-or-failed"),
                subject=AGENT_ADDON,
            )
        patience.say(f"add-on {AGENT_ADDON} {addon.version} is {status}" + (f" ({issues})" if issues else ""))
    waited = f"after {patience.seconds:.0f} s"
    raise TimedOut(
        f"The add-on {AGENT_ADDON} is still {status} {waited}" + (f": {issues}" if issues else ""),
        hint=Again(),
        subject=AGENT_ADDON,
    )


class AgentFailed(PodidError):
    """EKS gave up on the add-on."""

    code = "AgentFailed"
