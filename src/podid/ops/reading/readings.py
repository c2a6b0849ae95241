"""The sources of a snapshot's sections, and the functions that read sections by more than one request.

Each requests only the data that other sections do not provide.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

from podid.calls import pacing
from podid.domain import aws
from podid.domain.cluster import DaemonSet, Pod
from podid.domain.errors import AccessDenied, CredentialsError, PodidError
from podid.domain.evidence import LogSighting
from podid.domain.exposure import TEMPORARY, AccessKey, IdentityGrant, KeyPlace
from podid.domain.names import AGENT_ADDON, AGENT_NAMESPACE
from podid.domain.network import CiliumPolicy, Egress
from podid.domain.products import MOUNTPOINT, PRODUCTS, CredentialWay, ProductSetting
from podid.domain.snapshot import Known, Missing, Section, attempt, known_or, missing
from podid.domain.versions import next_minor
from podid.domain.workloads import is_agent, live, pods_of, runs_cilium
from podid.facts.agent_logs import mode_of
from podid.kube.project_custom import CUSTOM
from podid.kube.reader import KubeReader
from podid.ops.agent import logs
from podid.ops.change.journal import Journal
from podid.ops.clients import Clients
from podid.ops.reading.scope import DoctorScope


class InNamespace(Protocol):
    @property
    def namespace(self) -> str: ...


Placed = TypeVar("Placed", bound=InNamespace)


class Gap(Exception):
    """Ends the reading of a section that requires a missing section."""

    def __init__(self, missing: Missing) -> None:
        self.missing = missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The source of a section. `previous` is the section in the snapshot that is read again, or NOT_READ. `before`
    returns a section that the row needs or uses, after it was read; NOT_READ if it was not requested. `planned` are
    associations that do not exist yet; with `by_name` no association is described. `journal` is podid's own, if there
    is one; with `all_pods` a token of each pod is redeemed."""

    clients: Clients
    cluster: aws.Cluster
    scope: DoctorScope
    now: datetime
    journal: Journal | None
    all_pods: bool
    previous: Section[Any]
    before: Callable[[str], Section[Any]]
    planned: tuple[aws.Association, ...] = ()
    by_name: bool = False

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Return the requested namespaces; empty for all."""
        return self.scope.namespaces

    def value(self, name: str) -> Any:
        """Return the value of a section in `before`. Raise Gap if it is missing, which makes this one missing too."""
        section = self.before(name)
        if isinstance(section, Missing):
            raise Gap(section)
        return section.value

    def of_namespaces(self, read: Callable[[str], tuple[Placed, ...]]) -> tuple[Placed, ...]:
        """Return the result of `read` for the namespaces, or for all; cluster-scoped objects only once."""
        first, *more = self.namespaces or ("",)
        if not more:
            return read(first)
        items_of = dict(pacing.fan_out(read, (first, *more)))
        others = (item for place in more for item in items_of[place] if item.namespace)
        return (*items_of[first], *others)

    @property
    def kube(self) -> KubeReader:
        """Return the reader. Raise the reason if there is no access to Kubernetes."""
        return self.clients.kube.reader

    @property
    def named(self) -> tuple[aws.Association, ...]:
        """Return the associations of the named service accounts; all if none was named."""
        named = self.scope.named
        return tuple(a for a in self.associations if not named or a.ref in named)

    def some(self, most: int) -> tuple[aws.Association, ...]:
        """Return all associations of named service accounts; otherwise the first ones."""
        return self.named if self.scope.named else self.named[:most]

    @property
    def associations(self) -> tuple[aws.Association, ...]:
        """Return the described associations, and the planned ones."""
        return (*aws.described(known_or(self.before("associations"), ())), *self.planned)


LOGS_SINCE = timedelta(hours=1)
# a controller retries after 1,000 s at most, k8s.io/client-go/util/workqueue
WARNINGS_SINCE = timedelta(minutes=20)
# each requires two calls
MOST_CRASHES = 10


def associations(source: Source) -> tuple[aws.Listed, ...]:
    """Return all associations, sorted, described if this was requested and possible."""
    name, (namespace, *_) = source.cluster.name, (*source.namespaces, None)
    if source.by_name:
        return tuple(map(aws.UnreadAssociation.unasked, source.clients.eks.list_association_summaries(name, namespace)))
    named = frozenset(source.scope.named)
    listed = [*source.clients.eks.iter_associations(name, namespace, only=named)]
    if not source.planned and not named <= {association.ref for association in listed}:
        # a missing association may be in another namespace by mistake
        elsewhere = source.clients.eks.list_association_summaries(name)
        listed += (aws.UnreadAssociation.unasked(s) for s in elsewhere if s.namespace not in source.namespaces)
    return tuple(sorted(listed, key=lambda association: (association.ref, association.association_id)))


def products(source: Source) -> dict[str, Section[tuple[ProductSetting, ...]]]:
    """Return the settings by the plural of their kind, without kinds that the cluster does not have."""
    groups = source.kube.list_api_groups()

    def read(kind: tuple[str, str]) -> Section[tuple[ProductSetting, ...]]:
        listed = partial(source.kube.list_product_settings, *kind, groups[kind[0]])
        return attempt(partial(source.of_namespaces, listed))

    served = [(group, plural) for group, kinds in CUSTOM.items() if group in groups for plural in kinds]
    # concurrently, because each kind of an unavailable group is retried
    sections = dict(pacing.fan_out(read, served))
    settings = {plural: sections[group, plural] for group, plural in served}
    sets = source.before("daemon_sets")
    if isinstance(sets, Missing):
        settings["persistentvolumes"] = sets
    elif any(PRODUCTS[MOUNTPOINT].image in image for ds in sets.value for image in ds.images):
        settings["persistentvolumes"] = attempt(source.kube.list_volume_settings)
    return settings


def csi_drivers(source: Source) -> dict[str, frozenset[str]]:
    """Return the CSI drivers; empty if no product uses them to get credentials of pods."""
    needed = any(
        setting.way is CredentialWay.POD_IDENTITY
        for section in source.value("products").values()
        for setting in known_or(section, ())
    )
    return dict(source.kube.list_csi_drivers()) if needed else {}


def instances(source: Source) -> dict[str, aws.Instance]:
    """Return node -> its EC2 instance; empty if the nodes are not known."""
    nodes = known_or(source.before("nodes"), ())
    ids = {node.instance_id: node.name for node in nodes if node.instance_id}
    if not ids:
        return {}
    read = source.clients.aws.ec2.list_instances(tuple(ids))
    return {ids[number]: instance for number, instance in read.items() if number in ids}


def agent_logs(source: Source) -> dict[str, Section[tuple[LogSighting, ...]]]:
    """Return the failures in the logs of the last hour, which are read concurrently."""
    agents = [pod for pod in source.value("agent_pods") if pod.node]
    askers = {
        ip: str(pod.ref)
        for pod in known_or(source.before("pods"), ())
        if not pod.host_network and live(pod)
        for ip in pod.ips
    }
    sightings: dict[str, Section[tuple[LogSighting, ...]]] = {}
    for pod, triage in logs.triaged(source.kube, agents, LOGS_SINCE):
        name = f"{pod.namespace}/{pod.name}"
        if isinstance(triage, PodidError):
            sightings[name] = missing(triage)
        else:
            sightings[name] = Known(_sightings(pod, triage.tallies.values(), askers))
    return sightings


def _sightings(pod: Pod, tallies: Iterable[logs.Tally], askers: Mapping[str, str]) -> tuple[LogSighting, ...]:
    return tuple(
        LogSighting(
            id=tally.id,
            node=pod.node,
            count=tally.count,
            sample=tally.sample,
            accounts=tuple(sorted({askers[client] for client in tally.clients if client in askers})),
            last=tally.last,
            running=pod.ready,
        )
        for tally in tallies
        if tally.id and not tally.noise
    )


def agent_crashes(source: Source) -> dict[str, Section[tuple[LogSighting, ...]]]:
    """Return the failures of some crash-looping agent pods: on many nodes they have one cause. A node that is not ready
    provides no logs."""
    down = {node.name for node in known_or(source.before("nodes"), ()) if not node.ready}
    pods = [pod for pod in source.value("agent_pods") if logs.crashing(pod) and pod.node not in down]
    return {f"{p.namespace}/{p.name}": attempt(partial(_why_it_ends, source, p)) for p in pods[:MOST_CRASHES]}


def _why_it_ends(source: Source, pod: Pod) -> tuple[LogSighting, ...]:
    ends = (mode_of(logs.end_of_log(source.kube, pod, container.name)) for container in logs.crashing(pod))
    shown = {mode: line for mode, line in ends if mode}
    return tuple(
        LogSighting(id=mode, node=pod.node, count=1, sample=line, running=False) for mode, line in shown.items()
    )


def pod_security(source: Source) -> dict[str, str]:
    """Return the Pod Security level of namespaces whose agent DaemonSet has fewer pods than desired."""
    names = dict.fromkeys(ds.namespace for ds, running in _agents(source) if running < ds.desired)
    return {name: source.kube.find_pod_security(name) for name in names}


def _agents(source: Source) -> Iterator[tuple[DaemonSet, int]]:
    """Yield the agent's DaemonSets, each with its number of live pods."""
    pods = source.value("agent_pods")
    for ds in filter(is_agent, source.value("daemon_sets")):
        yield ds, sum(map(live, pods_of((ds,), pods)))


