"""The sections of a snapshot: the operations of each, the sections that are read before it, and the function that reads
it.

A row comes after those that it needs or uses. The section's field in `Snapshot` names its service.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from podid.aws.cloudtrail import CloudTrail
from podid.aws.ec2 import Ec2
from podid.aws.eks import Eks
from podid.aws.iam import Iam
from podid.aws.sts import EksAuth, Sts
from podid.checks.base import Check
from podid.domain.grouping import grouped
from podid.domain.permissions import Need, OptionalPermission, Permissions, permissions_of
from podid.domain.plan import Verb
from podid.domain.section import EVIDENCE, READS, Cost
from podid.domain.snapshot import COSTS, NOT_READ
from podid.kube.reader import KubeReader
from podid.kube.writer import KubeWriter
from podid.ops.change.kinds import PROBE
from podid.ops.reading import exposure, readings, roles, trials, witnesses
from podid.ops.reading.readings import Source

# cost -> the option that requests it
OPTIONS = {
    Cost.LOGS: "--logs",
    Cost.TRAIL: "--cloudtrail",
    Cost.TOKEN: "--verify",
    Cost.PROBE: "--probe",
    Cost.SECRETS: "--secrets",
    Cost.METADATA: "--probe",
}


@dataclass(frozen=True, slots=True)
class SectionRow:
    """`read` returns the section's value or a Missing, or raises a PodidError or Gap. `needs` are read because of this
    section, and before it; `uses` are read before it if they are read at all. `why` is the purpose of the operations,
    for a section that an option requests."""

    name: str
    operations: tuple[Need, ...]
    read: Callable[[Source], Any]
    needs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    why: str = ""

    @property
    def cost(self) -> Cost:
        return COSTS[self.name]

    @property
    def before(self) -> tuple[str, ...]:
        return (*self.needs, *self.uses)


def needed(names: Iterable[str], cost: Cost = READS) -> tuple[SectionRow, ...]:
    """Return the rows of the named sections and of those that they need, in the order of the table. Sections that cost
    more than `cost`, and those that need one of these, are omitted."""
    chosen = set(names) & within(cost)
    for row in reversed(SECTIONS):
        if row.name in chosen:
            chosen.update(row.needs)
    return tuple(row for row in SECTIONS if row.name in chosen)


def within(cost: Cost) -> frozenset[str]:
    """Return the sections that can be read at that cost, with all that they need."""
    readable = set[str]()
    for row in SECTIONS:
        if row.cost in cost and readable.issuperset(row.needs):
            readable.add(row.name)
    return frozenset(readable)


def sections_of(checks: Iterable[Check]) -> frozenset[str]:
    """Return every section that the checks need or want."""
    return frozenset(name for check in checks for name in (*check.needs, *check.wants))


def optional_permissions(checks: Iterable[Check]) -> tuple[OptionalPermission, ...]:
    """Return the permissions for each cost that an option requests, for sections of these checks."""
    rows_of = needed(sections_of(checks), READS | EVIDENCE)
    chosen = grouped((row.cost, row) for row in rows_of if row.cost in OPTIONS)
    return tuple(
        OptionalPermission.of(
            f"{OPTIONS[cost]}: {' and '.join(row.why for row in rows if row.why)}",
            *(need for row in rows for need in row.operations),
        )
        for cost, rows in chosen.items()
    )


def permissions(checks: Iterable[Check], also: Iterable[str] = (), cost: Cost = READS) -> Permissions:
    """Return the permissions to read the sections of the checks and those in `also`."""
    rows = needed({*sections_of(checks), *also}, cost)
    return permissions_of(operation for row in rows for operation in row.operations)


# --- the table --------------------------------------------------------------------------------------------------------

# trials as a pod need these; the roles are for the checks that explain a refusal
_TRIED = ("associations", "pods", "roles", "target_roles", "target_permissions", "changes")
SECTIONS: tuple[SectionRow, ...] = (
    # read when the command chose the cluster
    SectionRow("cluster", ("eks:DescribeCluster",), lambda s: s.cluster),
    SectionRow("associations", (Eks.iter_readable,), readings.associations),
    SectionRow("changes", (), lambda s: witnesses.recent_changes(s.journal, s.cluster, s.now)),
    SectionRow("agent_addon", (Eks.find_addon,), readings.agent_addon),
    SectionRow("agent_versions", (Eks.list_addon_versions,), readings.agent_versions, needs=("agent_addon",)),
    SectionRow("agent_next_versions", (Eks.list_addon_versions,), readings.agent_next_versions, needs=("agent_addon",)),
    SectionRow("upgrade_insights", (Eks.list_upgrade_findings, Eks.find_insight), readings.upgrade_insights),
    SectionRow("addons", (Eks.list_addons,), readings.addons),
    SectionRow("node_groups", (Eks.list_node_groups,), lambda s: s.clients.eks.list_node_groups(s.cluster.name)),
    SectionRow("account_quotas", (Iam.get_account_summary,), lambda s: s.clients.iam.get_account_summary()),
    SectionRow("roles", (Iam.find_roles,), roles.roles, needs=("associations",)),
    SectionRow("target_roles", (Iam.find_roles,), roles.target_roles, needs=("associations",)),
    SectionRow("target_permissions", (Iam.simulate_pairs,), roles.target_permissions, needs=("associations",)),
    SectionRow("role_policies", (Iam.get_names_of_policies,), roles.role_policies, needs=("associations",)),
    SectionRow(
        "permission_policies",
        (Iam.get_inline_documents, Iam.get_managed_documents),
        roles.permission_policies,
        needs=("role_policies",),
    ),
    SectionRow(
        "target_policies",
        (Iam.get_names_of_policies, Iam.get_inline_documents, Iam.get_managed_documents),
        roles.target_policies,
        needs=("target_roles",),
    ),
    SectionRow("boundaries", (Iam.get_managed_documents,), roles.boundaries, needs=("roles",), uses=("target_roles",)),
    SectionRow("principals", (Iam.list_principals,), lambda s: s.clients.iam.list_principals()),
    SectionRow("assume_permissions", (), roles.assume_permissions, needs=("permission_policies",)),
    SectionRow("bounded", (), roles.bounded, needs=("roles", "assume_permissions", "boundaries")),
    SectionRow("chained_roles", (Iam.find_roles,), roles.chained_roles, needs=("assume_permissions",)),
    SectionRow("nodes", (KubeReader.list_nodes,), lambda s: s.kube.list_nodes()),
    SectionRow("node_classes", (KubeReader.list_node_classes,), roles.node_classes, uses=("nodes",)),
    SectionRow(
        "other_node_roles",
        (Ec2.list_instance_profiles, Iam.find_profile_role, Iam.find_role, Eks.list_access_entries),
        roles.other_node_roles,
        needs=("node_groups", "node_classes"),
        uses=("nodes",),
    ),
    SectionRow(
        "node_role_allowed",
        (Iam.simulate,),
        roles.node_role_allowed,
        needs=("node_groups",),
        uses=("other_node_roles",),
    ),
    SectionRow(
        "node_role_policies",
        (Iam.get_names_of_policies,),
        roles.node_role_policies,
        needs=("node_groups",),
        uses=("other_node_roles",),
    ),
    SectionRow("egress", (Ec2.list_route_tables, Ec2.list_vpc_endpoints), readings.egress),
    SectionRow(
        "service_accounts", (KubeReader.list_service_accounts,), lambda s: s.of_namespaces(s.kube.list_service_accounts)
    ),
    SectionRow(
        "namespaces", (KubeReader.list_namespaces,), readings.namespaces, uses=("service_accounts", "associations")
    ),
    SectionRow("pods", (KubeReader.list_pods,), lambda s: s.of_namespaces(s.kube.list_pods)),
    SectionRow(
        "config_map_keys", (KubeReader.find_config_map_keys,), readings.config_map_keys, needs=("associations", "pods")
    ),
    SectionRow("instances", (Ec2.list_instances,), readings.instances, needs=("nodes",)),
    SectionRow("cni_permissions", (Iam.simulate,), roles.cni_permissions, needs=("associations", "node_groups")),
    SectionRow(
        "access_keys",
        (KubeReader.list_keys_of_pods, KubeReader.list_keys_of_config_maps, Sts.get_key_account),
        exposure.access_keys,
    ),
    SectionRow(
        "secret_keys",
        (KubeReader.list_keys_of_secrets, Sts.get_key_account),
        exposure.secret_keys,
        why="reading Secrets, for access keys",
    ),
    SectionRow("access_policies", (Eks.list_access_policies,), exposure.access_policies),
    SectionRow("grants", (KubeReader.list_grants,), exposure.grants),
    SectionRow("daemon_sets", (KubeReader.list_daemon_sets,), readings.daemon_sets),
    SectionRow("workloads", (KubeReader.list_workloads,), lambda s: s.of_namespaces(s.kube.list_workloads)),
    SectionRow("webhook", (KubeReader.find_webhook,), lambda s: s.kube.find_webhook()),
    SectionRow(
        "network_policies", (KubeReader.list_network_policies,), lambda s: s.of_namespaces(s.kube.list_network_policies)
    ),
    SectionRow("cilium_policies", (KubeReader.list_cilium_policies,), readings.cilium_policies, needs=("daemon_sets",)),
    SectionRow(
        "products",
        (KubeReader.list_api_groups, KubeReader.list_product_settings, KubeReader.list_volume_settings),
        readings.products,
        needs=("daemon_sets",),
    ),
    SectionRow("csi_drivers", (KubeReader.list_csi_drivers,), readings.csi_drivers, needs=("products",)),
    SectionRow("clocks", (KubeReader.read_clocks,), lambda s: s.kube.read_clocks()),
    SectionRow("agent_pods", (KubeReader.list_pods,), readings.agent_pods, needs=("daemon_sets",), uses=("pods",)),
    SectionRow("agent_crashes", (KubeReader.read_log,), readings.agent_crashes, needs=("agent_pods",), uses=("nodes",)),
    SectionRow(
        "agent_logs",
        (KubeReader.read_log,),
        readings.agent_logs,
        needs=("agent_pods",),
        uses=("pods",),
        why="reading the agents' logs",
    ),
    SectionRow(
        "redemptions",
        (CloudTrail.iter_redemptions,),
        witnesses.redemptions,
        why="reading the agents' requests to EKS Auth",
    ),
    SectionRow("cloudtrail", (), witnesses.cloudtrail, needs=("redemptions",), uses=("nodes",)),
    SectionRow(
        "sessions",
        (CloudTrail.iter_sessions,),
        witnesses.sessions,
        needs=("associations",),
        why="reading the sessions of pods",
    ),
    SectionRow(
        "node_calls",
        (CloudTrail.iter_calls,),
        witnesses.node_calls,
        needs=("associations", "pods", "nodes"),
        why="reading the calls of node roles",
    ),
    SectionRow(
        "tokens",
        (KubeWriter.request_token, EksAuth.assume_role_for_pod_identity, Sts.caller_of),
        trials.tokens,
        needs=_TRIED,
        why="redeeming tokens of pods",
    ),
    SectionRow("dry_runs", (KubeWriter.dry_run_pod,), trials.dry_runs, needs=("associations",), uses=("pods",)),
    # read by `podid.ops.reading.probes`, after all others, in the foreground
    SectionRow(
        "probes",
        PROBE.calls(Verb.CREATE),
        lambda s: NOT_READ,
        needs=_TRIED,
        why="running podid's own Job; grant it per namespace",
    ),
    SectionRow(
        "metadata_probes",
        PROBE.calls(Verb.CREATE),
        lambda s: NOT_READ,
        needs=("nodes", "instances"),
        why="running podid's own Job; grant it per namespace",
    ),
    SectionRow(
        "pod_security", (KubeReader.find_pod_security,), readings.pod_security, needs=("daemon_sets", "agent_pods")
    ),
    SectionRow(
        "agent_warnings", (KubeReader.list_warnings,), readings.agent_warnings, needs=("daemon_sets", "agent_pods")
    ),
)
