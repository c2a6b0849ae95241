"""The sections of a snapshot: the operations of each, the sections that are read before it, and the function that reads
it.

A row comes after those that it needs or uses. The section's field in `Snapshot` names its service.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
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
from podid.ops.reading import readings, roles, trials, witnesses
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
    needs: tuple[str, ...]
    uses: tuple[str, ...]
    why: str

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


@cache
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


def _row(
    read: Callable[[Source], Any],
    *operations: Need,
    name: str = "",
    needs: tuple[str, ...] = (),
    uses: tuple[str, ...] = (),
    why: str = "",
) -> SectionRow:
    """Return the row of the section with that name, which is the name of `read` if none is specified."""
    return SectionRow(name or read.__name__, operations, read, needs, uses, why)


# trials as a pod need these; the roles are for the checks that explain a refusal
_TRIED = ("associations", "pods", "roles", "target_roles", "target_permissions", "changes")
_DOCUMENTS = (Iam.get_inline_documents, Iam.get_managed_documents)
_JOB, _OWN_JOB = PROBE.calls(Verb.CREATE), "running podid's own Job; grant it per namespace"
SECTIONS: tuple[SectionRow, ...] = (
    # read when the command chose the cluster
    _row(lambda s: s.cluster, "eks:DescribeCluster", name="cluster"),
    _row(readings.associations, Eks.iter_associations),
    _row(lambda s: witnesses.recent_changes(s.journal, s.cluster, s.now), name="changes"),
    _row(readings.agent_addon, Eks.find_addon),
    _row(readings.agent_versions, Eks.list_addon_versions, needs=("agent_addon",)),
    _row(readings.agent_next_versions, Eks.list_addon_versions, needs=("agent_addon",)),
    _row(readings.upgrade_insights, Eks.list_upgrade_findings, Eks.find_insight),
    _row(readings.addons, Eks.list_addons, uses=("agent_addon",)),
    _row(lambda s: s.clients.eks.list_node_groups(s.cluster.name), Eks.list_node_groups, name="node_groups"),
    _row(lambda s: s.clients.iam.get_account_summary(), Iam.get_account_summary, name="account_quotas"),
    _row(roles.roles, Iam.find_roles, needs=("associations",)),
    _row(roles.target_roles, Iam.find_roles, needs=("associations",)),
    _row(roles.target_permissions, Iam.simulate_pairs, needs=("associations",)),
    _row(roles.role_policies, Iam.get_names_of_policies, needs=("associations",)),
    _row(roles.permission_policies, *_DOCUMENTS, needs=("role_policies",)),
    _row(roles.target_policies, Iam.get_names_of_policies, *_DOCUMENTS, needs=("target_roles",)),
    _row(roles.boundaries, Iam.get_managed_documents, needs=("roles",), uses=("target_roles",)),
    _row(lambda s: s.clients.iam.list_principals(), Iam.list_principals, name="principals"),
    _row(roles.assume_permissions, needs=("permission_policies",)),
    _row(roles.bounded, needs=("roles", "assume_permissions", "boundaries")),
    _row(roles.chained_roles, Iam.find_roles, needs=("assume_permissions",), uses=("roles", "target_roles")),
    _row(lambda s: s.kube.list_nodes(), KubeReader.list_nodes, name="nodes"),
    _row(roles.node_classes, KubeReader.list_node_classes, uses=("nodes",)),
    _row(
        roles.other_node_roles,
        Ec2.list_instances,
        Iam.find_profile_role,
        Iam.find_role,
        Eks.list_access_entries,
        needs=("node_groups", "node_classes"),
        uses=("nodes",),
    ),
    _row(roles.node_role_allowed, Iam.simulate, needs=("node_groups",), uses=("other_node_roles",)),
    _row(roles.node_role_policies, Iam.get_names_of_policies, needs=("node_groups",), uses=("other_node_roles",)),
    _row(readings.egress, Ec2.list_route_tables, Ec2.list_vpc_endpoints, Ec2.list_security_groups),
    _row(
        lambda s: s.of_namespaces(s.kube.list_service_accounts),
        KubeReader.list_service_accounts,
        name="service_accounts",
    ),
    _row(roles.annotated_roles, Iam.find_roles, needs=("service_accounts",), uses=("roles", "target_roles")),
    _row(readings.namespaces, KubeReader.list_namespaces, uses=("service_accounts", "associations")),
    _row(lambda s: s.of_namespaces(s.kube.list_pods), KubeReader.list_pods, name="pods"),
    _row(readings.config_map_keys, KubeReader.find_config_map_keys, needs=("associations", "pods")),
    _row(readings.instances, Ec2.list_instances, needs=("nodes",)),
    _row(roles.cni_permissions, Iam.simulate, needs=("associations", "node_groups")),
    _row(readings.access_keys, KubeReader.list_keys_of_pods, KubeReader.list_keys_of_config_maps, Sts.get_key_account),
    _row(
        readings.secret_keys,
        KubeReader.list_keys_of_secrets,
        Sts.get_key_account,
        why="reading Secrets, for access keys",
    ),
    _row(readings.access_policies, Eks.list_access_policies),
    _row(readings.grants, KubeReader.list_grants),
    _row(readings.daemon_sets, KubeReader.list_daemon_sets),
    _row(lambda s: s.of_namespaces(s.kube.list_workloads), KubeReader.list_workloads, name="workloads"),
    _row(lambda s: s.kube.find_webhook(), KubeReader.find_webhook, name="webhook"),
    _row(
        lambda s: s.of_namespaces(s.kube.list_network_policies),
        KubeReader.list_network_policies,
        name="network_policies",
    ),
    _row(readings.cilium_policies, KubeReader.list_cilium_policies, needs=("daemon_sets",)),
    _row(
        readings.products,
        KubeReader.list_api_groups,
        KubeReader.list_product_settings,
        KubeReader.list_volume_settings,
        needs=("daemon_sets",),
    ),
    _row(readings.csi_drivers, KubeReader.list_csi_drivers, needs=("products",)),
    _row(lambda s: s.kube.read_clocks(), KubeReader.read_clocks, name="clocks"),
    _row(readings.agent_pods, KubeReader.list_pods, needs=("daemon_sets",), uses=("pods",)),
    _row(readings.agent_crashes, KubeReader.read_log, needs=("agent_pods",), uses=("nodes",)),
    _row(
        readings.agent_logs, KubeReader.read_log, needs=("agent_pods",), uses=("pods",), why="reading the agents' logs"
    ),
    _row(witnesses.redemptions, CloudTrail.iter_redemptions, why="reading the agents' requests to EKS Auth"),
    _row(witnesses.cloudtrail, needs=("redemptions",), uses=("nodes",)),
    _row(witnesses.sessions, CloudTrail.iter_sessions, needs=("associations",), why="reading the sessions of pods"),
    _row(
        witnesses.node_calls,
        CloudTrail.iter_calls,
        needs=("associations", "pods", "nodes"),
        why="reading the calls of node roles",
    ),
    _row(
        trials.tokens,
        KubeWriter.request_token,
        EksAuth.assume_role_for_pod_identity,
        Sts.caller_of,
        needs=_TRIED,
        why="redeeming tokens of pods",
    ),
    _row(trials.dry_runs, KubeWriter.dry_run_pod, needs=("associations",), uses=("pods",)),
    # read by `podid.ops.reading.probes`, after all others, in the foreground
    _row(lambda s: NOT_READ, *_JOB, name="probes", needs=_TRIED, why=_OWN_JOB),
    _row(lambda s: NOT_READ, *_JOB, name="metadata_probes", needs=("nodes", "instances"), why=_OWN_JOB),
    _row(readings.pod_security, KubeReader.find_pod_security, needs=("daemon_sets", "agent_pods")),
    _row(readings.agent_warnings, KubeReader.list_warnings, needs=("daemon_sets", "agent_pods")),
)
