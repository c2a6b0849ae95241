"""The sections of a snapshot: what reading each of them calls, what has to be read before it, and how it is read.

A row comes after those that it needs or uses. Which service a section comes from is said at its field in `Snapshot`.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from podid.aws.cloudtrail import CloudTrail
from podid.aws.ec2 import Ec2
from podid.aws.eks import Eks
from podid.aws.eks_auth import EksAuth
from podid.aws.iam import Iam
from podid.aws.sts import Sts
from podid.checks.base import Check
from podid.domain.addons import Addon, AddonVersion
from podid.domain.egress import Egress
from podid.domain.errors import AccessDenied, CredentialsError, InvalidInput, PodidError
from podid.domain.grants import PolicyNames
from podid.domain.model import DaemonSet, Decision, Pod, Role
from podid.domain.names import AGENT_ADDON, AGENT_NAMESPACE, parse_role_arn
from podid.domain.network import CiliumPolicy
from podid.domain.nodes import REDEEM, node_roles
from podid.domain.permissions import undecided
from podid.domain.plan import Verb
from podid.domain.rights import Need, OptionalRight, Rights, rights_of
from podid.domain.second_hop import elsewhere
from podid.domain.snapshot import NOT_READ, Known, Missing, Section, attempt, known_or, missing
from podid.domain.trust import ACTIONS
from podid.domain.workloads import is_agent, live, pods_of, runs_cilium
from podid.kube.reader import KubeReader
from podid.kube.writer import KubeWriter
from podid.ops.change.kinds import PROBE
from podid.ops.doctor import node_owners, readings, witnesses
from podid.ops.doctor.source import Source


@dataclass(frozen=True, slots=True)
class SectionRow:
    """`read` returns the section's value, or a Missing, or raises a PodidError. `needs` are read because of this
    section, and before it; `uses` before it too, but only when they are read anyway. One with an `option` is read only
    where that collector is chosen."""

    name: str
    operations: tuple[Need, ...]
    read: Callable[[Source], Any]
    needs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    option: str = ""
    why: str = ""


def needed(names: Iterable[str], options: Collection[str] = ()) -> tuple[SectionRow, ...]:
    """The rows of the named sections and of all that these need, in the order of the table, without those of
    collectors that are not among the `options`."""
    optional = {row.name for row in SECTIONS if row.option and row.option not in options}
    wanted = set(names) - optional
    for row in reversed(SECTIONS):
        if row.name in wanted:
            wanted.update(row.needs)
    return tuple(row for row in SECTIONS if row.name in wanted)


def sections_of(checks: Iterable[Check]) -> frozenset[str]:
    """Every section that the checks need or want."""
    return frozenset(name for check in checks for name in (*check.needs, *check.wants))


def optional_rights() -> tuple[OptionalRight, ...]:
    """What each collector takes that is read only where it is chosen."""
    chosen: dict[str, list[SectionRow]] = defaultdict(list)
    for row in SECTIONS:
        if row.option:
            chosen[row.option].append(row)
    return tuple(
        OptionalRight.of(
            f"--{option}: {' and '.join(row.why for row in rows)}", *(need for row in rows for need in row.operations)
        )
        for option, rows in chosen.items()
    )


def rights(checks: Iterable[Check]) -> Rights:
    """What reading for the checks takes."""
    return rights_of(operation for row in needed(sections_of(checks)) for operation in row.operations)


# --- sections that take more than one call ----------------------------------------------------------------------------


def _agent_addon(source: Source) -> Addon | None:
    addon = source.eks.find_addon(source.cluster.name, AGENT_ADDON)
    return None if addon is None else _without_values(addon)


def _addons(source: Source) -> tuple[Addon, ...]:
    return tuple(map(_without_values, source.eks.list_addons(source.cluster.name)))


def _without_values(addon: Addon) -> Addon:
    """No check wants anything of its configuration, in which there may be a proxy's password."""
    return replace(addon, configuration_values="")


def _daemon_sets(source: Source) -> tuple[DaemonSet, ...]:
    """All of the cluster's; with rights in the agent's usual namespace only, that one's if the agent is there: its
    absence there would prove nothing."""
    try:
        return source.kube.list_daemon_sets()
    except CredentialsError:
        raise
    except AccessDenied as denied:
        try:
            nearby = source.kube.list_daemon_sets(AGENT_NAMESPACE)
        except PodidError:
            raise denied from None
        if any(is_agent(ds) for ds in nearby):
            return nearby
        raise