def agent_warnings(source: Source) -> dict[str, Section[tuple[str, ...]]]:
    """Return recent warning events by "NAMESPACE/NAME": of agent DaemonSets with fewer pods than desired, and of agent
    pods that do not start."""
    pods: tuple[Pod, ...] = source.value("agent_pods")
    lacking = [("DaemonSet", ds.namespace, ds.name) for ds, running in _agents(source) if running < ds.desired]
    stuck = [("Pod", pod.namespace, pod.name) for pod in pods if pod.phase == "Pending" and pod.node]
    read = partial(source.kube.list_warnings, since=source.now - WARNINGS_SINCE)
    return {
        f"{namespace}/{name}": attempt(partial(read, namespace, kind, name))
        for kind, namespace, name in (*lacking, *stuck[:3])
    }


def agent_addon(source: Source) -> aws.Addon | None:
    addon = source.clients.eks.find_addon(source.cluster.name, AGENT_ADDON)
    return None if addon is None else _without_values(addon)


def addons(source: Source) -> tuple[aws.Addon, ...]:
    agent = known_or(source.before("agent_addon"), None)
    known = (agent,) if agent is not None else ()
    return tuple(map(_without_values, source.clients.eks.list_addons(source.cluster.name, known)))


def _without_values(addon: aws.Addon) -> aws.Addon:
    """Return the add-on without its configuration: no check uses it, and it may contain a proxy's password."""
    return replace(addon, configuration_values="")


