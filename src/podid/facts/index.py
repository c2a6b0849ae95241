"""Lookups in a snapshot: the pods of each association, the roles of associations, and the service accounts of each
node.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from podid.domain.aws import Association, Listed, Role, UnreadAssociation, described
from podid.domain.cluster import Node, Pod
from podid.domain.errors import InvalidInput, Other
from podid.domain.findings import EVERYONE, Subject
from podid.domain.grouping import grouped
from podid.domain.names import ServiceAccountRef, parse_role_arn, role_name
from podid.domain.snapshot import NOT_READ, Known, Missing, Section, Snapshot, known, known_or, part
from podid.domain.text import short_list
from podid.domain.trust import Policy, TrustPolicyError, allows_by_issuer, parse_policy
from podid.domain.workloads import RESTARTABLE, live, runs_agent, workload_subject

T = TypeVar("T")


def once(work: Callable[[Snapshot], T]) -> Callable[[Snapshot], T]:
    """Return the function with a cache: it keeps its result while the snapshot exists, and not longer."""
    kept: WeakKeyDictionary[Snapshot, T] = WeakKeyDictionary()

    @wraps(work)
    def kept_or_worked_out(snapshot: Snapshot) -> T:
        try:
            return kept[snapshot]
        except KeyError:
            return kept.setdefault(snapshot, work(snapshot))

    return kept_or_worked_out


_FRESH = timedelta(hours=1)
# these names were not typed just now: a likely typing mistake requires more likeness than on a command line
LIKELY = 0.75
ADDON_OWNED = "an add-on owns the association, and creates the service account itself"


@dataclass(frozen=True, slots=True)
class Index:
    """The snapshot's lists by the keys that checks use; empty if a section is missing."""

    associations: Mapping[ServiceAccountRef, Listed]
    pods: Mapping[ServiceAccountRef, tuple[Pod, ...]]
    nodes: Mapping[str, Node]
    users: Mapping[str, tuple[str, ...]]
    on_delete: frozenset[Subject]
    partitions: Mapping[Subject, int]
    paused: frozenset[Subject]
    controllers: frozenset[Subject]


@once
def index(snapshot: Snapshot) -> Index:
    """Return the index of the snapshot. `users` maps a node's name to the associated service accounts ("ns/name") with
    live pods there; `on_delete`, `partitions` and `paused` are the workloads that do not replace (all) pods,
    `controllers` those that have pods."""
    associations = {a.ref: a for a in known_or(snapshot.associations, ())}
    pods: dict[ServiceAccountRef, list[Pod]] = defaultdict(list)
    users: dict[str, set[str]] = defaultdict(set)
    workloads = known_or(snapshot.workloads, ())
    for pod in known_or(snapshot.pods, ()):
        if runs_agent(pod):
            continue  # the agent must not have injected credentials: agent-hijacked-by-default-sa
        pods[pod.ref].append(pod)
        if pod.node and live(pod) and pod.ref in associations:
            users[pod.node].add(str(pod.ref))
    return Index(
        associations=associations,
        pods={ref: tuple(sorted(members, key=lambda p: p.name)) for ref, members in pods.items()},
        nodes={n.name: n for n in known_or(snapshot.nodes, ())},
        users={node: tuple(sorted(names)) for node, names in users.items()},
        on_delete=frozenset(w.subject for w in workloads if w.on_delete),
        partitions={w.subject: w.partition for w in workloads if w.partition},
        paused=frozenset(w.subject for w in workloads if w.paused and w.kind in RESTARTABLE),
        controllers=frozenset(workload_subject(pod) for members in pods.values() for pod in members if pod.owner),
    )


@once
def in_templates(snapshot: Snapshot) -> Mapping[Subject, tuple[str, ...]]:
    """Return the variables that the templates of workloads set, if all pods of the workload are of its template."""
    workloads = known_or(snapshot.workloads, ())
    return {w.subject: w.variables for w in workloads if w.variables is not None and w.updated >= w.replicas}