def _namespaces(source: Source) -> frozenset[str]:
    """A namespace that has a service account exists, also for those who may not list namespaces."""
    try:
        return frozenset(source.kube.list_namespaces())
    except PodidError:
        accounts = source.before("service_accounts")
        if source.namespace and isinstance(accounts, Known) and accounts.value:
            return frozenset({source.namespace})
        raise


def _agent_pods(source: Source) -> tuple[Pod, ...] | Missing:
    """From the pods at hand when these are all of the cluster's, else by asking for the agent's alone."""
    daemon_sets = source.before("daemon_sets")
    if isinstance(daemon_sets, Missing):
        return daemon_sets
    agents = [ds for ds in daemon_sets.value if is_agent(ds)]
    if not source.namespace and isinstance(pods := source.before("pods"), Known):
        return pods_of(agents, pods.value)
    return source.kube.list_pods_of(agents)


def _agent_versions(source: Source) -> tuple[AddonVersion, ...]:
    if source.before("agent_addon") == Known(None):
        return ()
    return source.eks.list_addon_versions(AGENT_ADDON, source.cluster.version)


def _cilium_policies(source: Source) -> tuple[CiliumPolicy, ...] | Missing:
    daemon_sets = source.before("daemon_sets")
    if isinstance(daemon_sets, Missing):
        return daemon_sets
    return source.kube.list_cilium_policies(source.namespace) if runs_cilium(daemon_sets.value) else ()


def _roles(source: Source) -> dict[str, Section[Role | None]]:
    return _read_roles(source, (a.role_arn for a in source.associations))


def _target_roles(source: Source) -> dict[str, Section[Role | None]]:
    """Those of the cluster's account; only credentials of its own can read one of another account."""
    roles: dict[str, Section[Role | None]] = {}
    nearby = []
    for arn in dict.fromkeys(a.target_role_arn for a in source.associations if a.target_role_arn):
        found = attempt(partial(elsewhere, arn, source.cluster))
        if isinstance(found, Missing):
            roles[arn] = found
        elif found.value is not None:
            roles[arn] = found.value
        else:
            nearby.append(arn)
    return roles | (_read_roles(source, nearby) if nearby else {})


def _chained_roles(source: Source) -> dict[str, Section[Role | None]] | Missing:
    """The roles of the cluster's account that associations' roles name as ones to go on to by themselves."""
    rights = source.before("assume_rights")
    if isinstance(rights, Missing):
        return rights
    named = dict.fromkeys(arn for each in rights.value.values() if isinstance(each, Known) for arn in each.value.roles)
    account = f":iam::{source.cluster.account}:"
    return _read_roles(source, (arn for arn in named if account in arn))


def _target_rights(source: Source) -> dict[tuple[str, str], Section[tuple[Decision, ...]]]:
    pairs = dict.fromkeys((a.role_arn, a.target_role_arn) for a in source.associations if a.target_role_arn)
    found = source.iam.simulate_pairs(tuple(pairs), ACTIONS)
    return {pair: missing(item) if isinstance(item, PodidError) else Known(item) for pair, item in found}


def _read_roles(source: Source, arns: Iterable[str]) -> dict[str, Section[Role | None]]:
    named, odd = _role_names(arns)
    roles: dict[str, Section[Role | None]] = dict(odd)
    try:
        for name, role in source.iam.find_roles(sorted(named)):
            for arn in named[name]:
                roles[arn] = missing(role) if isinstance(role, PodidError) else Known(role)
    except PodidError as error:
        for arn in (arn for same in named.values() for arn in same):
            roles.setdefault(arn, missing(error))
    return roles


def _role_policies(source: Source) -> dict[str, Section[PolicyNames]]:
    named, odd = _role_names(a.role_arn for a in source.associations)
    answers: dict[str, Section[PolicyNames]] = dict(odd)
    for name, answer in source.iam.get_names_of_policies(sorted(named)):
        for arn in named[name]:
            answers[arn] = missing(answer) if isinstance(answer, PodidError) else Known(answer)
    return answers


