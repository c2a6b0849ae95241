"""Plan the EKS Pod Identity Agent as an add-on: install it, or change the installed one."""

import json
import shlex
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from podid.aws.addon_values import Path, Schema, Values, parse_values, to_text
from podid.domain.aws import Addon, AddonConfiguration, Cluster
from podid.domain.cluster import DaemonSet
from podid.domain.errors import Conflict, InvalidInput, Other, PodidError
from podid.domain.names import AGENT_ADDON, AGENT_NAMESPACE
from podid.domain.plan import Header, Place, Plan, text
from podid.domain.versions import EC2, Offer, offer_of
from podid.domain.workloads import POLICY_BLOCKS_AGENT, allow_agent_command, why_agent_refused
from podid.facts.agent import planned_agent
from podid.ops.agent import preflight
from podid.ops.agent.coverage import AgentPods, Coverage
from podid.ops.agent.request import AddonSettings, Assignment, InstallRequest
from podid.ops.agent.versions import behind, choose
from podid.ops.agent.waiting import FAILED
from podid.ops.change.kinds import ADDON
from podid.ops.change.kinds.addon import check_idle
from podid.ops.clients import Clients
from podid.ops.status.diagnose import select
from podid.ops.status.prediction import examine_before

BUILT_IN = "auto-mode-redundant-addon: all nodes are EKS Auto Mode nodes, which have the agent built in"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallFacts:
    """The cluster before the change. `offer` is None if the versions could not be read; then EKS chooses or checks the
    version. `configuration` is None without values to validate, or if the schema could not be read; `unread` is the
    reason.

    `agents` are the agent's running DaemonSets; `needed` is False if every node has the agent built in.
    """

    current: Addon | None = None
    offer: Offer | None = None
    configuration: AddonConfiguration | None = None
    agents: tuple[DaemonSet, ...] = ()
    needed: bool = True
    unread: tuple[str, ...] = ()


def read_facts(clients: Clients, place: Place, request: InstallRequest) -> InstallFacts:
    """Raise the error that prevents reading the add-on itself, and NotFound or Conflict for a version that is not
    possible."""
    current = clients.eks.find_addon(place.cluster_name, AGENT_ADDON)
    running = AgentPods.find(clients.kube)
    agents, nodes = ((), None) if running is None or running.coverage is None else (running.sets, running.coverage)
    # EC2 if the types of the nodes are not known
    kinds = {node.compute_type for node in nodes.nodes if node.os == "linux"} if nodes is not None else set[str]()
    only_hybrid = "hybrid" in kinds and EC2 not in kinds
    needed = not place.the_cluster.auto_mode or _some_need(clients, place, nodes)
    facts = InstallFacts(current=current, agents=agents, needed=needed)
    facts = with_offer(clients, place, facts, AGENT_ADDON, ("hybrid",) if only_hybrid else (EC2,))
    # the schema of the version that will run, if there are values to validate
    installed = current.version if current else ""
    version = choose(facts.offer, request.addon_version, installed, allow_downgrade=request.allow_downgrade)
    upgraded = current is not None and current.configuration_values and version != installed
    if not version or not (request.configures or upgraded):
        return facts
    try:
        return replace(facts, configuration=clients.eks.get_addon_configuration(AGENT_ADDON, version))
    except PodidError as error:
        why = f"the configuration schema could not be read, so only EKS validates the values: {error.message}"
        return replace(facts, unread=(*facts.unread, why))


def with_offer(
    clients: Clients, place: Place, facts: InstallFacts, addon: str, compute: Collection[str] = (EC2,)
) -> InstallFacts:
    """Return the facts with EKS's offer. Without one, EKS chooses its default, and checks a requested version."""
    cluster = place.the_cluster
    try:
        return replace(facts, offer=offer_of(cluster, clients.eks.list_addon_versions(addon, cluster.version), compute))
    except PodidError as error:
        return replace(facts, unread=(f"the add-on's versions could not be read: {error.message}",))