def agent_versions(source: Source) -> tuple[aws.AddonVersion, ...]:
    if source.before("agent_addon") == Known(None):
        return ()
    return source.clients.eks.list_addon_versions(AGENT_ADDON, source.cluster.version)


def agent_next_versions(source: Source) -> tuple[aws.AddonVersion, ...]:
    following = next_minor(source.cluster.version)
    if source.before("agent_addon") == Known(None) or not following:
        return ()
    return source.clients.eks.list_addon_versions(AGENT_ADDON, following)


def upgrade_insights(source: Source) -> tuple[aws.UpgradeInsight, ...]:
    eks, cluster = source.clients.eks, source.cluster.name
    pairs = pacing.fan_out(partial(eks.find_insight, cluster), eks.list_upgrade_findings(cluster))
    return tuple(sorted((item for _, item in pairs if item is not None), key=lambda item: item.name))


def daemon_sets(source: Source) -> tuple[DaemonSet, ...]:
    """Return all DaemonSets of the cluster. With permissions in the agent's usual namespace only, return those of that
    namespace, if the agent is among them. Otherwise raise: its absence there does not prove that it is not
    installed."""
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


def namespaces(source: Source) -> frozenset[str]:
    """Return the names of the namespaces. Without the permission to list namespaces, derive them from service accounts:
    a namespace with a service account exists. Raise if this does not cover every namespace that the scope or an
    association names."""
    try:
        return frozenset(source.kube.list_namespaces())
    except PodidError:
        inhabited = frozenset(account.namespace for account in known_or(source.before("service_accounts"), ()))
        associations = source.before("associations")
        named = source.namespaces or [association.namespace for association in known_or(associations, ())]
        if inhabited.issuperset(named) and (source.namespaces or isinstance(associations, Known)):
            return inhabited
        raise