def users_on(snapshot: Snapshot, nodes: Iterable[str]) -> tuple[str, ...]:
    """Return the associated service accounts ("ns/name") with live pods on these nodes."""
    users = index(snapshot).users
    return tuple(sorted({name for node in nodes for name in users.get(node, ())}))


class Affected(NamedTuple):
    """The service accounts that a failure on nodes affects: the `chain` of a case, and the nodes; empty for all."""

    chain: tuple[str, ...]
    nodes: tuple[str, ...] = ()


def reach_on(snapshot: Snapshot, affected: Callable[[Node], bool]) -> Affected:
    """Return the associated service accounts with live pods on such a node; all if nodes or pods could not be read."""
    if any(isinstance(section, Missing) for section in (snapshot.nodes, snapshot.pods, snapshot.associations)):
        return Affected(EVERYONE)
    nodes = tuple(sorted(node.name for node in index(snapshot).nodes.values() if affected(node)))
    return Affected(users_on(snapshot, nodes), nodes)


def by_workload(pods: Iterable[Pod]) -> dict[Subject, list[Pod]]:
    return dict(sorted(grouped((workload_subject(pod), pod) for pod in pods).items()))


def set_account(workload: Subject, account: str) -> tuple[tuple[str, ...], ...]:
    """Return the command that sets its pods' service account; none for a kind that kubectl does not support."""
    if workload.kind not in RESTARTABLE:
        return ()
    target = f"{workload.kind.lower()}/{workload.name}"
    return (("kubectl", "-n", workload.namespace, "set", "serviceaccount", target, account),)


def role_subject(arn: str) -> Subject:
    try:
        return Subject("Role", parse_role_arn(arn).resource_name)
    except InvalidInput:
        return Subject("Role", arn)


def chain_of(associations: Iterable[Listed]) -> tuple[str, ...]:
    return tuple(sorted({str(a.ref) for a in associations}))


def namespaces_words(snapshot: Snapshot) -> str:
    """Return the namespaces of the snapshot in a sentence, if not all were read."""
    several = "s" if len(snapshot.only_namespaces) > 1 else ""
    return f"namespace{several} {short_list(snapshot.only_namespaces)}"


def cluster_subject(snapshot: Snapshot) -> Subject:
    return Subject("Cluster", cluster_name(snapshot) or "-")


def cluster_name(snapshot: Snapshot) -> str:
    return snapshot.cluster.value.name if isinstance(snapshot.cluster, Known) else ""


def podid_command(snapshot: Snapshot, *words: str) -> tuple[str, ...]:
    """Return the argv of a podid command for the snapshot's cluster."""
    return ("podid", *words, *cluster_flags(snapshot))


def disassociate(snapshot: Snapshot, association: Listed) -> tuple[str, ...]:
    """Return the argv that deletes an association. podid refuses names that Kubernetes refuses."""
    if not association.ref.refused:
        return podid_command(snapshot, "disassociate", str(association.ref))
    cluster = ("--cluster-name", association.cluster_name)
    return ("aws", "eks", "delete-pod-identity-association", *cluster, "--association-id", association.association_id)


def cluster_flags(snapshot: Snapshot) -> tuple[str, ...]:
    name = cluster_name(snapshot)
    return ("--cluster", name) if name else ()


def show_role(arn: str) -> tuple[str, ...]:
    """Return the argv that shows a role. IAM's names may begin with a dash."""
    return Other(("role", "show"), (role_name(arn),)).of()


@once
def used_without_role(snapshot: Snapshot) -> Mapping[str, list[ServiceAccountRef]]:
    """Return the service accounts, by name, that pods or workloads use although they have neither an association nor a
    role of IRSA. Every namespace has the service account `default`, so its name identifies nothing."""
    facts = index(snapshot)
    used = {item.ref for item in known_or(snapshot.workloads, ())} | set(facts.pods)
    accounts = (account for account in known_or(snapshot.service_accounts, ()) if account.name != "default")
    free = {account.ref for account in accounts if not account.irsa_role_arn} & used - set(facts.associations)
    return grouped((ref.name, ref) for ref in sorted(free))