def prepare(clients: Clients, place: Place, request: InstallRequest, *, now: datetime) -> tuple[Plan, bool]:
    """Return the plan, and whether the add-on is installed already. Raise as `read_facts` and `plan_install` do, and
    PreflightRefused if the cluster prevents the agent from running."""
    before = preflight.check_cluster(clients, place, force=request.force, now=now)
    facts = read_facts(clients, place, request)
    plan = plan_install(request, place.the_cluster, place.header, facts)
    installed = facts.current is not None
    if not plan.actions and not (installed and request.fix_node_role):
        return plan, installed
    state = next((action.after or {} for action in (*plan.actions, *plan.unchanged)), {})
    values = parse_values(text(state, "configurationValues"), "the configuration")
    agent = planned_agent(text(state, "addonVersion"), values)
    overwrite = request.conflicts == "OVERWRITE"
    others = () if installed else tuple(preflight.other_agents(facts.agents, place.cluster_name, overwrite=overwrite))
    if installed and facts.current is not None and plan.actions:
        plan = plan.noting(preflight.conflict_notes(clients.kube, facts.current, request.resolve_conflicts))
    elif overwrite and plan.actions:
        others = (*others, *preflight.overwritten(facts.agents))
    checks = select(preflight.CHECKS)
    diagnosis = examine_before(clients, place, plan, now=now, journal=None, checks=checks, by_name=True)
    plan, ahead = preflight.with_outlook(
        plan, diagnosis, agent, now, changing=installed, fix_node_role=request.fix_node_role
    )
    whole = before.then(preflight.Preflight(others)).then(_admission(clients)).then(ahead)
    return preflight.checked(plan, whole, force=request.force), installed


def _admission(clients: Clients) -> preflight.Preflight:
    """Check the namespace's Pod Security level; other policies show only once pods are created."""
    if clients.kube.failure is not None:
        return preflight.Preflight()  # reported already
    try:
        level = clients.kube.reader.find_pod_security(AGENT_NAMESPACE)
    except PodidError as error:
        return preflight.Preflight(unknowns=(f"{POLICY_BLOCKS_AGENT}: {error.message}",))
    why = why_agent_refused(AGENT_NAMESPACE, level)
    advice = f"Allow them: {shlex.join(allow_agent_command(AGENT_NAMESPACE))}."
    return preflight.Preflight((preflight.Obstacle(POLICY_BLOCKS_AGENT, why, advice=advice),) if why else ())


def plan_install(
    request: AddonSettings, cluster: Cluster, header: Header, facts: InstallFacts, addon: str = AGENT_ADDON
) -> Plan:
    """Return the plan; pure, and empty after it was applied. Raise NotFound for a version that EKS does not offer,
    Conflict for a downgrade and for an add-on that is being deleted or changed."""
    if facts.current is not None:
        return _plan_change(request, header, facts, facts.current, addon)
    if not facts.needed:
        return Plan(header=header, actions=(), notes=(BUILT_IN,))
    notes = [*facts.unread]
    if cluster.auto_mode and addon == AGENT_ADDON:
        notes.append("EKS Auto Mode nodes have the agent built in; the add-on serves the other nodes")
    version = choose(facts.offer, request.addon_version, addon=addon)
    after: dict[str, object] = {
        "addonName": addon,
        "configurationValues": to_text(_values(request, facts, {}, version, notes, addon)),
    }
    if version:
        after["addonVersion"] = version
    if request.conflicts != "NONE":
        after["resolveConflicts"] = request.conflicts
    return Plan(header=header, actions=(ADDON.action(None, after),), notes=tuple(notes))


def _plan_change(request: AddonSettings, header: Header, facts: InstallFacts, current: Addon, addon: str) -> Plan:
    if current.status == "DELETING":
        raise Conflict(f"The add-on {addon} is being deleted: run the command again when it is gone", subject=addon)
    notes = [*facts.unread]
    downgrade, is_agent = request.allow_downgrade, addon == AGENT_ADDON
    version = choose(facts.offer, request.addon_version, current.version, allow_downgrade=downgrade, addon=addon)
    command = "install-agent" if is_agent else f"addon install {addon}"
    if version == current.version and (late := behind(facts.offer, current.version, header.cluster, command)):
        notes.append(late)
    before = ADDON.state_of(current)
    after: dict[str, object] = {**before, "addonVersion": version}
    if request.configures or version != current.version:
        held = parse_values(current.configuration_values, "the installed configuration")
        values = _values(request, facts, held, version, notes, addon)
        if to_text(values) != to_text(held):  # as text: in Python, True equals 1
            after["configurationValues"] = to_text(values)
    if after == before and current.status not in FAILED:
        return Plan(header=header, actions=(), unchanged=(ADDON.action(before, before),), notes=tuple(notes))
    reading = ("agent", "status") if is_agent else ("addon", "list")
    check_idle(current, Other(reading, flags=("--cluster", header.cluster)))
    why = ""
    if current.status in FAILED:
        why = f"it is {current.status}; the update is requested again"
        issues = "; ".join(f"{issue.code}: {issue.message}" for issue in current.issues) or "EKS returned no reason"
        notes.append(f"the add-on is {current.status}: {issues}; it is updated again")
    action = ADDON.action(before, {**after, "resolveConflicts": request.conflicts}, why)
    return Plan(header=header, actions=(action,), notes=tuple(notes))


