"""How sections are read that take more than one question: each asks only for what the others leave open."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial

from podid.domain.ceilings import allowed_actions, leaves_something
from podid.domain.errors import PodidError
from podid.domain.grants import AssumeRights, PolicyNames
from podid.domain.grants import assume_rights as rights_in
from podid.domain.instances import Instance
from podid.domain.model import Decision, Pod
from podid.domain.names import AWS_MANAGED, role_name
from podid.domain.nodes import node_roles
from podid.domain.products import MOUNTPOINT, PRODUCTS, CredentialWay, ProductSetting
from podid.domain.sightings import LogSighting
from podid.domain.snapshot import NOT_READ, Known, Missing, Section, attempt, known_or, missing
from podid.domain.workloads import is_agent, live
from podid.kube.project_products import CUSTOM
from podid.ops.agent import logs
from podid.ops.doctor.source import Source

# of AWS's own policies none lets its bearer go on to a customer's role
# what the CNI does all the time, and AmazonEKS_CNI_Policy allows
CNI_ACTION = "ec2:AssignPrivateIpAddresses"
LOGS_SINCE = timedelta(hours=1)
CNI_ACCOUNT = ("kube-system", "aws-node")

Settings = Mapping[str, Section[tuple[ProductSetting, ...]]]


def products(source: Source) -> dict[str, Section[tuple[ProductSetting, ...]]]:
    """By the plural of their kind; kinds that the cluster does not have are left out."""
    groups = source.kube.list_api_groups()
    found: dict[str, Section[tuple[ProductSetting, ...]]] = {}
    for group, kinds in CUSTOM.items():
        for plural in kinds if group in groups else ():
            read = partial(source.kube.list_product_settings, group, plural, groups[group], source.namespace)
            found |= _unless_unknown_kind(plural, attempt(read))
    sets = source.before("daemon_sets")
    if isinstance(sets, Missing):
        found["persistentvolumes"] = sets
    elif any(PRODUCTS[MOUNTPOINT].image in image for ds in sets.value for image in ds.images):
        found["persistentvolumes"] = attempt(source.kube.list_volume_settings)
    return found


def _unless_unknown_kind(
    plural: str, section: Section[tuple[ProductSetting, ...]]
) -> dict[str, Section[tuple[ProductSetting, ...]]]:
    """A group may be there without one of its kinds."""
    unknown = isinstance(section, Missing) and section.error_code in ("Rejected", "NotFound")
    return {} if unknown else {plural: section}


def csi_drivers(source: Source) -> dict[str, frozenset[str]] | Missing:
    """Not read where nothing asks for credentials of pods by way of a CSI driver."""
    settings = source.before("products")
    if isinstance(settings, Missing):
        return settings
    asked = any(
        setting.way is CredentialWay.POD_IDENTITY
        for section in settings.value.values()
        for setting in known_or(section, ())
    )
    return dict(source.kube.list_csi_drivers()) if asked else {}


def instances(source: Source) -> dict[str, Instance]:
    """Node -> its instance, of nodes that are one; none where the nodes are not known, which is a gap of its own."""
    nodes = known_or(source.before("nodes"), ())
    ids = {node.instance_id: node.name for node in nodes if node.instance_id}
    if not ids:
        return {}
    return {ids[each]: found for each, found in source.ec2().list_instances(tuple(ids)).items() if each in ids}


def assume_rights(source: Source) -> dict[str, Section[AssumeRights]] | Missing:
    """Role ARN -> what its policies say of going on; a managed policy is read once however many roles have it, and
    AWS's own are not: none of these lets its bearer go on to a customer's role."""
    names = source.before("role_policies")
    if isinstance(names, Missing):
        return names
    known = {arn: section.value for arn, section in names.value.items() if isinstance(section, Known)}
    pairs = [(role_name(arn), policy) for arn, each in known.items() for policy in each.inline]
    inline = dict(source.iam.get_inline_documents(sorted(set(pairs))))
    managed_arns = {policy for each in known.values() for policy in each.attached if AWS_MANAGED not in policy}
    managed = dict(source.iam.get_managed_documents(sorted(managed_arns)))
    found: dict[str, Section[AssumeRights]] = {
        arn: section for arn, section in names.value.items() if isinstance(section, Missing)
    }
    for arn, each in known.items():
        role = role_name(arn)
        answers = [inline.get((role, policy)) for policy in each.inline]
        answers += [managed.get(policy) for policy in each.attached if AWS_MANAGED not in policy]
        failed = next((answer for answer in answers if isinstance(answer, PodidError)), None)
        documents = [answer for answer in answers if isinstance(answer, Mapping)]
        found[arn] = missing(failed) if failed is not None else Known(rights_in(documents, allowed_actions(documents)))
    return found


def bounded(source: Source) -> dict[str, Section[bool]] | Missing:
    """Role ARN -> whether its permissions boundary may leave anything of what its policies allow; of roles that have
    one. What `assume_rights` has read is not read again."""
    roles, names, rights = source.before("roles"), source.before("role_policies"), source.before("assume_rights")
    if isinstance(roles, Missing):
        return roles
    if isinstance(names, Missing):
        return names
    if isinstance(rights, Missing):
        return rights
    having = {
        arn: role.permissions_boundary_arn
        for arn, section in roles.value.items()
        if (role := known_or(section, None)) is not None and role.permissions_boundary_arn
    }
    attached = {arn: known_or(names.value.get(arn, NOT_READ), PolicyNames()).attached for arn in having}
    of_aws = {policy for policies in attached.values() for policy in policies if AWS_MANAGED in policy}
    documents = dict(source.iam.get_managed_documents(sorted({*having.values(), *of_aws})))
    found: dict[str, Section[bool]] = {}
    for arn, boundary in having.items():
        own = rights.value.get(arn, NOT_READ)
        needed = [documents[policy] for policy in (boundary, *attached[arn]) if policy in documents]
        failed = next((each for each in needed if isinstance(each, PodidError)), None)
        if failed is not None:
            found[arn] = missing(failed)
        elif isinstance(own, Missing):
            found[arn] = own
        else:
            ceiling, *policies = (each for each in needed if isinstance(each, Mapping))
            allowed = (*own.value.allows, *allowed_actions(policies))
            # one without any permission is role-no-permissions
            found[arn] = Known(not allowed or leaves_something(allowed, ceiling))
    return found


def cni_rights(source: Source) -> dict[str, Section[tuple[Decision, ...]]] | Missing:
    """Node role ARN -> whether it may do what the VPC CNI does; asked only where the CNI has a role of its own."""
    if not any((a.namespace, a.service_account) == CNI_ACCOUNT for a in source.associations):
        return {}
    groups = source.before("node_groups")
    if isinstance(groups, Missing):
        return groups
    roles = node_roles(source.cluster, groups.value)
    return {arn: attempt(partial(source.iam.simulate, arn, (CNI_ACTION,))) for arn in roles}


def agent_logs(source: Source) -> dict[str, Section[tuple[LogSighting, ...]]] | Missing:
    """The logs of the last hour, many at once."""
    agents = source.before("agent_pods")
    if isinstance(agents, Missing):
        return agents
    askers = {
        ip: str(pod.ref)
        for pod in known_or(source.before("pods"), ())
        if not pod.host_network and live(pod)
        for ip in pod.ips
    }
    reader = source.kube
    found: dict[str, Section[tuple[LogSighting, ...]]] = {}
    for pod, tallies in logs.tallies_of(reader, [pod for pod in agents.value if pod.node], LOGS_SINCE):
        name = f"{pod.namespace}/{pod.name}"
        found[name] = missing(tallies) if isinstance(tallies, PodidError) else Known(_sightings(pod, tallies, askers))
    return found


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


def agent_warnings(source: Source) -> dict[str, Section[tuple[str, ...]]] | Missing:
    """Of agent DaemonSets that have fewer pods than they want, and of agent pods that do not start: what controllers
    complain of, by "NAMESPACE/NAME"."""
    sets, pods = source.before("daemon_sets"), source.before("agent_pods")
    if isinstance(sets, Missing):
        return sets
    if isinstance(pods, Missing):
        return pods
    found: dict[str, Section[tuple[str, ...]]] = {}
    for ds in (each for each in sets.value if is_agent(each)):
        running = sum(
            live(pod) and pod.namespace == ds.namespace and pod.owner is not None and pod.owner.name == ds.name
            for pod in pods.value
        )
        if running < ds.desired or not running:
            read = partial(source.kube.list_warnings, ds.namespace, "DaemonSet", ds.name)
            found[f"{ds.namespace}/{ds.name}"] = attempt(read)
    stuck = [pod for pod in pods.value if pod.phase == "Pending" and pod.node]
    for pod in stuck[:3]:
        found[f"{pod.namespace}/{pod.name}"] = attempt(
            partial(source.kube.list_warnings, pod.namespace, "Pod", pod.name)
        )
    return found