def _role_names(arns: Iterable[str]) -> tuple[Mapping[str, list[str]], Mapping[str, Missing]]:
    """Role name -> the ARNs that are called so, and what is no role ARN at all."""
    names: dict[str, list[str]] = defaultdict(list)
    odd: dict[str, Missing] = {}
    for arn in dict.fromkeys(arns):
        try:
            names[parse_role_arn(arn).resource_name].append(arn)
        except InvalidInput as error:
            odd[arn] = missing(error)
    return names, odd


def _egress(source: Source) -> Egress | Missing:
    vpc = source.cluster.vpc_id
    if not vpc:
        return Missing("EKS names no VPC of the cluster")
    ec2 = source.ec2()
    return Egress(ec2.list_route_tables(vpc), ec2.list_vpc_endpoints(vpc))


def _config_map_keys(source: Source) -> dict[tuple[str, str], Section[Mapping[str, str] | None]] | Missing:
    pods = source.before("pods")
    if isinstance(pods, Missing):
        return pods
    associated = {a.ref for a in source.associations}
    named = dict.fromkeys(
        (pod.namespace, env.name)
        for pod in pods.value
        if pod.ref in associated and live(pod)
        for container in pod.containers
        for env in container.env_from
        if env.kind == "ConfigMap"
    )
    return {pair: attempt(partial(source.kube.find_config_map_keys, *pair)) for pair in named}


def _node_role_allowed(source: Source) -> dict[str, Section[Decision]]:
    groups, others = source.before("node_groups"), source.before("other_node_roles")
    if isinstance(groups, Missing):
        return {}
    arns = dict.fromkeys((*node_roles(source.cluster, groups.value), *known_or(others, {})))
    return {arn: _may_redeem(source, arn) for arn in arns}


def _may_redeem(source: Source, role_arn: str) -> Section[Decision]:
    decisions = attempt(lambda: source.iam.simulate(role_arn, (REDEEM,), (source.cluster.arn,)))
    if isinstance(decisions, Missing):
        return decisions
    decision = next((each for each in decisions.value if not each.allowed), next(iter(decisions.value), None))
    if decision is None:
        return Missing("the simulation gave no answer", error_code="UnreadableAnswer")
    if decision.missing_context_keys and not decision.allowed:
        return Missing(undecided(decision.missing_context_keys))
    return Known(decision)


# --- the table --------------------------------------------------------------------------------------------------------