def _values(
    request: AddonSettings, facts: InstallFacts, held: Values, version: str, notes: list[str], addon: str
) -> Values:
    """Return the configuration: the installed values, overridden by the file's, then by each key. Raise
    ConfigurationInvalid."""
    schema = Schema(facts.configuration.schema if facts.configuration is not None else "")
    values = assign(merge(held, request.values), request.config, schema)
    if error := check_values(values, schema, addon=addon, version=version):
        raise error
    if values and schema.problem and facts.configuration is not None:
        notes.append(f"the configuration was not validated against the schema: {schema.problem}")
    return values


def _some_need(clients: Clients, place: Place, coverage: Coverage | None) -> bool:
    """Return whether an EKS Auto Mode cluster has nodes of another kind, or may have them."""
    if coverage is None or coverage.expected:
        return True
    if coverage.nodes:
        return False
    try:
        return bool(clients.eks.list_node_groups(place.cluster_name))
    except PodidError:
        return True


_MOST_PROBLEMS = 5


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> Values:
    """Return `base` with the members of `over`: objects are merged, other values replaced; null removes the key."""
    merged = dict(deepcopy(dict(base)))
    for key, value in over.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            below = merged.get(key)
            merged[key] = merge(below if isinstance(below, Mapping) else {}, value)
        else:
            merged[key] = deepcopy(value)
    return merged


def assign(base: Mapping[str, Any], assignments: Iterable[Assignment], schema: Schema) -> Values:
    """Return the values with each key set. A value is read as JSON if the schema accepts that, otherwise as text. Raise
    InvalidInput if a key leads through a value that is not an object."""
    done = dict(base)
    for assignment in assignments:
        # the likelier value is first: min takes the first of equals
        values: list[Any] = [assignment.text]
        with suppress(ValueError, RecursionError):
            meant = json.loads(assignment.text)
            if meant == meant and meant not in (float("inf"), float("-inf")):
                values.insert(0, meant)
        candidates = [_set(done, assignment, value) for value in values]
        done = min(candidates, key=partial(_violations, schema, assignment.path))
    return done


def _violations(schema: Schema, path: Path, values: Values) -> int:
    """Return the number of violations at `path`."""
    return sum(place[: len(path)] == path for place, _ in schema.errors(values))


def _set(values: Values, assignment: Assignment, value: Any) -> Values:
    done = deepcopy(values)
    *way, last = assignment.path
    below: Any = done
    for number, part in enumerate(way):
        below = below.setdefault(part, {})
        if not isinstance(below, dict):
            raise InvalidInput(
                f"{assignment.key}: {'.'.join(way[: number + 1])} is not an object and has no keys",
                subject=assignment.key,
            )
    if value is None:
        below.pop(last, None)
    else:
        below[last] = value
    return done


class ConfigurationInvalid(InvalidInput, code="ConfigurationInvalid"):
    """Configuration values do not match the version's schema; EKS would refuse them."""


def check_values(values: Mapping[str, Any], schema: Schema, *, addon: str, version: str) -> PodidError | None:
    """Return the error that lists the violations, None for valid values and without a usable schema."""
    if not values:
        return None
    errors = schema.errors(values)
    if not errors:
        return None
    violations = [f"{'.'.join(path) or 'the configuration'} {sentence}" for path, sentence in errors[:_MOST_PROBLEMS]]
    more = f"; and {len(errors) - _MOST_PROBLEMS} more" if len(errors) > _MOST_PROBLEMS else ""
    return ConfigurationInvalid(
        f"addon-config-schema-invalid: {addon} {version or 'at its default version'} does not accept this configuration"
        f": {'; '.join(violations)}{more}",
        subject=addon,
        advice="Nothing was sent. aws eks describe-addon-configuration prints the schema.",
    )