def aws_role(arn: str) -> tuple[str, ...]:
    """Return the AWS CLI's role option, in one word if the role's name begins with a dash."""
    name = role_name(arn)
    return (f"--role-name={name}",) if name.startswith("-") else ("--role-name", name)


class Placed(NamedTuple):
    """`pods` are the workload's live ones."""

    association: Listed
    workload: Subject
    pods: list[Pod]


@once
def placed(snapshot: Snapshot) -> tuple[Placed, ...]:
    facts = index(snapshot)
    return tuple(
        Placed(association, workload, pods)
        for ref, association in sorted(facts.associations.items())
        for workload, pods in by_workload(p for p in facts.pods.get(ref, ()) if live(p)).items()
    )


def by_role(snapshot: Snapshot) -> dict[str, list[Association]]:
    """Return the associations by the ARN of their role, both sorted."""
    associations = described(known(snapshot.associations))
    return dict(sorted(grouped((association.role_arn, association) for association in associations).items()))


def by_target(snapshot: Snapshot) -> dict[str, list[Association]]:
    """Return the associations by the ARN of their target role, both sorted, without those that have none."""
    chained = ((a.target_role_arn, a) for a in described(known(snapshot.associations)) if a.target_role_arn)
    return dict(sorted(grouped(chained).items()))


def unread(snapshot: Snapshot) -> dict[Missing, list[UnreadAssociation]]:
    """Return the associations that could not be described, by reason; the first reason for each cause."""
    unread = (a for a in known_or(snapshot.associations, ()) if isinstance(a, UnreadAssociation))
    causes = grouped(((a.error_code, a.permission), a) for a in unread)
    return {members[0].unread: members for members in causes.values()}


def role_of(association: Listed) -> str:
    """Return the association's role, in a sentence."""
    return f"role {role_name(association.role_arn)}" if isinstance(association, Association) else "an unknown role"


def role_section(snapshot: Snapshot, arn: str) -> Section[Role | None]:
    """Return the role; Known(None) if it does not exist, or exists only under another path."""
    return under(arn, part(snapshot.roles, arn))


def under(arn: str, section: Section[Role | None]) -> Section[Role | None]:
    if isinstance(section, Known) and section.value is not None and section.value.arn != arn:
        return Known(None)
    return section


def trust_policy(snapshot: Snapshot, arn: str) -> Section[Policy | None]:
    """Return the parsed trust policy of an association's role; Known(None) if the role does not exist."""
    return parsed_trust(role_section(snapshot, arn))


def parsed_trust(role: Section[Role | None]) -> Section[Policy | None]:
    if isinstance(role, Missing) or role.value is None:
        return role if isinstance(role, Missing) else Known(None)
    try:
        return Known(parse_policy(role.value.trust))
    except TrustPolicyError as error:
        return Missing(f"the trust policy cannot be parsed: {error}")


def annotated_trust(snapshot: Snapshot, arn: str) -> Section[Policy | None]:
    """Return the parsed trust policy of the role in an IRSA annotation, as `trust_policy` does."""
    role = part(snapshot.annotated_roles, arn)
    return trust_policy(snapshot, arn) if role == NOT_READ else parsed_trust(under(arn, role))


def allowed_by_irsa(snapshot: Snapshot, ref: ServiceAccountRef, arn: str) -> bool | None:
    """Return whether the role's trust policy allows this service account by the cluster's OIDC issuer. None if the role
    or the issuer is not known."""
    policy = known_or(annotated_trust(snapshot, arn), None)
    provider = snapshot.cluster.value.oidc_provider_arn if isinstance(snapshot.cluster, Known) else ""
    return allows_by_issuer(policy, provider, ref) if policy is not None and provider else None


def fresh(snapshot: Snapshot, association: Listed) -> bool:
    """Return whether the association may be created before its namespace and service account, as Terraform does it."""
    created_at = association.created_at if isinstance(association, Association) else None
    return created_at is not None and snapshot.taken_at - created_at < _FRESH