def agent_pods(source: Source) -> tuple[Pod, ...]:
    """Return the agent's pods, from the pods that were read if these are all of the cluster's."""
    agents = list(filter(is_agent, source.value("daemon_sets")))
    if not source.namespaces and isinstance(pods := source.before("pods"), Known):
        return pods_of(agents, pods.value)
    return source.kube.list_pods_of(agents)


def cilium_policies(source: Source) -> tuple[CiliumPolicy, ...]:
    installed = runs_cilium(source.value("daemon_sets"))
    return source.of_namespaces(source.kube.list_cilium_policies) if installed else ()


def config_map_keys(source: Source) -> dict[tuple[str, str], Section[Mapping[str, str] | None]]:
    associated = {a.ref for a in source.associations}
    named = dict.fromkeys(
        (pod.namespace, env.name)
        for pod in source.value("pods")
        if pod.ref in associated and live(pod)
        for container in pod.containers
        for env in container.env_from
        if env.kind == "ConfigMap"
    )
    return {pair: attempt(partial(source.kube.find_config_map_keys, *pair)) for pair in named}


def egress(source: Source) -> Egress | Missing:
    vpc = source.cluster.vpc_id
    if not vpc:
        return Missing("EKS reports no VPC for the cluster")
    ec2 = source.clients.aws.ec2
    vpc_egress = Egress(ec2.list_route_tables(vpc), ec2.list_vpc_endpoints(vpc))
    endpoint = vpc_egress.eks_auth
    if endpoint is None or not endpoint.private_dns or not endpoint.group_ids:
        return vpc_egress
    return replace(vpc_egress, groups=attempt(partial(ec2.list_security_groups, endpoint.group_ids)))


# --- stored access keys, and permissions by which others get an identity ----------------------------------------------


def access_keys(source: Source) -> tuple[AccessKey, ...]:
    """Return the access keys in pods and ConfigMaps."""
    kube = source.kube
    places = (*source.of_namespaces(kube.list_keys_of_pods), *source.of_namespaces(kube.list_keys_of_config_maps))
    return _with_accounts(source, places)


def secret_keys(source: Source) -> tuple[AccessKey, ...]:
    return _with_accounts(source, source.of_namespaces(source.kube.list_keys_of_secrets))


def _with_accounts(source: Source, places: Iterable[KeyPlace]) -> tuple[AccessKey, ...]:
    """Return the keys without their IDs, each with its account if STS returns it."""
    listed = tuple(places)
    sts, ids = source.clients.aws.sts, sorted({place.key_id for place in listed})
    accounts = dict(pacing.fan_out(pacing.attempt(sts.get_key_account), ids)) if ids else {}
    keys = {
        AccessKey(
            place.subject,
            place.place,
            place.key_id[-4:],
            place.key_id.startswith(TEMPORARY),
            account if isinstance(account := accounts[place.key_id], str) else "",
        )
        for place in listed
    }
    return tuple(sorted(keys))


def access_policies(source: Source) -> tuple[aws.AccessPolicy, ...]:
    """Return the access policies of the cluster; none if only the ConfigMap aws-auth grants access."""
    if source.cluster.authentication_mode == "CONFIG_MAP":
        return ()
    return source.clients.eks.list_access_policies(source.cluster.name)


def grants(source: Source) -> tuple[IdentityGrant, ...]:
    """Return the grants in the namespaces, and those in all namespaces, once."""
    namespaces = source.namespaces or ("",)
    return tuple(sorted({grant for namespace in namespaces for grant in source.kube.list_grants(namespace)}))
