"""Reads what the chosen checks need, once, and several things at a time. What cannot be read becomes a Missing section
that names the permission; only a cluster that cannot be read at all is an error."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from podid.domain.errors import AccessDenied, CredentialsError, InvalidInput, PodidError
from podid.domain.model import Association, Cluster, DaemonSet, NodeGroup, Pod, Role, RolePolicies, ServiceAccount
from podid.domain.names import AGENT_ADDON, AGENT_NAMESPACE, parse_role_arn
from podid.domain.nodes import REDEEM, node_roles
from podid.domain.snapshot import NOT_READ, Known, Missing, Section, Snapshot
from podid.domain.workloads import is_agent, runs_in

if TYPE_CHECKING:
    from datetime import datetime

    from podid.aws.eks import Eks
    from podid.aws.iam import Iam
    from podid.kube.reader import KubeReader
    from podid.ops.doctor import Scope

T = TypeVar("T")
WORKERS = 8
# a section that is derived from others needs these read as well
DERIVED: Mapping[str, tuple[str, ...]] = {
    "roles": ("associations",),
    "role_policies": ("associations",),
    "node_role_allowed": ("node_groups",),
    "agent_pods": ("daemon_sets",),
}


@dataclass(frozen=True, slots=True)
class Clients:
    """Where to read from. Without `kube`, `kube_failure` says why there is no way into Kubernetes."""

    eks: Eks
    iam: Iam
    kube: KubeReader | None = None
    kube_failure: PodidError | None = None


def missing(error: PodidError) -> Missing:
    return Missing(error.what, error.permission, error.code)


def collect(
    clients: Clients, cluster: Cluster | str, sections: frozenset[str], *, now: datetime, scope: Scope | None = None
) -> Snapshot:
    """The snapshot that the named sections make; a Cluster that is given is not read again. Associations, pods,
    service accounts and workloads are read for the scope's namespace alone, where it has one.

    Raises what DescribeCluster met when it leaves nothing to look at: no such cluster, no credentials, no network, or
    every other read denied too.
    """
    namespace = scope.namespace if scope else ""
    wanted = set(sections)
    if scope and scope.kind not in ("", "ServiceAccount"):
        wanted |= {"pods", "workloads"}
    for name, others in DERIVED.items():
        if name in wanted:
            wanted.update(others)
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="collect") as pool:
        return _Reading(clients, cluster, frozenset(wanted), namespace, now, pool).snapshot()


class _Reading:
    """One collection: independent reads start at once, the ones that build on others as these arrive."""

    def __init__(
        self,
        clients: Clients,
        cluster: Cluster | str,
        wanted: frozenset[str],
        namespace: str,
        now: datetime,
        pool: ThreadPoolExecutor,
    ) -> None:
        self._clients, self._given, self._wanted = clients, cluster, wanted
        self._name = cluster.name if isinstance(cluster, Cluster) else cluster
        self._namespace, self._now, self._pool = namespace, now, pool

    def snapshot(self) -> Snapshot:
        eks, name, place = self._clients.eks, self._name, self._namespace
        cluster_read = self._pool.submit(self._cluster)
        associations_read = self._start("associations", lambda: eks.list_associations(name, place or None))
        addon = self._start("agent_addon", lambda: eks.find_addon(name, AGENT_ADDON))
        addons = self._start("addons", lambda: eks.list_addons(name))
        groups_read = self._start("node_groups", lambda: eks.list_node_groups(name))
        daemon_sets_read = self._start_kube("daemon_sets", _daemon_sets)
        namespaces = self._start_kube("namespaces", lambda kube: frozenset(kube.list_namespaces()))
        accounts = self._start_kube("service_accounts", lambda kube: kube.list_service_accounts(place))
        pods_read = self._start_kube("pods", lambda kube: kube.list_pods(place))
        nodes = self._start_kube("nodes", lambda kube: kube.list_nodes())
        workloads = self._start_kube("workloads", lambda kube: kube.list_workloads(place))
        webhook = self._start_kube("webhook_present", lambda kube: kube.webhook_present())

        associations, daemon_sets = associations_read.result(), daemon_sets_read.result()
        roles = self._pool.submit(self._roles, associations)
        policies = self._pool.submit(self._policies, associations)
        agent_pods = self._pool.submit(self._agent_pods, daemon_sets, pods_read.result())
        cluster, groups = cluster_read.result(), groups_read.result()
        allowed = self._pool.submit(self._allowed, _value_of(cluster), groups)
        snapshot = Snapshot(
            taken_at=self._now,
            cluster=cluster if isinstance(cluster, Known) else missing(cluster),
            associations=associations,
            agent_addon=addon.result(),
            addons=addons.result(),
            node_groups=groups,
            roles=roles.result(),
            role_policies=policies.result(),
            node_role_allowed=allowed.result(),
            namespaces=_at_least(place, namespaces.result(), accounts.result()),
            service_accounts=accounts.result(),
            pods=pods_read.result(),
            nodes=nodes.result(),
            daemon_sets=daemon_sets,
            workloads=workloads.result(),
            webhook_present=webhook.result(),
            agent_pods=agent_pods.result(),
            namespace=place,
        )
        if isinstance(cluster, PodidError) and not _anything(snapshot):
            raise cluster
        return snapshot

    def _start(self, name: str, read: Callable[[], T]) -> Future[Section[T]]:
        return self._pool.submit(_attempt, read) if name in self._wanted else _done(NOT_READ)

    def _start_kube(self, name: str, read: Callable[[KubeReader], T]) -> Future[Section[T]]:
        kube = self._clients.kube
        if name not in self._wanted:
            return _done(NOT_READ)
        if kube is None:
            return _done(self._no_kubernetes())
        return self._pool.submit(_attempt, lambda: read(kube))

    def _no_kubernetes(self) -> Missing:
        failure = self._clients.kube_failure
        return missing(failure) if failure else Missing("there is no access to Kubernetes", error_code="Failed")

    def _cluster(self) -> Known[Cluster] | AccessDenied:
        """Only a plain denial is worth going on after: the other reads may be allowed."""
        if isinstance(self._given, Cluster):
            return Known(self._given)
        try:
            return Known(self._clients.eks.get_cluster(self._given))
        except CredentialsError:
            raise
        except AccessDenied as denied:
            return denied

    def _roles(self, associations: Section[tuple[Association, ...]]) -> dict[str, Section[Role | None]]:
        if "roles" not in self._wanted or isinstance(associations, Missing):
            return {}
        arns, found = _by_name(a.role_arn for a in associations.value)
        roles: dict[str, Section[Role | None]] = dict(found)
        try:
            for name, role in self._clients.iam.find_roles(sorted(arns)):
                for arn in arns[name]:
                    roles[arn] = missing(role) if isinstance(role, PodidError) else Known(role)
        except PodidError as error:
            for arn in (arn for same in arns.values() for arn in same):
                roles.setdefault(arn, missing(error))
        return roles

    def _policies(self, associations: Section[tuple[Association, ...]]) -> dict[str, Section[RolePolicies]]:
        if "role_policies" not in self._wanted or isinstance(associations, Missing):
            return {}
        arns, _ = _by_name(a.role_arn for a in associations.value)
        iam = self._clients.iam
        read = {name: _attempt(partial(iam.get_policies, name)) for name in sorted(arns)}
        return {arn: read[name] for name, same in arns.items() for arn in same}

    def _allowed(self, cluster: Cluster | None, groups: Section[tuple[NodeGroup, ...]]) -> dict[str, Section[bool]]:
        if "node_role_allowed" not in self._wanted or cluster is None or isinstance(groups, Missing):
            return {}
        return {arn: self._may_redeem(arn, cluster.arn) for arn in node_roles(cluster, groups.value)}

    def _may_redeem(self, role_arn: str, cluster_arn: str) -> Section[bool]:
        decisions = _attempt(lambda: self._clients.iam.simulate(role_arn, (REDEEM,), (cluster_arn,)))
        if isinstance(decisions, Missing):
            return decisions
        lacking = sorted({key for d in decisions.value for key in d.missing_context_keys})
        allowed = all(d.allowed for d in decisions.value)
        if lacking and not allowed:
            return Missing(f"the simulation depends on {', '.join(lacking)}, which only a real call carries")
        return Known(allowed)

    def _agent_pods(
        self, daemon_sets: Section[tuple[DaemonSet, ...]], pods: Section[tuple[Pod, ...]]
    ) -> Section[tuple[Pod, ...]]:
        """From the pods at hand when these are all of the cluster's, else by asking for the agent's alone."""
        if "agent_pods" not in self._wanted:
            return NOT_READ
        if isinstance(daemon_sets, Missing):
            return daemon_sets
        agents, kube = [ds for ds in daemon_sets.value if is_agent(ds)], self._clients.kube
        if isinstance(pods, Known) and not self._namespace:
            return Known(tuple(pod for pod in pods.value if any(runs_in(pod, ds) for ds in agents)))
        if kube is None:
            return self._no_kubernetes()
        return _attempt(
            lambda: tuple(
                pod
                for ds in agents
                for pod in kube.list_pods(ds.namespace, selector=ds.selector or None)
                if runs_in(pod, ds)
            )
        )


def _attempt(read: Callable[[], T]) -> Section[T]:
    try:
        return Known(read())
    except PodidError as error:
        return missing(error)


def _done(section: Missing) -> Future[Section[T]]:
    future: Future[Section[T]] = Future()
    future.set_result(section)
    return future


def _value_of(cluster: Known[Cluster] | AccessDenied) -> Cluster | None:
    return cluster.value if isinstance(cluster, Known) else None


def _daemon_sets(kube: KubeReader) -> tuple[DaemonSet, ...]:
    """All of the cluster's; with rights in the agent's usual namespace only, that one's if the agent is there: its
    absence there would prove nothing."""
    try:
        return kube.list_daemon_sets()
    except CredentialsError:
        raise
    except AccessDenied as denied:
        try:
            nearby = kube.list_daemon_sets(AGENT_NAMESPACE)
        except PodidError:
            raise denied from None
        if any(is_agent(ds) for ds in nearby):
            return nearby
        raise


def _at_least(
    namespace: str, namespaces: Section[frozenset[str]], accounts: Section[tuple[ServiceAccount, ...]]
) -> Section[frozenset[str]]:
    """A namespace that has a service account exists, also for those who may not list namespaces."""
    if isinstance(namespaces, Missing) and isinstance(accounts, Known) and namespace and accounts.value:
        return Known(frozenset({namespace}))
    return namespaces


def _by_name(role_arns: Iterable[str]) -> tuple[dict[str, list[str]], dict[str, Missing]]:
    """Role name -> the ARNs that are called so, and what is no role ARN at all."""
    names: dict[str, list[str]] = defaultdict(list)
    odd: dict[str, Missing] = {}
    for arn in dict.fromkeys(role_arns):
        try:
            names[parse_role_arn(arn).resource_name].append(arn)
        except InvalidInput as error:
            odd[arn] = missing(error)
    return dict(names), odd


def _anything(snapshot: Snapshot) -> bool:
    return any(
        isinstance(getattr(snapshot, name), Known)
        for name in ("associations", "agent_addon", "addons", "node_groups", "pods", "nodes", "daemon_sets")
    )
