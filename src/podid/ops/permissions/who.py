"""The service accounts whose pods may perform an action."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from podid.domain.aws import Association, UnreadAssociation
from podid.domain.errors import ExitCode
from podid.domain.members import FLAT, HIDDEN, OR_NULL, About, MissingPermission, Names, kind, members
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Place
from podid.domain.policy.actions import ActionTable
from podid.domain.policy.evaluate import AccessVerdict, Ruling
from podid.domain.policy.statements import StatementRef
from podid.domain.section import Missing, Unread, attempt
from podid.domain.wildcards import ANY
from podid.domain.workloads import live
from podid.ops.clients import Clients
from podid.ops.permissions.can import ActionQuery, requests
from podid.ops.permissions.resources import (
    BY_SIMULATOR,
    NEVER_READ,
    OF_RESOURCES,
    ReadPolicies,
    read_resource_policies,
    with_resource_policy,
)
from podid.ops.permissions.session import SessionAccess, SessionReader


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedIdentity:
    """A service account whose pods may perform the action, or for which that is not known."""

    cluster: str
    ref: Annotated[ServiceAccountRef, FLAT]
    association_id: str
    role_arn: Annotated[str, OR_NULL, About("The role of the pods' credentials; null if it could not be read.")] = ""
    verdict: AccessVerdict
    actions: Annotated[Names, About("The allowed actions, or those whose access is unknown.")]
    resources: Annotated[Names, About("The patterns of the allowed resources of the first action.")] = ()
    except_: Annotated[
        Names, About("Patterns of resources in `resources` to which the access is or may be denied.")
    ] = ()
    statement: Annotated[StatementRef | None, About("The deciding statement for the first action.")] = None
    reason: str
    keys: Annotated[Names, About("The condition keys and variables whose values are not known.")] = ()
    missing_permission: MissingPermission = ""
    pods: Annotated[int | None, About("The running pods; null if they could not be read.")] = None


@kind("AllowedIdentityList", "`podid who-can`.")
@members("action resources clusters items not_checked")
@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedIdentities:
    """The service accounts of the clusters that may perform the action, and those for which that is not known."""

    action: str
    resources: Annotated[Names, About("The requested resources; empty for any.")]
    clusters: Annotated[Names, About("The clusters that were read.")]
    items: tuple[AllowedIdentity, ...]
    not_checked: Annotated[tuple[Unread, ...], About("The parts that could change an answer and were not checked.")]
    notes: Annotated[tuple[str, ...], HIDDEN] = ()

    @property
    def exit_code(self) -> ExitCode:
        unknown = any(item.verdict is AccessVerdict.UNKNOWN for item in self.items)
        return ExitCode.UNDETERMINED if unknown else ExitCode.OK


@dataclass(frozen=True, slots=True)
class ClusterIdentities:
    """The answer of one cluster, and the parts that could not be read."""

    cluster: str
    items: tuple[AllowedIdentity, ...]
    unread: tuple[Unread, ...] = ()


def who_can(
    clients: Clients, reader: SessionReader, place: Place, namespace: str | None, query: ActionQuery, table: ActionTable
) -> ClusterIdentities:
    """Return the service accounts of the cluster that may perform the action, sorted. Raise the error of listing the
    associations."""
    listed = list(clients.eks.iter_associations(place.cluster_name, namespace))
    described = sorted((item for item in listed if isinstance(item, Association)), key=lambda item: item.ref)
    pods = attempt(lambda: clients.kube.reader.list_pods(namespace or ""))
    counts = None if isinstance(pods, Missing) else Counter(pod.ref for pod in pods.value if live(pod))
    policies = None
    if query.resources:
        policies = read_resource_policies(clients.aws.resource_policies, query.resources, place.account)
    sessions = reader.read(place, described)
    items = [_identity(access, query, table, counts, policies) for access in sessions]
    items += [_unread(item, query) for item in listed if isinstance(item, UnreadAssociation)]
    identities = sorted((item for item in items if item is not None), key=lambda item: (item.verdict, item.ref))
    missing = [Unread("running pods", pods.reason, pods.permission)] if isinstance(pods, Missing) else []
    missing += (OF_RESOURCES,) if policies is None else policies.unread
    if policies is not None and any(item.access.session.account != place.account for item in sessions):
        missing.append(Unread("resource policies for roles of other accounts", "podid can-i reads them"))
    return ClusterIdentities(place.cluster_name, tuple(identities), tuple(missing))


def report(query: ActionQuery, table: ActionTable, parts: Sequence[ClusterIdentities]) -> AllowedIdentities:
    (action,) = query.actions
    unread = dict.fromkeys(item for part in parts for item in part.unread)
    return AllowedIdentities(
        action=action,
        resources=query.resources,
        clusters=tuple(part.cluster for part in parts),
        items=tuple(item for part in parts for item in part.items),
        not_checked=(*unread, *NEVER_READ, BY_SIMULATOR),
        notes=tuple(query.notes(table)),
    )


def _identity(
    access: SessionAccess,
    query: ActionQuery,
    table: ActionTable,
    counts: Counter[ServiceAccountRef] | None,
    policies: ReadPolicies | None,
) -> AllowedIdentity | None:
    """Return the identity; None if no action is allowed on any of the resources."""
    rulings = [with_resource_policy(ruling, access, policies) for ruling in _rulings(access, query, table)]
    # if the pods may not get the session, it is not certain that it allows anything
    allowed = [ruling for ruling in rulings if access.obstacle is None and _in_part(ruling)]
    kept = allowed or [ruling for ruling in rulings if ruling.verdict is AccessVerdict.UNKNOWN]
    if not kept or access.association is None:
        return None
    first, association = kept[0], access.association
    return AllowedIdentity(
        cluster=association.cluster_name,
        ref=association.ref,
        association_id=association.association_id,
        role_arn=access.role_arn,
        verdict=AccessVerdict.ALLOWED if allowed else AccessVerdict.UNKNOWN,
        actions=tuple(dict.fromkeys(ruling.action for ruling in kept)),
        resources=first.resources or ((first.resource,) if allowed and first.resource else ()),
        except_=first.except_,
        statement=first.statement,
        reason=first.reason,
        keys=first.keys,
        missing_permission=first.missing_permission,
        pods=None if counts is None else counts[association.ref],
    )


def _rulings(access: SessionAccess, query: ActionQuery, table: ActionTable) -> Iterator[Ruling]:
    """Yield the decision for each action of the query. `*` is one decision: whether all actions are allowed, apart from
    those that a NotAction names."""
    for action in query.actions:
        for resource in query.resources or ("",):
            if action == ANY:
                yield access.ruling(ANY, resource)
                continue
            for name, _, target in requests(table, action, resource):
                yield table.fitting(access.ruling(name, target))


def _in_part(ruling: Ruling) -> bool:
    """Return whether the action is allowed on some of the resources: of a pattern, a part is sufficient."""
    in_part = ruling.verdict is AccessVerdict.UNKNOWN and bool(ruling.resources) and not ruling.missing_permission
    return ruling.verdict is AccessVerdict.ALLOWED or in_part


def _unread(item: UnreadAssociation, query: ActionQuery) -> AllowedIdentity:
    return AllowedIdentity(
        cluster=item.cluster_name,
        ref=item.ref,
        association_id=item.association_id,
        verdict=AccessVerdict.UNKNOWN,
        actions=query.actions,
        reason=f"the association could not be read: {item.reason}",
        missing_permission=item.permission,
    )