SECTIONS: tuple[SectionRow, ...] = (
    # read when the command chose it
    SectionRow("cluster", ("eks:DescribeCluster",), lambda s: s.cluster),
    SectionRow(
        "associations",
        (Eks.list_associations,),
        lambda s: s.eks.list_associations(s.cluster.name, s.namespace or None),
    ),
    SectionRow("agent_addon", (Eks.find_addon,), _agent_addon),
    SectionRow("agent_versions", (Eks.list_addon_versions,), _agent_versions, needs=("agent_addon",)),
    SectionRow("addons", (Eks.list_addons,), _addons),
    SectionRow("node_groups", (Eks.list_node_groups,), lambda s: s.eks.list_node_groups(s.cluster.name)),
    SectionRow("roles", (Iam.find_roles,), _roles, needs=("associations",)),
    SectionRow("target_roles", (Iam.find_roles,), _target_roles, needs=("associations",)),
    SectionRow("target_rights", (Iam.simulate_pairs,), _target_rights, needs=("associations",)),
    SectionRow("role_policies", (Iam.get_names_of_policies,), _role_policies, needs=("associations",)),
    SectionRow(
        "assume_rights",
        (Iam.get_inline_documents, Iam.get_managed_documents),
        readings.assume_rights,
        needs=("associations", "role_policies"),
    ),
    SectionRow(
        "bounded",
        (Iam.get_managed_documents,),
        readings.bounded,
        needs=("roles", "role_policies", "assume_rights"),
    ),
    SectionRow("chained_roles", (Iam.find_roles,), _chained_roles, needs=("assume_rights",)),
    SectionRow("nodes", (KubeReader.list_nodes,), lambda s: s.kube.list_nodes()),
    SectionRow("node_classes", (KubeReader.list_node_classes,), node_owners.node_classes, uses=("nodes",)),
    SectionRow(
        "other_node_roles",
        (Ec2.list_instance_profiles, Iam.find_profile_role, Iam.find_role, Eks.list_access_entries),
        node_owners.other_node_roles,
        needs=("node_groups", "node_classes"),
        uses=("nodes",),
    ),
    SectionRow(
        "node_role_allowed", (Iam.simulate,), _node_role_allowed, needs=("node_groups",), uses=("other_node_roles",)
    ),
    SectionRow("egress", (Ec2.list_route_tables, Ec2.list_vpc_endpoints), _egress),
    SectionRow(
        "service_accounts",
        (KubeReader.list_service_accounts,),
        lambda s: s.kube.list_service_accounts(s.namespace),
    ),
    SectionRow("namespaces", (KubeReader.list_namespaces,), _namespaces, uses=("service_accounts",)),
    SectionRow("pods", (KubeReader.list_pods,), lambda s: s.kube.list_pods(s.namespace)),
    SectionRow(
        "config_map_keys",
        (KubeReader.find_config_map_keys,),
        _config_map_keys,
        needs=("associations", "pods"),
    ),
    SectionRow("instances", (Ec2.list_instances,), readings.instances, needs=("nodes",)),
    SectionRow("cni_rights", (Iam.simulate,), readings.cni_rights, needs=("associations", "node_groups")),
    SectionRow("daemon_sets", (KubeReader.list_daemon_sets,), _daemon_sets),
    SectionRow("workloads", (KubeReader.list_workloads,), lambda s: s.kube.list_workloads(s.namespace)),
    SectionRow("webhook", (KubeReader.find_webhook,), lambda s: s.kube.find_webhook()),
    SectionRow(
        "network_policies",
        (KubeReader.list_network_policies,),
        lambda s: s.kube.list_network_policies(s.namespace),
    ),
    SectionRow("cilium_policies", (KubeReader.list_cilium_policies,), _cilium_policies, needs=("daemon_sets",)),
    SectionRow(
        "products",
        (KubeReader.list_api_groups, KubeReader.list_product_settings, KubeReader.list_volume_settings),
        readings.products,
        needs=("daemon_sets",),
    ),
    SectionRow("csi_drivers", (KubeReader.list_csi_drivers,), readings.csi_drivers, needs=("products",)),
    SectionRow("clocks", (KubeReader.read_clocks,), lambda s: s.kube.read_clocks()),
    SectionRow("agent_pods", (KubeReader.list_pods,), _agent_pods, needs=("daemon_sets",), uses=("pods",)),
    SectionRow(
        "agent_logs",
        (KubeReader.read_log,),
        readings.agent_logs,
        needs=("agent_pods",),
        uses=("pods",),
        option="logs",
        why="reading the agents' logs",
    ),
    SectionRow(
        "cloudtrail",
        (CloudTrail.iter_redemptions,),
        witnesses.cloudtrail,
        uses=("nodes",),
        option="cloudtrail",
        why="reading what agents asked EKS Auth for",
    ),
    SectionRow(
        "packed",
        (CloudTrail.iter_sessions,),
        witnesses.packed,
        needs=("associations",),
        option="cloudtrail",
        why="reading what pods' sessions carry",
    ),
    SectionRow(
        "node_calls",
        (CloudTrail.iter_node_calls,),
        witnesses.node_calls,
        needs=("associations", "pods", "nodes"),
        option="cloudtrail",
        why="reading what was called with nodes' roles",
    ),
    SectionRow(
        "proofs",
        (KubeWriter.request_token, EksAuth.assume_role_for_pod_identity, Sts.caller_of),
        witnesses.proofs,
        needs=("associations",),
        option="verify",
        why="redeeming tokens of pods",
    ),
    # by `podid.ops.doctor.probing`, after all others, and in the foreground
    SectionRow(
        "probes",
        PROBE.calls(Verb.CREATE),
        lambda s: NOT_READ,
        needs=("associations",),
        option="probe",
        why="a Job of podid's own; grant it per namespace",
    ),
    SectionRow(
        "agent_warnings",
        (KubeReader.list_warnings,),
        readings.agent_warnings,
        needs=("daemon_sets", "agent_pods"),
    ),
)
